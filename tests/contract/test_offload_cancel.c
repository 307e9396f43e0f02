/* Offloaded functions whose task is cancelled, or that lose a select. */
#include "loop/loop.h"
#include "support/spawned.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

static sem_t gate;
static atomic_int begun, ended, released;

static int pass_gate(void *arg) {
    atomic_fetch_add(&begun, 1);
    while (sem_wait(&gate) < 0)
        ;
    atomic_fetch_add(&ended, 1);
    return arg ? *(int *)arg : 5;
}

static void count_release(void *arg) {
    (void)arg;
    atomic_fetch_add(&released, 1);
}

static const struct cede_offload_options waiting = {.class_of_work = CEDE_OFFLOAD_NAMES,
                                                    .release = count_release};
static const struct cede_offload_options abandoning = {
    .class_of_work = CEDE_OFFLOAD_NAMES, .abandon = true, .release = count_release};

static int offload_as(void *arg) {
    return cede_offload_with(pass_gate, NULL, arg);
}

static void await_count(atomic_int *count, int n) {
    while (atomic_load(count) < n)
        ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    ck_assert_int_eq(atomic_load(count), n);
}

/* A task whose function has begun. */
static cede_task *begin_as(const struct cede_offload_options *options) {
    int before = atomic_load(&begun);
    cede_task *task = spawned(offload_as, options);

    await_count(&begun, before + 1);
    return task;
}

TASK_TEST(a_cancelled_task_waits_for_what_has_begun) {
    cede_task *task;

    sem_init(&gate, 0, 0);
    task = begin_as(&waiting);
    cede_task_cancel(task, -ECANCELED);
    settle();
    ck_assert(!cede_task_done(task, NULL));
    ck_assert_str_eq(cede_task_waits_for(task), "a function in a thread");
    sem_post(&gate);
    ck_assert_int_eq(joined(task), 5); /* what happened is not lost */
    ck_assert_int_eq(atomic_load(&released), 1);
}

TASK_TEST(a_cancelled_task_abandons_when_asked_to) {
    cede_task *task;

    sem_init(&gate, 0, 0);
    task = begin_as(&abandoning);
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(joined(task), -ECANCELED);
    ck_assert_int_eq(atomic_load(&ended), 0);
    ck_assert_int_eq(atomic_load(&released), 0);
    sem_post(&gate);
    await_count(&released, 1);
    ck_assert_int_eq(atomic_load(&ended), 1);
}

/* All threads are busy, so one more waits for its turn. */
static void what_waits_is_never_called(const struct cede_offload_options *options) {
    cede_task *busy[4], *task;

    sem_init(&gate, 0, 0);
    for (int i = 0; i < 4; i++)
        busy[i] = begin_as(&waiting);
    task = spawned(offload_as, options);
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(joined(task), -ECANCELED);
    ck_assert_int_eq(atomic_load(&released), 1);
    for (int i = 0; i < 4; i++)
        sem_post(&gate);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(joined(busy[i]), 5);
    ck_assert_int_eq(atomic_load(&begun), 4);
    ck_assert_int_eq(atomic_load(&released), 5);
}

TASK_TEST(what_has_not_begun_is_never_called) {
    what_waits_is_never_called(&waiting);
}

TASK_TEST(what_has_not_begun_is_not_abandoned_either) {
    what_waits_is_never_called(&abandoning);
}

/* The thread has the result, and the loop has not seen it yet. */
TASK_TEST(a_cancel_after_the_end_comes_too_late) {
    cede_task *task;

    sem_init(&gate, 0, 0);
    task = begin_as(&abandoning);
    sem_post(&gate);
    while (!atomic_load(&cede_loop_current()->posts))
        usleep(100);
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(joined(task), 5);
}

static int offload_cancelled(void *arg) {
    cede_task_cancel(cede_task_self(), -ECANCELED);
    return cede_offload_with(pass_gate, NULL, arg);
}

TASK_TEST(a_cancelled_task_calls_nothing) {
    ck_assert_int_eq(joined(spawned(offload_cancelled, &waiting)), -ECANCELED);
    ck_assert_int_eq(atomic_load(&begun), 0);
    ck_assert_int_eq(atomic_load(&released), 1);
}

static int abandon_and_return(void *arg) {
    cede_task *task = begin_as(arg);

    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(joined(task), -ECANCELED);
    sem_post(&gate);
    return 0;
}

START_TEST(the_run_waits_for_what_was_abandoned) {
    sem_init(&gate, 0, 0);
    ck_assert_int_eq(cede_run(abandon_and_return, (void *)&abandoning), 0);
    ck_assert_int_eq(atomic_load(&ended), 1);
    ck_assert_int_eq(atomic_load(&released), 1);
}
END_TEST

/* --- As an operation ------------------------------------------------------------------------- */

TASK_TEST(a_select_takes_what_is_done_first) {
    struct cede_op op, timer;
    int value = 9;

    sem_init(&gate, 0, 1);
    cede_op_offload(&op, pass_gate, &value, NULL);
    cede_op_sleep(&timer, CEDE_FOREVER);
    ck_assert_int_eq(CEDE_SELECT(&op, &timer), 0);
    ck_assert_int_eq(cede_op_result(&op), 9);
}

static int await_begun(void *arg) {
    (void)arg;
    await_count(&begun, 1);
    return 0;
}

static int open_gate_after(void *task) {
    ck_assert_int_eq(cede_join(task, NULL), 0);
    sem_post(&gate);
    return 0;
}

TASK_TEST(a_loser_that_has_begun_is_done) {
    cede_task *witness = spawned(await_begun, NULL);
    cede_task *opener = spawned(open_gate_after, witness);
    struct cede_op op, join;
    int value = 9;

    sem_init(&gate, 0, 0);
    cede_op_offload(&op, pass_gate, &value, NULL);
    cede_op_join(&join, witness);
    ck_assert_int_eq(CEDE_SELECT(&op, &join), 1);
    ck_assert(cede_op_done(&op));
    ck_assert_int_eq(cede_op_result(&op), 9);
    ck_assert_int_eq(joined(opener), 0);
    ck_assert_int_eq(joined(witness), 0);
}

TASK_TEST(an_abandoned_loser_is_called_again) {
    struct cede_op op, timer;

    sem_init(&gate, 0, 0);
    cede_op_offload(&op, pass_gate, NULL, &abandoning);
    while (atomic_load(&begun) == 0) {
        cede_op_sleep(&timer, CEDE_MILLISECOND);
        ck_assert_int_eq(CEDE_SELECT(&op, &timer), 1);
        ck_assert_int_eq(cede_op_result(&timer), 0);
        ck_assert(!cede_op_done(&op));
    }
    for (int i = 0; i < 8; i++) /* more than there are threads */
        sem_post(&gate);
    ck_assert_int_eq(cede_op_wait(&op), 5);
}

CEDE_CHECK_MAIN("offload_cancel", a_cancelled_task_waits_for_what_has_begun,
                a_cancelled_task_abandons_when_asked_to, what_has_not_begun_is_never_called,
                what_has_not_begun_is_not_abandoned_either, a_cancel_after_the_end_comes_too_late,
                a_cancelled_task_calls_nothing, the_run_waits_for_what_was_abandoned,
                a_select_takes_what_is_done_first, a_loser_that_has_begun_is_done,
                an_abandoned_loser_is_called_again)
