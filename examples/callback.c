/* The loop without tasks: callbacks that are due now, later, or when there is something to read. */
#include <cede.h>

#include <stdio.h>
#include <unistd.h>

struct app {
    cede_loop *loop;
    cede_handle *alarm;
    int pipe[2];
};

static void hello(void *arg) {
    (void)arg;
    printf("soon\n");
}

static void alarmed(void *arg) {
    (void)arg;
    printf("never, for it is cancelled\n");
}

static void later(void *arg) {
    struct app *app = arg;

    printf("later\n");
    cede_handle_cancel(app->alarm);
    if (write(app->pipe[1], "x", 1) < 0)
        perror("write");
}

static void readable(void *arg) {
    struct app *app = arg;

    printf("readable\n");
    cede_loop_remove_reader(app->loop, app->pipe[0]); /* nothing is left that could happen */
}

int main(void) {
    struct app app;

    if (pipe(app.pipe) < 0 || cede_loop_new(&app.loop, NULL) < 0)
        return 1;
    if (cede_loop_add_reader(app.loop, app.pipe[0], readable, &app) < 0 ||
        cede_loop_call_later(app.loop, 3600 * CEDE_SECOND, alarmed, NULL, &app.alarm) < 0 ||
        cede_loop_call_later(app.loop, 50 * CEDE_MILLISECOND, later, &app, NULL) < 0 ||
        cede_loop_call_soon(app.loop, hello, NULL, NULL) < 0)
        return 1;
    printf("it ends by itself: %d\n", cede_loop_run(app.loop));
    cede_handle_unref(app.alarm);
    return cede_loop_close(app.loop) < 0;
}
