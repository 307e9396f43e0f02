/* stop.c: groups that are asked to end, and made to after a while.
 *
 * A group is asked once: from then on it is `stopping`, and whoever waits to hear of it is woken.
 * The timer of the grace period cancels the group's scope, with the cause that was given first. It
 * belongs to the group, which disarms it when it is left. */
#include "task/task.h"
#include "task/watch.h"

#include <errno.h>

void cede__group_grace_over(struct cede_timer *timer) {
    struct cede_group *group = cede__container_of(timer, struct cede_group, grace);

    cede_scope_cancel(&group->scope, group->stop_cause);
}

int cede_group_stop(struct cede_group *group, int cause, uint64_t grace_ns) {
    uint64_t deadline = grace_ns == CEDE_FOREVER ? CEDE_FOREVER : cede_after(grace_ns);

    if (cause >= 0)
        return -EINVAL;
    if (!group->stopping) {
        group->stopping = true;
        group->stop_cause = cause;
        cede__watch_end_all(&group->stop_waiters);
    }
    if (grace_ns == 0)
        cede__group_grace_over(&group->grace);
    else if (deadline < group->grace.deadline)
        cede_timer_arm(&group->grace, deadline);
    return 0;
}

bool cede_group_stopping(const struct cede_group *group) {
    return group->stopping;
}

static bool stop_start(struct cede_op *op) {
    struct cede_group *group = op->source;

    op->result = 0;
    if (group->stopping)
        return true;
    cede__list_append(&group->stop_waiters, &op->link);
    return false;
}

static int stop_cancel(struct cede_op *op) {
    cede__list_remove(&op->link);
    return 0;
}

static const struct cede_op_kind stop_kind = {"its group to be stopped", stop_start, stop_cancel};

void cede_op_stop(struct cede_op *op, struct cede_group *group) {
    cede_op_init(op, &stop_kind, group);
}
