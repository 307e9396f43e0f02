/* Events, semaphores and limiters. */
#include "support/actors.h"

static struct cede_event event;
static struct cede_semaphore semaphore;
static struct cede_limiter limiter;

/* --- Events ---------------------------------------------------------------------------------- */

static int wait_for_event(void *arg) {
    int r = cede_event_wait(&event);

    if (r == 0)
        trace(*(const char *)arg);
    return r;
}

TASK_TEST(setting_an_event_wakes_all_in_order) {
    cede_task *tasks[3];

    cede_event_init(&event);
    for (int i = 0; i < 3; i++)
        tasks[i] = go(wait_for_event, &"abc"[i]);
    ck_assert_uint_eq(cede_event_waiting(&event), 3);
    ck_assert_str_eq(cede_task_waits_for(tasks[0]), "an event");
    ck_assert(!cede_event_is_set(&event));
    cede_event_set(&event);
    cede_event_set(&event);
    ck_assert(cede_event_is_set(&event));
    ck_assert_uint_eq(cede_event_waiting(&event), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(end_of(tasks[i]), 0);
    ck_assert_trace("abc");
    ck_assert_int_eq(cede_event_wait(&event), 0);
}

TASK_TEST(an_event_that_is_cleared_at_once_has_woken_who_waited) {
    cede_task *before, *after;

    cede_event_init(&event);
    before = go(wait_for_event, "a");
    cede_event_set(&event);
    cede_event_clear(&event);
    after = go(wait_for_event, "b");
    ck_assert_int_eq(end_of(before), 0);
    ck_assert(!ended(after));
    ck_assert_int_eq(cancelled_end_of(after), -ECANCELED);
    ck_assert_uint_eq(cede_event_waiting(&event), 0);
    ck_assert_trace("a");
}

TASK_TEST(a_set_event_does_not_hide_a_cancel) {
    struct cede_scope scope;

    cede_event_init(&event);
    cede_event_set(&event);
    enter_cancelled(&scope);
    ck_assert_int_eq(cede_event_wait(&event), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
}

static void set_from_callback(void *arg) {
    cede_event_set(arg);
}

TASK_TEST(a_callback_may_set_an_event) {
    cede_event_init(&event);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), set_from_callback, &event, NULL), 0);
    ck_assert_int_eq(cede_event_wait(&event), 0);
}

/* --- Semaphores ------------------------------------------------------------------------------ */

static int take_one(void *arg) {
    int r = cede_semaphore_acquire(&semaphore);

    if (r == 0)
        trace(*(const char *)arg);
    return r;
}

TASK_TEST(a_semaphore_is_handed_out_in_order) {
    cede_task *tasks[3];

    ck_assert_int_eq(cede_semaphore_init(&semaphore, 1, SIZE_MAX), 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = go(take_one, &"abc"[i]);
    ck_assert_trace("a");
    ck_assert_uint_eq(cede_semaphore_waiting(&semaphore), 2);
    ck_assert_str_eq(cede_task_waits_for(tasks[1]), "a semaphore");
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 0);
    ck_assert_int_eq(cede_semaphore_acquire_nowait(&semaphore), -EAGAIN);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(end_of(tasks[i]), 0);
    ck_assert_trace("abc");
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 1);
    ck_assert_int_eq(cede_semaphore_acquire_nowait(&semaphore), 0);
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 0);
}

START_TEST(a_bounded_semaphore_refuses_what_was_never_taken) {
    ck_assert_int_eq(cede_semaphore_init(&semaphore, 3, 2), -EINVAL);
    ck_assert_int_eq(cede_semaphore_init(&semaphore, 2, 2), 0);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), -EOVERFLOW);
    ck_assert_int_eq(cede_semaphore_acquire_nowait(&semaphore), 0);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 2);
    ck_assert_int_eq(cede_semaphore_acquire(&semaphore), -EPERM); /* no task runs here */
    ck_assert_int_eq(cede_semaphore_init(&semaphore, SIZE_MAX, SIZE_MAX), 0);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), -EOVERFLOW);
}
END_TEST

TASK_TEST(a_cancelled_waiter_loses_no_unit_of_a_semaphore) {
    cede_task *first, *second, *third;

    ck_assert_int_eq(cede_semaphore_init(&semaphore, 0, 1), 0);
    first = go(take_one, "a");
    second = go(take_one, "b");
    ck_assert_int_eq(cancelled_end_of(first), -ECANCELED);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    ck_assert_int_eq(cancelled_end_of(second), 0); /* it had it already */
    third = go(take_one, "c");
    ck_assert(!ended(third));
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    ck_assert_int_eq(end_of(third), 0);
    ck_assert_trace("bc");
}

static int select_semaphore_or_event(void *arg) {
    struct cede_op ops[2];
    int i;

    (void)arg;
    cede_op_semaphore(&ops[0], &semaphore);
    cede_op_event(&ops[1], &event);
    i = CEDE_SELECT(&ops[0], &ops[1]);
    ck_assert(!cede_op_done(&ops[0]));
    return i;
}

TASK_TEST(a_lost_operation_is_given_no_unit) {
    cede_task *task;

    cede_event_init(&event);
    ck_assert_int_eq(cede_semaphore_init(&semaphore, 0, 1), 0);
    task = go(select_semaphore_or_event, NULL);
    cede_event_set(&event);
    ck_assert_int_eq(cede_semaphore_release(&semaphore), 0);
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 1);
    ck_assert_int_eq(end_of(task), 1);
    ck_assert_uint_eq(cede_semaphore_waiting(&semaphore), 0);
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 1);
}

/* --- Limiters -------------------------------------------------------------------------------- */

static struct cede_borrower borrowers[4];

static int borrow(void *arg) {
    return cede_limiter_acquire(&limiter, arg);
}

static void open_limiter(size_t total) {
    cede_limiter_init(&limiter, total);
    for (int i = 0; i < 4; i++)
        cede_borrower_init(&borrowers[i]);
}

TASK_TEST(a_limiter_knows_who_borrows) {
    const struct cede_borrower *found;
    cede_task *task;

    open_limiter(2);
    ck_assert_ptr_null(cede_limiter_next(&limiter, NULL));
    ck_assert_int_eq(cede_limiter_acquire(&limiter, &borrowers[1]), 0);
    task = go(borrow, &borrowers[0]);
    ck_assert_uint_eq(cede_borrower_task(&borrowers[0]), cede_task_id(task));
    ck_assert_uint_eq(cede_limiter_total(&limiter), 2);
    ck_assert_uint_eq(cede_limiter_borrowed(&limiter), 2);
    ck_assert_uint_eq(cede_limiter_available(&limiter), 0);
    found = cede_limiter_next(&limiter, NULL);
    ck_assert_ptr_eq(found, &borrowers[1]);
    found = cede_limiter_next(&limiter, found);
    ck_assert_ptr_eq(found, &borrowers[0]);
    ck_assert_ptr_null(cede_limiter_next(&limiter, found));
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[0]), 0); /* on its behalf */
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[1]), 0);
    ck_assert_uint_eq(cede_borrower_task(&borrowers[0]), 0);
    ck_assert_uint_eq(cede_limiter_borrowed(&limiter), 0);
}

TASK_TEST(misuse_of_a_limiter_is_refused) {
    struct cede_limiter other;
    cede_task *task;

    open_limiter(1);
    cede_limiter_init(&other, 1);
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[0]), -EPERM);
    ck_assert_int_eq(cede_limiter_acquire_nowait(&limiter, &borrowers[0]), 0);
    ck_assert_int_eq(cede_limiter_acquire(&limiter, &borrowers[0]), -EDEADLK);
    ck_assert_int_eq(cede_limiter_acquire_nowait(&other, &borrowers[0]), -EDEADLK);
    ck_assert_int_eq(cede_limiter_release(&other, &borrowers[0]), -EPERM);
    task = go(borrow, &borrowers[1]);
    ck_assert_str_eq(cede_task_waits_for(task), "a limiter");
    ck_assert_int_eq(cede_limiter_acquire(&limiter, &borrowers[1]), -EBUSY);
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[1]), -EPERM);
    ck_assert_int_eq(cede_limiter_acquire_nowait(&limiter, &borrowers[2]), -EAGAIN);
    ck_assert_int_eq(cancelled_end_of(task), -ECANCELED);
    ck_assert_uint_eq(cede_limiter_waiting(&limiter), 0);
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[0]), 0);
    ck_assert_int_eq(cede_limiter_acquire(&limiter, &borrowers[1]), 0); /* idle again */
}

TASK_TEST(a_limiter_can_be_resized) {
    cede_task *tasks[3];

    open_limiter(0);
    for (int i = 0; i < 3; i++)
        tasks[i] = go(borrow, &borrowers[i]);
    ck_assert_uint_eq(cede_limiter_waiting(&limiter), 3);
    cede_limiter_set_total(&limiter, 2);
    ck_assert_int_eq(end_of(tasks[0]), 0);
    ck_assert_int_eq(end_of(tasks[1]), 0);
    ck_assert(!ended(tasks[2]));
    cede_limiter_set_total(&limiter, 1);
    ck_assert_uint_eq(cede_limiter_available(&limiter), 0);
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[0]), 0);
    ck_assert(!ended(tasks[2])); /* one is still borrowed, and there is one */
    ck_assert_int_eq(cede_limiter_release(&limiter, &borrowers[1]), 0);
    ck_assert_int_eq(end_of(tasks[2]), 0);
    cede_limiter_set_total(&limiter, SIZE_MAX);
    ck_assert_int_eq(cede_limiter_acquire(&limiter, &borrowers[3]), 0);
    ck_assert_uint_eq(cede_limiter_available(&limiter), SIZE_MAX - 2);
}

START_TEST(outside_of_tasks_nobody_borrows) {
    open_limiter(1);
    ck_assert_int_eq(cede_limiter_acquire(&limiter, &borrowers[0]), -EPERM);
    ck_assert_int_eq(cede_limiter_acquire_nowait(&limiter, &borrowers[0]), -EPERM);
    ck_assert_int_eq(cede_event_wait(&event), -EPERM);
}
END_TEST

CEDE_CHECK_MAIN("sync_counts", setting_an_event_wakes_all_in_order,
                an_event_that_is_cleared_at_once_has_woken_who_waited,
                a_set_event_does_not_hide_a_cancel, a_callback_may_set_an_event,
                a_semaphore_is_handed_out_in_order,
                a_bounded_semaphore_refuses_what_was_never_taken,
                a_cancelled_waiter_loses_no_unit_of_a_semaphore, a_lost_operation_is_given_no_unit,
                a_limiter_knows_who_borrows, misuse_of_a_limiter_is_refused,
                a_limiter_can_be_resized, outside_of_tasks_nobody_borrows)
