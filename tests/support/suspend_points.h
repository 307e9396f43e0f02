/* suspend_points.h: runs a scenario again and again, each time in a run and a thread of its own,
 * and each time strikes at another point: by cancelling it at its n-th turn, or by failing its n-th
 * allocation. After each, nothing may be left: no task, no fd, no memory.
 *
 * A scenario is a task's function that returns 0, or -ECANCELED or -ENOMEM having cleaned up. The
 * thread is what gives the stacks back at its end, so that memory can be counted to zero. */
#ifndef CEDE_TESTS_SUSPEND_POINTS_H
#define CEDE_TESTS_SUSPEND_POINTS_H

#include "support/failing_alloc.h"
#include "support/scene.h"

#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>

struct strike {
    cede_task_fn scenario;
    size_t turn; /* to cancel at; SIZE_MAX: never */
    struct cede_scope scope;
    bool open;   /* the scenario runs in the scope */
    bool struck; /* it was cancelled before its end */
    int result;
};

/* Yields turn after turn, so that everything else has its turns between, and the loop never
 * sleeps. */
static inline int strike_at_turn(void *arg) {
    struct strike *strike = arg;

    for (size_t i = 0; i < strike->turn && strike->open; i++)
        cede_task_yield();
    if (strike->open) {
        strike->struck = true;
        cede_scope_cancel(&strike->scope, -EINTR);
    }
    return 0;
}

static inline int strike_main(void *arg) {
    struct strike *strike = arg;
    cede_task *striker = NULL;
    int r = 0;

    cede_scope_enter(&strike->scope, CEDE_FOREVER);
    strike->open = true;
    if (strike->turn != SIZE_MAX)
        r = cede_spawn(NULL, strike_at_turn, strike, &striker);
    if (r == 0)
        r = strike->scenario(strike);
    strike->open = false;
    r = cede_scope_leave(&strike->scope, r);
    if (striker)
        ck_assert_int_eq(cede_join(striker, NULL), 0);
    cede_task_unref(striker);
    ck_assert_uint_eq(cede__loop->fibers, 1); /* this one */
    return r;
}

static inline void *strike_thread(void *arg) {
    struct strike *strike = arg;

    strike->result = cede_run(strike_main, strike);
    return NULL;
}

static inline void strike_run(struct strike *strike) {
    size_t fds = count_fds();
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, strike_thread, strike), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(count_fds(), fds);
    ck_assert_msg(failing_alloc_live() == 0, "%zu blocks left", failing_alloc_live());
}

/* Cancels at each turn until the scenario ends before it, or, if it is endless, until max_turns. */
__attribute__((unused)) static void cancel_everywhere(cede_task_fn scenario, bool endless,
                                                      size_t max_turns) {
    failing_alloc_install();
    /* What takes many turns waits for time to pass, in which nothing changes. */
    for (size_t turn = 0; turn <= max_turns; turn += turn < 300 ? 1 : turn / 30) {
        struct strike strike = {.scenario = scenario, .turn = turn};

        strike_run(&strike);
        /* What has completed in spite of the cancel may say so. */
        ck_assert_msg(strike.result == 0 || (strike.struck && strike.result == -EINTR),
                      "turn %zu: %d", turn, strike.result);
        if (!strike.struck) {
            ck_assert(!endless && turn > 0);
            return;
        }
    }
    ck_assert_msg(endless, "more than %zu turns", max_turns);
}

/* Fails each allocation, alone or with all after it, until the scenario needs no more of them. */
__attribute__((unused)) static void fail_everywhere(cede_task_fn scenario, bool lasting) {
    failing_alloc_install();
    for (size_t n = 1;; n++) {
        struct strike strike = {.scenario = scenario, .turn = SIZE_MAX};

        failing_alloc_arm(n, lasting);
        strike_run(&strike);
        /* Without memory for io_uring a loop takes epoll, and a server goes on. */
        ck_assert_msg(strike.result == 0 || strike.result == -ENOMEM, "allocation %zu: %d", n,
                      strike.result);
        if (!failing_alloc_disarm()) {
            ck_assert_int_eq(strike.result, 0);
            ck_assert_uint_gt(n, 5);
            return;
        }
    }
}

#endif
