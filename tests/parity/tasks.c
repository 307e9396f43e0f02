/* Tasks: order, results, cancelling, joining; what cede_run() does at the end. */
#include "parity.h"

static struct cede_event event;
static cede_task *target_task;

static int name_self(void *arg) {
    say("%s", (const char *)arg);
    return 0;
}

static int steps(void *arg) {
    for (int step = 1; step <= 3; step++) {
        say("%s%d", (const char *)arg, step);
        must(cede_task_yield());
    }
    return 0;
}

static int sleep_long(void *arg) {
    int r;

    say("%s sleeps", (const char *)arg);
    r = cede_sleep(NEVER);
    if (r == -ECANCELED)
        say("%s is cancelled", (const char *)arg);
    return r;
}

static int seven(void *arg) {
    (void)arg;
    return 7;
}

static int fail(void *arg) {
    (void)arg;
    return -EIO;
}

static void join_quietly(cede_task *task) {
    must(cede_join(task, NULL));
    cede_task_unref(task);
}

static void join_three(cede_task_fn fn) {
    cede_task *tasks[] = {go(fn, "a"), go(fn, "b"), go(fn, "c")};

    for (int i = 0; i < 3; i++)
        join_quietly(tasks[i]);
}

static int spawned_tasks_start_in_order_when_main_waits(void *arg) {
    cede_task *tasks[] = {go(name_self, "a"), go(name_self, "b"), go(name_self, "c")};

    (void)arg;
    say("main");
    for (int i = 0; i < 3; i++)
        join_quietly(tasks[i]);
    return 0;
}

static int ready_tasks_take_turns(void *arg) {
    (void)arg;
    join_three(steps);
    return 0;
}

static int a_join_tells_result_or_error(void *arg) {
    (void)arg;
    ended("seven", go(seven, NULL));
    ended("fail", go(fail, NULL));
    return 0;
}

static int a_task_that_has_ended_is_joined_at_once(void *arg) {
    cede_task *task = go(seven, NULL), *other;

    (void)arg;
    settle();
    say("done: %s", yes(cede_task_done(task, NULL)));
    other = go(name_self, "other");
    ended("task", task);
    say("main");
    join_quietly(other);
    return 0;
}

static int parent(void *arg) {
    cede_task *child;

    (void)arg;
    say("parent");
    child = go(name_self, "child");
    say("parent spawned");
    join_quietly(child);
    say("parent joined");
    return 0;
}

static int a_child_spawns_a_child(void *arg) {
    (void)arg;
    join_quietly(go(parent, NULL));
    return 0;
}

static int cancel_ends_a_sleep(void *arg) {
    cede_task *task = go(sleep_long, "a");

    (void)arg;
    settle();
    cede_task_cancel(task, -ECANCELED);
    say("done: %s", yes(cede_task_done(task, NULL)));
    ended("a", task);
    return 0;
}

static int cancel_before_the_first_step(void *arg) {
    cede_task *task = go(sleep_long, "a");

    (void)arg;
    cede_task_cancel(task, -ECANCELED);
    ended("a", task);
    return 0;
}

static int cancel_after_the_end_changes_nothing(void *arg) {
    cede_task *task = go(seven, NULL);

    (void)arg;
    settle();
    cede_task_cancel(task, -ECANCELED);
    ended("task", task);
    return 0;
}

static int cancel_twice_is_cancel_once(void *arg) {
    cede_task *task = go(sleep_long, "a");

    (void)arg;
    settle();
    cede_task_cancel(task, -ECANCELED);
    cede_task_cancel(task, -ECANCELED);
    ended("a", task);
    return 0;
}

static int cancelled_tasks_end_in_the_order_of_the_cancels(void *arg) {
    cede_task *a = go(sleep_long, "a"), *b = go(sleep_long, "b"), *c = go(sleep_long, "c");

    (void)arg;
    settle();
    cede_task_cancel(c, -ECANCELED);
    cede_task_cancel(a, -ECANCELED);
    cede_task_cancel(b, -ECANCELED);
    settle();
    ended("a", a);
    ended("b", b);
    ended("c", c);
    return 0;
}

static int swallow(void *arg) {
    (void)arg;
    if (cede_sleep(NEVER) == -ECANCELED)
        say("swallowed");
    return 3;
}

/* Starts fn in a task, cancels it when it waits, and tells its end. */
static int cancel_waiting(cede_task_fn fn) {
    cede_task *task = go(fn, NULL);

    settle();
    cede_task_cancel(task, -ECANCELED);
    ended("task", task);
    return 0;
}

static int a_task_may_return_a_result_all_the_same(void *arg) {
    (void)arg;
    return cancel_waiting(swallow);
}

static int stubborn(void *arg) {
    (void)arg;
    say("first: %s", outcome(cede_sleep(NEVER)));
    say("second: %s", outcome(cede_task_yield()));
    return 0;
}

static int a_cancel_that_is_swallowed(void *arg) {
    (void)arg;
    return cancel_waiting(stubborn);
}

static int suicide(void *arg) {
    (void)arg;
    cede_task_cancel(cede_task_self(), -ECANCELED);
    say("still here");
    return cede_sleep(NEVER);
}

static int a_task_cancels_itself(void *arg) {
    (void)arg;
    ended("task", go(suicide, NULL));
    return 0;
}

static int target(void *arg) {
    int r = cede_event_wait(&event);

    (void)arg;
    return r < 0 ? r : 7;
}

static int join_target(void *arg) {
    int result = 0, r = cede_join(target_task, &result);

    if (r < 0)
        return r;
    say("%s: %s", (const char *)arg, outcome(result));
    return 0;
}

static int cancelling_who_joins(void *arg) {
    cede_task *waiter;

    (void)arg;
    cede_event_init(&event);
    target_task = go(target, NULL);
    waiter = go(join_target, "waiter");
    settle();
    cede_task_cancel(waiter, -ECANCELED);
    ended("waiter", waiter);
    cede_event_set(&event);
    ended("target", target_task);
    return 0;
}

static int all_who_join_go_on_in_order(void *arg) {
    cede_task *joiners[3];

    (void)arg;
    cede_event_init(&event);
    target_task = go(target, NULL);
    for (int i = 0; i < 3; i++)
        joiners[i] = go(join_target, (const char *[]){"a", "b", "c"}[i]);
    settle();
    cede_event_set(&event);
    for (int i = 0; i < 3; i++)
        join_quietly(joiners[i]);
    join_quietly(target_task);
    return 0;
}

static int join_self(void *arg) {
    (void)arg;
    say("%s", refused(cede_join(cede_task_self(), NULL)));
    return 0;
}

static int a_task_cannot_join_itself(void *arg) {
    (void)arg;
    join_quietly(go(join_self, NULL));
    return 0;
}

static void name_callback(void *arg) {
    say("%s", (const char *)arg);
}

static void call_when_done(cede_task *task, const char *name) {
    must(cede_task_add_done_callback(task, name_callback, (void *)name));
}

static int callbacks_of_a_task_run_in_order(void *arg) {
    cede_task *task = go(seven, NULL);

    (void)arg;
    call_when_done(task, "first");
    call_when_done(task, "second");
    settle();
    call_when_done(task, "late");
    say("main");
    settle();
    cede_task_unref(task);
    return 0;
}

static int a_removed_callback_is_not_called(void *arg) {
    static const char removed[] = "removed";
    cede_task *task = go(seven, NULL);

    (void)arg;
    call_when_done(task, removed);
    call_when_done(task, "kept");
    call_when_done(task, removed);
    say("%zu of them", cede_task_remove_done_callback(task, name_callback, removed));
    settle();
    cede_task_unref(task);
    return 0;
}

static int tell_name(void *arg) {
    (void)arg;
    say("%s", cede_task_name(cede_task_self()));
    return 0;
}

static int the_running_task_is_known_by_name(void *arg) {
    struct cede_task_options options = {.name = "teller"};
    cede_task *task;

    (void)arg;
    must(cede_spawn_with(NULL, tell_name, NULL, &options, &task));
    join_quietly(task);
    return 0;
}

static int inner(void) {
    int r = cede_sleep(NEVER);

    say("inner");
    return r;
}

static int outer(void *arg) {
    int r = inner();

    (void)arg;
    say("outer");
    return r;
}

static int clean_up_runs_from_the_inside_out(void *arg) {
    (void)arg;
    return cancel_waiting(outer);
}

static int the_end_of_main_cancels_what_is_left(void *arg) {
    cede_task *task = go(sleep_long, "a");

    (void)arg;
    settle();
    say("main ends, done: %s", yes(cede_task_done(task, NULL)));
    cede_task_unref(task);
    return 0;
}

PARITY_MAIN(TASK_SCENARIO(spawned_tasks_start_in_order_when_main_waits),
            TASK_SCENARIO(ready_tasks_take_turns), TASK_SCENARIO(a_join_tells_result_or_error),
            TASK_SCENARIO(a_task_that_has_ended_is_joined_at_once),
            TASK_SCENARIO(a_child_spawns_a_child), TASK_SCENARIO(cancel_ends_a_sleep),
            TASK_SCENARIO(cancel_before_the_first_step),
            TASK_SCENARIO(cancel_after_the_end_changes_nothing),
            TASK_SCENARIO(cancel_twice_is_cancel_once),
            TASK_SCENARIO(cancelled_tasks_end_in_the_order_of_the_cancels),
            TASK_SCENARIO(a_task_may_return_a_result_all_the_same),
            TASK_SCENARIO(a_cancel_that_is_swallowed), TASK_SCENARIO(a_task_cancels_itself),
            TASK_SCENARIO(cancelling_who_joins), TASK_SCENARIO(all_who_join_go_on_in_order),
            TASK_SCENARIO(a_task_cannot_join_itself),
            TASK_SCENARIO(callbacks_of_a_task_run_in_order),
            TASK_SCENARIO(a_removed_callback_is_not_called),
            TASK_SCENARIO(the_running_task_is_known_by_name),
            TASK_SCENARIO(clean_up_runs_from_the_inside_out),
            TASK_SCENARIO(the_end_of_main_cancels_what_is_left))
