/* fds.h: file descriptors for tests: counting them, pairs of connected sockets. */
#ifndef CEDE_TESTS_FDS_H
#define CEDE_TESTS_FDS_H

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How many fds are open in this process. */
__attribute__((unused)) static int fds_open(void) {
    DIR *dir = opendir("/proc/self/fd");
    int count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 3; /* ".", ".." and the directory's own */
}

__attribute__((unused)) static void set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);

    ck_assert_int_ge(flags, 0);
    ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

__attribute__((unused)) static void unix_pair(int fds[2]) {
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

/* A listening TCP socket on a free port of the loopback interface. */
__attribute__((unused)) static int tcp_listener(struct sockaddr_in *ret_address) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 128), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *ret_address = address;
    return fd;
}

/* A blocking client of it. */
__attribute__((unused)) static int tcp_client(const struct sockaddr_in *address) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one), 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    return fd;
}

/* Two connected TCP sockets. */
__attribute__((unused)) static void tcp_pair(int fds[2]) {
    struct sockaddr_in address;
    int listener = tcp_listener(&address);

    fds[1] = tcp_client(&address);
    set_nonblocking(fds[1]);
    fcntl(listener, F_SETFL, 0);
    fds[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    ck_assert_int_ge(fds[0], 0);
    close(listener);
}

/* A listening Unix socket that has no name in the file system; *ret_len gets the address's. */
__attribute__((unused)) static int unix_listener(int backlog, struct sockaddr_un *ret_address,
                                                 socklen_t *ret_len) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address.sun_family; /* binding to no name gives a free abstract one */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    len = sizeof address;
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    *ret_address = address;
    *ret_len = len;
    return fd;
}

/* Closes with a reset instead of an end of file. */
__attribute__((unused)) static void tcp_reset(int fd) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fd);
}

/* Writes all of it to a non-blocking fd that has room. */
__attribute__((unused)) static void put(int fd, const void *data, size_t size) {
    ck_assert_int_eq(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

#endif
