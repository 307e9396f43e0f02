/* once.c: what the first does for all.
 *
 *     nobody runs it --first call--> runs --fn returned--> done
 *           ^                         ^ |
 *           |       next in the line  | | fn was cancelled
 *           `--------nobody waits-----`-'
 *
 * A wait ends with 0 when it is done, or when it is this task's turn to do it; which of the two,
 * `done` tells. A cancel of the one who runs it says nothing about the thing itself, so the turn
 * goes on, as with pthread_once(); an error does, so all get it, as with Go's sync.OnceValue(). */
#include "sync/sync.h"

#include <errno.h>

void cede_once_init(struct cede_once *once) {
    cede__line_init(&once->waiting);
    once->runner = 0;
    once->result = 0;
    once->done = false;
}

static bool start(struct cede_op *op) {
    struct cede_once *once = op->source;
    uint64_t task = cede__task_number(op->task);

    op->result = !once->done && once->runner == task ? -EDEADLK : 0;
    if (once->done || once->runner == task)
        return true;
    if (once->runner == 0) {
        once->runner = task;
        return true;
    }
    cede__line_append(&once->waiting, op);
    return false;
}

static int cancel(struct cede_op *op) {
    struct cede_once *once = op->source;

    cede__line_remove(&once->waiting, op);
    return 0;
}

static const struct cede_op_kind once_kind = {"what another task does once", start, cancel};

static void pass_on(struct cede_once *once) {
    struct cede_op *op = cede__line_pop(&once->waiting);

    once->runner = op ? cede__task_number(op->task) : 0;
    if (op)
        cede_op_complete(op, 0);
}

static void finish(struct cede_once *once, int result) {
    once->runner = 0;
    once->result = result;
    once->done = true;
    cede__line_end(&once->waiting, 0);
}

int cede_once_do(struct cede_once *once, int (*fn)(void *arg), void *arg) {
    struct cede_op op;
    int r;

    cede_op_init(&op, &once_kind, once);
    r = cede_op_wait(&op);
    if (r < 0)
        return r;
    if (once->done)
        return once->result;
    r = fn(arg);
    if (r == -ECANCELED && cede_cancelled())
        pass_on(once);
    else
        finish(once, r);
    return r;
}

bool cede_once_done(const struct cede_once *once) {
    return once->done;
}

size_t cede_once_waiting(const struct cede_once *once) {
    return once->waiting.length;
}
