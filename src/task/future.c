#include "base/alloc.h"
#include "task/watch.h"

#include <cede/future.h>
#include <errno.h>

struct cede_future {
    struct cede_loop *loop;
    struct cede_list waiting; /* operations and watches */
    void *value;
    int result;
    uint32_t refs;
    uint8_t state; /* enum cede_future_state */
    bool seen;     /* somebody has asked what it holds */
};

int cede_future_new(cede_future **ret_future) {
    cede_future *future;

    if (!cede__loop)
        return -EPERM;
    future = cede__alloc_zero(sizeof *future);
    if (!future)
        return -ENOMEM;
    future->loop = cede__loop;
    future->refs = 1;
    future->state = CEDE_FUTURE_PENDING;
    cede__list_init(&future->waiting);
    *ret_future = future;
    return 0;
}

cede_future *cede_future_ref(cede_future *future) {
    if (future)
        future->refs++;
    return future;
}

cede_future *cede_future_unref(cede_future *future) {
    if (!future)
        return NULL;
    CEDE_ASSERT(future->refs > 0);
    if (--future->refs > 0)
        return NULL;
    cede__callback_drop_all(&future->waiting);
    if (future->state == CEDE_FUTURE_FAILED && !future->seen)
        cede__report("a future failed and nobody looked at it: %s", cede_strerror(future->result));
    cede__free(future);
    return NULL;
}

/* Whoever is woken may give a reference back only when it runs, so the future stays until then. */
static int settle(cede_future *future, enum cede_future_state state, int result, void *value) {
    if (!cede__loop || future->loop != cede__loop)
        return -EPERM;
    if (future->state != CEDE_FUTURE_PENDING)
        return -EBUSY;
    future->state = (uint8_t)state;
    future->result = result;
    future->value = value;
    cede__watch_end_all(&future->waiting);
    return 0;
}

int cede_future_set_result(cede_future *future, int result, void *value) {
    return result < 0 ? -EINVAL : settle(future, CEDE_FUTURE_DONE, result, value);
}

int cede_future_set_error(cede_future *future, int error) {
    if (error >= 0 || error == -ECANCELED)
        return -EINVAL;
    return settle(future, CEDE_FUTURE_FAILED, error, NULL);
}

int cede_future_cancel(cede_future *future) {
    return settle(future, CEDE_FUTURE_CANCELLED, -ECANCELED, NULL);
}

enum cede_future_state cede_future_state(const cede_future *future) {
    return future->state;
}

int cede_future_result(cede_future *future, void **ret_value) {
    if (future->state == CEDE_FUTURE_PENDING)
        return -EAGAIN;
    future->seen = true;
    if (future->state == CEDE_FUTURE_DONE && ret_value)
        *ret_value = future->value;
    return future->result;
}

static bool future_start(struct cede_op *op) {
    cede_future *future = op->source;

    op->result = 0;
    if (future->state != CEDE_FUTURE_PENDING)
        return true;
    cede__list_append(&future->waiting, &op->link);
    return false;
}

static int future_cancel(struct cede_op *op) {
    cede__list_remove(&op->link);
    return 0;
}

static const struct cede_op_kind future_kind = {"a future", future_start, future_cancel};

void cede_op_future(struct cede_op *op, cede_future *future) {
    cede_op_init(op, &future_kind, future);
}

/* Whoever fulfils it may give the last other reference back before this task runs again. */
int cede_future_wait(cede_future *future) {
    struct cede_op op;
    int r;

    cede_op_future(&op, future);
    cede_future_ref(future);
    r = cede_op_wait(&op);
    cede_future_unref(future);
    return r;
}

int cede_future_add_done_callback(cede_future *future, cede_callback fn, void *arg) {
    if (!cede__loop || future->loop != cede__loop)
        return -EPERM;
    return cede__callback_add(&future->waiting, future->state != CEDE_FUTURE_PENDING, fn, arg);
}

size_t cede_future_remove_done_callback(cede_future *future, cede_callback fn, const void *arg) {
    return cede__callback_remove(&future->waiting, fn, arg);
}

int cede_task_add_done_callback(cede_task *task, cede_callback fn, void *arg) {
    if (!cede__loop || task->home->loop != cede__loop)
        return -EPERM;
    return cede__callback_add(&task->more->joiners, task->done, fn, arg);
}

size_t cede_task_remove_done_callback(cede_task *task, cede_callback fn, const void *arg) {
    return cede__callback_remove(&task->more->joiners, fn, arg);
}
