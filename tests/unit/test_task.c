#include "support/scene.h"

#include <errno.h>

static int result_of(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int sleep_forever(void *arg) {
    (void)arg;
    return cede_sleep(CEDE_FOREVER);
}

static cede_task *spawn_named(cede_task_fn fn, void *arg, const char *name) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn_as(NULL, fn, arg, name, &task), 0);
    return task;
}

#define spawn(fn, arg) spawn_named((fn), (arg), #fn)

/* --- Numbers and names ----------------------------------------------------------------------- */

TASK_TEST(ids_count_from_1_and_are_never_reused) {
    uint64_t last = cede_task_id(cede_task_self());

    ck_assert_uint_eq(last, 1);
    for (int i = 0; i < 1000; i++) {
        cede_task *task = spawn(return_arg, NULL);

        ck_assert_uint_eq(cede_task_id(task), last + 1);
        last = cede_task_id(task);
        ck_assert_int_eq(result_of(task), 0);
    }
}

TASK_TEST(a_task_is_named_after_its_function_or_by_option) {
    struct cede_task_options options = {.name = "bob"};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, return_arg, NULL, &task), 0);
    ck_assert_str_eq(cede_task_name(task), "return_arg");
    result_of(task);
    ck_assert_int_eq(cede_spawn_with(NULL, return_arg, NULL, &options, &task), 0);
    ck_assert_str_eq(cede_task_name(task), "bob");
    result_of(task);
    ck_assert_int_eq(cede_spawn_with(NULL, return_arg, NULL, NULL, &task), 0);
    ck_assert_ptr_nonnull(cede_task_name(task));
    result_of(task);
    ck_assert_str_eq(cede_task_name(cede_task_self()), "main");
}

static int look_at_self(void *arg) {
    *(cede_task **)arg = cede_task_self();
    return 0;
}

TASK_TEST(self_is_the_running_task) {
    cede_task *seen = NULL, *task = spawn(look_at_self, &seen), *main = cede_task_self();

    ck_assert_ptr_nonnull(main);
    ck_assert_ptr_null(seen);
    cede_task_yield();
    ck_assert_ptr_eq(seen, task);
    ck_assert_ptr_eq(cede_task_self(), main);
    result_of(task);
}

START_TEST(outside_of_tasks_there_is_no_self) {
    ck_assert_ptr_null(cede_task_self());
    ck_assert_int_eq(cede_task_yield(), -EPERM);
    ck_assert_int_eq(cede_sleep(1), -EPERM);
    ck_assert_int_eq(cede_sleep(0), -EPERM);
    ck_assert_int_eq(cede_kill(1), -EPERM);
    ck_assert(!cede_cancelled());
}
END_TEST

static int sleep_long(void *arg) {
    (void)arg;
    return cede_sleep(3600 * CEDE_SECOND);
}

static int join_main(void *arg) {
    return cede_join(arg, NULL);
}

TASK_TEST(what_a_task_waits_for_can_be_asked) {
    cede_task *sleeper = spawn(sleep_long, NULL), *joiner = spawn(join_main, sleeper);

    ck_assert_ptr_null(cede_task_waits_for(sleeper)); /* it has not begun */
    ck_assert_ptr_null(cede_task_waits_for(cede_task_self()));
    cede_task_yield();
    ck_assert_str_eq(cede_task_waits_for(sleeper), "a timer");
    ck_assert_str_eq(cede_task_waits_for(joiner), "another task to end");
    cede_task_cancel(sleeper, -ECANCELED);
    ck_assert_ptr_null(cede_task_waits_for(sleeper));
    ck_assert_int_eq(result_of(sleeper), -ECANCELED);
    ck_assert_int_eq(result_of(joiner), 0);
}

/* --- Order ----------------------------------------------------------------------------------- */

static int trace_twice(void *arg) {
    trace((char)(intptr_t)arg);
    cede_task_yield();
    trace((char)((intptr_t)arg - 'a' + 'A'));
    return 0;
}

TASK_TEST(tasks_run_in_the_order_in_which_they_were_spawned) {
    for (char c = 'a'; c < 'f'; c++)
        ck_assert_int_eq(cede_spawn(NULL, trace_twice, (void *)(intptr_t)c, NULL), 0);
    trace('<');
    cede_task_yield();
    trace('|');
    cede_task_yield();
    trace('>');
    ck_assert_trace("<abcde|ABCDE>");
}

static int spawn_child(void *arg) {
    trace('p');
    ck_assert_int_eq(cede_spawn(NULL, trace_twice, arg, NULL), 0);
    trace('P');
    return 0;
}

TASK_TEST(a_spawned_task_goes_to_the_end_of_the_queue) {
    ck_assert_int_eq(cede_spawn(NULL, spawn_child, (void *)'c', NULL), 0);
    ck_assert_int_eq(cede_spawn(NULL, trace_twice, (void *)'a', NULL), 0);
    settle();
    ck_assert_trace("pPacAC");
}

static void trace_callback(void *arg) {
    trace((char)(intptr_t)arg);
}

/* Callbacks and tasks stand in one queue. */
TASK_TEST(callbacks_and_tasks_take_turns) {
    cede_loop *loop = cede_loop_current();

    ck_assert_int_eq(cede_loop_call_soon(loop, trace_callback, (void *)'1', NULL), 0);
    ck_assert_int_eq(cede_spawn(NULL, trace_twice, (void *)'a', NULL), 0);
    ck_assert_int_eq(cede_loop_call_soon(loop, trace_callback, (void *)'2', NULL), 0);
    ck_assert_int_eq(cede_spawn(NULL, trace_twice, (void *)'b', NULL), 0);
    cede_task_yield();
    ck_assert_trace("1a2b");
    cede_task_yield();
    ck_assert_trace("1a2bAB");
}

static int yield_often(void *arg) {
    uint64_t *count = arg;

    for (int i = 0; i < 1000; i++) {
        ++*count;
        ck_assert_int_eq(cede_task_yield(), 0);
    }
    return 0;
}

TASK_TEST(yields_take_turns) {
    uint64_t counts[5] = {0};
    cede_task *tasks[5];

    for (int i = 0; i < 5; i++)
        tasks[i] = spawn(yield_often, &counts[i]);
    for (uint64_t n = 1; n <= 1000; n++) {
        ck_assert_int_eq(cede_task_yield(), 0);
        for (int i = 0; i < 5; i++)
            ck_assert_uint_eq(counts[i], n);
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(result_of(tasks[i]), 0);
}

/* Tasks that always have something to do must not keep timers from firing. */
static int spin_until(void *arg) {
    while (!*(bool *)arg)
        cede_task_yield();
    return 0;
}

TASK_TEST(busy_tasks_leave_time_for_timers) {
    bool stop = false;
    cede_task *task = spawn(spin_until, &stop);

    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    stop = true;
    ck_assert_int_eq(result_of(task), 0);
}

/* --- Join ------------------------------------------------------------------------------------ */

TASK_TEST(join_gives_the_result_before_and_after_the_end) {
    cede_task *task = spawn(return_arg, (void *)17);
    int result = -1;

    ck_assert(!cede_task_done(task, &result));
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(cede_join(task, &result), 0);
    ck_assert_int_eq(result, 17);
    result = -1;
    ck_assert_int_eq(cede_join(task, &result), 0);
    ck_assert_int_eq(result, 17);
    result = -1;
    ck_assert(cede_task_done(task, &result));
    ck_assert_int_eq(result, 17);
    ck_assert(cede_task_done(task, NULL));
    ck_assert_int_eq(cede_join(task, NULL), 0);
    cede_task_unref(task);
}

/* What the wait did and what the task made are two things. */
TASK_TEST(a_failed_task_is_joined_with_success) {
    cede_task *task = spawn(return_arg, (void *)(intptr_t)-EIO);
    int result = 0;

    ck_assert_int_eq(cede_join(task, &result), 0);
    ck_assert_int_eq(result, -EIO);
    cede_task_unref(task);
}

TASK_TEST(joining_oneself_is_a_deadlock) {
    int result = 5;

    ck_assert_int_eq(cede_join(cede_task_self(), &result), -EDEADLK);
    ck_assert_int_eq(result, 5);
}

static void join_in_callback(void *arg) {
    ck_assert_int_eq(cede_join(arg, NULL), -EPERM);
    trace('c');
}

TASK_TEST(callbacks_cannot_join) {
    cede_task *task = spawn(sleep_long, NULL);

    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), join_in_callback, task, NULL), 0);
    settle();
    ck_assert_trace("c");
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(result_of(task), -ECANCELED);
}

struct joiner {
    cede_task *task;
    char name;
};

static int join_and_trace(void *arg) {
    struct joiner *joiner = arg;
    int result, r = cede_join(joiner->task, &result);

    trace(joiner->name);
    return r < 0 ? r : result;
}

TASK_TEST(many_join_one_in_order) {
    cede_task *sleeper = spawn(return_arg, (void *)8), *tasks[5];
    struct joiner joiners[5];

    for (int i = 0; i < 5; i++) {
        joiners[i] = (struct joiner){.task = sleeper, .name = (char)('a' + i)};
        tasks[i] = spawn(join_and_trace, &joiners[i]);
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(result_of(tasks[i]), 8);
    ck_assert_trace("abcde");
    cede_task_unref(sleeper);
}

TASK_TEST(a_cancelled_join_leaves_the_task_alone) {
    cede_task *sleeper = spawn(sleep_long, NULL), *joiner = spawn(join_main, sleeper);

    settle();
    cede_task_cancel(joiner, -ECANCELED);
    ck_assert_int_eq(result_of(joiner), -ECANCELED);
    ck_assert(!cede_task_done(sleeper, NULL));
    ck_assert_str_eq(cede_task_waits_for(sleeper), "a timer");
    cede_task_cancel(sleeper, -ECANCELED);
    ck_assert_int_eq(result_of(sleeper), -ECANCELED);
}

TASK_TEST(a_cancelled_task_cannot_join_even_the_finished) {
    cede_task *task = spawn(return_arg, (void *)3);
    struct cede_scope scope;
    int result = 7;

    settle();
    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -ECANCELED);
    ck_assert_int_eq(cede_join(task, &result), -ECANCELED);
    ck_assert_int_eq(result, 7);
    cede_scope_leave(&scope, 0);
    ck_assert_int_eq(result_of(task), 3);
}

static int yield_and_return(void *arg) {
    settle();
    return (int)(intptr_t)arg;
}

/* Two wait on one borrowed reference; the first gives it back before the second has run. */
static int join_and_unref(void *arg) {
    struct joiner *joiner = arg;
    int result, r = cede_join(joiner->task, &result);

    if (joiner->name == 'u')
        cede_task_unref(joiner->task);
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)1, NULL), 0);
    return r < 0 ? r : result;
}

TASK_TEST(a_join_keeps_the_task_until_it_has_the_result) {
    struct joiner first = {.name = 'u'}, second = {.name = 's'};
    cede_task *tasks[2];

    first.task = second.task = spawn(yield_and_return, (void *)55);
    tasks[0] = spawn(join_and_unref, &first);
    tasks[1] = spawn(join_and_unref, &second);
    ck_assert_int_eq(result_of(tasks[0]), 55);
    ck_assert_int_eq(result_of(tasks[1]), 55);
}

/* --- References ------------------------------------------------------------------------------ */

TASK_TEST(references_accept_null) {
    ck_assert_ptr_null(cede_task_ref(NULL));
    ck_assert_ptr_null(cede_task_unref(NULL));
}

TASK_TEST(a_reference_keeps_the_result_of_a_finished_task) {
    cede_task *kept = spawn(return_arg, (void *)21), *again = cede_task_ref(kept);
    uint64_t id = cede_task_id(kept);
    int result = 0;

    ck_assert_ptr_eq(again, kept);
    ck_assert_ptr_null(cede_task_unref(again));
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(result_of(spawn(return_arg, (void *)4)), 4);
    ck_assert(cede_task_done(kept, &result));
    ck_assert_int_eq(result, 21);
    ck_assert_uint_eq(cede_task_id(kept), id);
    ck_assert_str_eq(cede_task_name(kept), "return_arg");
    ck_assert_ptr_null(cede_task_waits_for(kept));
    cede_task_unref(kept);
}

TASK_TEST(a_task_outlives_its_references) {
    cede_task *task = spawn(trace_twice, (void *)'a');

    cede_task_unref(task);
    settle();
    ck_assert_trace("aA");
}

/* --- Cancel and kill ------------------------------------------------------------------------- */

TASK_TEST(kill_by_id) {
    cede_task *task = spawn(sleep_long, NULL);

    settle();
    ck_assert_int_eq(cede_kill(cede_task_id(task)), 0);
    ck_assert_int_eq(result_of(task), -ECANCELED);
}

TASK_TEST(to_kill_an_unknown_or_finished_task_says_so) {
    cede_task *task = spawn(return_arg, NULL);
    uint64_t id = cede_task_id(task);

    ck_assert_int_eq(cede_kill(0), -ESRCH);
    ck_assert_int_eq(cede_kill(id + 1), -ESRCH);
    ck_assert_int_eq(cede_kill(UINT64_MAX), -ESRCH);
    ck_assert_int_eq(cede_join(task, NULL), 0);
    ck_assert_int_eq(cede_kill(id), -ESRCH); /* while its result is still kept */
    cede_task_unref(task);
    ck_assert_int_eq(cede_kill(id), -ESRCH);
    ck_assert(!cede_cancelled());
}

static int kill_self(void *arg) {
    (void)arg;
    ck_assert(!cede_cancelled());
    ck_assert_int_eq(cede_kill(cede_task_id(cede_task_self())), 0);
    ck_assert(cede_cancelled());
    ck_assert_int_eq(cede_sleep(CEDE_SECOND), -ECANCELED);
    return 4;
}

TASK_TEST(a_task_may_kill_itself_and_end_as_it_likes) {
    ck_assert_int_eq(result_of(spawn(kill_self, NULL)), 4);
    ck_assert(!cede_cancelled());
}

static int see_cancel(void *arg) {
    trace('r');
    ck_assert(cede_cancelled());
    ck_assert_int_eq(cede_task_yield(), -ECANCELED);
    ck_assert_int_eq(cede_sleep(0), -ECANCELED);
    ck_assert_int_eq(cede_sleep(CEDE_SECOND), -ECANCELED);
    ck_assert_int_eq(cede_join(arg, NULL), -ECANCELED);
    return -ECANCELED;
}

/* What a task's function owns is given to it, so it runs in any case and gives it back. */
TASK_TEST(a_task_that_is_killed_before_it_runs_runs_and_sees_it) {
    cede_task *task = spawn(see_cancel, cede_task_self());

    ck_assert_int_eq(cede_kill(cede_task_id(task)), 0);
    ck_assert_trace("");
    ck_assert_int_eq(result_of(task), -ECANCELED);
    ck_assert_trace("r");
}

TASK_TEST(to_cancel_a_finished_task_does_nothing) {
    cede_task *task = spawn(return_arg, (void *)6);

    settle();
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(result_of(task), 6);
}

TASK_TEST(a_cancelled_task_yields_all_the_same) {
    cede_task *other = spawn(trace_twice, (void *)'a');
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -ECANCELED);
    ck_assert_int_eq(cede_task_yield(), -ECANCELED);
    ck_assert_trace("a");
    cede_scope_leave(&scope, 0);
    ck_assert_int_eq(result_of(other), 0);
}

static void kill_in_callback(void *arg) {
    ck_assert_int_eq(cede_kill(*(uint64_t *)arg), 0);
}

TASK_TEST(callbacks_kill) {
    cede_task *task = spawn(sleep_forever, NULL);
    uint64_t id = cede_task_id(task);

    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), kill_in_callback, &id, NULL), 0);
    ck_assert_int_eq(result_of(task), -ECANCELED);
}

CEDE_CHECK_MAIN(
    "task", ids_count_from_1_and_are_never_reused, a_task_is_named_after_its_function_or_by_option,
    self_is_the_running_task, outside_of_tasks_there_is_no_self, what_a_task_waits_for_can_be_asked,
    tasks_run_in_the_order_in_which_they_were_spawned, a_spawned_task_goes_to_the_end_of_the_queue,
    callbacks_and_tasks_take_turns, yields_take_turns, busy_tasks_leave_time_for_timers,
    join_gives_the_result_before_and_after_the_end, a_failed_task_is_joined_with_success,
    joining_oneself_is_a_deadlock, callbacks_cannot_join, many_join_one_in_order,
    a_cancelled_join_leaves_the_task_alone, a_cancelled_task_cannot_join_even_the_finished,
    a_join_keeps_the_task_until_it_has_the_result, references_accept_null,
    a_reference_keeps_the_result_of_a_finished_task, a_task_outlives_its_references, kill_by_id,
    to_kill_an_unknown_or_finished_task_says_so, a_task_may_kill_itself_and_end_as_it_likes,
    a_task_that_is_killed_before_it_runs_runs_and_sees_it, to_cancel_a_finished_task_does_nothing,
    a_cancelled_task_yields_all_the_same, callbacks_kill)
