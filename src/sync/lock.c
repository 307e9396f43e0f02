/* lock.c: one task at a time.
 *
 * Two kinds of operations stand in a lock's line: those that want the lock, and those of conditions
 * (see condition.c) that have to have it back. The first are passed over when they are lost; the
 * second are not: also to withdraw them, their task must have the lock. When they are lost and were
 * not asked yet to end, it gets the lock and nothing is completed; that it has the lock is then
 * found when they are withdrawn. */
#include "sync/sync.h"

#include <errno.h>

void cede_lock_init(struct cede_lock *lock) {
    cede__line_init(&lock->waiting);
    lock->owner = 0;
}

bool cede__lock_take(struct cede_lock *lock, const struct cede_task *task) {
    if (lock->owner != 0)
        return false;
    CEDE_ASSERT(lock->waiting.length == 0);
    lock->owner = cede__task_number(task);
    return true;
}

static int try_to_take(struct cede_lock *lock, const struct cede_task *task) {
    if (lock->owner == cede__task_number(task))
        return -EDEADLK;
    return cede__lock_take(lock, task) ? 0 : -EAGAIN;
}

static bool start(struct cede_op *op) {
    struct cede_lock *lock = op->source;

    op->result = try_to_take(lock, op->task);
    if (op->result != -EAGAIN)
        return true;
    op->result = 0;
    cede__line_append(&lock->waiting, op);
    return false;
}

static int cancel(struct cede_op *op) {
    struct cede_lock *lock = op->source;

    cede__line_remove(&lock->waiting, op);
    return 0;
}

static const struct cede_op_kind lock_kind = {"a lock", start, cancel};

void cede__lock_pass_on(struct cede_lock *lock) {
    struct cede_op *op = cede__line_head(&lock->waiting);

    for (; op && op->kind == &lock_kind && cede_op_lost(op); op = cede__line_head(&lock->waiting))
        cede__line_remove(&lock->waiting, op);
    lock->owner = op ? cede__task_number(op->task) : 0;
    if (!op)
        return;
    cede__line_remove(&lock->waiting, op);
    if (op->result == -ECANCELED || !cede_op_lost(op))
        cede_op_complete(op, op->result);
}

void cede_op_lock(struct cede_op *op, struct cede_lock *lock) {
    cede_op_init(op, &lock_kind, lock);
}

int cede_lock_acquire(struct cede_lock *lock) {
    struct cede_op op;

    cede_op_lock(&op, lock);
    return cede_op_wait(&op);
}

int cede_lock_acquire_nowait(struct cede_lock *lock) {
    const struct cede_task *task = cede__task_current();

    return task ? try_to_take(lock, task) : -EPERM;
}

int cede_lock_release(struct cede_lock *lock) {
    if (!cede__lock_mine(lock))
        return -EPERM;
    cede__lock_pass_on(lock);
    return 0;
}

uint64_t cede_lock_owner(const struct cede_lock *lock) {
    return lock->owner;
}

size_t cede_lock_waiting(const struct cede_lock *lock) {
    return lock->waiting.length;
}
