/* Several threads, each with a run of its own. */
#include "support/net_pair.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#define THREADS 8

static int sleep_and_count(void *arg) {
    int r = 0;

    for (int i = 0; i < 20 && r == 0; i++)
        r = cede_sleep(50 * CEDE_MICROSECOND);
    ++*(int *)arg;
    return r;
}

static int echo(void *arg) {
    char buf[64];
    ssize_t n;

    while ((n = cede_stream_read(arg, buf, sizeof buf)) > 0) {
        int r = cede_stream_write(arg, buf, (size_t)n);

        if (r < 0)
            return r;
    }
    return (int)n;
}

static void ping_pong(cede_stream *stream) {
    char buf[8];

    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(cede_stream_write(stream, "p", 1), 0);
        ck_assert_int_eq(cede_stream_read(stream, buf, sizeof buf), 1);
    }
}

/* Timers, sockets, groups, coroutines' stacks: all of them in all threads at once. */
static int work(void *arg) {
    struct cede_group group;
    cede_stream *streams[2];
    int count = 0;

    ck_assert_uint_eq(cede_task_id(cede_task_self()), 1); /* each loop counts for itself */
    stream_pair(streams);
    cede_group_enter(&group, CEDE_FOREVER);
    for (int i = 0; i < 50; i++)
        ck_assert_int_eq(cede_spawn(&group, sleep_and_count, &count, NULL), 0);
    ck_assert_int_eq(cede_spawn(&group, echo, streams[1], NULL), 0);
    ping_pong(streams[0]);
    cede_stream_close(streams[0]);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
    cede_stream_close(streams[1]);
    ck_assert_int_eq(count, 50);
    return (int)(intptr_t)arg;
}

static void *run_thread(void *arg) {
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cede_run(work, arg), (int)(intptr_t)arg);
    return NULL;
}

START_TEST(threads_run_side_by_side) {
    pthread_t threads[THREADS];

    for (intptr_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_thread, (void *)(i + 1)), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

/* --- Talking to each other ------------------------------------------------------------------- */

/* A run that waits for posts from others: each wakes it, and the last ends it. */
struct mailbox {
    struct cede_waiter *waiting;
    cede_loop *loop;
    atomic_bool open;
    int received;
};

static int mailbox_abort(struct cede_waiter *waiter) {
    struct mailbox *mailbox = waiter->data;

    mailbox->waiting = NULL;
    return 0;
}

static void receive(void *arg) {
    struct mailbox *mailbox = arg;
    struct cede_waiter *waiter = mailbox->waiting;

    mailbox->received++;
    mailbox->waiting = NULL;
    if (waiter)
        cede_wake(waiter, 0);
}

#define POSTS 2000

static int receive_all(void *arg) {
    struct mailbox *mailbox = arg;

    mailbox->loop = cede_loop_current();
    cede_loop_hold(mailbox->loop);
    atomic_store(&mailbox->open, true);
    while (mailbox->received < THREADS * POSTS) {
        struct cede_waiter waiter;
        int r;

        cede_waiter_init(&waiter, mailbox_abort, "mail");
        waiter.data = mailbox;
        mailbox->waiting = &waiter;
        r = cede_park(&waiter);
        if (r < 0)
            return r;
    }
    cede_loop_release(mailbox->loop);
    return 0;
}

static void *post_all(void *arg) {
    struct mailbox *mailbox = arg;

    while (!atomic_load(&mailbox->open))
        usleep(100);
    for (int i = 0; i < POSTS; i++)
        ck_assert_int_eq(cede_loop_post(mailbox->loop, receive, mailbox), 0);
    return NULL;
}

START_TEST(a_task_waits_for_other_threads) {
    struct mailbox mailbox = {.received = 0};
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_all, &mailbox), 0);
    ck_assert_int_eq(cede_run(receive_all, &mailbox), 0);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_int_eq(mailbox.received, THREADS * POSTS);
}
END_TEST

/* --- Other threads are refused --------------------------------------------------------------- */

static void *use_from_outside(void *arg) {
    struct cede_loop *loop = arg;
    char byte;

    ck_assert_ptr_null(cede_loop_current());
    ck_assert_ptr_null(cede_task_self());
    ck_assert_int_eq(cede_sleep(1), -EPERM);
    ck_assert_int_eq(cede_kill(1), -EPERM);
    ck_assert_int_eq(cede_recv(0, &byte, 1, 0), -EPERM);
    ck_assert_int_eq(cede_loop_close(loop), -EPERM);
    ck_assert_int_eq(cede_loop_run(loop), -EPERM);
    return NULL;
}

static int start_a_thread(void *arg) {
    pthread_t thread;

    (void)arg;
    ck_assert_int_eq(pthread_create(&thread, NULL, use_from_outside, cede_loop_current()), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return 0;
}

START_TEST(a_thread_without_a_run_is_refused) {
    ck_assert_int_eq(cede_run(start_a_thread, NULL), 0);
}
END_TEST

CEDE_CHECK_MAIN("run_threads", threads_run_side_by_side, a_task_waits_for_other_threads,
                a_thread_without_a_run_is_refused)
