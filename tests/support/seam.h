/* seam.h: a backend by itself, without a loop: operations whose completions are counted. The
 * backend is the one that CEDE_BACKEND names. */
#ifndef CEDE_TESTS_SEAM_H
#define CEDE_TESTS_SEAM_H

#include "loop/backend.h"
#include "support/fds.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

static const struct cede__backend_ops *seam;
static struct cede__backend *backend;
static int seam_fds_before;
static unsigned seam_sequence; /* numbers the completions */
static bool seam_polling;

/* Opens the backend. What the kernel refuses is tested on epoll, as the loop would do it. */
__attribute__((unused)) static void seam_open(void) {
    const char *name = getenv("CEDE_BACKEND"), *why;

    seam_fds_before = fds_open();
    seam = &cede__backend_epoll;
#ifdef CEDE_HAVE_URING
    if (name && strcmp(name, "io_uring") == 0)
        seam = &cede__backend_uring;
#endif
    (void)name;
    if (seam->open(&backend, &why) < 0) {
        seam = &cede__backend_epoll;
        ck_assert_int_eq(seam->open(&backend, &why), 0);
    }
}

/* Closes it; nothing may be pending, and no fd of it or of the test left. */
__attribute__((unused)) static void seam_close(void) {
    ck_assert_uint_eq(seam->pending(backend), 0);
    seam->close(backend);
    ck_assert_int_eq(fds_open(), seam_fds_before);
}

struct op {
    struct cede__io io;
    bool at_once;      /* submit() had the result */
    int calls;         /* of done() */
    unsigned sequence; /* which completion it was, from 1 */
};

static void op_done(struct cede__io *io) {
    struct op *op = (struct op *)((char *)io - offsetof(struct op, io));

    ck_assert_msg(seam_polling, "done() outside of poll()");
    ck_assert(!op->at_once);
    ck_assert_int_eq(++op->calls, 1);
    op->sequence = ++seam_sequence;
}

__attribute__((unused)) static bool op_finished(const struct op *op) {
    return op->at_once || op->calls > 0;
}

static bool op_submit(struct op *op) {
    op->calls = 0;
    op->sequence = 0;
    op->at_once = false;
    op->io.done = op_done;
    op->at_once = seam->submit(backend, &op->io);
    ck_assert_int_eq(op->calls, 0);
    if (op->at_once)
        op->sequence = ++seam_sequence;
    return op->at_once;
}

__attribute__((unused)) static bool op_recv(struct op *op, int fd, void *buf, size_t len,
                                            int options) {
    *op = (struct op){
        .io = {
            .code = CEDE__IO_RECV, .options = (uint8_t)options, .fd = fd, .buf = buf, .len = len}};
    return op_submit(op);
}

__attribute__((unused)) static bool op_recv_flags(struct op *op, int fd, void *buf, size_t len,
                                                  int options, int flags) {
    *op = (struct op){.io = {.code = CEDE__IO_RECV,
                             .options = (uint8_t)options,
                             .fd = fd,
                             .flags = flags,
                             .buf = buf,
                             .len = len}};
    return op_submit(op);
}

__attribute__((unused)) static bool op_send(struct op *op, int fd, const void *buf, size_t len) {
    *op = (struct op){
        .io = {.code = CEDE__IO_SEND, .fd = fd, .buf = (void *)(uintptr_t)buf, .len = len}};
    return op_submit(op);
}

__attribute__((unused)) static bool op_accept(struct op *op, int fd) {
    *op = (struct op){.io = {.code = CEDE__IO_ACCEPT, .fd = fd}};
    return op_submit(op);
}

__attribute__((unused)) static bool op_connect(struct op *op, int fd, const void *address,
                                               socklen_t len) {
    *op = (struct op){
        .io = {.code = CEDE__IO_CONNECT, .fd = fd, .buf = (void *)(uintptr_t)address, .len = len}};
    return op_submit(op);
}

__attribute__((unused)) static bool op_poll(struct op *op, int fd, int events) {
    *op = (struct op){.io = {.code = CEDE__IO_POLL, .fd = fd, .flags = events}};
    return op_submit(op);
}

static void seam_poll(uint64_t until) {
    seam_polling = true;
    seam->poll(backend, until);
    seam_polling = false;
}

/* Polls until the operation has completed, and returns its result. */
__attribute__((unused)) static int op_wait(struct op *op) {
    while (!op_finished(op))
        seam_poll(CEDE_FOREVER);
    return op->io.result;
}

/* Lets happen what can happen without anybody's doing: completes what the kernel already has. */
__attribute__((unused)) static void settle(void) {
    for (int i = 0; i < 4; i++)
        seam_poll(0);
}

/* Withdraws an operation, and waits for its completion if that is still to come. Returns whether
 * it completed; its result says with what. */
__attribute__((unused)) static bool op_cancel(struct op *op) {
    int r;

    if (op_finished(op))
        return true;
    r = seam->cancel(backend, &op->io);
    ck_assert_int_eq(op->calls, 0);
    if (r == 0)
        return false;
    ck_assert_int_eq(r, -EINPROGRESS);
    return op_wait(op) != -ECANCELED;
}

/* Gives an fd up and closes it. */
__attribute__((unused)) static void seam_drop(int fd) {
    seam->forget(backend, fd);
    ck_assert_int_eq(seam->kernel->close(fd), 0);
}

__attribute__((unused)) static void seam_watch(int fd) {
    ck_assert_int_eq(seam->watch(backend, fd), 0);
}

#endif
