/* The timer wheel, held against a model: an array that is searched for the earliest deadline, and
 * among equal ones for the first that was inserted. A deadline that had passed already when it was
 * inserted counts as the time of the insertion. */
#include "check_main.h"

#include "loop/wheel.h"
#include "support/random.h"
#include "support/scale.h"

struct item {
    struct cede_timer timer;
    uint64_t due;      /* the model's deadline */
    uint64_t inserted; /* the order of insertions */
    bool armed;
};

static struct cede__wheel wheel;
static uint64_t clock_now, insertions;
static struct item *fired[4096];
static size_t fired_count;

static struct item *item_of(struct cede_timer *timer) {
    return (struct item *)((char *)timer - offsetof(struct item, timer));
}

static void note(struct cede_timer *timer) {
    ck_assert(item_of(timer)->armed);
    ck_assert(!cede__timer_armed(timer));
    item_of(timer)->armed = false;
    fired[fired_count++ % 4096] = item_of(timer);
}

static void item_init(struct item *item, void (*fire)(struct cede_timer *timer)) {
    *item = (struct item){.armed = false};
    item->timer.link.next = item->timer.link.prev = &item->timer.link;
    item->timer.fire = fire;
}

static void insert(struct item *item, uint64_t deadline) {
    item->timer.deadline = deadline;
    item->due = deadline > clock_now ? deadline : clock_now;
    item->inserted = insertions++;
    item->armed = true;
    cede__wheel_insert(&wheel, &item->timer);
}

static void take_out(struct item *item) {
    cede__wheel_remove(&wheel, &item->timer);
    item->armed = false;
}

static void advance(uint64_t now) {
    clock_now = now;
    cede__wheel_advance(&wheel, now);
}

static void start(uint64_t now) {
    clock_now = now;
    fired_count = 0;
    cede__wheel_init(&wheel, now);
}

static struct item *model_first(struct item *items, size_t count) {
    struct item *first = NULL;

    for (size_t i = 0; i < count; i++) {
        struct item *item = &items[i];

        if (item->armed && (!first || item->due < first->due ||
                            (item->due == first->due && item->inserted < first->inserted)))
            first = item;
    }
    return first;
}

#define ITEMS 24

/* Advances the wheel and asserts that what fires is what the model says, in its order. */
static void advance_both(struct item *items, uint64_t now) {
    struct item *expected[ITEMS], *first;
    bool armed[ITEMS];
    size_t count = 0;

    for (size_t i = 0; i < ITEMS; i++)
        armed[i] = items[i].armed;
    while ((first = model_first(items, ITEMS)) && first->due <= now) {
        first->armed = false;
        expected[count++] = first;
    }
    for (size_t i = 0; i < ITEMS; i++)
        items[i].armed = armed[i];
    fired_count = 0;
    advance(now);
    ck_assert_uint_eq(fired_count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_ptr_eq(fired[i], expected[i]);
}

static void check_next(struct item *items) {
    struct item *first = model_first(items, ITEMS);
    uint64_t next = cede__wheel_next(&wheel);

    if (!first)
        ck_assert_uint_eq(next, CEDE_FOREVER);
    else
        ck_assert_uint_le(next, first->due);
}

static void random_walk(uint64_t seed, unsigned bits, uint64_t begin) {
    struct item items[ITEMS];
    uint64_t random = seed;

    start(begin);
    for (size_t i = 0; i < ITEMS; i++)
        item_init(&items[i], note);
    for (int step = 0; step < 400; step++) {
        struct item *item = &items[random_below(&random, ITEMS)];
        uint64_t distance = random_magnitude(&random, bits);
        uint64_t ahead = UINT64_MAX - 1 - clock_now;

        if (item->armed && random_below(&random, 2))
            take_out(item);
        else if (!item->armed)
            insert(item, clock_now + (distance < ahead ? distance : ahead));
        if (random_below(&random, 3) == 0) {
            uint64_t by = random_magnitude(&random, bits);

            advance_both(items, clock_now + (by < ahead ? by : ahead));
        }
        check_next(items);
    }
    size_t armed = 0;
    for (size_t i = 0; i < ITEMS; i++)
        armed += items[i].armed;
    ck_assert_uint_eq(wheel.count, armed);
}

START_TEST(it_agrees_with_the_model) {
    static const unsigned bits[] = {2, 6, 7, 12, 13, 20, 36, 48, 62, 64};

    for (uint64_t seed = 0; seed < scaled(400); seed++)
        random_walk(seed, bits[seed % 10], seed % 3 ? seed * UINT64_C(0x123456789ab) : 0);
}
END_TEST

START_TEST(advancing_to_next_ends_and_fires_all) {
    struct item items[ITEMS];
    uint64_t random = 5;

    for (unsigned round = 0; round < 200; round++) {
        unsigned turns = 0;

        start(random_magnitude(&random, 63));
        for (size_t i = 0; i < ITEMS; i++) {
            item_init(&items[i], note);
            insert(&items[i], random_next(&random) - 1);
        }
        while (wheel.count > 0) {
            uint64_t next = cede__wheel_next(&wheel);

            check_next(items);
            advance_both(items, next > clock_now ? next : clock_now);
            /* At most once a level and timer. */
            ck_assert_uint_lt(++turns, ITEMS * (CEDE__WHEEL_LEVELS + 1));
        }
        ck_assert_uint_eq(cede__wheel_next(&wheel), CEDE_FOREVER);
    }
}
END_TEST

START_TEST(extreme_deadlines_fire_at_their_time) {
    static const uint64_t deadlines[] = {0,
                                         1,
                                         63,
                                         64,
                                         4095,
                                         4096,
                                         UINT64_C(1) << 31,
                                         (UINT64_C(1) << 31) * 1000000,
                                         INT64_MAX,
                                         (uint64_t)INT64_MAX + 1,
                                         UINT64_MAX - 1};
    struct item item;

    for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        start(0);
        item_init(&item, note);
        insert(&item, deadlines[i]);
        if (deadlines[i] > 0) {
            advance(deadlines[i] - 1);
            ck_assert_uint_eq(fired_count, 0);
        }
        ck_assert_uint_eq(cede__wheel_next(&wheel), deadlines[i]);
        advance(deadlines[i]);
        ck_assert_uint_eq(fired_count, 1);
    }
}
END_TEST

START_TEST(equal_deadlines_fire_in_order_however_they_were_inserted) {
    static struct item items[1000];

    start(0);
    for (uint64_t i = 0; i < 1000; i++) {
        /* The clock comes nearer, so that they are inserted at every level. */
        advance(i < 40 ? (UINT64_C(1) << i) - 1 : (UINT64_C(1) << 40) - 1000 + i);
        item_init(&items[i], note);
        insert(&items[i], UINT64_C(1) << 40);
    }
    advance(UINT64_C(1) << 40);
    ck_assert_uint_eq(fired_count, 1000);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_ptr_eq(fired[i], &items[i]);
}
END_TEST

START_TEST(a_deadline_that_has_passed_fires_at_the_next_advance) {
    struct item past, present;

    start(1000);
    item_init(&past, note);
    item_init(&present, note);
    insert(&past, 3);
    insert(&present, 1000);
    ck_assert_uint_le(cede__wheel_next(&wheel), 1000);
    advance(1000);
    ck_assert_uint_eq(fired_count, 2);
    ck_assert_ptr_eq(fired[0], &past);
}
END_TEST

static struct item *victim;
static unsigned rearmed;

static void remove_victim(struct cede_timer *timer) {
    note(timer);
    if (victim->armed)
        take_out(victim);
}

START_TEST(a_timer_may_remove_others_that_are_due) {
    struct item items[4];

    /* In the same slot, in a later one, and in one of a higher level. */
    static const uint64_t deadlines[] = {10, 11, 5000};

    for (size_t i = 0; i < 3; i++) {
        start(0);
        item_init(&items[0], remove_victim);
        item_init(&items[1], note);
        item_init(&items[2], note);
        victim = &items[1];
        insert(&items[0], 10);
        insert(&items[1], deadlines[i]);
        insert(&items[2], 6000);
        advance(6000);
        ck_assert_uint_eq(fired_count, 2);
        ck_assert_ptr_eq(fired[1], &items[2]);
        ck_assert_uint_eq(wheel.count, 0);
        ck_assert_uint_eq(cede__wheel_next(&wheel), CEDE_FOREVER);
    }
}
END_TEST

static void insert_victim(struct cede_timer *timer) {
    note(timer);
    if (!victim->armed)
        insert(victim, item_of(timer)->timer.deadline + 1);
}

START_TEST(a_timer_may_insert_another) {
    struct item items[2];

    start(0);
    item_init(&items[0], insert_victim);
    item_init(&items[1], note);
    victim = &items[1];
    insert(&items[0], 10);
    advance(10);
    ck_assert_uint_eq(fired_count, 1);
    ck_assert_uint_eq(cede__wheel_next(&wheel), 11);
    advance(11);
    ck_assert_uint_eq(fired_count, 2);
}
END_TEST

static void rearm_for_the_past(struct cede_timer *timer) {
    note(timer);
    rearmed++;
    insert(item_of(timer), rearmed % 2 ? 0 : clock_now);
}

START_TEST(a_timer_that_arms_itself_for_the_past_fires_once_an_advance) {
    struct item item;

    start(100);
    item_init(&item, rearm_for_the_past);
    insert(&item, 150);
    for (unsigned i = 1; i <= 10; i++) {
        advance(200);
        ck_assert_uint_eq(rearmed, i);
        ck_assert_uint_eq(wheel.count, 1);
        ck_assert_uint_le(cede__wheel_next(&wheel), 200);
    }
}
END_TEST

START_TEST(a_hundred_thousand_timers_in_one_slot) {
    size_t count = scaled(100000);
    struct item *items = calloc(count, sizeof *items);

    start(0);
    for (size_t i = 0; i < count; i++) {
        item_init(&items[i], note);
        insert(&items[i], UINT64_C(1) << 50 | (i % 7));
    }
    for (size_t i = 0; i < count; i += 2)
        take_out(&items[i]);
    ck_assert_uint_eq(wheel.count, count / 2);
    ck_assert_uint_le(cede__wheel_next(&wheel), UINT64_C(1) << 50);
    advance(UINT64_MAX - 1);
    ck_assert_uint_eq(fired_count, count / 2);
    free(items);
}
END_TEST

CEDE_CHECK_MAIN("wheel", it_agrees_with_the_model, advancing_to_next_ends_and_fires_all,
                extreme_deadlines_fire_at_their_time,
                equal_deadlines_fire_in_order_however_they_were_inserted,
                a_deadline_that_has_passed_fires_at_the_next_advance,
                a_timer_may_remove_others_that_are_due, a_timer_may_insert_another,
                a_timer_that_arms_itself_for_the_past_fires_once_an_advance,
                a_hundred_thousand_timers_in_one_slot)
