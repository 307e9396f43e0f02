/* cede/queue.h: queues of pointers, between tasks of one thread, that keep count of work.
 *
 *     struct cede_queue_options options = {.capacity = 100};
 *     cede_queue *jobs;
 *
 *     cede_queue_new(&jobs, &options);
 *     ...
 *     r = cede_queue_put(jobs, job);              // in the tasks that find work
 *     ...
 *     while (cede_queue_get(jobs, &job) == 0) {   // in those that do it
 *         work(job);
 *         cede_queue_task_done(jobs);
 *     }
 *     ...
 *     r = cede_queue_join(jobs);                  // until all that was put is done
 *     cede_queue_shutdown(jobs, false);           // and nothing more comes
 *
 * Who has waited longest is served first, and nothing that comes later overtakes it. Nothing is
 * lost by a cancel: a put that returns an error has left the item to the caller, and a get that
 * returns one has left it in the queue. To pass values rather than pointers, see cede/channel.h.
 */
#ifndef CEDE_QUEUE_H
#define CEDE_QUEUE_H

#include <cede/base.h>
#include <cede/op.h>

CEDE_BEGIN_DECLS

typedef struct cede_queue cede_queue;

enum cede_queue_order {
    CEDE_QUEUE_FIFO,
    CEDE_QUEUE_LIFO,
    /* What compares least comes first; what compares equal, in the order of the puts. */
    CEDE_QUEUE_PRIORITY,
};

struct cede_queue_options {
    enum cede_queue_order order;
    /* How many items it holds. The memory for them is taken when the queue is made, so that putting
     * cannot fail for want of it. 0: without bound, and putting allocates. */
    size_t capacity;
    /* For CEDE_QUEUE_PRIORITY, and NULL for the others: < 0, 0, > 0, as a is before, equal to, or
     * after b. Must not use the queue. */
    int (*compare)(const void *a, const void *b);
    /* Called for each item that is thrown away: by a shutdown at once, or with the queue. NULL: the
     * items are somebody else's. Must not use the queue. */
    void (*drop)(void *item, void *arg);
    void *drop_arg;
};

/* Makes a queue with one reference, which is the caller's. options may be NULL: first in, first
 * out, without bound. -EINVAL: an unknown order, or compare does not fit it; -ENOMEM. Never blocks.
 */
CEDE_PUBLIC int cede_queue_new(cede_queue **ret_queue, const struct cede_queue_options *options);

/* References. Both accept NULL; unref returns NULL, and with the last reference the queue goes and
 * its items are dropped. Who waits at a queue holds a reference. */
CEDE_PUBLIC cede_queue *cede_queue_ref(cede_queue *queue);
CEDE_PUBLIC cede_queue *cede_queue_unref(cede_queue *queue);

/* Puts an item, which may be NULL; it is the queue's until somebody gets it. Blocks while the queue
 * is full. -ESHUTDOWN: the queue was shut down, before or meanwhile; -ENOMEM: one without bound
 * could not grow; -ECANCELED; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_queue_put(cede_queue *queue, void *item);

/* Gets the next item, which is then the caller's. Blocks while the queue is empty. -ESHUTDOWN: the
 * queue was shut down and is empty; -ECANCELED; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_queue_get(cede_queue *queue, void **ret_item);

/* The same without blocking. -EAGAIN: the queue is full, or empty. May be called from callbacks of
 * the loop, too. */
CEDE_PUBLIC int cede_queue_put_nowait(cede_queue *queue, void *item);
CEDE_PUBLIC int cede_queue_get_nowait(cede_queue *queue, void **ret_item);

/* Says that the work for one item that was got is done. -EINVAL: that was said for every item that
 * was put. Never blocks. */
CEDE_PUBLIC int cede_queue_task_done(cede_queue *queue);

/* Waits until the work for all items that were put is done. -ECANCELED; -EPERM: no task runs here.
 */
CEDE_PUBLIC int cede_queue_join(cede_queue *queue);

/* As operations; results as above. *ret_item is written while the operation is awaited. */
CEDE_PUBLIC void cede_op_queue_put(struct cede_op *op, cede_queue *queue, void *item);
CEDE_PUBLIC void cede_op_queue_get(struct cede_op *op, cede_queue *queue, void **ret_item);
CEDE_PUBLIC void cede_op_queue_join(struct cede_op *op, cede_queue *queue);

/* Ends the queue. Puts fail from now on, also those that wait; gets go on until it is empty. With
 * `at_once` it is emptied here: its items are dropped, and count as done. May be called again, with
 * at_once after without. Never blocks. */
CEDE_PUBLIC void cede_queue_shutdown(cede_queue *queue, bool at_once);

struct cede_queue_stats {
    size_t length;
    size_t capacity; /* 0: without bound */
    size_t unfinished;
    size_t putters; /* that wait */
    size_t getters;
    size_t joiners;
    bool shut_down;
};

/* How many items are in the queue; and all that is going on in it. Never blocks. */
CEDE_PUBLIC size_t cede_queue_length(const cede_queue *queue);
CEDE_PUBLIC void cede_queue_stat(const cede_queue *queue, struct cede_queue_stats *ret_stats);

CEDE_END_DECLS

#endif
