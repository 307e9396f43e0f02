/* Futures: what they hold, who waits, callbacks. */
#include "parity.h"

static cede_future *future;

static void open_future(void) {
    must(cede_future_new(&future));
}

static int close_future(void) {
    future = cede_future_unref(future);
    return 0;
}

static int await_future(void) {
    int r = cede_future_wait(future);

    return r < 0 ? r : cede_future_result(future, NULL);
}

static int wait_and_tell(void *arg) {
    int r = await_future();

    say("%s: %s", (const char *)arg, outcome(r));
    return 0;
}

static void name_callback(void *arg) {
    say("%s", (const char *)arg);
}

static void add_callback(const char *name) {
    must(cede_future_add_done_callback(future, name_callback, (void *)name));
}

static void open_with_waiters(cede_task *tasks[3]) {
    open_future();
    for (int i = 0; i < 3; i++)
        tasks[i] = go(wait_and_tell, (const char *[]){"a", "b", "c"}[i]);
    settle();
}

static int join_and_close(cede_task *tasks[3]) {
    for (int i = 0; i < 3; i++) {
        must(cede_join(tasks[i], NULL));
        cede_task_unref(tasks[i]);
    }
    return close_future();
}

static bool is_cancelled(void) {
    return cede_future_state(future) == CEDE_FUTURE_CANCELLED;
}

static bool is_done(void) {
    return cede_future_state(future) != CEDE_FUTURE_PENDING;
}

static int a_result_wakes_all_who_wait_in_order(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_with_waiters(tasks);
    must(cede_future_set_result(future, 5, NULL));
    say("set");
    return join_and_close(tasks);
}

static int an_error_reaches_all_who_wait(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_with_waiters(tasks);
    must(cede_future_set_error(future, -EIO));
    return join_and_close(tasks);
}

static int a_cancelled_future_tells_so(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_with_waiters(tasks);
    must(cede_future_cancel(future));
    say("cancelled: %s", yes(is_cancelled()));
    return join_and_close(tasks);
}

static int a_future_is_fulfilled_once(void *arg) {
    (void)arg;
    open_future();
    say("%s", refused(cede_future_set_result(future, 1, NULL)));
    say("%s", refused(cede_future_set_result(future, 2, NULL)));
    say("%s", refused(cede_future_set_error(future, -EIO)));
    say("%s", outcome(await_future()));
    return close_future();
}

static int a_fulfilled_future_is_not_cancelled(void *arg) {
    (void)arg;
    open_future();
    must(cede_future_set_result(future, 1, NULL));
    say("cancelled: %s", yes(cede_future_cancel(future) == 0));
    say("%s", outcome(await_future()));
    return close_future();
}

static int a_pending_future_has_no_result(void *arg) {
    (void)arg;
    open_future();
    say("%s", refused(cede_future_result(future, NULL)));
    must(cede_future_set_result(future, 4, NULL));
    say("%d", cede_future_result(future, NULL));
    return close_future();
}

static int other(void *arg) {
    (void)arg;
    say("other");
    return 0;
}

static int a_future_that_is_there_does_not_block(void *arg) {
    cede_task *task;

    (void)arg;
    open_future();
    must(cede_future_set_result(future, 6, NULL));
    task = go(other, NULL);
    say("%s", outcome(await_future()));
    say("main");
    must(cede_join(task, NULL));
    cede_task_unref(task);
    return close_future();
}

static void fulfil(int how) {
    if (how == 0)
        must(cede_future_set_result(future, 0, NULL));
    else if (how == 1)
        must(cede_future_set_error(future, -EIO));
    else
        must(cede_future_cancel(future));
}

static int states_are_told(void *arg) {
    (void)arg;
    for (int how = 0; how < 3; how++) {
        bool before;

        open_future();
        before = is_done();
        fulfil(how);
        say("%s %s %s", yes(before), yes(is_done()), yes(is_cancelled()));
        await_future();
        close_future();
    }
    return 0;
}

static int callbacks_run_in_order_and_not_at_once(void *arg) {
    (void)arg;
    open_future();
    add_callback("first");
    add_callback("second");
    must(cede_future_set_result(future, 0, NULL));
    say("set");
    settle();
    return close_future();
}

static int a_callback_added_late_is_called_soon(void *arg) {
    (void)arg;
    open_future();
    must(cede_future_set_result(future, 0, NULL));
    add_callback("called");
    say("added");
    settle();
    return close_future();
}

static int removed_callbacks_are_counted(void *arg) {
    static const char removed[] = "removed";

    (void)arg;
    open_future();
    add_callback(removed);
    add_callback("kept");
    add_callback(removed);
    say("%zu", cede_future_remove_done_callback(future, name_callback, removed));
    say("%zu", cede_future_remove_done_callback(future, name_callback, removed));
    must(cede_future_set_result(future, 0, NULL));
    settle();
    return close_future();
}

static int callbacks_of_a_cancelled_future_run(void *arg) {
    (void)arg;
    open_future();
    add_callback("called");
    must(cede_future_cancel(future));
    settle();
    return close_future();
}

static int wait_only(void *arg) {
    (void)arg;
    return cede_future_wait(future);
}

static int cancelling_who_waits(void *arg) {
    cede_task *task;

    (void)arg;
    open_future();
    task = go(wait_only, NULL);
    settle();
    cede_task_cancel(task, -ECANCELED);
    ended("task", task);
    say("cancelled: %s", yes(is_cancelled()));
    return close_future();
}

static int wait_twice(void *arg) {
    int r = await_future();

    (void)arg;
    if (r < 0)
        return r;
    say("got %d", r);
    say("then: %s", outcome(cede_task_yield()));
    return 0;
}

static int a_cancel_that_comes_after_the_result(void *arg) {
    cede_task *task;

    (void)arg;
    open_future();
    task = go(wait_twice, NULL);
    settle();
    must(cede_future_set_result(future, 3, NULL));
    cede_task_cancel(task, -ECANCELED);
    ended("task", task);
    return close_future();
}

static void set_nine(void *arg) {
    (void)arg;
    must(cede_future_set_result(future, 9, NULL));
}

static int a_future_is_fulfilled_by_a_callback(void *arg) {
    (void)arg;
    open_future();
    must(cede_loop_call_soon(cede_loop_current(), set_nine, NULL, NULL));
    say("%s", outcome(await_future()));
    return close_future();
}

PARITY_MAIN(TASK_SCENARIO(a_result_wakes_all_who_wait_in_order),
            TASK_SCENARIO(an_error_reaches_all_who_wait),
            TASK_SCENARIO(a_cancelled_future_tells_so), TASK_SCENARIO(a_future_is_fulfilled_once),
            TASK_SCENARIO(a_fulfilled_future_is_not_cancelled),
            TASK_SCENARIO(a_pending_future_has_no_result),
            TASK_SCENARIO(a_future_that_is_there_does_not_block), TASK_SCENARIO(states_are_told),
            TASK_SCENARIO(callbacks_run_in_order_and_not_at_once),
            TASK_SCENARIO(a_callback_added_late_is_called_soon),
            TASK_SCENARIO(removed_callbacks_are_counted),
            TASK_SCENARIO(callbacks_of_a_cancelled_future_run), TASK_SCENARIO(cancelling_who_waits),
            TASK_SCENARIO(a_cancel_that_comes_after_the_result),
            TASK_SCENARIO(a_future_is_fulfilled_by_a_callback))
