#include "support/net_pair.h"
#include "support/scene.h"

#include <errno.h>

/* A kind of one's own: a gate that opens once for each that waits, and may refuse to let go. */
struct gate {
    struct cede_list waiting;
    bool open;
    bool refuses;
    int begun, withdrawn;
};

static bool gate_start(struct cede_op *op) {
    struct gate *gate = op->source;

    gate->begun++;
    op->result = 7;
    if (gate->open)
        return true;
    op->link.next = &gate->waiting;
    op->link.prev = gate->waiting.prev;
    gate->waiting.prev->next = &op->link;
    gate->waiting.prev = &op->link;
    return false;
}

static void take_out(struct cede_op *op) {
    op->link.prev->next = op->link.next;
    op->link.next->prev = op->link.prev;
}

static int gate_cancel(struct cede_op *op) {
    struct gate *gate = op->source;

    if (gate->refuses)
        return -EINPROGRESS;
    gate->withdrawn++;
    take_out(op);
    return 0;
}

static const struct cede_op_kind gate_kind = {"a gate", gate_start, gate_cancel};

static void gate_init(struct gate *gate) {
    *gate = (struct gate){.open = false};
    gate->waiting.next = gate->waiting.prev = &gate->waiting;
}

static void gate_let_one(struct gate *gate, int result) {
    struct cede_op *op = (struct cede_op *)gate->waiting.next;

    ck_assert(&op->link != &gate->waiting);
    take_out(op);
    cede_op_complete(op, result);
}

static struct gate gates[2];
static int selected, results[2];

static int select_main(void *arg) {
    struct cede_op a, b;

    (void)arg;
    cede_op_init(&a, &gate_kind, &gates[0]);
    cede_op_init(&b, &gate_kind, &gates[1]);
    selected = CEDE_SELECT(&a, &b);
    results[0] = cede_op_result(&a);
    results[1] = cede_op_result(&b);
    return selected;
}

static cede_task *start_select(void) {
    cede_task *task;

    gate_init(&gates[0]);
    gate_init(&gates[1]);
    ck_assert_int_eq(cede_spawn(NULL, select_main, NULL, &task), 0);
    return task;
}

static int end_of(cede_task *task) {
    int result = -1;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

TASK_TEST(the_first_wins_and_the_other_is_withdrawn) {
    cede_task *task = start_select();

    cede_task_yield();
    ck_assert_str_eq(cede_task_waits_for(task), "one of several");
    gate_let_one(&gates[1], 42);
    ck_assert_int_eq(end_of(task), 1);
    ck_assert_int_eq(results[1], 42);
    ck_assert_int_eq(results[0], -EAGAIN);
    ck_assert_int_eq(gates[0].withdrawn, 1);
    ck_assert_ptr_eq(gates[0].waiting.next, &gates[0].waiting);
}

TASK_TEST(what_is_there_at_once_begins_nothing_behind_it) {
    cede_task *task = start_select();

    gates[0].open = true;
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(results[0], 7);
    ck_assert_int_eq(gates[1].begun, 0);
}

TASK_TEST(two_that_happen_together_both_keep_their_results) {
    cede_task *task = start_select();

    cede_task_yield();
    gate_let_one(&gates[1], 2);
    gate_let_one(&gates[0], 1);
    ck_assert_int_eq(end_of(task), 1);
    ck_assert_int_eq(results[0], 1);
    ck_assert_int_eq(results[1], 2);
}

TASK_TEST(a_loser_that_refuses_is_waited_for) {
    cede_task *task = start_select();

    gates[0].refuses = true;
    cede_task_yield();
    gate_let_one(&gates[1], 2);
    for (int i = 0; i < 5; i++)
        cede_task_yield();
    ck_assert(!cede_task_done(task, NULL));
    gate_let_one(&gates[0], -ECANCELED); /* withdrawn the long way: not its result */
    ck_assert_int_eq(end_of(task), 1);
    ck_assert_int_eq(results[0], -EAGAIN);
    ck_assert_int_eq(results[1], 2);
}

TASK_TEST(a_cancel_withdraws_all) {
    cede_task *task = start_select();

    cede_task_yield();
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(end_of(task), -ECANCELED);
    ck_assert_int_eq(gates[0].withdrawn + gates[1].withdrawn, 2);
    ck_assert_int_eq(results[0], -EAGAIN);
}

TASK_TEST(what_happened_before_the_cancel_could_reach_it_is_returned) {
    cede_task *task = start_select();

    gates[0].refuses = true;
    cede_task_yield();
    cede_task_cancel(task, -ECANCELED);
    cede_task_yield();
    ck_assert(!cede_task_done(task, NULL));
    gate_let_one(&gates[0], 5);
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(results[0], 5);
}

TASK_TEST(a_done_one_is_returned_by_the_next_select) {
    struct cede_op a, b;

    gate_init(&gates[0]);
    gates[0].open = true;
    cede_op_init(&a, &gate_kind, &gates[0]);
    cede_op_sleep(&b, CEDE_FOREVER);
    ck_assert_int_eq(CEDE_SELECT(&b, &a), 1);
    ck_assert(cede_op_done(&a));
    ck_assert_int_eq(CEDE_SELECT(&b, &a), 1);
    ck_assert_int_eq(gates[0].begun, 1);
    ck_assert_int_eq(cede_op_result(&a), 7);
    ck_assert_int_eq(cede_op_result(&a), -EAGAIN);
}

TASK_TEST(sets_have_limits) {
    struct cede_op op;
    struct cede_op *ops[65];

    cede_op_sleep(&op, 0);
    for (size_t i = 0; i < 65; i++)
        ops[i] = &op;
    ck_assert_int_eq(cede_select(ops, 0), -EINVAL);
    ck_assert_int_eq(cede_select(ops, 65), -EINVAL);
}

static int sleeper(void *arg) {
    int r = cede_sleep(*(uint64_t *)arg);

    return r < 0 ? r : 3;
}

TASK_TEST(timers_and_tasks_can_be_selected) {
    uint64_t soon = CEDE_MILLISECOND, late = CEDE_FOREVER;
    cede_task *task;
    struct cede_op join, timer;
    int result;

    ck_assert_int_eq(cede_spawn(NULL, sleeper, &soon, &task), 0);
    cede_op_join(&join, task);
    cede_op_sleep(&timer, 60 * CEDE_SECOND);
    ck_assert_int_eq(CEDE_SELECT(&timer, &join), 1);
    ck_assert(cede_task_done(task, &result));
    ck_assert_int_eq(result, 3);
    cede_task_unref(task);

    ck_assert_int_eq(cede_spawn(NULL, sleeper, &late, &task), 0);
    cede_op_join(&join, task);
    cede_op_sleep(&timer, CEDE_MILLISECOND);
    ck_assert_int_eq(CEDE_SELECT(&join, &timer), 1);
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(end_of(task), -ECANCELED);
}

TASK_TEST(a_timer_can_be_awaited_again) {
    struct cede_op timer, never;

    cede_op_sleep(&timer, CEDE_MILLISECOND);
    cede_op_sleep(&never, 60 * CEDE_SECOND);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(CEDE_SELECT(&never, &timer), 1);
        ck_assert_int_eq(cede_op_result(&timer), 0);
    }
}

static int forever(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

TASK_TEST(to_sleep_for_ever_is_no_deadlock) {
    ck_assert_int_eq(cede_wait_for(forever, NULL, CEDE_MILLISECOND), -ETIME);
}

static void closed_and_reused(cede_stream *reader, cede_stream *peer) {
    char text[CEDE_ADDRESS_TEXT];
    struct cede_address address;
    int listener = listen_somewhere(text), fd = cede_stream_fd(reader), other, server;

    /* The reader is told of data, and before it runs its stream is closed and the number is another
     * connection's, which has data too. */
    ck_assert_int_eq(cede_stream_write(peer, "x", 1), 0);
    ck_assert_int_eq(cede_address_parse(text, &address, NULL), 0);
    cede_stream_close(reader);
    other = cede_connect_fd(&address);
    server = cede_accept(listener, NULL);
    ck_assert(other == fd || server == fd);
    ck_assert_int_eq(cede_send(other == fd ? server : other, "SECRET", 6, 0), 6);
    cede_sleep(2 * CEDE_MILLISECOND);
    ck_assert_int_eq(cede_recv(fd, text, sizeof text, 0), 6);
    cede_close(other);
    cede_close(server);
    cede_close(listener);
}

static ssize_t next_result;

static int next_main(void *arg) {
    const void *data;

    next_result = cede_stream_next(arg, &data);
    return 0;
}

TASK_TEST(a_stream_closed_under_its_borrower_gives_ebadf) {
    cede_stream *streams[2];
    cede_task *task;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, next_main, streams[0], &task), 0);
    cede_task_yield();
    closed_and_reused(streams[0], streams[1]);
    ck_assert_int_eq(end_of(task), 0);
    ck_assert_int_eq(next_result, -EBADF);
    cede_stream_close(streams[1]);
}

static int scope_with_a_past(void *arg) {
    (void)arg;
    return cede_cancelled() ? -ECANCELED : 0;
}

TASK_TEST(a_deadline_that_has_passed_cancels_at_once) {
    uint64_t start = cede_now();

    while (cede_now() < start + CEDE_MILLISECOND) /* without a turn of the loop */
        continue;
    ck_assert_int_eq(cede_wait_until(scope_with_a_past, NULL, cede_now() - 1000), -ETIME);
    ck_assert_int_eq(cede_wait_for(scope_with_a_past, NULL, 0), -ETIME);
}

static cede_task *kept;

static int keep_task(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, scope_with_a_past, NULL, &kept), 0);
    return cede_join(kept, NULL);
}

START_TEST(a_reference_may_outlive_the_run) {
    int result = -1;

    ck_assert_int_eq(cede_run(keep_task, NULL), 0);
    ck_assert(cede_task_done(kept, &result));
    ck_assert_int_eq(result, 0);
    ck_assert_uint_eq(cede_task_id(kept), 2);
    ck_assert_str_eq(cede_task_name(kept), "scope_with_a_past");
    cede_task_cancel(kept, -ECANCELED);
    ck_assert_ptr_null(cede_task_unref(kept));
}
END_TEST

static int write_main(void *arg) {
    static char bulk[1 << 20];

    return cede_stream_write(arg, bulk, sizeof bulk);
}

static int drain_main(void *arg) {
    ssize_t n;
    const void *data;
    int total = 0;

    while ((n = cede_stream_next(arg, &data)) > 0)
        total += (int)n;
    return n < 0 ? (int)n : total;
}

TASK_TEST(shutdown_waits_for_writes_under_way) {
    cede_stream *streams[2];
    cede_task *writer, *reader;

    stream_pair(streams);
    narrow(cede_stream_fd(streams[0]), cede_stream_fd(streams[1]));
    ck_assert_int_eq(cede_spawn(NULL, write_main, streams[0], &writer), 0);
    cede_task_yield();
    ck_assert_int_eq(cede_spawn(NULL, drain_main, streams[1], &reader), 0);
    ck_assert_int_eq(cede_stream_shutdown(streams[0]), 0);
    ck_assert_int_eq(end_of(writer), 0);
    ck_assert_int_eq(end_of(reader), 1 << 20);
    cede_stream_close(streams[0]);
    cede_stream_close(streams[1]);
}

CEDE_CHECK_MAIN("op", the_first_wins_and_the_other_is_withdrawn,
                what_is_there_at_once_begins_nothing_behind_it,
                two_that_happen_together_both_keep_their_results,
                a_loser_that_refuses_is_waited_for, a_cancel_withdraws_all,
                what_happened_before_the_cancel_could_reach_it_is_returned,
                a_done_one_is_returned_by_the_next_select, sets_have_limits,
                timers_and_tasks_can_be_selected, a_timer_can_be_awaited_again,
                to_sleep_for_ever_is_no_deadlock, a_stream_closed_under_its_borrower_gives_ebadf,
                a_deadline_that_has_passed_cancels_at_once, a_reference_may_outlive_the_run,
                shutdown_waits_for_writes_under_way)
