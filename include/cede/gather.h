/* cede/gather.h: several functions or tasks together: all of them, the first of them, one after
 * another as they end, or whichever succeeds first.
 *
 * What runs functions (cede_gather(), cede_staggered()) spawns a task for each and has awaited them
 * all when it returns. What waits for tasks (cede_wait_tasks(), cede_as_completed_next()) leaves
 * them running. The caller lays out the memory of both: one struct cede_call a function, one struct
 * cede_awaited a task, so that waiting allocates nothing.
 *
 *     struct cede_call calls[] = {{.fn = fetch, .arg = a}, {.fn = fetch, .arg = b}};
 *     int r = cede_gather(calls, 2, false);
 *
 * The names are those of asyncio; what is different is said with each. Throughout, a cancelled
 * caller stays cancelled: its next blocking call returns -ECANCELED too.
 */
#ifndef CEDE_GATHER_H
#define CEDE_GATHER_H

#include <cede/base.h>
#include <cede/op.h>
#include <cede/task.h>

CEDE_BEGIN_DECLS

/* A function to run, and what it returned; -ECANCELED if it was not begun. */
struct cede_call {
    cede_task_fn fn;
    void *arg;
    const char *name; /* of its task, in reports; may be NULL */
    int result;
    void *owner; /* the library's */
};

/* Runs all the calls, each in a task of its own, and waits until all have ended; their results are
 * in the calls. Returns 0, or the first error in time, which has cancelled the other calls (with
 * asyncio they would go on, unwatched). With return_errors an error is a result like any other.
 * -ECANCELED: the caller was cancelled, and so were the calls, which have ended all the same; or a
 * call was cancelled by itself; -ENOMEM: not all could be begun; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_gather(struct cede_call *calls, size_t n, bool return_errors);

/* A task to wait for, of which the caller holds a reference, and whether it has ended. */
struct cede_awaited {
    cede_task *task;
    bool done;
    /* The rest is the library's. */
    struct cede_awaited *same; /* the first with this task */
    struct cede_op op;
};

/* The same for tasks that run already: waits until all have ended, and cancels those that are left
 * after the first error or when the caller is cancelled. The results are told by cede_task_done().
 * Errors as cede_gather() and cede_wait_tasks(). */
CEDE_PUBLIC int cede_gather_tasks(struct cede_awaited *tasks, size_t n, bool return_errors);

enum cede_wait_when {
    CEDE_WAIT_ALL,
    CEDE_WAIT_FIRST_COMPLETED,
    CEDE_WAIT_FIRST_ERROR, /* a task that was cancelled has not failed; without an error: all */
};

/* Waits for tasks, at most timeout_ns (CEDE_FOREVER: without limit), and says in `done` which have
 * ended. Returns how many that are, a task that is given twice counted once; a timeout is no error,
 * and no task is ever cancelled. n may be 0. The errors of tasks that are done count as seen.
 * -ECANCELED: the caller was cancelled; -EDEADLK: a task is the running one; -EINVAL: a task is
 * NULL; -EPERM: no task runs here. Takes time in proportion to n. */
CEDE_PUBLIC int cede_wait_tasks(struct cede_awaited *tasks, size_t n, enum cede_wait_when when,
                                uint64_t timeout_ns);

/* Tasks in the order in which they end. The members belong to the library. */
struct cede_as_completed {
    struct cede_awaited *tasks;
    size_t n;
    size_t pending;
    struct cede_list finished; /* and not handed out yet */
    struct cede_waiter *waiter;
    enum cede_wait_when when;
    bool failed;
};

/* Begins; `completed` and the tasks' memory are in use until cede_as_completed_end(), which has to
 * be called. Errors as cede_wait_tasks(). Never blocks. */
CEDE_PUBLIC int cede_as_completed_begin(struct cede_as_completed *completed,
                                        struct cede_awaited *tasks, size_t n);

/* Waits for the next task to end. Returns 1 with the task in *ret_task (without a reference of its
 * own; its error counts as seen), or 0 when all were handed out, each once. -ECANCELED: the caller
 * was cancelled, and no task is lost; -EBUSY: another task waits here; -EPERM: no task runs. */
CEDE_PUBLIC int cede_as_completed_next(struct cede_as_completed *completed, cede_task **ret_task);

/* Ends it, whether all were handed out or not; the tasks go on. -EBUSY: a task waits here. */
CEDE_PUBLIC int cede_as_completed_end(struct cede_as_completed *completed);

/* Runs fn(arg) in a task that a cancel of the caller does not reach, and waits for it. 0: it has
 * ended, with *ret_result (may be NULL); -ECANCELED: the caller was cancelled, and the function
 * goes on, so that arg must live longer than this call. The group (NULL: the run itself) then
 * awaits it, and should be one outside of what may be cancelled. Errors as cede_spawn(). */
CEDE_PUBLIC int cede_shield(struct cede_group *group, cede_task_fn fn, void *arg, int *ret_result);

/* Runs the calls as a race: the first at once, each other one delay_ns after the one before it, or
 * as soon as that has failed (CEDE_FOREVER: only then). The first that succeeds (a result >= 0)
 * wins; the others are cancelled and awaited. Returns the winner's result, its index in *ret_winner
 * (may be NULL), also when the caller is cancelled meanwhile; or, when all have failed, the first
 * call's error. A loser may have succeeded before the cancel reached it: its result in the calls
 * tells, and what it made is the caller's to give back. -ECANCELED: the caller was cancelled first;
 * -EINVAL: no calls; -ENOMEM; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_staggered(struct cede_call *calls, size_t n, uint64_t delay_ns,
                               size_t *ret_winner);

CEDE_END_DECLS

#endif
