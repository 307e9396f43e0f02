/* The kernel services of the seam that never wait. */
#include "check_main.h"

#include "loop/backend.h"
#include "support/fds.h"

#include <errno.h>
#include <time.h>

static const struct cede__kernel *kernel = &cede__kernel_linux;

START_TEST(the_clock_is_the_monotonic_one) {
    struct timespec before, after;
    uint64_t now;

    clock_gettime(CLOCK_MONOTONIC, &before);
    now = kernel->now();
    clock_gettime(CLOCK_MONOTONIC, &after);
    ck_assert_uint_ge(now, (uint64_t)before.tv_sec * CEDE_SECOND + (uint64_t)before.tv_nsec);
    ck_assert_uint_le(now, (uint64_t)after.tv_sec * CEDE_SECOND + (uint64_t)after.tv_nsec);
}
END_TEST

START_TEST(sockets_are_nonblocking_and_not_inherited) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct sockaddr_in bound;
    socklen_t len = sizeof bound;
    int fd = kernel->socket(AF_INET, SOCK_STREAM, 0), one = 1;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(fd, F_GETFL) & O_NONBLOCK);
    ck_assert_int_eq(kernel->set_option(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
    ck_assert_int_eq(kernel->bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(kernel->listen(fd, 1), 0);
    ck_assert_int_eq(kernel->local_address(fd, (struct sockaddr *)&bound, &len), 0);
    ck_assert_uint_ne(bound.sin_port, 0);
    ck_assert_int_eq(kernel->peer_address(fd, (struct sockaddr *)&bound, &len), -ENOTCONN);
    ck_assert_int_eq(kernel->close(fd), 0);
}
END_TEST

START_TEST(errors_are_returned_negative) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;

    ck_assert_int_eq(kernel->socket(-1, SOCK_STREAM, 0), -EAFNOSUPPORT);
    ck_assert_int_eq(kernel->bind(-1, (struct sockaddr *)&address, len), -EBADF);
    ck_assert_int_eq(kernel->listen(-1, 1), -EBADF);
    ck_assert_int_eq(kernel->set_option(-1, SOL_SOCKET, SO_REUSEADDR, &len, sizeof len), -EBADF);
    ck_assert_int_eq(kernel->local_address(-1, (struct sockaddr *)&address, &len), -EBADF);
    ck_assert_int_eq(kernel->peer_address(-1, (struct sockaddr *)&address, &len), -EBADF);
    ck_assert_int_eq(kernel->shutdown(-1, SHUT_WR), -EBADF);
    ck_assert_int_eq(kernel->close(-1), -EBADF);
    ck_assert_int_eq(kernel->check_fd(-1), -EBADF);
}
END_TEST

START_TEST(shutdown_ends_a_direction) {
    int fds[2];
    char byte;

    unix_pair(fds);
    ck_assert_int_eq(kernel->check_fd(fds[0]), 0);
    ck_assert_int_eq(kernel->shutdown(fds[0], SHUT_WR), 0);
    ck_assert_int_eq(read(fds[1], &byte, 1), 0);
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(kernel->check_fd(fds[0]), -EBADF);
}
END_TEST

START_TEST(a_reserved_fd_takes_a_number_and_nothing_else) {
    int before = fds_open(), fd = kernel->reserve_fd();

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fds_open(), before + 1);
    ck_assert_int_eq(kernel->close(fd), 0);
}
END_TEST

static volatile sig_atomic_t came;

static void on_signal(int signal) {
    came = signal;
}

START_TEST(a_disposition_is_saved_and_restored) {
    struct sigaction now;

    ck_assert_int_eq(kernel->set_signal(SIGUSR1, on_signal), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(came, SIGUSR1);
    kernel->restore_signal(SIGUSR1);
    ck_assert_int_eq(sigaction(SIGUSR1, NULL, &now), 0);
    ck_assert(now.sa_handler == SIG_DFL);
    ck_assert_int_eq(kernel->set_signal(SIGKILL, on_signal), -EINVAL);
    ck_assert_int_eq(kernel->set_signal(0, on_signal), -EINVAL);
    ck_assert_int_eq(kernel->set_signal(1000, on_signal), -EINVAL);
}
END_TEST

static char *handler_frame;

static void note_frame(int signal) {
    came = signal;
    handler_frame = __builtin_frame_address(0);
}

/* A task's stack may be too small for a handler that the program did not foresee. */
START_TEST(handlers_run_on_the_stack_for_signals) {
    static char memory[1 << 16];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};

    ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
    ck_assert_int_eq(kernel->set_signal(SIGUSR1, note_frame), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(came, SIGUSR1);
    ck_assert(handler_frame > memory && handler_frame < memory + sizeof memory);
    kernel->restore_signal(SIGUSR1);
}
END_TEST

START_TEST(an_ignored_signal_is_told_from_others) {
    signal(SIGUSR1, SIG_IGN);
    ck_assert(kernel->signal_is_ignored(SIGUSR1));
    ck_assert_int_eq(kernel->set_signal(SIGUSR1, on_signal), 0);
    ck_assert(!kernel->signal_is_ignored(SIGUSR1));
    kernel->restore_signal(SIGUSR1);
    ck_assert(kernel->signal_is_ignored(SIGUSR1));
    signal(SIGUSR1, SIG_DFL);
    ck_assert(!kernel->signal_is_ignored(SIGUSR1));
    ck_assert(!kernel->signal_is_ignored(0));
}
END_TEST

START_TEST(an_fd_becomes_nonblocking_and_keeps_its_other_flags) {
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    fcntl(fds[1], F_SETFL, O_APPEND);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(kernel->set_nonblocking(fds[1]), 0);
        ck_assert_int_eq(fcntl(fds[1], F_GETFL) & (O_NONBLOCK | O_APPEND), O_NONBLOCK | O_APPEND);
    }
    close(fds[0]);
    close(fds[1]);
    ck_assert_int_eq(kernel->set_nonblocking(fds[1]), -EBADF);
}
END_TEST

CEDE_CHECK_MAIN("kernel", the_clock_is_the_monotonic_one, sockets_are_nonblocking_and_not_inherited,
                errors_are_returned_negative, shutdown_ends_a_direction,
                a_reserved_fd_takes_a_number_and_nothing_else, a_disposition_is_saved_and_restored,
                handlers_run_on_the_stack_for_signals, an_ignored_signal_is_told_from_others,
                an_fd_becomes_nonblocking_and_keeps_its_other_flags)
