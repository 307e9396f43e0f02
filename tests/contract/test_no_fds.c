/* A process that has no fd left. */
#include "check_main.h"

#include "support/allocs.h"
#include "support/seam.h"

#include <cede/loop.h>
#include <sys/resource.h>

/* Leaves no fd free below a limit, which was 64 before the backend opened its own. */
static int take_all_fds(int *ret_fds) {
    int count = 0, fd;

    while ((fd = dup(0)) >= 0)
        ret_fds[count++] = fd;
    ck_assert_int_eq(errno, EMFILE);
    return count;
}

static void limit_fds(void) {
    struct rlimit limit;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 64;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

START_TEST(accept_without_free_fds_fails_and_loses_nobody) {
    int listener, client, fds[64], count;
    struct sockaddr_in address;
    struct op op;

    limit_fds();
    seam_open();
    listener = tcp_listener(&address);
    client = tcp_client(&address);
    count = take_all_fds(fds);
    for (int i = 0; i < 2; i++) {
        op_accept(&op, listener);
        ck_assert_int_eq(op_wait(&op), -EMFILE);
    }
    while (count > 0)
        close(fds[--count]);
    op_accept(&op, listener);
    ck_assert_int_ge(op_wait(&op), 0);
    close(op.io.result);
    close(client);
    close(listener);
    seam_close();
}
END_TEST

START_TEST(accept_that_waits_learns_that_there_are_no_fds) {
    int listener, client, fds[64], count;
    struct sockaddr_in address;
    struct op op;

    limit_fds();
    seam_open();
    listener = tcp_listener(&address);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert(!op_accept(&op, listener));
    settle();
    count = take_all_fds(fds);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(op_wait(&op), -EMFILE);
    while (count > 0)
        close(fds[--count]);
    op_accept(&op, listener);
    ck_assert_int_ge(op_wait(&op), 0);
    close(op.io.result);
    close(client);
    close(listener);
    seam_close();
}
END_TEST

/* Opens loops with more and more free fds, until there are enough. */
START_TEST(a_loop_without_free_fds_is_refused_and_leaks_none) {
    int before, r, fds[64], count, failures = 0;
    cede_loop *loop = NULL;

    limit_fds();
    allocs_install();
    before = fds_open();
    count = take_all_fds(fds);
    while ((r = cede_loop_new(&loop, NULL)) < 0) {
        ck_assert_int_eq(r, -EMFILE);
        ck_assert_ptr_null(loop);
        ck_assert_int_eq(atomic_load(&allocs_live), 0);
        ck_assert_int_gt(count, 0);
        close(fds[--count]);
        failures++;
    }
    ck_assert_int_ge(failures, 2); /* every backend needs at least two */
    ck_assert_int_eq(cede_loop_close(loop), 0);
    while (count > 0)
        close(fds[--count]);
    ck_assert_int_eq(fds_open(), before);
    ck_assert_int_eq(atomic_load(&allocs_live), 0);
}
END_TEST

CEDE_CHECK_MAIN("no_fds", accept_without_free_fds_fails_and_loses_nobody,
                accept_that_waits_learns_that_there_are_no_fds,
                a_loop_without_free_fds_is_refused_and_leaks_none)
