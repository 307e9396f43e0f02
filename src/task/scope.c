/* scope.c: the tree of scopes.
 *
 * Each scope has a parent: the scope around it in the same task, or, for a task's base scope, the
 * scope of the group that it was spawned into. A scope is `effective` when it is cancelled itself
 * or when its parent is effective and no shield is between the two; this is kept up to date from
 * the top down whenever a cancel or a shield changes, so that asking costs one look.
 *
 * The task that owns a scope looks at its innermost one. So a change is delivered to the owners
 * whose innermost scope it reaches, each once.
 */
#include "task/task.h"

#include <errno.h>

static bool compute(const struct cede_scope *scope) {
    return scope->cancelled || (scope->parent && scope->parent->effective && !scope->shield);
}

/* Brings the owner's own copy up to date, if this is its innermost scope; a task that becomes
 * cancelled while it waits is interrupted. */
static void deliver(struct cede_scope *scope) {
    struct cede_task *task = scope->owner;

    if (!task || task->scope != scope)
        return;
    task->cancelled = scope->effective || task->doomed;
    if (task->cancelled)
        cede__task_interrupt(task);
}

/* The next scope of the tree below top in depth-first order, into the children of `scope` only if
 * `down`. */
static struct cede_scope *next_scope(struct cede_scope *top, struct cede_scope *scope, bool down) {
    if (down && !cede__list_empty(&scope->children))
        return cede__list_first(&scope->children, struct cede_scope, siblings);
    while (scope != top) {
        if (scope->siblings.next != &scope->parent->children)
            return cede__list_first(&scope->siblings, struct cede_scope, siblings);
        scope = scope->parent;
    }
    return NULL;
}

static void update(struct cede_scope *top) {
    struct cede_scope *scope = top;

    while (scope) {
        bool effective = compute(scope);
        bool changed = effective != scope->effective;

        if (changed) {
            scope->effective = effective;
            deliver(scope);
        }
        scope = next_scope(top, scope, changed);
    }
}

static void deadline_passed(struct cede_timer *timer) {
    cede_scope_cancel(cede__container_of(timer, struct cede_scope, timer), -ETIME);
}

void cede__scope_link(struct cede_scope *scope, struct cede_scope *parent, struct cede_task *owner,
                      uint64_t deadline) {
    scope->parent = parent;
    scope->owner = owner;
    cede__list_init(&scope->children);
    cede_timer_init(&scope->timer, deadline_passed);
    scope->cause = 0;
    scope->cancelled = scope->shield = false;
    scope->effective = parent && parent->effective;
    if (parent)
        cede__list_append(&parent->children, &scope->siblings);
    else
        cede__list_init(&scope->siblings);
    if (deadline != CEDE_FOREVER)
        cede_scope_set_deadline(scope, deadline);
}

void cede__scope_unlink(struct cede_scope *scope) {
    CEDE_ASSERT(cede__list_empty(&scope->children));
    cede_timer_cancel(&scope->timer);
    cede__list_remove(&scope->siblings);
}

void cede_scope_enter(struct cede_scope *scope, uint64_t deadline) {
    struct cede_task *task = cede__task_current();

    if (!task)
        cede__panic("cede_scope_enter: a scope belongs to a task, and none runs here");
    cede__scope_link(scope, task->scope, task, deadline);
    task->scope = scope;
    task->cancelled = scope->effective || task->doomed;
}

int cede_scope_leave(struct cede_scope *scope, int r) {
    struct cede_task *task = cede__task_current();
    bool from_outside;

    if (!task || task->scope != scope)
        cede__panic("cede_scope_leave: not the innermost scope of the running task");
    from_outside = scope->parent->effective && !scope->shield;
    cede__scope_unlink(scope);
    task->scope = scope->parent;
    task->cancelled = task->scope->effective || task->doomed;
    return r == -ECANCELED && scope->cancelled && !from_outside ? scope->cause : r;
}

void cede_scope_cancel(struct cede_scope *scope, int cause) {
    CEDE_ASSERT(cause < 0);
    if (scope->cancelled)
        return;
    scope->cancelled = true;
    scope->cause = cause;
    cede_timer_cancel(&scope->timer);
    update(scope);
}

void cede_scope_set_deadline(struct cede_scope *scope, uint64_t deadline) {
    if (scope->cancelled)
        return;
    /* The loop's own time lags behind while a task computes. */
    if (deadline <= cede__loop->now || deadline <= cede_now())
        cede_scope_cancel(scope, -ETIME);
    else
        cede_timer_arm(&scope->timer, deadline);
}

void cede_scope_set_shield(struct cede_scope *scope, bool shield) {
    scope->shield = shield;
    update(scope);
}

int cede_scope_cause(const struct cede_scope *scope) {
    return scope->cause;
}

bool cede_cancelled(void) {
    const struct cede_task *task = cede__task_current();

    return task && task->cancelled;
}

int cede_wait_until(int (*fn)(void *arg), void *arg, uint64_t deadline) {
    struct cede_scope scope;

    if (!cede__task_current())
        return -EPERM;
    cede_scope_enter(&scope, deadline);
    return cede_scope_leave(&scope, fn(arg));
}

int cede_wait_for(int (*fn)(void *arg), void *arg, uint64_t timeout_ns) {
    return cede_wait_until(fn, arg, cede_after(timeout_ns));
}
