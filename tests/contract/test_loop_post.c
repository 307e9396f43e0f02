/* Posts: the one thing that another thread may ask of a loop. */
#include "check_main.h"

#include "loop/loop.h"
#include "support/loops.h"
#include "support/scale.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 8 };

static size_t posts_each;
static size_t seen[THREADS]; /* how many posts of each thread have run */
static size_t out_of_order;
static int threads_left;

static void post_arrived(void *arg) {
    size_t value = (size_t)arg, thread = value % THREADS;

    out_of_order += value / THREADS != seen[thread];
    seen[thread]++;
}

static void thread_ended(void *arg) {
    (void)arg;
    threads_left--;
    cede_loop_release(loop);
}

static void *post_many(void *arg) {
    size_t thread = (size_t)arg;

    for (size_t i = 0; i < posts_each; i++) {
        while (cede_loop_post(loop, post_arrived, (void *)(i * THREADS + thread)) == -ENOMEM)
            sched_yield();
        if (i % 1024 == 0) /* now and then the loop has time to fall asleep */
            sched_yield();
    }
    return (void *)(intptr_t)cede_loop_post(loop, thread_ended, NULL);
}

START_TEST(ten_million_posts_arrive_in_their_threads_order) {
    pthread_t threads[THREADS];

    loop_open();
    posts_each = scaled(10000000 / THREADS);
    threads_left = THREADS;
    for (size_t i = 0; i < THREADS; i++) {
        cede_loop_hold(loop);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, (void *)i), 0);
    }
    run_out();
    for (size_t i = 0; i < THREADS; i++) {
        void *result;

        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_null(result);
        ck_assert_uint_eq(seen[i], posts_each);
    }
    ck_assert_int_eq(threads_left, 0);
    ck_assert_uint_eq(out_of_order, 0);
    loop_close();
}
END_TEST

static atomic_int turn;

static void give_turn(void *arg) {
    atomic_store(&turn, (int)(intptr_t)arg);
}

static void *ping(void *arg) {
    int rounds = (int)(intptr_t)arg;

    for (int i = 1; i <= rounds; i++) {
        if (cede_loop_post(loop, give_turn, (void *)(intptr_t)i) < 0)
            return (void *)1;
        while (atomic_load(&turn) != i) /* the loop has run it, and falls asleep again */
            sched_yield();
    }
    return (void *)(intptr_t)cede_loop_post(loop, stop, NULL);
}

START_TEST(a_post_wakes_a_loop_that_sleeps) {
    int rounds = (int)scaled(20000);
    pthread_t thread;
    void *result;

    loop_open();
    cede_loop_hold(loop);
    ck_assert_int_eq(pthread_create(&thread, NULL, ping, (void *)(intptr_t)rounds), 0);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_null(result);
    ck_assert_int_eq(atomic_load(&turn), rounds);
    cede_loop_release(loop);
    loop_close();
}
END_TEST

START_TEST(posts_of_the_loops_own_thread_run_in_a_pass_to_come) {
    static char letters[] = "ab";

    loop_open();
    ck_assert_int_eq(cede_loop_post(loop, note, &letters[0]), 0);
    ck_assert_int_eq(cede_loop_post(loop, note, &letters[1]), 0);
    ck_assert_str_eq(trace, "");
    run_out();
    ck_assert_str_eq(trace, "ab");
    loop_close();
}
END_TEST

static int posts_left;

static void post_again(void *arg) {
    if (--posts_left > 0)
        ck_assert_int_eq(cede_loop_post(loop, post_again, arg), 0);
}

START_TEST(a_post_may_post) {
    loop_open();
    posts_left = 1000;
    ck_assert_int_eq(cede_loop_post(loop, post_again, NULL), 0);
    run_out();
    ck_assert_int_eq(posts_left, 0);
    loop_close();
}
END_TEST

START_TEST(a_post_may_stop_the_loop) {
    loop_open();
    cede_loop_hold(loop);
    ck_assert_int_eq(cede_loop_post(loop, stop, NULL), 0);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    cede_loop_release(loop);
    loop_close();
}
END_TEST

START_TEST(posts_that_nobody_ran_are_dropped_at_close) {
    loop_open();
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(cede_loop_post(loop, note, NULL), 0);
    loop_close();
    ck_assert_str_eq(trace, "");
}
END_TEST

static atomic_bool in_wake, closed, closed_too_early;
static const struct cede__backend_ops *real_ops;

/* Takes its time: the loop may run the post and end before it goes on. */
static void slow_wake(struct cede__backend *backend) {
    atomic_store(&in_wake, true);
    usleep(50000);
    atomic_store(&closed_too_early, atomic_load(&closed));
    if (!atomic_load(&closed))
        real_ops->wake(backend);
}

static void *post_last(void *arg) {
    return (void *)(intptr_t)cede_loop_post(arg, stop, NULL);
}

/* A worker posts its result, and the program ends: the ordinary end of a program with threads. */
START_TEST(a_loop_that_a_post_ends_waits_for_the_poster) {
    struct cede__backend_ops ops;
    pthread_t thread;
    void *result;

    loop_open();
    real_ops = loop->ops;
    ops = *real_ops;
    ops.wake = slow_wake;
    loop->ops = &ops;
    ck_assert_int_eq(pthread_create(&thread, NULL, post_last, loop), 0);
    while (!atomic_load(&in_wake))
        sched_yield();
    ck_assert_int_eq(cede_loop_run(loop), 0);
    loop_close();
    atomic_store(&closed, true);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_ptr_null(result);
    ck_assert(!atomic_load(&closed_too_early));
}
END_TEST

START_TEST(worker_after_worker_ends_its_loop) {
    for (size_t i = 0; i < scaled(2000); i++) {
        pthread_t thread;
        void *result;

        loop_open();
        cede_loop_hold(loop);
        ck_assert_int_eq(pthread_create(&thread, NULL, post_last, loop), 0);
        ck_assert_int_eq(cede_loop_run(loop), 0);
        loop_close();
        ck_assert_int_eq(pthread_join(thread, &result), 0);
        ck_assert_ptr_null(result);
    }
}
END_TEST

static void release(void *arg) {
    (void)arg;
    cede_loop_release(loop);
}

START_TEST(a_hold_keeps_the_loop_waiting) {
    loop_open();
    cede_loop_hold(loop);
    ck_assert_int_eq(cede_loop_run_once(loop, false), 0);
    later(CEDE_MILLISECOND, release, NULL);
    run_out();
    ck_assert_int_eq(cede_loop_run_once(loop, true), 1);
    loop_close();
}
END_TEST

static void *use_wrongly(void *arg) {
    int *results = arg, n = 0;

    results[n++] = cede_loop_run(loop);
    results[n++] = cede_loop_run_once(loop, false);
    results[n++] = cede_loop_close(loop);
    results[n++] = cede_loop_call_soon(loop, note, NULL, NULL);
    results[n++] = cede_loop_call_later(loop, 1, note, NULL, NULL);
    results[n++] = cede_loop_add_reader(loop, 0, note, NULL);
    results[n++] = cede_loop_add_writer(loop, 0, note, NULL);
    results[n++] = cede_loop_add_signal(loop, SIGUSR1, note, NULL);
    results[n++] = cede_loop_remove_reader(loop, 0) ? 0 : -EPERM;
    results[n++] = cede_loop_remove_writer(loop, 0) ? 0 : -EPERM;
    results[n++] = cede_loop_remove_signal(loop, SIGUSR2) ? 0 : -EPERM;
    results[n++] = cede_loop_current() ? 0 : -EPERM;
    results[n] = 1;
    return NULL;
}

START_TEST(another_thread_is_refused_everything_else) {
    int results[16], fds[2], count = 0;
    pthread_t thread;

    loop_open();
    unix_pair(fds);
    ck_assert_int_eq(cede_loop_add_reader(loop, 0, note, NULL) == 0, fcntl(0, F_GETFD) >= 0);
    ck_assert_int_eq(cede_loop_add_signal(loop, SIGUSR2, note, NULL), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, use_wrongly, results), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    while (results[count] != 1)
        ck_assert_int_eq(results[count++], -EPERM);
    ck_assert_int_eq(count, 12);
    ck_assert(cede_loop_remove_signal(loop, SIGUSR2));
    cede_loop_remove_reader(loop, 0);
    close(fds[0]);
    close(fds[1]);
    loop_close();
}
END_TEST

static void *run_own(void *arg) {
    cede_loop *own;
    long *count = arg;

    if (cede_loop_new(&own, NULL) < 0)
        return (void *)1;
    for (int i = 0; i < 100; i++) {
        cede_loop_call_soon(own, give_turn, NULL, NULL);
        cede_loop_call_later(own, 1000, give_turn, NULL, NULL);
        *count += cede_loop_run(own) == 1;
    }
    return (void *)(intptr_t)cede_loop_close(own);
}

START_TEST(each_thread_has_a_loop_of_its_own) {
    pthread_t threads[THREADS];
    long counts[THREADS] = {0};
    int before = fds_open();

    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run_own, &counts[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result;

        ck_assert_int_eq(pthread_join(threads[i], &result), 0);
        ck_assert_ptr_null(result);
        ck_assert_int_eq(counts[i], 100);
    }
    ck_assert_int_eq(fds_open(), before);
}
END_TEST

CEDE_CHECK_MAIN("loop_post", ten_million_posts_arrive_in_their_threads_order,
                a_post_wakes_a_loop_that_sleeps,
                posts_of_the_loops_own_thread_run_in_a_pass_to_come, a_post_may_post,
                a_post_may_stop_the_loop, posts_that_nobody_ran_are_dropped_at_close,
                a_loop_that_a_post_ends_waits_for_the_poster, worker_after_worker_ends_its_loop,
                a_hold_keeps_the_loop_waiting, another_thread_is_refused_everything_else,
                each_thread_has_a_loop_of_its_own)
