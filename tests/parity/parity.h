/* parity.h: scenarios whose trace is compared, line by line, with that of the same scenario in
 * Python's asyncio.
 *
 * A topic is a pair of files, as tasks.c and tasks.py, with scenarios of the same names in the same
 * order. A scenario says() what happens; what it says is its trace. Started without an argument,
 * the program lists its scenarios, with the name of one, it runs that one. Where the two are meant
 * to differ, the Python side tells both traces and the reason (see parity.py).
 *
 * A trace must not depend on how fast the machine is: time only separates what happens from what
 * never does, and deadlines that are compared have one origin.
 */
#ifndef CEDE_TESTS_PARITY_H
#define CEDE_TESTS_PARITY_H

#include <assert.h>
#include <cede.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS CEDE_MILLISECOND
#define NEVER (60 * CEDE_SECOND) /* in a wait that something else ends */

struct scenario {
    const char *name;
    cede_task_fn in_task;
    void (*alone)(void); /* outside of tasks, with a loop of its own, if any */
};

#define TASK_SCENARIO(name)                                                                        \
    { #name, name, NULL }
#define LOOP_SCENARIO(name)                                                                        \
    { #name, NULL, name }

__attribute__((unused, format(printf, 1, 2))) static void say(const char *format, ...) {
    va_list args;

    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

/* What a call returned, in words that both languages share. The text is good until the next call
 * but three. */
__attribute__((unused)) static const char *outcome(int r) {
    static char texts[4][16];
    static unsigned next;
    char *text = texts[next++ % 4];

    if (r == -ECANCELED)
        return "cancelled";
    if (r == -ETIME)
        return "timeout";
    if (r < 0)
        return cede_errname(r);
    snprintf(text, sizeof texts[0], "%d", r);
    return text;
}

__attribute__((unused)) static const char *yes(bool condition) {
    return condition ? "yes" : "no";
}

/* For misuse: which error it is differs by the language's nature, that it is one does not. */
__attribute__((unused)) static const char *refused(int r) {
    return r < 0 ? "refused" : "done";
}

__attribute__((unused)) static void must(int r) {
    if (r < 0) {
        say("unexpected: %s", cede_errname(r));
        abort();
    }
}

/* A task that runs fn(arg); ended() gives the reference back. */
__attribute__((unused)) static cede_task *go(cede_task_fn fn, const void *arg) {
    cede_task *task;

    must(cede_spawn(NULL, fn, (void *)arg, &task));
    return task;
}

__attribute__((unused)) static void ended(const char *name, cede_task *task) {
    int result = 0;

    must(cede_join(task, &result));
    say("%s: %s", name, outcome(result));
    cede_task_unref(task);
}

/* Lets all that is ready come as far as it can. */
__attribute__((unused)) static void settle(void) {
    for (int i = 0; i < 10; i++)
        cede_task_yield();
}

static int parity_main(const struct scenario *scenarios, size_t n, int argc, char **argv) {
    for (size_t i = 0; i < n; i++) {
        if (argc < 2) {
            puts(scenarios[i].name);
        } else if (strcmp(argv[1], scenarios[i].name) == 0) {
            if (scenarios[i].in_task)
                return cede_run(scenarios[i].in_task, NULL) < 0;
            scenarios[i].alone();
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}

#define PARITY_MAIN(...)                                                                           \
    int main(int argc, char **argv) {                                                              \
        static const struct scenario scenarios[] = {__VA_ARGS__};                                  \
                                                                                                   \
        return parity_main(scenarios, sizeof scenarios / sizeof *scenarios, argc, argv);           \
    }

#endif
