/* barrier.c: tasks that wait until so many are there.
 *
 * The one that completes the number gives all the others their index and clears the line in one go,
 * so that there is no time in which the barrier empties: who comes next begins the next round. An
 * index is a place in the line when the round ends, so that the indices of a round differ also when
 * somebody in the line was cancelled. */
#include "sync/sync.h"

#include <errno.h>
#include <limits.h>

int cede_barrier_init(struct cede_barrier *barrier, size_t parties) {
    if (parties == 0 || parties > INT_MAX)
        return -EINVAL;
    cede__line_init(&barrier->waiting);
    barrier->parties = parties;
    barrier->broken = false;
    return 0;
}

static void release(struct cede_barrier *barrier) {
    struct cede_op *op;

    for (int index = 0; (op = cede__line_pop(&barrier->waiting)) != NULL; index++)
        cede_op_complete(op, index);
}

/* Whether only one is missing; those who are lost are not there. */
static bool one_is_missing(struct cede_barrier *barrier) {
    if (barrier->waiting.length + 1 < barrier->parties)
        return false;
    cede__list_for_each(pos, next, &barrier->waiting.ops) {
        struct cede_op *op = cede__container_of(pos, struct cede_op, link);

        if (cede_op_lost(op))
            cede__line_remove(&barrier->waiting, op);
    }
    return barrier->waiting.length + 1 == barrier->parties;
}

static bool start(struct cede_op *op) {
    struct cede_barrier *barrier = op->source;

    if (barrier->broken) {
        op->result = -ESHUTDOWN;
        return true;
    }
    if (one_is_missing(barrier)) {
        op->result = (int)barrier->waiting.length;
        release(barrier);
        return true;
    }
    cede__line_append(&barrier->waiting, op);
    return false;
}

static int cancel(struct cede_op *op) {
    struct cede_barrier *barrier = op->source;

    cede__line_remove(&barrier->waiting, op);
    return 0;
}

static const struct cede_op_kind barrier_kind = {"others at a barrier", start, cancel};

void cede_op_barrier(struct cede_op *op, struct cede_barrier *barrier) {
    cede_op_init(op, &barrier_kind, barrier);
}

int cede_barrier_wait(struct cede_barrier *barrier) {
    struct cede_op op;

    cede_op_barrier(&op, barrier);
    return cede_op_wait(&op);
}

void cede_barrier_reset(struct cede_barrier *barrier) {
    barrier->broken = false;
    cede__line_end(&barrier->waiting, -ESHUTDOWN);
}

void cede_barrier_abort(struct cede_barrier *barrier) {
    barrier->broken = true;
    cede__line_end(&barrier->waiting, -ESHUTDOWN);
}

size_t cede_barrier_parties(const struct cede_barrier *barrier) {
    return barrier->parties;
}

size_t cede_barrier_waiting(const struct cede_barrier *barrier) {
    return barrier->waiting.length;
}

bool cede_barrier_broken(const struct cede_barrier *barrier) {
    return barrier->broken;
}
