/* Callbacks, timers, readiness and signals. */
#include "parity.h"

#include <signal.h>
#include <unistd.h>

static cede_handle *kept;
static struct cede_event done;
static int fds[2];

static void name_call(void *arg) {
    say("%s", (const char *)arg);
}

static void soon(cede_callback fn, const char *arg, cede_handle **ret_handle) {
    must(cede_loop_call_soon(cede_loop_current(), fn, (void *)arg, ret_handle));
}

static void at(uint64_t deadline, cede_callback fn, const char *arg, cede_handle **ret_handle) {
    must(cede_loop_call_at(cede_loop_current(), deadline, fn, (void *)arg, ret_handle));
}

static void later(uint64_t delay, const char *arg, cede_handle **ret_handle) {
    must(cede_loop_call_later(cede_loop_current(), delay, name_call, (void *)arg, ret_handle));
}

static void cancel_kept(void *arg) {
    (void)arg;
    cede_handle_cancel(kept);
}

static int calls_run_in_the_order_of_call_soon(void *arg) {
    (void)arg;
    soon(name_call, "a", NULL);
    soon(name_call, "b", NULL);
    soon(name_call, "c", NULL);
    say("main");
    settle();
    return 0;
}

static void call_once_more(void *arg) {
    (void)arg;
    say("first");
    soon(name_call, "third", NULL);
}

static int a_call_made_by_a_call_runs_in_the_next_pass(void *arg) {
    (void)arg;
    soon(call_once_more, NULL, NULL);
    soon(name_call, "second", NULL);
    settle();
    return 0;
}

static int a_cancelled_call_does_not_run(void *arg) {
    (void)arg;
    soon(name_call, "a", NULL);
    soon(name_call, "b", &kept);
    soon(name_call, "c", NULL);
    cede_handle_cancel(kept);
    settle();
    cede_handle_unref(kept);
    return 0;
}

static int a_call_cancels_one_of_its_own_pass(void *arg) {
    (void)arg;
    soon(cancel_kept, NULL, NULL);
    soon(name_call, "b", &kept);
    soon(name_call, "c", NULL);
    settle();
    cede_handle_unref(kept);
    return 0;
}

static int timers_fire_in_the_order_of_deadlines(void *arg) {
    uint64_t start = cede_now();

    (void)arg;
    at(start + 15 * MS, name_call, "c", NULL);
    at(start + 5 * MS, name_call, "a", NULL);
    at(start + 10 * MS, name_call, "b", NULL);
    say("main");
    return cede_sleep(20 * MS);
}

static int timers_by_delay_fire_in_order(void *arg) {
    (void)arg;
    later(2 * MS, "a", NULL);
    later(4 * MS, "b", NULL);
    later(6 * MS, "c", NULL);
    must(cede_sleep(8 * MS));
    say("main");
    return 0;
}

static int timers_of_one_deadline(void *arg) {
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    uint64_t start = cede_now();

    (void)arg;
    for (int i = 0; i < 5; i++)
        at(start + 5 * MS, name_call, names[i], NULL);
    return cede_sleep(10 * MS);
}

static int a_cancelled_timer_does_not_fire(void *arg) {
    (void)arg;
    later(2 * MS, "a", NULL);
    later(4 * MS, "b", &kept);
    later(6 * MS, "c", NULL);
    cede_handle_cancel(kept);
    cede_handle_unref(kept);
    return cede_sleep(8 * MS);
}

static int a_timer_cancels_a_later_one(void *arg) {
    uint64_t start = cede_now();

    (void)arg;
    at(start + 2 * MS, cancel_kept, NULL, NULL);
    at(start + 6 * MS, name_call, "later", &kept);
    at(start + 4 * MS, name_call, "between", NULL);
    must(cede_sleep(8 * MS));
    cede_handle_unref(kept);
    return 0;
}

static int a_timer_that_is_past_fires_soon(void *arg) {
    (void)arg;
    at(cede_now() - CEDE_SECOND, name_call, "past", NULL);
    say("main");
    return cede_sleep(2 * MS);
}

static void stop_call(void *arg) {
    (void)arg;
    cede_loop_stop(cede_loop_current());
}

static void stop_and_call(void *arg) {
    say("stop");
    stop_call(arg);
    soon(name_call, "next run", NULL);
}

static cede_loop *new_loop(void) {
    cede_loop *loop;

    must(cede_loop_new(&loop, NULL));
    return loop;
}

static void stop_lets_the_pass_end(void) {
    cede_loop *loop = new_loop();

    soon(stop_and_call, NULL, NULL);
    soon(name_call, "same pass", NULL);
    must(cede_loop_run(loop));
    say("stopped");
    soon(stop_call, NULL, NULL);
    must(cede_loop_run(loop));
    say("again");
    must(cede_loop_close(loop));
}

static void call_never(void *arg) {
    (void)arg;
    say("first");
    soon(name_call, "never", NULL);
}

static void stop_before_the_run_lets_one_pass_run(void) {
    cede_loop *loop = new_loop();

    soon(call_never, NULL, NULL);
    cede_loop_stop(loop);
    must(cede_loop_run(loop));
    say("stopped");
    must(cede_loop_close(loop));
}

static void calls_that_are_due_at_close_are_dropped(void) {
    cede_loop *loop = new_loop();

    soon(stop_call, NULL, NULL);
    must(cede_loop_run(loop));
    soon(name_call, "never", NULL);
    later(NEVER, "never", NULL);
    must(cede_loop_close(loop));
    say("closed");
}

static void open_pipe(void) {
    cede_event_init(&done);
    must(pipe(fds));
}

static int close_pipe(void) {
    close(fds[0]);
    close(fds[1]);
    return 0;
}

static void read_byte(void *arg) {
    char byte = 0;

    (void)arg;
    must((int)read(fds[0], &byte, 1));
    say("read %c", byte);
    if (byte == 'c') {
        say("removed: %s", yes(cede_loop_remove_reader(cede_loop_current(), fds[0])));
        cede_event_set(&done);
    }
}

static int a_reader_is_called_while_there_is_something_to_read(void *arg) {
    (void)arg;
    open_pipe();
    must(cede_loop_add_reader(cede_loop_current(), fds[0], read_byte, NULL));
    must((int)write(fds[1], "abc", 3));
    must(cede_event_wait(&done));
    say("removed again: %s", yes(cede_loop_remove_reader(cede_loop_current(), fds[0])));
    return close_pipe();
}

static void second_reader(void *arg) {
    (void)arg;
    say("second");
    cede_loop_remove_reader(cede_loop_current(), fds[0]);
    cede_event_set(&done);
}

static int a_second_reader_replaces_the_first(void *arg) {
    (void)arg;
    open_pipe();
    must(cede_loop_add_reader(cede_loop_current(), fds[0], name_call, (void *)"first"));
    must(cede_loop_add_reader(cede_loop_current(), fds[0], second_reader, NULL));
    must((int)write(fds[1], "x", 1));
    must(cede_event_wait(&done));
    return close_pipe();
}

static void writable(void *arg) {
    (void)arg;
    say("writable");
    cede_loop_remove_writer(cede_loop_current(), fds[1]);
    cede_event_set(&done);
}

static int a_writer_is_called_at_once(void *arg) {
    (void)arg;
    open_pipe();
    must(cede_loop_add_writer(cede_loop_current(), fds[1], writable, NULL));
    must(cede_event_wait(&done));
    return close_pipe();
}

static void caught(void *arg) {
    (void)arg;
    say("caught");
    cede_event_set(&done);
}

static int a_signal_calls_its_function(void *arg) {
    cede_loop *loop = cede_loop_current();

    (void)arg;
    cede_event_init(&done);
    must(cede_loop_add_signal(loop, SIGUSR1, caught, NULL));
    must(kill(getpid(), SIGUSR1));
    say("sent");
    must(cede_event_wait(&done));
    say("removed: %s", yes(cede_loop_remove_signal(loop, SIGUSR1)));
    say("removed again: %s", yes(cede_loop_remove_signal(loop, SIGUSR1)));
    return 0;
}

static void set_done(void *arg) {
    (void)arg;
    cede_event_set(&done);
}

static int posts_arrive_in_order(void *arg) {
    cede_loop *loop = cede_loop_current();

    (void)arg;
    cede_event_init(&done);
    must(cede_loop_post(loop, name_call, (void *)"a"));
    must(cede_loop_post(loop, name_call, (void *)"b"));
    must(cede_loop_post(loop, name_call, (void *)"c"));
    must(cede_loop_post(loop, set_done, NULL));
    say("main");
    return cede_event_wait(&done);
}

PARITY_MAIN(TASK_SCENARIO(calls_run_in_the_order_of_call_soon),
            TASK_SCENARIO(a_call_made_by_a_call_runs_in_the_next_pass),
            TASK_SCENARIO(a_cancelled_call_does_not_run),
            TASK_SCENARIO(a_call_cancels_one_of_its_own_pass),
            TASK_SCENARIO(timers_fire_in_the_order_of_deadlines),
            TASK_SCENARIO(timers_by_delay_fire_in_order), TASK_SCENARIO(timers_of_one_deadline),
            TASK_SCENARIO(a_cancelled_timer_does_not_fire),
            TASK_SCENARIO(a_timer_cancels_a_later_one),
            TASK_SCENARIO(a_timer_that_is_past_fires_soon), LOOP_SCENARIO(stop_lets_the_pass_end),
            LOOP_SCENARIO(stop_before_the_run_lets_one_pass_run),
            LOOP_SCENARIO(calls_that_are_due_at_close_are_dropped),
            TASK_SCENARIO(a_reader_is_called_while_there_is_something_to_read),
            TASK_SCENARIO(a_second_reader_replaces_the_first),
            TASK_SCENARIO(a_writer_is_called_at_once), TASK_SCENARIO(a_signal_calls_its_function),
            TASK_SCENARIO(posts_arrive_in_order))
