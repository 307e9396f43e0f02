#include "support/allocs.h"
#include "support/scene.h"

#include <errno.h>

static cede_future *new_future(void) {
    cede_future *future;

    ck_assert_int_eq(cede_future_new(&future), 0);
    return future;
}

/* --- What it holds --------------------------------------------------------------------------- */

TASK_TEST(a_pending_future_holds_nothing) {
    cede_future *future = new_future();
    void *value = &future;

    ck_assert_int_eq(cede_future_state(future), CEDE_FUTURE_PENDING);
    ck_assert_int_eq(cede_future_result(future, &value), -EAGAIN);
    ck_assert_ptr_eq(value, &future);
    ck_assert_ptr_null(cede_future_unref(future));
    ck_assert_ptr_null(cede_future_unref(NULL));
    ck_assert_ptr_null(cede_future_ref(NULL));
}

TASK_TEST(a_result_comes_with_its_value) {
    cede_future *future = new_future();
    void *value = NULL;

    ck_assert_int_eq(cede_future_set_result(future, 7, &value), 0);
    ck_assert_int_eq(cede_future_state(future), CEDE_FUTURE_DONE);
    ck_assert_int_eq(cede_future_result(future, NULL), 7);
    ck_assert_int_eq(cede_future_result(future, &value), 7);
    ck_assert_ptr_eq(value, &value);
    cede_future_unref(future);
}

TASK_TEST(an_error_leaves_the_value_alone) {
    cede_future *future = new_future();
    void *value = &future;

    ck_assert_int_eq(cede_future_set_error(future, -EIO), 0);
    ck_assert_int_eq(cede_future_state(future), CEDE_FUTURE_FAILED);
    ck_assert_int_eq(cede_future_wait(future), 0);
    ck_assert_int_eq(cede_future_result(future, &value), -EIO);
    ck_assert_ptr_eq(value, &future);
    cede_future_unref(future);
}

TASK_TEST(a_cancelled_future_is_over_and_its_waiters_are_not_cancelled) {
    cede_future *future = new_future();

    ck_assert_int_eq(cede_future_cancel(future), 0);
    ck_assert_int_eq(cede_future_state(future), CEDE_FUTURE_CANCELLED);
    ck_assert_int_eq(cede_future_wait(future), 0);
    ck_assert_int_eq(cede_future_result(future, NULL), -ECANCELED);
    ck_assert(!cede_cancelled());
    cede_future_unref(future);
}

TASK_TEST(the_first_word_counts) {
    cede_future *future = new_future();

    ck_assert_int_eq(cede_future_set_result(future, 1, NULL), 0);
    ck_assert_int_eq(cede_future_set_result(future, 2, NULL), -EBUSY);
    ck_assert_int_eq(cede_future_set_error(future, -EIO), -EBUSY);
    ck_assert_int_eq(cede_future_cancel(future), -EBUSY);
    ck_assert_int_eq(cede_future_result(future, NULL), 1);
    cede_future_unref(future);
}

TASK_TEST(numbers_of_the_wrong_kind_are_refused) {
    cede_future *future = new_future();

    ck_assert_int_eq(cede_future_set_result(future, -1, NULL), -EINVAL);
    ck_assert_int_eq(cede_future_set_error(future, 0), -EINVAL);
    ck_assert_int_eq(cede_future_set_error(future, -ECANCELED), -EINVAL);
    ck_assert_int_eq(cede_future_state(future), CEDE_FUTURE_PENDING);
    cede_future_unref(future);
}

START_TEST(without_a_loop_there_are_no_futures) {
    cede_future *future = NULL;

    ck_assert_int_eq(cede_future_new(&future), -EPERM);
    ck_assert_ptr_null(future);
}
END_TEST

START_TEST(a_future_outlives_its_loop_and_is_only_to_be_read) {
    cede_future *future, *pending;
    cede_loop *loop;

    ck_assert_int_eq(cede_loop_new(&loop, NULL), 0);
    future = new_future();
    pending = new_future();
    ck_assert_int_eq(cede_future_set_result(future, 3, NULL), 0);
    ck_assert_int_eq(cede_future_wait(future), -EPERM);
    ck_assert_int_eq(cede_loop_close(loop), 0);
    ck_assert_int_eq(cede_future_result(future, NULL), 3);
    ck_assert_int_eq(cede_future_set_result(pending, 3, NULL), -EPERM);
    cede_future_unref(future);
    cede_future_unref(pending);
}
END_TEST

static cede_future *unseen;

static int fail_unseen(void *arg) {
    (void)arg;
    unseen = new_future();
    return cede_future_set_error(unseen, -EIO);
}

START_TEST(an_error_that_nobody_saw_is_reported_with_the_last_reference) {
    const char *text;

    ck_assert_int_eq(cede_run(fail_unseen, NULL), 0);
    capture_begin();
    cede_future_unref(cede_future_ref(unseen));
    ck_assert_str_eq(capture_end(), "");
    capture_begin();
    cede_future_unref(unseen);
    text = capture_end();
    ck_assert_says(text, "a future failed and nobody looked at it");
    ck_assert_says(text, cede_strerror(-EIO));
}
END_TEST

TASK_TEST(an_error_that_was_seen_and_a_cancel_are_not_reported) {
    cede_future *failed = new_future(), *cancelled = new_future();

    cede_future_set_error(failed, -EIO);
    cede_future_cancel(cancelled);
    cede_future_result(failed, NULL);
    capture_begin();
    cede_future_unref(failed);
    cede_future_unref(cancelled);
    ck_assert_str_eq(capture_end(), "");
}

/* --- Waiting --------------------------------------------------------------------------------- */

struct awaiting {
    cede_future *future;
    char name;
};

static int await(void *arg) {
    struct awaiting *awaiting = arg;
    int r = cede_future_wait(awaiting->future);

    trace(r == 0 ? awaiting->name : '!');
    return r;
}

TASK_TEST(all_that_wait_are_woken_in_order) {
    cede_future *future = new_future();
    struct awaiting awaiting[] = {{future, 'a'}, {future, 'b'}, {future, 'c'}};

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cede_spawn(NULL, await, &awaiting[i], NULL), 0);
    settle();
    ck_assert_trace("");
    ck_assert_int_eq(cede_future_set_result(future, 0, NULL), 0);
    cede_future_unref(future); /* the waiters have theirs */
    ck_assert_trace("");
    settle();
    ck_assert_trace("abc");
}

TASK_TEST(a_cancelled_waiter_leaves_the_future_to_the_others) {
    cede_future *future = new_future();
    struct awaiting awaiting[] = {{future, 'a'}, {future, 'b'}};
    cede_task *first;

    ck_assert_int_eq(cede_spawn(NULL, await, &awaiting[0], &first), 0);
    ck_assert_int_eq(cede_spawn(NULL, await, &awaiting[1], NULL), 0);
    settle();
    ck_assert_str_eq(cede_task_waits_for(first), "a future");
    cede_task_cancel(first, -ECANCELED);
    settle();
    ck_assert_int_eq(cede_future_state(future), CEDE_FUTURE_PENDING);
    ck_assert_int_eq(cede_future_set_result(future, 0, NULL), 0);
    settle();
    ck_assert_trace("!b");
    cede_task_unref(first);
    cede_future_unref(future);
}

TASK_TEST(a_waiter_that_was_woken_and_then_cancelled_keeps_its_success) {
    cede_future *future = new_future();
    struct awaiting awaiting = {future, 'a'};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, await, &awaiting, &task), 0);
    settle();
    ck_assert_int_eq(cede_future_set_result(future, 0, NULL), 0);
    cede_task_cancel(task, -ECANCELED);
    settle();
    ck_assert_trace("a");
    cede_task_unref(task);
    cede_future_unref(future);
}

TASK_TEST(a_cancelled_task_does_not_get_past_a_future_that_is_done) {
    cede_future *future = new_future();
    struct cede_scope scope;

    cede_future_set_result(future, 0, NULL);
    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -EINTR);
    ck_assert_int_eq(cede_scope_leave(&scope, cede_future_wait(future)), -EINTR);
    cede_future_unref(future);
}

TASK_TEST(a_future_is_one_of_several) {
    cede_future *future = new_future(), *other = new_future();
    struct cede_op ops[2];

    cede_op_future(&ops[0], future);
    cede_op_future(&ops[1], other);
    cede_future_set_result(other, 0, NULL);
    ck_assert_int_eq(CEDE_SELECT(&ops[0], &ops[1]), 1);
    ck_assert_int_eq(cede_op_result(&ops[1]), 0);
    ck_assert(!cede_op_done(&ops[0]));
    cede_future_unref(future);
    cede_future_unref(other);
}

static int await_counting(void *arg) {
    cede_future *future = new_future();
    struct awaiting awaiting = {future, 'a'};
    cede_task *task;

    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, await, &awaiting, &task), 0);
    allocs_fail_from(1);
    settle();
    cede_future_set_result(future, 0, NULL);
    settle();
    ck_assert_trace("a");
    ck_assert(!allocs_failed());
    cede_task_unref(task);
    cede_future_unref(future);
    return 0;
}

START_TEST(waiting_allocates_nothing) {
    allocs_install();
    ck_assert_int_eq(cede_run(await_counting, NULL), 0);
}
END_TEST

CEDE_CHECK_MAIN("future", a_pending_future_holds_nothing, a_result_comes_with_its_value,
                an_error_leaves_the_value_alone,
                a_cancelled_future_is_over_and_its_waiters_are_not_cancelled, the_first_word_counts,
                numbers_of_the_wrong_kind_are_refused, without_a_loop_there_are_no_futures,
                a_future_outlives_its_loop_and_is_only_to_be_read,
                an_error_that_nobody_saw_is_reported_with_the_last_reference,
                an_error_that_was_seen_and_a_cancel_are_not_reported,
                all_that_wait_are_woken_in_order,
                a_cancelled_waiter_leaves_the_future_to_the_others,
                a_waiter_that_was_woken_and_then_cancelled_keeps_its_success,
                a_cancelled_task_does_not_get_past_a_future_that_is_done,
                a_future_is_one_of_several, waiting_allocates_nothing)
