#include "task/task.h"

#include <cede/op.h>
#include <errno.h>

static void sleep_over(struct cede_timer *timer) {
    cede_op_complete(cede__container_of(timer, struct cede_op, timer), 0);
}

/* What was asked for is kept beside the timer, so that the operation can be awaited again. */
#define ASKED(op) ((op)->room[7])

_Static_assert(sizeof(struct cede_timer) <= 7 * sizeof(uint64_t), "the timer leaves room");

static bool start_timer(struct cede_op *op, uint64_t deadline) {
    cede_timer_init(&op->timer, sleep_over);
    /* To sleep for ever is a wish, and no deadlock. */
    cede_timer_arm(&op->timer, deadline < CEDE_FOREVER ? deadline : CEDE_FOREVER - 1);
    return false;
}

static bool start_until(struct cede_op *op) {
    return start_timer(op, ASKED(op));
}

static bool start_for(struct cede_op *op) {
    return start_timer(op, cede_after(ASKED(op)));
}

static int stop_sleep(struct cede_op *op) {
    cede_timer_cancel(&op->timer);
    return 0;
}

static const struct cede_op_kind until_kind = {"a timer", start_until, stop_sleep};
static const struct cede_op_kind for_kind = {"a timer", start_for, stop_sleep};

void cede_op_sleep(struct cede_op *op, uint64_t duration_ns) {
    cede_op_init(op, &for_kind, NULL);
    ASKED(op) = duration_ns;
}

void cede_op_sleep_until(struct cede_op *op, uint64_t deadline) {
    cede_op_init(op, &until_kind, NULL);
    ASKED(op) = deadline;
}

int cede_sleep_until(uint64_t deadline) {
    struct cede_op op;

    cede_op_sleep_until(&op, deadline);
    return cede_op_wait(&op);
}

int cede_sleep(uint64_t duration_ns) {
    if (duration_ns == 0)
        return cede_task_yield();
    return cede_sleep_until(cede_after(duration_ns));
}
