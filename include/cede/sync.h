/* cede/sync.h: what tasks of one thread share things and meet by: lock, reader/writer lock,
 * condition, event, semaphore, capacity limiter, barrier, once.
 *
 * Between two blocking calls no other task runs, so much needs none of these; they are for what
 * lasts across blocking calls.
 *
 *     struct cede_lock lock;
 *
 *     cede_lock_init(&lock);
 *     r = cede_lock_acquire(&lock);
 *     if (r < 0)
 *         return r;
 *     r = several_blocking_calls();
 *     cede_lock_release(&lock);
 *
 * For all of them holds: The caller lays them out and initialises them, which never fails where it
 * returns nothing; there is nothing to destroy, but while somebody holds them or waits they have to
 * stay where they are. Who waits is served in the order of arrival: what is released is handed to
 * the first who waits, and nobody who comes later gets it before. Waiting allocates nothing, and
 * every call takes constant time, or time in proportion to the number of tasks that it wakes.
 *
 * What blocks is a cancellation point: -ECANCELED, and nothing was taken. A task that had been
 * given the thing before the cancel reached it has it, and its next blocking call reports the
 * cancel. -EPERM: no task runs here. What does not block may be called by a cancelled task, to
 * clean up, and, where no owner is needed, by callbacks of the loop. Other threads have no business
 * here; they come by cede_loop_post().
 *
 * cede_op_lock() and the like prepare the same waits as operations (see cede/op.h). Mind that of a
 * set more than one may have happened: cede_op_done() tells what else was taken.
 */
#ifndef CEDE_SYNC_H
#define CEDE_SYNC_H

#include <cede/base.h>
#include <cede/list.h>
#include <cede/op.h>

CEDE_BEGIN_DECLS

/* Those who wait, first come first. The members of this and of all structures below belong to the
 * library. */
struct cede_line {
    struct cede_list ops;
    size_t length;
};

/* --- Lock: one task at a time ----------------------------------------------------------------- */

struct cede_lock {
    struct cede_line waiting;
    uint64_t owner;
};

/* A free lock. Never blocks. */
CEDE_PUBLIC void cede_lock_init(struct cede_lock *lock);

/* Takes the lock, which then belongs to the running task; blocks while another has it. -EDEADLK:
 * the running task has it already; -ECANCELED; -EPERM. */
CEDE_PUBLIC int cede_lock_acquire(struct cede_lock *lock);
CEDE_PUBLIC void cede_op_lock(struct cede_op *op, struct cede_lock *lock);

/* The same, but -EAGAIN when another has it. Never blocks. */
CEDE_PUBLIC int cede_lock_acquire_nowait(struct cede_lock *lock);

/* Hands the lock to the first who waits, or frees it. -EPERM: it is not the running task's. Never
 * blocks. */
CEDE_PUBLIC int cede_lock_release(struct cede_lock *lock);

/* The id of the task that has it (0: it is free), and how many tasks wait. Never block. */
CEDE_PUBLIC uint64_t cede_lock_owner(const struct cede_lock *lock);
CEDE_PUBLIC size_t cede_lock_waiting(const struct cede_lock *lock);

/* --- Reader/writer lock: many readers, or one writer ------------------------------------------ */

/* Readers and writers wait in one line: a writer that waits keeps later readers out, and lets in
 * those that came before the next writer. So neither side starves, and a task that reads must not
 * read again before it has released: a writer may have come between the two. */
struct cede_rwlock {
    struct cede_line waiting;
    uint64_t writer;
    size_t readers;
};

/* A free lock. Never blocks. */
CEDE_PUBLIC void cede_rwlock_init(struct cede_rwlock *lock);

/* Takes the lock to read, together with other readers, or alone, to write. -EDEADLK: the running
 * task has it to write already; -ECANCELED; -EPERM. Blocks. */
CEDE_PUBLIC int cede_rwlock_acquire_read(struct cede_rwlock *lock);
CEDE_PUBLIC int cede_rwlock_acquire_write(struct cede_rwlock *lock);
CEDE_PUBLIC void cede_op_rwlock_read(struct cede_op *op, struct cede_rwlock *lock);
CEDE_PUBLIC void cede_op_rwlock_write(struct cede_op *op, struct cede_rwlock *lock);

/* The same, but -EAGAIN instead of waiting. Never block. */
CEDE_PUBLIC int cede_rwlock_acquire_read_nowait(struct cede_rwlock *lock);
CEDE_PUBLIC int cede_rwlock_acquire_write_nowait(struct cede_rwlock *lock);

/* Gives back what the running task has, be it to read or to write. -EPERM: nobody has it, or
 * another task has it to write. (Readers are counted, not known: that a reader is one is for the
 * caller to see to.) Never blocks. */
CEDE_PUBLIC int cede_rwlock_release(struct cede_rwlock *lock);

/* How many read, the id of the task that writes (0: none), and how many wait. Never block. */
CEDE_PUBLIC size_t cede_rwlock_readers(const struct cede_rwlock *lock);
CEDE_PUBLIC uint64_t cede_rwlock_writer(const struct cede_rwlock *lock);
CEDE_PUBLIC size_t cede_rwlock_waiting(const struct cede_rwlock *lock);

/* --- Condition: wait until another task has changed what a lock guards -------------------------
 */

struct cede_condition {
    struct cede_line waiting;
    struct cede_lock *lock;
};

/* A condition of what `lock` guards. Several conditions may share a lock. Never blocks. */
CEDE_PUBLIC void cede_condition_init(struct cede_condition *condition, struct cede_lock *lock);

/* Releases the lock, waits to be notified, and has the lock again when it returns, whatever it
 * returns: taking it back does not heed a cancel. 0: notified. -ECANCELED: the task was cancelled
 * before it had the lock back, and if it had been notified, the next one is notified instead.
 * -EPERM: the running task does not have the lock. Blocks.
 *
 * As an operation in a set: the lock is released when the wait begins, and is held again when
 * cede_select() returns, whichever of the set has won. */
CEDE_PUBLIC int cede_condition_wait(struct cede_condition *condition);
CEDE_PUBLIC void cede_op_condition(struct cede_op *op, struct cede_condition *condition);

/* Waits until predicate(arg) is true; it is asked with the lock held. Errors and blocking as above;
 * on an error the predicate was false when it was last asked, or was not asked. */
CEDE_PUBLIC int cede_condition_wait_for(struct cede_condition *condition,
                                        bool (*predicate)(void *arg), void *arg);

/* Notifies the first n that wait (or all there are), who go on one after another when the lock is
 * released. -EPERM: the running task does not have the lock. Never block. */
CEDE_PUBLIC int cede_condition_notify(struct cede_condition *condition, size_t n);
CEDE_PUBLIC int cede_condition_notify_all(struct cede_condition *condition);

/* How many wait to be notified. Never blocks. */
CEDE_PUBLIC size_t cede_condition_waiting(const struct cede_condition *condition);

/* --- Event: a flag to wait for ---------------------------------------------------------------- */

struct cede_event {
    struct cede_line waiting;
    bool set;
};

/* An event that is not set. Never blocks. */
CEDE_PUBLIC void cede_event_init(struct cede_event *event);

/* Sets it: all who wait go on, also if it is cleared before they run. Never blocks. */
CEDE_PUBLIC void cede_event_set(struct cede_event *event);
CEDE_PUBLIC void cede_event_clear(struct cede_event *event);
CEDE_PUBLIC bool cede_event_is_set(const struct cede_event *event);

/* Waits until it is set. 0, -ECANCELED, -EPERM. Blocks. */
CEDE_PUBLIC int cede_event_wait(struct cede_event *event);
CEDE_PUBLIC void cede_op_event(struct cede_op *op, struct cede_event *event);

/* How many wait. Never blocks. */
CEDE_PUBLIC size_t cede_event_waiting(const struct cede_event *event);

/* --- Semaphore: a count of things that anybody may take and give back --------------------------
 */

struct cede_semaphore {
    struct cede_line waiting;
    size_t value;
    size_t bound;
};

/* `value` things are there; there must never be more than `bound` (SIZE_MAX: no bound). -EINVAL:
 * value is above the bound. Never blocks. */
CEDE_PUBLIC int cede_semaphore_init(struct cede_semaphore *semaphore, size_t value, size_t bound);

/* Takes one; blocks while there is none. 0, -ECANCELED, -EPERM. */
CEDE_PUBLIC int cede_semaphore_acquire(struct cede_semaphore *semaphore);
CEDE_PUBLIC void cede_op_semaphore(struct cede_op *op, struct cede_semaphore *semaphore);

/* The same, but -EAGAIN when there is none. Never blocks. */
CEDE_PUBLIC int cede_semaphore_acquire_nowait(struct cede_semaphore *semaphore);

/* Gives one back, by any task or callback. -EOVERFLOW: there would be more than the bound, so this
 * one was never taken. Never blocks. */
CEDE_PUBLIC int cede_semaphore_release(struct cede_semaphore *semaphore);

/* How many are there, and how many tasks wait for one. Never block. */
CEDE_PUBLIC size_t cede_semaphore_value(const struct cede_semaphore *semaphore);
CEDE_PUBLIC size_t cede_semaphore_waiting(const struct cede_semaphore *semaphore);

/* --- Capacity limiter: a semaphore that knows who has what, and can be resized ---------------- */

struct cede_limiter {
    struct cede_line waiting;
    struct cede_list borrowers;
    size_t total;
    size_t borrowed;
};

/* Somebody who can hold one token: a task, or a thing on whose behalf tasks borrow. It stays where
 * it is while it holds or waits. */
struct cede_borrower {
    struct cede_list link;
    struct cede_limiter *limiter; /* that it has a token of, or waits for */
    uint64_t task;
    bool holds;
};

/* A limiter with `total` tokens (SIZE_MAX: as many as are asked for), and a borrower without any.
 * Never block. */
CEDE_PUBLIC void cede_limiter_init(struct cede_limiter *limiter, size_t total);
CEDE_PUBLIC void cede_borrower_init(struct cede_borrower *borrower);

/* Borrows a token; blocks while there is none. -EDEADLK: the borrower has a token already; -EBUSY:
 * it waits for one, in another task; -ECANCELED; -EPERM. */
CEDE_PUBLIC int cede_limiter_acquire(struct cede_limiter *limiter, struct cede_borrower *borrower);
CEDE_PUBLIC void cede_op_limiter(struct cede_op *op, struct cede_limiter *limiter,
                                 struct cede_borrower *borrower);

/* The same, but -EAGAIN when there is none. Never blocks. */
CEDE_PUBLIC int cede_limiter_acquire_nowait(struct cede_limiter *limiter,
                                            struct cede_borrower *borrower);

/* Gives the borrower's token back, by any task or callback. -EPERM: it has none of this limiter.
 * Never blocks. */
CEDE_PUBLIC int cede_limiter_release(struct cede_limiter *limiter, struct cede_borrower *borrower);

/* Changes the number of tokens. If it grows, those who wait get theirs at once; if it falls below
 * what is borrowed, nothing is lent until enough has come back. Never blocks. */
CEDE_PUBLIC void cede_limiter_set_total(struct cede_limiter *limiter, size_t total);

/* Tokens in all, borrowed, to be had; tasks that wait. Never block. */
CEDE_PUBLIC size_t cede_limiter_total(const struct cede_limiter *limiter);
CEDE_PUBLIC size_t cede_limiter_borrowed(const struct cede_limiter *limiter);
CEDE_PUBLIC size_t cede_limiter_available(const struct cede_limiter *limiter);
CEDE_PUBLIC size_t cede_limiter_waiting(const struct cede_limiter *limiter);

/* One after another those who hold a token, longest first (NULL: the first; returns NULL after the
 * last), and the id of the task that borrowed it (0: none is held). Never block. */
CEDE_PUBLIC const struct cede_borrower *cede_limiter_next(const struct cede_limiter *limiter,
                                                          const struct cede_borrower *borrower);
CEDE_PUBLIC uint64_t cede_borrower_task(const struct cede_borrower *borrower);

/* --- Barrier: so many tasks wait for each other, again and again -------------------------------
 */

struct cede_barrier {
    struct cede_line waiting;
    size_t parties;
    bool broken;
};

/* A barrier for that many tasks. -EINVAL: none, or more than INT_MAX. Never blocks. */
CEDE_PUBLIC int cede_barrier_init(struct cede_barrier *barrier, size_t parties);

/* Waits until all are there. Returns a different index from 0 to parties - 1 to each, in the order
 * in which they came. -ECANCELED: one less waits, and the others go on waiting. -ESHUTDOWN: the
 * barrier is broken, or was reset meanwhile. -EPERM. Blocks. */
CEDE_PUBLIC int cede_barrier_wait(struct cede_barrier *barrier);
CEDE_PUBLIC void cede_op_barrier(struct cede_op *op, struct cede_barrier *barrier);

/* Sends those who wait away with -ESHUTDOWN. After a reset the barrier is as new; after an abort it
 * is broken, until a reset. Never block. */
CEDE_PUBLIC void cede_barrier_reset(struct cede_barrier *barrier);
CEDE_PUBLIC void cede_barrier_abort(struct cede_barrier *barrier);

/* How many it is for, how many are there, and whether it is broken. Never block. */
CEDE_PUBLIC size_t cede_barrier_parties(const struct cede_barrier *barrier);
CEDE_PUBLIC size_t cede_barrier_waiting(const struct cede_barrier *barrier);
CEDE_PUBLIC bool cede_barrier_broken(const struct cede_barrier *barrier);

/* --- Once: what the first does for all -------------------------------------------------------- */

struct cede_once {
    struct cede_line waiting;
    uint64_t runner;
    int result;
    bool done;
};

/* Nothing was done yet. Also to have it done anew, when nobody is inside. Never blocks. */
CEDE_PUBLIC void cede_once_init(struct cede_once *once);

/* The first call runs fn(arg); calls that come meanwhile wait, later ones return at once, and all
 * return what fn returned, an error, too. But if fn returned -ECANCELED because the task that it
 * ran in was cancelled, that is this call's result alone, and the next one runs its own fn.
 * -EDEADLK: fn calls this itself; -ECANCELED: cancelled before it was known; -EPERM. Blocks. */
CEDE_PUBLIC int cede_once_do(struct cede_once *once, int (*fn)(void *arg), void *arg);

/* Whether it is done, how many wait for it. Never block. */
CEDE_PUBLIC bool cede_once_done(const struct cede_once *once);
CEDE_PUBLIC size_t cede_once_waiting(const struct cede_once *once);

CEDE_END_DECLS

#endif
