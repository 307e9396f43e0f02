#include "sync/sync.h"

#include <errno.h>

int cede_semaphore_init(struct cede_semaphore *semaphore, size_t value, size_t bound) {
    if (value > bound)
        return -EINVAL;
    cede__line_init(&semaphore->waiting);
    semaphore->value = value;
    semaphore->bound = bound;
    return 0;
}

int cede_semaphore_acquire_nowait(struct cede_semaphore *semaphore) {
    if (semaphore->value == 0)
        return -EAGAIN;
    CEDE_ASSERT(semaphore->waiting.length == 0);
    semaphore->value--;
    return 0;
}

static bool start(struct cede_op *op) {
    struct cede_semaphore *semaphore = op->source;

    op->result = cede_semaphore_acquire_nowait(semaphore);
    if (op->result == 0)
        return true;
    cede__line_append(&semaphore->waiting, op);
    return false;
}

static int cancel(struct cede_op *op) {
    struct cede_semaphore *semaphore = op->source;

    cede__line_remove(&semaphore->waiting, op);
    return 0;
}

static const struct cede_op_kind semaphore_kind = {"a semaphore", start, cancel};

void cede_op_semaphore(struct cede_op *op, struct cede_semaphore *semaphore) {
    cede_op_init(op, &semaphore_kind, semaphore);
}

int cede_semaphore_acquire(struct cede_semaphore *semaphore) {
    struct cede_op op;

    cede_op_semaphore(&op, semaphore);
    return cede_op_wait(&op);
}

int cede_semaphore_release(struct cede_semaphore *semaphore) {
    struct cede_op *op;

    if (semaphore->value == semaphore->bound)
        return -EOVERFLOW;
    op = cede__line_pop(&semaphore->waiting);
    if (op)
        cede_op_complete(op, 0);
    else
        semaphore->value++;
    return 0;
}

size_t cede_semaphore_value(const struct cede_semaphore *semaphore) {
    return semaphore->value;
}

size_t cede_semaphore_waiting(const struct cede_semaphore *semaphore) {
    return semaphore->waiting.length;
}
