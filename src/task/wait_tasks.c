/* wait_tasks.c: waiting for several tasks.
 *
 * A set of tasks is watched: one operation a task, in the caller's memory, stands among those who
 * join it. When the task ends, the operation moves over to the set's list of finished ones, and
 * the waiter of the set is woken if that is enough. Nothing is done per task while nothing ends.
 *
 * A task that is given twice is found without a search: while the watches are put up nothing else
 * runs, so an earlier one of this set is the last that stands at the task. For this, tasks that
 * have ended already get a watch as well, and lose it once all stand. */
#include "task/watch.h"

#include <cede/gather.h>
#include <errno.h>

static bool enough(const struct cede_as_completed *set) {
    if (set->pending == 0)
        return true;
    if (set->when == CEDE_WAIT_FIRST_COMPLETED)
        return !cede__list_empty(&set->finished);
    return set->when == CEDE_WAIT_FIRST_ERROR && set->failed;
}

static bool has_failed(const cede_task *task) {
    return task->result < 0 && !(task->result == -ECANCELED && task->cancelled);
}

static void ended(struct cede_op *op) {
    struct cede_awaited *entry = cede__container_of(op, struct cede_awaited, op);
    struct cede_as_completed *set = op->source;
    struct cede_waiter *waiter = set->waiter;

    entry->done = true;
    set->pending--;
    set->failed |= has_failed(entry->task);
    cede__list_append(&set->finished, &op->link);
    if (waiter && enough(set)) {
        set->waiter = NULL;
        cede_wake(waiter, 0);
    }
}

static const struct cede__watch_kind awaited_kind = {{.what = "nothing"}, ended};

static int check(const struct cede_awaited *tasks, size_t n) {
    const struct cede_task *self = cede__task_current();

    for (size_t i = 0; i < n; i++) {
        if (!tasks[i].task)
            return -EINVAL;
        if (tasks[i].task == self)
            return -EDEADLK;
    }
    return 0;
}

/* The entry of the set that watches the task already, or NULL. */
static struct cede_awaited *find_same(const struct cede_as_completed *set, const cede_task *task) {
    const struct cede_list *joiners = &task->more->joiners;
    struct cede_op *last = cede__container_of(joiners->prev, struct cede_op, link);

    if (cede__list_empty(joiners) || !cede__watch_is(last, &awaited_kind) || last->source != set)
        return NULL;
    return cede__container_of(last, struct cede_awaited, op);
}

static void watch(struct cede_as_completed *set, struct cede_awaited *entry) {
    struct cede_awaited *same = find_same(set, entry->task);

    entry->done = false;
    entry->same = same ? same : entry;
    if (same)
        return;
    cede_task_ref(entry->task);
    set->pending++;
    cede__watch_begin(&entry->op, &awaited_kind, set, &entry->task->more->joiners);
}

int cede_as_completed_begin(struct cede_as_completed *set, struct cede_awaited *tasks, size_t n) {
    int r = check(tasks, n);

    if (r < 0)
        return r;
    *set = (struct cede_as_completed){.tasks = tasks, .n = n, .when = CEDE_WAIT_FIRST_COMPLETED};
    cede__list_init(&set->finished);
    for (size_t i = 0; i < n; i++)
        watch(set, &tasks[i]);
    for (size_t i = 0; i < n; i++) {
        if (tasks[i].same == &tasks[i] && tasks[i].task->done) {
            cede__list_remove(&tasks[i].op.link);
            ended(&tasks[i].op);
        }
    }
    return 0;
}

static int withdraw(struct cede_waiter *waiter) {
    struct cede_as_completed *set = waiter->data;

    set->waiter = NULL;
    return 0;
}

static int wait_for_enough(struct cede_as_completed *set) {
    struct cede_waiter waiter;
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    if (set->waiter)
        return -EBUSY;
    if (enough(set)) {
        cede__charge(task);
        return 0;
    }
    cede_waiter_init(&waiter, withdraw, "some of several tasks to end");
    waiter.data = set;
    set->waiter = &waiter;
    return cede_park(&waiter);
}

int cede_as_completed_next(struct cede_as_completed *set, cede_task **ret_task) {
    struct cede_awaited *entry;
    int r = wait_for_enough(set);

    if (r < 0)
        return r;
    if (cede__list_empty(&set->finished))
        return 0;
    entry = cede__container_of(set->finished.next, struct cede_awaited, op.link);
    cede__list_remove(&entry->op.link);
    entry->task->joined = true;
    *ret_task = entry->task;
    return 1;
}

int cede_as_completed_end(struct cede_as_completed *set) {
    if (set->waiter)
        return -EBUSY;
    for (size_t i = 0; i < set->n; i++) {
        struct cede_awaited *entry = &set->tasks[i];

        entry->done = entry->same->done;
        if (entry->same != entry)
            continue;
        cede__list_remove(&entry->op.link);
        cede_task_unref(entry->task);
    }
    set->n = 0;
    return 0;
}

/* What is done was seen by the caller; the task is in his hands still. */
static int count_done(struct cede_as_completed *set) {
    int count = 0;

    cede__list_for_each(pos, tmp, &set->finished) {
        cede__container_of(pos, struct cede_awaited, op.link)->task->joined = true;
        count++;
    }
    return count;
}

int cede_wait_tasks(struct cede_awaited *tasks, size_t n, enum cede_wait_when when,
                    uint64_t timeout_ns) {
    struct cede_as_completed set;
    struct cede_scope scope;
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    r = cede_as_completed_begin(&set, tasks, n);
    if (r < 0)
        return r;
    set.when = when;
    if (enough(&set)) {
        cede__charge(task);
    } else {
        cede_scope_enter(&scope, timeout_ns == CEDE_FOREVER ? timeout_ns : cede_after(timeout_ns));
        r = cede_scope_leave(&scope, wait_for_enough(&set));
    }
    if (r == 0 || r == -ETIME)
        r = count_done(&set);
    cede_as_completed_end(&set);
    return r;
}
