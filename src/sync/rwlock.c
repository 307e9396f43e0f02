/* rwlock.c: many readers or one writer, in the order in which they came.
 *
 * One line holds both. Its head goes in as soon as those inside allow it, a reader beside readers,
 * a writer alone, and then the next head is looked at; nobody goes in past the head. So a writer
 * waits for the readers before it and for no later ones, and readers wait for one writer's turn at
 * most for each writer before them.
 *
 * The head can also change by leaving: when a writer at the head is cancelled, the readers behind
 * it may go in beside those inside. */
#include "sync/sync.h"

#include <errno.h>

void cede_rwlock_init(struct cede_rwlock *lock) {
    cede__line_init(&lock->waiting);
    lock->writer = 0;
    lock->readers = 0;
}

static bool enter(struct cede_rwlock *lock, const struct cede_task *task, bool to_write) {
    if (lock->writer != 0 || (to_write && lock->readers > 0))
        return false;
    if (to_write)
        lock->writer = cede__task_number(task);
    else
        lock->readers++;
    return true;
}

static int try_to_enter(struct cede_rwlock *lock, const struct cede_task *task, bool to_write) {
    if (lock->writer == cede__task_number(task))
        return -EDEADLK;
    return lock->waiting.length == 0 && enter(lock, task, to_write) ? 0 : -EAGAIN;
}

static bool start(struct cede_op *op, bool to_write) {
    struct cede_rwlock *lock = op->source;

    op->result = try_to_enter(lock, op->task, to_write);
    if (op->result != -EAGAIN)
        return true;
    cede__line_append(&lock->waiting, op);
    return false;
}

static bool start_read(struct cede_op *op) {
    return start(op, false);
}

static bool start_write(struct cede_op *op) {
    return start(op, true);
}

static int cancel(struct cede_op *op);

static const struct cede_op_kind read_kind = {"a lock, to read", start_read, cancel};
static const struct cede_op_kind write_kind = {"a lock, to write", start_write, cancel};

static void let_in(struct cede_rwlock *lock) {
    struct cede_op *op;

    while ((op = cede__line_first(&lock->waiting)) != NULL &&
           enter(lock, op->task, op->kind == &write_kind)) {
        cede__line_remove(&lock->waiting, op);
        cede_op_complete(op, 0);
    }
}

static int cancel(struct cede_op *op) {
    struct cede_rwlock *lock = op->source;

    cede__line_remove(&lock->waiting, op);
    let_in(lock);
    return 0;
}

void cede_op_rwlock_read(struct cede_op *op, struct cede_rwlock *lock) {
    cede_op_init(op, &read_kind, lock);
}

void cede_op_rwlock_write(struct cede_op *op, struct cede_rwlock *lock) {
    cede_op_init(op, &write_kind, lock);
}

int cede_rwlock_acquire_read(struct cede_rwlock *lock) {
    struct cede_op op;

    cede_op_rwlock_read(&op, lock);
    return cede_op_wait(&op);
}

int cede_rwlock_acquire_write(struct cede_rwlock *lock) {
    struct cede_op op;

    cede_op_rwlock_write(&op, lock);
    return cede_op_wait(&op);
}

static int acquire_nowait(struct cede_rwlock *lock, bool to_write) {
    const struct cede_task *task = cede__task_current();

    return task ? try_to_enter(lock, task, to_write) : -EPERM;
}

int cede_rwlock_acquire_read_nowait(struct cede_rwlock *lock) {
    return acquire_nowait(lock, false);
}

int cede_rwlock_acquire_write_nowait(struct cede_rwlock *lock) {
    return acquire_nowait(lock, true);
}

int cede_rwlock_release(struct cede_rwlock *lock) {
    const struct cede_task *task = cede__task_current();

    if (!task || (lock->writer ? lock->writer != cede__task_number(task) : lock->readers == 0))
        return -EPERM;
    if (lock->writer)
        lock->writer = 0;
    else
        lock->readers--;
    let_in(lock);
    return 0;
}

size_t cede_rwlock_readers(const struct cede_rwlock *lock) {
    return lock->readers;
}

uint64_t cede_rwlock_writer(const struct cede_rwlock *lock) {
    return lock->writer;
}

size_t cede_rwlock_waiting(const struct cede_rwlock *lock) {
    return lock->waiting.length;
}
