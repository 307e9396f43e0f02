#include "support/suspend_points.h"

#include <errno.h>

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int turns_then_return(void *arg) {
    intptr_t n = (intptr_t)arg;

    for (intptr_t i = 0; i < n; i++)
        cede_task_yield();
    return (int)n;
}

static int fail_after_a_turn(void *arg) {
    cede_task_yield();
    return (int)(intptr_t)arg;
}

static int sleep_forever(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

static cede_task *spawn(cede_task_fn fn, intptr_t arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, fn, (void *)arg, &task), 0);
    return task;
}

static void release(struct cede_awaited *tasks, size_t n) {
    for (size_t i = 0; i < n; i++)
        cede_task_unref(tasks[i].task);
}

static void end(struct cede_awaited *tasks, size_t n) {
    for (size_t i = 0; i < n; i++) {
        cede_task_cancel(tasks[i].task, -ECANCELED);
        ck_assert_int_eq(cede_join(tasks[i].task, NULL), 0);
    }
    release(tasks, n);
}

/* --- wait ------------------------------------------------------------------------------------ */

TASK_TEST(an_empty_set_is_waited_for_at_once) {
    ck_assert_int_eq(cede_wait_tasks(NULL, 0, CEDE_WAIT_ALL, CEDE_FOREVER), 0);
    ck_assert_int_eq(cede_wait_tasks(NULL, 0, CEDE_WAIT_FIRST_COMPLETED, CEDE_FOREVER), 0);
    ck_assert_int_eq(cede_wait_tasks(NULL, 0, CEDE_WAIT_FIRST_ERROR, 0), 0);
    ck_assert_int_eq(cede_gather_tasks(NULL, 0, false), 0);
}

TASK_TEST(all_waits_for_all) {
    struct cede_awaited tasks[] = {{.task = spawn(turns_then_return, 3)},
                                   {.task = spawn(turns_then_return, 1)},
                                   {.task = spawn(turns_then_return, 2)}};

    ck_assert_int_eq(cede_wait_tasks(tasks, 3, CEDE_WAIT_ALL, CEDE_FOREVER), 3);
    ck_assert(tasks[0].done && tasks[1].done && tasks[2].done);
    /* And again: what is done stays so. */
    ck_assert_int_eq(cede_wait_tasks(tasks, 3, CEDE_WAIT_ALL, CEDE_FOREVER), 3);
    release(tasks, 3);
}

TASK_TEST(the_first_that_ends_is_told) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)},
                                   {.task = spawn(turns_then_return, 1)}};

    ck_assert_int_eq(cede_wait_tasks(tasks, 2, CEDE_WAIT_FIRST_COMPLETED, CEDE_FOREVER), 1);
    ck_assert(!tasks[0].done && tasks[1].done);
    ck_assert(!cede_task_done(tasks[0].task, NULL));
    end(tasks, 2);
}

TASK_TEST(the_first_error_is_told_and_no_success_before_it) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)},
                                   {.task = spawn(return_arg, 0)},
                                   {.task = spawn(fail_after_a_turn, -EIO)}};

    ck_assert_int_eq(cede_wait_tasks(tasks, 3, CEDE_WAIT_FIRST_ERROR, CEDE_FOREVER), 2);
    ck_assert(!tasks[0].done && tasks[1].done && tasks[2].done);
    end(tasks, 3);
}

TASK_TEST(a_task_that_was_cancelled_has_not_failed) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)},
                                   {.task = spawn(turns_then_return, 9)}};

    settle();
    cede_task_cancel(tasks[0].task, -ECANCELED);
    ck_assert_int_eq(cede_wait_tasks(tasks, 2, CEDE_WAIT_FIRST_ERROR, CEDE_FOREVER), 2);
    release(tasks, 2);
}

TASK_TEST(a_timeout_is_no_error_and_cancels_nobody) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)},
                                   {.task = spawn(turns_then_return, 1)}};

    settle();
    ck_assert_int_eq(cede_wait_tasks(tasks, 2, CEDE_WAIT_ALL, CEDE_MILLISECOND), 1);
    ck_assert(!tasks[0].done && tasks[1].done);
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_wait_tasks(tasks, 1, CEDE_WAIT_FIRST_COMPLETED, 0), 0);
    ck_assert(!cede_task_done(tasks[0].task, NULL));
    end(tasks, 2);
}

TASK_TEST(duplicates_count_once_whether_done_or_not) {
    cede_task *over = spawn(return_arg, 0), *running = spawn(turns_then_return, 6);
    cede_task *asleep = spawn(sleep_forever, 0);
    struct cede_awaited tasks[] = {{.task = running}, {.task = over},   {.task = asleep},
                                   {.task = over},    {.task = asleep}, {.task = running}};

    settle();
    ck_assert(cede_task_done(over, NULL));
    ck_assert_int_eq(cede_wait_tasks(tasks, 6, CEDE_WAIT_FIRST_COMPLETED, CEDE_FOREVER), 1);
    ck_assert(tasks[1].done && tasks[3].done && !tasks[0].done && !tasks[5].done);
    settle();
    ck_assert_int_eq(cede_wait_tasks(tasks, 6, CEDE_WAIT_ALL, CEDE_MILLISECOND), 2);
    ck_assert(tasks[0].done && tasks[5].done && !tasks[2].done && !tasks[4].done);
    end(tasks, 3);
}

TASK_TEST(misuse_is_refused_and_leaves_no_trace) {
    struct cede_awaited tasks[] = {{.task = spawn(return_arg, 0)}, {.task = cede_task_self()}};

    ck_assert_int_eq(cede_wait_tasks(tasks, 2, CEDE_WAIT_ALL, CEDE_FOREVER), -EDEADLK);
    tasks[1].task = NULL;
    ck_assert_int_eq(cede_wait_tasks(tasks, 2, CEDE_WAIT_ALL, CEDE_FOREVER), -EINVAL);
    ck_assert_int_eq(cede_gather_tasks(tasks, 2, false), -EINVAL);
    ck_assert_int_eq(cede_wait_tasks(tasks, 1, CEDE_WAIT_ALL, CEDE_FOREVER), 1);
    release(tasks, 1);
}

START_TEST(outside_of_tasks_nobody_waits) {
    struct cede_call call = {.fn = return_arg};

    ck_assert_int_eq(cede_wait_tasks(NULL, 0, CEDE_WAIT_ALL, 0), -EPERM);
    ck_assert_int_eq(cede_gather(&call, 1, false), -EPERM);
    ck_assert_int_eq(cede_gather_tasks(NULL, 0, false), -EPERM);
    ck_assert_int_eq(cede_staggered(&call, 1, 0, NULL), -EPERM);
    ck_assert_int_eq(cede_shield(NULL, return_arg, NULL, NULL), -EPERM);
}
END_TEST

TASK_TEST(a_cancelled_waiter_leaves_the_tasks_alone) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)}};
    struct cede_scope scope;
    int r;

    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    r = cede_wait_tasks(tasks, 1, CEDE_WAIT_ALL, CEDE_FOREVER);
    ck_assert_int_eq(r, -ECANCELED);
    /* Level-triggered: also a set that is empty. */
    ck_assert_int_eq(cede_wait_tasks(NULL, 0, CEDE_WAIT_ALL, CEDE_FOREVER), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -ETIME);
    ck_assert(!cede_task_done(tasks[0].task, NULL));
    end(tasks, 1);
}

static int spawn_failing(void *arg) {
    struct cede_awaited tasks[] = {{.task = spawn(return_arg, -EIO)}};

    (void)arg;
    ck_assert_int_eq(cede_wait_tasks(tasks, 1, CEDE_WAIT_ALL, CEDE_FOREVER), 1);
    release(tasks, 1);
    return 0;
}

START_TEST(the_error_of_a_task_that_was_waited_for_is_not_reported) {
    capture_begin();
    ck_assert_int_eq(cede_run(spawn_failing, NULL), 0);
    ck_assert_str_eq(capture_end(), "");
}
END_TEST

/* --- gather of tasks ------------------------------------------------------------------------- */

TASK_TEST(gathered_tasks_are_cancelled_by_the_first_error) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)},
                                   {.task = spawn(fail_after_a_turn, -EIO)}};
    int result;

    ck_assert_int_eq(cede_gather_tasks(tasks, 2, false), -EIO);
    ck_assert(cede_task_done(tasks[0].task, &result));
    ck_assert_int_eq(result, -ECANCELED);
    release(tasks, 2);
}

TASK_TEST(gathered_tasks_may_return_errors) {
    struct cede_awaited tasks[] = {{.task = spawn(turns_then_return, 3)},
                                   {.task = spawn(return_arg, -EIO)}};
    int result;

    ck_assert_int_eq(cede_gather_tasks(tasks, 2, true), 0);
    ck_assert(cede_task_done(tasks[0].task, &result));
    ck_assert_int_eq(result, 3);
    release(tasks, 2);
}

TASK_TEST(a_cancelled_gather_cancels_its_tasks_and_awaits_them) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)}};
    struct cede_scope scope;

    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    ck_assert_int_eq(cede_scope_leave(&scope, cede_gather_tasks(tasks, 1, true)), -ETIME);
    ck_assert(cede_task_done(tasks[0].task, NULL));
    release(tasks, 1);
}

/* --- as completed ---------------------------------------------------------------------------- */

TASK_TEST(tasks_are_handed_out_in_the_order_in_which_they_end) {
    struct cede_awaited tasks[] = {{.task = spawn(turns_then_return, 9)},
                                   {.task = spawn(turns_then_return, 2)},
                                   {.task = spawn(turns_then_return, 7)},
                                   {.task = NULL}};
    int order[] = {2, 7, 9};
    struct cede_as_completed completed;
    cede_task *task = NULL;

    tasks[3].task = tasks[1].task; /* twice */
    ck_assert_int_eq(cede_as_completed_begin(&completed, tasks, 4), 0);
    for (int i = 0; i < 3; i++) {
        int result;

        ck_assert_int_eq(cede_as_completed_next(&completed, &task), 1);
        ck_assert(cede_task_done(task, &result));
        ck_assert_int_eq(result, order[i]);
    }
    task = NULL;
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), 0);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(cede_as_completed_end(&completed), 0);
    ck_assert_int_eq(cede_as_completed_end(&completed), 0);
    release(tasks, 3);
}

TASK_TEST(tasks_that_have_ended_come_first_in_the_order_given) {
    struct cede_awaited tasks[] = {{.task = spawn(turns_then_return, 9)},
                                   {.task = spawn(return_arg, 1)},
                                   {.task = spawn(return_arg, 2)}};
    struct cede_as_completed completed;
    cede_task *task;

    settle();
    ck_assert_int_eq(cede_as_completed_begin(&completed, tasks, 3), 0);
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), 1);
    ck_assert_ptr_eq(task, tasks[1].task);
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), 1);
    ck_assert_ptr_eq(task, tasks[2].task);
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), 1);
    ck_assert_ptr_eq(task, tasks[0].task);
    cede_as_completed_end(&completed);
    release(tasks, 3);
}

TASK_TEST(an_interrupted_next_loses_no_task) {
    struct cede_awaited tasks[] = {{.task = spawn(turns_then_return, 50)}};
    struct cede_as_completed completed;
    struct cede_scope scope;
    cede_task *task;

    ck_assert_int_eq(cede_as_completed_begin(&completed, tasks, 1), 0);
    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -EINTR);
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), -ECANCELED);
    cede_scope_leave(&scope, 0);
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), 1);
    cede_as_completed_end(&completed);
    release(tasks, 1);
}

static int take_next(void *arg) {
    cede_task *task;

    return cede_as_completed_next(arg, &task);
}

TASK_TEST(one_task_at_a_time_takes_the_next) {
    struct cede_awaited tasks[] = {{.task = spawn(turns_then_return, 20)}};
    struct cede_as_completed completed;
    cede_task *taker, *task;
    int result;

    ck_assert_int_eq(cede_as_completed_begin(&completed, tasks, 1), 0);
    taker = spawn(take_next, (intptr_t)&completed);
    settle();
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), -EBUSY);
    ck_assert_int_eq(cede_as_completed_end(&completed), -EBUSY);
    ck_assert_int_eq(cede_join(taker, &result), 0);
    ck_assert_int_eq(result, 1);
    ck_assert_int_eq(cede_as_completed_end(&completed), 0);
    cede_task_unref(taker);
    release(tasks, 1);
}

TASK_TEST(a_set_may_be_left_before_all_have_ended) {
    struct cede_awaited tasks[] = {{.task = spawn(sleep_forever, 0)},
                                   {.task = spawn(return_arg, 0)}};
    struct cede_as_completed completed;
    cede_task *task;

    ck_assert_int_eq(cede_as_completed_begin(&completed, tasks, 2), 0);
    ck_assert_int_eq(cede_as_completed_next(&completed, &task), 1);
    ck_assert_int_eq(cede_as_completed_end(&completed), 0);
    ck_assert(tasks[1].done && !tasks[0].done);
    memset(&completed, 0x5a, sizeof completed); /* nothing points there any more */
    end(tasks, 2);
}

/* --- everywhere ------------------------------------------------------------------------------ */

static int wait_and_gather(void *arg) {
    struct cede_awaited tasks[2] = {{.task = NULL}};
    int r;

    (void)arg;
    r = cede_spawn(NULL, turns_then_return, (void *)4, &tasks[0].task);
    if (r == 0)
        r = cede_spawn(NULL, turns_then_return, (void *)8, &tasks[1].task);
    if (r < 0) {
        struct cede_scope scope;

        cede_scope_enter(&scope, CEDE_FOREVER);
        cede_scope_set_shield(&scope, true);
        if (tasks[0].task)
            cede_join(tasks[0].task, NULL);
        cede_scope_leave(&scope, 0);
        cede_task_unref(tasks[0].task);
        return r;
    }
    cede_wait_tasks(tasks, 2, CEDE_WAIT_FIRST_COMPLETED, CEDE_FOREVER);
    r = cede_gather_tasks(tasks, 2, false);
    release(tasks, 2);
    return r;
}

START_TEST(a_cancel_at_any_point_leaves_nothing) {
    cancel_everywhere(wait_and_gather, false, 100);
}
END_TEST

CEDE_CHECK_MAIN("gather_tasks", an_empty_set_is_waited_for_at_once, all_waits_for_all,
                the_first_that_ends_is_told, the_first_error_is_told_and_no_success_before_it,
                a_task_that_was_cancelled_has_not_failed, a_timeout_is_no_error_and_cancels_nobody,
                duplicates_count_once_whether_done_or_not, misuse_is_refused_and_leaves_no_trace,
                outside_of_tasks_nobody_waits, a_cancelled_waiter_leaves_the_tasks_alone,
                the_error_of_a_task_that_was_waited_for_is_not_reported,
                gathered_tasks_are_cancelled_by_the_first_error, gathered_tasks_may_return_errors,
                a_cancelled_gather_cancels_its_tasks_and_awaits_them,
                tasks_are_handed_out_in_the_order_in_which_they_end,
                tasks_that_have_ended_come_first_in_the_order_given,
                an_interrupted_next_loses_no_task, one_task_at_a_time_takes_the_next,
                a_set_may_be_left_before_all_have_ended, a_cancel_at_any_point_leaves_nothing)
