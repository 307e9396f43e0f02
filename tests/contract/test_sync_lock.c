#include "support/actors.h"

static struct cede_lock lock;

static int hold_a_while(void *arg) {
    int r = cede_lock_acquire(&lock);

    if (r < 0)
        return r;
    trace(*(const char *)arg);
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(cede_task_self()));
    cede_task_yield();
    trace(*(const char *)arg);
    return cede_lock_release(&lock);
}

TASK_TEST(those_who_wait_get_it_one_by_one_in_order) {
    cede_task *tasks[4];

    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    for (int i = 0; i < 4; i++)
        tasks[i] = go(hold_a_while, &"abcd"[i]);
    ck_assert_uint_eq(cede_lock_waiting(&lock), 4);
    ck_assert_str_eq(cede_task_waits_for(tasks[0]), "a lock");
    ck_assert_int_eq(cede_lock_release(&lock), 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(end_of(tasks[i]), 0);
    ck_assert_trace("aabbccdd");
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
    ck_assert_uint_eq(cede_lock_waiting(&lock), 0);
}

TASK_TEST(nobody_snatches_it_from_the_first_who_waits) {
    cede_task *task;

    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    task = go(hold_a_while, "a");
    ck_assert_int_eq(cede_lock_release(&lock), 0);
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(task));
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), -EAGAIN);
    ck_assert_trace("");
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    ck_assert_trace("aa");
    ck_assert_int_eq(cede_lock_release(&lock), 0);
    ck_assert_int_eq(end_of(task), 0);
}

static int misuse(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), -EAGAIN);
    ck_assert_int_eq(cede_lock_release(&lock), -EPERM);
    return 0;
}

TASK_TEST(misuse_is_refused) {
    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_release(&lock), -EPERM);
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), 0);
    ck_assert_int_eq(cede_lock_acquire(&lock), -EDEADLK);
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), -EDEADLK);
    ck_assert_int_eq(end_of(go(misuse, NULL)), 0);
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(cede_task_self()));
    ck_assert_int_eq(cede_lock_release(&lock), 0);
}

START_TEST(outside_of_tasks_nobody_owns) {
    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_acquire(&lock), -EPERM);
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), -EPERM);
    ck_assert_int_eq(cede_lock_release(&lock), -EPERM);
}
END_TEST

TASK_TEST(a_cancelled_task_takes_nothing_and_may_release) {
    struct cede_scope scope;

    cede_lock_init(&lock);
    enter_cancelled(&scope);
    ck_assert_int_eq(cede_lock_acquire(&lock), -ECANCELED);
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), 0);
    ck_assert_int_eq(cede_lock_release(&lock), 0);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
}

TASK_TEST(who_is_cancelled_leaves_the_line) {
    cede_task *first, *second;

    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    first = go(hold_a_while, "a");
    second = go(hold_a_while, "b");
    ck_assert_int_eq(cancelled_end_of(first), -ECANCELED);
    ck_assert_uint_eq(cede_lock_waiting(&lock), 1);
    ck_assert_int_eq(cede_lock_release(&lock), 0);
    ck_assert_int_eq(end_of(second), 0);
    ck_assert_trace("bb");
}

static int keep_and_see_the_cancel(void *arg) {
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    trace(*(const char *)arg);
    ck_assert_int_eq(cede_task_yield(), -ECANCELED);
    return cede_lock_release(&lock);
}

TASK_TEST(a_cancel_after_the_hand_over_comes_too_late) {
    cede_task *first, *second;

    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    first = go(keep_and_see_the_cancel, "a");
    second = go(hold_a_while, "b");
    ck_assert_int_eq(cede_lock_release(&lock), 0);
    ck_assert_int_eq(cancelled_end_of(first), 0);
    ck_assert_int_eq(end_of(second), 0);
    ck_assert_trace("abb");
}

static int lock_within_a_millisecond(void *arg) {
    struct cede_scope scope;

    (void)arg;
    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    return cede_scope_leave(&scope, cede_lock_acquire(&lock));
}

TASK_TEST(a_deadline_ends_the_wait) {
    cede_lock_init(&lock);
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
    ck_assert_int_eq(end_of(go(lock_within_a_millisecond, NULL)), -ETIME);
    ck_assert_uint_eq(cede_lock_waiting(&lock), 0);
    ck_assert_int_eq(cede_lock_release(&lock), 0);
}

static struct cede_lock locks[2];

static int select_a_lock(void *arg) {
    struct cede_op ops[2];
    int i;

    (void)arg;
    cede_op_lock(&ops[0], &locks[0]);
    cede_op_lock(&ops[1], &locks[1]);
    i = CEDE_SELECT(&ops[0], &ops[1]);
    if (i < 0)
        return i;
    ck_assert_int_eq(cede_op_result(&ops[i]), 0);
    ck_assert(!cede_op_done(&ops[1 - i]));
    ck_assert_int_eq(cede_lock_release(&locks[i]), 0);
    return i;
}

TASK_TEST(a_set_takes_one_lock_of_two_that_become_free) {
    cede_task *task;

    for (int i = 0; i < 2; i++) {
        cede_lock_init(&locks[i]);
        ck_assert_int_eq(cede_lock_acquire(&locks[i]), 0);
    }
    task = go(select_a_lock, NULL);
    ck_assert_int_eq(cede_lock_release(&locks[1]), 0);
    ck_assert_int_eq(cede_lock_release(&locks[0]), 0);
    ck_assert_uint_eq(cede_lock_owner(&locks[0]), 0);
    ck_assert_int_eq(cede_lock_acquire_nowait(&locks[0]), 0);
    ck_assert_int_eq(end_of(task), 1);
    ck_assert_uint_eq(cede_lock_waiting(&locks[0]), 0);
    ck_assert_uint_eq(cede_lock_owner(&locks[1]), 0);
    ck_assert_int_eq(cede_lock_release(&locks[0]), 0);
}

static int end_with_the_lock(void *arg) {
    (void)arg;
    return cede_lock_acquire(&lock);
}

TASK_TEST(a_lock_whose_owner_has_ended_is_nobody_elses) {
    cede_lock_init(&lock);
    ck_assert_int_eq(end_of(go(end_with_the_lock, NULL)), 0);
    ck_assert_int_eq(end_of(go(misuse, NULL)), 0); /* in the same block and stack */
    ck_assert_int_eq(cede_lock_acquire_nowait(&lock), -EAGAIN);
}

CEDE_CHECK_MAIN("sync_lock", those_who_wait_get_it_one_by_one_in_order,
                nobody_snatches_it_from_the_first_who_waits, misuse_is_refused,
                outside_of_tasks_nobody_owns, a_cancelled_task_takes_nothing_and_may_release,
                who_is_cancelled_leaves_the_line, a_cancel_after_the_hand_over_comes_too_late,
                a_deadline_ends_the_wait, a_set_takes_one_lock_of_two_that_become_free,
                a_lock_whose_owner_has_ended_is_nobody_elses)
