/* Queues under cancels, in sets, and without memory: no item is lost or had twice. */
#include "support/spawned.h"
#include "support/suspend_points.h"

static cede_queue *queue, *other;
static char a[] = "a", b[] = "b", d[] = "d"; /* items */

static void make(size_t capacity) {
    struct cede_queue_options options = {.capacity = capacity};

    ck_assert_int_eq(cede_queue_new(&queue, &options), 0);
    ck_assert_int_eq(cede_queue_new(&other, &options), 0);
}

static void unmake(void) {
    cede_queue_unref(queue);
    cede_queue_unref(other);
}

static int put_item(void *arg) {
    return cede_queue_put(queue, arg);
}

static int get_item(void *arg) {
    return cede_queue_get(queue, arg);
}

static int join_queue(void *arg) {
    return cede_queue_join(arg);
}

TASK_TEST(a_cancelled_put_leaves_the_item_to_the_caller) {
    cede_task *first, *second;
    void *item;

    make(1);
    ck_assert_int_eq(cede_queue_put(queue, a), 0);
    first = spawned(put_item, "b");
    second = spawned(put_item, "c");
    cede_task_cancel(first, -EINTR);
    ck_assert_int_eq(joined(first), -ECANCELED);
    ck_assert_int_eq(cede_queue_get(queue, &item), 0);
    ck_assert_int_eq(cede_queue_get(queue, &item), 0);
    ck_assert_str_eq(item, "c");
    ck_assert_int_eq(joined(second), 0);
    ck_assert_int_eq(cede_queue_get_nowait(queue, &item), -EAGAIN);
    unmake();
}

TASK_TEST(a_cancelled_get_leaves_the_item_in_the_queue) {
    void *first_item = NULL, *second_item = NULL;
    cede_task *first, *second;

    make(1);
    first = spawned(get_item, &first_item);
    second = spawned(get_item, &second_item);
    cede_task_cancel(first, -EINTR);
    ck_assert_int_eq(cede_queue_put(queue, a), 0);
    ck_assert_int_eq(joined(first), -ECANCELED);
    ck_assert_int_eq(joined(second), 0);
    ck_assert_ptr_null(first_item);
    ck_assert_str_eq(second_item, "a");
    unmake();
}

TASK_TEST(what_was_got_before_the_cancel_is_kept) {
    void *item = NULL;
    cede_task *task;

    make(1);
    task = spawned(get_item, &item);
    ck_assert_int_eq(cede_queue_put_nowait(queue, a), 0);
    cede_task_cancel(task, -EINTR);
    ck_assert_int_eq(joined(task), 0);
    ck_assert_str_eq(item, "a");
    unmake();
}

TASK_TEST(a_join_can_be_cancelled) {
    struct cede_queue_stats stats;
    cede_task *task;

    make(1);
    ck_assert_int_eq(cede_queue_put(queue, a), 0);
    task = spawned(join_queue, queue);
    cede_task_cancel(task, -EINTR);
    ck_assert_int_eq(joined(task), -ECANCELED);
    cede_queue_stat(queue, &stats);
    ck_assert_uint_eq(stats.joiners, 0);
    ck_assert_uint_eq(stats.unfinished, 1);
    unmake();
}

static int get_either(void *arg) {
    void **items = arg;
    struct cede_op first, second;

    cede_op_queue_get(&first, queue, &items[0]);
    cede_op_queue_get(&second, other, &items[1]);
    return CEDE_SELECT(&first, &second);
}

TASK_TEST(a_select_gets_one_item) {
    void *items[2] = {0}, *left = NULL;
    cede_task *task;

    make(1);
    task = spawned(get_either, items);
    ck_assert_int_eq(cede_queue_put_nowait(other, b), 0);
    ck_assert_int_eq(cede_queue_put_nowait(queue, a), 0);
    ck_assert_int_eq(joined(task), 1);
    ck_assert_ptr_null(items[0]);
    ck_assert_str_eq(items[1], "b");
    ck_assert_int_eq(cede_queue_get_nowait(queue, &left), 0);
    ck_assert_str_eq(left, "a");
    unmake();
}

static int put_either(void *arg) {
    struct cede_op first, second;

    cede_op_queue_put(&first, queue, arg);
    cede_op_queue_put(&second, other, arg);
    return CEDE_SELECT(&first, &second);
}

TASK_TEST(a_select_puts_one_item) {
    struct cede_op put, get;
    cede_task *task;
    void *item;

    make(1);
    ck_assert_int_eq(cede_queue_put(queue, a), 0);
    ck_assert_int_eq(cede_queue_put(other, b), 0);
    task = spawned(put_either, "c");
    ck_assert_int_eq(cede_queue_get_nowait(queue, &item), 0);
    ck_assert_int_eq(cede_queue_get_nowait(other, &item), 0);
    ck_assert_int_eq(joined(task), 0);
    ck_assert_uint_eq(cede_queue_length(queue), 1);
    ck_assert_uint_eq(cede_queue_length(other), 0);
    cede_op_queue_put(&put, queue, d); /* the get makes room, but not for its own set */
    cede_op_queue_get(&get, queue, &item);
    ck_assert_int_eq(CEDE_SELECT(&put, &get), 1);
    ck_assert_str_eq(item, "c");
    ck_assert_uint_eq(cede_queue_length(queue), 0);
    unmake();
}

TASK_TEST(a_select_with_a_join_ends_when_the_work_is_done) {
    struct cede_op done, more;
    void *item;

    make(1);
    cede_op_queue_join(&done, queue);
    cede_op_queue_get(&more, queue, &item);
    ck_assert_int_eq(CEDE_SELECT(&more, &done), 1);
    unmake();
}

/* Producers, workers and a join, struck at every turn and at every allocation. */
struct flow {
    cede_queue *queue;
    size_t put, got;
};

static int produce(void *arg) {
    struct flow *flow = arg;
    int r = 0;

    for (int i = 0; i < 4 && r == 0; i++) {
        r = cede_queue_put(flow->queue, flow);
        flow->put += r == 0;
    }
    return r;
}

static int consume(void *arg) {
    struct flow *flow = arg;
    void *item;
    int r;

    while ((r = cede_queue_get(flow->queue, &item)) == 0) {
        flow->got++;
        cede_task_yield();
        ck_assert_int_eq(cede_queue_task_done(flow->queue), 0);
    }
    return r == -ESHUTDOWN ? 0 : r;
}

static int produce_and_join(struct flow *flow) {
    struct cede_group producers;
    int r = 0;

    cede_group_enter(&producers, CEDE_FOREVER);
    for (int i = 0; i < 3 && r == 0; i++)
        r = cede_spawn(&producers, produce, flow, NULL);
    r = cede_group_leave(&producers, r);
    if (r == 0)
        r = cede_queue_join(flow->queue);
    ck_assert(r < 0 || flow->got == 12);
    cede_queue_shutdown(flow->queue, false);
    return r;
}

static int flow_through(size_t capacity) {
    struct cede_queue_options options = {.capacity = capacity};
    struct cede_group consumers;
    struct flow flow = {0};
    int r = cede_queue_new(&flow.queue, &options);

    if (r < 0)
        return r;
    cede_group_enter(&consumers, CEDE_FOREVER);
    for (int i = 0; i < 2 && r == 0; i++)
        r = cede_spawn(&consumers, consume, &flow, NULL);
    if (r == 0)
        r = produce_and_join(&flow);
    r = cede_group_leave(&consumers, r);
    ck_assert_uint_eq(flow.put, flow.got + cede_queue_length(flow.queue));
    cede_queue_unref(flow.queue);
    return r;
}

static int flow_bounded(void *arg) {
    (void)arg;
    return flow_through(2);
}

static int flow_unbounded(void *arg) {
    (void)arg;
    return flow_through(0);
}

START_TEST(a_cancel_at_any_turn_loses_no_item) {
    cancel_everywhere(flow_bounded, false, 200);
}
END_TEST

START_TEST(a_failed_allocation_loses_no_item) {
    fail_everywhere(flow_unbounded, false);
}
END_TEST

static int by_address(const void *one, const void *two) {
    return (one > two) - (one < two);
}

START_TEST(only_puts_without_bound_allocate) {
    struct cede_queue_options options = {.order = CEDE_QUEUE_PRIORITY, .compare = by_address};

    failing_alloc_install();
    for (size_t capacity = 0; capacity <= 3; capacity += 3) {
        options.capacity = capacity;
        ck_assert_int_eq(cede_queue_new(&queue, &options), 0);
        failing_alloc_arm(capacity > 0 ? 1 : 3, true); /* room for 1, then for 2, then for 4 */
        ck_assert_int_eq(cede_queue_put_nowait(queue, NULL), 0);
        ck_assert_int_eq(cede_queue_put_nowait(queue, NULL), 0);
        ck_assert_int_eq(cede_queue_put_nowait(queue, NULL), capacity > 0 ? 0 : -ENOMEM);
        ck_assert_int_eq(failing_alloc_disarm(), capacity == 0);
        ck_assert_uint_eq(cede_queue_length(queue), capacity > 0 ? 3 : 2);
        cede_queue_unref(queue);
        ck_assert_uint_eq(failing_alloc_live(), 0);
    }
}
END_TEST

CEDE_CHECK_MAIN("queue_cancel", a_cancelled_put_leaves_the_item_to_the_caller,
                a_cancelled_get_leaves_the_item_in_the_queue,
                what_was_got_before_the_cancel_is_kept, a_join_can_be_cancelled,
                a_select_gets_one_item, a_select_puts_one_item,
                a_select_with_a_join_ends_when_the_work_is_done, a_cancel_at_any_turn_loses_no_item,
                a_failed_allocation_loses_no_item, only_puts_without_bound_allocate)
