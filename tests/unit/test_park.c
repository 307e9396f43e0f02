#include "support/scene.h"

#include <errno.h>

/* The bell of cede/wait.h, and the knobs that the tests turn. */
struct bell {
    struct cede_waiter *waiting;
    bool refuses;
    int aborts;
};

static int bell_abort(struct cede_waiter *waiter) {
    struct bell *bell = waiter->data;

    bell->aborts++;
    if (bell->refuses)
        return -EINPROGRESS;
    bell->waiting = NULL;
    return 0;
}

static int bell_wait(struct bell *bell) {
    struct cede_waiter waiter;

    cede_waiter_init(&waiter, bell_abort, "a bell");
    waiter.data = bell;
    bell->waiting = &waiter;
    return cede_park(&waiter);
}

static void bell_ring(struct bell *bell, int result) {
    struct cede_waiter *waiter = bell->waiting;

    bell->waiting = NULL;
    if (waiter)
        cede_wake(waiter, result);
}

static int wait_main(void *arg) {
    return bell_wait(arg);
}

static int result_of(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

TASK_TEST(a_wake_gives_the_result) {
    struct bell bell = {.waiting = NULL};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, wait_main, &bell, &task), 0);
    cede_task_yield();
    ck_assert_str_eq(cede_task_waits_for(task), "a bell");
    bell_ring(&bell, 42);
    ck_assert_ptr_null(cede_task_waits_for(task));
    ck_assert(!cede_task_done(task, NULL));
    ck_assert_int_eq(result_of(task), 42);
    ck_assert_int_eq(bell.aborts, 0);
}

TASK_TEST(a_wake_before_the_park_is_not_lost) {
    struct bell bell = {.waiting = NULL};
    struct cede_waiter waiter;

    cede_waiter_init(&waiter, bell_abort, "a bell");
    waiter.data = &bell;
    cede_wake(&waiter, 7);
    ck_assert_int_eq(cede_park(&waiter), 7);
    ck_assert_int_eq(bell.aborts, 0);
}

/* What had happened before the cancel is returned; the next call reports the cancel. */
TASK_TEST(a_wake_before_the_park_wins_over_a_cancel) {
    struct bell bell = {.waiting = NULL};
    struct cede_waiter waiter;
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_waiter_init(&waiter, bell_abort, "a bell");
    waiter.data = &bell;
    cede_wake(&waiter, 7);
    cede_scope_cancel(&scope, -ECANCELED);
    ck_assert_int_eq(cede_park(&waiter), 7);
    ck_assert_int_eq(bell_wait(&bell), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
    ck_assert_int_eq(bell.aborts, 1);
}

TASK_TEST(a_cancel_before_the_park_withdraws) {
    struct bell bell = {.waiting = NULL};
    struct cede_scope scope;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -ECANCELED);
    ck_assert_int_eq(bell_wait(&bell), -ECANCELED);
    ck_assert_int_eq(bell.aborts, 1);
    ck_assert_ptr_null(bell.waiting);
    ck_assert_int_eq(cede_scope_leave(&scope, -ECANCELED), -ECANCELED);
}

TASK_TEST(a_cancel_while_parked_withdraws) {
    struct bell bell = {.waiting = NULL};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, wait_main, &bell, &task), 0);
    cede_task_yield();
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(bell.aborts, 1);
    ck_assert_ptr_null(bell.waiting);
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(bell.aborts, 1);
    ck_assert_int_eq(result_of(task), -ECANCELED);
}

TASK_TEST(a_cancel_after_the_wake_comes_too_late) {
    struct bell bell = {.waiting = NULL};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, wait_main, &bell, &task), 0);
    cede_task_yield();
    bell_ring(&bell, 5);
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(bell.aborts, 0);
    ck_assert_int_eq(result_of(task), 5);
}

TASK_TEST(a_refused_cancel_waits_for_the_wake) {
    struct bell bell = {.refuses = true};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, wait_main, &bell, &task), 0);
    cede_task_yield();
    cede_task_cancel(task, -ECANCELED);
    cede_task_cancel(task, -ECANCELED);
    settle();
    ck_assert_int_eq(bell.aborts, 1);
    ck_assert(!cede_task_done(task, NULL));
    ck_assert_str_eq(cede_task_waits_for(task), "a bell");
    bell_ring(&bell, 9);
    ck_assert_int_eq(result_of(task), 9);
}

static int cancelled_wait_main(void *arg) {
    struct cede_scope scope;
    int r;

    cede_scope_enter(&scope, CEDE_FOREVER);
    cede_scope_cancel(&scope, -ECANCELED);
    r = bell_wait(arg);
    return cede_scope_leave(&scope, r);
}

TASK_TEST(a_cancel_before_the_park_may_be_refused) {
    struct bell bell = {.refuses = true};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, cancelled_wait_main, &bell, &task), 0);
    settle();
    ck_assert_int_eq(bell.aborts, 1);
    ck_assert(!cede_task_done(task, NULL));
    bell_ring(&bell, 3);
    ck_assert_int_eq(result_of(task), 3);
}

static void park_in_callback(void *arg) {
    struct bell *bell = arg;

    ck_assert_ptr_null(cede_task_self());
    ck_assert_int_eq(bell_wait(bell), -EPERM);
    ck_assert_ptr_null(bell->waiting); /* nothing points into a frame that is gone */
    ck_assert_int_eq(bell->aborts, 1);
    trace('c');
}

TASK_TEST(callbacks_cannot_park) {
    struct bell bell = {.waiting = NULL};

    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), park_in_callback, &bell, NULL), 0);
    settle();
    ck_assert_trace("c");
}

START_TEST(without_a_loop_there_is_no_park) {
    struct bell bell = {.waiting = NULL};

    ck_assert_int_eq(bell_wait(&bell), -EPERM);
}
END_TEST

static void ring_in_callback(void *arg) {
    bell_ring(arg, 11);
}

TASK_TEST(callbacks_wake) {
    struct bell bell = {.waiting = NULL};

    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), ring_in_callback, &bell, NULL), 0);
    ck_assert_int_eq(bell_wait(&bell), 11);
}

struct numbered {
    struct bell bell;
    char name;
};

static int numbered_main(void *arg) {
    struct numbered *numbered = arg;
    int r = bell_wait(&numbered->bell);

    trace(numbered->name);
    return r;
}

TASK_TEST(tasks_go_on_in_the_order_of_their_wakes) {
    struct numbered tasks[4] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
    static const int order[] = {2, 0, 3, 1};

    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(cede_spawn(NULL, numbered_main, &tasks[i], NULL), 0);
    settle();
    for (int i = 0; i < 4; i++)
        bell_ring(&tasks[order[i]].bell, 0);
    ck_assert_trace("");
    settle();
    ck_assert_trace("cadb");
}

/* A wait that always finds its thing there charges the budget like every other. */
static int always_there_main(void *arg) {
    bool *stop = arg;

    for (int i = 0; i < 100000 && !*stop; i++) {
        struct cede_waiter waiter;

        cede_waiter_init(&waiter, bell_abort, "a bell");
        cede_wake(&waiter, 0);
        ck_assert_int_eq(cede_park(&waiter), 0);
    }
    return *stop ? 0 : -EIO;
}

TASK_TEST(waits_that_end_at_once_starve_nobody) {
    bool stop = false;
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, always_there_main, &stop, &task), 0);
    cede_task_yield();
    stop = true;
    ck_assert_int_eq(result_of(task), 0);
}

/* --- Coroutines inside tasks ----------------------------------------------------------------- */

static int sleepy_generator(void *arg, void **ret_value) {
    (void)arg;
    for (intptr_t i = 1; i <= 3; i++) {
        int r = cede_sleep(CEDE_MILLISECOND);

        if (r == 0)
            r = cede_yield((void *)i, NULL);
        if (r < 0)
            return r;
    }
    *ret_value = (void *)(intptr_t)99;
    return 0;
}

static int sum_main(void *arg) {
    cede_coro *coro;
    void *value = NULL;
    intptr_t sum = 0;
    int r;

    (void)arg;
    ck_assert_int_eq(cede_coro_new(&coro, sleepy_generator, NULL), 0);
    while ((r = cede_coro_send(coro, NULL, &value)) == 1)
        sum += (intptr_t)value;
    cede_coro_free(coro);
    return r < 0 ? r : (int)(sum + (intptr_t)value);
}

TASK_TEST(a_generator_may_sleep) {
    cede_task *tasks[3];

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cede_spawn(NULL, sum_main, NULL, &tasks[i]), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(result_of(tasks[i]), 1 + 2 + 3 + 99);
}

static int wait_in_coro(void *arg, void **ret_value) {
    (void)ret_value;
    return bell_wait(arg);
}

static int coro_main(void *arg) {
    cede_coro *coro;
    int r;

    ck_assert_int_eq(cede_coro_new(&coro, wait_in_coro, arg), 0);
    r = cede_coro_send(coro, NULL, NULL);
    cede_coro_free(coro);
    return r;
}

TASK_TEST(a_wait_inside_a_coroutine_is_cancelled_like_any_other) {
    struct bell bell = {.waiting = NULL};
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, coro_main, &bell, &task), 0);
    cede_task_yield();
    ck_assert_str_eq(cede_task_waits_for(task), "a bell");
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(result_of(task), -ECANCELED);
}

static int first_half(void *arg, void **ret_value) {
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_yield(cede_task_self(), NULL), 0);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    *ret_value = cede_task_self();
    ck_assert_ptr_ne(*ret_value, arg);
    return 0;
}

static int second_half_main(void *arg) {
    void *value;

    ck_assert_int_eq(cede_coro_send(arg, NULL, &value), 0);
    ck_assert_ptr_eq(value, cede_task_self());
    return 0;
}

TASK_TEST(a_coroutine_goes_on_in_another_task) {
    cede_coro *coro;
    cede_task *task;
    void *value;

    ck_assert_int_eq(cede_coro_new(&coro, first_half, cede_task_self()), 0);
    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 1);
    ck_assert_ptr_eq(value, cede_task_self());
    ck_assert_int_eq(cede_spawn(NULL, second_half_main, coro, &task), 0);
    ck_assert_int_eq(result_of(task), 0);
    cede_coro_free(coro);
}

static void wake_twice(void *arg) {
    struct cede_waiter waiter;

    (void)arg;
    cede_waiter_init(&waiter, bell_abort, "a bell");
    cede_wake(&waiter, 0);
    cede_wake(&waiter, 0);
}

START_TEST(a_second_wake_of_one_wait_aborts) {
    check_aborts(wake_twice, NULL, "assertion failed");
}
END_TEST

static void park_without_abort(void *arg) {
    struct cede_waiter waiter;

    (void)arg;
    cede_waiter_init(&waiter, NULL, "a bell");
    cede_park(&waiter);
}

START_TEST(a_wait_that_cannot_be_cancelled_aborts) {
    check_aborts(park_without_abort, NULL, "assertion failed");
}
END_TEST

CEDE_CHECK_MAIN("park", a_wake_gives_the_result, a_wake_before_the_park_is_not_lost,
                a_wake_before_the_park_wins_over_a_cancel, a_cancel_before_the_park_withdraws,
                a_cancel_while_parked_withdraws, a_cancel_after_the_wake_comes_too_late,
                a_refused_cancel_waits_for_the_wake, a_cancel_before_the_park_may_be_refused,
                callbacks_cannot_park, without_a_loop_there_is_no_park, callbacks_wake,
                tasks_go_on_in_the_order_of_their_wakes, waits_that_end_at_once_starve_nobody,
                a_generator_may_sleep, a_wait_inside_a_coroutine_is_cancelled_like_any_other,
                a_coroutine_goes_on_in_another_task, a_second_wake_of_one_wait_aborts,
                a_wait_that_cannot_be_cancelled_aborts)
