#include <cede/census.h>

#include "task/task.h"

#include <errno.h>

static enum cede_task_state state_of(const struct cede_task *task) {
    if (task->done)
        return CEDE_TASK_DONE;
    if (task->waiter)
        return CEDE_TASK_WAITING;
    return task == cede__task_current() ? CEDE_TASK_RUNNING : CEDE_TASK_READY;
}

/* A group may be gone once its tasks are done. */
void cede_task_inspect(const cede_task *task, struct cede_task_info *ret_info) {
    *ret_info = (struct cede_task_info){
        .id = task->more->id,
        .name = task->more->name,
        .state = state_of(task),
        .cancelled = task->cancelled,
        .waits_for = cede_task_waits_for(task),
        .group = task->done ? NULL : task->more->group,
    };
}

int cede_tasks_each(cede_task_visit fn, void *arg) {
    struct cede__tasks *tasks = cede__loop ? cede__tasks_of(cede__loop) : NULL;

    if (!fn)
        return -EINVAL;
    if (!tasks)
        return -EPERM;
    for (struct cede_task *task = NULL; (task = cede__task_next(tasks, task));) {
        struct cede_task_info info;
        int r;

        cede_task_inspect(task, &info);
        r = fn(task, &info, arg);
        if (r != 0)
            return r;
    }
    return 0;
}

const char *cede_task_state_name(enum cede_task_state state) {
    static const char *const names[] = {"ready", "running", "waiting", "done"};

    return (size_t)state < sizeof names / sizeof *names ? names[state] : "?";
}
