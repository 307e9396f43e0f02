/* Polling a stream that is read ahead: what has been received counts as well as what the kernel
 * still has. */
#include "check_main.h"

#include "support/scale.h"
#include "support/seam.h"

#include <cede/timer.h>

static char buffer[64];

static void open_pair(int fds[2]) {
    tcp_pair(fds);
    seam_watch(fds[0]);
}

static void close_pair(int fds[2]) {
    close(fds[1]);
    seam_drop(fds[0]);
    settle();
}

static int receive(int fd, size_t size) {
    struct op op;

    op_recv(&op, fd, buffer, size, CEDE__IO_READ_AHEAD);
    return op_wait(&op);
}

START_TEST(what_a_reader_left_can_be_polled) {
    struct op op;
    int fds[2];

    seam_open();
    open_pair(fds);
    put(fds[1], "ab", 2);
    ck_assert_int_eq(receive(fds[0], 1), 1);
    settle();
    for (int i = 0; i < 3; i++) {
        op_poll(&op, fds[0], POLLIN);
        ck_assert_int_eq(op_wait(&op) & POLLIN, POLLIN);
    }
    ck_assert_int_eq(receive(fds[0], 1), 1);
    ck_assert(!op_poll(&op, fds[0], POLLIN));
    settle();
    ck_assert(!op_finished(&op));
    ck_assert(!op_cancel(&op));
    close_pair(fds);
    seam_close();
}
END_TEST

/* The poll is there before the reader, or comes after it: the kernel asks them in another order. */
START_TEST(a_poll_sees_what_a_reader_leaves) {
    struct op poll_op, recv_op;
    int fds[2];

    for (int first = 0; first < 2; first++) {
        seam_open();
        open_pair(fds);
        for (int i = 0; i < 100; i++) {
            if (first == 0) {
                ck_assert(!op_poll(&poll_op, fds[0], POLLIN));
                settle();
            }
            ck_assert(!op_recv(&recv_op, fds[0], buffer, 1, CEDE__IO_READ_AHEAD));
            if (first == 1) {
                settle();
                ck_assert(!op_poll(&poll_op, fds[0], POLLIN));
            }
            settle();
            put(fds[1], "ab", 2);
            ck_assert_int_eq(op_wait(&recv_op), 1);
            ck_assert_int_eq(op_wait(&poll_op) & POLLIN, POLLIN);
            ck_assert_int_eq(receive(fds[0], 1), 1);
        }
        close_pair(fds);
        seam_close();
    }
}
END_TEST

START_TEST(a_poll_sees_what_nobody_reads) {
    struct op polls[3], op;
    int fds[2];

    for (int end = 0; end < 3; end++) {
        seam_open();
        open_pair(fds);
        put(fds[1], "a", 1);
        for (int i = 0; i < 2; i++) /* from here on, a backend that reads ahead may do so */
            ck_assert(!op_poll(&polls[i], fds[0], POLLIN) || polls[i].io.result & POLLIN);
        ck_assert_int_eq(receive(fds[0], 10), 1);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(op_wait(&polls[i]) & POLLIN, POLLIN);
        for (int i = 0; i < 3; i++)
            ck_assert(!op_poll(&polls[i], fds[0], POLLIN));
        ck_assert(!op_recv(&op, fds[0], buffer, 10, CEDE__IO_READ_AHEAD));
        settle();
        ck_assert(!op_cancel(&op));
        if (end == 0)
            put(fds[1], "b", 1);
        else if (end == 1)
            shutdown(fds[1], SHUT_WR);
        else
            tcp_reset(fds[1]);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(op_wait(&polls[i]) & POLLIN, POLLIN);
        settle();
        op_poll(&op, fds[0], POLLIN);
        ck_assert_int_eq(op_wait(&op) & POLLIN, POLLIN);
        ck_assert_int_eq(receive(fds[0], 10), end == 0 ? 1 : end == 1 ? 0 : -ECONNRESET);
        if (end < 2)
            close(fds[1]);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(polling_for_room_is_another_matter) {
    struct op op;
    int fds[2];

    seam_open();
    open_pair(fds);
    do
        op_send(&op, fds[0], buffer, sizeof buffer);
    while (settle(), op_finished(&op));
    ck_assert(!op_cancel(&op));
    put(fds[1], "ab", 2);
    ck_assert_int_eq(receive(fds[0], 1), 1);
    settle();
    ck_assert(!op_poll(&op, fds[0], POLLOUT));
    settle();
    ck_assert(!op_finished(&op));
    ck_assert(!op_cancel(&op));
    close_pair(fds);
    seam_close();
}
END_TEST

/* Cancelled or forgotten when the answer is there or on its way: it completes once, or not at all.
 */
START_TEST(a_poll_that_is_answered_may_be_given_up) {
    struct op poll_op, recv_op;
    int fds[2];

    for (size_t round = 0; round < scaled(400); round++) {
        seam_open();
        open_pair(fds);
        ck_assert(!op_poll(&poll_op, fds[0], POLLIN));
        settle();
        ck_assert(!op_recv(&recv_op, fds[0], buffer, 1, CEDE__IO_READ_AHEAD));
        settle();
        put(fds[1], "ab", 2);
        for (size_t i = round % 4; i > 0; i--)
            seam_poll(0);
        if (round % 8 < 4) {
            if (op_cancel(&poll_op))
                ck_assert_int_eq(poll_op.io.result & POLLIN, POLLIN);
            ck_assert_int_eq(op_wait(&recv_op), 1);
            close_pair(fds);
        } else {
            close_pair(fds);
            op_wait(&poll_op);
            ck_assert(poll_op.io.result == -EBADF || poll_op.io.result & POLLIN);
            op_wait(&recv_op);
        }
        seam_close();
    }
}
END_TEST

CEDE_CHECK_MAIN("seam_ahead_poll", what_a_reader_left_can_be_polled,
                a_poll_sees_what_a_reader_leaves, a_poll_sees_what_nobody_reads,
                polling_for_room_is_another_matter, a_poll_that_is_answered_may_be_given_up)
