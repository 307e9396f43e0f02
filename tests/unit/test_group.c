#include "support/scene.h"

#include <errno.h>

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int sleep_and_trace(void *arg) {
    int r = cede_sleep(CEDE_FOREVER);

    trace((char)(intptr_t)arg);
    return r;
}

static int yield_and_return(void *arg) {
    settle();
    return (int)(intptr_t)arg;
}

static void spawn_into(struct cede_group *group, cede_task_fn fn, intptr_t arg) {
    ck_assert_int_eq(cede_spawn(group, fn, (void *)arg, NULL), 0);
}

TASK_TEST(an_empty_group_is_left_at_once) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_uint_eq(cede_group_alive(&group), 0);
    ck_assert_uint_eq(cede_group_failed(&group), 0);
    ck_assert_int_eq(cede_group_wait(&group), 0);
    ck_assert_int_eq(cede_group_leave(&group, 14), 14);
    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_group_leave(&group, -EIO), -EIO);
}

TASK_TEST(leaving_waits_for_all) {
    struct cede_group group;
    cede_task *tasks[10];

    cede_group_enter(&group, CEDE_FOREVER);
    for (intptr_t i = 0; i < 10; i++)
        ck_assert_int_eq(cede_spawn(&group, yield_and_return, (void *)i, &tasks[i]), 0);
    ck_assert_uint_eq(cede_group_alive(&group), 10);
    ck_assert_int_eq(cede_group_leave(&group, 3), 3);
    for (int i = 0; i < 10; i++) {
        int result;

        ck_assert(cede_task_done(tasks[i], &result));
        ck_assert_int_eq(result, i);
        cede_task_unref(tasks[i]);
    }
}

TASK_TEST(one_failure_cancels_the_siblings_and_is_returned) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, 'a');
    spawn_into(&group, yield_and_return, -EIO);
    spawn_into(&group, sleep_and_trace, 'b');
    ck_assert_int_eq(cede_group_leave(&group, 0), -EIO);
    ck_assert_trace("ab");
    ck_assert_uint_eq(cede_group_failed(&group), 1);
    ck_assert(!cede_cancelled());
}

TASK_TEST(a_failure_cancels_the_body_too) {
    struct cede_group group;
    int r;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, yield_and_return, -EIO);
    r = cede_sleep(CEDE_FOREVER);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_group_leave(&group, r), -EIO);
    ck_assert_int_eq(cede_sleep(1), 0);
}

TASK_TEST(the_first_error_is_returned_and_the_others_are_counted) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, return_arg, 0);
    spawn_into(&group, return_arg, -EIO);
    spawn_into(&group, return_arg, -EDOM);
    spawn_into(&group, return_arg, 5);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EIO);
    ck_assert_uint_eq(cede_group_failed(&group), 2);
    ck_assert_uint_eq(cede_group_alive(&group), 0);
}

TASK_TEST(an_error_of_the_body_cancels_the_tasks) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, 'a');
    spawn_into(&group, sleep_and_trace, 'b');
    settle();
    ck_assert_int_eq(cede_group_leave(&group, -EDOM), -EDOM);
    ck_assert_trace("ab");
    ck_assert_uint_eq(cede_group_failed(&group), 0);
}

static int fail_when_cancelled(void *arg) {
    cede_sleep(CEDE_FOREVER);
    return (int)(intptr_t)arg;
}

TASK_TEST(an_error_of_the_body_comes_before_those_it_causes) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, fail_when_cancelled, -EIO);
    settle();
    ck_assert_int_eq(cede_group_leave(&group, -EDOM), -EDOM);
    ck_assert_uint_eq(cede_group_failed(&group), 1);
}

/* The body's error is a consequence of the task's, or at any rate later. */
TASK_TEST(a_tasks_error_comes_before_a_later_one_of_the_body) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, return_arg, -EIO);
    settle();
    ck_assert_int_eq(cede_group_leave(&group, -EDOM), -EIO);
}

TASK_TEST(a_body_that_has_succeeded_does_not_hide_a_tasks_error) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, yield_and_return, -EIO);
    ck_assert_int_eq(cede_group_leave(&group, 1000), -EIO);
}

/* Nobody has cancelled it: so this is an error like another. */
TASK_TEST(a_task_that_says_cancelled_without_being_so_has_failed) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, return_arg, -ECANCELED);
    spawn_into(&group, sleep_and_trace, 'a');
    ck_assert_int_eq(cede_group_leave(&group, 0), -ECANCELED);
    ck_assert_uint_eq(cede_group_failed(&group), 1);
    ck_assert_trace("a");
    ck_assert(!cede_cancelled());
}

TASK_TEST(a_killed_task_is_no_failure) {
    struct cede_group group;
    cede_task *task;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, sleep_and_trace, (void *)'k', &task), 0);
    spawn_into(&group, yield_and_return, 0);
    ck_assert_int_eq(cede_kill(cede_task_id(task)), 0);
    ck_assert_int_eq(cede_group_leave(&group, 6), 6);
    ck_assert_uint_eq(cede_group_failed(&group), 0);
    ck_assert_trace("k");
    cede_task_unref(task);
}

/* --- Tasks that come late -------------------------------------------------------------------- */

static int spawn_sibling(void *arg) {
    struct cede_group *group = arg;
    static int generation;

    trace((char)('0' + generation));
    if (++generation < 5)
        ck_assert_int_eq(cede_spawn(group, spawn_sibling, group, NULL), 0);
    settle();
    return 0;
}

TASK_TEST(tasks_spawn_into_their_own_group) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, spawn_sibling, &group, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    ck_assert_trace("01234");
}

static int see_cancel(void *arg) {
    trace((char)(intptr_t)arg);
    ck_assert(cede_cancelled());
    return cede_sleep(1);
}

TASK_TEST(a_task_of_a_cancelled_group_runs_and_sees_it) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    cede_scope_cancel(&group.scope, -EDOM);
    spawn_into(&group, see_cancel, 'a');
    ck_assert_trace("");
    ck_assert_int_eq(cede_group_leave(&group, 0), -EDOM);
    ck_assert_trace("a");
    ck_assert_uint_eq(cede_group_failed(&group), 0);
}

static int spawn_during_cancel(void *arg) {
    int r = cede_sleep(CEDE_FOREVER);

    ck_assert_int_eq(cede_spawn(arg, see_cancel, (void *)'l', NULL), 0);
    return r;
}

TASK_TEST(tasks_that_come_while_it_is_left_are_awaited) {
    struct cede_group group;

    cede_group_enter(&group, cede_after(CEDE_MILLISECOND));
    ck_assert_int_eq(cede_spawn(&group, spawn_during_cancel, &group, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), -ETIME);
    ck_assert_trace("l");
}

/* --- Waiting --------------------------------------------------------------------------------- */

TASK_TEST(a_group_is_awaited_and_used_again) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 5; i++)
            spawn_into(&group, yield_and_return, i);
        ck_assert_int_eq(cede_group_wait(&group), 0);
        ck_assert_uint_eq(cede_group_alive(&group), 0);
    }
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

TASK_TEST(a_wait_for_the_group_can_be_cancelled) {
    struct cede_group group;
    struct cede_scope scope;
    int r;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, 'a');
    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    r = cede_group_wait(&group);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -ETIME);
    ck_assert_uint_eq(cede_group_alive(&group), 1);
    ck_assert_trace("");
    cede_scope_cancel(&group.scope, -EDOM);
    ck_assert_int_eq(cede_group_wait(&group), -ECANCELED);
    ck_assert_int_eq(cede_group_leave(&group, -ECANCELED), -EDOM);
    ck_assert_trace("a");
}

static int wait_for_group(void *arg) {
    int r = cede_group_wait(arg);

    trace('w');
    return r;
}

TASK_TEST(several_wait_for_one_group) {
    struct cede_group group, waiters;

    cede_group_enter(&group, CEDE_FOREVER);
    cede_group_enter(&waiters, CEDE_FOREVER);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cede_spawn(&waiters, wait_for_group, &group, NULL), 0);
    ck_assert_int_eq(cede_spawn(&group, yield_and_return, NULL, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&waiters, 0), 0);
    ck_assert_trace("www");
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

static int busy_waits(void *arg) {
    struct cede_group group;
    int i;

    cede_group_enter(&group, CEDE_FOREVER);
    for (i = 0; i < 100000 && !*(bool *)arg; i++)
        ck_assert_int_eq(cede_group_wait(&group), 0);
    ck_assert_int_lt(i, 100000);
    return cede_group_leave(&group, 0);
}

TASK_TEST(waits_for_an_empty_group_starve_nobody) {
    struct cede_group group;
    bool stop = false;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, busy_waits, &stop, NULL), 0);
    cede_task_yield();
    stop = true;
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

static void wait_in_callback(void *arg) {
    ck_assert_int_eq(cede_group_wait(arg), -EPERM);
    trace('c');
}

TASK_TEST(callbacks_cannot_wait_for_a_group_but_spawn_into_it) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, yield_and_return, 0);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), wait_in_callback, &group, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    ck_assert_trace("c");
}

/* --- Deadlines and nesting ------------------------------------------------------------------- */

TASK_TEST(a_group_has_a_deadline) {
    struct cede_group group;

    cede_group_enter(&group, cede_after(CEDE_MILLISECOND));
    spawn_into(&group, sleep_and_trace, 'a');
    spawn_into(&group, sleep_and_trace, 'b');
    ck_assert_int_eq(cede_group_leave(&group, 0), -ETIME);
    ck_assert_trace("ab");
}

TASK_TEST(a_group_that_ends_in_time_forgets_its_deadline) {
    struct cede_group group;

    cede_group_enter(&group, cede_after(3600 * CEDE_SECOND));
    spawn_into(&group, yield_and_return, 0);
    ck_assert_int_eq(cede_group_leave(&group, 2), 2);
}

static int inner_group(void *arg) {
    struct cede_group group;
    int r;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, (intptr_t)arg);
    spawn_into(&group, sleep_and_trace, (intptr_t)arg + 1);
    r = cede_group_leave(&group, 0);
    trace('|');
    return r;
}

TASK_TEST(a_failure_reaches_the_groups_inside) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, inner_group, 'a');
    spawn_into(&group, inner_group, 'c');
    spawn_into(&group, yield_and_return, -EIO);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EIO);
    ck_assert_trace("abcd||");
    ck_assert_uint_eq(cede_group_failed(&group), 1);
}

TASK_TEST(a_failure_inside_goes_up_through_the_groups) {
    struct cede_group outer, inner;
    int r;

    cede_group_enter(&outer, CEDE_FOREVER);
    spawn_into(&outer, sleep_and_trace, 'o');
    cede_group_enter(&inner, CEDE_FOREVER);
    spawn_into(&inner, yield_and_return, -EIO);
    r = cede_group_leave(&inner, 0);
    ck_assert_int_eq(r, -EIO);
    ck_assert_trace(""); /* the outer one goes on until it learns of it */
    ck_assert_int_eq(cede_group_leave(&outer, r), -EIO);
    ck_assert_trace("o");
}

TASK_TEST(leaving_waits_also_when_cancelled) {
    struct cede_scope scope;
    struct cede_group group;
    int r;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, 'a');
    settle();
    cede_scope_cancel(&scope, -EDOM);
    r = cede_group_leave(&group, -ECANCELED);
    ck_assert_trace("a");
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -EDOM);
}

/* The tasks had ended before the cancel: nothing was left undone. */
TASK_TEST(a_cancel_after_all_is_done_changes_nothing) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, return_arg, 0);
    settle();
    cede_scope_cancel(&group.scope, -EDOM);
    ck_assert_int_eq(cede_group_leave(&group, 7), 7);
}

/* --- Misuse ---------------------------------------------------------------------------------- */

static int forget_the_group(void *arg) {
    static struct cede_group group;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    return 0;
}

static int leave_with_a_scope_open(void *arg) {
    struct cede_group group;
    struct cede_scope scope;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    cede_scope_enter(&scope, CEDE_FOREVER);
    return cede_group_leave(&group, 0);
}

static void run_fn(void *arg) {
    cede_run(*(cede_task_fn *)arg, NULL);
}

START_TEST(groups_are_left_in_order_or_the_process_aborts) {
    cede_task_fn fn = forget_the_group;

    check_aborts(run_fn, &fn, "returned from inside a scope or group");
    fn = leave_with_a_scope_open;
    check_aborts(run_fn, &fn, "not the innermost scope");
}
END_TEST

CEDE_CHECK_MAIN("group", an_empty_group_is_left_at_once, leaving_waits_for_all,
                one_failure_cancels_the_siblings_and_is_returned, a_failure_cancels_the_body_too,
                the_first_error_is_returned_and_the_others_are_counted,
                an_error_of_the_body_cancels_the_tasks,
                an_error_of_the_body_comes_before_those_it_causes,
                a_tasks_error_comes_before_a_later_one_of_the_body,
                a_body_that_has_succeeded_does_not_hide_a_tasks_error,
                a_task_that_says_cancelled_without_being_so_has_failed, a_killed_task_is_no_failure,
                tasks_spawn_into_their_own_group, a_task_of_a_cancelled_group_runs_and_sees_it,
                tasks_that_come_while_it_is_left_are_awaited, a_group_is_awaited_and_used_again,
                a_wait_for_the_group_can_be_cancelled, several_wait_for_one_group,
                waits_for_an_empty_group_starve_nobody,
                callbacks_cannot_wait_for_a_group_but_spawn_into_it, a_group_has_a_deadline,
                a_group_that_ends_in_time_forgets_its_deadline, a_failure_reaches_the_groups_inside,
                a_failure_inside_goes_up_through_the_groups, leaving_waits_also_when_cancelled,
                a_cancel_after_all_is_done_changes_nothing,
                groups_are_left_in_order_or_the_process_aborts)
