/* Timers that their owner lays out. */
#include "check_main.h"

#include "support/allocs.h"
#include "support/loops.h"

struct item {
    struct cede_timer timer; /* first */
    char letter;
    unsigned again;
};

static void fire(struct cede_timer *timer) {
    struct item *item = (struct item *)timer;

    note(&item->letter);
    if (item->again > 0) {
        item->again--;
        cede_timer_arm(timer, 1); /* long past */
    }
}

static void init(struct item *item, char letter) {
    *item = (struct item){.letter = letter};
    cede_timer_init(&item->timer, fire);
}

START_TEST(a_timer_fires_once) {
    struct item item;

    loop_open();
    init(&item, 'a');
    cede_timer_arm(&item.timer, cede_after(CEDE_MICROSECOND));
    ck_assert_str_eq(trace, "");
    run_out();
    ck_assert_str_eq(trace, "a");
    ck_assert(!cede_timer_cancel(&item.timer));
    run_out();
    ck_assert_str_eq(trace, "a");
    loop_close();
}
END_TEST

START_TEST(arming_again_moves_it) {
    struct item items[2];

    loop_open();
    init(&items[0], 'a');
    init(&items[1], 'b');
    cede_timer_arm(&items[0].timer, cede_after(1));
    cede_timer_arm(&items[1].timer, cede_after(CEDE_MILLISECOND));
    cede_timer_arm(&items[0].timer, cede_after(2 * CEDE_MILLISECOND));
    run_out();
    ck_assert_str_eq(trace, "ba");
    loop_close();
}
END_TEST

START_TEST(for_ever_disarms) {
    struct item item;

    loop_open();
    init(&item, 'a');
    ck_assert(!cede_timer_cancel(&item.timer));
    cede_timer_arm(&item.timer, CEDE_FOREVER);
    ck_assert(!cede_timer_cancel(&item.timer));
    cede_timer_arm(&item.timer, cede_after(CEDE_SECOND));
    cede_timer_arm(&item.timer, CEDE_FOREVER);
    ck_assert(!cede_timer_cancel(&item.timer));
    cede_timer_arm(&item.timer, CEDE_FOREVER - 1);
    ck_assert(cede_timer_cancel(&item.timer));
    run_out();
    ck_assert_str_eq(trace, "");
    loop_close();
}
END_TEST

START_TEST(a_time_that_has_passed_fires_in_the_next_pass) {
    struct item item;

    loop_open();
    init(&item, 'a');
    item.again = 3;
    cede_timer_arm(&item.timer, 0);
    for (int i = 1; i <= 4; i++) {
        ck_assert_int_eq(cede_loop_run_once(loop, true), i == 4);
        ck_assert_uint_eq(trace_length, i);
    }
    loop_close();
}
END_TEST

START_TEST(closing_the_loop_disarms) {
    struct item item;

    loop_open();
    init(&item, 'a');
    cede_timer_arm(&item.timer, cede_after(CEDE_SECOND));
    loop_close();
    ck_assert(!cede_timer_cancel(&item.timer));
}
END_TEST

START_TEST(timers_allocate_nothing) {
    struct item item;
    long before;

    allocs_install();
    loop_open();
    init(&item, 'a');
    before = atomic_load(&allocs_total);
    for (int i = 0; i < 1000; i++) {
        cede_timer_arm(&item.timer, cede_after((uint64_t)i << i % 40));
        if (i % 10 == 0)
            cede_loop_run_once(loop, false);
        cede_timer_cancel(&item.timer);
    }
    ck_assert_int_eq(atomic_load(&allocs_total), before);
    loop_close();
}
END_TEST

START_TEST(durations_that_overflow_last_for_ever) {
    ck_assert_uint_eq(cede_after(UINT64_MAX), CEDE_FOREVER);
    ck_assert_uint_eq(cede_after(UINT64_MAX - 1), CEDE_FOREVER);
    ck_assert_uint_ge(cede_after(CEDE_SECOND), CEDE_SECOND);
    ck_assert_uint_le(cede_now(), cede_now());
}
END_TEST

CEDE_CHECK_MAIN("loop_timer", a_timer_fires_once, arming_again_moves_it, for_ever_disarms,
                a_time_that_has_passed_fires_in_the_next_pass, closing_the_loop_disarms,
                timers_allocate_nothing, durations_that_overflow_last_for_ever)
