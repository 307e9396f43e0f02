/* cede/op.h: operations, the one thing with which to wait for anything.
 *
 * An operation is a wait that can be had in a set with others: for a timer, a task, data, a lock,
 * an item of a queue. The caller lays it out, the function of its kind prepares it
 * (cede_op_sleep(), cede_op_join(), ...), and it is awaited alone or in a set:
 *
 *     struct cede_op data, timeout;
 *
 *     cede_op_recv(&data, fd, buf, sizeof buf, 0);
 *     cede_op_sleep(&timeout, CEDE_SECOND);
 *     switch (CEDE_SELECT(&data, &timeout)) {
 *     case 0: n = cede_op_result(&data); ...
 *     case 1: ...
 *     }
 *
 * Nothing begins before it is awaited, and nothing is lost by being awaited in vain: an operation
 * that did not win is withdrawn and can be awaited again; one that had happened as well, and so
 * could not be withdrawn, is done and keeps its result (cede_op_done() tells), which the next
 * select with it returns at once.
 *
 * A kind of one's own is a struct cede_op_kind with two functions; struct cede_op is then the first
 * member of a structure with what the kind needs.
 */
#ifndef CEDE_OP_H
#define CEDE_OP_H

#include <cede/base.h>
#include <cede/list.h>
#include <cede/timer.h>

CEDE_BEGIN_DECLS

struct cede_op;
struct cede_task;
struct cede_selection;

struct cede_op_kind {
    /* Completes the sentence "the task waits for ..." in reports. */
    const char *what;
    /* Begins the wait, in the task that awaits it. Returns true when the result is there at once
     * (in op->result); otherwise cede_op_complete() is called later, once. Must not block. */
    bool (*start)(struct cede_op *op);
    /* Withdraws a wait that was begun and returns 0; or returns -EINPROGRESS, and then
     * cede_op_complete() is still called, with its result or with -ECANCELED. Must not block. */
    int (*cancel)(struct cede_op *op);
};

/* `link`, `source`, `data` and `room` are for the kind; the rest is the library's. */
struct cede_op {
    struct cede_list link;
    const struct cede_op_kind *kind;
    void *source;
    void *data;
    union {
        struct cede_timer timer; /* of the kinds that need one */
        uint64_t room[8];
    };
    struct cede_task *task; /* that awaits it, from start() on */
    struct cede_selection *selection;
    int result;
    uint8_t state;
};

/* Prepares an operation of a kind, idle. Never fails. */
CEDE_PUBLIC void cede_op_init(struct cede_op *op, const struct cede_op_kind *kind, void *source);

/* Tells that a begun operation has happened. On the task's own thread, from a task or from a
 * callback of the loop. Never blocks. */
CEDE_PUBLIC void cede_op_complete(struct cede_op *op, int result);

/* Whether another operation of the set that a begun operation is awaited in has happened already,
 * so that this one is about to be withdrawn. A kind that hands something over to the first who
 * waits for it asks this, and passes over those: else a select would take two things and use one.
 * Never blocks. */
CEDE_PUBLIC bool cede_op_lost(const struct cede_op *op);

/* Awaits one operation and returns its result; -ECANCELED: the task was cancelled, and the
 * operation was withdrawn; -EPERM: no task runs here. A done operation gives its result at once and
 * is idle again. Allocates nothing. */
CEDE_PUBLIC int cede_op_wait(struct cede_op *op);

/* Awaits the first of n operations. Returns the index of the one that happened first; when several
 * could be had at once, the first of the array. -ECANCELED: the task was cancelled, and all were
 * withdrawn; -EINVAL: n is 0 or above 64; -EPERM: no task runs here. Allocates nothing; takes time
 * in proportion to n. */
CEDE_PUBLIC int cede_select(struct cede_op *const *ops, size_t n);

#define CEDE_SELECT(...)                                                                           \
    cede_select((struct cede_op *const[]){__VA_ARGS__},                                            \
                sizeof((struct cede_op *const[]){__VA_ARGS__}) / sizeof(struct cede_op *))

/* Whether the operation has happened and its result was not taken yet. Never blocks. */
CEDE_PUBLIC bool cede_op_done(const struct cede_op *op);

/* Takes the result of an operation that has happened; it is idle again. -EAGAIN: it has not. Never
 * blocks. */
CEDE_PUBLIC int cede_op_result(struct cede_op *op);

/* A time from now (counted from the start of the wait), or a deadline. Result: 0. */
CEDE_PUBLIC void cede_op_sleep(struct cede_op *op, uint64_t duration_ns);
CEDE_PUBLIC void cede_op_sleep_until(struct cede_op *op, uint64_t deadline);

/* The end of a task, of which the caller holds a reference. Result: 0; what the task returned is
 * told by cede_task_done(). */
CEDE_PUBLIC void cede_op_join(struct cede_op *op, struct cede_task *task);

CEDE_END_DECLS

#endif
