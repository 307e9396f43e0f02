/* cede/census.h: which tasks there are, and what each is about.
 *
 *     static int print(cede_task *task, const struct cede_task_info *info, void *arg) {
 *         printf("%llu %s %s\n", (unsigned long long)info->id, info->name, info->waits_for ?
 * info->waits_for : ""); return 0;
 *     }
 *
 *     cede_tasks_each(print, NULL);
 */
#ifndef CEDE_CENSUS_H
#define CEDE_CENSUS_H

#include <cede/base.h>
#include <cede/task.h>

CEDE_BEGIN_DECLS

enum cede_task_state {
    CEDE_TASK_READY, /* it runs when its turn comes */
    CEDE_TASK_RUNNING,
    CEDE_TASK_WAITING,
    CEDE_TASK_DONE,
};

struct cede_task_info {
    uint64_t id;
    const char *name;
    enum cede_task_state state;
    bool cancelled;                 /* its next blocking call returns -ECANCELED */
    const char *waits_for;          /* completes "waits for ..."; NULL: it does not wait */
    const struct cede_group *group; /* NULL: the run itself */
};

/* Tells about one task. On its thread; the group is told while the task is not done. Never blocks
 * or fails. */
CEDE_PUBLIC void cede_task_inspect(const cede_task *task, struct cede_task_info *ret_info);

/* Called for a task; not 0 ends the census. The task is lent; it may be referred to, and cancelled.
 * Must not block. */
typedef int (*cede_task_visit)(cede_task *task, const struct cede_task_info *info, void *arg);

/* Calls fn for each task of this thread that has not ended, in no particular order; tasks that fn
 * spawns may be among them. From a task or a callback. Returns 0, or what fn returned when that
 * was not 0; -EPERM: no loop runs here; -EINVAL: no function. Never blocks. */
CEDE_PUBLIC int cede_tasks_each(cede_task_visit fn, void *arg);

/* The word for a state: "ready", "running", "waiting", "done". Static text. */
CEDE_PUBLIC const char *cede_task_state_name(enum cede_task_state state);

CEDE_END_DECLS

#endif
