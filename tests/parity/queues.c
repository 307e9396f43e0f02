/* Queues: order, bounds, who waits, work done. Items are numbers in the clothes of pointers. */
#include "parity.h"

static cede_queue *queue;

static int compare(const void *a, const void *b) {
    return ((intptr_t)a > (intptr_t)b) - ((intptr_t)a < (intptr_t)b);
}

static void open_queue(enum cede_queue_order order, size_t capacity, const char *digits) {
    struct cede_queue_options options = {.order = order, .capacity = capacity};

    if (order == CEDE_QUEUE_PRIORITY)
        options.compare = compare;
    must(cede_queue_new(&queue, &options));
    for (; *digits; digits++)
        must(cede_queue_put_nowait(queue, (void *)(intptr_t)(*digits - '0')));
}

static int close_queue(void) {
    queue = cede_queue_unref(queue);
    return 0;
}

static void drain(void) {
    void *item;

    while (cede_queue_get_nowait(queue, &item) == 0)
        say("%d", (int)(intptr_t)item);
}

static int get(void *arg) {
    void *item;
    int r = cede_queue_get(queue, &item);

    if (r < 0)
        return r;
    say("%s gets %d", (const char *)arg, (int)(intptr_t)item);
    return 0;
}

static int put(void *arg) {
    int r = cede_queue_put(queue, arg);

    if (r < 0)
        return r;
    say("put %d", (int)(intptr_t)arg);
    return 0;
}

static void join(cede_task **tasks, size_t n) {
    for (size_t i = 0; i < n; i++) {
        must(cede_join(tasks[i], NULL));
        cede_task_unref(tasks[i]);
    }
}

static int drain_all(enum cede_queue_order order, const char *digits) {
    open_queue(order, 0, digits);
    drain();
    return close_queue();
}

static int first_in_first_out(void *arg) {
    (void)arg;
    return drain_all(CEDE_QUEUE_FIFO, "123");
}

static int last_in_first_out(void *arg) {
    (void)arg;
    return drain_all(CEDE_QUEUE_LIFO, "123");
}

static int the_least_comes_first(void *arg) {
    (void)arg;
    return drain_all(CEDE_QUEUE_PRIORITY, "3121");
}

static int a_queue_knows_its_length(void *arg) {
    struct cede_queue_stats stats;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 5, "12");
    cede_queue_stat(queue, &stats);
    say("%zu of %zu", cede_queue_length(queue), stats.capacity);
    return close_queue();
}

static int an_empty_queue_gives_nothing(void *arg) {
    void *item;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "");
    say("%s", refused(cede_queue_get_nowait(queue, &item)));
    return close_queue();
}

static int a_full_queue_takes_nothing(void *arg) {
    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 1, "");
    say("%s", refused(cede_queue_put_nowait(queue, (void *)1)));
    say("%s", refused(cede_queue_put_nowait(queue, (void *)2)));
    drain();
    return close_queue();
}

static int who_gets_is_served_in_order(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "");
    for (int i = 0; i < 3; i++)
        tasks[i] = go(get, (const char *[]){"a", "b", "c"}[i]);
    settle();
    for (intptr_t item = 1; item <= 3; item++)
        must(cede_queue_put_nowait(queue, (void *)item));
    say("put");
    join(tasks, 3);
    return close_queue();
}

static int a_put_waits_for_room(void *arg) {
    cede_task *tasks[3];
    void *item;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 1, "");
    for (intptr_t i = 0; i < 3; i++)
        tasks[i] = go(put, (void *)(i + 1));
    settle();
    for (int i = 0; i < 3; i++) {
        must(cede_queue_get(queue, &item));
        say("got %d", (int)(intptr_t)item);
        settle();
    }
    join(tasks, 3);
    return close_queue();
}

static int a_cancelled_get_leaves_the_item(void *arg) {
    cede_task *a, *b;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "");
    a = go(get, "a");
    b = go(get, "b");
    settle();
    cede_task_cancel(a, -ECANCELED);
    ended("a", a);
    must(cede_queue_put_nowait(queue, (void *)1));
    ended("b", b);
    say("%zu left", cede_queue_length(queue));
    return close_queue();
}

static int a_cancelled_put_leaves_nothing(void *arg) {
    cede_task *task;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 1, "1");
    task = go(put, (void *)2);
    settle();
    cede_task_cancel(task, -ECANCELED);
    ended("task", task);
    drain();
    return close_queue();
}

static int a_get_that_is_cancelled_after_the_put(void *arg) {
    cede_task *a, *b;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "");
    a = go(get, "a");
    b = go(get, "b");
    settle();
    must(cede_queue_put_nowait(queue, (void *)1));
    cede_task_cancel(a, -ECANCELED);
    settle();
    cede_task_cancel(b, -ECANCELED);
    ended("a", a);
    ended("b", b);
    return close_queue();
}

static int work(void *arg) {
    void *item;
    int r;

    (void)arg;
    while ((r = cede_queue_get(queue, &item)) == 0) {
        say("work %d", (int)(intptr_t)item);
        must(cede_queue_task_done(queue));
    }
    return r;
}

static int join_waits_for_all_the_work(void *arg) {
    cede_task *worker;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "123");
    worker = go(work, NULL);
    must(cede_queue_join(queue));
    say("joined");
    cede_task_cancel(worker, -ECANCELED);
    ended("worker", worker);
    return close_queue();
}

static int join_of_a_queue_without_work_does_not_block(void *arg) {
    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "");
    say("%s", outcome(cede_queue_join(queue)));
    return close_queue();
}

static int more_done_than_there_was_is_refused(void *arg) {
    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "1");
    drain();
    say("%s", refused(cede_queue_task_done(queue)));
    say("%s", refused(cede_queue_task_done(queue)));
    return close_queue();
}

static int join_queue(void *arg) {
    (void)arg;
    must(cede_queue_join(queue));
    say("joined");
    return 0;
}

static int who_joins_waits_for_work_that_was_gotten(void *arg) {
    cede_task *task;

    (void)arg;
    open_queue(CEDE_QUEUE_FIFO, 0, "1");
    task = go(join_queue, NULL);
    drain();
    settle();
    say("done");
    must(cede_queue_task_done(queue));
    join(&task, 1);
    return close_queue();
}

PARITY_MAIN(TASK_SCENARIO(first_in_first_out), TASK_SCENARIO(last_in_first_out),
            TASK_SCENARIO(the_least_comes_first), TASK_SCENARIO(a_queue_knows_its_length),
            TASK_SCENARIO(an_empty_queue_gives_nothing), TASK_SCENARIO(a_full_queue_takes_nothing),
            TASK_SCENARIO(who_gets_is_served_in_order), TASK_SCENARIO(a_put_waits_for_room),
            TASK_SCENARIO(a_cancelled_get_leaves_the_item),
            TASK_SCENARIO(a_cancelled_put_leaves_nothing),
            TASK_SCENARIO(a_get_that_is_cancelled_after_the_put),
            TASK_SCENARIO(join_waits_for_all_the_work),
            TASK_SCENARIO(join_of_a_queue_without_work_does_not_block),
            TASK_SCENARIO(more_done_than_there_was_is_refused),
            TASK_SCENARIO(who_joins_waits_for_work_that_was_gotten))
