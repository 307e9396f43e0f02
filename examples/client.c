/* A TCP client with a deadline over all that it does: connects, sends a line, and prints the
 * answer.
 *
 *     client 127.0.0.1:3000 "a line" */
#include <cede.h>

#include <stdio.h>
#include <string.h>

struct question {
    const char *address, *text;
};

static int print_answer(cede_stream *stream) {
    char buf[4096];
    ssize_t n;

    while ((n = cede_stream_read(stream, buf, sizeof buf)) > 0)
        fwrite(buf, 1, (size_t)n, stdout);
    return (int)n;
}

static int ask(void *arg) {
    const struct question *question = arg;
    cede_stream *stream;
    int r = cede_connect(question->address, &stream);

    if (r < 0)
        return r;
    r = cede_stream_write(stream, question->text, strlen(question->text));
    if (r == 0)
        r = cede_stream_write(stream, "\n", 1);
    if (r == 0)
        r = cede_stream_shutdown(stream); /* so that the server knows that this was all */
    if (r == 0)
        r = print_answer(stream);
    cede_stream_close(stream);
    return r;
}

static int app(void *arg) {
    return cede_wait_for(ask, arg, CEDE_SECOND); /* -ETIME, however far it has come by then */
}

int main(int argc, char **argv) {
    struct question question = {argc > 1 ? argv[1] : "127.0.0.1:3000",
                                argc > 2 ? argv[2] : "hello"};
    int r = cede_run(app, &question);

    if (r < 0)
        fprintf(stderr, "client: %s\n", cede_strerror(r));
    return r < 0;
}
