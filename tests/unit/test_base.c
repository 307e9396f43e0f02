#include "check_main.h"

#include "base/base.h"

#include <pthread.h>
#include <stdio.h>

static void panic(void *arg) {
    cede__panic("the answer is %d", *(int *)arg);
}

static void fail_assertion(void *arg) {
    int *value = arg;

    CEDE_ASSERT(*value == 0);
}

START_TEST(a_panic_says_why_and_aborts) {
    int answer = 42;

    check_aborts(panic, &answer, "cede: the answer is 42\n");
}
END_TEST

START_TEST(a_failed_assertion_names_itself_and_its_place) {
    int value = 1;

    check_aborts(fail_assertion, &value, "assertion failed: *value == 0\n");
    check_aborts(fail_assertion, &value, "test_base.c:");
}
END_TEST

START_TEST(a_true_assertion_costs_nothing_but_its_condition) {
    int evaluated = 0;

    CEDE_ASSERT(++evaluated == 1);
    ck_assert_int_eq(evaluated, 1);
}
END_TEST

static int error_pipe[2];

static void *report_lines(void *arg) {
    for (int i = 0; i < 100; i++)
        cede__report("thread %d line", *(int *)arg);
    return NULL;
}

/* One write a line: a reader that is woken by one sees it whole. */
START_TEST(reports_of_several_threads_do_not_mix) {
    int numbers[4], lines = 0, thread;
    pthread_t threads[4];
    char line[64];
    FILE *output;

    ck_assert_int_eq(pipe(error_pipe), 0);
    fflush(stderr);
    ck_assert_int_ge(dup2(error_pipe[1], STDERR_FILENO), 0);
    close(error_pipe[1]);
    for (int i = 0; i < 4; i++) {
        numbers[i] = i;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, report_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    close(STDERR_FILENO);
    output = fdopen(error_pipe[0], "r");
    while (fgets(line, sizeof line, output)) {
        char end;

        ck_assert_msg(sscanf(line, "cede: thread %d lin%c", &thread, &end) == 2 && end == 'e', "%s",
                      line);
        ck_assert_uint_eq(strlen(line), strlen("cede: thread 0 line\n"));
        lines++;
    }
    fclose(output);
    ck_assert_int_eq(lines, 400);
}
END_TEST

START_TEST(a_long_report_is_cut_not_overrun) {
    char text[5000], output[8192];
    int fds[2];
    ssize_t n;

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert_int_eq(pipe(fds), 0);
    ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
    cede__report("%s", text);
    n = read(fds[0], output, sizeof output);
    ck_assert_int_gt(n, 500);
    ck_assert_int_lt(n, 5000);
    ck_assert_int_eq(output[n - 1], '\n');
}
END_TEST

START_TEST(the_version_has_three_numbers) {
    int major, minor, patch;
    char rest;

    ck_assert_int_eq(sscanf(cede_version(), "%d.%d.%d%c", &major, &minor, &patch, &rest), 3);
}
END_TEST

CEDE_CHECK_MAIN("base", a_panic_says_why_and_aborts, a_failed_assertion_names_itself_and_its_place,
                a_true_assertion_costs_nothing_but_its_condition,
                reports_of_several_threads_do_not_mix, a_long_report_is_cut_not_overrun,
                the_version_has_three_numbers)
