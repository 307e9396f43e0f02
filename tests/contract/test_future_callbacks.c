#include "support/suspend_points.h"

#include <errno.h>

static void note(void *arg) {
    ck_assert_ptr_null(cede_task_self());
    trace(*(const char *)arg);
}

static void other_note(void *arg) {
    note(arg);
}

static char a[] = "a", b[] = "b", c[] = "c";

static cede_future *new_future(void) {
    cede_future *future;

    ck_assert_int_eq(cede_future_new(&future), 0);
    return future;
}

static void add(cede_future *future, cede_callback fn, char *name) {
    ck_assert_int_eq(cede_future_add_done_callback(future, fn, name), 0);
}

TASK_TEST(callbacks_are_called_in_the_loop_in_the_order_of_adding) {
    cede_future *future = new_future();

    add(future, note, a);
    add(future, note, b);
    add(future, note, a);
    settle();
    ck_assert_trace("");
    ck_assert_int_eq(cede_future_set_error(future, -EIO), 0);
    ck_assert_trace(""); /* not from inside the call */
    settle();
    ck_assert_trace("aba");
    ck_assert_int_eq(cede_future_result(future, NULL), -EIO);
    cede_future_unref(future);
}

TASK_TEST(a_callback_for_what_is_over_is_called_soon) {
    cede_future *future = new_future();

    cede_future_cancel(future);
    add(future, note, a);
    ck_assert_trace("");
    settle();
    ck_assert_trace("a");
    cede_future_unref(future);
}

TASK_TEST(removing_takes_all_of_that_function_and_argument_and_counts_them) {
    cede_future *future = new_future();

    add(future, note, a);
    add(future, other_note, a);
    add(future, note, b);
    add(future, note, a);
    ck_assert_uint_eq(cede_future_remove_done_callback(future, note, a), 2);
    ck_assert_uint_eq(cede_future_remove_done_callback(future, note, a), 0);
    ck_assert_uint_eq(cede_future_remove_done_callback(future, note, c), 0);
    cede_future_set_result(future, 0, NULL);
    ck_assert_uint_eq(cede_future_remove_done_callback(future, note, b), 0); /* it is due */
    settle();
    ck_assert_trace("ab");
    cede_future_unref(future);
}

static int await(void *arg) {
    int r = cede_future_wait(arg);

    trace('W');
    return r;
}

TASK_TEST(tasks_and_callbacks_stand_in_one_line) {
    cede_future *future = new_future();

    add(future, note, a);
    ck_assert_int_eq(cede_spawn(NULL, await, future, NULL), 0);
    settle();
    add(future, note, b);
    ck_assert_uint_eq(cede_future_remove_done_callback(future, note, c), 0);
    cede_future_set_result(future, 0, NULL);
    settle();
    ck_assert_trace("aWb");
    cede_future_unref(future);
}

TASK_TEST(callbacks_of_a_future_that_is_given_up_are_not_called) {
    cede_future *future = new_future();

    add(future, note, a);
    cede_future_unref(future);
    settle();
    ck_assert_trace("");
}

TASK_TEST(a_future_may_be_given_back_before_its_callbacks_run) {
    cede_future *future = new_future();

    add(future, note, a);
    cede_future_set_result(future, 0, NULL);
    cede_future_unref(future);
    settle();
    ck_assert_trace("a");
}

TASK_TEST(a_callback_needs_a_function) {
    cede_future *future = new_future();

    ck_assert_int_eq(cede_future_add_done_callback(future, NULL, a), -EINVAL);
    ck_assert_int_eq(cede_task_add_done_callback(cede_task_self(), NULL, a), -EINVAL);
    cede_future_unref(future);
}

static int sleep_forever(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

TASK_TEST(a_task_has_callbacks_too) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, sleep_forever, NULL, &task), 0);
    ck_assert_int_eq(cede_task_add_done_callback(task, note, a), 0);
    ck_assert_int_eq(cede_task_add_done_callback(task, note, b), 0);
    ck_assert_int_eq(cede_task_add_done_callback(task, note, c), 0);
    ck_assert_uint_eq(cede_task_remove_done_callback(task, note, b), 1);
    settle();
    ck_assert_trace("");
    cede_task_cancel(task, -ECANCELED);
    settle();
    ck_assert_trace("ac");
    ck_assert_int_eq(cede_task_add_done_callback(task, note, b), 0);
    settle();
    ck_assert_trace("acb");
    cede_task_unref(task);
}

static int leave_a_callback(void *arg) {
    cede_future **future = arg;

    *future = new_future();
    add(*future, note, a);
    return cede_task_add_done_callback(cede_task_self(), note, b);
}

static void *run_in_thread(void *arg) {
    cede_future *future;

    (void)arg;
    ck_assert_int_eq(cede_run(leave_a_callback, &future), 0);
    ck_assert_int_eq(cede_future_add_done_callback(future, note, a), -EPERM);
    cede_future_unref(future);
    return NULL;
}

/* The main task ends with the loop: its callback may come too late to run. The thread's end gives
 * the stacks back. */
START_TEST(what_the_loop_did_not_come_to_is_dropped_with_it) {
    pthread_t thread;

    failing_alloc_install();
    ck_assert_int_eq(pthread_create(&thread, NULL, run_in_thread, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(failing_alloc_live(), 0);
}
END_TEST

static int add_and_remove(void *arg) {
    cede_future *future = NULL;
    int r = cede_future_new(&future);

    (void)arg;
    for (int i = 0; i < 300 && r == 0; i++) /* more than the ring has room for at first */
        r = cede_future_add_done_callback(future, note, a);
    cede_future_unref(future);
    return r;
}

START_TEST(without_memory_nothing_is_added_and_nothing_lost) {
    fail_everywhere(add_and_remove, false);
}
END_TEST

CEDE_CHECK_MAIN("future_callbacks", callbacks_are_called_in_the_loop_in_the_order_of_adding,
                a_callback_for_what_is_over_is_called_soon,
                removing_takes_all_of_that_function_and_argument_and_counts_them,
                tasks_and_callbacks_stand_in_one_line,
                callbacks_of_a_future_that_is_given_up_are_not_called,
                a_future_may_be_given_back_before_its_callbacks_run, a_callback_needs_a_function,
                a_task_has_callbacks_too, what_the_loop_did_not_come_to_is_dropped_with_it,
                without_memory_nothing_is_added_and_nothing_lost)
