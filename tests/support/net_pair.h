/* net_pair.h: connections of a task with itself, over loopback. */
#ifndef CEDE_TESTS_NET_PAIR_H
#define CEDE_TESTS_NET_PAIR_H

#include "support/scene.h"

#include <cede.h>
#include <netinet/tcp.h>

/* A listener on a port that the system picks; its address goes to text. */
__attribute__((unused)) static int listen_somewhere(char text[CEDE_ADDRESS_TEXT]) {
    struct cede_address address;
    int fd;

    ck_assert_int_eq(cede_address_parse("127.0.0.1:0", &address, NULL), 0);
    fd = cede_listen(&address, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(cede_local_address(fd, &address), 0);
    cede_address_format(&address, text, CEDE_ADDRESS_TEXT);
    return fd;
}

/* Connects before it accepts, which the kernel's queue allows. Segments are small, as on a network:
 * with loopback's of 64 KiB a small buffer never holds the two that are acknowledged at once, and
 * each one costs a delayed acknowledgement's 40 ms. */
__attribute__((unused)) static void fd_pair(int fds[2]) {
    char text[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(text), segment = 1024;
    struct cede_address address;

    ck_assert_int_eq(setsockopt(listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment), 0);
    ck_assert_int_eq(cede_address_parse(text, &address, NULL), 0);
    fds[0] = cede_connect_fd(&address);
    ck_assert_int_ge(fds[0], 0);
    fds[1] = cede_accept(listener, NULL);
    ck_assert_int_ge(fds[1], 0);
    ck_assert_int_eq(cede_close(listener), 0);
}

__attribute__((unused)) static void stream_pair(cede_stream *streams[2]) {
    int fds[2];

    fd_pair(fds);
    for (int i = 0; i < 2; i++) {
        struct cede_address peer;

        ck_assert_int_eq(cede_peer_address(fds[i], &peer), 0);
        ck_assert_int_eq(cede_stream_open(fds[i], &peer, &streams[i]), 0);
    }
}

/* Small buffers between the two, so that a writer soon waits for its reader. */
__attribute__((unused)) static void narrow(int writer, int reader) {
    int size = 4096;

    ck_assert_int_eq(setsockopt(writer, SOL_SOCKET, SO_SNDBUF, &size, sizeof size), 0);
    ck_assert_int_eq(setsockopt(reader, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
}

/* Waits for a task and returns its result. */
__attribute__((unused)) static int join_result(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

/* Lets the kernel and all tasks get on until the task waits (or has ended). */
__attribute__((unused)) static void let_wait(const cede_task *task) {
    while (!cede_task_waits_for(task) && !cede_task_done(task, NULL))
        cede_task_yield();
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
}

#endif
