/* Callbacks that run once, soon or at a time, and the ways to run and stop a loop. */
#include "check_main.h"

#include "support/loops.h"
#include "support/scale.h"

#include <stdint.h>

static cede_handle *handles[8];

START_TEST(soon_means_in_order_and_not_at_once) {
    loop_open();
    soon(note, "a");
    soon(note, "b");
    soon(note, "c");
    ck_assert_str_eq(trace, "");
    run_out();
    ck_assert_str_eq(trace, "abc");
    loop_close();
}
END_TEST

static void call_more(void *arg) {
    note(arg);
    soon(note, "x");
    soon(note, "y");
}

START_TEST(one_pass_runs_what_was_ready_at_its_start) {
    loop_open();
    soon(call_more, "a");
    soon(note, "b");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 0);
    ck_assert_str_eq(trace, "ab");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 1);
    ck_assert_str_eq(trace, "abxy");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 1);
    loop_close();
}
END_TEST

static int chain_left;

static void chain(void *arg) {
    if (--chain_left > 0)
        soon(chain, arg);
}

static void reschedule(void *arg) {
    soon(reschedule, arg);
}

/* What is always ready does not keep the clock and the kernel from being looked at. */
START_TEST(a_callback_that_calls_itself_starves_no_timer_and_no_reader) {
    int fds[2];

    loop_open();
    unix_pair(fds);
    put(fds[1], "x", 1);
    soon(reschedule, NULL);
    later(CEDE_MILLISECOND, stop, NULL);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], stop, NULL), 0);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    close(fds[0]);
    close(fds[1]);
    loop_close();
}
END_TEST

START_TEST(a_million_calls_in_a_chain) {
    loop_open();
    chain_left = (int)scaled(1000000);
    soon(chain, NULL);
    run_out();
    ck_assert_int_eq(chain_left, 0);
    loop_close();
}
END_TEST

START_TEST(many_calls_at_once_keep_their_order) {
    static char letters[2000];

    loop_open();
    for (size_t i = 0; i < sizeof letters; i++) {
        letters[i] = (char)('a' + i % 26);
        soon(note, &letters[i]);
        if (i % 700 == 0) /* so that the ring's start is somewhere inside when it grows */
            cede_loop_run_once(loop, false);
    }
    run_out();
    ck_assert_uint_eq(trace_length, sizeof letters);
    ck_assert_mem_eq(trace, letters, sizeof letters);
    loop_close();
}
END_TEST

START_TEST(later_means_in_the_order_of_the_deadlines) {
    uint64_t now;

    loop_open();
    now = cede_now();
    at(now + 3 * CEDE_MILLISECOND, note, "d");
    at(now + 2 * CEDE_MILLISECOND, note, "c");
    at(now + CEDE_MILLISECOND, note, "b");
    at(now, note, "a");
    later(CEDE_SECOND / 20, note, "e");
    run_out();
    ck_assert_uint_ge(cede_now(), now + 3 * CEDE_MILLISECOND);
    ck_assert_str_eq(trace, "abcde");
    loop_close();
}
END_TEST

static uint64_t due;

static void check_due(void *arg) {
    ck_assert_uint_ge(cede_now(), due);
    note(arg);
}

START_TEST(nothing_runs_before_its_time) {
    loop_open();
    for (uint64_t wait = 1; wait < 5 * CEDE_MILLISECOND; wait *= 2) {
        due = cede_after(wait);
        at(due, check_due, "x");
        run_out();
    }
    ck_assert_uint_gt(trace_length, 20);
    loop_close();
}
END_TEST

START_TEST(equal_deadlines_run_in_the_order_of_the_calls) {
    static char letters[500];
    uint64_t at;

    loop_open();
    at = cede_after(CEDE_MILLISECOND);
    for (size_t i = 0; i < sizeof letters; i++) {
        letters[i] = (char)('a' + i % 26);
        ck_assert_int_eq(cede_loop_call_at(loop, at, note, &letters[i], NULL), 0);
    }
    run_out();
    ck_assert_uint_eq(trace_length, sizeof letters);
    ck_assert_mem_eq(trace, letters, sizeof letters);
    loop_close();
}
END_TEST

START_TEST(what_is_due_joins_the_queue_behind_what_is_ready) {
    loop_open();
    soon(note, "a");
    later(0, note, "b");
    soon(note, "c");
    run_out();
    ck_assert_str_eq(trace, "acb");
    loop_close();
}
END_TEST

START_TEST(far_deadlines_neither_fire_nor_fail) {
    static const uint64_t far[] = {
        CEDE_SECOND * 3600, (uint64_t)INT32_MAX * 1000000, UINT64_C(1) << 52,
        INT64_MAX,          (uint64_t)INT64_MAX + 1,       UINT64_MAX - 1,
        UINT64_MAX};
    cede_handle *handle;

    loop_open();
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        later(far[i], note, "!");
        handle = at_handle(far[i] < INT64_MAX ? INT64_MAX : far[i], note, "!");
        later(CEDE_MICROSECOND, stop, NULL);
        ck_assert_int_eq(cede_loop_run(loop), 0);
        ck_assert(cede_handle_cancel(handle));
        cede_handle_unref(handle);
    }
    ck_assert_str_eq(trace, "");
    loop_close();
}
END_TEST

static void cancel_all(void *arg) {
    note(arg);
    for (size_t i = 0; i < 8 && handles[i]; i++)
        trace[trace_length++] = cede_handle_cancel(handles[i]) ? '+' : '-';
    trace[trace_length] = '\0';
}

START_TEST(cancel_tells_whether_it_came_in_time) {
    loop_open();
    handles[0] = soon_handle(cancel_all, "a");
    handles[1] = soon_handle(note, "b");
    handles[2] = at_handle(cede_after(1), note, "c");
    handles[3] = at_handle(cede_after(CEDE_SECOND), note, "d");
    run_out();
    ck_assert_str_eq(trace, "a-+++"); /* it runs itself; the others had not begun */
    for (size_t i = 0; i < 4; i++) {
        ck_assert(!cede_handle_cancel(handles[i]));
        handles[i] = cede_handle_unref(handles[i]);
    }
    ck_assert(!cede_handle_cancel(NULL));
    ck_assert_ptr_null(cede_handle_unref(NULL));
    loop_close();
}
END_TEST

/* All deadlines have passed when the first one runs, so the others stand in the ring already. */
START_TEST(a_timer_that_is_due_can_still_be_cancelled) {
    uint64_t past;

    loop_open();
    past = cede_now() - 1;
    at(past, cancel_all, "a");
    handles[0] = at_handle(past, note, "b");
    at(past, note, "c");
    run_out();
    ck_assert_str_eq(trace, "a+c");
    cede_handle_unref(handles[0]);
    loop_close();
}
END_TEST

START_TEST(references_may_go_at_any_time) {
    cede_handle *handle;

    loop_open();
    handle = soon_handle(note, "a");
    cede_handle_unref(handle);
    handle = at_handle(cede_after(1), note, "b");
    cede_handle_unref(handle);
    handle = at_handle(cede_after(1), note, "!");
    ck_assert(cede_handle_cancel(handle));
    cede_handle_unref(handle);
    handle = soon_handle(note, "!");
    ck_assert(cede_handle_cancel(handle));
    cede_handle_unref(handle);
    run_out();
    ck_assert_str_eq(trace, "ab");
    handle = soon_handle(note, "!");
    loop_close(); /* drops what was due */
    ck_assert(!cede_handle_cancel(handle));
    cede_handle_unref(handle);
    ck_assert_str_eq(trace, "ab");
}
END_TEST

START_TEST(stop_ends_the_run_after_the_pass) {
    loop_open();
    soon(note, "a");
    soon(stop, NULL);
    soon(call_more, "b"); /* of the same pass */
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_str_eq(trace, "ab");
    ck_assert_int_eq(cede_loop_run(loop), 1); /* what came in that pass was kept */
    ck_assert_str_eq(trace, "abxy");
    loop_close();
}
END_TEST

START_TEST(stop_before_the_run_gives_one_pass_without_waiting) {
    loop_open();
    cede_loop_hold(loop);
    cede_loop_stop(loop);
    soon(call_more, "a");
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_str_eq(trace, "a");
    cede_loop_stop(loop);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_str_eq(trace, "axy");
    cede_loop_stop(loop);
    ck_assert_int_eq(cede_loop_run(loop), 0); /* with nothing ready at all */
    cede_loop_release(loop);
    run_out();
    loop_close();
}
END_TEST

START_TEST(a_timer_may_stop_the_run_and_it_may_go_on) {
    loop_open();
    for (int i = 0; i < 5; i++) {
        later(100, stop, NULL);
        later(200 * CEDE_SECOND, note, "!");
        ck_assert_int_eq(cede_loop_run(loop), 0);
    }
    soon(note, "a");
    soon(stop, NULL);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert_str_eq(trace, "a");
    loop_close();
}
END_TEST

START_TEST(run_once_waits_only_if_it_is_told_to) {
    loop_open();
    later(1000 * CEDE_SECOND, note, "!");
    soon(note, "a");
    ck_assert_int_eq(cede_loop_run_once(loop, true), 0); /* something is ready: it does not wait */
    ck_assert_str_eq(trace, "a");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 0);
    later(CEDE_MILLISECOND, note, "b");
    while (trace_length < 2)
        ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
    ck_assert_str_eq(trace, "ab");
    loop_close();
}
END_TEST

START_TEST(a_loop_with_nothing_to_wait_for_says_so) {
    loop_open();
    ck_assert_int_eq(cede_loop_run(loop), 1);
    ck_assert_int_eq(cede_loop_run_once(loop, true), 1);
    ck_assert_int_eq(cede_loop_run_once(loop, false), 1);
    handles[0] = at_handle(cede_after(CEDE_SECOND), note, "!");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 0);
    cede_handle_cancel(handles[0]);
    cede_handle_unref(handles[0]);
    ck_assert_int_eq(cede_loop_run(loop), 1);
    loop_close();
}
END_TEST

static int inner_run, inner_once, inner_close, inner_new;

static void run_inside(void *arg) {
    cede_loop *other;

    (void)arg;
    inner_run = cede_loop_run(loop);
    inner_once = cede_loop_run_once(loop, false);
    inner_close = cede_loop_close(loop);
    inner_new = cede_loop_new(&other, NULL);
}

START_TEST(what_a_callback_must_not_do_is_refused) {
    loop_open();
    soon(run_inside, NULL);
    run_out();
    ck_assert_int_eq(inner_run, -EBUSY);
    ck_assert_int_eq(inner_once, -EBUSY);
    ck_assert_int_eq(inner_close, -EBUSY);
    ck_assert_int_eq(inner_new, -EBUSY);
    loop_close();
}
END_TEST

START_TEST(arguments_that_cannot_be_are_refused) {
    cede_handle *handle = (void *)8;

    ck_assert_int_eq(cede_loop_run(NULL), -EINVAL);
    ck_assert_int_eq(cede_loop_run_once(NULL, true), -EINVAL);
    ck_assert_int_eq(cede_loop_close(NULL), 0);
    ck_assert_int_eq(cede_loop_call_soon(NULL, note, NULL, &handle), -EINVAL);
    ck_assert_ptr_null(cede_loop_current());
    loop_open();
    ck_assert_ptr_eq(cede_loop_current(), loop);
    ck_assert_int_eq(cede_loop_run(NULL), -EINVAL);
    ck_assert_int_eq(cede_loop_call_soon(loop, NULL, NULL, &handle), -EINVAL);
    ck_assert_int_eq(cede_loop_call_later(NULL, 1, note, NULL, &handle), -EINVAL);
    ck_assert_int_eq(cede_loop_call_at(loop, 1, NULL, NULL, &handle), -EINVAL);
    ck_assert_int_eq(cede_loop_post(loop, NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_loop_post(NULL, note, NULL), -EINVAL);
    ck_assert_ptr_eq(handle, (void *)8); /* outputs are untouched */
    loop_close();
}
END_TEST

static void unref_own(void *arg) {
    cede_handle **own = arg;

    ck_assert(!cede_handle_cancel(*own));
    *own = cede_handle_unref(*own);
}

START_TEST(a_callback_may_drop_its_own_handle) {
    loop_open();
    ck_assert_int_eq(cede_loop_call_soon(loop, unref_own, &handles[0], &handles[0]), 0);
    ck_assert_int_eq(cede_loop_call_later(loop, 1, unref_own, &handles[1], &handles[1]), 0);
    run_out();
    ck_assert_ptr_null(handles[0]);
    ck_assert_ptr_null(handles[1]);
    loop_close();
}
END_TEST

START_TEST(loops_can_be_made_again_and_again) {
    for (int i = 0; i < 50; i++) {
        loop_open();
        soon(note, "a");
        later(100 * CEDE_SECOND, note, "!");
        if (i % 2)
            cede_loop_run_once(loop, false);
        loop_close();
    }
}
END_TEST

CEDE_CHECK_MAIN(
    "loop_calls", soon_means_in_order_and_not_at_once, one_pass_runs_what_was_ready_at_its_start,
    a_callback_that_calls_itself_starves_no_timer_and_no_reader, a_million_calls_in_a_chain,
    many_calls_at_once_keep_their_order, later_means_in_the_order_of_the_deadlines,
    nothing_runs_before_its_time, equal_deadlines_run_in_the_order_of_the_calls,
    what_is_due_joins_the_queue_behind_what_is_ready, far_deadlines_neither_fire_nor_fail,
    cancel_tells_whether_it_came_in_time, a_timer_that_is_due_can_still_be_cancelled,
    references_may_go_at_any_time, stop_ends_the_run_after_the_pass,
    stop_before_the_run_gives_one_pass_without_waiting, a_timer_may_stop_the_run_and_it_may_go_on,
    run_once_waits_only_if_it_is_told_to, a_loop_with_nothing_to_wait_for_says_so,
    what_a_callback_must_not_do_is_refused, arguments_that_cannot_be_are_refused,
    a_callback_may_drop_its_own_handle, loops_can_be_made_again_and_again)
