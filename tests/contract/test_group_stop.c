#include "support/suspend_points.h"

#include <errno.h>

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int fail_later(void *arg) {
    settle();
    return (int)(intptr_t)arg;
}

static int sleep_and_trace(void *arg) {
    int r = cede_sleep(CEDE_FOREVER);

    trace((char)(intptr_t)arg);
    return r;
}

static int turns_and_trace(void *arg) {
    for (int i = 0; i < 20; i++) {
        int r = cede_task_yield();

        if (r < 0)
            return r;
    }
    trace((char)(intptr_t)arg);
    return 0;
}

/* Works until it is asked to stop, and then finishes what it has. */
static int serve(void *arg) {
    struct cede_op work, stop;

    cede_op_sleep(&work, CEDE_FOREVER);
    cede_op_stop(&stop, arg);
    if (CEDE_SELECT(&work, &stop) != 1)
        return -EIO;
    ck_assert(cede_group_stopping(arg));
    trace('s');
    return turns_and_trace((void *)'f');
}

static void spawn_into(struct cede_group *group, cede_task_fn fn, intptr_t arg) {
    ck_assert_int_eq(cede_spawn(group, fn, (void *)arg, NULL), 0);
}

/* --- Stop ------------------------------------------------------------------------------------ */

TASK_TEST(tasks_that_are_asked_to_stop_finish_their_work) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, serve, (intptr_t)&group);
    spawn_into(&group, serve, (intptr_t)&group);
    settle();
    ck_assert(!cede_group_stopping(&group));
    ck_assert_int_eq(cede_group_stop(&group, -EINTR, CEDE_FOREVER), 0);
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    ck_assert_trace("ssff");
}

TASK_TEST(who_is_left_after_the_grace_is_cancelled_with_the_cause) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, serve, (intptr_t)&group);
    spawn_into(&group, sleep_and_trace, 'c');
    settle();
    ck_assert_int_eq(cede_group_stop(&group, -EINTR, 500 * CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EINTR);
    ck_assert_trace("sfc");
    ck_assert(!cede_cancelled());
}

TASK_TEST(without_grace_a_stop_is_a_cancel) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, 'c');
    settle();
    ck_assert_int_eq(cede_group_stop(&group, -EINTR, 0), 0);
    ck_assert(cede_cancelled());
    ck_assert_int_eq(cede_group_leave(&group, 0), -EINTR);
    ck_assert_trace("c");
}

TASK_TEST(the_shorter_grace_and_the_first_cause_count) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, sleep_and_trace, 'c');
    settle();
    ck_assert_int_eq(cede_group_stop(&group, -EINTR, CEDE_FOREVER), 0);
    ck_assert_int_eq(cede_group_stop(&group, -EIO, CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_group_stop(&group, -EPIPE, 3600 * CEDE_SECOND), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EINTR);
    ck_assert_trace("c");
}

TASK_TEST(a_group_that_ends_in_its_grace_forgets_it) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    spawn_into(&group, serve, (intptr_t)&group);
    ck_assert_int_eq(cede_group_stop(&group, -EINTR, 500 * CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_group_leave(&group, 3), 3);
    memset(&group, 0x5a, sizeof group);
    ck_assert_int_eq(cede_sleep(600 * CEDE_MILLISECOND), 0); /* nothing fires */
}

static int wait_for_stop(void *arg) {
    struct cede_op stop;
    int r;

    cede_op_stop(&stop, arg);
    r = cede_op_wait(&stop);
    trace(r == 0 ? 'w' : '!');
    return r;
}

TASK_TEST(waiting_for_a_stop_can_be_cancelled) {
    struct cede_group group;
    cede_task *task;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, wait_for_stop, &group, &task), 0);
    settle();
    ck_assert_str_eq(cede_task_waits_for(task), "its group to be stopped");
    cede_task_cancel(task, -ECANCELED);
    settle();
    ck_assert_trace("!");
    ck_assert_int_eq(cede_group_stop(&group, -EINTR, CEDE_FOREVER), 0);
    spawn_into(&group, wait_for_stop, (intptr_t)&group); /* there at once */
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    ck_assert_trace("!w");
    cede_task_unref(task);
}

TASK_TEST(who_waits_from_outside_hears_of_the_end) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(NULL, wait_for_stop, &group, NULL), 0);
    settle();
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    settle();
    ck_assert_trace("w");
}

TASK_TEST(a_stop_needs_a_cause) {
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_group_stop(&group, 0, 0), -EINVAL);
    ck_assert(!cede_group_stopping(&group));
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

static int stop_a_group(void *arg) {
    struct cede_group group;
    int r;

    (void)arg;
    scene_trace[0] = '\0';
    cede_group_enter(&group, CEDE_FOREVER);
    r = cede_spawn(&group, wait_for_stop, &group, NULL);
    if (r == 0)
        r = cede_spawn(&group, turns_and_trace, (void *)'t', NULL);
    for (int i = 0; i < 5 && r == 0; i++)
        r = cede_task_yield();
    if (r == 0)
        r = cede_group_stop(&group, -EINTR, CEDE_FOREVER);
    return cede_group_leave(&group, r);
}

START_TEST(a_stop_leaves_nothing_wherever_it_is_cancelled) {
    cancel_everywhere(stop_a_group, false, 100);
}
END_TEST

/* --- Policies -------------------------------------------------------------------------------- */

struct collected {
    int errors[4];
    size_t n;
};

static void collect(const cede_task *task, int error, void *arg) {
    struct collected *collected = arg;

    ck_assert_ptr_eq(task, cede_task_self());
    collected->errors[collected->n++] = error;
}

TASK_TEST(a_group_that_keeps_going_collects_all_errors) {
    struct collected collected = {.n = 0};
    struct cede_group_options options = {
        .keep_going = true, .on_error = collect, .arg = &collected};
    struct cede_group group;

    cede_group_enter_with(&group, CEDE_FOREVER, &options);
    spawn_into(&group, fail_later, -EIO);
    spawn_into(&group, return_arg, -EPIPE);
    spawn_into(&group, turns_and_trace, 'a');
    ck_assert_int_eq(cede_group_leave(&group, 0), -EPIPE);
    ck_assert_trace("a");
    ck_assert_uint_eq(collected.n, 2);
    ck_assert_int_eq(collected.errors[0], -EPIPE);
    ck_assert_int_eq(collected.errors[1], -EIO);
    ck_assert_uint_eq(cede_group_failed(&group), 2);
}

TASK_TEST(errors_are_collected_from_a_group_that_gives_up_too) {
    struct collected collected = {.n = 0};
    struct cede_group_options options = {.on_error = collect, .arg = &collected};
    struct cede_group group;

    cede_group_enter_with(&group, CEDE_FOREVER, &options);
    spawn_into(&group, sleep_and_trace, 'c');
    spawn_into(&group, fail_later, -EIO);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EIO);
    ck_assert_trace("c"); /* which was cancelled, and has not failed */
    ck_assert_uint_eq(collected.n, 1);
}

TASK_TEST(a_body_that_fails_leaves_the_tasks_of_such_a_group_alone) {
    struct cede_group_options options = {.keep_going = true};
    struct cede_group group;

    cede_group_enter_with(&group, CEDE_FOREVER, &options);
    spawn_into(&group, turns_and_trace, 'a');
    ck_assert_int_eq(cede_group_leave(&group, -EIO), -EIO);
    ck_assert_trace("a");
}

TASK_TEST(no_options_are_the_usual_ones) {
    struct cede_group group;

    cede_group_enter_with(&group, CEDE_FOREVER, NULL);
    spawn_into(&group, sleep_and_trace, 'c');
    ck_assert_int_eq(cede_group_leave(&group, -EIO), -EIO);
    ck_assert_trace("c");
}

CEDE_CHECK_MAIN("group_stop", tasks_that_are_asked_to_stop_finish_their_work,
                who_is_left_after_the_grace_is_cancelled_with_the_cause,
                without_grace_a_stop_is_a_cancel, the_shorter_grace_and_the_first_cause_count,
                a_group_that_ends_in_its_grace_forgets_it, waiting_for_a_stop_can_be_cancelled,
                who_waits_from_outside_hears_of_the_end, a_stop_needs_a_cause,
                a_stop_leaves_nothing_wherever_it_is_cancelled,
                a_group_that_keeps_going_collects_all_errors,
                errors_are_collected_from_a_group_that_gives_up_too,
                a_body_that_fails_leaves_the_tasks_of_such_a_group_alone,
                no_options_are_the_usual_ones)
