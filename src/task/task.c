#include "task/task.h"

#include <errno.h>

static int withdraw_join(struct cede_waiter *waiter) {
    cede__list_remove(&waiter->link);
    return 0;
}

int cede_join(cede_task *task, int *ret_result) {
    struct cede_task *self;
    struct cede_waiter waiter;
    int r = cede__blocking(&self);

    if (r < 0)
        return r;
    if (task == self)
        return -EDEADLK;
    if (task->done) {
        cede__charge(self);
    } else {
        cede_waiter_init(&waiter, withdraw_join, "another task to end");
        cede__list_append(&task->more->joiners, &waiter.link);
        r = cede_park(&waiter);
        if (r < 0)
            return r;
    }
    task->joined = true;
    if (ret_result)
        *ret_result = task->result;
    return 0;
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
