/* cede/offload.h: functions that block, called in a pool of threads while only the task waits.
 *
 *     static int read_all(void *arg) { ... open(), read(), in a thread of the pool ... }
 *
 *     r = cede_offload(read_all, &request);
 *
 * The pool belongs to the run of the calling thread: its threads start when they are needed, end
 * when they had nothing to do for ten seconds, and at the end of cede_run(). There are at most so
 * many for each class of work, and what is more waits its turn, first in, first out; so files that
 * hang keep nobody from looking names up.
 *
 * A function that has begun cannot be stopped. A cancelled task therefore waits for it, and arg may
 * lie on the task's stack; or, if the options say `abandon`, leaves it to itself. What has not
 * begun when the task is cancelled is never called, either way.
 *
 * In the pool's threads all signals are blocked but those that report faults, and no task runs:
 * blocking calls of the library return -EPERM there. A function may make a run of its own.
 */
#ifndef CEDE_OFFLOAD_H
#define CEDE_OFFLOAD_H

#include <cede/base.h>
#include <cede/op.h>

CEDE_BEGIN_DECLS

/* A function to call in a thread. Returns 0, a count, or -errno. */
typedef int (*cede_offload_fn)(void *arg);

/* What kind of work it is, and how many threads there are for it at most. */
enum cede_offload_class {
    CEDE_OFFLOAD_USER,  /* 16 */
    CEDE_OFFLOAD_FILES, /* 8 */
    CEDE_OFFLOAD_NAMES, /* 4, for the lookup of names */
};

struct cede_offload_options {
    enum cede_offload_class class_of_work;
    /* A cancelled task does not wait for the function: that goes on, and its result is dropped.
     * What arg points to must live until it has returned. The end of cede_run() waits for it. */
    bool abandon;
    /* Called once for each wait, when the function is over or will never be called, abandoned or
     * not: so this gives a reference to arg back that the caller took for it. In the pool's thread
     * if the function was called, before the wait ends; else in the caller's. Must not use the
     * caller's stack, if abandon is set. May be NULL. */
    void (*release)(void *arg);
};

/* Calls fn(arg) in a thread and waits until it has returned. Returns what it returned; or
 * -ECANCELED (fn was not called, or was abandoned); -EAGAIN, -ENOMEM: there is no thread, and none
 * can be made; -EINVAL: no function, or no such class; -EPERM: no task runs here. Blocks the task
 * only; memory is allocated for threads, not for calls. options may be NULL: a function of the
 * user's, that is waited for. */
CEDE_PUBLIC int cede_offload_with(cede_offload_fn fn, void *arg,
                                  const struct cede_offload_options *options);
CEDE_PUBLIC int cede_offload(cede_offload_fn fn, void *arg);

/* The same as an operation. Result: the same. A loser of a select counts as cancelled: with
 * `abandon` the function goes on, and awaiting the operation again calls it again; without, the
 * select returns when the function has, and the operation is done. The options are copied. */
CEDE_PUBLIC void cede_op_offload(struct cede_op *op, cede_offload_fn fn, void *arg,
                                 const struct cede_offload_options *options);

CEDE_END_DECLS

#endif
