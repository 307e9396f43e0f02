#include "support/scene.h"

#include <errno.h>

static int sleep_and_trace(void *arg) {
    int r = cede_sleep_until(*(uint64_t *)arg);

    trace(r == 0 ? 's' : 'c');
    return r;
}

TASK_TEST(a_sleep_is_not_too_short) {
    static const uint64_t durations[] = {
        1, 999, CEDE_MICROSECOND, 300 * CEDE_MICROSECOND, CEDE_MILLISECOND, 7 * CEDE_MILLISECOND};

    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        uint64_t begin = cede_now();

        ck_assert_int_eq(cede_sleep(durations[i]), 0);
        ck_assert_uint_ge(cede_now(), begin + durations[i]);
    }
}

TASK_TEST(a_deadline_that_has_passed_still_lets_others_run) {
    uint64_t passed = 1;

    ck_assert_int_eq(cede_spawn(NULL, sleep_and_trace, &passed, NULL), 0);
    ck_assert_int_eq(cede_sleep_until(0), 0);
    trace('m');
    ck_assert_int_eq(cede_sleep_until(cede_now()), 0);
    settle();
    ck_assert_trace("ms");
}

static int trace_one(void *arg) {
    trace((char)(intptr_t)arg);
    return 0;
}

TASK_TEST(a_sleep_of_0_yields) {
    ck_assert_int_eq(cede_spawn(NULL, trace_one, (void *)'a', NULL), 0);
    ck_assert_int_eq(cede_sleep(0), 0);
    trace('b');
    ck_assert_trace("ab");
}

struct sleeper {
    uint64_t deadline;
    char name;
};

static int sleep_until(void *arg) {
    struct sleeper *sleeper = arg;

    ck_assert_int_eq(cede_sleep_until(sleeper->deadline), 0);
    trace(sleeper->name);
    return 0;
}

TASK_TEST(sleepers_wake_in_the_order_of_their_deadlines) {
    static const uint64_t after_ms[] = {5, 1, 3, 4, 2, 1, 3};
    struct sleeper sleepers[7];
    struct cede_group group;
    uint64_t begin = cede_now();

    cede_group_enter(&group, CEDE_FOREVER);
    for (int i = 0; i < 7; i++) {
        sleepers[i] = (struct sleeper){.deadline = begin + after_ms[i] * CEDE_MILLISECOND,
                                       .name = (char)('a' + i)};
        ck_assert_int_eq(cede_spawn(&group, sleep_until, &sleepers[i], NULL), 0);
    }
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    ck_assert_trace("bfecgda");
}

/* Times near the end of the clock do not overflow into the past. */
TASK_TEST(long_sleeps_do_not_end_at_once) {
    static const uint64_t durations[] = {(UINT64_C(1) << 31) * CEDE_MILLISECOND, INT64_MAX,
                                         (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        struct cede_scope scope;

        cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
        ck_assert_int_eq(cede_scope_leave(&scope, cede_sleep(durations[i])), -ETIME);
        cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
        ck_assert_int_eq(cede_scope_leave(&scope, cede_sleep_until(durations[i])), -ETIME);
    }
}

TASK_TEST(a_sleep_is_cancelled) {
    uint64_t late = cede_after(3600 * CEDE_SECOND);
    cede_task *task;
    int result;

    ck_assert_int_eq(cede_spawn(NULL, sleep_and_trace, &late, &task), 0);
    settle();
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(cede_join(task, &result), 0);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert_trace("c");
    cede_task_unref(task);
}

static void sleep_in_callback(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_sleep(CEDE_SECOND), -EPERM);
    ck_assert_int_eq(cede_sleep(0), -EPERM);
    ck_assert_int_eq(cede_sleep_until(0), -EPERM);
    trace('c');
}

TASK_TEST(callbacks_cannot_sleep) {
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), sleep_in_callback, NULL, NULL), 0);
    settle();
    ck_assert_trace("c");
}

static int sleep_a_little(void *arg) {
    for (int i = 0; i < 5; i++) {
        int r = cede_sleep((uint64_t)((intptr_t)arg % 17 + 1) * 50 * CEDE_MICROSECOND);

        if (r < 0)
            return r;
    }
    return 0;
}

TASK_TEST(many_sleep_at_once) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    for (intptr_t i = 0; i < 10000; i++)
        ck_assert_int_eq(cede_spawn(&group, sleep_a_little, (void *)i, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

CEDE_CHECK_MAIN("sleep", a_sleep_is_not_too_short, a_deadline_that_has_passed_still_lets_others_run,
                a_sleep_of_0_yields, sleepers_wake_in_the_order_of_their_deadlines,
                long_sleeps_do_not_end_at_once, a_sleep_is_cancelled, callbacks_cannot_sleep,
                many_sleep_at_once)
