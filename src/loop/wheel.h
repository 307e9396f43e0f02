/* wheel.h: a hierarchical timing wheel (Varghese and Lauck, 1987) with nanosecond ticks.
 *
 * Eleven levels of 64 slots cover all 64 bits of the clock. A timer stands at the level of the
 * highest group of six bits in which its deadline differs from `elapsed`, in the slot that these
 * six bits name. So inserting and removing are a list operation and a bitmap bit, whatever the
 * number of timers; and when `elapsed` reaches a slot above level 0, its timers move down, at most
 * once a level, until they stand at level 0, where a slot holds one nanosecond.
 *
 * All timers of one deadline stand in one slot at any time, in the order of their insertion (they
 * differ from `elapsed` in the same bits, and a slot is moved down in order), so they fire in that
 * order.
 *
 * advance() collects what is due in a list of its own before it fires the first. So a function that
 * arms a timer for a time that has passed finds it fired by the next advance(), not by this one.
 */
#ifndef CEDE_SRC_WHEEL_H
#define CEDE_SRC_WHEEL_H

#include "base/list.h"

#include <cede/timer.h>

#define CEDE__WHEEL_BITS 6
#define CEDE__WHEEL_SLOTS (1 << CEDE__WHEEL_BITS)
#define CEDE__WHEEL_LEVELS 11
#define CEDE__WHEEL_DUE (CEDE__WHEEL_LEVELS * CEDE__WHEEL_SLOTS) /* the list behind the slots */

struct cede__wheel {
    uint64_t elapsed; /* all timers up to this time have fired */
    size_t count;
    uint32_t levels; /* bit: the level has an occupied slot */
    uint64_t occupied[CEDE__WHEEL_LEVELS];
    struct cede_list slots[CEDE__WHEEL_DUE + 1];
};

void cede__wheel_init(struct cede__wheel *wheel, uint64_t now);

/* The timer must not be armed; deadline is in the timer. */
void cede__wheel_insert(struct cede__wheel *wheel, struct cede_timer *timer);

/* The timer must be armed. */
void cede__wheel_remove(struct cede__wheel *wheel, struct cede_timer *timer);

/* Fires, in order, all timers that are armed now and whose deadline is not after now. A deadline
 * that had passed when its timer was inserted counts as the time of that. The functions may insert
 * and remove timers; what they insert does not fire before the next call. */
void cede__wheel_advance(struct cede__wheel *wheel, uint64_t now);

/* A time at which advance() is worth calling: the first deadline, or, while that stands in a
 * crowded slot of a higher level, a time before it. CEDE_FOREVER without timers. */
uint64_t cede__wheel_next(const struct cede__wheel *wheel);

static inline bool cede__timer_armed(const struct cede_timer *timer) {
    return timer->link.next != &timer->link;
}

#endif
