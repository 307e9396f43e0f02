/* waitlist.h: the operations that wait at one end of a queue or channel, first come, first served.
 *
 * An operation in the list is in one of two situations. Usually it waits. But when it is one of a
 * set (cede_select()) of which another has happened, it is lost, and stays only until its task runs
 * and withdraws it. Whoever has something to hand over must pass over the lost ones, else the
 * select would take two things and use one. They are unlinked when they are met, so that nobody
 * meets them twice; withdrawing them later finds them unlinked and does nothing.
 *
 * A set may hold both ends of one channel. These do not meet each other: a task cannot at the same
 * time send and receive. */
#ifndef CEDE_SRC_WAITLIST_H
#define CEDE_SRC_WAITLIST_H

#include "base/list.h"

#include <cede/op.h>

struct cede__waitlist {
    struct cede_list ops;
    size_t count;
};

static inline void cede__waitlist_init(struct cede__waitlist *waiting) {
    cede__list_init(&waiting->ops);
    waiting->count = 0;
}

static inline bool cede__waitlist_empty(const struct cede__waitlist *waiting) {
    return cede__list_empty(&waiting->ops);
}

static inline void cede__waitlist_append(struct cede__waitlist *waiting, struct cede_op *op) {
    cede__list_append(&waiting->ops, &op->link);
    waiting->count++;
}

static inline void cede__waitlist_remove(struct cede__waitlist *waiting, struct cede_op *op) {
    if (cede__list_empty(&op->link))
        return;
    cede__list_remove(&op->link);
    waiting->count--;
}

/* Takes the first operation that is not lost and not of the same set as `own` (NULL: of none) out
 * of the list, or returns NULL. */
static inline struct cede_op *cede__waitlist_pop(struct cede__waitlist *waiting,
                                                 const struct cede_op *own) {
    cede__list_for_each(pos, next, &waiting->ops) {
        struct cede_op *op = cede__container_of(pos, struct cede_op, link);

        if (own && op->selection == own->selection)
            continue;
        cede__waitlist_remove(waiting, op);
        if (!cede_op_lost(op))
            return op;
    }
    return NULL;
}

/* Ends all waits with one result. */
static inline void cede__waitlist_end(struct cede__waitlist *waiting, int result) {
    struct cede_op *op;

    while ((op = cede__waitlist_pop(waiting, NULL)))
        cede_op_complete(op, result);
}

#endif
