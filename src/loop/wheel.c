#include "loop/wheel.h"

/* How many timers of a slot are looked at to find the exact first deadline; with more, waking at
 * the slot's start, once, costs less than walking. */
#define EXACT_LIMIT 8

void cede__wheel_init(struct cede__wheel *wheel, uint64_t now) {
    *wheel = (struct cede__wheel){.elapsed = now};
    for (size_t i = 0; i <= CEDE__WHEEL_DUE; i++)
        cede__list_init(&wheel->slots[i]);
}

static void place(struct cede__wheel *wheel, struct cede_timer *timer) {
    uint64_t when = timer->deadline > wheel->elapsed ? timer->deadline : wheel->elapsed;
    uint64_t differs = when ^ wheel->elapsed;
    unsigned level = differs ? (63u - (unsigned)__builtin_clzll(differs)) / CEDE__WHEEL_BITS : 0;
    unsigned slot = (when >> (level * CEDE__WHEEL_BITS)) % CEDE__WHEEL_SLOTS;

    cede__list_append(&wheel->slots[level * CEDE__WHEEL_SLOTS + slot], &timer->link);
    wheel->occupied[level] |= UINT64_C(1) << slot;
    wheel->levels |= 1u << level;
}

static void vacate(struct cede__wheel *wheel, size_t index) {
    size_t level = index / CEDE__WHEEL_SLOTS;

    if (index == CEDE__WHEEL_DUE)
        return;
    wheel->occupied[level] &= ~(UINT64_C(1) << index % CEDE__WHEEL_SLOTS);
    if (!wheel->occupied[level])
        wheel->levels &= ~(1u << level);
}

void cede__wheel_insert(struct cede__wheel *wheel, struct cede_timer *timer) {
    CEDE_ASSERT(!cede__timer_armed(timer));
    place(wheel, timer);
    wheel->count++;
}

void cede__wheel_remove(struct cede__wheel *wheel, struct cede_timer *timer) {
    struct cede_list *next = timer->link.next;

    CEDE_ASSERT(cede__timer_armed(timer));
    /* The last timer of a slot has the slot on both sides. */
    bool last = next == timer->link.prev;
    cede__list_remove(&timer->link);
    wheel->count--;
    if (last)
        vacate(wheel, (size_t)(next - wheel->slots));
}

/* The first occupied slot in time: no slot of a lower level begins after one of a higher. */
static size_t first_slot(const struct cede__wheel *wheel, uint64_t *ret_start) {
    unsigned level = (unsigned)__builtin_ctz(wheel->levels);
    unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
    unsigned shift = level * CEDE__WHEEL_BITS;
    uint64_t above =
        shift + CEDE__WHEEL_BITS >= 64 ? 0 : ~UINT64_C(0) << (shift + CEDE__WHEEL_BITS);

    *ret_start = (wheel->elapsed & above) | ((uint64_t)slot << shift);
    return (size_t)level * CEDE__WHEEL_SLOTS + slot;
}

static void fire_due(struct cede__wheel *wheel) {
    struct cede_list *due = &wheel->slots[CEDE__WHEEL_DUE];

    while (!cede__list_empty(due)) {
        struct cede_timer *timer = cede__list_first(due, struct cede_timer, link);

        cede__wheel_remove(wheel, timer);
        timer->fire(timer);
    }
}

static void move_down(struct cede__wheel *wheel, size_t index) {
    struct cede_list moving;

    cede__list_init(&moving);
    cede__list_splice(&moving, &wheel->slots[index]);
    vacate(wheel, index);
    while (!cede__list_empty(&moving)) {
        struct cede_timer *timer = cede__list_first(&moving, struct cede_timer, link);

        cede__list_remove(&timer->link);
        place(wheel, timer);
    }
}

void cede__wheel_advance(struct cede__wheel *wheel, uint64_t now) {
    while (wheel->levels) {
        uint64_t start;
        size_t index = first_slot(wheel, &start);

        if (start > now)
            break;
        if (start > wheel->elapsed)
            wheel->elapsed = start;
        if (index < CEDE__WHEEL_SLOTS) {
            cede__list_splice(&wheel->slots[CEDE__WHEEL_DUE], &wheel->slots[index]);
            vacate(wheel, index);
        } else {
            move_down(wheel, index);
        }
    }
    if (now > wheel->elapsed)
        wheel->elapsed = now;
    fire_due(wheel);
}

uint64_t cede__wheel_next(const struct cede__wheel *wheel) {
    uint64_t start, first = CEDE_FOREVER;
    int seen = 0;

    if (!wheel->levels)
        return CEDE_FOREVER;
    const struct cede_list *list = &wheel->slots[first_slot(wheel, &start)];
    cede__list_for_each(pos, tmp, list) {
        const struct cede_timer *timer = cede__container_of(pos, struct cede_timer, link);

        if (++seen > EXACT_LIMIT)
            return start;
        if (timer->deadline < first)
            first = timer->deadline;
    }
    return first;
}
