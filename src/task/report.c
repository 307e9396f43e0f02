/* report.c: tasks told to people. */
#include "task/task.h"

#include <stdio.h>

/* Beyond so many tasks, a count says more than a list. */
#define LISTED 20

/* Runs in the handler of a stack overflow: nothing here may need a lock or much stack. */
void cede__task_describe(const void *owner, char *buf, size_t size) {
    const struct cede_task *task = owner;

    cede__stack_text(buf, size, "task ");
    cede__stack_number(buf, size, task->more->id);
    cede__stack_text(buf, size, " \"");
    cede__stack_text(buf, size, task->more->name);
    cede__stack_text(buf, size, "\"");
}

void cede__report_tasks(const struct cede__tasks *tasks, const char *headline) {
    size_t count = 0;

    cede__report("%s", headline);
    for (struct cede_task *task = NULL; (task = cede__task_next(tasks, task));) {
        const char *what = cede_task_waits_for(task);

        if (++count <= LISTED)
            cede__report("  task %llu \"%s\" %s%s", (unsigned long long)task->more->id,
                         task->more->name, what ? "waits for " : "is ready", what ? what : "");
    }
    if (count > LISTED)
        cede__report("  and %zu more", count - LISTED);
}
