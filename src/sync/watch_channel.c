#include "base/alloc.h"
#include "sync/line.h"

#include <cede/broadcast.h>
#include <errno.h>
#include <string.h>

struct cede_watch {
    size_t value_size;
    uint64_t version;
    struct cede_line waiting; /* for a version after the present one */
    uint32_t refs;
    bool closed;
    unsigned char value[];
};

int cede_watch_new(cede_watch **ret_watch, size_t value_size, const void *value) {
    cede_watch *watch;

    if (value_size == 0)
        return -EINVAL;
    if (value_size > SIZE_MAX - sizeof *watch || !(watch = cede__alloc(sizeof *watch + value_size)))
        return -ENOMEM;
    *watch = (cede_watch){.value_size = value_size, .version = 1, .refs = 1};
    cede__line_init(&watch->waiting);
    memcpy(watch->value, value, value_size);
    *ret_watch = watch;
    return 0;
}

cede_watch *cede_watch_ref(cede_watch *watch) {
    if (watch)
        watch->refs++;
    return watch;
}

cede_watch *cede_watch_unref(cede_watch *watch) {
    if (!watch || --watch->refs > 0)
        return NULL;
    if (watch->waiting.length > 0)
        cede__panic("cede_watch_unref: the last reference is gone, and a task waits");
    cede__free(watch);
    return NULL;
}

uint64_t cede_watch_get(const cede_watch *watch, void *ret_value) {
    memcpy(ret_value, watch->value, watch->value_size);
    return watch->version;
}

/* room[0] of the operation is the address of the waiting task's version. */
static void tell(const cede_watch *watch, struct cede_op *op) {
    *(uint64_t *)(uintptr_t)op->room[0] = cede_watch_get(watch, op->data);
}

static bool wait_start(struct cede_op *op) {
    cede_watch *watch = op->source;

    if (*(uint64_t *)(uintptr_t)op->room[0] < watch->version) {
        op->result = 0;
        tell(watch, op);
        return true;
    }
    op->result = -EPIPE;
    if (!watch->closed)
        cede__line_append(&watch->waiting, op);
    return watch->closed;
}

static int wait_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_watch *)op->source)->waiting, op);
    return 0;
}

static const struct cede_op_kind wait_kind = {"a change of a value", wait_start, wait_cancel};

int cede_watch_set(cede_watch *watch, const void *value) {
    struct cede_op *op;

    if (watch->closed)
        return -EPIPE;
    memcpy(watch->value, value, watch->value_size);
    watch->version++;
    while ((op = cede__line_pop(&watch->waiting))) {
        tell(watch, op);
        cede_op_complete(op, 0);
    }
    return 0;
}

int cede_watch_close(cede_watch *watch) {
    if (watch->closed)
        return -EPIPE;
    watch->closed = true;
    cede__line_end(&watch->waiting, -EPIPE);
    return 0;
}

void cede_op_watch(struct cede_op *op, cede_watch *watch, uint64_t *version, void *ret_value) {
    cede_op_init(op, &wait_kind, watch);
    op->data = ret_value;
    op->room[0] = (uintptr_t)version;
}

int cede_watch_wait(cede_watch *watch, uint64_t *version, void *ret_value) {
    struct cede_op op;

    cede_op_watch(&op, watch, version, ret_value);
    return cede_op_wait(&op);
}
