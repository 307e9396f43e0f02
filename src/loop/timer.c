#include "loop/loop.h"

void cede_timer_init(struct cede_timer *timer, void (*fire)(struct cede_timer *timer)) {
    cede__list_init(&timer->link);
    timer->deadline = CEDE_FOREVER;
    timer->fire = fire;
}

void cede_timer_arm(struct cede_timer *timer, uint64_t deadline) {
    struct cede_loop *loop = cede__loop;

    CEDE_ASSERT(loop != NULL);
    if (cede__timer_armed(timer))
        cede__wheel_remove(&loop->timers, timer);
    timer->deadline = deadline;
    if (deadline != CEDE_FOREVER)
        cede__wheel_insert(&loop->timers, timer);
}

bool cede_timer_cancel(struct cede_timer *timer) {
    if (!cede__timer_armed(timer))
        return false;
    CEDE_ASSERT(cede__loop != NULL);
    cede__wheel_remove(&cede__loop->timers, timer);
    return true;
}

uint64_t cede_now(void) {
    const struct cede__kernel *kernel = cede__loop ? cede__loop->kernel : &cede__kernel_linux;

    return kernel->now();
}

uint64_t cede_after(uint64_t duration_ns) {
    uint64_t deadline;

    if (__builtin_add_overflow(cede_now(), duration_ns, &deadline))
        return CEDE_FOREVER;
    return deadline;
}
