/* A user's program: what test_install.py builds against the installed library. */
#include <cede.h>
#include <stdio.h>

static int app(void *arg) {
    int *answer = arg;

    *answer = 42;
    return cede_sleep(CEDE_MILLISECOND);
}

int main(void) {
    int answer = 0;
    int r = cede_run(app, &answer);

    printf("cede %s: %s, %d\n", cede_version(), cede_strerror(r), answer);
    return r < 0;
}
