/* kernel.c: the kernel services of the seam that never wait, as Linux has them. */
#include "loop/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

static int result_of(int r) {
    return r < 0 ? -errno : r;
}

static uint64_t kernel_now(void) {
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * CEDE_SECOND + (uint64_t)ts.tv_nsec;
}

static int kernel_socket(int family, int type, int protocol) {
    return result_of(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
}

static int kernel_bind(int fd, const struct sockaddr *addr, socklen_t len) {
    return result_of(bind(fd, addr, len));
}

static int kernel_listen(int fd, int backlog) {
    return result_of(listen(fd, backlog));
}

static int kernel_set_option(int fd, int level, int name, const void *value, socklen_t len) {
    return result_of(setsockopt(fd, level, name, value, len));
}

static int kernel_local_address(int fd, struct sockaddr *addr, socklen_t *len) {
    return result_of(getsockname(fd, addr, len));
}

static int kernel_peer_address(int fd, struct sockaddr *addr, socklen_t *len) {
    return result_of(getpeername(fd, addr, len));
}

static int kernel_shutdown(int fd, int how) {
    return result_of(shutdown(fd, how));
}

/* Linux closes the fd even when close() is interrupted, so there is nothing to repeat. */
static int kernel_close(int fd) {
    int r = result_of(close(fd));

    return r == -EINTR ? 0 : r;
}

static int kernel_check_fd(int fd) {
    return fcntl(fd, F_GETFD) < 0 ? -errno : 0;
}

static int kernel_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return -errno;
    return flags & O_NONBLOCK ? 0 : result_of(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

static int kernel_reserve_fd(void) {
    return result_of(open("/dev/null", O_RDONLY | O_CLOEXEC));
}

static struct sigaction saved[NSIG];

/* Whatever task is interrupted, its stack may be small: where the thread has a stack for signals,
 * the handler runs there. */
static int kernel_set_signal(int signal, void (*fn)(int)) {
    struct sigaction action = {.sa_handler = fn, .sa_flags = SA_RESTART | SA_ONSTACK};

    if (signal <= 0 || signal >= NSIG)
        return -EINVAL;
    sigfillset(&action.sa_mask);
    return result_of(sigaction(signal, &action, &saved[signal]));
}

static void kernel_restore_signal(int signal) {
    CEDE_ASSERT(signal > 0 && signal < NSIG);
    sigaction(signal, &saved[signal], NULL);
}

static bool kernel_signal_is_ignored(int signal) {
    struct sigaction action;

    return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void kernel_yield(void) {
    sched_yield();
}

const struct cede__kernel cede__kernel_linux = {
    .now = kernel_now,
    .socket = kernel_socket,
    .bind = kernel_bind,
    .listen = kernel_listen,
    .set_option = kernel_set_option,
    .local_address = kernel_local_address,
    .peer_address = kernel_peer_address,
    .shutdown = kernel_shutdown,
    .close = kernel_close,
    .check_fd = kernel_check_fd,
    .set_nonblocking = kernel_set_nonblocking,
    .reserve_fd = kernel_reserve_fd,
    .set_signal = kernel_set_signal,
    .restore_signal = kernel_restore_signal,
    .signal_is_ignored = kernel_signal_is_ignored,
    .yield = kernel_yield,
};
