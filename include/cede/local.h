/* cede/local.h: task-locals, values that a task carries along and that its children inherit: whose
 * request this is, which user, which trace.
 *
 *     static const struct cede_local user = {.name = "user", .initial = "nobody"};
 *
 *     cede_local_set(&user, "ada");
 *     cede_local_get(&user);               // "ada", here and in every task spawned from now on
 *
 * They behave as Python's contextvars: a task begins with what its spawner has at that moment, and
 * what either sets afterwards the other does not see. The table of values is shared until one of
 * them sets something, so that inheriting costs the same whatever there is, and nothing at all for
 * tasks that carry nothing.
 *
 * A value that is set is shared, too: the last task that carries it destroys it. Outside of tasks,
 * as in callbacks of the loop, every local has its initial value; a task spawned there inherits
 * nothing.
 */
#ifndef CEDE_LOCAL_H
#define CEDE_LOCAL_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

/* A local is its address: declare it static const. All but the address may be left out. It must
 * live as long as tasks carry a value of it. */
struct cede_local {
    const char *name;    /* for whoever reads it in a debugger */
    const void *initial; /* the value where none was set; never destroyed */
    /* Makes a copy of a value: 0 and *ret_copy, or -errno. Used by cede_local_edit(), only. Must
     * not block. */
    int (*copy)(const void *value, void **ret_copy);
    /* Called when no task carries the value any more; in the task that gave it up. Must not block,
     * nor set locals. */
    void (*destroy)(void *value);
};

struct cede__locals;

/* What cede_locals_leave() returns to. The members belong to the library. */
struct cede_locals_frame {
    struct cede__locals *before;
    const void *task;
};

/* The running task's value, or the initial one. It stays valid until the task sets another, leaves
 * the frame in which it was set, or ends. Never blocks or fails. */
CEDE_PUBLIC void *cede_local_get(const struct cede_local *local);

/* Sets the running task's value. On success the library owns it, as far as the local has a
 * destroy function, and the task has given up the value before. -ENOMEM; -EPERM: no task runs here.
 * The library only keeps the pointer: const is for who calls, and is gone in what
 * cede_local_get() returns. Never blocks. */
CEDE_PUBLIC int cede_local_set(const struct cede_local *local, const void *value);

/* Gives the running task a value that it may change: if others carry it as well, or it is the
 * initial one, a copy is set in its place. -ENOTSUP: the local has no copy function; its error;
 * -ENOMEM; -EPERM: no task runs here. Never blocks. */
CEDE_PUBLIC int cede_local_edit(const struct cede_local *local, void **ret_value);

/* Leaving puts all locals of the running task back to what they were when it entered; what happens
 * between concerns it, and the tasks that it spawns there. Frames nest, last in first out, and are
 * left by the task that entered them, before it ends. They allocate nothing. Must be called from a
 * task. Never block or fail. */
CEDE_PUBLIC void cede_locals_enter(struct cede_locals_frame *frame);
CEDE_PUBLIC void cede_locals_leave(struct cede_locals_frame *frame);

CEDE_END_DECLS

#endif
