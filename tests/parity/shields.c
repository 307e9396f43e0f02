/* What a cancel does not reach, and what cleans up after one. */
#include "parity.h"

static struct cede_event event;

static int seven(void *arg) {
    (void)arg;
    return 7;
}

static int a_shield_hands_the_result_on(void *arg) {
    int result = 0;

    (void)arg;
    must(cede_shield(NULL, seven, NULL, &result));
    say("%s", outcome(result));
    return 0;
}

static int work_until_event(void *arg) {
    (void)arg;
    must(cede_event_wait(&event));
    say("work ends");
    return 0;
}

static int wait_shielded(void *arg) {
    (void)arg;
    return cede_shield(NULL, work_until_event, NULL, NULL);
}

static int a_shielded_call_goes_on(void *arg) {
    cede_task *task;

    (void)arg;
    cede_event_init(&event);
    task = go(wait_shielded, NULL);
    settle();
    cede_task_cancel(task, -ECANCELED);
    ended("waiter", task);
    cede_event_set(&event);
    settle();
    return 0;
}

/* Sleeps until it is cancelled, and then calls clean_up in a shield. */
static int work(int (*clean_up)(void), uint64_t timeout_ns) {
    struct cede_scope shield;
    int r = cede_sleep(NEVER), cleaned;

    cede_scope_enter(&shield, cede_after(timeout_ns));
    cede_scope_set_shield(&shield, true);
    cleaned = clean_up();
    say("clean-up: %s", outcome(cede_scope_leave(&shield, cleaned)));
    return r;
}

static int wait_event(void) {
    return cede_event_wait(&event);
}

static int sleep_long(void) {
    return cede_sleep(NEVER);
}

static int work_and_yield(void *arg) {
    (void)arg;
    return work(cede_task_yield, CEDE_FOREVER);
}

static int work_and_wait(void *arg) {
    (void)arg;
    return work(wait_event, CEDE_FOREVER);
}

static int work_and_sleep(void *arg) {
    (void)arg;
    return work(sleep_long, 2 * MS);
}

static cede_task *begin_and_cancel(cede_task_fn fn) {
    cede_task *task = go(fn, NULL);

    settle();
    cede_task_cancel(task, -ECANCELED);
    return task;
}

static int clean_up_may_block(void *arg) {
    (void)arg;
    ended("task", begin_and_cancel(work_and_yield));
    return 0;
}

static int a_second_cancel_during_clean_up(void *arg) {
    cede_task *task;

    (void)arg;
    cede_event_init(&event);
    task = begin_and_cancel(work_and_wait);
    settle();
    cede_task_cancel(task, -ECANCELED);
    settle();
    cede_event_set(&event);
    ended("task", task);
    return 0;
}

static int clean_up_has_a_deadline_of_its_own(void *arg) {
    (void)arg;
    ended("task", begin_and_cancel(work_and_sleep));
    return 0;
}

static int sleep_in_scope(void *arg) {
    (void)arg;
    return sleep_long();
}

static int a_timeout_that_has_passed_is_left_behind(void *arg) {
    (void)arg;
    say("%s", outcome(cede_wait_for(sleep_in_scope, NULL, 2 * MS)));
    say("%s", outcome(cede_task_yield()));
    return 0;
}

static int a_timeout_that_is_swallowed_inside(void *arg) {
    struct cede_scope scope;

    (void)arg;
    cede_scope_enter(&scope, cede_after(2 * MS));
    say("first: %s", outcome(cede_sleep(NEVER)));
    say("second: %s", outcome(cede_task_yield()));
    if (cede_scope_leave(&scope, 0) == -ETIME)
        say("timeout");
    say("expired: %s", yes(cede_scope_cause(&scope) == -ETIME));
    return 0;
}

PARITY_MAIN(TASK_SCENARIO(a_shield_hands_the_result_on), TASK_SCENARIO(a_shielded_call_goes_on),
            TASK_SCENARIO(clean_up_may_block), TASK_SCENARIO(a_second_cancel_during_clean_up),
            TASK_SCENARIO(clean_up_has_a_deadline_of_its_own),
            TASK_SCENARIO(a_timeout_that_has_passed_is_left_behind),
            TASK_SCENARIO(a_timeout_that_is_swallowed_inside))
