#include "support/actors.h"

static struct cede_lock lock;
static struct cede_condition condition;

static void open_scene(void) {
    cede_lock_init(&lock);
    cede_condition_init(&condition, &lock);
}

static void take(void) {
    ck_assert_int_eq(cede_lock_acquire(&lock), 0);
}

static void give(void) {
    ck_assert_int_eq(cede_lock_release(&lock), 0);
}

/* Whatever the wait returns, the lock is held afterwards. */
static int wait_once(void *arg) {
    int r;

    take();
    r = cede_condition_wait(&condition);
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(cede_task_self()));
    trace(r == 0 ? *(const char *)arg : '-');
    give();
    return r;
}

TASK_TEST(waiting_releases_the_lock_and_has_it_back) {
    cede_task *task;

    open_scene();
    task = go(wait_once, "a");
    ck_assert_str_eq(cede_task_waits_for(task), "a condition");
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
    ck_assert_uint_eq(cede_condition_waiting(&condition), 1);
    take();
    ck_assert_int_eq(cede_condition_notify(&condition, 1), 0);
    ck_assert_uint_eq(cede_condition_waiting(&condition), 0);
    ck_assert(!ended(task)); /* for the lock is held here */
    give();
    ck_assert_int_eq(end_of(task), 0);
}

TASK_TEST(notify_wakes_so_many_in_order) {
    cede_task *tasks[5];

    open_scene();
    for (int i = 0; i < 5; i++)
        tasks[i] = go(wait_once, &"abcde"[i]);
    take();
    ck_assert_int_eq(cede_condition_notify(&condition, 2), 0);
    give();
    settle();
    ck_assert_trace("ab");
    take();
    ck_assert_int_eq(cede_condition_notify(&condition, 0), 0);
    ck_assert_int_eq(cede_condition_notify_all(&condition), 0);
    give();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(end_of(tasks[i]), 0);
    ck_assert_trace("abcde");
}

TASK_TEST(a_notify_is_not_kept_for_who_comes_later) {
    cede_task *task;

    open_scene();
    take();
    ck_assert_int_eq(cede_condition_notify_all(&condition), 0);
    give();
    task = go(wait_once, "a");
    ck_assert(!ended(task));
    ck_assert_int_eq(cancelled_end_of(task), -ECANCELED);
}

static int without_the_lock(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_condition_wait(&condition), -EPERM);
    ck_assert_int_eq(cede_condition_wait_for(&condition, NULL, NULL), -EPERM);
    ck_assert_int_eq(cede_condition_notify(&condition, 1), -EPERM);
    ck_assert_int_eq(cede_condition_notify_all(&condition), -EPERM);
    return 0;
}

TASK_TEST(without_the_lock_all_is_refused) {
    open_scene();
    without_the_lock(NULL);
    take();
    ck_assert_int_eq(end_of(go(without_the_lock, NULL)), 0);
    give();
}

START_TEST(outside_of_tasks_all_is_refused) {
    open_scene();
    without_the_lock(NULL);
}
END_TEST

TASK_TEST(a_cancelled_wait_has_the_lock_at_once_if_it_is_free) {
    cede_task *task;

    open_scene();
    task = go(wait_once, "a");
    ck_assert_int_eq(cancelled_end_of(task), -ECANCELED);
    ck_assert_uint_eq(cede_condition_waiting(&condition), 0);
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
}

TASK_TEST(a_cancelled_wait_takes_its_turn_for_the_lock) {
    cede_task *task;

    open_scene();
    task = go(wait_once, "a");
    take();
    cede_task_cancel(task, -ECANCELED);
    ck_assert(!ended(task));
    ck_assert_uint_eq(cede_condition_waiting(&condition), 0);
    ck_assert_uint_eq(cede_lock_waiting(&lock), 1);
    give();
    ck_assert_int_eq(end_of(task), -ECANCELED);
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
}

/* As in cpython#90155. */
TASK_TEST(a_notified_wait_that_is_cancelled_passes_it_on) {
    cede_task *first, *second, *third;

    open_scene();
    first = go(wait_once, "a");
    second = go(wait_once, "b");
    third = go(wait_once, "c");
    take();
    ck_assert_int_eq(cede_condition_notify(&condition, 1), 0);
    cede_task_cancel(first, -ECANCELED);
    give();
    ck_assert_int_eq(end_of(first), -ECANCELED);
    ck_assert_int_eq(end_of(second), 0);
    ck_assert(!ended(third));
    ck_assert_trace("-b");
    ck_assert_int_eq(cancelled_end_of(third), -ECANCELED);
}

TASK_TEST(a_cancel_after_the_lock_is_back_comes_too_late) {
    cede_task *first, *second;

    open_scene();
    first = go(wait_once, "a");
    second = go(wait_once, "b");
    take();
    ck_assert_int_eq(cede_condition_notify(&condition, 1), 0);
    give();
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(first));
    ck_assert_int_eq(cancelled_end_of(first), 0);
    ck_assert(!ended(second));
    ck_assert_int_eq(cancelled_end_of(second), -ECANCELED);
}

TASK_TEST(who_is_cancelled_before_keeps_the_lock) {
    struct cede_scope scope;

    open_scene();
    take();
    enter_cancelled(&scope);
    ck_assert_int_eq(cede_condition_wait(&condition), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
    give();
}

static int level;

static bool level_is_3(void *arg) {
    ck_assert_ptr_eq(arg, &level);
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(cede_task_self()));
    trace('?');
    return level == 3;
}

static int wait_for_3(void *arg) {
    int r;

    (void)arg;
    take();
    r = cede_condition_wait_for(&condition, level_is_3, &level);
    give();
    return r;
}

TASK_TEST(wait_for_asks_until_it_is_so) {
    cede_task *task;

    open_scene();
    task = go(wait_for_3, NULL);
    for (level = 1; level <= 3; level++) {
        take();
        ck_assert_int_eq(cede_condition_notify(&condition, 1), 0);
        give();
        ck_assert(ended(task) == (level == 3));
    }
    level = 3;
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(end_of(go(wait_for_3, NULL)), 0);
    ck_assert_trace("?????");
}

TASK_TEST(wait_for_is_cancelled_even_when_it_is_so) {
    struct cede_scope scope;

    open_scene();
    level = 3;
    take();
    enter_cancelled(&scope);
    ck_assert_int_eq(cede_condition_wait_for(&condition, level_is_3, &level), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
    give();
}

/* --- In sets --------------------------------------------------------------------------------- */

static struct cede_event event;

static int select_with_the_event(void *arg) {
    struct cede_op ops[2];
    int i;

    (void)arg;
    take();
    cede_op_condition(&ops[0], &condition);
    cede_op_event(&ops[1], &event);
    i = CEDE_SELECT(&ops[0], &ops[1]);
    ck_assert_uint_eq(cede_lock_owner(&lock), cede_task_id(cede_task_self()));
    ck_assert(i < 0 || !cede_op_done(&ops[1 - i]));
    give();
    return i;
}

static cede_task *open_set(void) {
    open_scene();
    cede_event_init(&event);
    return go(select_with_the_event, NULL);
}

TASK_TEST(a_set_that_loses_the_condition_has_the_lock_back) {
    cede_task *task = open_set();

    take();
    cede_event_set(&event);
    ck_assert(!ended(task));
    give();
    ck_assert_int_eq(end_of(task), 1);
    ck_assert_int_eq(end_of(go(select_with_the_event, NULL)), 1); /* set from the start */
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
}

TASK_TEST(a_set_that_is_lost_is_not_notified) {
    cede_task *task = open_set(), *other = go(wait_once, "a");

    take();
    cede_event_set(&event);
    ck_assert_int_eq(cede_condition_notify(&condition, 1), 0);
    give();
    ck_assert_int_eq(end_of(other), 0);
    ck_assert_int_eq(end_of(task), 1);
}

TASK_TEST(a_notified_set_that_is_lost_passes_it_on) {
    cede_task *task = open_set(), *other = go(wait_once, "a");

    take();
    ck_assert_int_eq(cede_condition_notify(&condition, 1), 0);
    cede_event_set(&event);
    give();
    ck_assert_int_eq(end_of(other), 0);
    ck_assert_int_eq(end_of(task), 1);
}

TASK_TEST(a_cancelled_set_has_the_lock_back) {
    cede_task *task = open_set();

    take();
    cede_task_cancel(task, -ECANCELED);
    ck_assert(!ended(task));
    give();
    ck_assert_int_eq(end_of(task), -ECANCELED);
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
}

TASK_TEST(a_set_of_the_condition_and_its_lock_has_it_once) {
    struct cede_op ops[2];

    open_scene();
    take();
    cede_op_condition(&ops[0], &condition);
    cede_op_lock(&ops[1], &lock);
    ck_assert_int_eq(CEDE_SELECT(&ops[0], &ops[1]), 1);
    ck_assert_int_eq(cede_op_result(&ops[1]), 0);
    ck_assert(!cede_op_done(&ops[0]));
    ck_assert_uint_eq(cede_condition_waiting(&condition), 0);
    give();
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
}

CEDE_CHECK_MAIN("sync_condition", waiting_releases_the_lock_and_has_it_back,
                notify_wakes_so_many_in_order, a_notify_is_not_kept_for_who_comes_later,
                without_the_lock_all_is_refused, outside_of_tasks_all_is_refused,
                a_cancelled_wait_has_the_lock_at_once_if_it_is_free,
                a_cancelled_wait_takes_its_turn_for_the_lock,
                a_notified_wait_that_is_cancelled_passes_it_on,
                a_cancel_after_the_lock_is_back_comes_too_late,
                who_is_cancelled_before_keeps_the_lock, wait_for_asks_until_it_is_so,
                wait_for_is_cancelled_even_when_it_is_so,
                a_set_that_loses_the_condition_has_the_lock_back,
                a_set_that_is_lost_is_not_notified, a_notified_set_that_is_lost_passes_it_on,
                a_cancelled_set_has_the_lock_back, a_set_of_the_condition_and_its_lock_has_it_once)
