/* line.h: the line in which tasks wait for a thing, first come, first served.
 *
 * A line is a list of operations that were begun. Whoever has something to give takes the first out
 * and completes it, and from then on the thing is the other's, before that has run. So what is free
 * is so because nobody waits for it, and who comes later cannot snatch it.
 *
 * An operation of a set (cede_select()) of which another has happened is lost: it stands in the
 * line only until its task runs and withdraws it, and must be given nothing, else the select would
 * take two things and use one. It is unlinked when it is met; to withdraw it later finds it
 * unlinked and does nothing.
 *
 * A set may hold both ends of one channel. These do not meet each other: a task cannot at the same
 * time send and receive. */
#ifndef CEDE_SRC_LINE_H
#define CEDE_SRC_LINE_H

#include "base/list.h"

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

/* The same, but for the operations of the set that `own` (NULL: none) is of. */
static inline struct cede_op *cede__line_pop_other(struct cede_line *line,
                                                   const struct cede_op *own) {
    cede__list_for_each(pos, next, &line->ops) {
        struct cede_op *op = cede__container_of(pos, struct cede_op, link);

        if (own && op->selection == own->selection)
            continue;
        cede__line_remove(line, op);
        if (!cede_op_lost(op))
            return op;
    }
    return NULL;
}

/* Completes all that wait, with one result. */
static inline void cede__line_end(struct cede_line *line, int result) {
    struct cede_op *op;

    while ((op = cede__line_pop(line)) != NULL)
        cede_op_complete(op, result);
}

#endif
