/* Every allocation of every call of the loop fails once, and then all from there on: the call says
 * -ENOMEM, nothing is leaked, and the loop works on. */
#include "check_main.h"

#include "support/allocs.h"
#include "support/loops.h"

static int fds[2], many[300][2];
static char letter = 'x';

static int do_soon(void) {
    return cede_loop_call_soon(loop, note, &letter, NULL);
}

static int do_later(void) {
    return cede_loop_call_later(loop, CEDE_MICROSECOND, note, &letter, NULL);
}

static int do_post(void) {
    return cede_loop_post(loop, note, &letter);
}

static int do_reader(void) {
    return cede_loop_add_reader(loop, fds[0], note, &letter);
}

static int do_writer(void) {
    return cede_loop_add_writer(loop, fds[0], note, &letter);
}

static int do_signal(void) {
    return cede_loop_add_signal(loop, SIGUSR1, note, &letter);
}

/* Many at once: the ring and the tables have to grow. */
static int do_many(void) {
    int r = 0;

    for (int i = 0; i < 300 && r == 0; i++) {
        r = cede_loop_call_soon(loop, note, &letter, NULL);
        if (r == 0)
            r = cede_loop_add_reader(loop, many[i][0], note, &letter);
    }
    return r;
}

static void undo(void) {
    cede_loop_remove_reader(loop, fds[0]);
    cede_loop_remove_writer(loop, fds[0]);
    cede_loop_remove_signal(loop, SIGUSR1);
    for (int i = 0; i < 300; i++)
        cede_loop_remove_reader(loop, many[i][0]);
}

/* The loop is as good as new: it runs a callback, a timer and a reader. */
static void check_usable(void) {
    undo();
    run_out();
    trace_length = 0;
    soon(note, "a");
    run_out();
    later(1, note, "b");
    run_out();
    ck_assert_str_eq(trace, "ab");
    put(fds[1], "x", 1);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], stop, NULL), 0);
    ck_assert_int_eq(cede_loop_run(loop), 0);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    run_out();
    ck_assert_int_eq(recv(fds[0], trace, 1, 0), 1);
}

static bool try_failing(int (*call)(void), long n, bool for_good) {
    int r;
    bool failed;

    loop_open();
    if (for_good)
        allocs_fail_from(n);
    else
        allocs_fail(n);
    r = call();
    failed = allocs_failed();
    allocs_fail(0);
    ck_assert_int_eq(r, failed ? -ENOMEM : 0);
    check_usable();
    loop_close();
    ck_assert_int_eq(atomic_load(&allocs_live), 0);
    return failed;
}

/* Returns how many of the call's allocations were made to fail. */
static long walk(int (*call)(void)) {
    long n = 1;

    while (try_failing(call, n, false) + try_failing(call, n, true) > 0)
        n++;
    return n - 1;
}

static void setup(void) {
    allocs_install();
    unix_pair(fds);
    for (int i = 0; i < 300; i++)
        unix_pair(many[i]);
}

START_TEST(calls_and_posts) {
    setup();
    ck_assert_int_ge(walk(do_soon), 1);
    ck_assert_int_ge(walk(do_later), 1);
    ck_assert_int_ge(walk(do_post), 1);
}
END_TEST

START_TEST(readers_and_writers) {
    setup();
    ck_assert_int_ge(walk(do_reader), 3);
    ck_assert_int_ge(walk(do_writer), 3);
}
END_TEST

START_TEST(signals_allocate_nothing) {
    setup();
    ck_assert_int_eq(walk(do_signal), 0);
}
END_TEST

START_TEST(growing_rings_and_tables) {
    setup();
    ck_assert_int_ge(walk(do_many), 600);
}
END_TEST

START_TEST(making_a_loop) {
    long n = 1;
    int before;

    setup();
    before = fds_open();
    for (;; n++) {
        cede_loop *untouched = (void *)8;
        int r;

        loop = untouched;
        allocs_fail(n);
        r = cede_loop_new(&loop, NULL);
        if (r == 0)
            break;
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_ptr_eq(loop, untouched);
        ck_assert_ptr_null(cede_loop_current());
        ck_assert_int_eq(atomic_load(&allocs_live), 0);
        ck_assert_int_eq(fds_open(), before);
    }
    ck_assert(!allocs_failed());
    ck_assert_int_ge(n, 4);
    ck_assert_int_eq(cede_loop_close(loop), 0);
    ck_assert_int_eq(atomic_load(&allocs_live), 0);
}
END_TEST

/* After any use, closing gives everything back. */
START_TEST(use_leaves_nothing_behind) {
    setup();
    for (int round = 0; round < 3; round++) {
        loop_open();
        ck_assert_int_eq(do_many() + do_reader() + do_writer() + do_signal() + do_post(), 0);
        later(100 * CEDE_SECOND, note, "!");
        for (int i = 0; i < 5; i++)
            cede_loop_run_once(loop, false);
        undo();
        ck_assert_int_gt(atomic_load(&allocs_live), 0);
        loop_close();
        ck_assert_int_eq(atomic_load(&allocs_live), 0);
    }
}
END_TEST

CEDE_CHECK_MAIN("loop_memory", calls_and_posts, readers_and_writers, signals_allocate_nothing,
                growing_rings_and_tables, making_a_loop, use_leaves_nothing_behind)
