/* cede_run() and signals that the process was started to ignore. */
#include "check_main.h"

#include <cede/task.h>
#include <errno.h>

static int raise_and_sleep(void *arg) {
    const int *number = arg;

    raise(*number);
    return cede_sleep(CEDE_MILLISECOND);
}

static bool is_ignored(int number) {
    struct sigaction action;

    sigaction(number, NULL, &action);
    return action.sa_handler == SIG_IGN;
}

START_TEST(what_is_ignored_stays_ignored) {
    static const int numbers[] = {SIGINT, SIGTERM};

    for (size_t i = 0; i < 2; i++) {
        int ignored = numbers[i], other = numbers[1 - i];

        signal(ignored, SIG_IGN);
        signal(other, SIG_DFL);
        ck_assert_int_eq(cede_run(raise_and_sleep, &ignored), 0);
        ck_assert(is_ignored(ignored));
        ck_assert_int_eq(cede_run(raise_and_sleep, &other), -ECANCELED);
        ck_assert(is_ignored(ignored));
        ck_assert(!is_ignored(other));
    }
}
END_TEST

static int ignore_and_raise(void *arg) {
    signal(SIGINT, SIG_IGN);
    return raise_and_sleep(arg);
}

START_TEST(a_program_may_begin_to_ignore_it) {
    int number = SIGINT;

    signal(SIGINT, SIG_DFL);
    ck_assert_int_eq(cede_run(ignore_and_raise, &number), 0);
    ck_assert(!is_ignored(SIGINT)); /* the run's end brings back what was there before it */
}
END_TEST

CEDE_CHECK_MAIN("run_signals", what_is_ignored_stays_ignored, a_program_may_begin_to_ignore_it)
