/* poll() and wake(): how a thread waits at the seam, and what ends that. None of these asserts how
 * long it took; a wait that does not end is what the time limit of each test is for. */
#include "check_main.h"

#include "support/scale.h"
#include "support/seam.h"

#include <cede/timer.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/time.h>

static char buffer[64];

START_TEST(a_time_that_has_passed_is_not_waited_for) {
    seam_open();
    seam_poll(0);
    seam_poll(1);
    seam_poll(seam->kernel->now() - 1);
    seam_poll(seam->kernel->now());
    seam_close();
}
END_TEST

START_TEST(a_time_to_come_is_reached) {
    seam_open();
    for (uint64_t wait = 1; wait < 20 * CEDE_MILLISECOND; wait *= 3) {
        uint64_t until = seam->kernel->now() + wait;
        unsigned count = 0;

        while (seam->kernel->now() < until && ++count < 1000)
            seam_poll(until);
        ck_assert_uint_lt(count, 1000); /* it waits, rather than ask again and again */
    }
    seam_close();
}
END_TEST

START_TEST(what_happens_ends_a_wait_for_a_far_time) {
    static const uint64_t far[] = {UINT64_C(1) << 62, INT64_MAX, (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX - 1, CEDE_FOREVER};
    struct op op;
    int fds[2];

    seam_open();
    unix_pair(fds);
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
        put(fds[1], "x", 1);
        while (!op_finished(&op))
            seam_poll(far[i]);
    }
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(a_wake_before_the_poll_is_not_lost) {
    seam_open();
    for (int i = 0; i < 100; i++) {
        for (int k = 0; k <= i % 3; k++)
            seam->wake(backend);
        seam_poll(CEDE_FOREVER);
    }
    seam_close();
}
END_TEST

static atomic_int rounds_done;
static atomic_bool waker_over;

static void *wake_each_round(void *arg) {
    int seen = 0;

    (void)arg;
    seam->wake(backend);
    while (!atomic_load(&waker_over)) {
        int now = atomic_load(&rounds_done);

        if (now != seen) {
            seen = now;
            seam->wake(backend);
        } else {
            sched_yield();
        }
    }
    return NULL;
}

START_TEST(another_thread_ends_a_wait) {
    int rounds = (int)scaled(20000);
    pthread_t thread;

    seam_open();
    ck_assert_int_eq(pthread_create(&thread, NULL, wake_each_round, NULL), 0);
    for (int i = 0; i < rounds; i++) {
        seam_poll(CEDE_FOREVER);
        atomic_fetch_add(&rounds_done, 1);
    }
    atomic_store(&waker_over, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    seam_close();
}
END_TEST

static void *wake_late(void *arg) {
    (void)arg;
    usleep(30000);
    atomic_store(&waker_over, true);
    seam->wake(backend);
    return NULL;
}

/* Rather than ask again and again because the time is beyond what the kernel counts. */
START_TEST(a_far_time_is_waited_for) {
    static const uint64_t far[] = {UINT64_C(1) << 62, INT64_MAX, (uint64_t)INT64_MAX + 1,
                                   UINT64_MAX - 1, CEDE_FOREVER};

    seam_open();
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        unsigned count = 0;
        pthread_t thread;

        atomic_store(&waker_over, false);
        ck_assert_int_eq(pthread_create(&thread, NULL, wake_late, NULL), 0);
        while (!atomic_load(&waker_over) && ++count < 1000)
            seam_poll(far[i]);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_uint_lt(count, 100);
        settle();
    }
    seam_close();
}
END_TEST

static atomic_int alarms;

static void wake_on_alarm(int signal) {
    (void)signal;
    atomic_fetch_add(&alarms, 1);
    seam->wake(backend);
}

static void storm(void (*handler)(int), int flags, suseconds_t every_us) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    struct itimerval timer = {.it_interval = {.tv_usec = every_us},
                              .it_value = {.tv_usec = every_us}};

    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void end_storm(void) {
    struct itimerval timer = {0};

    ck_assert_int_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

START_TEST(a_signal_handler_ends_a_wait) {
    seam_open();
    storm(wake_on_alarm, SA_RESTART, 2000);
    for (int i = 0; i < 20;) {
        int before = atomic_load(&alarms);

        seam_poll(CEDE_FOREVER);
        i += atomic_load(&alarms) > before;
    }
    end_storm();
    seam_close();
}
END_TEST

static void count_alarm(int signal) {
    (void)signal;
    atomic_fetch_add(&alarms, 1);
}

/* Every call of the backend is interrupted sooner or later; nobody sees anything of it. */
START_TEST(signals_interrupt_nothing) {
    size_t rounds = scaled(30000);
    struct op in, out;
    char byte;
    int fds[2];

    seam_open();
    unix_pair(fds);
    seam_watch(fds[0]);
    storm(count_alarm, 0, 100);
    for (size_t i = 0; i < rounds; i++) {
        char sent = (char)i;

        op_recv(&in, fds[0], &byte, 1, i % 2 ? CEDE__IO_READ_AHEAD : 0);
        if (i % 8 == 0)
            seam_poll(seam->kernel->now() + 100 * CEDE_MICROSECOND);
        op_send(&out, fds[1], &sent, 1);
        ck_assert(op_wait(&out) == 1 && op_wait(&in) == 1 && byte == sent);
    }
    end_storm();
    ck_assert_int_gt(atomic_load(&alarms), 0);
    close(fds[1]);
    seam_drop(fds[0]);
    settle();
    seam_close();
}
END_TEST

/* idle() may say no too often, never yes when something could be found. */
START_TEST(idle_means_that_a_poll_finds_nothing) {
    struct op op;
    int fds[2];

    seam_open();
    unix_pair(fds);
    for (int i = 0; i < 100; i++) {
        ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
        if (i % 2)
            settle();
        put(fds[1], "x", 1);
        while (!op_finished(&op)) {
            ck_assert(!seam->idle(backend));
            seam_poll(0);
        }
    }
    ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
    seam->forget(backend, fds[0]);
    ck_assert(!seam->idle(backend));
    ck_assert_int_eq(op_wait(&op), -EBADF);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(a_backend_can_be_opened_many_times) {
    seam_open();
    for (int i = 0; i < 50; i++) {
        struct cede__backend *other;
        const char *why;

        ck_assert_int_eq(seam->open(&other, &why), 0);
        seam->poll(other, 0);
        seam->close(other);
    }
    seam_close();
}
END_TEST

CEDE_CHECK_MAIN("seam_poll", a_time_that_has_passed_is_not_waited_for, a_time_to_come_is_reached,
                what_happens_ends_a_wait_for_a_far_time, a_wake_before_the_poll_is_not_lost,
                another_thread_ends_a_wait, a_far_time_is_waited_for, a_signal_handler_ends_a_wait,
                signals_interrupt_nothing, idle_means_that_a_poll_finds_nothing,
                a_backend_can_be_opened_many_times)
