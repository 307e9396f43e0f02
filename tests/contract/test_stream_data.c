/* Streams: whole writes, turns, ends, resets. */
#include "coro/annotate.h"
#include "support/net_pair.h"

#include <errno.h>

static void close_both(cede_stream *streams[2]) {
    ck_assert_ptr_null(cede_stream_close(streams[0]));
    ck_assert_ptr_null(cede_stream_close(streams[1]));
}

/* --- Much data ------------------------------------------------------------------------------- */

static uint64_t hash_of(uint64_t hash, const unsigned char *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

struct flood {
    cede_stream *stream;
    size_t size;
    uint64_t hash;
};

static int write_flood(void *arg) {
    static unsigned char data[100003];
    struct flood *flood = arg;
    uint32_t seed = 1;

    for (size_t left = flood->size; left > 0;) {
        size_t n = left < sizeof data ? left : sizeof data;
        int r;

        for (size_t i = 0; i < n; i++)
            data[i] = (unsigned char)((seed = seed * 1664525 + 1013904223) >> 24);
        flood->hash = hash_of(flood->hash, data, n);
        r = cede_stream_write(flood->stream, data, n);
        if (r < 0)
            return r;
        left -= n;
    }
    return cede_stream_shutdown(flood->stream);
}

static void flood_through(size_t size, bool small_buffers) {
    struct flood flood = {.size = size};
    static unsigned char buf[20011];
    cede_stream *streams[2];
    uint64_t hash = 0;
    size_t total = 0, want = 1;
    cede_task *task;
    ssize_t n;

    stream_pair(streams);
    if (small_buffers)
        narrow(cede_stream_fd(streams[0]), cede_stream_fd(streams[1]));
    flood.stream = streams[0];
    ck_assert_int_eq(cede_spawn(NULL, write_flood, &flood, &task), 0);
    while ((n = cede_stream_read(streams[1], buf, want)) > 0) {
        hash = hash_of(hash, buf, (size_t)n);
        total += (size_t)n;
        want = want * 7 % (sizeof buf - 1) + 1; /* small reads and large ones */
    }
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(join_result(task), 0);
    ck_assert_uint_eq(total, size);
    ck_assert_uint_eq(hash, flood.hash);
    close_both(streams);
}

TASK_TEST(much_data_comes_whole_through_small_buffers) {
    flood_through(cede__valgrind_present() ? 1 << 20 : 64 << 20, true);
}

TASK_TEST(much_data_comes_whole_through_large_buffers) {
    flood_through(cede__valgrind_present() ? 1 << 20 : 64 << 20, false);
}

/* --- Turns ----------------------------------------------------------------------------------- */

#define MESSAGE 20000
#define WRITERS 8

struct writer {
    cede_stream *stream;
    char letter;
    int messages;
    size_t size; /* of each message; 0: MESSAGE */
};

static int write_messages(void *arg) {
    struct writer *writer = arg;
    size_t size = writer->size ? writer->size : MESSAGE;
    char *message = malloc(size);
    int r = 0;

    memset(message, writer->letter, size);
    for (int i = 0; i < writer->messages && r == 0; i++)
        r = cede_stream_write(writer->stream, message, size);
    free(message);
    return r;
}

static size_t read_fully(cede_stream *stream, char *buf, size_t size) {
    size_t have = 0;

    while (have < size) {
        ssize_t n = cede_stream_read(stream, buf + have, size - have);

        ck_assert_int_ge(n, 0);
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return have;
}

TASK_TEST(what_several_tasks_write_is_not_mixed) {
    struct writer writers[WRITERS];
    static char message[MESSAGE];
    cede_stream *streams[2];
    struct cede_group group;

    stream_pair(streams);
    narrow(cede_stream_fd(streams[0]), cede_stream_fd(streams[1]));
    cede_group_enter(&group, CEDE_FOREVER);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] =
            (struct writer){.stream = streams[0], .letter = (char)('a' + i), .messages = 5};
        ck_assert_int_eq(cede_spawn(&group, write_messages, &writers[i], NULL), 0);
    }
    for (int i = 0; i < 5 * WRITERS; i++) {
        ck_assert_uint_eq(read_fully(streams[1], message, MESSAGE), MESSAGE);
        for (size_t k = 1; k < MESSAGE; k++)
            ck_assert(message[k] == message[0]);
    }
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    close_both(streams);
}

TASK_TEST(a_cancelled_writer_gives_up_its_turn) {
    struct writer writers[3];
    static char message[MESSAGE];
    cede_stream *streams[2];
    cede_task *tasks[3];

    stream_pair(streams);
    narrow(cede_stream_fd(streams[0]), cede_stream_fd(streams[1]));
    for (int i = 0; i < 3; i++) {
        writers[i] = (struct writer){.stream = streams[0],
                                     .letter = (char)('a' + i),
                                     .messages = 1,
                                     .size = i == 0 ? 16 << 20 : 0};
        ck_assert_int_eq(cede_spawn(NULL, write_messages, &writers[i], &tasks[i]), 0);
    }
    let_wait(tasks[0]);
    ck_assert_str_eq(cede_task_waits_for(tasks[0]), "room to write");
    ck_assert_str_eq(cede_task_waits_for(tasks[1]), "its turn to write");
    cede_task_cancel(tasks[1], -ECANCELED);
    ck_assert_int_eq(join_result(tasks[1]), -ECANCELED);
    cede_task_cancel(tasks[0], -ECANCELED); /* it has the turn; the third one gets it */
    while (!cede_task_done(tasks[2], NULL))
        ck_assert_int_gt(cede_stream_read(streams[1], message, sizeof message), 0);
    ck_assert_int_eq(join_result(tasks[0]), -ECANCELED);
    ck_assert_int_eq(join_result(tasks[2]), 0);
    close_both(streams);
}

/* --- Ends and resets ------------------------------------------------------------------------- */

TASK_TEST(a_half_closed_stream_still_reads) {
    cede_stream *streams[2];
    char buf[16];

    stream_pair(streams);
    ck_assert_int_eq(cede_stream_write(streams[0], "question", 8), 0);
    ck_assert_int_eq(cede_stream_shutdown(streams[0]), 0);
    ck_assert_int_eq(cede_stream_write(streams[0], "more", 4), -EPIPE);
    ck_assert_uint_eq(read_fully(streams[1], buf, 8), 8);
    ck_assert_int_eq(cede_stream_read(streams[1], buf, sizeof buf), 0);
    ck_assert_int_eq(cede_stream_read(streams[1], buf, sizeof buf), 0);
    ck_assert_int_eq(cede_stream_write(streams[1], "answer", 6), 0);
    ck_assert_uint_eq(read_fully(streams[0], buf, 6), 6);
    cede_stream_close(streams[1]);
    ck_assert_int_eq(cede_stream_read(streams[0], buf, sizeof buf), 0);
    cede_stream_close(streams[0]);
}

static int write_for_ever(void *arg) {
    static char data[50000];
    int r;

    do
        r = cede_stream_write(arg, data, sizeof data);
    while (r == 0);
    return r;
}

static int read_to_end(void *arg) {
    char buf[100];
    ssize_t n;

    do
        n = cede_stream_read(arg, buf, sizeof buf);
    while (n > 0);
    return (int)n;
}

/* SIGPIPE has its default disposition here, so it would end the test. */
TASK_TEST(a_reset_ends_a_writer_that_waits) {
    cede_stream *streams[2];
    cede_task *task;
    int r;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, write_for_ever, streams[0], &task), 0);
    let_wait(task);
    ck_assert_ptr_null(cede_stream_abort(streams[1]));
    r = join_result(task);
    ck_assert_msg(r == -ECONNRESET || r == -EPIPE, "%d", r);
    r = cede_stream_write(streams[0], "x", 1);
    ck_assert_msg(r == -ECONNRESET || r == -EPIPE, "%d", r);
    cede_stream_close(streams[0]);
}

TASK_TEST(a_reset_ends_a_reader_that_waits) {
    cede_stream *streams[2];
    cede_task *task;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, read_to_end, streams[0], &task), 0);
    let_wait(task);
    cede_stream_abort(streams[1]);
    ck_assert_int_eq(join_result(task), -ECONNRESET);
    cede_stream_close(streams[0]);
}

/* A peer that closes with bytes unread resets; the writer learns of it. */
TASK_TEST(a_peer_that_goes_away_ends_the_writer) {
    cede_stream *streams[2];
    cede_task *task;
    int r;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, write_for_ever, streams[0], &task), 0);
    let_wait(task);
    cede_stream_close(streams[1]);
    r = join_result(task);
    ck_assert_msg(r == -ECONNRESET || r == -EPIPE, "%d", r);
    cede_stream_close(streams[0]);
}

/* --- Closing under those who use it ---------------------------------------------------------- */

TASK_TEST(closing_wakes_readers) {
    cede_stream *streams[2];
    cede_task *tasks[3];

    stream_pair(streams);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cede_spawn(NULL, read_to_end, streams[0], &tasks[i]), 0);
    let_wait(tasks[2]);
    cede_stream_close(streams[0]);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(join_result(tasks[i]), -EBADF);
    cede_stream_close(streams[1]);
}

TASK_TEST(closing_wakes_all_writers) {
    struct writer writers[4];
    cede_stream *streams[2], *others[2];
    cede_task *tasks[4];
    char byte;

    stream_pair(streams);
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){.stream = streams[0], .letter = 'x', .messages = 10000};
        ck_assert_int_eq(cede_spawn(NULL, write_messages, &writers[i], &tasks[i]), 0);
    }
    let_wait(tasks[3]);
    cede_stream_close(streams[0]);
    stream_pair(others); /* the fd's number is used again before the writers have run */
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(join_result(tasks[i]), -EBADF);
    cede_stream_close(others[0]);
    ck_assert_int_eq(cede_stream_read(others[1], &byte, 1), 0); /* and got none of their bytes */
    cede_stream_close(others[1]);
    cede_stream_close(streams[1]);
}

/* Also when a writer has its turn and is woken, but has not run when the stream is closed; or has
 * written all, and not yet run. */
TASK_TEST(closing_at_every_stage_of_three_writers) {
    enum { SIZE = 60000, ALL = 3 * SIZE };

    for (int stage = 0; stage < 60; stage++) {
        struct writer writer = {.letter = 'x', .messages = 1, .size = SIZE};
        cede_stream *streams[2];
        cede_task *tasks[3];
        static char buf[MESSAGE];
        ssize_t total = 0;

        stream_pair(streams);
        narrow(cede_stream_fd(streams[0]), cede_stream_fd(streams[0]));
        writer.stream = streams[0];
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(cede_spawn(NULL, write_messages, &writer, &tasks[i]), 0);
        settle();
        for (int i = 0; i < stage && total < ALL; i++) {
            ssize_t n = cede_stream_read(streams[1], buf, sizeof buf);

            ck_assert_int_gt(n, 0);
            total += n;
        }
        cede_stream_close(streams[0]);
        for (int i = 0; i < 3; i++) {
            int r = join_result(tasks[i]);

            ck_assert_msg(r == 0 || r == -EBADF, "%d", r);
        }
        cede_stream_close(streams[1]);
    }
}

/* --- Odds and ends --------------------------------------------------------------------------- */

TASK_TEST(the_peer_is_known_also_after_the_connection_has_gone) {
    char text[CEDE_ADDRESS_TEXT], expected[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(expected), fd;
    cede_stream *stream;

    ck_assert_int_eq(cede_connect(expected, &stream), 0);
    fd = cede_accept(listener, NULL);
    cede_close(fd);
    cede_close(listener);
    ck_assert_int_eq(read_to_end(stream), 0);
    cede_address_format(cede_stream_peer(stream), text, sizeof text);
    ck_assert_str_eq(text, expected);
    cede_stream_close(stream);
}

TASK_TEST(null_streams_are_closed) {
    ck_assert_ptr_null(cede_stream_close(NULL));
    ck_assert_ptr_null(cede_stream_abort(NULL));
}

TASK_TEST(empty_reads_and_writes_are_cancellation_points_too) {
    cede_stream *streams[2];
    struct cede_scope scope;
    char byte;

    stream_pair(streams);
    ck_assert_int_eq(cede_stream_read(streams[0], &byte, 0), 0);
    ck_assert_int_eq(cede_stream_write(streams[0], NULL, 0), 0);
    cede_scope_enter(&scope, 0);
    ck_assert_int_eq(cede_stream_read(streams[0], &byte, 0), -ECANCELED);
    ck_assert_int_eq(cede_stream_write(streams[0], NULL, 0), -ECANCELED);
    cede_scope_leave(&scope, 0);
    close_both(streams);
}

static void use_in_callback(void *arg) {
    char byte = 0;

    ck_assert_int_eq(cede_stream_read(arg, &byte, 1), -EPERM);
    ck_assert_int_eq(cede_stream_write(arg, &byte, 1), -EPERM);
    trace('c');
}

/* Also while a task writes, when a write would have to wait for its turn. */
TASK_TEST(callbacks_cannot_read_or_write) {
    cede_stream *streams[2];
    cede_task *task;

    stream_pair(streams);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), use_in_callback, streams[0], NULL),
                     0);
    settle();
    ck_assert_int_eq(cede_spawn(NULL, write_for_ever, streams[0], &task), 0);
    let_wait(task);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), use_in_callback, streams[0], NULL),
                     0);
    settle();
    ck_assert_trace("cc");
    cede_stream_close(streams[0]);
    ck_assert_int_eq(join_result(task), -EBADF);
    cede_stream_close(streams[1]);
}

TASK_TEST(a_writer_that_always_finds_room_starves_nobody) {
    cede_stream *streams[2];
    cede_task *task;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, write_for_ever, streams[0], &task), 0);
    for (int i = 0; i < 5; i++) { /* the kernel discards as fast as it comes */
        char buf[1000];

        ck_assert_int_gt(cede_stream_read(streams[1], buf, sizeof buf), 0);
        ck_assert_int_eq(cede_sleep(1), 0);
    }
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(join_result(task), -ECANCELED);
    close_both(streams);
}

CEDE_CHECK_MAIN("stream", much_data_comes_whole_through_small_buffers,
                much_data_comes_whole_through_large_buffers, what_several_tasks_write_is_not_mixed,
                a_cancelled_writer_gives_up_its_turn, a_half_closed_stream_still_reads,
                a_reset_ends_a_writer_that_waits, a_reset_ends_a_reader_that_waits,
                a_peer_that_goes_away_ends_the_writer, closing_wakes_readers,
                closing_wakes_all_writers, closing_at_every_stage_of_three_writers,
                the_peer_is_known_also_after_the_connection_has_gone, null_streams_are_closed,
                empty_reads_and_writes_are_cancellation_points_too, callbacks_cannot_read_or_write,
                a_writer_that_always_finds_room_starves_nobody)
