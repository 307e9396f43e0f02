/* limiter.c: tokens that are lent to known borrowers.
 *
 * A borrower is idle (no limiter), waits (for a token of `limiter`) or holds one, and then stands
 * in the limiter's list. It is laid out by the caller, so that who has what is known without
 * allocating, and to find that a borrower asks twice takes one look. */
#include "sync/sync.h"

#include <errno.h>

void cede_limiter_init(struct cede_limiter *limiter, size_t total) {
    cede__line_init(&limiter->waiting);
    cede__list_init(&limiter->borrowers);
    limiter->total = total;
    limiter->borrowed = 0;
}

void cede_borrower_init(struct cede_borrower *borrower) {
    cede__list_init(&borrower->link);
    borrower->limiter = NULL;
    borrower->task = 0;
    borrower->holds = false;
}

static void lend(struct cede_limiter *limiter, struct cede_borrower *borrower,
                 const struct cede_task *task) {
    borrower->limiter = limiter;
    borrower->task = cede__task_number(task);
    borrower->holds = true;
    cede__list_append(&limiter->borrowers, &borrower->link);
    limiter->borrowed++;
}

static int try_to_lend(struct cede_limiter *limiter, struct cede_borrower *borrower,
                       const struct cede_task *task) {
    if (borrower->holds)
        return -EDEADLK;
    if (borrower->limiter)
        return -EBUSY;
    if (limiter->borrowed >= limiter->total)
        return -EAGAIN;
    CEDE_ASSERT(limiter->waiting.length == 0);
    lend(limiter, borrower, task);
    return 0;
}

static bool start(struct cede_op *op) {
    struct cede_limiter *limiter = op->source;
    struct cede_borrower *borrower = op->data;

    op->result = try_to_lend(limiter, borrower, op->task);
    if (op->result != -EAGAIN)
        return true;
    borrower->limiter = limiter;
    cede__line_append(&limiter->waiting, op);
    return false;
}

static int cancel(struct cede_op *op) {
    struct cede_limiter *limiter = op->source;
    struct cede_borrower *borrower = op->data;

    borrower->limiter = NULL;
    cede__line_remove(&limiter->waiting, op);
    return 0;
}

static const struct cede_op_kind limiter_kind = {"a limiter", start, cancel};

void cede_op_limiter(struct cede_op *op, struct cede_limiter *limiter,
                     struct cede_borrower *borrower) {
    cede_op_init(op, &limiter_kind, limiter);
    op->data = borrower;
}

int cede_limiter_acquire(struct cede_limiter *limiter, struct cede_borrower *borrower) {
    struct cede_op op;

    cede_op_limiter(&op, limiter, borrower);
    return cede_op_wait(&op);
}

int cede_limiter_acquire_nowait(struct cede_limiter *limiter, struct cede_borrower *borrower) {
    const struct cede_task *task = cede__task_current();

    return task ? try_to_lend(limiter, borrower, task) : -EPERM;
}

static void serve(struct cede_limiter *limiter) {
    struct cede_op *op;

    while (limiter->borrowed < limiter->total && (op = cede__line_pop(&limiter->waiting)) != NULL) {
        lend(limiter, op->data, op->task);
        cede_op_complete(op, 0);
    }
}

int cede_limiter_release(struct cede_limiter *limiter, struct cede_borrower *borrower) {
    if (!borrower->holds || borrower->limiter != limiter)
        return -EPERM;
    cede__list_remove(&borrower->link);
    cede_borrower_init(borrower);
    limiter->borrowed--;
    serve(limiter);
    return 0;
}

void cede_limiter_set_total(struct cede_limiter *limiter, size_t total) {
    limiter->total = total;
    serve(limiter);
}

size_t cede_limiter_total(const struct cede_limiter *limiter) {
    return limiter->total;
}

size_t cede_limiter_borrowed(const struct cede_limiter *limiter) {
    return limiter->borrowed;
}

size_t cede_limiter_available(const struct cede_limiter *limiter) {
    return limiter->borrowed < limiter->total ? limiter->total - limiter->borrowed : 0;
}

size_t cede_limiter_waiting(const struct cede_limiter *limiter) {
    return limiter->waiting.length;
}

const struct cede_borrower *cede_limiter_next(const struct cede_limiter *limiter,
                                              const struct cede_borrower *borrower) {
    const struct cede_list *at = borrower ? &borrower->link : &limiter->borrowers;

    if (at->next == &limiter->borrowers)
        return NULL;
    return cede__list_first(at, const struct cede_borrower, link);
}

uint64_t cede_borrower_task(const struct cede_borrower *borrower) {
    return borrower->task;
}
