/* watch.h: being told of an end without waiting for it.
 *
 * Whoever waits for the end of a task or of a future stands in a list of operations. A watch is an
 * operation that stands there by itself: no task awaits it, and at the end its kind's function is
 * called, in the middle of what ends. That function must not block, nor end anything else; it may
 * free the watch. Removing op->link from its list ends a watch early. */
#ifndef CEDE_SRC_TASK_WATCH_H
#define CEDE_SRC_TASK_WATCH_H

#include "task/task.h"

#include <cede/op.h>

struct cede__watch_kind {
    struct cede_op_kind kind; /* without a start(), by which a watch is known */
    void (*ended)(struct cede_op *op);
};

/* Puts a watch at the end of the list. */
void cede__watch_begin(struct cede_op *op, const struct cede__watch_kind *kind, void *source,
                       struct cede_list *list);

/* Whether an operation is a watch of that kind. */
static inline bool cede__watch_is(const struct cede_op *op, const struct cede__watch_kind *kind) {
    return op->kind == &kind->kind;
}

/* Completes all operations of the list with 0, first in first out. */
void cede__watch_end_all(struct cede_list *list);

/* callback.c: callbacks for the end of what the list belongs to; is_over: it has come already. */
int cede__callback_add(struct cede_list *list, bool is_over, cede_callback fn, void *arg);
size_t cede__callback_remove(struct cede_list *list, cede_callback fn, const void *arg);

/* Removes all; their loop may be closed. */
void cede__callback_drop_all(struct cede_list *list);

#endif
