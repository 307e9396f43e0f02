/* Gather, wait, as_completed, wait_for, deadlines and groups. */
#include "parity.h"

static struct cede_event events[3];
static struct cede_group group;

static int one(void *arg) {
    (void)arg;
    return 1;
}

static int two(void *arg) {
    (void)arg;
    int r = cede_task_yield();

    return r < 0 ? r : 2;
}

static int fail(void *arg) {
    int r = cede_task_yield();

    (void)arg;
    return r < 0 ? r : -EIO;
}

static int sleep_long(void *arg) {
    int r = cede_sleep(NEVER);

    (void)arg;
    say("a sleeper ends");
    return r;
}

static int cancel_waiting(const char *name, cede_task *task) {
    settle();
    cede_task_cancel(task, -ECANCELED);
    ended(name, task);
    return 0;
}

static int gather_keeps_the_order_of_its_arguments(void *arg) {
    struct cede_call calls[] = {{.fn = two}, {.fn = one}};

    (void)arg;
    must(cede_gather(calls, 2, false));
    say("[%d, %d]", calls[0].result, calls[1].result);
    return 0;
}

static int gather_of_nothing_is_nothing(void *arg) {
    (void)arg;
    must(cede_gather(NULL, 0, false));
    say("[]");
    return 0;
}

static int gather_returns_the_first_error(void *arg) {
    struct cede_call calls[] = {{.fn = one}, {.fn = fail}};

    (void)arg;
    say("%s", outcome(cede_gather(calls, 2, false)));
    return 0;
}

static int gather_may_return_errors_as_results(void *arg) {
    struct cede_call calls[] = {{.fn = one}, {.fn = fail}, {.fn = two}};

    (void)arg;
    must(cede_gather(calls, 3, true));
    say("%d %s %d", calls[0].result, outcome(calls[1].result), calls[2].result);
    return 0;
}

static int gather_and_what_goes_on_after_an_error(void *arg) {
    struct cede_awaited tasks[] = {{.task = go(sleep_long, NULL)}, {.task = go(fail, NULL)}};

    (void)arg;
    say("gather: %s", outcome(cede_gather_tasks(tasks, 2, false)));
    say("other: %s", yes(cede_task_done(tasks[0].task, NULL)));
    cede_task_unref(tasks[0].task);
    cede_task_unref(tasks[1].task);
    return 0;
}

static int gather_two(void *arg) {
    struct cede_call calls[] = {{.fn = sleep_long}, {.fn = sleep_long}};

    (void)arg;
    return cede_gather(calls, 2, false);
}

static int a_cancelled_gather_cancels_its_calls(void *arg) {
    (void)arg;
    return cancel_waiting("task", go(gather_two, NULL));
}

/* Waits for the tasks, of which none is given twice, and tells what came of it. */
static void told(struct cede_awaited *tasks, size_t n, enum cede_wait_when when, uint64_t timeout) {
    int done = cede_wait_tasks(tasks, n, when, timeout);

    must(done);
    say("%d done, %d pending", done, (int)n - done);
}

static void unref(struct cede_awaited *tasks, size_t n) {
    for (size_t i = 0; i < n; i++)
        cede_task_unref(tasks[i].task);
}

static int wait_for_two(enum cede_wait_when when) {
    struct cede_awaited tasks[] = {{.task = go(one, NULL)}, {.task = go(two, NULL)}};

    told(tasks, 2, when, CEDE_FOREVER);
    unref(tasks, 2);
    return 0;
}

static int wait_for_all(void *arg) {
    (void)arg;
    return wait_for_two(CEDE_WAIT_ALL);
}

static int wait_for_the_first(void *arg) {
    struct cede_awaited tasks[] = {{.task = go(sleep_long, NULL)}, {.task = go(one, NULL)}};

    (void)arg;
    told(tasks, 2, CEDE_WAIT_FIRST_COMPLETED, CEDE_FOREVER);
    unref(tasks + 1, 1);
    return cancel_waiting("task", tasks[0].task);
}

static int wait_for_the_first_error(void *arg) {
    cede_task *task = go(sleep_long, NULL), *error = go(fail, NULL);
    struct cede_awaited tasks[] = {{.task = task}, {.task = go(one, NULL)}, {.task = error}};

    (void)arg;
    told(tasks, 3, CEDE_WAIT_FIRST_ERROR, CEDE_FOREVER);
    ended("error", error);
    unref(tasks + 1, 1);
    return cancel_waiting("task", task);
}

static int wait_for_an_error_that_does_not_come(void *arg) {
    (void)arg;
    return wait_for_two(CEDE_WAIT_FIRST_ERROR);
}

static int wait_with_a_timeout_cancels_nobody(void *arg) {
    struct cede_awaited tasks[] = {{.task = go(sleep_long, NULL)}, {.task = go(one, NULL)}};

    (void)arg;
    told(tasks, 2, CEDE_WAIT_ALL, 5 * MS);
    say("done: %s", yes(cede_task_done(tasks[0].task, NULL)));
    unref(tasks + 1, 1);
    return cancel_waiting("task", tasks[0].task);
}

static int wait_counts_a_task_once(void *arg) {
    cede_task *task = go(one, NULL);
    struct cede_awaited tasks[] = {{.task = task}, {.task = task}};
    int done = cede_wait_tasks(tasks, 2, CEDE_WAIT_ALL, CEDE_FOREVER);

    (void)arg;
    say("%d done, %d pending", done, !tasks[0].done);
    cede_task_unref(task);
    return 0;
}

static int wait_for_what_is_done(void *arg) {
    struct cede_awaited tasks[] = {{.task = go(one, NULL)}};
    cede_task *other;

    (void)arg;
    settle();
    other = go(one, NULL);
    told(tasks, 1, CEDE_WAIT_ALL, CEDE_FOREVER);
    say("other: %s", yes(cede_task_done(other, NULL)));
    must(cede_join(other, NULL));
    cede_task_unref(other);
    unref(tasks, 1);
    return 0;
}

static int after(void *arg) {
    must(cede_event_wait(&events[(intptr_t)arg]));
    return (int)(intptr_t)arg;
}

static int as_completed_tells_in_the_order_of_the_ends(void *arg) {
    static const int order[] = {2, 0, 1};
    struct cede_as_completed completed;
    struct cede_awaited tasks[3];
    cede_task *task;

    (void)arg;
    for (intptr_t i = 0; i < 3; i++) {
        cede_event_init(&events[i]);
        tasks[i] = (struct cede_awaited){.task = go(after, (void *)i)};
    }
    settle();
    must(cede_as_completed_begin(&completed, tasks, 3));
    for (int i = 0; i < 3; i++) {
        cede_event_set(&events[order[i]]);
        settle();
    }
    while (cede_as_completed_next(&completed, &task) == 1) {
        int result = 0;

        cede_task_done(task, &result);
        say("%d", result);
    }
    must(cede_as_completed_end(&completed));
    unref(tasks, 3);
    return 0;
}

static int wait_for_returns_what_comes_in_time(void *arg) {
    (void)arg;
    say("%s", outcome(cede_wait_for(two, NULL, NEVER)));
    say("%s", outcome(cede_wait_for(fail, NULL, NEVER)));
    return 0;
}

static int wait_for_ends_what_takes_too_long(void *arg) {
    (void)arg;
    say("%s", outcome(cede_wait_for(sleep_long, NULL, 2 * MS)));
    return 0;
}

static int wait_long(void *arg) {
    return cede_wait_for(sleep_long, arg, NEVER);
}

static int a_cancelled_wait_for_is_no_timeout(void *arg) {
    (void)arg;
    return cancel_waiting("task", go(wait_long, NULL));
}

static int nested(uint64_t outer_ns, uint64_t inner_ns) {
    struct cede_scope outer, inner;
    int r;

    cede_scope_enter(&outer, cede_after(outer_ns));
    cede_scope_enter(&inner, cede_after(inner_ns));
    r = cede_sleep(NEVER);
    r = cede_scope_leave(&inner, r);
    if (r == -ETIME)
        say("inner times out");
    return cede_scope_leave(&outer, r);
}

static int the_inner_timeout_is_blamed(void *arg) {
    (void)arg;
    say("%s", outcome(nested(NEVER, 2 * MS)));
    return 0;
}

static int the_outer_timeout_is_blamed(void *arg) {
    (void)arg;
    say("%s", outcome(nested(2 * MS, NEVER)));
    return 0;
}

static int a_deadline_is_moved_to_the_past(void *arg) {
    struct cede_scope scope;

    (void)arg;
    cede_scope_enter(&scope, cede_after(NEVER));
    cede_scope_set_deadline(&scope, cede_now() - CEDE_SECOND);
    say("%s", outcome(cede_scope_leave(&scope, cede_sleep(NEVER))));
    return 0;
}

static int a_deadline_is_taken_away(void *arg) {
    struct cede_scope scope;
    int r;

    (void)arg;
    cede_scope_enter(&scope, cede_after(2 * MS));
    cede_scope_set_deadline(&scope, CEDE_FOREVER);
    r = cede_sleep(6 * MS);
    say("expired: %s", yes(cede_scope_cause(&scope) == -ETIME));
    say("%s", outcome(cede_scope_leave(&scope, r)));
    return 0;
}

static void spawn(cede_task_fn fn) {
    must(cede_spawn(&group, fn, NULL, NULL));
}

static int settle_and_tell(void *arg) {
    (void)arg;
    settle();
    say("child");
    return 0;
}

static int a_group_awaits_its_tasks(void *arg) {
    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    spawn(settle_and_tell);
    say("body ends");
    must(cede_group_leave(&group, 0));
    say("left");
    return 0;
}

static int a_failure_cancels_the_siblings(void *arg) {
    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    spawn(sleep_long);
    spawn(fail);
    say("%s", outcome(cede_group_leave(&group, 0)));
    return 0;
}

static int a_failure_cancels_the_body(void *arg) {
    int r;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    spawn(fail);
    r = cede_sleep(NEVER);
    say("%s", outcome(r));
    say("%s", outcome(cede_group_leave(&group, r)));
    return 0;
}

static int an_error_of_the_body_cancels_the_tasks(void *arg) {
    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    spawn(sleep_long);
    settle();
    say("%s", outcome(cede_group_leave(&group, -EPIPE)));
    return 0;
}

static int grandchild(void *arg) {
    (void)arg;
    say("grandchild");
    return 0;
}

static int child(void *arg) {
    (void)arg;
    spawn(grandchild);
    say("child");
    return 0;
}

static int a_child_spawns_into_its_group(void *arg) {
    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    spawn(child);
    must(cede_group_leave(&group, 0));
    say("left");
    return 0;
}

static int cancelling_a_task_of_a_group_leaves_the_others(void *arg) {
    cede_task *task;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    must(cede_spawn(&group, sleep_long, NULL, &task));
    spawn(two);
    settle();
    cede_task_cancel(task, -ECANCELED);
    must(cede_group_leave(&group, 0));
    say("left");
    cede_task_unref(task);
    return 0;
}

static int own_a_group(void *arg) {
    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    spawn(sleep_long);
    spawn(sleep_long);
    return cede_group_leave(&group, 0);
}

static int cancelling_the_owner_cancels_the_group(void *arg) {
    (void)arg;
    return cancel_waiting("owner", go(own_a_group, NULL));
}

PARITY_MAIN(TASK_SCENARIO(gather_keeps_the_order_of_its_arguments),
            TASK_SCENARIO(gather_of_nothing_is_nothing),
            TASK_SCENARIO(gather_returns_the_first_error),
            TASK_SCENARIO(gather_may_return_errors_as_results),
            TASK_SCENARIO(gather_and_what_goes_on_after_an_error),
            TASK_SCENARIO(a_cancelled_gather_cancels_its_calls), TASK_SCENARIO(wait_for_all),
            TASK_SCENARIO(wait_for_the_first), TASK_SCENARIO(wait_for_the_first_error),
            TASK_SCENARIO(wait_for_an_error_that_does_not_come),
            TASK_SCENARIO(wait_with_a_timeout_cancels_nobody),
            TASK_SCENARIO(wait_counts_a_task_once), TASK_SCENARIO(wait_for_what_is_done),
            TASK_SCENARIO(as_completed_tells_in_the_order_of_the_ends),
            TASK_SCENARIO(wait_for_returns_what_comes_in_time),
            TASK_SCENARIO(wait_for_ends_what_takes_too_long),
            TASK_SCENARIO(a_cancelled_wait_for_is_no_timeout),
            TASK_SCENARIO(the_inner_timeout_is_blamed), TASK_SCENARIO(the_outer_timeout_is_blamed),
            TASK_SCENARIO(a_deadline_is_moved_to_the_past), TASK_SCENARIO(a_deadline_is_taken_away),
            TASK_SCENARIO(a_group_awaits_its_tasks), TASK_SCENARIO(a_failure_cancels_the_siblings),
            TASK_SCENARIO(a_failure_cancels_the_body),
            TASK_SCENARIO(an_error_of_the_body_cancels_the_tasks),
            TASK_SCENARIO(a_child_spawns_into_its_group),
            TASK_SCENARIO(cancelling_a_task_of_a_group_leaves_the_others),
            TASK_SCENARIO(cancelling_the_owner_cancels_the_group))
