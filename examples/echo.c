/* An echo server. Try it with: nc 127.0.0.1 3000 */
#include <cede.h>

/* One task for each client runs this. */
static int echo(cede_stream *stream, void *arg) {
    char buf[4096];
    ssize_t n;

    (void)arg;
    while ((n = cede_stream_read(stream, buf, sizeof buf)) > 0) { /* 0 is end of file */
        int r = cede_stream_write(stream, buf, (size_t)n);        /* waits for a slow peer */
        if (r < 0)
            return r;
    }
    return (int)n;
}

static int app(void *arg) {
    return cede_serve(arg, echo, NULL);
}

int main(int argc, char **argv) {
    char address[] = "127.0.0.1:3000";

    return cede_run(app, argc > 1 ? argv[1] : address) < 0;
}
