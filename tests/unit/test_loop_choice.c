/* Which backend runs, and what is said about why. */
#include "check_main.h"

#include <cede/loop.h>
#include <errno.h>
#include <stdio.h>

static char why[200];

static bool has_uring(void) {
    return strcmp(cede_backend_probe("io_uring", why, sizeof why), "io_uring") == 0;
}

static void runs(const struct cede_loop_options *options, const char *name, const char *reason) {
    const char *text = NULL;
    cede_loop *loop;

    ck_assert_int_eq(cede_loop_new(&loop, options), 0);
    ck_assert_str_eq(cede_loop_backend(loop, &text), name);
    ck_assert_str_eq(cede_loop_backend(loop, NULL), name);
    ck_assert_msg(strstr(text, reason) != NULL, "\"%s\" is not in \"%s\"", reason, text);
    ck_assert_int_eq(cede_loop_close(loop), 0);
}

START_TEST(the_option_decides) {
    setenv("CEDE_BACKEND", "io_uring", 1);
    runs(&(struct cede_loop_options){.backend = "epoll"}, "epoll", "asked for");
    setenv("CEDE_BACKEND", "epoll", 1);
    if (has_uring())
        runs(&(struct cede_loop_options){.backend = "io_uring"}, "io_uring", "asked for");
}
END_TEST

START_TEST(then_the_environment) {
    setenv("CEDE_BACKEND", "epoll", 1);
    runs(NULL, "epoll", "CEDE_BACKEND");
    runs(&(struct cede_loop_options){.backend = NULL}, "epoll", "CEDE_BACKEND");
    setenv("CEDE_BACKEND", "io_uring", 1);
    if (has_uring())
        runs(NULL, "io_uring", "CEDE_BACKEND");
}
END_TEST

START_TEST(else_the_best_that_runs) {
    unsetenv("CEDE_BACKEND");
    runs(NULL, has_uring() ? "io_uring" : "epoll", "");
    setenv("CEDE_BACKEND", "", 1); /* empty is as if unset */
    runs(NULL, has_uring() ? "io_uring" : "epoll", "");
}
END_TEST

/* io_uring that is refused is replaced by epoll, and it is said so. */
START_TEST(what_does_not_run_is_replaced_and_named) {
    if (!has_uring()) {
        runs(&(struct cede_loop_options){.backend = "io_uring"}, "epoll", "io_uring");
        ck_assert_str_eq(cede_backend_probe("io_uring", why, sizeof why), "epoll");
    }
    ck_assert(*why != '\0' && !strchr(why, '\n'));
}
END_TEST

START_TEST(an_unknown_name_is_an_error) {
    static const char *const names[] = {"kqueue", "EPOLL", "epoll ", ""};
    cede_loop *loop = (void *)8;

    for (size_t i = 0; i < 4; i++) {
        struct cede_loop_options options = {.backend = names[i]};

        ck_assert_int_eq(cede_loop_new(&loop, &options), -EINVAL);
        ck_assert_ptr_eq(loop, (void *)8);
        ck_assert_ptr_null(cede_backend_probe(names[i], why, sizeof why));
        ck_assert(*why != '\0');
    }
    setenv("CEDE_BACKEND", "kqueue", 1);
    ck_assert_int_eq(cede_loop_new(&loop, NULL), -EINVAL);
    ck_assert_ptr_null(cede_loop_current());
}
END_TEST

START_TEST(probing_leaves_no_loop_and_fits_its_room) {
    char text[8] = "1234567";

    unsetenv("CEDE_BACKEND");
    ck_assert_ptr_nonnull(cede_backend_probe(NULL, text, 4));
    ck_assert_uint_eq(strlen(text), 3);
    ck_assert_str_eq(text + 4, "567");
    ck_assert_ptr_nonnull(cede_backend_probe(NULL, NULL, 0));
    ck_assert_ptr_null(cede_loop_current());
}
END_TEST

CEDE_CHECK_MAIN("loop_choice", the_option_decides, then_the_environment, else_the_best_that_runs,
                what_does_not_run_is_replaced_and_named, an_unknown_name_is_an_error,
                probing_leaves_no_loop_and_fits_its_room)
