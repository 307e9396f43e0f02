#include "task/task.h"
#include "task/watch.h"

#include <errno.h>

void cede__group_init(struct cede_group *group) {
    cede__list_init(&group->waiting);
    group->alive = group->failed = 0;
    group->error = 0;
    group->stopped = group->stopping = false;
    group->stop_cause = 0;
    group->options = NULL;
    cede__list_init(&group->stop_waiters);
    cede_timer_init(&group->grace, cede__group_grace_over);
}

void cede_group_enter(struct cede_group *group, uint64_t deadline) {
    cede__group_init(group);
    cede_scope_enter(&group->scope, deadline);
}

void cede_group_enter_with(struct cede_group *group, uint64_t deadline,
                           const struct cede_group_options *options) {
    cede_group_enter(group, deadline);
    group->options = options;
}

static void fail(struct cede_group *group, int error) {
    if (!group->error)
        group->error = error;
    if (!group->options || !group->options->keep_going)
        cede_scope_cancel(&group->scope, error);
}

static void task_failed(struct cede_group *group, const struct cede_task *task) {
    const struct cede_group_options *options = group->options;

    if (options && options->on_error)
        options->on_error(task, task->result, options->arg);
    fail(group, task->result);
}

/* A cancelled task that says so has not failed; one that says so without having been cancelled
 * has. */
void cede__group_task_ended(struct cede_group *group, const struct cede_task *task) {
    bool is_root = task->more->group == NULL;

    group->alive--;
    if (task->result == -ECANCELED && task->cancelled) {
        group->stopped = true;
    } else if (task->result < 0) {
        group->failed++;
        if (!is_root)
            task_failed(group, task);
    }
    if (group->alive > 0)
        return;
    while (!cede__list_empty(&group->waiting)) {
        struct cede_waiter *waiter = cede__list_first(&group->waiting, struct cede_waiter, link);

        cede__list_remove(&waiter->link);
        cede_wake(waiter, 0);
    }
}

static int withdraw(struct cede_waiter *waiter) {
    cede__list_remove(&waiter->link);
    return 0;
}

/* Leaving a group has to wait for its tasks, cancelled or not: they are cancelled with it. */
static int refuse(struct cede_waiter *waiter) {
    (void)waiter;
    return -EINPROGRESS;
}

static int wait_for_tasks(struct cede_group *group, cede_abort_fn abort) {
    int r = 0;

    while (group->alive > 0 && r == 0) {
        struct cede_waiter waiter;

        cede_waiter_init(&waiter, abort, "the tasks of its group");
        cede__list_append(&group->waiting, &waiter.link);
        r = cede_park(&waiter);
    }
    return r;
}

int cede_group_wait(struct cede_group *group) {
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    if (group->alive == 0)
        cede__charge(task);
    return wait_for_tasks(group, withdraw);
}

int cede_group_leave(struct cede_group *group, int r) {
    bool body_failed = r < 0 && !(r == -ECANCELED && group->scope.effective);

    if (body_failed)
        fail(group, r);
    wait_for_tasks(group, refuse);
    cede_timer_cancel(&group->grace);
    cede__watch_end_all(&group->stop_waiters);
    /* Tasks that were stopped have left their work undone, and so has the group. */
    if (r >= 0 && group->stopped && group->scope.effective)
        r = -ECANCELED;
    r = cede_scope_leave(&group->scope, r);
    /* The body's error may not have been the first. A cause that was given from outside comes
     * before all that it made fail. */
    return group->error && (body_failed || r >= 0 || r == -ECANCELED) ? group->error : r;
}

void cede__group_open(struct cede_group *group) {
    cede__group_init(group);
    cede__scope_link(&group->scope, &cede__tasks_of(cede__loop)->root.scope, NULL, CEDE_FOREVER);
}

void cede__group_close(struct cede_group *group) {
    wait_for_tasks(group, refuse);
    cede__scope_unlink(&group->scope);
}

size_t cede_group_alive(const struct cede_group *group) {
    return group->alive;
}

size_t cede_group_failed(const struct cede_group *group) {
    return group->failed;
}
