/* local.c: task-locals.
 *
 * A task points to a table, which points to values; both are counted. Spawning counts the table
 * once more, and so does a frame. A table that is counted more than once is never changed: who sets
 * something makes one of its own first, which counts each value once more. So a value is alone with
 * its task when its table is and it is itself.
 *
 * A table is small (a handful of locals), so it is searched, and grows by one. A task stays on its
 * thread, and so do its tables: the counts need not be atomic.
 *
 * User code (copy, destroy) may look at locals. So a value is let go only when the task's table
 * no longer has it.
 */
#include "task/local.h"

#include "base/alloc.h"
#include "task/task.h"

#include <errno.h>

struct cede__local_value {
    size_t refs; /* tables */
    const struct cede_local *local;
    const void *value;
};

static void value_unref(struct cede__local_value *value) {
    if (!value || --value->refs > 0)
        return;
    if (value->local->destroy)
        value->local->destroy((void *)(uintptr_t)value->value);
    cede__free(value);
}

void cede__locals_unref(struct cede__locals *locals) {
    if (!locals)
        return;
    CEDE_ASSERT(locals->refs > 0);
    if (--locals->refs > 0)
        return;
    for (size_t i = 0; i < locals->count; i++)
        value_unref(locals->values[i]);
    cede__free(locals);
}

/* Where the table has the local's value, or NULL. */
static struct cede__local_value **find(struct cede__locals *locals,
                                       const struct cede_local *local) {
    for (size_t i = 0; locals && i < locals->count; i++) {
        if (locals->values[i]->local == local)
            return &locals->values[i];
    }
    return NULL;
}

void *cede_local_get(const struct cede_local *local) {
    const struct cede_task *task = cede__task_current();
    struct cede__local_value **slot = task ? find(task->more->locals, local) : NULL;

    return (void *)(uintptr_t)(slot ? (*slot)->value : local->initial);
}

static size_t size_for(size_t count) {
    return sizeof(struct cede__locals) + count * sizeof(struct cede__local_value *);
}

/* Makes the table the task's alone, with `room` for so many values more, not set yet. NULL: no
 * memory, and nothing has changed. */
static struct cede__locals *own_table(struct cede_task *task, size_t room) {
    struct cede__locals *old = task->more->locals, *fresh;
    size_t count = old ? old->count : 0;

    if (old && old->refs == 1 && room == 0)
        return old;
    fresh = cede__alloc(size_for(count + room));
    if (!fresh)
        return NULL;
    fresh->refs = 1;
    fresh->count = count;
    for (size_t i = 0; i < count; i++) {
        fresh->values[i] = old->values[i];
        fresh->values[i]->refs++;
    }
    task->more->locals = fresh;
    cede__locals_unref(old);
    return fresh;
}

static int set(struct cede_task *task, const struct cede_local *local, const void *value) {
    bool is_new = !find(task->more->locals, local);
    struct cede__local_value *entry = cede__alloc(sizeof *entry), *old = NULL;
    struct cede__locals *locals = entry ? own_table(task, is_new) : NULL;
    struct cede__local_value **slot;

    if (!locals) {
        cede__free(entry);
        return -ENOMEM;
    }
    *entry = (struct cede__local_value){.refs = 1, .local = local, .value = value};
    slot = find(locals, local);
    if (slot)
        old = *slot;
    else
        slot = &locals->values[locals->count++];
    *slot = entry;
    value_unref(old);
    return 0;
}

int cede_local_set(const struct cede_local *local, const void *value) {
    struct cede_task *task = cede__task_current();

    return task ? set(task, local, value) : -EPERM;
}

int cede_local_edit(const struct cede_local *local, void **ret_value) {
    struct cede_task *task = cede__task_current();
    struct cede__local_value **slot;
    void *copy;
    int r;

    if (!task)
        return -EPERM;
    slot = find(task->more->locals, local);
    if (slot && task->more->locals->refs == 1 && (*slot)->refs == 1) {
        *ret_value = (void *)(uintptr_t)(*slot)->value;
        return 0;
    }
    if (!local->copy)
        return -ENOTSUP;
    r = local->copy(slot ? (*slot)->value : local->initial, &copy);
    if (r < 0)
        return r;
    r = set(task, local, copy);
    if (r == 0)
        *ret_value = copy;
    else if (local->destroy)
        local->destroy(copy);
    return r;
}

void cede_locals_enter(struct cede_locals_frame *frame) {
    struct cede_task *task = cede__task_current();

    if (!task)
        cede__panic("cede_locals_enter: locals belong to a task, and none runs here");
    frame->task = task;
    frame->before = cede__locals_ref(task->more->locals);
}

void cede_locals_leave(struct cede_locals_frame *frame) {
    struct cede_task *task = cede__task_current();
    struct cede__locals *inner;

    if (!task || frame->task != task)
        cede__panic("cede_locals_leave: not a frame of the running task");
    inner = task->more->locals;
    task->more->locals = frame->before;
    frame->task = NULL;
    cede__locals_unref(inner);
}
