/* queue.c: queues.
 *
 * While getters wait, the queue is empty; while putters wait, it is full. So an item that is put
 * goes to the getter that has waited longest, or else into the store; and what gets an item makes
 * room for the putter that has waited longest, whose item goes into the store at once. Nobody who
 * comes later finds that item or that room.
 *
 * An item counts as unfinished from when it is put (in the store, or a getter's hands) until
 * cede_queue_task_done(). What a putter still waits to put does not count yet. */
#include "base/alloc.h"
#include "sync/line.h"
#include "sync/store.h"

#include <errno.h>

struct cede_queue {
    struct cede__store store;
    size_t capacity;
    size_t unfinished;
    struct cede_line putters;
    struct cede_line getters;
    struct cede_line joiners;
    void (*drop)(void *item, void *arg);
    void *drop_arg;
    uint32_t refs;
    bool shut_down;
};

static bool sensible(const struct cede_queue_options *options) {
    if ((unsigned)options->order > CEDE_QUEUE_PRIORITY)
        return false;
    return (options->order == CEDE_QUEUE_PRIORITY) == (options->compare != NULL);
}

int cede_queue_new(cede_queue **ret_queue, const struct cede_queue_options *options) {
    static const struct cede_queue_options defaults;
    cede_queue *queue;

    if (!options)
        options = &defaults;
    if (!sensible(options))
        return -EINVAL;
    queue = cede__alloc_zero(sizeof *queue);
    if (!queue)
        return -ENOMEM;
    queue->store.order = options->order;
    queue->store.compare = options->compare;
    if (cede__store_reserve(&queue->store, options->capacity) < 0) {
        cede__free(queue);
        return -ENOMEM;
    }
    queue->capacity = options->capacity;
    cede__line_init(&queue->putters);
    cede__line_init(&queue->getters);
    cede__line_init(&queue->joiners);
    queue->drop = options->drop;
    queue->drop_arg = options->drop_arg;
    queue->refs = 1;
    *ret_queue = queue;
    return 0;
}

cede_queue *cede_queue_ref(cede_queue *queue) {
    if (queue)
        queue->refs++;
    return queue;
}

static void drop_all(cede_queue *queue) {
    while (queue->store.length > 0) {
        void *item = cede__store_pop(&queue->store);

        if (queue->drop)
            queue->drop(item, queue->drop_arg);
    }
}

cede_queue *cede_queue_unref(cede_queue *queue) {
    if (!queue || --queue->refs > 0)
        return NULL;
    if (queue->putters.length > 0 || queue->getters.length > 0 || queue->joiners.length > 0)
        cede__panic("cede_queue_unref: the last reference is gone, and a task waits");
    drop_all(queue);
    cede__store_free(&queue->store);
    cede__free(queue);
    return NULL;
}

/* Puts without waiting, or returns -EAGAIN. own: the operation that does this, or NULL. */
static int try_put(cede_queue *queue, void *item, const struct cede_op *own) {
    struct cede_op *getter;

    if (queue->shut_down)
        return -ESHUTDOWN;
    getter = cede__line_pop_other(&queue->getters, own);
    if (getter) {
        *(void **)getter->data = item;
        cede_op_complete(getter, 0);
    } else {
        if (queue->capacity > 0 && queue->store.length == queue->capacity)
            return -EAGAIN;
        if (cede__store_reserve(&queue->store, queue->store.length + 1) < 0)
            return -ENOMEM;
        cede__store_push(&queue->store, item);
    }
    queue->unfinished++;
    return 0;
}

static int try_get(cede_queue *queue, void **ret_item, const struct cede_op *own) {
    struct cede_op *putter;

    if (queue->store.length == 0)
        return queue->shut_down ? -ESHUTDOWN : -EAGAIN;
    *ret_item = cede__store_pop(&queue->store);
    putter = cede__line_pop_other(&queue->putters, own);
    if (putter) {
        cede__store_push(&queue->store, putter->data);
        queue->unfinished++;
        cede_op_complete(putter, 0);
    }
    return 0;
}

int cede_queue_put_nowait(cede_queue *queue, void *item) {
    return try_put(queue, item, NULL);
}

int cede_queue_get_nowait(cede_queue *queue, void **ret_item) {
    return try_get(queue, ret_item, NULL);
}

static void finished(cede_queue *queue, size_t count) {
    queue->unfinished -= count;
    if (queue->unfinished == 0)
        cede__line_end(&queue->joiners, 0);
}

int cede_queue_task_done(cede_queue *queue) {
    if (queue->unfinished == 0)
        return -EINVAL;
    finished(queue, 1);
    return 0;
}

/* What is dropped here counts as done, as far as that was not said already. */
void cede_queue_shutdown(cede_queue *queue, bool at_once) {
    size_t count = queue->store.length;

    queue->shut_down = true;
    cede__line_end(&queue->putters, -ESHUTDOWN);
    cede__line_end(&queue->getters, -ESHUTDOWN);
    if (!at_once)
        return;
    drop_all(queue);
    finished(queue, count < queue->unfinished ? count : queue->unfinished);
}

static bool put_start(struct cede_op *op) {
    cede_queue *queue = op->source;

    op->result = try_put(queue, op->data, op);
    if (op->result != -EAGAIN)
        return true;
    cede__line_append(&queue->putters, op);
    return false;
}

static int put_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_queue *)op->source)->putters, op);
    return 0;
}

static bool get_start(struct cede_op *op) {
    cede_queue *queue = op->source;

    op->result = try_get(queue, op->data, op);
    if (op->result != -EAGAIN)
        return true;
    cede__line_append(&queue->getters, op);
    return false;
}

static int get_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_queue *)op->source)->getters, op);
    return 0;
}

static bool join_start(struct cede_op *op) {
    cede_queue *queue = op->source;

    op->result = 0;
    if (queue->unfinished == 0)
        return true;
    cede__line_append(&queue->joiners, op);
    return false;
}

static int join_cancel(struct cede_op *op) {
    cede__line_remove(&((cede_queue *)op->source)->joiners, op);
    return 0;
}

static const struct cede_op_kind put_kind = {"room in a queue", put_start, put_cancel};
static const struct cede_op_kind get_kind = {"an item of a queue", get_start, get_cancel};
static const struct cede_op_kind join_kind = {"the work of a queue", join_start, join_cancel};

void cede_op_queue_put(struct cede_op *op, cede_queue *queue, void *item) {
    cede_op_init(op, &put_kind, queue);
    op->data = item;
}

void cede_op_queue_get(struct cede_op *op, cede_queue *queue, void **ret_item) {
    cede_op_init(op, &get_kind, queue);
    op->data = ret_item;
}

void cede_op_queue_join(struct cede_op *op, cede_queue *queue) {
    cede_op_init(op, &join_kind, queue);
}

int cede_queue_put(cede_queue *queue, void *item) {
    struct cede_op op;

    cede_op_queue_put(&op, queue, item);
    return cede_op_wait(&op);
}

int cede_queue_get(cede_queue *queue, void **ret_item) {
    struct cede_op op;

    cede_op_queue_get(&op, queue, ret_item);
    return cede_op_wait(&op);
}

int cede_queue_join(cede_queue *queue) {
    struct cede_op op;

    cede_op_queue_join(&op, queue);
    return cede_op_wait(&op);
}

size_t cede_queue_length(const cede_queue *queue) {
    return queue->store.length;
}

void cede_queue_stat(const cede_queue *queue, struct cede_queue_stats *ret_stats) {
    *ret_stats = (struct cede_queue_stats){
        .length = queue->store.length,
        .capacity = queue->capacity,
        .unfinished = queue->unfinished,
        .putters = queue->putters.length,
        .getters = queue->getters.length,
        .joiners = queue->joiners.length,
        .shut_down = queue->shut_down,
    };
}
