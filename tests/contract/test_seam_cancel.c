/* Cancelling on the seam: what is withdrawn has taken nothing, what had happened is delivered. */
#include "check_main.h"

#include "support/random.h"
#include "support/scale.h"
#include "support/seam.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static char buffer[4096];

START_TEST(a_withdrawn_receive_takes_nothing) {
    struct op op;
    int fds[2];

    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        ck_assert(!op_recv(&op, fds[0], buffer, sizeof buffer, options));
        settle();
        ck_assert(!op_cancel(&op));
        put(fds[1], "abc", 3);
        settle();
        ck_assert_int_le(op.calls, 1);
        op_recv(&op, fds[0], buffer, sizeof buffer, options);
        ck_assert_int_eq(op_wait(&op), 3);
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(any_operation_can_be_cancelled) {
    static char data[1000000];
    struct sockaddr_in address;
    /* 192.0.2.0/24 is nobody's: the connection stays in progress, or is refused at once. */
    struct sockaddr_in nobody = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0xc0000201)}};
    struct op accept_op, send_op, poll_op, connect_op;
    int listener, fds[2], fd;

    seam_open();
    listener = tcp_listener(&address);
    tcp_pair(fds);
    fd = seam->kernel->socket(AF_INET, SOCK_STREAM, 0);
    do
        op_send(&send_op, fds[0], data, sizeof data);
    while (settle(), op_finished(&send_op));
    ck_assert(!op_accept(&accept_op, listener));
    ck_assert(!op_poll(&poll_op, fds[0], POLLIN));
    op_connect(&connect_op, fd, &nobody, sizeof nobody);
    settle();
    ck_assert(!op_cancel(&accept_op));
    ck_assert(!op_cancel(&poll_op));
    ck_assert(!op_cancel(&send_op));
    op_cancel(&connect_op);
    ck_assert_uint_eq(seam->pending(backend), 0);
    seam_drop(fd);
    close(fds[0]);
    close(fds[1]);
    close(listener);
    settle();
    seam_close();
}
END_TEST

/* A queue of five receives, of which any may go: the others get the data, in their order. */
START_TEST(cancelling_one_of_a_queue_leaves_the_others) {
    struct op ops[5];
    char bytes[5];
    int fds[2];

    for (int round = 0; round < 20; round++) {
        int options = round % 2, gone = round / 2 % 5, next = 0;

        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        for (int i = 0; i < 5; i++)
            ck_assert(!op_recv(&ops[i], fds[0], &bytes[i], 1, options));
        if (round >= 10)
            settle();
        ck_assert(!op_cancel(&ops[gone]));
        put(fds[1], "0123", 4);
        for (int i = 0; i < 5; i++) {
            if (i == gone)
                continue;
            ck_assert_int_eq(op_wait(&ops[i]), 1);
            ck_assert_int_eq(bytes[i], '0' + next++);
        }
        ck_assert_int_eq(ops[gone].io.result > 0, 0);
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

static int race_fd;
static size_t race_bytes;
static atomic_bool race_over;

/* Writes a stream in which every byte says its place, in pieces of any size. */
static void *write_stream(void *arg) {
    uint64_t random = 1;
    unsigned char piece[512];
    size_t at = 0;

    (void)arg;
    while (!atomic_load(&race_over)) {
        size_t size = 1 + random_below(&random, 200);

        for (size_t i = 0; i < size; i++)
            piece[i] = (unsigned char)((at + i) % 251);
        ssize_t n = send(race_fd, piece, size, MSG_DONTWAIT);
        if (n > 0)
            at += (size_t)n;
        else
            sched_yield();
    }
    race_bytes = at;
    shutdown(race_fd, SHUT_WR);
    return NULL;
}

static size_t check_stream(const char *data, size_t size, size_t at) {
    size_t right = 0;

    while (right < size && (unsigned char)data[right] == (at + right) % 251)
        right++;
    ck_assert_uint_eq(right, size);
    return at + size;
}

static void race_receives(int options, size_t rounds) {
    uint64_t random = 7;
    pthread_t writer;
    size_t at = 0;
    struct op op;
    int fds[2];

    seam_open();
    tcp_pair(fds);
    seam_watch(fds[0]);
    race_fd = fds[1];
    atomic_store(&race_over, false);
    ck_assert_int_eq(pthread_create(&writer, NULL, write_stream, NULL), 0);
    for (size_t i = 0; i < rounds; i++) {
        op_recv(&op, fds[0], buffer, 1 + random_below(&random, 300), options);
        for (uint64_t polls = random_below(&random, 3); polls > 0 && !op_finished(&op); polls--)
            seam_poll(0);
        if (op_cancel(&op)) {
            ck_assert_int_gt(op.io.result, 0);
            at = check_stream(buffer, (size_t)op.io.result, at);
        }
    }
    atomic_store(&race_over, true);
    do {
        op_recv(&op, fds[0], buffer, sizeof buffer, options);
        at = check_stream(buffer, (size_t)op_wait(&op), at);
    } while (op.io.result > 0);
    ck_assert_int_eq(pthread_join(writer, NULL), 0);
    ck_assert_uint_eq(at, race_bytes);
    close(fds[1]);
    seam_drop(fds[0]);
    settle();
    seam_close();
}

START_TEST(a_hundred_thousand_cancels_lose_no_byte) {
    race_receives(0, scaled(100000));
}
END_TEST

START_TEST(a_hundred_thousand_cancels_lose_no_byte_that_was_read_ahead) {
    race_receives(CEDE__IO_READ_AHEAD, scaled(100000));
}
END_TEST

/* The connection comes just before, just after, or in the middle of the cancel. */
START_TEST(cancelled_accepts_leak_no_fd) {
    struct sockaddr_un address;
    struct op op;
    socklen_t len;
    size_t rounds = scaled(20000), accepted = 0;
    int listener, before, client;
    uint64_t random = 3;

    seam_open();
    listener = unix_listener(128, &address, &len);
    before = fds_open();
    for (size_t i = 0; i < rounds; i++) {
        uint64_t when = random_below(&random, 3);

        client = socket(AF_UNIX, SOCK_STREAM, 0);
        if (when == 0)
            ck_assert_int_eq(connect(client, (struct sockaddr *)&address, len), 0);
        op_accept(&op, listener);
        if (random_below(&random, 2))
            seam_poll(0);
        if (when == 1)
            ck_assert_int_eq(connect(client, (struct sockaddr *)&address, len), 0);
        bool completed = op_cancel(&op);
        if (when == 2)
            ck_assert_int_eq(connect(client, (struct sockaddr *)&address, len), 0);
        if (!completed) { /* then it waits for the next one, and is not lost */
            op_accept(&op, listener);
            op_wait(&op);
        }
        ck_assert_int_ge(op.io.result, 0);
        accepted++;
        close(op.io.result);
        close(client);
    }
    ck_assert_uint_eq(accepted, rounds);
    ck_assert_int_eq(fds_open(), before);
    close(listener);
    seam_close();
}
END_TEST

START_TEST(a_cancel_does_not_reach_a_later_operation_of_the_same_memory) {
    struct op op;
    int fds[2];

    seam_open();
    unix_pair(fds);
    for (int i = 0; i < 1000; i++) {
        ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
        if (i % 2)
            seam_poll(0);
        ck_assert(!op_cancel(&op));
        ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
        settle();
        ck_assert(!op_finished(&op));
        put(fds[1], "x", 1);
        ck_assert_int_eq(op_wait(&op), 1);
    }
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

CEDE_CHECK_MAIN("seam_cancel", a_withdrawn_receive_takes_nothing, any_operation_can_be_cancelled,
                cancelling_one_of_a_queue_leaves_the_others,
                a_hundred_thousand_cancels_lose_no_byte,
                a_hundred_thousand_cancels_lose_no_byte_that_was_read_ahead,
                cancelled_accepts_leak_no_fd,
                a_cancel_does_not_reach_a_later_operation_of_the_same_memory)
