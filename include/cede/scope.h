/* cede/scope.h: scopes, the only way in which things are cancelled.
 *
 *     struct cede_scope scope;
 *
 *     cede_scope_enter(&scope, cede_after(2 * CEDE_SECOND));
 *     r = work();
 *     r = cede_scope_leave(&scope, r);       // -ETIME if the two seconds were what ended the work
 *
 * Being cancelled is a state, not an event: from the cancel on, every blocking call inside the
 * scope returns -ECANCELED, until the scope is left. So a cancel cannot be missed, and clean-up
 * that has to block enters a scope with a shield (and, if it is wise, a deadline) of its own.
 *
 * Scopes nest, last in first out, and reach into the groups that were opened inside them. An
 * operation that had completed before the cancel reached it returns its success; the next call
 * reports the cancel. Only the owner of a scope learns why it was cancelled, when it leaves.
 */
#ifndef CEDE_SCOPE_H
#define CEDE_SCOPE_H

#include <cede/base.h>
#include <cede/list.h>
#include <cede/timer.h>

CEDE_BEGIN_DECLS

struct cede_task;

/* Lives on the stack of the task that enters it. The members belong to the library. */
struct cede_scope {
    struct cede_scope *parent;
    struct cede_task *owner;
    struct cede_list siblings; /* among the parent's children */
    struct cede_list children;
    struct cede_timer timer;
    int cause;
    bool cancelled; /* this one */
    bool shield;
    bool effective; /* this one, or one around it that no shield keeps out */
};

/* Enters a scope: what the running task does until it leaves, and the groups that it opens there,
 * can be cancelled by the scope. deadline: absolute, CEDE_FOREVER for none; when it passes, the
 * scope is cancelled with the cause -ETIME. Must be called from a task. Never blocks or fails. */
CEDE_PUBLIC void cede_scope_enter(struct cede_scope *scope, uint64_t deadline);

/* Leaves the innermost scope of the running task, which this one has to be. r is what the work in
 * the scope returned: when that is -ECANCELED and this scope is the outermost one to blame, its
 * cause is returned (-ETIME for the deadline), otherwise r. Never blocks. */
CEDE_PUBLIC int cede_scope_leave(struct cede_scope *scope, int r);

/* Cancels all that is in the scope. cause (< 0) is what leaving it will return; the first cancel of
 * a scope counts. May be called from any task or callback of the loop's thread while the scope is
 * entered, also from inside it. Never blocks. */
CEDE_PUBLIC void cede_scope_cancel(struct cede_scope *scope, int cause);

/* Moves the deadline, also to one that has passed (which cancels now). No effect on a scope that is
 * cancelled. Never blocks. */
CEDE_PUBLIC void cede_scope_set_deadline(struct cede_scope *scope, uint64_t deadline);

/* With a shield, cancels from outside do not reach into the scope; its own deadline and its own
 * cancel do. A cancel that waits outside reaches in when the shield is taken away. Never blocks. */
CEDE_PUBLIC void cede_scope_set_shield(struct cede_scope *scope, bool shield);

/* The cause if the scope itself is cancelled, else 0. */
CEDE_PUBLIC int cede_scope_cause(const struct cede_scope *scope);

/* Whether the running task is cancelled, by whichever scope: its next blocking call would return
 * -ECANCELED. False outside of tasks. Never blocks. */
CEDE_PUBLIC bool cede_cancelled(void);

/* Calls fn(arg) in a scope with the deadline, absolute, and leaves it: fn's result, or -ETIME.
 * Spawns nothing. Blocks as fn does. */
CEDE_PUBLIC int cede_wait_until(int (*fn)(void *arg), void *arg, uint64_t deadline);

/* The same with a time from now. */
CEDE_PUBLIC int cede_wait_for(int (*fn)(void *arg), void *arg, uint64_t timeout_ns);

CEDE_END_DECLS

#endif
