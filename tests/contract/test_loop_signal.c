/* Signals that become callbacks in the loop's context. */
#include "check_main.h"

#include "support/loops.h"
#include "support/scale.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

static atomic_long calls;
static pthread_t loop_thread;

static void count_call(void *arg) {
    (void)arg;
    ck_assert(pthread_equal(pthread_self(), loop_thread));
    atomic_fetch_add(&calls, 1);
}

static void add(int signal, cede_callback fn, const void *arg) {
    loop_thread = pthread_self();
    ck_assert_int_eq(cede_loop_add_signal(loop, signal, fn, (void *)(uintptr_t)arg), 0);
}

static void note_and_stop(void *arg) {
    note(arg);
    cede_loop_stop(loop);
}

START_TEST(a_signal_becomes_a_callback) {
    loop_open();
    add(SIGUSR1, note_and_stop, "u");
    raise(SIGUSR1);
    ck_assert_str_eq(trace, ""); /* not in the handler */
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_str_eq(trace, "u");
    raise(SIGUSR1);
    raise(SIGUSR1);
    ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
    ck_assert_str_eq(trace, "uu"); /* what comes together is one call */
    ck_assert(cede_loop_remove_signal(loop, SIGUSR1));
    loop_close();
}
END_TEST

START_TEST(each_signal_has_its_own_function) {
    loop_open();
    add(SIGUSR1, note, "1");
    add(SIGUSR2, note, "2");
    add(SIGTERM, note, "t");
    raise(SIGTERM);
    raise(SIGUSR1);
    cede_loop_run_once(loop, false);
    ck_assert_uint_eq(trace_length, 2);
    ck_assert(strchr(trace, '1') && strchr(trace, 't'));
    add(SIGUSR2, note, "3"); /* replaces */
    raise(SIGUSR2);
    cede_loop_run_once(loop, false);
    ck_assert_int_eq(trace[2], '3');
    loop_close();
}
END_TEST

static atomic_int old_calls;

static void old_handler(int signal) {
    (void)signal;
    atomic_fetch_add(&old_calls, 1);
}

START_TEST(removing_brings_the_old_disposition_back) {
    struct sigaction old = {.sa_handler = old_handler, .sa_flags = SA_NODEFER}, now;

    ck_assert_int_eq(sigaction(SIGUSR1, &old, NULL), 0);
    loop_open();
    for (int i = 0; i < 3; i++) {
        add(SIGUSR1, note, "n");
        add(SIGUSR1, note, "n"); /* what it replaces is not the old one */
        raise(SIGUSR1);
        ck_assert(cede_loop_remove_signal(loop, SIGUSR1));
        ck_assert(!cede_loop_remove_signal(loop, SIGUSR1));
        ck_assert_int_eq(sigaction(SIGUSR1, NULL, &now), 0);
        ck_assert(now.sa_handler == old_handler && (now.sa_flags & SA_NODEFER));
        raise(SIGUSR1);
        ck_assert_int_eq(atomic_load(&old_calls), i + 1);
    }
    run_out();
    ck_assert_str_eq(trace, ""); /* what had come before the removal is not called any more */
    add(SIGUSR1, note, "!");
    loop_close();
    ck_assert_int_eq(sigaction(SIGUSR1, NULL, &now), 0);
    ck_assert(now.sa_handler == old_handler);
}
END_TEST

static void remove_self(void *arg) {
    note(arg);
    ck_assert(cede_loop_remove_signal(loop, SIGUSR1));
}

START_TEST(a_function_may_remove_its_signal) {
    loop_open();
    add(SIGUSR1, remove_self, "r");
    raise(SIGUSR1);
    run_out(); /* and the loop does not wait for it any more */
    ck_assert_str_eq(trace, "r");
    loop_close();
}
END_TEST

START_TEST(signals_that_cannot_be_caught_are_refused) {
    static const int wrong[] = {0, -1, 65, 1000000, SIGKILL, SIGSTOP};

    loop_open();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_int_eq(cede_loop_add_signal(loop, wrong[i], note, NULL), -EINVAL);
        ck_assert(!cede_loop_remove_signal(loop, wrong[i]));
    }
    ck_assert_int_eq(cede_loop_add_signal(loop, SIGUSR1, NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_loop_run(loop), 1); /* none of them keeps the loop waiting */
    loop_close();
}
END_TEST

static void *take_signal(void *arg) {
    int *result = arg;
    cede_loop *other;

    if (cede_loop_new(&other, NULL) < 0)
        return NULL;
    result[0] = cede_loop_add_signal(other, SIGUSR1, note, NULL);
    result[1] = cede_loop_add_signal(other, SIGUSR2, note, NULL);
    result[2] = cede_loop_remove_signal(other, SIGUSR1);
    cede_loop_close(other);
    return NULL;
}

START_TEST(a_signal_belongs_to_one_loop) {
    int result[3] = {1, 1, 1};
    pthread_t thread;

    loop_open();
    add(SIGUSR1, note, "u");
    ck_assert_int_eq(pthread_create(&thread, NULL, take_signal, result), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(result[0], -EBUSY);
    ck_assert_int_eq(result[1], 0);
    ck_assert_int_eq(result[2], 0);
    raise(SIGUSR1);
    cede_loop_run_once(loop, false);
    ck_assert_str_eq(trace, "u");
    add(SIGUSR2, note, "v"); /* the other loop has given it back */
    loop_close();
}
END_TEST

START_TEST(a_signal_wakes_a_loop_that_sleeps) {
    pid_t child, parent = getpid();

    loop_open();
    add(SIGUSR1, note_and_stop, "u");
    child = fork();
    if (child == 0) {
        for (int i = 0; i < 200; i++) { /* it may be asleep by then, or not yet */
            kill(parent, SIGUSR1);
            sched_yield();
        }
        _exit(0);
    }
    ck_assert_int_eq(cede_loop_run(loop), 0);
    while (waitpid(child, NULL, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    loop_close();
}
END_TEST

static int traffic[2];

static void pass_on(void *arg) {
    char byte;

    (void)arg;
    if (read(traffic[0], &byte, 1) == 1)
        put(traffic[1], &byte, 1);
}

static void *send_signals(void *arg) {
    for (size_t i = 0; i < (size_t)arg; i++) {
        pthread_kill(loop_thread, SIGUSR1);
        kill(getpid(), SIGUSR2);
    }
    pthread_kill(loop_thread, SIGTERM);
    return NULL;
}

/* From a thread and to any thread, while bytes go round: the last one is seen, and each byte. */
START_TEST(a_hundred_thousand_signals_during_traffic) {
    size_t count = scaled(50000);
    pthread_t thread;

    loop_open();
    unix_pair(traffic);
    add(SIGUSR1, count_call, NULL);
    add(SIGUSR2, count_call, NULL);
    add(SIGTERM, stop, NULL);
    ck_assert_int_eq(cede_loop_add_reader(loop, traffic[0], pass_on, NULL), 0);
    put(traffic[1], "x", 1);
    int echo = traffic[1];
    traffic[1] = traffic[0]; /* what is read goes back where it came from */
    (void)echo;
    ck_assert_int_eq(pthread_create(&thread, NULL, send_signals, (void *)count), 0);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_ge(atomic_load(&calls), 2);
    ck_assert(cede_loop_remove_reader(loop, traffic[0]));
    close(traffic[0]);
    close(echo);
    loop_close();
}
END_TEST

static atomic_bool over;

static void *storm(void *arg) {
    (void)arg;
    while (!atomic_load(&over))
        kill(getpid(), SIGUSR1);
    return NULL;
}

/* Handlers run in every thread of the process while the loop that they speak of comes and goes. */
START_TEST(a_loop_may_close_while_its_signals_come) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    pthread_t threads[2];

    ck_assert_int_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, storm, NULL), 0);
    for (size_t i = 0; i < scaled(500); i++) {
        loop_open();
        add(SIGUSR1, count_call, NULL);
        cede_loop_run_once(loop, false);
        if (i % 2)
            ck_assert(cede_loop_remove_signal(loop, SIGUSR1));
        loop_close();
    }
    atomic_store(&over, true);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

START_TEST(the_loop_waits_as_long_as_it_has_a_signal) {
    loop_open();
    add(SIGUSR1, remove_self, "u");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(cede_loop_run(loop), 1);
    ck_assert_str_eq(trace, "u");
    loop_close();
}
END_TEST

CEDE_CHECK_MAIN("loop_signal", a_signal_becomes_a_callback, each_signal_has_its_own_function,
                removing_brings_the_old_disposition_back, a_function_may_remove_its_signal,
                signals_that_cannot_be_caught_are_refused, a_signal_belongs_to_one_loop,
                a_signal_wakes_a_loop_that_sleeps, a_hundred_thousand_signals_during_traffic,
                a_loop_may_close_while_its_signals_come, the_loop_waits_as_long_as_it_has_a_signal)
