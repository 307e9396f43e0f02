#include "check_main.h"

#include <cede/base.h>
#include <errno.h>
#include <limits.h>

START_TEST(names_are_those_of_errno_h) {
    ck_assert_str_eq(cede_errname(-EAGAIN), "EAGAIN");
    ck_assert_str_eq(cede_errname(EAGAIN), "EAGAIN");
    ck_assert_str_eq(cede_errname(-ECANCELED), "ECANCELED");
    ck_assert_str_eq(cede_errname(-ETIME), "ETIME");
    for (int error = 1; error < 200; error++) {
        const char *name = strerrorname_np(error);

        if (strcmp(cede_errname(-error), "?") != 0)
            ck_assert_str_eq(cede_errname(-error), name);
    }
}
END_TEST

START_TEST(every_name_has_a_text_of_one_line) {
    for (int error = 1; error < 200; error++) {
        bool known = strcmp(cede_errname(error), "?") != 0;
        const char *text = cede_strerror(error);

        ck_assert_int_eq(known, strcmp(text, "unknown error") != 0);
        ck_assert(*text && !strchr(text, '\n'));
        ck_assert_str_eq(text, cede_strerror(-error));
    }
}
END_TEST

START_TEST(zero_is_success_and_has_no_name) {
    ck_assert_str_eq(cede_strerror(0), "success");
    ck_assert_str_eq(cede_errname(0), "?");
}
END_TEST

START_TEST(numbers_that_are_no_errors_are_unknown) {
    static const int numbers[] = {INT_MAX, INT_MIN, INT_MIN + 1, 100000, -100000, 134, -134};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        ck_assert_str_eq(cede_strerror(numbers[i]), "unknown error");
        ck_assert_str_eq(cede_errname(numbers[i]), "?");
    }
}
END_TEST

START_TEST(what_the_library_returns_is_explained_in_its_own_words) {
    ck_assert_str_eq(cede_strerror(-ESRCH), "no such task");
    ck_assert_str_eq(cede_strerror(-ETIME), "the deadline has passed");
}
END_TEST

CEDE_CHECK_MAIN("error", names_are_those_of_errno_h, every_name_has_a_text_of_one_line,
                zero_is_success_and_has_no_name, numbers_that_are_no_errors_are_unknown,
                what_the_library_returns_is_explained_in_its_own_words)
