#include "task/task.h"

#include <cede/op.h>
#include <errno.h>

static bool join_start(struct cede_op *op) {
    cede_task *task = op->source;

    op->result = task == op->task ? -EDEADLK : 0;
    if (task->done || task == op->task)
        return true;
    cede__list_append(&task->more->joiners, &op->link);
    return false;
}

static int join_cancel(struct cede_op *op) {
    cede__list_remove(&op->link);
    return 0;
}

static const struct cede_op_kind join_kind = {"another task to end", join_start, join_cancel};

void cede_op_join(struct cede_op *op, cede_task *task) {
    cede_op_init(op, &join_kind, task);
}

/* Whoever else waits may give the last reference back before this one runs again, so the wait holds
 * one of its own. */
int cede_join(cede_task *task, int *ret_result) {
    struct cede_op op;
    int r;

    cede_op_join(&op, task);
    cede_task_ref(task);
    r = cede_op_wait(&op);
    if (r == 0) {
        task->joined = true;
        if (ret_result)
            *ret_result = task->result;
    }
    cede_task_unref(task);
    return r;
}

bool cede_task_done(const cede_task *task, int *ret_result) {
    if (task->done && ret_result)
        *ret_result = task->result;
    return task->done;
}

void cede_task_cancel(cede_task *task, int cause) {
    if (!task->done)
        cede_scope_cancel(cede__task_base_scope(task), cause);
}

int cede_kill(uint64_t id) {
    struct cede__tasks *tasks = cede__loop ? cede__tasks_of(cede__loop) : NULL;

    if (!tasks)
        return -EPERM;
    for (struct cede_task *task = NULL; (task = cede__task_next(tasks, task));) {
        if (task->more->id == id) {
            cede_task_cancel(task, -ECANCELED);
            return 0;
        }
    }
    return -ESRCH;
}

cede_task *cede_task_self(void) {
    return cede__task_current();
}

uint64_t cede_task_id(const cede_task *task) {
    return task->more->id;
}

const char *cede_task_name(const cede_task *task) {
    return task->more->name;
}

const char *cede_task_waits_for(const cede_task *task) {
    return task->waiter ? task->waiter->what : NULL;
}
