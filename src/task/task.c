#include "task/task.h"

#include <errno.h>

static int withdraw_join(struct cede_waiter *waiter) {
    cede__list_remove(&waiter->link);
    return 0;
}

/* Whoever else waits may give the last reference back before this one runs again, so the wait holds
 * one of its own. */
static int wait_for_end(struct cede_task *task, int *ret_result) {
    struct cede_waiter waiter;
    int r;

    cede_waiter_init(&waiter, withdraw_join, "another task to end");
    cede__list_append(&task->more->joiners, &waiter.link);
    cede_task_ref(task);
    r = cede_park(&waiter);
    if (r == 0) {
        task->joined = true;
        *ret_result = task->result;
    }
    cede_task_unref(task);
    return r;
}

int cede_join(cede_task *task, int *ret_result) {
    struct cede_task *self;
    int result, r = cede__blocking(&self);

    if (r < 0)
        return r;
    if (task == self)
        return -EDEADLK;
    if (task->done) {
        task->joined = true;
        result = task->result;
        cede__charge(self);
    } else {
        r = wait_for_end(task, &result);
    }
    if (r == 0 && ret_result)
        *ret_result = result;
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
