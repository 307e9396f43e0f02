/* Streams that a backend may read ahead: every byte comes, once, in order, and its end after it. */
#include "check_main.h"

#include "support/random.h"
#include "support/scale.h"
#include "support/seam.h"

#include <cede/timer.h>
#ifdef CEDE_HAVE_URING
#include "loop/uring.h"
#endif

static char buffer[65536];

static void fill_pattern(char *data, size_t size, size_t at) {
    for (size_t i = 0; i < size; i++)
        data[i] = (char)((at + i) % 251);
}

static void check_pattern(const char *data, size_t size, size_t at) {
    size_t right = 0;

    while (right < size && data[right] == (char)((at + right) % 251))
        right++;
    ck_assert_uint_eq(right, size);
}

/* Sends what there is room for; returns how much that was. */
static size_t push(int fd, size_t size, size_t at) {
    static char data[65536];
    ssize_t n;

    fill_pattern(data, size, at);
    n = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    ck_assert(n > 0 || errno == EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

static void set_buffers(int fds[2], int size) {
    /* Beyond the system's limit where that is allowed, else up to it. */
    if (setsockopt(fds[0], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fds[0], SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (setsockopt(fds[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/* How many shared buffers the fd holds, where there are any. */
static unsigned inbox_of(int fd) {
#ifdef CEDE_HAVE_URING
    if (seam == &cede__backend_uring) {
        struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);

        return slot->inbox_count;
    }
#endif
    (void)fd;
    return 0;
}

static void close_pair(int fds[2]) {
    close(fds[1]);
    seam_drop(fds[0]);
    settle();
}

static void open_pair(int fds[2]) {
    tcp_pair(fds);
    seam_watch(fds[0]);
}

static size_t receive(int fd, size_t size, size_t at) {
    struct op op;

    op_recv(&op, fd, buffer, size, CEDE__IO_READ_AHEAD);
    ck_assert_int_ge(op_wait(&op), 0);
    check_pattern(buffer, (size_t)op.io.result, at);
    return (size_t)op.io.result;
}

/* Receives of any size, some into the caller's memory directly, some from what was read ahead. */
START_TEST(mixed_sizes_give_the_stream) {
    size_t total = scaled(8 << 20), sent = 0, received = 0;
    uint64_t random = 11;
    int fds[2];

    seam_open();
    open_pair(fds);
    set_buffers(fds, 100000);
    while (received < total) {
        for (uint64_t i = random_below(&random, 4); i > 0 && sent < total; i--) {
            size_t size = 1 + random_magnitude(&random, 14);

            sent += push(fds[1], size < total - sent ? size : total - sent, sent);
        }
        if (random_below(&random, 3) == 0)
            seam_poll(0);
        if (sent > received)
            received += receive(fds[0], 1 + random_magnitude(&random, 15), received);
    }
    shutdown(fds[1], SHUT_WR);
    ck_assert_uint_eq(receive(fds[0], 100, received), 0);
    close_pair(fds);
    seam_close();
}
END_TEST

/* Several receives wait at once, of any size, some of them are withdrawn. */
START_TEST(queued_receives_give_the_stream) {
    enum { QUEUE = 8 };
    static char buffers[QUEUE][16384];
    size_t rounds = scaled(3000), sent = 0, received = 0;
    struct op ops[QUEUE];
    bool withdrawn[QUEUE];
    uint64_t random = 13;
    int fds[2];

    seam_open();
    open_pair(fds);
    for (size_t round = 0; round < rounds; round++) {
        for (int i = 0; i < QUEUE; i++) {
            op_recv(&ops[i], fds[0], buffers[i], 1 + random_magnitude(&random, 14),
                    random_below(&random, 4) ? CEDE__IO_READ_AHEAD : 0);
            if (random_below(&random, 4) == 0)
                sent += push(fds[1], 1 + random_magnitude(&random, 14), sent);
            if (random_below(&random, 4) == 0)
                seam_poll(0);
        }
        for (int i = QUEUE; i-- > 0;)
            withdrawn[i] = random_below(&random, 3) == 0 && !op_cancel(&ops[i]);
        while (sent - received < sizeof buffers && push(fds[1], 16384, sent) == 16384 && ++sent)
            sent += 16383;
        for (int i = 0; i < QUEUE; i++) {
            if (withdrawn[i])
                continue;
            int n = op_wait(&ops[i]);
            ck_assert_int_gt(n, 0);
            check_pattern(buffers[i], (size_t)n, received);
            received += (size_t)n;
        }
    }
    shutdown(fds[1], SHUT_WR);
    for (size_t n; (n = receive(fds[0], 4096, received)) > 0;)
        received += n;
    ck_assert_uint_eq(received, sent);
    close_pair(fds);
    seam_close();
}
END_TEST

/* A peer that sends much more than anybody reads: what is read ahead has a bound, and so has what
 * it can send. */
START_TEST(a_reader_who_stops_is_not_run_over) {
    size_t sent, received = 0, idle = 0, n;
    int fds[2];

    seam_open();
    open_pair(fds);
    set_buffers(fds, 4 << 20);
    sent = push(fds[1], 10, 0);
    received += receive(fds[0], 5, 0);
    while (idle < 50) {
        n = push(fds[1], 65536, sent);
        idle = n ? 0 : idle + 1;
        sent += n;
        if (n == 0 || sent % 3 == 0)
            seam_poll(0);
        ck_assert_uint_lt(sent, 64 << 20);
    }
    ck_assert_uint_le(inbox_of(fds[0]), 64);
    shutdown(fds[1], SHUT_WR);
    while ((n = receive(fds[0], 5000, received)) > 0)
        received += n;
    ck_assert_uint_eq(received, sent);
    close_pair(fds);
    seam_close();
}
END_TEST

/* All that is in the socket when the backend looks, in one go. */
START_TEST(a_burst_of_many_buffers_is_not_lost) {
    size_t sent, received = 0, n;
    int fds[2];

    seam_open();
    open_pair(fds);
    set_buffers(fds, 4 << 20);
    sent = push(fds[1], 10, 0);
    received += receive(fds[0], 10, 0);
    while ((n = push(fds[1], 65536, sent)) > 0)
        sent += n;
    for (int i = 0; i < 100; i++)
        seam_poll(0);
    ck_assert_uint_le(inbox_of(fds[0]), 64);
    shutdown(fds[1], SHUT_WR);
    while ((n = receive(fds[0], 60000, received)) > 0)
        received += n;
    ck_assert_uint_eq(received, sent);
    close_pair(fds);
    seam_close();
}
END_TEST

START_TEST(the_end_comes_after_the_data) {
    int fds[2];

    for (int reset = 0; reset < 2; reset++) {
        struct op op;

        seam_open();
        open_pair(fds);
        push(fds[1], 1, 0);
        receive(fds[0], 1, 0); /* from here on the backend may read ahead */
        push(fds[1], 99, 1);
        settle();
        if (reset)
            tcp_reset(fds[1]);
        else
            close(fds[1]);
        settle();
        ck_assert_uint_eq(receive(fds[0], 9, 1), 9);
        if (!reset)
            ck_assert_uint_eq(receive(fds[0], 100, 10), 90);
        op_recv(&op, fds[0], buffer, 100, CEDE__IO_READ_AHEAD);
        while (op_wait(&op) > 0) /* a reset may overtake what nobody had taken yet */
            op_recv(&op, fds[0], buffer, 100, CEDE__IO_READ_AHEAD);
        ck_assert_int_eq(op.io.result, reset ? -ECONNRESET : 0);
        for (int i = 0; i < 3; i++)
            ck_assert_uint_eq(receive(fds[0], 100, 0), 0);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(the_end_reaches_every_receiver_that_waits) {
    struct op ops[3];
    int fds[2];

    seam_open();
    open_pair(fds);
    for (int i = 0; i < 3; i++)
        ck_assert(!op_recv(&ops[i], fds[0], buffer, 10, CEDE__IO_READ_AHEAD));
    settle();
    push(fds[1], 4, 0);
    shutdown(fds[1], SHUT_WR);
    ck_assert_int_eq(op_wait(&ops[0]), 4);
    ck_assert_int_eq(op_wait(&ops[1]), 0);
    ck_assert_int_eq(op_wait(&ops[2]), 0);
    close_pair(fds);
    seam_close();
}
END_TEST

/* Slow readers that sit on all of the shared buffers do not keep the others from receiving. */
START_TEST(exhausted_buffers_hold_nobody_up) {
    enum { SLOW = 200 };
    static int slow[SLOW][2];
    struct op op, other;
    int fds[2];

    seam_open();
    for (int i = 0; i < SLOW; i++) {
        open_pair(slow[i]);
        push(slow[i][1], 2, 0);
        ck_assert_uint_eq(receive(slow[i][0], 1, 0), 1);
        for (int k = 0; k < 20; k++) {
            push(slow[i][1], 1, (size_t)k + 2);
            if (k < 10)
                seam_poll(0);
        }
    }
    settle();
    open_pair(fds);
    for (size_t at = 0; at < 1000; at += 10) {
        op_recv(&op, fds[0], buffer, 5, CEDE__IO_READ_AHEAD);
        op_recv(&other, fds[0], buffer + 5, 5, CEDE__IO_READ_AHEAD);
        ck_assert_uint_eq(push(fds[1], 10, at), 10);
        ck_assert_int_eq(op_wait(&op), 5);
        ck_assert_int_eq(op_wait(&other), 5);
        check_pattern(buffer, 10, at);
    }
    for (int i = 0; i < SLOW; i++) {
        shutdown(slow[i][1], SHUT_WR);
        size_t at = 1, n;
        while ((n = receive(slow[i][0], 100, at)) > 0)
            at += n;
        ck_assert_uint_eq(at, 22);
        close_pair(slow[i]);
    }
    close_pair(fds);
    seam_close();
}
END_TEST

START_TEST(a_thousand_withdrawn_receives_leave_the_buffers_whole) {
    struct op op;
    size_t at = 0;
    int fds[2];

    seam_open();
    open_pair(fds);
    for (int i = 0; i < 1000; i++) {
        ck_assert(!op_recv(&op, fds[0], buffer, 10, CEDE__IO_READ_AHEAD));
        push(fds[1], 3, at);
        if (i % 2)
            seam_poll(0);
        if (!op_cancel(&op))
            ck_assert_uint_eq(receive(fds[0], 10, at), 3);
        else
            ck_assert_int_eq(op.io.result, 3);
        at += 3;
    }
    close_pair(fds);
    seam_close();
}
END_TEST

/* A read stops at the mark of urgent data, although more is there behind it. */
START_TEST(urgent_data_does_not_stop_the_stream) {
    struct op op;
    size_t got = 0;
    int fds[2];

    for (int round = 0; round < 8; round++) {
        seam_open();
        open_pair(fds);
        put(fds[1], "x", 1);
        op_recv(&op, fds[0], buffer, 100, CEDE__IO_READ_AHEAD);
        ck_assert_int_eq(op_wait(&op), 1);
        bool waits = round & 1;
        if (waits)
            ck_assert(!op_recv(&op, fds[0], buffer, 100, CEDE__IO_READ_AHEAD));
        if (round & 2)
            settle();
        put(fds[1], "ab", 2);
        ck_assert_int_eq(send(fds[1], "!", 1, MSG_OOB), 1);
        put(fds[1], "cd", 2);
        if (round & 4)
            settle();
        for (got = 0; got < 4; got += (size_t)op.io.result) {
            if (!waits || got > 0)
                op_recv(&op, fds[0], buffer + got, 100, CEDE__IO_READ_AHEAD);
            ck_assert_int_gt(op_wait(&op), 0);
        }
        ck_assert_mem_eq(buffer, "abcd", 4);
        close_pair(fds);
        seam_close();
    }
}
END_TEST

static void put_with_fd(int fd, const char *data, size_t size) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct iovec vector = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};

    memcpy(CMSG_DATA(&control.header), &(int){0}, sizeof(int));
    ck_assert_int_eq(sendmsg(fd, &message, 0), (ssize_t)size);
}

/* A read of a Unix stream stops behind what came with an fd, although more is there. */
START_TEST(passed_fds_do_not_stop_a_unix_stream_and_do_not_leak) {
    struct op op;
    int fds[2];

    seam_open();
    for (int round = 0; round < 4; round++) {
        int before = fds_open();

        unix_pair(fds);
        seam_watch(fds[0]);
        put(fds[1], "x", 1);
        op_recv(&op, fds[0], buffer, 100, CEDE__IO_READ_AHEAD);
        ck_assert_int_eq(op_wait(&op), 1);
        if (round & 1) {
            ck_assert(!op_recv(&op, fds[0], buffer, 100, CEDE__IO_READ_AHEAD));
            settle();
            ck_assert(!op_cancel(&op));
        }
        put_with_fd(fds[1], "ab", 2);
        put_with_fd(fds[1], "cd", 2);
        put(fds[1], "ef", 2);
        if (round & 2)
            settle();
        for (size_t got = 0; got < 6; got += (size_t)op.io.result) {
            op_recv(&op, fds[0], buffer + got, 100, CEDE__IO_READ_AHEAD);
            ck_assert_int_gt(op_wait(&op), 0);
        }
        ck_assert_mem_eq(buffer, "abcdef", 6);
        close_pair(fds);
        ck_assert_int_eq(fds_open(), before);
    }
    seam_close();
}
END_TEST

CEDE_CHECK_MAIN("seam_ahead", mixed_sizes_give_the_stream, queued_receives_give_the_stream,
                a_reader_who_stops_is_not_run_over, a_burst_of_many_buffers_is_not_lost,
                the_end_comes_after_the_data, the_end_reaches_every_receiver_that_waits,
                exhausted_buffers_hold_nobody_up,
                a_thousand_withdrawn_receives_leave_the_buffers_whole,
                urgent_data_does_not_stop_the_stream,
                passed_fds_do_not_stop_a_unix_stream_and_do_not_leak)
