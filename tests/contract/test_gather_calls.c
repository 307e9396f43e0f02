#include "support/suspend_points.h"

#include <errno.h>

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int turns_then_return(void *arg) {
    intptr_t n = (intptr_t)arg;

    for (intptr_t i = 0; i < n; i++) {
        int r = cede_task_yield();

        if (r < 0)
            return r;
    }
    return (int)n;
}

static int fail_after_a_turn(void *arg) {
    cede_task_yield();
    return (int)(intptr_t)arg;
}

static int sleep_forever(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

static int trace_and_sleep(void *arg) {
    int r;

    trace((char)(intptr_t)arg);
    r = cede_sleep(CEDE_FOREVER);
    trace('.');
    return r;
}

static int trace_and_fail(void *arg) {
    trace((char)(intptr_t)arg);
    cede_task_yield();
    return -(int)(intptr_t)arg;
}

static int trace_and_succeed(void *arg) {
    trace((char)(intptr_t)arg);
    cede_task_yield();
    return (int)(intptr_t)arg;
}

static int ignore_the_cancel(void *arg) {
    cede_sleep(CEDE_FOREVER);
    return (int)(intptr_t)arg;
}

static int cancel_self(void *arg) {
    (void)arg;
    cede_task_cancel(cede_task_self(), -EINTR);
    return cede_sleep(1);
}

static int cancel_scope(void *arg) {
    settle();
    cede_scope_cancel(arg, -EINTR);
    return 0;
}

/* A scope that is cancelled some turns from now. */
static void enter_short(struct cede_scope *scope) {
    cede_scope_enter(scope, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(NULL, cancel_scope, scope, NULL), 0);
}

#define CALL(function, number)                                                                     \
    { .fn = (function), .arg = (void *)(intptr_t)(number) }

/* --- gather ---------------------------------------------------------------------------------- */

TASK_TEST(results_are_in_the_order_of_the_calls) {
    struct cede_call calls[] = {CALL(turns_then_return, 5), CALL(turns_then_return, 1),
                                CALL(return_arg, 7)};

    ck_assert_int_eq(cede_gather(calls, 3, false), 0);
    ck_assert_int_eq(calls[0].result, 5);
    ck_assert_int_eq(calls[1].result, 1);
    ck_assert_int_eq(calls[2].result, 7);
    ck_assert_int_eq(cede_gather(NULL, 0, false), 0);
}

TASK_TEST(the_first_error_cancels_the_rest) {
    struct cede_call calls[] = {CALL(trace_and_sleep, 'a'), CALL(fail_after_a_turn, -EIO),
                                CALL(trace_and_sleep, 'b')};

    ck_assert_int_eq(cede_gather(calls, 3, false), -EIO);
    ck_assert_trace("ab..");
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(calls[1].result, -EIO);
    ck_assert(!cede_cancelled());
}

TASK_TEST(errors_are_results_if_so_asked) {
    struct cede_call calls[] = {CALL(turns_then_return, 9), CALL(return_arg, -EIO),
                                CALL(return_arg, -ECANCELED)};

    ck_assert_int_eq(cede_gather(calls, 3, true), 0);
    ck_assert_int_eq(calls[0].result, 9);
    ck_assert_int_eq(calls[1].result, -EIO);
    ck_assert_int_eq(calls[2].result, -ECANCELED);
}

TASK_TEST(a_cancelled_gather_has_awaited_its_calls) {
    for (int return_errors = 0; return_errors < 2; return_errors++) {
        struct cede_call calls[] = {CALL(return_arg, 3), CALL(sleep_forever, 0)};
        struct cede_scope scope;
        int r;

        enter_short(&scope);
        r = cede_gather(calls, 2, return_errors);
        ck_assert_int_eq(r, -ECANCELED);
        ck_assert_int_eq(cede_scope_leave(&scope, r), -EINTR);
        ck_assert_int_eq(calls[0].result, 3);
        ck_assert_int_eq(calls[1].result, -ECANCELED);
    }
}

TASK_TEST(a_cancelled_caller_begins_nothing) {
    struct cede_call calls[] = {CALL(trace_and_succeed, 'a')};
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -EINTR);
    ck_assert_int_eq(cede_gather(calls, 1, false), -ECANCELED);
    ck_assert_int_eq(cede_staggered(calls, 1, 0, NULL), -ECANCELED);
    ck_assert_int_eq(cede_shield(NULL, trace_and_succeed, (void *)'b', NULL), -ECANCELED);
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
    settle();
    ck_assert_trace("");
}

TASK_TEST(a_call_that_was_cancelled_by_itself_is_told) {
    struct cede_call calls[] = {CALL(cancel_self, 0), CALL(turns_then_return, 3)};

    ck_assert_int_eq(cede_gather(calls, 2, false), -ECANCELED);
    ck_assert_int_eq(calls[1].result, 3);
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_gather(calls, 2, true), 0);
}

TASK_TEST(a_call_without_a_function_is_refused_and_the_others_end) {
    struct cede_call calls[] = {CALL(sleep_forever, 0), {.fn = NULL}};

    ck_assert_int_eq(cede_gather(calls, 2, false), -EINVAL);
    ck_assert_int_eq(cede_staggered(calls, 2, 0, NULL), -EINVAL);
}

static int gather_some(void *arg) {
    struct cede_call calls[] = {CALL(turns_then_return, 3), CALL(turns_then_return, 6)};
    int r;

    (void)arg;
    r = cede_gather(calls, 2, true);
    return r < 0 ? r : cede_gather(calls, 2, false);
}

START_TEST(gather_leaves_nothing_wherever_it_is_cancelled) {
    cancel_everywhere(gather_some, false, 100);
}
END_TEST

START_TEST(gather_leaves_nothing_without_memory) {
    fail_everywhere(gather_some, false);
    fail_everywhere(gather_some, true);
}
END_TEST

/* --- shield ---------------------------------------------------------------------------------- */

TASK_TEST(a_shielded_call_returns_its_result_apart_from_the_wait) {
    int result = 0;

    ck_assert_int_eq(cede_shield(NULL, turns_then_return, (void *)3, &result), 0);
    ck_assert_int_eq(result, 3);
    ck_assert_int_eq(cede_shield(NULL, return_arg, (void *)-EIO, &result), 0);
    ck_assert_int_eq(result, -EIO);
    ck_assert_int_eq(cede_shield(NULL, return_arg, NULL, NULL), 0);
}

static int ten_turns(void *arg) {
    int r = turns_then_return((void *)10);

    *(int *)arg = r;
    return r;
}

TASK_TEST(a_cancelled_caller_leaves_and_the_work_goes_on_in_its_group) {
    struct cede_group group;
    struct cede_scope scope;
    int done = 0, result = 14, r;

    cede_group_enter(&group, CEDE_FOREVER);
    cede_scope_enter(&scope, cede_after(0));
    r = cede_shield(&group, ten_turns, &done, &result);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -ETIME); /* cancelled before it could begin */
    ck_assert_uint_eq(cede_group_alive(&group), 0);

    enter_short(&scope);
    r = cede_shield(&group, ignore_the_cancel, (void *)1, &result);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(result, 14);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -EINTR);
    ck_assert_uint_eq(cede_group_alive(&group), 1);
    cede_scope_cancel(&group.scope, -EINTR);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0); /* it did its work all the same */
}

static int shield_and_be_cancelled(void *arg) {
    return cede_shield(NULL, ten_turns, arg, NULL);
}

TASK_TEST(shielded_work_ends_after_its_caller) {
    cede_task *caller;
    int done = 0, result;

    ck_assert_int_eq(cede_spawn(NULL, shield_and_be_cancelled, &done, &caller), 0);
    cede_task_yield();
    cede_task_cancel(caller, -ECANCELED);
    ck_assert_int_eq(cede_join(caller, &result), 0);
    ck_assert_int_eq(result, -ECANCELED);
    ck_assert_int_eq(done, 0);
    for (int i = 0; i < 20; i++)
        cede_task_yield();
    ck_assert_int_eq(done, 10);
    cede_task_unref(caller);
}

/* --- staggered ------------------------------------------------------------------------------- */

TASK_TEST(the_first_that_succeeds_at_once_starts_no_other) {
    struct cede_call calls[] = {CALL(trace_and_succeed, 'a'), CALL(trace_and_succeed, 'b')};
    size_t winner = 9;

    ck_assert_int_eq(cede_staggered(calls, 2, CEDE_FOREVER, &winner), 'a');
    ck_assert_uint_eq(winner, 0);
    ck_assert_trace("a");
    ck_assert_int_eq(calls[1].result, -ECANCELED);
}

TASK_TEST(a_failure_starts_the_next_without_delay) {
    struct cede_call calls[] = {CALL(trace_and_fail, 'a'), CALL(trace_and_fail, 'b'),
                                CALL(trace_and_succeed, 'c')};
    size_t winner = 9;

    ck_assert_int_eq(cede_staggered(calls, 3, CEDE_FOREVER, &winner), 'c');
    ck_assert_uint_eq(winner, 2);
    ck_assert_trace("abc");
    ck_assert_int_eq(calls[0].result, -'a');
}

TASK_TEST(a_delay_starts_the_next_and_the_loser_is_cancelled_and_awaited) {
    struct cede_call calls[] = {CALL(trace_and_sleep, 'a'), CALL(trace_and_succeed, 'b')};
    size_t winner = 9;

    ck_assert_int_eq(cede_staggered(calls, 2, CEDE_MILLISECOND, &winner), 'b');
    ck_assert_uint_eq(winner, 1);
    ck_assert_trace("ab.");
    ck_assert_int_eq(calls[0].result, -ECANCELED);
    ck_assert(!cede_cancelled());
}

TASK_TEST(after_the_last_the_earlier_ones_have_all_the_time) {
    struct cede_call calls[] = {CALL(turns_then_return, 20), CALL(trace_and_fail, 'b')};
    size_t winner = 9;

    ck_assert_int_eq(cede_staggered(calls, 2, 0, &winner), 20);
    ck_assert_uint_eq(winner, 0);
    ck_assert_trace("b");
}

TASK_TEST(when_all_fail_the_first_error_is_returned) {
    struct cede_call calls[] = {CALL(fail_after_a_turn, -ECONNREFUSED),
                                CALL(return_arg, -ENETUNREACH)};
    size_t winner = 9;

    ck_assert_int_eq(cede_staggered(calls, 2, 0, &winner), -ECONNREFUSED);
    ck_assert_uint_eq(winner, 9);
    ck_assert_int_eq(calls[1].result, -ENETUNREACH);
    ck_assert_int_eq(cede_staggered(calls, 0, 0, &winner), -EINVAL);
}

TASK_TEST(a_loser_that_succeeded_all_the_same_is_told) {
    struct cede_call calls[] = {CALL(ignore_the_cancel, 5), CALL(trace_and_succeed, 'b')};
    size_t winner = 9;

    ck_assert_int_eq(cede_staggered(calls, 2, 0, &winner), 'b');
    ck_assert_uint_eq(winner, 1);
    ck_assert_int_eq(calls[0].result, 5);
}

TASK_TEST(a_cancelled_race_awaits_all) {
    struct cede_call calls[] = {CALL(trace_and_sleep, 'a'), CALL(trace_and_sleep, 'b')};
    struct cede_scope scope;
    int r;

    enter_short(&scope);
    r = cede_staggered(calls, 2, 0, NULL);
    ck_assert_int_eq(r, -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, r), -EINTR);
    ck_assert_trace("ab..");
}

TASK_TEST(a_success_is_not_lost_to_a_cancel) {
    struct cede_call calls[] = {CALL(ignore_the_cancel, 5)};
    struct cede_scope scope;
    size_t winner = 9;

    enter_short(&scope);
    ck_assert_int_eq(cede_staggered(calls, 1, 0, &winner), 5);
    ck_assert_uint_eq(winner, 0);
    ck_assert_int_eq(cede_scope_leave(&scope, cede_sleep(1)), -EINTR);
}

static int race_some(void *arg) {
    struct cede_call calls[] = {CALL(turns_then_return, 9), CALL(trace_and_fail, EIO),
                                CALL(turns_then_return, 3)};
    int r;

    (void)arg;
    scene_trace[0] = '\0';
    r = cede_staggered(calls, 3, 0, NULL);
    return r > 0 ? 0 : r;
}

START_TEST(a_race_leaves_nothing_wherever_it_is_cancelled) {
    cancel_everywhere(race_some, false, 100);
}
END_TEST

START_TEST(a_race_leaves_nothing_without_memory) {
    fail_everywhere(race_some, false);
    fail_everywhere(race_some, true);
}
END_TEST

CEDE_CHECK_MAIN(
    "gather_calls", results_are_in_the_order_of_the_calls, the_first_error_cancels_the_rest,
    errors_are_results_if_so_asked, a_cancelled_gather_has_awaited_its_calls,
    a_cancelled_caller_begins_nothing, a_call_that_was_cancelled_by_itself_is_told,
    a_call_without_a_function_is_refused_and_the_others_end,
    gather_leaves_nothing_wherever_it_is_cancelled, gather_leaves_nothing_without_memory,
    a_shielded_call_returns_its_result_apart_from_the_wait,
    a_cancelled_caller_leaves_and_the_work_goes_on_in_its_group,
    shielded_work_ends_after_its_caller, the_first_that_succeeds_at_once_starts_no_other,
    a_failure_starts_the_next_without_delay,
    a_delay_starts_the_next_and_the_loser_is_cancelled_and_awaited,
    after_the_last_the_earlier_ones_have_all_the_time, when_all_fail_the_first_error_is_returned,
    a_loser_that_succeeded_all_the_same_is_told, a_cancelled_race_awaits_all,
    a_success_is_not_lost_to_a_cancel, a_race_leaves_nothing_wherever_it_is_cancelled,
    a_race_leaves_nothing_without_memory)
