// The public headers in C++: they compile without a warning, and what they declare links.
#include <cede.h>

#include <cstdio>

static int app(void *) {
    return 0;
}

int main() {
    std::printf("cede %s\n", cede_version());
    return cede_run(app, nullptr) < 0;
}
