#include "task/task.h"

#include <cede/gather.h>
#include <errno.h>

/* --- All ------------------------------------------------------------------------------------- */

/* A cancelled call that says so is no error of its own. */
static int quiet(int r) {
    return r == -ECANCELED && cede_cancelled() ? r : 0;
}

static int run_call(void *arg) {
    struct cede_call *call = arg;

    call->result = call->fn(call->arg);
    return call->result;
}

static int run_call_quietly(void *arg) {
    return quiet(run_call(arg));
}

static void reset(struct cede_call *calls, size_t n) {
    for (size_t i = 0; i < n; i++)
        calls[i].result = -ECANCELED;
}

static int spawn_call(struct cede_group *group, cede_task_fn fn, struct cede_call *call) {
    if (!call->fn)
        return -EINVAL;
    return cede_spawn_as(group, fn, call, call->name ? call->name : "call", NULL);
}

int cede_gather(struct cede_call *calls, size_t n, bool return_errors) {
    struct cede_group group;
    struct cede_task *task;
    int r = cede__blocking(&task);

    reset(calls, n);
    if (r < 0)
        return r;
    cede_group_enter(&group, CEDE_FOREVER);
    for (size_t i = 0; i < n && r == 0; i++)
        r = spawn_call(&group, return_errors ? run_call_quietly : run_call, &calls[i]);
    r = cede_group_leave(&group, r);
    return r == 0 && group.stopped && !return_errors ? -ECANCELED : r;
}

/* The first error, in the order of the array, of those that have ended. */
static int error_of(const struct cede_awaited *tasks, size_t n) {
    int cancelled = 0;

    for (size_t i = 0; i < n; i++) {
        const cede_task *task = tasks[i].task;

        if (!tasks[i].done || task->result >= 0)
            continue;
        if (task->result != -ECANCELED || !task->cancelled)
            return task->result;
        cancelled = -ECANCELED;
    }
    return cancelled;
}

/* Cancels those that are left, and waits for them whatever happens to the caller. */
static void stop_all(struct cede_awaited *tasks, size_t n, int cause) {
    struct cede_scope scope;

    for (size_t i = 0; i < n; i++)
        cede_task_cancel(tasks[i].task, cause);
    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_set_shield(&scope, true);
    cede_scope_leave(&scope, cede_wait_tasks(tasks, n, CEDE_WAIT_ALL, CEDE_FOREVER));
}

int cede_gather_tasks(struct cede_awaited *tasks, size_t n, bool return_errors) {
    int r = cede_wait_tasks(tasks, n, return_errors ? CEDE_WAIT_ALL : CEDE_WAIT_FIRST_ERROR,
                            CEDE_FOREVER);
    int error;

    if (r < 0 && r != -ECANCELED)
        return r;
    error = r >= 0 && !return_errors ? error_of(tasks, n) : r;
    if (error >= 0)
        return 0;
    stop_all(tasks, n, error);
    return error;
}

int cede_shield(struct cede_group *group, cede_task_fn fn, void *arg, int *ret_result) {
    cede_task *task;
    int r = cede__blocking(&task);

    if (r == 0)
        r = cede_spawn_as(group, fn, arg, "shielded", &task);
    if (r < 0)
        return r;
    r = cede_join(task, ret_result);
    cede_task_unref(task);
    return r;
}

/* --- The first that succeeds ----------------------------------------------------------------- */

struct race {
    struct cede_group group;
    struct cede_waiter *waiter;
    const struct cede_call *newest; /* that was begun; NULL when it has ended */
    struct cede_call *winner;
    size_t running;
};

static int run_attempt(void *arg) {
    struct cede_call *call = arg;
    struct race *race = call->owner;
    struct cede_waiter *waiter;
    int r = run_call(call);

    race->running--;
    if (r >= 0 && !race->winner)
        race->winner = call;
    if (race->newest == call)
        race->newest = NULL;
    waiter = race->waiter;
    race->waiter = NULL;
    if (waiter)
        cede_wake(waiter, 0);
    return quiet(r);
}

static int withdraw(struct cede_waiter *waiter) {
    struct race *race = waiter->data;

    race->waiter = NULL;
    return 0;
}

/* Until it is time for the next attempt or, after the last, until the race is over. */
static int wait_for_turn(struct race *race, uint64_t deadline, bool is_last) {
    struct cede_scope scope;
    int r = 0;

    cede_scope_enter(&scope, deadline);
    while (r == 0 && !race->winner && race->running > 0 && (race->newest || is_last)) {
        struct cede_waiter waiter;

        cede_waiter_init(&waiter, withdraw, "the first of several calls to succeed");
        waiter.data = race;
        race->waiter = &waiter;
        r = cede_park(&waiter);
    }
    r = cede_scope_leave(&scope, r);
    return r == -ETIME ? 0 : r;
}

static int run_race(struct race *race, struct cede_call *calls, size_t n, uint64_t delay_ns) {
    int r = 0;

    for (size_t i = 0; i < n && !race->winner && r == 0; i++) {
        bool is_last = i + 1 == n;

        calls[i].owner = race;
        r = spawn_call(&race->group, run_attempt, &calls[i]);
        if (r < 0)
            break;
        race->newest = &calls[i];
        race->running++;
        r = wait_for_turn(race,
                          is_last || delay_ns == CEDE_FOREVER ? CEDE_FOREVER : cede_after(delay_ns),
                          is_last);
    }
    return r;
}

int cede_staggered(struct cede_call *calls, size_t n, uint64_t delay_ns, size_t *ret_winner) {
    struct race race = {.winner = NULL};
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r == 0 && n == 0)
        r = -EINVAL;
    reset(calls, n);
    if (r < 0)
        return r;
    cede_group_enter(&race.group, CEDE_FOREVER);
    r = run_race(&race, calls, n, delay_ns);
    cede_scope_cancel(&race.group.scope, -ECANCELED);
    cede_group_leave(&race.group, 0);
    if (!race.winner)
        return r < 0 ? r : calls[0].result;
    if (ret_winner)
        *ret_winner = (size_t)(race.winner - calls);
    return race.winner->result;
}
