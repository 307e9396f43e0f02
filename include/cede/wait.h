/* cede/wait.h: how a task waits, for those who write waits of their own.
 *
 * Every blocking call of the library is built on the two functions below. A wait has three parts: a
 * waiter on the waiting task's stack; a place that keeps the waiter until there is something to
 * tell (a list, a timer, a table); and a function that takes it out of there again, when the wait
 * is cancelled.
 *
 *     struct bell { struct cede_waiter *waiting; };
 *
 *     static int bell_abort(struct cede_waiter *waiter) {
 *         struct bell *bell = waiter->data;
 *         bell->waiting = NULL;
 *         return 0;
 *     }
 *
 *     int bell_wait(struct bell *bell) {
 *         struct cede_waiter waiter;
 *
 *         cede_waiter_init(&waiter, bell_abort, "a bell");
 *         waiter.data = bell;
 *         bell->waiting = &waiter;
 *         return cede_park(&waiter);
 *     }
 *
 *     void bell_ring(struct bell *bell) {
 *         struct cede_waiter *waiter = bell->waiting;
 *         bell->waiting = NULL;
 *         if (waiter)
 *             cede_wake(waiter, 0);
 *     }
 */
#ifndef CEDE_WAIT_H
#define CEDE_WAIT_H

#include <cede/base.h>
#include <cede/list.h>

CEDE_BEGIN_DECLS

struct cede_task;
struct cede_waiter;

/* Called when the waiting task is cancelled. Takes the waiter out of the place that keeps it and
 * returns 0: the wait ends with -ECANCELED. Or returns -EINPROGRESS, when what is waited for can no
 * longer be withdrawn: the wait then ends by a cede_wake() that is sure to come. Must not block. */
typedef int (*cede_abort_fn)(struct cede_waiter *waiter);

struct cede_waiter {
    struct cede_list link; /* for the place that keeps it; the library does not look at it */
    void *data;            /* the same */
    /* The rest is the library's. */
    struct cede_task *task;
    cede_abort_fn abort;
    const char *what;
    int result;
    uint8_t state;
};

/* Prepares a waiter for one wait. `what` completes the sentence "the task waits for ..." in reports
 * and must live as long as the wait. Never fails. */
CEDE_PUBLIC void cede_waiter_init(struct cede_waiter *waiter, cede_abort_fn abort,
                                  const char *what);

/* Blocks the running task until cede_wake(waiter), and returns the result given there; at once, if
 * the wake came before. A cancelled task calls the abort function and, if that withdraws the wait,
 * gets -ECANCELED. -EPERM: no task runs here, and the wait was
 * withdrawn. Allocates nothing. */
CEDE_PUBLIC int cede_park(struct cede_waiter *waiter);

/* Ends the wait with a result (0, a count, or -errno). Once per wait; on the task's own thread,
 * from a task or from a callback of the loop. Other threads get there by cede_loop_post(). Never
 * blocks: the task becomes ready, in the order of the wakes. */
CEDE_PUBLIC void cede_wake(struct cede_waiter *waiter, int result);

CEDE_END_DECLS

#endif
