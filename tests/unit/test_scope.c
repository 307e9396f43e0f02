#include "support/scene.h"

#include <errno.h>

#define LONG (3600 * CEDE_SECOND)

static int result_of(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

static cede_task *spawn(cede_task_fn fn, void *arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, fn, arg, &task), 0);
    return task;
}

/* --- Deadlines ------------------------------------------------------------------------------- */

TASK_TEST(a_deadline_ends_the_work) {
    struct cede_scope scope;
    int r;

    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    r = cede_sleep(LONG);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_cause(&scope), -ETIME);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -ETIME);
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_sleep(1), 0);
}

TASK_TEST(work_that_ends_in_time_is_left_alone) {
    struct cede_scope scope;

    cede_scope_enter(&scope, cede_after(LONG));
    ck_assert_int_eq(cede_sleep(1), 0);
    ck_assert_int_eq(cede_scope_cause(&scope), 0);
    ck_assert_int_eq(cede_scope_leave(&scope, 23), 23);
    cede_scope_enter(&scope, CEDE_FOREVER);
    ck_assert_int_eq(cede_scope_leave(&scope, -EIO), -EIO);
}

TASK_TEST(a_passed_deadline_cancels_at_once) {
    struct cede_scope scope;
    static const uint64_t passed[] = {0, 1};

    for (size_t i = 0; i < 2; i++) {
        cede_scope_enter(&scope, passed[i]);
        ck_assert(cede_cancelled());
        ck_assert_int_eq(cede_sleep(1), -ECANCELED);
        ck_assert_int_eq(cede_scope_leave(&scope, -ECANCELED), -ETIME);
    }
}

/* Success is success, also after the deadline; and an error of its own stays what it is. */
TASK_TEST(only_the_cancel_is_turned_into_the_cause) {
    struct cede_scope scope;

    cede_scope_enter(&scope, 0);
    ck_assert_int_eq(cede_scope_leave(&scope, 12), 12);
    cede_scope_enter(&scope, 0);
    ck_assert_int_eq(cede_scope_leave(&scope, -EIO), -EIO);
    cede_scope_enter(&scope, CEDE_FOREVER); /* nobody cancelled this one */
    ck_assert_int_eq(cede_scope_leave(&scope, -ECANCELED), -ECANCELED);
}

TASK_TEST(the_nearest_deadline_wins_inside) {
    struct cede_scope outer, inner;
    int r;

    cede_scope_enter(&outer, cede_after(LONG));
    cede_scope_enter(&inner, cede_after(CEDE_MILLISECOND));
    r = cede_scope_leave(&inner, cede_sleep(LONG));
    ck_assert_int_eq(r, -ETIME);
    ck_assert_int_eq(cede_sleep(1), 0); /* the outer one goes on */
    ck_assert_int_eq(cede_scope_leave(&outer, r), -ETIME);
}

TASK_TEST(the_nearest_deadline_wins_outside) {
    struct cede_scope outer, inner;
    int r;

    cede_scope_enter(&outer, cede_after(CEDE_MILLISECOND));
    cede_scope_enter(&inner, cede_after(LONG));
    r = cede_scope_leave(&inner, cede_sleep(2 * LONG));
    ck_assert_int_eq(r, -ECANCELED); /* not the inner one's doing */
    ck_assert_int_eq(cede_sleep(1), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&outer, r), -ETIME);
    ck_assert_int_eq(cede_sleep(1), 0);
}

TASK_TEST(when_both_have_passed_the_outer_one_is_to_blame) {
    struct cede_scope outer, inner;
    int r;

    cede_scope_enter(&outer, 1);
    cede_scope_enter(&inner, 1);
    r = cede_scope_leave(&inner, cede_sleep(1));
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&outer, r), -ETIME);
}

TASK_TEST(of_three_scopes_the_right_one_is_blamed) {
    struct cede_scope scopes[3];

    for (int guilty = 0; guilty < 3; guilty++) {
        int r;

        for (int i = 0; i < 3; i++)
            cede_scope_enter(&scopes[i], CEDE_FOREVER);
        cede_scope_cancel(&scopes[guilty], -EDOM);
        r = cede_sleep(1);
        for (int i = 2; i >= 0; i--) {
            r = cede_scope_leave(&scopes[i], r);
            ck_assert_int_eq(r, i > guilty ? -ECANCELED : -EDOM);
            ck_assert_int_eq(cede_cancelled(), i > guilty);
        }
    }
}

TASK_TEST(being_cancelled_is_a_state) {
    struct cede_scope scope;

    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    while (!cede_cancelled())
        cede_sleep(100 * CEDE_MICROSECOND);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(cede_sleep(1), -ECANCELED);
        ck_assert_int_eq(cede_sleep_until(1), -ECANCELED);
        ck_assert_int_eq(cede_task_yield(), -ECANCELED);
        ck_assert(cede_cancelled());
    }
    ck_assert_int_eq(cede_scope_leave(&scope, -ECANCELED), -ETIME);
    ck_assert_int_eq(cede_sleep(1), 0);
}

/* --- A deadline that moves ------------------------------------------------------------------- */

static struct cede_scope *moved_scope;
static uint64_t moved_to;

static void move_deadline(void *arg) {
    (void)arg;
    cede_scope_set_deadline(moved_scope, moved_to);
    trace('m');
}

static int sleep_while_moved(uint64_t from, uint64_t to, uint64_t duration) {
    struct cede_scope scope;

    cede_scope_enter(&scope, from);
    moved_scope = &scope;
    moved_to = to;
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), move_deadline, NULL, NULL), 0);
    return cede_scope_leave(&scope, cede_sleep(duration));
}

TASK_TEST(a_deadline_moves_while_the_task_waits) {
    uint64_t soon = cede_after(CEDE_MILLISECOND);

    ck_assert_int_eq(sleep_while_moved(cede_after(LONG), cede_after(CEDE_MILLISECOND), LONG),
                     -ETIME);
    ck_assert_int_eq(sleep_while_moved(CEDE_FOREVER, cede_after(CEDE_MILLISECOND), LONG), -ETIME);
    ck_assert_int_eq(sleep_while_moved(cede_after(LONG), 0, LONG), -ETIME);
    ck_assert_int_eq(sleep_while_moved(cede_after(LONG), soon, LONG), -ETIME); /* it has passed */
    ck_assert_trace("mmmm");
}

TASK_TEST(a_deadline_moves_away) {
    struct cede_scope scope;

    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    cede_scope_set_deadline(&scope, cede_after(LONG));
    ck_assert_int_eq(cede_sleep(3 * CEDE_MILLISECOND), 0);
    cede_scope_set_deadline(&scope, cede_after(CEDE_MILLISECOND));
    cede_scope_set_deadline(&scope, CEDE_FOREVER);
    ck_assert_int_eq(cede_sleep(3 * CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
}

TASK_TEST(a_cancelled_scope_has_no_more_deadline_to_move) {
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -EDOM);
    cede_scope_set_deadline(&scope, 0);
    cede_scope_set_deadline(&scope, cede_after(LONG));
    ck_assert(cede_cancelled());
    ck_assert_int_eq(cede_scope_leave(&scope, -ECANCELED), -EDOM);
}

/* --- Cause ----------------------------------------------------------------------------------- */

TASK_TEST(the_first_cancel_counts) {
    struct cede_scope scope;

    cede_scope_enter(&scope, cede_after(CEDE_MILLISECOND));
    cede_scope_cancel(&scope, -EDOM);
    cede_scope_cancel(&scope, -EIO);
    ck_assert_int_eq(cede_scope_cause(&scope), -EDOM);
    {
        struct cede_scope shield;

        cede_scope_enter(&shield, CEDE_FOREVER);
        cede_scope_set_shield(&shield, true);
        ck_assert_int_eq(cede_sleep(3 * CEDE_MILLISECOND), 0); /* the deadline passes */
        cede_scope_leave(&shield, 0);
    }
    ck_assert_int_eq(cede_scope_leave(&scope, cede_sleep(1)), -EDOM);
}

static void cancel_scope(void *arg) {
    cede_scope_cancel(arg, -EXDEV);
}

TASK_TEST(callbacks_cancel) {
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), cancel_scope, &scope, NULL), 0);
    ck_assert_int_eq(cede_scope_leave(&scope, cede_sleep(CEDE_FOREVER)), -EXDEV);
}

static int cancel_from_task(void *arg) {
    cancel_scope(arg);
    return 0;
}

TASK_TEST(other_tasks_cancel) {
    struct cede_scope outer, inner;
    int r;

    cede_scope_enter(&outer, CEDE_FOREVER);
    cede_scope_enter(&inner, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(NULL, cancel_from_task, &outer, NULL), 0);
    r = cede_scope_leave(&inner, cede_sleep(CEDE_FOREVER));
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&outer, r), -EXDEV);
}

/* The timer fires and the cancel comes in the same pass: the sleep had ended, so it succeeded. */
static int cancelled_when_woken(void *arg) {
    struct cede_scope *scope = arg;
    int r;

    cede_scope_enter(scope, CEDE_FOREVER);
    r = cede_sleep(CEDE_MILLISECOND);
    trace(r == 0 ? 's' : 'c');
    ck_assert_int_eq(cede_sleep(1), -ECANCELED);
    return cede_scope_leave(scope, -ECANCELED);
}

TASK_TEST(what_completed_before_the_cancel_is_a_success) {
    struct cede_scope scope;
    cede_task *task = spawn(cancelled_when_woken, &scope);

    cede_task_yield();
    while (cede_task_waits_for(task))
        cede_task_yield();
    cede_scope_cancel(&scope, -EXDEV);
    ck_assert_int_eq(result_of(task), -EXDEV);
    ck_assert_trace("s");
}

/* --- Shield ---------------------------------------------------------------------------------- */

TASK_TEST(a_shield_keeps_the_cancel_out) {
    struct cede_scope outer, shield;

    cede_scope_enter(&outer, 0);
    ck_assert(cede_cancelled());
    cede_scope_enter(&shield, CEDE_FOREVER);
    ck_assert(cede_cancelled());
    cede_scope_set_shield(&shield, true);
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_sleep(1), 0);
    ck_assert_int_eq(cede_scope_leave(&shield, 0), 0);
    ck_assert_int_eq(cede_sleep(1), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&outer, -ECANCELED), -ETIME);
}

TASK_TEST(a_cancel_that_comes_while_shielded_waits_outside) {
    struct cede_scope outer, shield;

    cede_scope_enter(&outer, CEDE_FOREVER);
    cede_scope_enter(&shield, CEDE_FOREVER);
    cede_scope_set_shield(&shield, true);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), cancel_scope, &outer, NULL), 0);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_scope_leave(&shield, 0), 0);
    ck_assert(cede_cancelled());
    ck_assert_int_eq(cede_scope_leave(&outer, cede_sleep(1)), -EXDEV);
}

TASK_TEST(a_shield_has_a_deadline_of_its_own) {
    struct cede_scope outer, shield;
    int r;

    cede_scope_enter(&outer, 0);
    cede_scope_enter(&shield, cede_after(CEDE_MILLISECOND));
    cede_scope_set_shield(&shield, true);
    r = cede_sleep(LONG);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&shield, r), -ETIME); /* its own, the outer one is kept out */
    ck_assert_int_eq(cede_scope_leave(&outer, cede_sleep(1)), -ETIME);
}

TASK_TEST(a_scope_inside_a_shield_is_shielded_too) {
    struct cede_scope outer, shield, inner;

    cede_scope_enter(&outer, CEDE_FOREVER);
    cede_scope_enter(&shield, CEDE_FOREVER);
    cede_scope_set_shield(&shield, true);
    cede_scope_enter(&inner, CEDE_FOREVER);
    cede_scope_cancel(&outer, -EDOM);
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_sleep(1), 0);
    cede_scope_cancel(&shield, -EIO);
    ck_assert_int_eq(cede_sleep(1), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&inner, -ECANCELED), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&shield, -ECANCELED), -EIO);
    ck_assert_int_eq(cede_scope_leave(&outer, -ECANCELED), -EDOM);
}

static void drop_shield(void *arg) {
    cede_scope_set_shield(arg, false);
}

TASK_TEST(a_cancel_reaches_in_when_the_shield_is_taken_away) {
    struct cede_scope outer, shield, inner;
    int r;

    cede_scope_enter(&outer, CEDE_FOREVER);
    cede_scope_enter(&shield, CEDE_FOREVER);
    cede_scope_set_shield(&shield, true);
    cede_scope_enter(&inner, CEDE_FOREVER);
    cede_scope_cancel(&outer, -EDOM);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), drop_shield, &shield, NULL), 0);
    r = cede_scope_leave(&inner, cede_sleep(CEDE_FOREVER));
    ck_assert_int_eq(r, -ECANCELED);
    r = cede_scope_leave(&shield, r);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&outer, r), -EDOM);
}

TASK_TEST(a_shield_may_come_late) {
    struct cede_scope outer, shield;

    cede_scope_enter(&outer, 0);
    cede_scope_enter(&shield, CEDE_FOREVER);
    ck_assert_int_eq(cede_sleep(1), -ECANCELED);
    cede_scope_set_shield(&shield, true);
    ck_assert_int_eq(cede_sleep(1), 0);
    cede_scope_set_shield(&shield, false);
    ck_assert_int_eq(cede_sleep(1), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&shield, -ECANCELED), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&outer, -ECANCELED), -ETIME);
}

/* --- Into groups and tasks ------------------------------------------------------------------- */

static int sleep_and_tell(void *arg) {
    int r = cede_sleep(CEDE_FOREVER);

    trace((char)(intptr_t)arg);
    return r;
}

static int shielded_cleanup(void *arg) {
    struct cede_scope shield;
    int r = cede_sleep(CEDE_FOREVER);

    (void)arg;
    trace('c');
    cede_scope_enter(&shield, cede_after(LONG));
    cede_scope_set_shield(&shield, true);
    ck_assert_int_eq(cede_sleep(2 * CEDE_MILLISECOND), 0);
    cede_scope_leave(&shield, 0);
    trace('d');
    return r;
}

static int group_work(void *arg) {
    struct cede_group group;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, shielded_cleanup, NULL, NULL), 0);
    return cede_group_leave(&group, 0);
}

TASK_TEST(a_timeout_returns_only_when_the_children_have_cleaned_up) {
    ck_assert_int_eq(cede_wait_for(group_work, NULL, CEDE_MILLISECOND), -ETIME);
    ck_assert_trace("cd");
    ck_assert_int_eq(cede_sleep(1), 0);
}

static int nested_groups(void *arg) {
    intptr_t depth = (intptr_t)arg;
    struct cede_group group;
    struct cede_scope scope;
    int r;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, sleep_and_tell, (void *)('0' + depth), NULL), 0);
    if (depth < 3)
        ck_assert_int_eq(cede_spawn(&group, nested_groups, (void *)(depth + 1), NULL), 0);
    r = cede_group_leave(&group, 0);
    return cede_scope_leave(&scope, r);
}

TASK_TEST(a_cancel_reaches_groups_inside_groups) {
    struct cede_scope scope;
    cede_task *task;
    int r;

    cede_scope_enter(&scope, CEDE_FOREVER);
    task = spawn(nested_groups, NULL);
    r = cede_scope_leave(&scope, cede_sleep(CEDE_MILLISECOND));
    ck_assert_int_eq(r, 0);
    ck_assert_trace(""); /* the task does not live in the scope that it was spawned in */
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(result_of(task), -ECANCELED);
    ck_assert_uint_eq(strlen(scene_trace), 4);
    for (char c = '0'; c < '4'; c++)
        ck_assert_ptr_nonnull(strchr(scene_trace, c));
}

/* --- wait_for -------------------------------------------------------------------------------- */

static int look_around(void *arg) {
    cede_task **self = arg;

    ck_assert_ptr_eq(cede_task_self(), *self);
    return 31;
}

static int sleep_long(void *arg) {
    (void)arg;
    return cede_sleep(LONG);
}

static int return_eio(void *arg) {
    (void)arg;
    return -EIO;
}

TASK_TEST(wait_for_calls_in_the_same_task) {
    cede_task *self = cede_task_self();
    cede_task *next;

    ck_assert_int_eq(cede_wait_for(look_around, &self, LONG), 31);
    ck_assert_int_eq(cede_wait_until(look_around, &self, CEDE_FOREVER), 31);
    ck_assert_int_eq(cede_wait_for(return_eio, NULL, LONG), -EIO);
    ck_assert_int_eq(cede_wait_for(sleep_long, NULL, CEDE_MILLISECOND), -ETIME);
    ck_assert_int_eq(cede_wait_for(sleep_long, NULL, 0), -ETIME);
    ck_assert_int_eq(cede_wait_until(sleep_long, NULL, 0), -ETIME);
    next = spawn(return_eio, NULL);
    ck_assert_uint_eq(cede_task_id(next), 2); /* no task was made for any of it */
    ck_assert_int_eq(result_of(next), -EIO);
}

static int nested_wait_for(void *arg) {
    int r = cede_wait_for(sleep_long, NULL, LONG);

    *(int *)arg = r;
    return r;
}

TASK_TEST(nested_wait_for_blames_the_right_one) {
    int inner = 0;

    ck_assert_int_eq(cede_wait_for(nested_wait_for, &inner, CEDE_MILLISECOND), -ETIME);
    ck_assert_int_eq(inner, -ECANCELED);
}

START_TEST(outside_of_tasks_there_is_no_wait_for) {
    ck_assert_int_eq(cede_wait_for(return_eio, NULL, 1), -EPERM);
}
END_TEST

/* --- Misuse ---------------------------------------------------------------------------------- */

static int leave_the_outer_first(void *arg) {
    struct cede_scope outer, inner;

    (void)arg;
    cede_scope_enter(&outer, CEDE_FOREVER);
    cede_scope_enter(&inner, CEDE_FOREVER);
    return cede_scope_leave(&outer, 0);
}

static int leave_anothers(void *arg) {
    return cede_scope_leave(arg, 0);
}

static int lend_a_scope(void *arg) {
    struct cede_scope scope;

    (void)arg;
    cede_scope_enter(&scope, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(NULL, leave_anothers, &scope, NULL), 0);
    return cede_sleep(CEDE_FOREVER);
}

static int forget_to_leave(void *arg) {
    static struct cede_scope scope;

    (void)arg;
    cede_scope_enter(&scope, CEDE_FOREVER);
    return 0;
}

static void run_fn(void *arg) {
    cede_run(*(cede_task_fn *)arg, NULL);
}

static void enter_outside(void *arg) {
    struct cede_scope scope;

    (void)arg;
    cede_scope_enter(&scope, CEDE_FOREVER);
}

START_TEST(scopes_are_left_in_order_or_the_process_aborts) {
    cede_task_fn fn = leave_the_outer_first;

    check_aborts(run_fn, &fn, "not the innermost scope");
    fn = lend_a_scope;
    check_aborts(run_fn, &fn, "not the innermost scope");
    fn = forget_to_leave;
    check_aborts(run_fn, &fn, "task 1 \"main\" returned from inside a scope");
    check_aborts(enter_outside, NULL, "none runs here");
}
END_TEST

CEDE_CHECK_MAIN("scope", a_deadline_ends_the_work, work_that_ends_in_time_is_left_alone,
                a_passed_deadline_cancels_at_once, only_the_cancel_is_turned_into_the_cause,
                the_nearest_deadline_wins_inside, the_nearest_deadline_wins_outside,
                when_both_have_passed_the_outer_one_is_to_blame,
                of_three_scopes_the_right_one_is_blamed, being_cancelled_is_a_state,
                a_deadline_moves_while_the_task_waits, a_deadline_moves_away,
                a_cancelled_scope_has_no_more_deadline_to_move, the_first_cancel_counts,
                callbacks_cancel, other_tasks_cancel, what_completed_before_the_cancel_is_a_success,
                a_shield_keeps_the_cancel_out, a_cancel_that_comes_while_shielded_waits_outside,
                a_shield_has_a_deadline_of_its_own, a_scope_inside_a_shield_is_shielded_too,
                a_cancel_reaches_in_when_the_shield_is_taken_away, a_shield_may_come_late,
                a_timeout_returns_only_when_the_children_have_cleaned_up,
                a_cancel_reaches_groups_inside_groups, wait_for_calls_in_the_same_task,
                nested_wait_for_blames_the_right_one, outside_of_tasks_there_is_no_wait_for,
                scopes_are_left_in_order_or_the_process_aborts)
