/* Channels under cancels and in sets: nothing is lost, nothing is sent or received twice. */
#include "support/spawned.h"
#include "support/suspend_points.h"

static cede_channel *channel, *other;

static int send_char(void *arg) {
    return cede_channel_send(channel, arg);
}

static int recv_char(void *arg) {
    return cede_channel_recv(channel, arg);
}

static void make(size_t capacity) {
    ck_assert_int_eq(cede_channel_new(&channel, 1, capacity), 0);
    ck_assert_int_eq(cede_channel_new(&other, 1, capacity), 0);
}

static void drop(void) {
    cede_channel_unref(channel);
    cede_channel_unref(other);
}

static size_t waiters(const cede_channel *which) {
    struct cede_channel_stats stats;

    cede_channel_stat(which, &stats);
    return stats.senders + stats.receivers;
}

TASK_TEST(a_cancelled_sender_has_not_sent) {
    cede_task *first, *second;
    char c = 0;

    make(0);
    first = spawned(send_char, "a");
    second = spawned(send_char, "b");
    cede_task_cancel(first, -EINTR);
    ck_assert_uint_eq(waiters(channel), 1);
    ck_assert_int_eq(cede_channel_recv(channel, &c), 0);
    ck_assert_int_eq(c, 'b');
    ck_assert_int_eq(joined(first), -ECANCELED);
    ck_assert_int_eq(joined(second), 0);
    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), -EAGAIN);
    drop();
}

TASK_TEST(a_cancelled_receiver_takes_nothing) {
    char first_c = 0, second_c = 0;
    cede_task *first, *second;

    make(0);
    first = spawned(recv_char, &first_c);
    second = spawned(recv_char, &second_c);
    cede_task_cancel(first, -EINTR);
    ck_assert_int_eq(cede_channel_send(channel, "a"), 0);
    ck_assert_int_eq(joined(first), -ECANCELED);
    ck_assert_int_eq(joined(second), 0);
    ck_assert_int_eq(first_c, 0);
    ck_assert_int_eq(second_c, 'a');
    drop();
}

/* The cancel comes between the hand-over and the receiver's next turn. */
TASK_TEST(what_was_received_before_the_cancel_is_kept) {
    cede_task *task;
    char c = 0;

    make(0);
    task = spawned(recv_char, &c);
    ck_assert_int_eq(cede_channel_send_nowait(channel, "a"), 0);
    cede_task_cancel(task, -EINTR);
    ck_assert_int_eq(joined(task), 0);
    ck_assert_int_eq(c, 'a');
    drop();
}

static int recv_cancelled(void *arg) {
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -EINTR);
    return cede_scope_leave(&scope, cede_channel_recv(channel, arg));
}

TASK_TEST(a_cancelled_task_takes_nothing_even_if_it_is_there) {
    char c = 0;

    make(1);
    ck_assert_int_eq(cede_channel_send(channel, "a"), 0);
    ck_assert_int_eq(recv_cancelled(&c), -EINTR);
    ck_assert_int_eq(c, 0);
    ck_assert_int_eq(cede_channel_recv(channel, &c), 0);
    ck_assert_int_eq(c, 'a');
    drop();
}

static int recv_either(void *arg) {
    char *values = arg;
    struct cede_op first, second;
    int r;

    cede_op_channel_recv(&first, channel, &values[0]);
    cede_op_channel_recv(&second, other, &values[1]);
    r = CEDE_SELECT(&first, &second);
    ck_assert(!cede_op_done(r == 0 ? &second : &first));
    return r;
}

/* Both channels have something for it before it runs again; it takes from one of them. */
TASK_TEST(a_select_takes_one_value) {
    char values[2] = {0};
    cede_task *task;
    char c = 0;

    make(0);
    task = spawned(recv_either, values);
    ck_assert_int_eq(cede_channel_send_nowait(other, "b"), 0);
    ck_assert_int_eq(cede_channel_send_nowait(channel, "a"), -EAGAIN);
    ck_assert_int_eq(joined(task), 1);
    ck_assert_mem_eq(values, "\0b", 2);
    ck_assert_uint_eq(waiters(channel) + waiters(other), 0);
    ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), -EAGAIN);
    drop();
}

TASK_TEST(what_a_lost_receiver_leaves_goes_to_the_next) {
    char values[2] = {0}, c = 0;
    cede_task *set, *next;

    make(0);
    set = spawned(recv_either, values);
    next = spawned(recv_char, &c);
    ck_assert_int_eq(cede_channel_send_nowait(other, "b"), 0);
    ck_assert_int_eq(cede_channel_send_nowait(channel, "a"), 0);
    ck_assert_int_eq(joined(set), 1);
    ck_assert_int_eq(joined(next), 0);
    ck_assert_mem_eq(values, "\0b", 2);
    ck_assert_int_eq(c, 'a');
    drop();
}

static int send_either(void *arg) {
    struct cede_op first, second;

    (void)arg;
    cede_op_channel_send(&first, channel, "1");
    cede_op_channel_send(&second, other, "2");
    return CEDE_SELECT(&first, &second);
}

TASK_TEST(a_select_sends_one_value) {
    for (size_t capacity = 0; capacity < 2; capacity++) {
        cede_task *task;
        char c = 0;

        make(capacity);
        if (capacity > 0) {
            ck_assert_int_eq(cede_channel_send(channel, "a"), 0);
            ck_assert_int_eq(cede_channel_send(other, "b"), 0);
        }
        task = spawned(send_either, NULL);
        for (size_t i = 0; i <= capacity; i++)
            ck_assert_int_eq(cede_channel_recv_nowait(channel, &c), 0);
        ck_assert_int_eq(c, '1');
        for (size_t i = 0; i < capacity; i++)
            ck_assert_int_eq(cede_channel_recv_nowait(other, &c), 0);
        ck_assert_int_eq(cede_channel_recv_nowait(other, &c), -EAGAIN);
        ck_assert_int_eq(joined(task), 0);
        drop();
    }
}

static int both_ends(void *arg) {
    char *ret_value = arg;
    struct cede_op send, recv;

    cede_op_channel_send(&send, channel, "s");
    cede_op_channel_recv(&recv, channel, ret_value);
    return CEDE_SELECT(&send, &recv);
}

TASK_TEST(both_ends_in_one_set_do_not_meet) {
    char value = 0, peer = 0;
    cede_task *task;

    make(0);
    task = spawned(both_ends, &value);
    ck_assert(!cede_task_done(task, NULL));
    ck_assert_int_eq(both_ends(&peer), 0); /* but those of two sets do */
    ck_assert_int_eq(joined(task), 1);
    ck_assert_int_eq(value, 's');
    ck_assert_int_eq(peer, 0);
    ck_assert_uint_eq(waiters(channel), 0);
    drop();
}

/* Three senders and two receivers, struck at every turn: what was sent is what was received or is
 * still in the channel. */
struct flow {
    cede_channel *channel;
    size_t sent, received;
};

static int flow_send(void *arg) {
    struct flow *flow = arg;
    int r = 0;

    for (uint64_t i = 0; i < 4 && r == 0; i++) {
        r = cede_channel_send(flow->channel, &i);
        flow->sent += r == 0;
    }
    return r;
}

static int flow_recv(void *arg) {
    struct flow *flow = arg;
    uint64_t value;
    int r;

    while ((r = cede_channel_recv(flow->channel, &value)) == 0)
        flow->received++;
    return r == -EPIPE ? 0 : r;
}

static int flow_group(struct flow *flow) {
    struct cede_group senders, receivers;
    int r = 0, s = 0;

    cede_group_enter(&receivers, CEDE_FOREVER);
    for (int i = 0; i < 2 && r == 0; i++)
        r = cede_spawn(&receivers, flow_recv, flow, NULL);
    cede_group_enter(&senders, CEDE_FOREVER);
    for (int i = 0; i < 3 && r == 0 && s == 0; i++)
        s = cede_spawn(&senders, flow_send, flow, NULL);
    s = cede_group_leave(&senders, s);
    cede_channel_close(flow->channel);
    return cede_group_leave(&receivers, r < 0 ? r : s);
}

static int flow_through(size_t capacity) {
    struct flow flow = {0};
    struct cede_channel_stats stats;
    int r = cede_channel_new(&flow.channel, sizeof(uint64_t), capacity);

    if (r < 0)
        return r;
    r = flow_group(&flow);
    cede_channel_stat(flow.channel, &stats);
    ck_assert_uint_eq(flow.sent, flow.received + stats.length);
    ck_assert_uint_eq(stats.senders + stats.receivers, 0);
    ck_assert(r < 0 || flow.received == 12);
    cede_channel_unref(flow.channel);
    return r;
}

static int flow_rendezvous(void *arg) {
    (void)arg;
    return flow_through(0);
}

static int flow_buffered(void *arg) {
    (void)arg;
    return flow_through(2);
}

START_TEST(a_cancel_at_any_turn_loses_no_value_of_a_rendezvous) {
    cancel_everywhere(flow_rendezvous, false, 200);
}
END_TEST

START_TEST(a_cancel_at_any_turn_loses_no_value_of_a_buffer) {
    cancel_everywhere(flow_buffered, false, 200);
}
END_TEST

START_TEST(without_memory_a_channel_is_refused) {
    fail_everywhere(flow_buffered, false);
}
END_TEST

static int waiting_allocates_nothing_main(void *arg) {
    char c = 0;

    (void)arg;
    make(0);
    for (int i = 0; i < 100; i++) {
        cede_task *task = spawned(recv_char, &c);

        if (i == 20)
            failing_alloc_arm(0, false);
        ck_assert_int_eq(cede_channel_send(channel, "a"), 0);
        ck_assert_int_eq(joined(task), 0);
    }
    ck_assert_uint_eq(failing_alloc_calls(), 0);
    drop();
    return 0;
}

START_TEST(waiting_at_a_channel_allocates_nothing) {
    failing_alloc_install();
    ck_assert_int_eq(cede_run(waiting_allocates_nothing_main, NULL), 0);
}
END_TEST

CEDE_CHECK_MAIN("channel_cancel", a_cancelled_sender_has_not_sent,
                a_cancelled_receiver_takes_nothing, what_was_received_before_the_cancel_is_kept,
                a_cancelled_task_takes_nothing_even_if_it_is_there, a_select_takes_one_value,
                what_a_lost_receiver_leaves_goes_to_the_next, a_select_sends_one_value,
                both_ends_in_one_set_do_not_meet,
                a_cancel_at_any_turn_loses_no_value_of_a_rendezvous,
                a_cancel_at_any_turn_loses_no_value_of_a_buffer,
                without_memory_a_channel_is_refused, waiting_at_a_channel_allocates_nothing)
