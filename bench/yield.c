/* yield.c: what it costs a task to let the others run, to be read beside floor/switch.c, which asks
 * the same questions of a run queue and a bare switch. */
#include "question.h"

#include <cede.h>
#include <inttypes.h>

static const uint64_t yields_per_run = 4000000;

static uint32_t tasks;
static uint64_t rounds;

static int yielder(void *arg) {
    int r = 0;

    (void)arg;
    for (uint64_t i = 0; i < rounds && r == 0; i++)
        r = cede_task_yield();
    return r;
}

static void check(int r) {
    if (r < 0) {
        fprintf(stderr, "yield: %s\n", cede_strerror(r));
        exit(1);
    }
}

/* The tasks are there before the clock starts, but first run when the group is waited for. */
static double measure(void) {
    struct cede_group group;
    uint64_t start;

    rounds = yields_per_run / tasks;
    cede_group_enter(&group, CEDE_FOREVER);
    for (uint32_t i = 0; i < tasks; i++)
        check(cede_spawn(&group, yielder, NULL, NULL));
    start = question_now_ns();
    check(cede_group_leave(&group, 0));
    return (double)(question_now_ns() - start) / (double)(rounds * tasks);
}

static int app(void *arg) {
    static const uint32_t counts[] = {2, 1000, 10000};

    (void)arg;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char name[32];

        tasks = counts[i];
        snprintf(name, sizeof name, "yield-%" PRIu32, tasks);
        question_ask(name, measure);
    }
    return 0;
}

int main(void) {
    check(cede_run(app, NULL));
    return 0;
}
