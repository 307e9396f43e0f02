/* cede/timer.h: a timer that its owner lays out, usually on the stack of the task that waits.
 * Most programs use cede_sleep(), scopes and cede_loop_call_later() instead; this is what those
 * are made of. */
#ifndef CEDE_TIMER_H
#define CEDE_TIMER_H

#include <cede/base.h>
#include <cede/list.h>

CEDE_BEGIN_DECLS

/* Armed, it is linked into its loop's timer wheel and must stay where it is until it has fired or
 * was cancelled. The members belong to the library. */
struct cede_timer {
    struct cede_list link;
    uint64_t deadline;
    void (*fire)(struct cede_timer *timer);
};

/* Prepares a timer whose function is called once, in the loop's context, after its deadline has
 * passed. The function must not block; it may arm the timer again. Never fails. */
CEDE_PUBLIC void cede_timer_init(struct cede_timer *timer, void (*fire)(struct cede_timer *timer));

/* Arms the timer on the current thread's loop for an absolute time, or moves it when it is armed.
 * A time that has passed fires in the next pass; CEDE_FOREVER disarms. Timers of one deadline fire
 * in the order in which they were armed. Allocates nothing, takes constant time, never blocks. */
CEDE_PUBLIC void cede_timer_arm(struct cede_timer *timer, uint64_t deadline);

/* Disarms the timer. Returns whether it was armed. Never blocks. */
CEDE_PUBLIC bool cede_timer_cancel(struct cede_timer *timer);

/* The monotonic clock (CLOCK_MONOTONIC: it stands still while the machine is suspended, and jumps
 * of the wall clock leave it alone). Reads the clock: about 20 ns. */
CEDE_PUBLIC uint64_t cede_now(void);

/* The time that lies this far ahead, for every call that takes a deadline; clamped to CEDE_FOREVER
 * instead of overflowing. */
CEDE_PUBLIC uint64_t cede_after(uint64_t duration_ns);

CEDE_END_DECLS

#endif
