/* cede/future.h: futures, values that are not there yet; and callbacks for the end of a future or
 * of a task.
 *
 * A future is pending until somebody says what it holds: a result, an error, or that nothing will
 * come (cancelled). Any number of tasks may await it. What waiting did and what the future holds
 * are told apart: cede_future_wait() says whether the wait was interrupted, cede_future_result()
 * what there is.
 *
 * A future is shared by whoever made it and whoever fulfils it, and so is counted: each holds a
 * reference. An error that nobody has looked at when the last reference is given back is reported.
 *
 * A future belongs to the loop that ran where it was made, and is fulfilled on that loop's thread;
 * another thread gets there by cede_loop_post(). One with callbacks has to be fulfilled, or given
 * back, before its loop is closed.
 */
#ifndef CEDE_FUTURE_H
#define CEDE_FUTURE_H

#include <cede/base.h>
#include <cede/loop.h>
#include <cede/op.h>
#include <cede/task.h>

CEDE_BEGIN_DECLS

typedef struct cede_future cede_future;

enum cede_future_state {
    CEDE_FUTURE_PENDING,
    CEDE_FUTURE_DONE,      /* it holds a result */
    CEDE_FUTURE_FAILED,    /* it holds an error */
    CEDE_FUTURE_CANCELLED, /* nothing will come */
};

/* Makes a pending future; the caller has its only reference. -EPERM: no loop runs here; -ENOMEM.
 * Never blocks. */
CEDE_PUBLIC int cede_future_new(cede_future **ret_future);

/* References. Both accept NULL; unref returns NULL. Callbacks of a future that is given back while
 * it is pending are not called. */
CEDE_PUBLIC cede_future *cede_future_ref(cede_future *future);
CEDE_PUBLIC cede_future *cede_future_unref(cede_future *future);

/* Fulfils the future with a result (>= 0) and a value (which stays the caller's business), with an
 * error (< 0, not -ECANCELED), or with nothing. Wakes all that wait, in the order in which they
 * came. -EBUSY: the future is not pending any more; -EINVAL: a number of the wrong kind; -EPERM:
 * not the future's loop. Never blocks. */
CEDE_PUBLIC int cede_future_set_result(cede_future *future, int result, void *value);
CEDE_PUBLIC int cede_future_set_error(cede_future *future, int error);
CEDE_PUBLIC int cede_future_cancel(cede_future *future);

/* What it is now. Never blocks. */
CEDE_PUBLIC enum cede_future_state cede_future_state(const cede_future *future);

/* What it holds: the result, with the value in *ret_value (may be NULL); the error; -ECANCELED;
 * or -EAGAIN while it is pending. An error counts as seen from then on. Never blocks. */
CEDE_PUBLIC int cede_future_result(cede_future *future, void **ret_value);

/* Waits until the future is not pending. 0: it is not, whatever it holds; -ECANCELED: the waiting
 * task was cancelled (the future is not: others may wait for it); -EPERM: no task runs here. */
CEDE_PUBLIC int cede_future_wait(cede_future *future);

/* The same as an operation. The caller holds a reference meanwhile. Result: 0. */
CEDE_PUBLIC void cede_op_future(struct cede_op *op, cede_future *future);

/* Calls fn(arg) in the loop's context once the future is not pending, or the task has ended: in a
 * pass to come, in the order in which the callbacks were added; if that is so already, as
 * cede_loop_call_soon() does. -EPERM: not the loop of the future, or of this thread's tasks;
 * -EINVAL: no function; -ENOMEM. Never blocks. */
CEDE_PUBLIC int cede_future_add_done_callback(cede_future *future, cede_callback fn, void *arg);
CEDE_PUBLIC int cede_task_add_done_callback(cede_task *task, cede_callback fn, void *arg);

/* Removes the callbacks of that function and argument. Returns how many there were; 0 as well when
 * they are due already. Never blocks. */
CEDE_PUBLIC size_t cede_future_remove_done_callback(cede_future *future, cede_callback fn,
                                                    const void *arg);
CEDE_PUBLIC size_t cede_task_remove_done_callback(cede_task *task, cede_callback fn,
                                                  const void *arg);

CEDE_END_DECLS

#endif
