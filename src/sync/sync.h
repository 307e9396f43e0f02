/* sync.h: the line in which tasks wait for a thing, and what the files of this layer share.
 *
 * A line is a list of operations that were begun. Whoever has something to give takes the first out
 * and completes it, and from then on the thing is the other's, before that has run. So what is free
 * is so because nobody waits for it, and who comes later cannot snatch it.
 *
 * An operation of a set of which another has happened is lost: it stands in the line only until its
 * task runs and withdraws it, and must be given nothing. It is unlinked when it is met; to withdraw
 * it later finds it unlinked and does nothing. */
#ifndef CEDE_SRC_SYNC_H
#define CEDE_SRC_SYNC_H

#include "base/list.h"
#include "task/task.h"

#include <cede/op.h>
#include <cede/sync.h>

static inline void cede__line_init(struct cede_line *line) {
    cede__list_init(&line->ops);
    line->length = 0;
}

static inline void cede__line_append(struct cede_line *line, struct cede_op *op) {
    cede__list_append(&line->ops, &op->link);
    line->length++;
}

static inline void cede__line_remove(struct cede_line *line, struct cede_op *op) {
    if (cede__list_empty(&op->link))
        return;
    cede__list_remove(&op->link);
    line->length--;
}

/* The first in the line, lost or not, or NULL. */
static inline struct cede_op *cede__line_head(const struct cede_line *line) {
    return line->length > 0 ? cede__list_first(&line->ops, struct cede_op, link) : NULL;
}

/* The first that is not lost, or NULL. */
static inline struct cede_op *cede__line_first(struct cede_line *line) {
    struct cede_op *op;

    while ((op = cede__line_head(line)) != NULL && cede_op_lost(op))
        cede__line_remove(line, op);
    return op;
}

/* Takes the first that is not lost out of the line. NULL: nobody waits. */
static inline struct cede_op *cede__line_pop(struct cede_line *line) {
    struct cede_op *op = cede__line_first(line);

    if (op)
        cede__line_remove(line, op);
    return op;
}

/* Completes all that wait, with one result. */
static inline void cede__line_end(struct cede_line *line, int result) {
    struct cede_op *op;

    while ((op = cede__line_pop(line)) != NULL)
        cede_op_complete(op, result);
}

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
