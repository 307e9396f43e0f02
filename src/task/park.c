/* park.c: the one place where a task suspends.
 *
 * A waiter goes through these states:
 *
 *     FRESH --cede_park--> PARKED --cede_wake--> WOKEN
 *       |                     `--abort refused--> ABORTED --cede_wake--> WOKEN
 *       `--cede_wake--> WOKEN, and a later cede_park returns at once
 *
 * So a wake that comes before the park is not lost. A cancel asks the waiter's abort function once;
 * what that refuses ends by the wake that it promised.
 */
#include "task/task.h"

#include <errno.h>

enum waiter_state { WAITER_FRESH, WAITER_PARKED, WAITER_ABORTED, WAITER_WOKEN };

void cede_waiter_init(struct cede_waiter *waiter, cede_abort_fn abort, const char *what) {
    cede__list_init(&waiter->link);
    waiter->data = NULL;
    waiter->task = NULL;
    waiter->abort = abort;
    waiter->what = what;
    waiter->result = 0;
    waiter->state = WAITER_FRESH;
}

int cede_park(struct cede_waiter *waiter) {
    struct cede_task *task = cede__task_current();

    /* A wait that cannot be cancelled is a bug, not an option. */
    CEDE_ASSERT(waiter->abort != NULL);
    if (waiter->state == WAITER_WOKEN) {
        if (task)
            cede__charge(task);
        return waiter->result;
    }
    CEDE_ASSERT(waiter->state == WAITER_FRESH);
    if (!task) {
        CEDE_ASSERT(waiter->abort(waiter) == 0); /* what cannot be withdrawn, a task must begin */
        return -EPERM;
    }
    CEDE_ASSERT(task->waiter == NULL);
    waiter->state = WAITER_PARKED;
    if (CEDE_UNLIKELY(task->cancelled)) {
        if (waiter->abort(waiter) == 0)
            return -ECANCELED;
        waiter->state = WAITER_ABORTED;
    }
    waiter->task = task;
    task->waiter = waiter;
    cede__task_leave(cede__loop, task);
    return waiter->result;
}

void cede_wake(struct cede_waiter *waiter, int result) {
    struct cede_task *task = waiter->task;

    CEDE_ASSERT(waiter->state != WAITER_WOKEN);
    waiter->result = result;
    waiter->state = WAITER_WOKEN;
    if (!task)
        return;
    CEDE_ASSERT(task->waiter == waiter);
    task->waiter = NULL;
    cede__ready_push_fiber(cede__loop, &task->fiber);
}

void cede__task_interrupt(struct cede_task *task) {
    struct cede_waiter *waiter = task->waiter;

    if (!waiter || waiter->state != WAITER_PARKED)
        return;
    waiter->state = WAITER_ABORTED;
    if (waiter->abort(waiter) == 0)
        cede_wake(waiter, -ECANCELED);
}

int cede__blocking(struct cede_task **ret_task) {
    struct cede_task *task = cede__task_current();

    if (CEDE_UNLIKELY(!task))
        return -EPERM;
    if (CEDE_UNLIKELY(task->cancelled))
        return -ECANCELED;
    *ret_task = task;
    return 0;
}

static inline void yield(struct cede_task *task) {
    cede__ready_push_fiber(cede__loop, &task->fiber);
    cede__task_leave(cede__loop, task);
}

void cede__charge(struct cede_task *task) {
    if (CEDE_UNLIKELY(--task->budget == 0))
        yield(task);
}

int cede_task_yield(void) {
    struct cede_task *task = cede__task_current();

    if (CEDE_UNLIKELY(!task))
        return -EPERM;
    yield(task);
    return CEDE_UNLIKELY(task->cancelled) ? -ECANCELED : 0;
}
