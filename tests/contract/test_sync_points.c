/* Every wait of the layer, cancelled at every turn: nobody holds, nobody waits, nothing is left;
 * and waiting allocates nothing. */
#include "support/actors.h"
#include "support/suspend_points.h"

#define CREW 3
#define ROUNDS 2

/* Runs CREW tasks of fn in a group, which ends when they have, cancelled or not. */
static int crew(cede_task_fn fn, void *arg) {
    struct cede_group group;
    int r = 0;

    cede_group_enter(&group, CEDE_FOREVER);
    for (int i = 0; i < CREW && r == 0; i++)
        r = cede_spawn(&group, fn, arg, NULL);
    return cede_group_leave(&group, r);
}

/* --- Locks ----------------------------------------------------------------------------------- */

static int use_lock(void *arg) {
    struct cede_lock *lock = arg;
    int r = 0;

    for (int i = 0; i < ROUNDS && r == 0; i++) {
        r = cede_lock_acquire(lock);
        if (r < 0)
            return r;
        r = cede_task_yield();
        ck_assert_int_eq(cede_lock_release(lock), 0);
    }
    return r;
}

static int locks(void *arg) {
    struct cede_lock lock;
    int r;

    (void)arg;
    cede_lock_init(&lock);
    r = crew(use_lock, &lock);
    ck_assert_uint_eq(cede_lock_owner(&lock), 0);
    ck_assert_uint_eq(cede_lock_waiting(&lock), 0);
    return r;
}

static int use_rwlock(void *arg) {
    struct cede_rwlock *lock = arg;
    int r = 0;

    for (int i = 0; i < 2 * ROUNDS && r == 0; i++) {
        r = i % 2 ? cede_rwlock_acquire_write(lock) : cede_rwlock_acquire_read(lock);
        if (r < 0)
            return r;
        r = cede_task_yield();
        ck_assert_int_eq(cede_rwlock_release(lock), 0);
    }
    return r;
}

static int rwlocks(void *arg) {
    struct cede_rwlock lock;
    int r;

    (void)arg;
    cede_rwlock_init(&lock);
    r = crew(use_rwlock, &lock);
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 0);
    ck_assert_uint_eq(cede_rwlock_writer(&lock), 0);
    ck_assert_uint_eq(cede_rwlock_waiting(&lock), 0);
    return r;
}

/* --- Conditions: CREW takers, and what they take put there one by one ------------------------- */

struct store {
    struct cede_lock lock;
    struct cede_condition filled;
    int items;
};

static bool has_items(void *arg) {
    return ((struct store *)arg)->items > 0;
}

static int take_item(void *arg) {
    struct store *store = arg;
    int r = cede_lock_acquire(&store->lock);

    if (r < 0)
        return r;
    r = cede_condition_wait_for(&store->filled, has_items, store);
    if (r == 0)
        store->items--;
    ck_assert_int_eq(cede_lock_release(&store->lock), 0);
    return r;
}

static int put_items(void *arg) {
    struct store *store = arg;

    for (int i = 0; i < CREW; i++) {
        int r = cede_lock_acquire(&store->lock);

        if (r < 0)
            return r;
        store->items++;
        ck_assert_int_eq(cede_condition_notify(&store->filled, 1), 0);
        r = cede_task_yield(); /* so that those who are notified wait for the lock */
        ck_assert_int_eq(cede_lock_release(&store->lock), 0);
        if (r < 0)
            return r;
    }
    return 0;
}

static int conditions(void *arg) {
    struct store store = {.items = 0};
    struct cede_group group;
    int r;

    (void)arg;
    cede_lock_init(&store.lock);
    cede_condition_init(&store.filled, &store.lock);
    cede_group_enter(&group, CEDE_FOREVER);
    r = cede_spawn(&group, put_items, &store, NULL);
    if (r == 0)
        r = crew(take_item, &store);
    r = cede_group_leave(&group, r);
    ck_assert_uint_eq(cede_lock_owner(&store.lock), 0);
    ck_assert_uint_eq(cede_lock_waiting(&store.lock), 0);
    ck_assert_uint_eq(cede_condition_waiting(&store.filled), 0);
    return r;
}

/* One item and one notify for two takers, of which the first is cancelled before, while, or after
 * it has the lock back: one of the two takes the item. */
static int notify_one_and_cancel_it(void *arg) {
    struct store store = {.items = 0};
    cede_task *victim, *other;

    cede_lock_init(&store.lock);
    cede_condition_init(&store.filled, &store.lock);
    victim = go(take_item, &store);
    other = go(take_item, &store);
    ck_assert_int_eq(cede_lock_acquire(&store.lock), 0);
    store.items = 1;
    ck_assert_int_eq(cede_condition_notify(&store.filled, 1), 0);
    for (int turn = 0; turn < 8; turn++) {
        if (turn == 4)
            ck_assert_int_eq(cede_lock_release(&store.lock), 0);
        if (turn == *(const int *)arg)
            cede_task_cancel(victim, -ECANCELED);
        cede_task_yield();
    }
    ck_assert_int_eq(store.items, 0);
    if (end_of(victim) == 0)
        ck_assert_int_eq(cancelled_end_of(other), -ECANCELED);
    else
        ck_assert_int_eq(end_of(other), 0);
    return 0;
}

/* --- Counts ---------------------------------------------------------------------------------- */

static int use_semaphore(void *arg) {
    struct cede_semaphore *semaphore = arg;
    int r = cede_semaphore_acquire(semaphore);

    if (r < 0)
        return r;
    r = cede_task_yield();
    ck_assert_int_eq(cede_semaphore_release(semaphore), 0);
    return r;
}

static int semaphores(void *arg) {
    struct cede_semaphore semaphore;
    int r;

    (void)arg;
    ck_assert_int_eq(cede_semaphore_init(&semaphore, 1, 1), 0);
    r = crew(use_semaphore, &semaphore);
    ck_assert_uint_eq(cede_semaphore_value(&semaphore), 1);
    ck_assert_uint_eq(cede_semaphore_waiting(&semaphore), 0);
    return r;
}

static int use_limiter(void *arg) {
    struct cede_borrower me;
    int r;

    cede_borrower_init(&me);
    r = cede_limiter_acquire(arg, &me);
    if (r < 0)
        return r;
    r = cede_task_yield();
    ck_assert_int_eq(cede_limiter_release(arg, &me), 0);
    return r;
}

static int limiters(void *arg) {
    struct cede_limiter limiter;
    int r;

    (void)arg;
    cede_limiter_init(&limiter, 1);
    r = crew(use_limiter, &limiter);
    ck_assert_uint_eq(cede_limiter_borrowed(&limiter), 0);
    ck_assert_uint_eq(cede_limiter_waiting(&limiter), 0);
    ck_assert_ptr_null(cede_limiter_next(&limiter, NULL));
    return r;
}

/* --- Meetings -------------------------------------------------------------------------------- */

static int use_barrier(void *arg) {
    int r = 0;

    for (int i = 0; i < ROUNDS && r >= 0; i++)
        r = cede_barrier_wait(arg);
    return r < 0 ? r : 0;
}

static int barriers(void *arg) {
    struct cede_barrier barrier;
    int r;

    (void)arg;
    ck_assert_int_eq(cede_barrier_init(&barrier, CREW), 0);
    r = crew(use_barrier, &barrier);
    ck_assert_uint_eq(cede_barrier_waiting(&barrier), 0);
    return r;
}

static int yield_twice(void *arg) {
    int r = cede_task_yield();

    (void)arg;
    return r < 0 ? r : cede_task_yield();
}

static int use_once(void *arg) {
    return cede_once_do(arg, yield_twice, NULL);
}

static int onces(void *arg) {
    struct cede_once once;
    int r;

    (void)arg;
    cede_once_init(&once);
    r = crew(use_once, &once);
    ck_assert_uint_eq(cede_once_waiting(&once), 0);
    ck_assert_uint_eq(once.runner, 0);
    return r;
}

static int wait_event(void *arg) {
    return cede_event_wait(arg);
}

static int events(void *arg) {
    struct cede_event event;
    struct cede_group group;
    int r;

    (void)arg;
    cede_event_init(&event);
    cede_group_enter(&group, CEDE_FOREVER);
    r = cede_spawn(&group, wait_event, &event, NULL);
    for (int i = 0; i < ROUNDS && r == 0; i++)
        r = cede_task_yield();
    if (r == 0)
        cede_event_set(&event);
    r = cede_group_leave(&group, r);
    ck_assert_uint_eq(cede_event_waiting(&event), 0);
    return r;
}

static const cede_task_fn scenarios[] = {locks,    rwlocks,  conditions, semaphores,
                                         limiters, barriers, onces,      events};

START_TEST(cancelled_at_every_turn_nothing_is_left) {
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++)
        cancel_everywhere(scenarios[i], false, 200);
}
END_TEST

START_TEST(a_notify_is_never_lost_to_a_cancel) {
    for (int turn = 0; turn < 8; turn++)
        ck_assert_int_eq(cede_run(notify_one_and_cancel_it, &turn), 0);
}
END_TEST

static int all(void *arg) {
    int r = 0;

    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios && r == 0; i++)
        r = scenarios[i](arg);
    return r;
}

START_TEST(any_allocation_may_fail) {
    fail_everywhere(all, false);
    fail_everywhere(all, true);
}
END_TEST

/* The tasks are there already; what they do from now on allocates nothing. */
static int wait_in_a_crew(void *arg) {
    static struct cede_barrier barrier;
    static struct cede_lock lock;
    cede_task *tasks[2 * CREW];
    size_t calls;

    (void)arg;
    cede_lock_init(&lock);
    ck_assert_int_eq(cede_barrier_init(&barrier, CREW), 0);
    for (int i = 0; i < CREW; i++) {
        ck_assert_int_eq(cede_spawn(NULL, use_lock, &lock, &tasks[2 * i]), 0);
        ck_assert_int_eq(cede_spawn(NULL, use_barrier, &barrier, &tasks[2 * i + 1]), 0);
    }
    calls = atomic_load(&failing_alloc.calls);
    settle();
    ck_assert_uint_eq(atomic_load(&failing_alloc.calls), calls);
    for (int i = 0; i < 2 * CREW; i++)
        ck_assert_int_eq(end_of(tasks[i]), 0);
    return 0;
}

START_TEST(waiting_allocates_nothing) {
    failing_alloc_install();
    ck_assert_int_eq(cede_run(wait_in_a_crew, NULL), 0);
    ck_assert_uint_gt(atomic_load(&failing_alloc.calls), 0);
}
END_TEST

CEDE_CHECK_MAIN("sync_points", cancelled_at_every_turn_nothing_is_left,
                a_notify_is_never_lost_to_a_cancel, any_allocation_may_fail,
                waiting_allocates_nothing)
