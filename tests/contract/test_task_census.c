#include "support/actors.h"
#include "support/failing_alloc.h"

static int wait_long(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

static int inspect_self(void *arg) {
    cede_task_inspect(cede_task_self(), arg);
    return 0;
}

/* One line a task, in the order of their ids. */
static char lines[10][64];

static int list(cede_task *task, const struct cede_task_info *info, void *arg) {
    ck_assert_uint_eq(info->id, cede_task_id(task));
    ck_assert_ptr_null(arg);
    ck_assert_uint_lt(info->id, sizeof lines / sizeof *lines);
    ck_assert_str_eq(lines[info->id], ""); /* each is told once */
    snprintf(lines[info->id], sizeof lines[0], "%s %s %s", info->name,
             cede_task_state_name(info->state), info->waits_for ? info->waits_for : "-");
    return 0;
}

static void take_census(void) {
    memset(lines, 0, sizeof lines);
    ck_assert_int_eq(cede_tasks_each(list, NULL), 0);
}

TASK_TEST(every_task_is_told_with_what_it_does) {
    cede_task *sleeper, *ready;
    struct cede_task_info info;

    ck_assert_int_eq(cede_spawn(NULL, wait_long, NULL, &sleeper), 0);
    settle();
    ck_assert_int_eq(cede_spawn(NULL, inspect_self, &info, &ready), 0);
    take_census();
    ck_assert_str_eq(lines[1], "main running -");
    ck_assert_str_eq(lines[2], "wait_long waiting a timer");
    ck_assert_str_eq(lines[3], "inspect_self ready -");
    ck_assert_str_eq(lines[4], "");
    ck_assert_int_eq(end_of(ready), 0);
    ck_assert_int_eq(info.state, CEDE_TASK_RUNNING);
    ck_assert_uint_eq(info.id, 3);
    ck_assert_int_eq(cancelled_end_of(sleeper), -ECANCELED);
    take_census();
    ck_assert_str_eq(lines[1], "main running -");
    ck_assert_str_eq(lines[2], ""); /* the dead are not told */
    ck_assert_str_eq(lines[3], "");
}

TASK_TEST(one_task_is_told_with_its_group_and_its_end) {
    struct cede_task_info info;
    struct cede_group group;
    cede_task *task;

    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, wait_long, NULL, &task), 0);
    cede_task_inspect(task, &info);
    ck_assert_int_eq(info.state, CEDE_TASK_READY);
    ck_assert_ptr_eq(info.group, &group);
    ck_assert(!info.cancelled);
    settle();
    cede_scope_cancel(&group.scope, -EINTR);
    cede_task_inspect(task, &info);
    ck_assert_int_eq(info.state, CEDE_TASK_READY); /* to learn of it */
    ck_assert(info.cancelled);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EINTR);
    cede_task_inspect(task, &info);
    ck_assert_int_eq(info.state, CEDE_TASK_DONE);
    ck_assert_str_eq(info.name, "wait_long");
    ck_assert_ptr_null(info.waits_for);
    ck_assert_ptr_null(info.group);
    cede_task_unref(task);
}

static int stop_at_second(cede_task *task, const struct cede_task_info *info, void *arg) {
    (void)task;
    (void)info;
    return ++*(int *)arg == 2 ? 42 : 0;
}

TASK_TEST(the_function_ends_the_census) {
    cede_task *tasks[3];
    int calls = 0;

    for (int i = 0; i < 3; i++)
        tasks[i] = go(wait_long, NULL);
    ck_assert_int_eq(cede_tasks_each(stop_at_second, &calls), 42);
    ck_assert_int_eq(calls, 2);
    for (int i = 0; i < 3; i++)
        cancelled_end_of(tasks[i]);
}

static int cancel_waiting(cede_task *task, const struct cede_task_info *info, void *arg) {
    if (info->state == CEDE_TASK_WAITING) {
        cede_task_cancel(task, -ECANCELED);
        ++*(size_t *)arg;
    }
    return 0;
}

/* More than one chunk of blocks; and what the census does to tasks does not disturb it. */
static int cancel_all(void *arg) {
    struct cede_group group;
    size_t cancelled = 0;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    for (int i = 0; i < 300; i++)
        ck_assert_int_eq(cede_spawn(&group, wait_long, NULL, NULL), 0);
    settle();
    failing_alloc_arm(0, false);
    ck_assert_int_eq(cede_tasks_each(cancel_waiting, &cancelled), 0);
    ck_assert_uint_eq(failing_alloc_calls(), 0);
    ck_assert_uint_eq(cancelled, 300);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    return 0;
}

START_TEST(the_function_may_cancel_and_nothing_is_allocated) {
    failing_alloc_install();
    ck_assert_int_eq(cede_run(cancel_all, NULL), 0);
}
END_TEST

static int take_no_time(void *arg) {
    (void)arg;
    return 0;
}

static int spawn_once(cede_task *task, const struct cede_task_info *info, void *arg) {
    (void)task;
    (void)info;
    return *(cede_task **)arg ? 0 : cede_spawn(NULL, take_no_time, NULL, arg);
}

TASK_TEST(the_function_may_spawn) {
    cede_task *task = NULL;

    ck_assert_int_eq(cede_tasks_each(spawn_once, &task), 0);
    ck_assert_ptr_nonnull(task);
    ck_assert_int_eq(end_of(task), 0);
}

static void census_in_callback(void *arg) {
    (void)arg;
    take_census();
}

TASK_TEST(in_a_callback_no_task_runs) {
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), census_in_callback, NULL, NULL), 0);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    ck_assert_str_eq(lines[1], "main waiting a timer");
}

START_TEST(there_are_no_tasks_without_a_loop) {
    ck_assert_int_eq(cede_tasks_each(list, NULL), -EPERM);
    ck_assert_int_eq(cede_tasks_each(NULL, NULL), -EINVAL);
}
END_TEST

START_TEST(states_have_names) {
    ck_assert_str_eq(cede_task_state_name(CEDE_TASK_DONE), "done");
    ck_assert_str_eq(cede_task_state_name((enum cede_task_state)4), "?");
}
END_TEST

CEDE_CHECK_MAIN("task_census", every_task_is_told_with_what_it_does,
                one_task_is_told_with_its_group_and_its_end, the_function_ends_the_census,
                the_function_may_cancel_and_nothing_is_allocated, the_function_may_spawn,
                in_a_callback_no_task_runs, there_are_no_tasks_without_a_loop, states_have_names)
