/* Channels: what is received is what was sent, in order, by whoever has waited longest. */
#include "support/spawned.h"

#include <errno.h>

static cede_channel *channel;

static void make(size_t value_size, size_t capacity) {
    ck_assert_int_eq(cede_channel_new(&channel, value_size, capacity), 0);
}

static struct cede_channel_stats stats(void) {
    struct cede_channel_stats now;

    cede_channel_stat(channel, &now);
    return now;
}

static void send_now(char c) {
    ck_assert_int_eq(cede_channel_send_nowait(channel, &c), 0);
}

static char recv_now(void) {
    char c;

    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), 0);
    return c;
}

/* Sends the characters of a string, and traces '+' after each, or '!' and stops. */
static int send_text(void *arg) {
    int r = 0;

    for (const char *c = arg; *c && r == 0; c++) {
        r = cede_channel_send(channel, c);
        trace(r == 0 ? '+' : '!');
    }
    return r;
}

/* Receives one value, and traces it. */
static int recv_one(void *arg) {
    char c;
    int r = cede_channel_recv(channel, &c);

    (void)arg;
    if (r == 0)
        trace(c);
    return r;
}

START_TEST(a_value_of_no_bytes_is_refused) {
    cede_channel *none = NULL;

    ck_assert_int_eq(cede_channel_new(&none, 0, 1), -EINVAL);
    ck_assert_int_eq(cede_channel_new(&none, SIZE_MAX / 2, 3), -ENOMEM);
    ck_assert_int_eq(cede_channel_new(&none, 1, SIZE_MAX), -ENOMEM);
    ck_assert_ptr_null(none);
    ck_assert_ptr_null(cede_channel_unref(none));
}
END_TEST

START_TEST(a_channel_works_without_a_task_as_long_as_nobody_waits) {
    char c = 'x';

    make(1, 1);
    send_now('a');
    ck_assert_int_eq(cede_channel_send_nowait(channel, &c), -EAGAIN);
    ck_assert_int_eq(cede_channel_send(channel, &c), -EPERM);
    ck_assert_int_eq(recv_now(), 'a');
    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), -EAGAIN);
    ck_assert_int_eq(cede_channel_recv(channel, &c), -EPERM);
    ck_assert_int_eq(c, 'x');
    ck_assert_ptr_eq(cede_channel_ref(channel), channel);
    cede_channel_unref(channel);
    send_now('b');
    cede_channel_unref(channel);
}
END_TEST

TASK_TEST(a_rendezvous_holds_the_sender_until_its_value_is_received) {
    cede_task *sender;

    make(1, 0);
    sender = spawned(send_text, "ab");
    settle();
    ck_assert_trace("");
    ck_assert_uint_eq(stats().senders, 1);
    recv_one(NULL);
    settle();
    ck_assert_trace("a+");
    recv_one(NULL);
    ck_assert_int_eq(joined(sender), 0);
    ck_assert_trace("a+b+");
    cede_channel_unref(channel);
}

TASK_TEST(a_rendezvous_without_a_partner_would_block) {
    char c = 'x';
    cede_task *task;

    make(1, 0);
    ck_assert_int_eq(cede_channel_send_nowait(channel, &c), -EAGAIN);
    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), -EAGAIN);
    task = spawned(recv_one, NULL);
    settle();
    send_now('y');
    ck_assert_int_eq(cede_channel_send_nowait(channel, &c), -EAGAIN);
    ck_assert_int_eq(joined(task), 0);
    ck_assert_trace("y");
    cede_channel_unref(channel);
}

TASK_TEST(a_buffer_holds_senders_only_when_it_is_full) {
    cede_task *sender;

    make(1, 2);
    sender = spawned(send_text, "abcd");
    settle();
    ck_assert_trace("++");
    ck_assert_uint_eq(stats().length, 2);
    ck_assert_uint_eq(stats().capacity, 2);
    ck_assert_uint_eq(stats().senders, 1);
    ck_assert_int_eq(recv_now(), 'a');
    settle();
    ck_assert_trace("+++");
    ck_assert_int_eq(recv_now(), 'b');
    ck_assert_int_eq(recv_now(), 'c');
    ck_assert_int_eq(recv_now(), 'd');
    ck_assert_int_eq(joined(sender), 0);
    cede_channel_unref(channel);
}

/* Room or a value that was handed to who waits is not there for who comes after. */
TASK_TEST(nobody_overtakes_who_waits) {
    cede_task *tasks[3];
    char c = 'z';

    make(1, 1);
    for (int i = 0; i < 3; i++)
        tasks[i] = spawned(send_text, &"a\0b\0c"[2 * i]);
    settle();
    ck_assert_int_eq(recv_now(), 'a');
    ck_assert_int_eq(cede_channel_send_nowait(channel, &c), -EAGAIN);
    ck_assert_int_eq(recv_now(), 'b');
    ck_assert_int_eq(recv_now(), 'c');
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(joined(tasks[i]), 0);
    for (int i = 0; i < 3; i++)
        tasks[i] = spawned(recv_one, NULL);
    settle();
    memset(scene_trace, 0, sizeof scene_trace);
    send_now('d');
    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), -EAGAIN);
    send_now('e');
    send_now('f');
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(joined(tasks[i]), 0);
    ck_assert_trace("def");
    cede_channel_unref(channel);
}

struct wide {
    uint64_t number;
    char text[40];
};

static int send_wide(void *arg) {
    int r = 0;

    for (uint64_t i = 0; i < 100 && r == 0; i++) {
        struct wide value = {.number = i};

        snprintf(value.text, sizeof value.text, "value %d", (int)i);
        r = cede_channel_send(arg, &value);
    }
    cede_channel_close(arg);
    return r;
}

TASK_TEST(wide_values_arrive_whole_whatever_the_capacity) {
    for (size_t capacity = 0; capacity < 4; capacity++) {
        struct wide value;
        uint64_t count = 0;
        cede_task *sender;

        make(sizeof value, capacity);
        sender = spawned(send_wide, channel);
        while (cede_channel_recv(channel, &value) == 0) {
            char text[40];

            snprintf(text, sizeof text, "value %d", (int)count);
            ck_assert_uint_eq(value.number, count++);
            ck_assert_str_eq(value.text, text);
        }
        ck_assert_uint_eq(count, 100);
        ck_assert_int_eq(joined(sender), 0);
        cede_channel_unref(channel);
    }
}

TASK_TEST(receivers_drain_a_closed_channel) {
    char c = 'x';

    make(1, 3);
    send_now('a');
    send_now('b');
    ck_assert_int_eq(cede_channel_close(channel), 0);
    ck_assert_int_eq(cede_channel_close(channel), -EPIPE);
    ck_assert(stats().closed);
    ck_assert_int_eq(cede_channel_send(channel, &c), -EPIPE);
    ck_assert_int_eq(cede_channel_send_nowait(channel, &c), -EPIPE);
    recv_one(NULL);
    recv_one(NULL);
    ck_assert_trace("ab");
    ck_assert_int_eq(cede_channel_recv(channel, &c), -EPIPE);
    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), -EPIPE);
    ck_assert_int_eq(c, 'x');
    cede_channel_unref(channel);
}

TASK_TEST(closing_ends_who_waits) {
    cede_task *tasks[2];

    make(1, 1);
    for (int i = 0; i < 2; i++)
        tasks[i] = spawned(recv_one, NULL);
    settle();
    ck_assert_uint_eq(stats().receivers, 2);
    ck_assert_int_eq(cede_channel_close(channel), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(joined(tasks[i]), -EPIPE);
    cede_channel_unref(channel);

    make(1, 1);
    send_now('a');
    tasks[0] = spawned(send_text, "b");
    settle();
    ck_assert_int_eq(cede_channel_close(channel), 0);
    ck_assert_int_eq(joined(tasks[0]), -EPIPE);
    ck_assert_int_eq(recv_now(), 'a'); /* and not 'b' */
    ck_assert_uint_eq(stats().length, 0);
    cede_channel_unref(channel);
}

static int note_turn(void *arg) {
    *(bool *)arg = true;
    return 0;
}

/* Calls that need not wait, well or in vain, still give the others their turns. */
TASK_TEST(a_channel_that_is_always_ready_starves_nobody) {
    for (int closed = 0; closed < 2; closed++) {
        bool had_turn = false;
        cede_task *task;
        char c = 'x';

        make(1, 1);
        if (closed)
            cede_channel_close(channel);
        ck_assert_int_eq(cede_spawn(NULL, note_turn, &had_turn, &task), 0);
        for (int i = 0; i < 1000 && !had_turn; i++) {
            ck_assert_int_eq(cede_channel_send(channel, &c), closed ? -EPIPE : 0);
            ck_assert_int_eq(cede_channel_recv(channel, &c), closed ? -EPIPE : 0);
        }
        ck_assert(had_turn);
        ck_assert_int_eq(joined(task), 0);
        cede_channel_unref(channel);
    }
}

static int unref_under_waiter(void *arg) {
    (void)arg;
    spawned(recv_one, NULL);
    settle();
    cede_channel_unref(channel);
    return 0;
}

static void run_unref_under_waiter(void *arg) {
    make(1, 0);
    cede_run(unref_under_waiter, arg);
}

START_TEST(the_last_reference_under_a_waiter_aborts) {
    check_aborts(run_unref_under_waiter, NULL, "cede_channel_unref: the last reference is gone");
}
END_TEST

CEDE_CHECK_MAIN("channel_values", a_value_of_no_bytes_is_refused,
                a_channel_works_without_a_task_as_long_as_nobody_waits,
                a_rendezvous_holds_the_sender_until_its_value_is_received,
                a_rendezvous_without_a_partner_would_block,
                a_buffer_holds_senders_only_when_it_is_full, nobody_overtakes_who_waits,
                wide_values_arrive_whole_whatever_the_capacity, receivers_drain_a_closed_channel,
                closing_ends_who_waits, a_channel_that_is_always_ready_starves_nobody,
                the_last_reference_under_a_waiter_aborts)
