/* op.c: awaiting operations, alone or in sets.
 *
 * An operation is IDLE, PENDING (begun; the kind's place has it), CANCELLING (still pending, and
 * asked to end) or DONE (its result was not taken yet).
 *
 * A selection is the wait for a set, on the waiting stack, in three phases:
 *
 *     begin     each operation is started, until one is done at once;
 *     wait      the task is parked until the first is done, or the task is cancelled;
 *     withdraw  what is still pending is withdrawn. What refuses is waited for, cancelled or not,
 *               since it still points into this stack.
 *
 * What was CANCELLING and ends with -ECANCELED was withdrawn the long way. Everything else that is
 * done has happened, whether it was the first or not, and stays DONE until its result is taken.
 */
#include "task/task.h"

#include <cede/op.h>
#include <errno.h>

#define OPS_MAX 64

enum op_state { OP_IDLE, OP_PENDING, OP_CANCELLING, OP_DONE };

struct cede_selection {
    struct cede_waiter waiter;
    struct cede_op *const *ops;
    size_t n;
    size_t pending;
    struct cede_op *first; /* that was done */
    bool parked;
    bool to_the_last; /* wake when nothing is pending any more, not at the first */
};

void cede_op_init(struct cede_op *op, const struct cede_op_kind *kind, void *source) {
    cede__list_init(&op->link);
    op->kind = kind;
    op->source = source;
    op->data = NULL;
    op->task = NULL;
    op->selection = NULL;
    op->result = 0;
    op->state = OP_IDLE;
}

bool cede_op_done(const struct cede_op *op) {
    return op->state == OP_DONE;
}

int cede_op_result(struct cede_op *op) {
    if (op->state != OP_DONE)
        return -EAGAIN;
    op->state = OP_IDLE;
    return op->result;
}

/* An operation that was begun has ended. */
static void settle(struct cede_selection *selection, struct cede_op *op, int result) {
    bool withdrawn = op->state == OP_CANCELLING && result == -ECANCELED;

    op->result = result;
    op->state = withdrawn ? OP_IDLE : OP_DONE;
    selection->pending--;
    if (!withdrawn && !selection->first)
        selection->first = op;
}

void cede_op_complete(struct cede_op *op, int result) {
    struct cede_selection *selection = op->selection;

    CEDE_ASSERT(op->state == OP_PENDING || op->state == OP_CANCELLING);
    settle(selection, op, result);
    if (selection->parked && (!selection->to_the_last || selection->pending == 0)) {
        selection->parked = false;
        cede_wake(&selection->waiter, 0);
    }
}

bool cede_op_lost(const struct cede_op *op) {
    CEDE_ASSERT(op->state == OP_PENDING || op->state == OP_CANCELLING);
    return op->selection->first != NULL;
}

static void begin(struct cede_selection *selection, struct cede_task *task) {
    for (size_t i = 0; i < selection->n && !selection->first; i++) {
        struct cede_op *op = selection->ops[i];

        CEDE_ASSERT(op->state == OP_IDLE); /* nobody else awaits it, nor it twice */
        op->task = task;
        op->selection = selection;
        op->state = OP_PENDING;
        selection->pending++;
        if (op->kind->start(op))
            settle(selection, op, op->result);
    }
}

/* Returns whether nothing is pending any more. */
static bool withdraw(struct cede_selection *selection) {
    for (size_t i = 0; i < selection->n && selection->pending > 0; i++) {
        struct cede_op *op = selection->ops[i];

        if (op->state != OP_PENDING || op->selection != selection)
            continue;
        op->state = OP_CANCELLING;
        if (op->kind->cancel(op) == 0)
            settle(selection, op, -ECANCELED);
    }
    return selection->pending == 0;
}

static int abort_all(struct cede_waiter *waiter) {
    struct cede_selection *selection = cede__container_of(waiter, struct cede_selection, waiter);

    selection->to_the_last = true;
    selection->parked = !withdraw(selection);
    return selection->parked ? -EINPROGRESS : 0;
}

static int refuse(struct cede_waiter *waiter) {
    (void)waiter;
    return -EINPROGRESS;
}

static void park(struct cede_selection *selection, cede_abort_fn abort) {
    const char *what = selection->n == 1 ? selection->ops[0]->kind->what : "one of several";

    cede_waiter_init(&selection->waiter, abort, what);
    selection->parked = true;
    cede_park(&selection->waiter);
    selection->parked = false;
}

/* Returns what happened first, or NULL when the task was cancelled before anything did. */
static struct cede_op *select_first(struct cede_task *task, struct cede_op *const *ops, size_t n) {
    struct cede_selection selection = {.ops = ops, .n = n};

    begin(&selection, task);
    if (selection.first && selection.pending == 0) {
        cede__charge(task);
        return selection.first;
    }
    if (!selection.first)
        park(&selection, abort_all);
    selection.to_the_last = true;
    if (!withdraw(&selection))
        park(&selection, refuse);
    return selection.first;
}

int cede_select(struct cede_op *const *ops, size_t n) {
    struct cede_task *task;
    struct cede_op *first;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    if (n == 0 || n > OPS_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        if (ops[i]->state == OP_DONE) {
            cede__charge(task);
            return (int)i;
        }
    }
    first = select_first(task, ops, n);
    for (size_t i = 0; first && i < n; i++) {
        if (ops[i] == first)
            return (int)i;
    }
    return -ECANCELED;
}

int cede_op_wait(struct cede_op *op) {
    int r = cede_select(&op, 1);

    return r < 0 ? r : cede_op_result(op);
}
