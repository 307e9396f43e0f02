#include "task/task.h"

#include <errno.h>

struct sleeper {
    struct cede_timer timer;
    struct cede_waiter waiter;
};

static void sleep_over(struct cede_timer *timer) {
    cede_wake(&cede__container_of(timer, struct sleeper, timer)->waiter, 0);
}

static int sleep_abort(struct cede_waiter *waiter) {
    cede_timer_cancel(&cede__container_of(waiter, struct sleeper, waiter)->timer);
    return 0;
}

int cede_sleep_until(uint64_t deadline) {
    struct cede_task *task;
    struct sleeper sleeper;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    cede_waiter_init(&sleeper.waiter, sleep_abort, "a timer");
    cede_timer_init(&sleeper.timer, sleep_over);
    cede_timer_arm(&sleeper.timer, deadline);
    return cede_park(&sleeper.waiter);
}

int cede_sleep(uint64_t duration_ns) {
    if (duration_ns == 0)
        return cede_task_yield();
    return cede_sleep_until(cede_after(duration_ns));
}
