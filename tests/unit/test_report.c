#include "support/scene.h"

#include <errno.h>

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int sleep_forever(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

static int fail_alone(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)(intptr_t)-EIO, NULL), 0);
    settle();
    return 0;
}

START_TEST(an_error_that_nobody_joins_is_reported) {
    const char *text;

    capture_begin();
    ck_assert_int_eq(cede_run(fail_alone, NULL), 0);
    text = capture_end();
    ck_assert_says(text, "task 2 \"return_arg\" failed and nobody joined it: ");
    ck_assert_says(text, cede_strerror(-EIO));
}
END_TEST

static int all_is_known(void *arg) {
    struct cede_group group;
    cede_task *task;
    int result;

    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)(intptr_t)-EIO, &task), 0);
    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)(intptr_t)-EIO, &task), 0);
    settle(); /* it has ended when it is joined */
    ck_assert_int_eq(cede_join(task, NULL), 0);
    cede_task_unref(task);
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)1, NULL), 0);
    ck_assert_int_eq(cede_spawn(NULL, sleep_forever, NULL, &task), 0);
    settle();
    cede_task_cancel(task, -EIO); /* whoever cancels it knows */
    cede_task_unref(task);
    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, return_arg, (void *)(intptr_t)-EIO, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EIO);
    settle();
    return -EIO;
}

START_TEST(what_somebody_has_learnt_is_not_reported) {
    const char *text;

    capture_begin();
    ck_assert_int_eq(cede_run(all_is_known, NULL), -EIO);
    text = capture_end();
    ck_assert_str_eq(text, "");
}
END_TEST

static int leave_many(void *arg) {
    for (intptr_t i = 0; i < (intptr_t)arg; i++)
        ck_assert_int_eq(cede_spawn(NULL, sleep_forever, NULL, NULL), 0);
    cede_task_yield();
    return 0;
}

static size_t lines_of(const char *text) {
    size_t count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

START_TEST(long_lists_are_cut) {
    const char *text;

    capture_begin();
    ck_assert_int_eq(cede_run(leave_many, (void *)20), 0);
    text = capture_end();
    ck_assert_uint_eq(lines_of(text), 21);
    ck_assert_ptr_null(strstr(text, "more"));
    capture_begin();
    ck_assert_int_eq(cede_run(leave_many, (void *)500), 0);
    text = capture_end();
    ck_assert_uint_eq(lines_of(text), 22);
    ck_assert_says(text, "and 480 more");
}
END_TEST

static int leave_a_fresh_task(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, return_arg, NULL, NULL), 0);
    return 0;
}

START_TEST(a_task_that_has_not_run_yet_is_ready) {
    capture_begin();
    ck_assert_int_eq(cede_run(leave_a_fresh_task, NULL), 0);
    ck_assert_says(capture_end(), "task 2 \"return_arg\" is ready");
}
END_TEST

CEDE_CHECK_MAIN("report", an_error_that_nobody_joins_is_reported,
                what_somebody_has_learnt_is_not_reported, long_lists_are_cut,
                a_task_that_has_not_run_yet_is_ready)
