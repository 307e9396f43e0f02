/* check_main.h: the main() of a Check program, from the list of its tests:
 *
 *     #include "check_main.h"
 *
 *     START_TEST(list_is_empty_at_first) {
 *         ...
 *     }
 *     END_TEST
 *
 *     CEDE_CHECK_MAIN("list", list_is_empty_at_first, list_keeps_order)
 *
 * Each test runs in a process of its own, so a failed assertion ends that process instead of
 * jumping across stacks, and nothing carries over from one test to the next. For a debugger,
 * CK_FORK=no keeps all in one process and CK_RUN_CASE=NAME runs one test. A test that takes more
 * than 30 seconds (times CK_TIMEOUT_MULTIPLIER) has hung.
 *
 * What is expected to abort the process is shown by check_aborts(). */
#ifndef CEDE_TESTS_CHECK_MAIN_H
#define CEDE_TESTS_CHECK_MAIN_H

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CEDE_TEST_TIMEOUT_S 30

/* Each test is a case of its own, named like it: CK_RUN_CASE then chooses a single test. */
static inline int check_main(const char *name, const TTest *const *tests, size_t count) {
    Suite *suite = suite_create(name);
    SRunner *runner = srunner_create(suite);
    int failed;

    /* A shell's background job ignores them, and what is ignored would stay so. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    for (size_t i = 0; i < count; i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_set_timeout(tcase, CEDE_TEST_TIMEOUT_S);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define CEDE_CHECK_MAIN(name, ...)                                                                 \
    int main(void) {                                                                               \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
                                                                                                   \
        return check_main(name, tests, sizeof tests / sizeof *tests);                              \
    }

/* Runs fn(arg) in a child process and asserts that it ends by SIGABRT, having written `text` to
 * standard error. */
__attribute__((unused)) static void check_aborts(void (*fn)(void *arg), void *arg,
                                                 const char *text) {
    char output[4096];
    size_t length = 0;
    int fds[2], status;
    ssize_t n;
    pid_t pid;

    ck_assert_int_eq(pipe(fds), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        fn(arg);
        _exit(0);
    }
    close(fds[1]);
    while (length < sizeof output - 1 &&
           (n = read(fds[0], output + length, sizeof output - 1 - length)) > 0)
        length += (size_t)n;
    output[length] = '\0';
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
                  "did not abort (wait status %#x); it wrote: %s", (unsigned)status, output);
    ck_assert_msg(strstr(output, text) != NULL, "\"%s\" is not in what it wrote: %s", text, output);
}

#endif
