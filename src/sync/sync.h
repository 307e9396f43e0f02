/* sync.h: what the files of locks and meetings share. */
#ifndef CEDE_SRC_SYNC_H
#define CEDE_SRC_SYNC_H

#include "sync/line.h"
#include "task/task.h"

/* What owners are known by. A task that has ended leaves a number that nobody else will have. */
static inline uint64_t cede__task_number(const struct cede_task *task) {
    return task->more->id;
}

/* Whether the running task has the lock. */
static inline bool cede__lock_mine(const struct cede_lock *lock) {
    const struct cede_task *task = cede__task_current();

    return task && lock->owner == cede__task_number(task);
}

/* Takes the lock for the task if it is free. */
bool cede__lock_take(struct cede_lock *lock, const struct cede_task *task);

/* Gives the lock to the first who waits, whose operation completes with the result that it has, or
 * frees it. */
void cede__lock_pass_on(struct cede_lock *lock);

#endif
