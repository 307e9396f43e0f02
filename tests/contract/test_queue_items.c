/* Queues: their orders, bounds, count of work, and end. */
#include "support/spawned.h"

#include <errno.h>

static cede_queue *queue;

static void make(enum cede_queue_order order, size_t capacity,
                 int (*compare)(const void *a, const void *b)) {
    struct cede_queue_options options = {.order = order, .capacity = capacity, .compare = compare};

    ck_assert_int_eq(cede_queue_new(&queue, &options), 0);
}

static struct cede_queue_stats stats(void) {
    struct cede_queue_stats now;

    cede_queue_stat(queue, &now);
    return now;
}

static int by_first_char(const void *a, const void *b) {
    return *(const char *)a - *(const char *)b;
}

static void put_now(const char *item) {
    ck_assert_int_eq(cede_queue_put_nowait(queue, (void *)item), 0);
}

static const char *get_now(void) {
    void *item;

    ck_assert_int_eq(cede_queue_get_nowait(queue, &item), 0);
    return item;
}

static int put_one(void *arg) {
    int r = cede_queue_put(queue, arg);

    if (r == 0)
        trace('+');
    return r;
}

/* Gets one item, and traces its first character. */
static int get_one(void *arg) {
    void *item;
    int r = cede_queue_get(queue, &item);

    (void)arg;
    if (r == 0)
        trace(*(const char *)item);
    return r;
}

static int join_it(void *arg) {
    (void)arg;
    return cede_queue_join(queue);
}

START_TEST(options_that_do_not_fit_are_refused) {
    struct cede_queue_options options = {.order = CEDE_QUEUE_PRIORITY};

    ck_assert_int_eq(cede_queue_new(&queue, &options), -EINVAL);
    options = (struct cede_queue_options){.compare = by_first_char};
    ck_assert_int_eq(cede_queue_new(&queue, &options), -EINVAL);
    options = (struct cede_queue_options){.order = CEDE_QUEUE_PRIORITY + 1};
    ck_assert_int_eq(cede_queue_new(&queue, &options), -EINVAL);
    options = (struct cede_queue_options){.capacity = SIZE_MAX};
    ck_assert_int_eq(cede_queue_new(&queue, &options), -ENOMEM);
    ck_assert_ptr_null(queue);
    ck_assert_ptr_null(cede_queue_unref(queue));
}
END_TEST

START_TEST(first_in_is_first_out_around_the_end_of_the_memory) {
    const char *text = "abcdefghijklmnopqrstuvwxyz";
    size_t in = 0, out = 0;

    ck_assert_int_eq(cede_queue_new(&queue, NULL), 0);
    while (in < 26) { /* two in, one out: it grows with its head everywhere */
        put_now(&text[in++]);
        put_now(&text[in++]);
        ck_assert_ptr_eq(get_now(), &text[out++]);
        ck_assert_uint_eq(cede_queue_length(queue), in - out);
    }
    while (out < 26)
        ck_assert_ptr_eq(get_now(), &text[out++]);
    cede_queue_unref(queue);
}
END_TEST

START_TEST(last_in_is_first_out) {
    make(CEDE_QUEUE_LIFO, 3, NULL);
    put_now("a");
    put_now("b");
    ck_assert_str_eq(get_now(), "b");
    put_now("c");
    put_now("d");
    ck_assert_int_eq(cede_queue_put_nowait(queue, NULL), -EAGAIN);
    ck_assert_str_eq(get_now(), "d");
    ck_assert_str_eq(get_now(), "c");
    ck_assert_str_eq(get_now(), "a");
    cede_queue_unref(queue);
}
END_TEST

START_TEST(the_least_comes_first_and_equals_keep_their_order) {
    static const char *const items[] = {"c1", "a1", "b1", "a2", "c2", "b2", "a3", "b3"};
    static const char *const sorted[] = {"a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2"};

    for (size_t capacity = 0; capacity <= 8; capacity += 8) {
        make(CEDE_QUEUE_PRIORITY, capacity, by_first_char);
        for (size_t i = 0; i < 8; i++)
            put_now(items[i]);
        for (size_t i = 0; i < 8; i++)
            ck_assert_str_eq(get_now(), sorted[i]);
        cede_queue_unref(queue);
    }
}
END_TEST

static int by_number(const void *a, const void *b) {
    uintptr_t x = (uintptr_t)a >> 16, y = (uintptr_t)b >> 16;

    return (x > y) - (x < y);
}

/* The upper bits are the priority, the lower ones tell the order of the puts. */
START_TEST(many_priorities_come_out_sorted_and_stable) {
    uint64_t random = 12345;
    uintptr_t last = 0;

    make(CEDE_QUEUE_PRIORITY, 0, by_number);
    for (uintptr_t i = 0; i < 5000; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        put_now((const char *)(((random >> 58) << 16) | i));
    }
    for (int i = 0; i < 5000; i++) {
        uintptr_t item = (uintptr_t)get_now();

        ck_assert_uint_ge(item, last);
        last = item;
    }
    cede_queue_unref(queue);
}
END_TEST

START_TEST(without_a_task_nothing_can_wait) {
    void *item = &queue;

    make(CEDE_QUEUE_FIFO, 1, NULL);
    ck_assert_int_eq(cede_queue_get_nowait(queue, &item), -EAGAIN);
    ck_assert_int_eq(cede_queue_get(queue, &item), -EPERM);
    ck_assert_ptr_eq(item, &queue);
    put_now(NULL); /* an item like any other */
    ck_assert_int_eq(cede_queue_put(queue, NULL), -EPERM);
    ck_assert_ptr_null(get_now());
    ck_assert_ptr_eq(cede_queue_ref(queue), queue);
    cede_queue_unref(queue);
    cede_queue_unref(queue);
}
END_TEST

TASK_TEST(who_puts_into_a_full_queue_waits_its_turn) {
    cede_task *tasks[2];

    make(CEDE_QUEUE_FIFO, 1, NULL);
    put_now("a");
    tasks[0] = spawned(put_one, "b");
    tasks[1] = spawned(put_one, "c");
    ck_assert_trace("");
    ck_assert_uint_eq(stats().putters, 2);
    ck_assert_str_eq(get_now(), "a");
    ck_assert_int_eq(cede_queue_put_nowait(queue, NULL), -EAGAIN); /* the room is b's */
    ck_assert_uint_eq(stats().putters, 1);
    ck_assert_str_eq(get_now(), "b");
    ck_assert_str_eq(get_now(), "c");
    ck_assert_int_eq(joined(tasks[0]), 0);
    ck_assert_int_eq(joined(tasks[1]), 0);
    cede_queue_unref(queue);
}

TASK_TEST(who_gets_from_an_empty_queue_waits_its_turn) {
    cede_task *tasks[2];
    void *item;

    make(CEDE_QUEUE_PRIORITY, 2, by_first_char);
    tasks[0] = spawned(get_one, NULL);
    tasks[1] = spawned(get_one, NULL);
    ck_assert_uint_eq(stats().getters, 2);
    put_now("z");
    put_now("a");
    ck_assert_int_eq(cede_queue_get_nowait(queue, &item), -EAGAIN);
    ck_assert_int_eq(joined(tasks[0]), 0);
    ck_assert_int_eq(joined(tasks[1]), 0);
    ck_assert_trace("za");
    cede_queue_unref(queue);
}

/* The item of who waits is ranked among those in the queue when it gets in. */
TASK_TEST(an_item_that_waited_is_ranked_like_the_others) {
    cede_task *task;

    make(CEDE_QUEUE_PRIORITY, 2, by_first_char);
    put_now("b");
    put_now("c");
    task = spawned(put_one, "a");
    ck_assert_str_eq(get_now(), "b");
    ck_assert_str_eq(get_now(), "a");
    ck_assert_str_eq(get_now(), "c");
    ck_assert_int_eq(joined(task), 0);
    cede_queue_unref(queue);
}

TASK_TEST(join_waits_for_the_work_and_not_for_the_getting) {
    cede_task *task;

    make(CEDE_QUEUE_FIFO, 0, NULL);
    ck_assert_int_eq(cede_queue_join(queue), 0); /* there is no work */
    put_now("a");
    put_now("b");
    task = spawned(join_it, NULL);
    get_now();
    get_now();
    ck_assert_int_eq(cede_queue_task_done(queue), 0);
    settle();
    ck_assert(!cede_task_done(task, NULL));
    ck_assert_uint_eq(stats().unfinished, 1);
    ck_assert_uint_eq(stats().joiners, 1);
    ck_assert_int_eq(cede_queue_task_done(queue), 0);
    ck_assert_int_eq(joined(task), 0);
    ck_assert_int_eq(cede_queue_task_done(queue), -EINVAL);
    cede_queue_unref(queue);
}

TASK_TEST(an_item_handed_to_a_getter_is_work_too) {
    cede_task *getter, *joiner;

    make(CEDE_QUEUE_FIFO, 1, NULL);
    getter = spawned(get_one, NULL);
    put_now("a");
    ck_assert_int_eq(joined(getter), 0);
    joiner = spawned(join_it, NULL);
    ck_assert(!cede_task_done(joiner, NULL));
    ck_assert_int_eq(cede_queue_task_done(queue), 0);
    ck_assert_int_eq(joined(joiner), 0);
    cede_queue_unref(queue);
}

TASK_TEST(a_queue_that_is_shut_down_can_be_emptied) {
    cede_task *putter;
    void *item = &queue;

    make(CEDE_QUEUE_FIFO, 1, NULL);
    put_now("a");
    putter = spawned(put_one, "b");
    cede_queue_shutdown(queue, false);
    ck_assert(stats().shut_down);
    ck_assert_int_eq(joined(putter), -ESHUTDOWN);
    ck_assert_int_eq(cede_queue_put(queue, NULL), -ESHUTDOWN);
    ck_assert_int_eq(cede_queue_put_nowait(queue, NULL), -ESHUTDOWN);
    ck_assert_int_eq(cede_queue_get(queue, &item), 0);
    ck_assert_str_eq(item, "a");
    ck_assert_int_eq(cede_queue_get(queue, &item), -ESHUTDOWN);
    ck_assert_int_eq(cede_queue_get_nowait(queue, &item), -ESHUTDOWN);
    ck_assert_str_eq(item, "a");
    ck_assert_uint_eq(stats().unfinished, 1);
    cede_queue_unref(queue);
}

TASK_TEST(a_shutdown_ends_the_gets_that_wait) {
    cede_task *getters[2];

    make(CEDE_QUEUE_LIFO, 0, NULL);
    for (int i = 0; i < 2; i++)
        getters[i] = spawned(get_one, NULL);
    cede_queue_shutdown(queue, false);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(joined(getters[i]), -ESHUTDOWN);
    cede_queue_unref(queue);
}

static void drop_item(void *item, void *arg) {
    ck_assert_ptr_eq(arg, &queue);
    trace(*(const char *)item);
}

TASK_TEST(a_shutdown_at_once_drops_the_items_and_ends_the_join) {
    struct cede_queue_options options = {.drop = drop_item, .drop_arg = &queue};
    cede_task *joiner;

    ck_assert_int_eq(cede_queue_new(&queue, &options), 0);
    for (const char *c = "abc"; *c; c++)
        put_now(c);
    get_now();
    joiner = spawned(join_it, NULL);
    cede_queue_shutdown(queue, false);
    ck_assert_trace("");
    cede_queue_shutdown(queue, true);
    ck_assert_trace("bc");
    settle();
    ck_assert(!cede_task_done(joiner, NULL)); /* "a" is still being worked on */
    ck_assert_int_eq(cede_queue_task_done(queue), 0);
    ck_assert_int_eq(joined(joiner), 0);
    ck_assert_uint_eq(stats().length, 0);
    cede_queue_unref(queue);
}

START_TEST(a_drop_does_not_count_as_done_what_was_said_to_be) {
    make(CEDE_QUEUE_FIFO, 0, NULL);
    put_now("a");
    put_now("b");
    ck_assert_int_eq(cede_queue_task_done(queue), 0);
    cede_queue_shutdown(queue, true);
    ck_assert_uint_eq(stats().unfinished, 0);
    ck_assert_int_eq(cede_queue_task_done(queue), -EINVAL);
    cede_queue_unref(queue);
}
END_TEST

START_TEST(the_last_reference_drops_the_items) {
    struct cede_queue_options options = {.drop = drop_item, .drop_arg = &queue, .capacity = 2};

    ck_assert_int_eq(cede_queue_new(&queue, &options), 0);
    put_now("a");
    put_now("b");
    cede_queue_ref(queue);
    cede_queue_unref(queue);
    ck_assert_trace("");
    cede_queue_unref(queue);
    ck_assert_trace("ab");
}
END_TEST

static int unref_under_waiter(void *arg) {
    (void)arg;
    spawned(get_one, NULL);
    cede_queue_unref(queue);
    return 0;
}

static void run_unref_under_waiter(void *arg) {
    make(CEDE_QUEUE_FIFO, 0, NULL);
    cede_run(unref_under_waiter, arg);
}

START_TEST(the_last_reference_under_a_waiter_aborts) {
    check_aborts(run_unref_under_waiter, NULL, "cede_queue_unref: the last reference is gone");
}
END_TEST

CEDE_CHECK_MAIN("queue_items", options_that_do_not_fit_are_refused,
                first_in_is_first_out_around_the_end_of_the_memory, last_in_is_first_out,
                the_least_comes_first_and_equals_keep_their_order,
                many_priorities_come_out_sorted_and_stable, without_a_task_nothing_can_wait,
                who_puts_into_a_full_queue_waits_its_turn,
                who_gets_from_an_empty_queue_waits_its_turn,
                an_item_that_waited_is_ranked_like_the_others,
                join_waits_for_the_work_and_not_for_the_getting,
                an_item_handed_to_a_getter_is_work_too, a_queue_that_is_shut_down_can_be_emptied,
                a_shutdown_ends_the_gets_that_wait,
                a_shutdown_at_once_drops_the_items_and_ends_the_join,
                a_drop_does_not_count_as_done_what_was_said_to_be,
                the_last_reference_drops_the_items, the_last_reference_under_a_waiter_aborts)
