/* condition.c: waiting for a change of what a lock guards.
 *
 * A wait is one operation that stands in two lines, one after the other:
 *
 *     start ---> the condition's line ---notify---> the lock's line ---> done, with the lock
 *                        |                               |
 *                      cancel                          cancel: the next one is notified instead
 *                        `--> the lock's line, or the lock at once, if it is free
 *
 * To be notified is to be moved to the lock's line, so nobody is woken to find the lock taken. A
 * cancel cannot withdraw the wait before it has the lock back; the operation then ends with
 * -ECANCELED, which is kept in its result until its turn. What had the lock back when the cancel
 * came has been completed, and keeps its success. */
#include "sync/sync.h"

#include <errno.h>

void cede_condition_init(struct cede_condition *condition, struct cede_lock *lock) {
    cede__line_init(&condition->waiting);
    condition->lock = lock;
}

static bool start(struct cede_op *op) {
    struct cede_condition *condition = op->source;

    op->data = NULL;
    op->result = 0;
    if (condition->lock->owner != cede__task_number(op->task)) {
        op->result = -EPERM;
        return true;
    }
    cede__line_append(&condition->waiting, op);
    cede__lock_pass_on(condition->lock);
    return false;
}

/* What was notified is marked so, by a data that is not NULL. */
static void notify(struct cede_condition *condition, size_t n) {
    struct cede_op *op;

    for (; n > 0 && (op = cede__line_pop(&condition->waiting)) != NULL; n--) {
        op->data = condition;
        cede__line_append(&condition->lock->waiting, op);
    }
}

/* The lock may be the task's already, if the same set has taken it. */
static int cancel(struct cede_op *op) {
    struct cede_condition *condition = op->source;
    struct cede_lock *lock = condition->lock;
    bool notified = op->data != NULL;

    op->result = -ECANCELED;
    if (notified)
        notify(condition, 1);
    else
        cede__line_remove(&condition->waiting, op);
    if (lock->owner == cede__task_number(op->task)) {
        cede__line_remove(&lock->waiting, op);
        return 0;
    }
    if (cede__lock_take(lock, op->task))
        return 0;
    if (!notified)
        cede__line_append(&lock->waiting, op);
    return -EINPROGRESS;
}

static const struct cede_op_kind condition_kind = {"a condition", start, cancel};

void cede_op_condition(struct cede_op *op, struct cede_condition *condition) {
    cede_op_init(op, &condition_kind, condition);
}

int cede_condition_wait(struct cede_condition *condition) {
    struct cede_op op;

    cede_op_condition(&op, condition);
    return cede_op_wait(&op);
}

int cede_condition_wait_for(struct cede_condition *condition, bool (*predicate)(void *arg),
                            void *arg) {
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    if (!cede__lock_mine(condition->lock))
        return -EPERM;
    cede__charge(task);
    while (r == 0 && !predicate(arg))
        r = cede_condition_wait(condition);
    return r;
}

int cede_condition_notify(struct cede_condition *condition, size_t n) {
    if (!cede__lock_mine(condition->lock))
        return -EPERM;
    notify(condition, n);
    return 0;
}

int cede_condition_notify_all(struct cede_condition *condition) {
    return cede_condition_notify(condition, SIZE_MAX);
}

size_t cede_condition_waiting(const struct cede_condition *condition) {
    return condition->waiting.length;
}
