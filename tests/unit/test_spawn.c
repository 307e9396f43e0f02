#include "support/scene.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>

#include "coro/annotate.h"
#include "coro/stack.h"
#include "support/failing_alloc.h"

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

static int result_of(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

START_TEST(without_tasks_there_is_no_spawn) {
    cede_task *task = NULL;
    cede_loop *loop;

    ck_assert_int_eq(cede_spawn(NULL, return_arg, NULL, &task), -EPERM);
    ck_assert_int_eq(cede_loop_new(&loop, NULL), 0);
    ck_assert_int_eq(cede_spawn(NULL, return_arg, NULL, &task), -EPERM);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(cede_loop_close(loop), 0);
}
END_TEST

static void use_stack(volatile char *stack, size_t size) {
    for (size_t i = 0; i < size; i += 512)
        stack[i] = 1;
}

static int use_40_kib(void *arg) {
    volatile char room[40 << 10];

    use_stack(room, sizeof room);
    return (int)(intptr_t)arg;
}

static int use_900_kib(void *arg) {
    volatile char room[900 << 10];

    use_stack(room, sizeof room);
    return (int)(intptr_t)arg;
}

TASK_TEST(a_stack_is_as_large_as_was_asked_for) {
    struct cede_task_options options = {.stack_size = (size_t)1 << 20};
    cede_task *task;

    ck_assert_int_eq(cede_spawn_with(NULL, use_900_kib, (void *)1, &options, &task), 0);
    ck_assert_int_eq(result_of(task), 1);
    options.stack_size = (size_t)48 << 10;
    ck_assert_int_eq(cede_spawn_with(NULL, use_40_kib, (void *)2, &options, &task), 0);
    ck_assert_int_eq(result_of(task), 2);
}

TASK_TEST(senseless_stack_sizes_and_functions_are_refused) {
    static const size_t sizes[] = {1, CEDE__STACK_MIN - 1, CEDE__STACK_MAX + 1, SIZE_MAX / 2,
                                   SIZE_MAX};
    cede_task *task = NULL;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cede_task_options options = {.stack_size = sizes[i]};

        ck_assert_int_eq(cede_spawn_with(NULL, return_arg, NULL, &options, &task), -EINVAL);
    }
    ck_assert_int_eq(cede_spawn_with(NULL, NULL, NULL, NULL, &task), -EINVAL);
    ck_assert_ptr_null(task);
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)4, &task), 0);
    ck_assert_int_eq(result_of(task), 4);
}

static void spawn_in_callback(void *arg) {
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)9, arg), 0);
}

TASK_TEST(callbacks_spawn) {
    cede_task *task = NULL;

    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), spawn_in_callback, &task, NULL), 0);
    cede_task_yield();
    ck_assert_ptr_nonnull(task);
    ck_assert_int_eq(result_of(task), 9);
}

static int wait_then_count(void *arg) {
    size_t *count = arg;
    int r = cede_sleep(CEDE_FOREVER);

    ++*count;
    return r;
}

/* All alive at once, each with a guarded stack. */
TASK_TEST(a_hundred_thousand_tasks_live_at_once) {
    size_t count = 0, all = cede__valgrind_present() ? 200 : 100000;
    struct cede_group group;

    cede_group_enter(&group, CEDE_FOREVER);
    for (size_t i = 0; i < all; i++)
        ck_assert_int_eq(cede_spawn(&group, wait_then_count, &count, NULL), 0);
    ck_assert_uint_eq(cede_group_alive(&group), all);
    cede_task_yield();
    ck_assert_uint_eq(count, 0);
    cede_scope_cancel(&group.scope, -EDOM);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EDOM);
    ck_assert_uint_eq(count, all);
}

static int spawn_one_level(void *arg) {
    intptr_t left = (intptr_t)arg;
    cede_task *task;

    if (left == 0)
        return 0;
    ck_assert_int_eq(cede_spawn(NULL, spawn_one_level, (void *)(left - 1), &task), 0);
    return result_of(task) + 1;
}

TASK_TEST(tasks_spawn_tasks_and_join_them) {
    ck_assert_int_eq(spawn_one_level((void *)500), 500);
}

/* --- When memory runs out -------------------------------------------------------------------- */

/* Spawns many, so that every array has to grow, and joins those that there are. */
static int spawn_many(void *arg) {
    enum { MANY = 400 };
    static cede_task *tasks[MANY];
    int n = 0, r = 0;

    (void)arg;
    for (; n < MANY && r == 0; n++)
        r = cede_spawn(NULL, return_arg, (void *)(intptr_t)n, &tasks[n]);
    n -= r < 0;
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(result_of(tasks[i]), i);
    ck_assert(r == 0 || r == -ENOMEM);
    if (r < 0) { /* there is memory again, and the loop is as good as new */
        cede_task *task;

        failing_alloc_disarm();
        ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)3, &task), 0);
        ck_assert_int_eq(result_of(task), 3);
    }
    return r;
}

static void *run_spawn_many(void *arg) {
    *(int *)arg = cede_run(spawn_many, NULL);
    return NULL;
}

/* In a thread of its own, whose end frees its stacks: so everything can be counted. */
static int run_in_thread(void) {
    pthread_t thread;
    int r = 1;

    ck_assert_int_eq(pthread_create(&thread, NULL, run_spawn_many, &r), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    return r;
}

START_TEST(every_allocation_may_fail) {
    size_t fds = count_fds();

    failing_alloc_install();
    for (int lasting = 0; lasting < 2; lasting++) {
        for (size_t n = 1;; n++) {
            int r;

            failing_alloc_arm(n, lasting);
            r = run_in_thread();
            bool struck = failing_alloc_disarm() || r < 0;
            /* Without memory for io_uring the loop takes epoll. */
            ck_assert_msg(r == 0 || r == -ENOMEM, "allocation %zu: %d", n, r);
            ck_assert_uint_eq(failing_alloc_live(), 0);
            ck_assert_uint_eq(count_fds(), fds);
            if (!struck)
                break;
        }
    }
}
END_TEST

static int spawn_until_it_fails(void *arg) {
    struct cede_task_options options = {.stack_size = (size_t)64 << 20};
    struct cede_group group;
    size_t count = 0, ended = 0;
    cede_task *task;
    int r;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    while ((r = cede_spawn_with(&group, wait_then_count, &ended, &options, NULL)) == 0 &&
           count < 1000)
        count++;
    ck_assert_int_eq(r, -ENOMEM);
    ck_assert_uint_gt(count, 1);
    ck_assert_uint_eq(cede_group_alive(&group), count);
    settle();
    cede_scope_cancel(&group.scope, -EDOM);
    ck_assert_int_eq(cede_group_wait(&group), -ECANCELED);
    ck_assert_int_eq(cede_group_leave(&group, 0), -EDOM);
    ck_assert_uint_eq(ended, count);
    ck_assert_int_eq(cede_spawn(NULL, return_arg, (void *)7, &task), 0);
    ck_assert_int_eq(result_of(task), 7);
    return 0;
}

static bool instrumented(void) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return cede__valgrind_present();
#endif
}

/* The address space ends before the tasks do. */
START_TEST(without_address_space_a_spawn_fails_and_the_rest_goes_on) {
    struct rlimit limit = {.rlim_cur = (rlim_t)2 << 30, .rlim_max = (rlim_t)2 << 30};

    if (instrumented()) /* these need terabytes of it for themselves */
        return;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    ck_assert_int_eq(cede_run(spawn_until_it_fails, NULL), 0);
}
END_TEST

/* --- Misuse ---------------------------------------------------------------------------------- */

static int end_in_coroutine(void *arg, void **ret_value) {
    (void)arg;
    (void)ret_value;
    cede_sleep(CEDE_MILLISECOND);
    return 0;
}

static int coroutine_then_end(void *arg) {
    cede_coro *coro;

    (void)arg;
    ck_assert_int_eq(cede_coro_new(&coro, end_in_coroutine, NULL), 0);
    ck_assert_int_eq(cede_coro_send(coro, NULL, NULL), 0);
    cede_coro_free(coro);
    return 12;
}

TASK_TEST(a_task_ends_after_its_coroutine) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, coroutine_then_end, NULL, &task), 0);
    ck_assert_int_eq(result_of(task), 12);
}

CEDE_CHECK_MAIN("spawn", without_tasks_there_is_no_spawn, a_stack_is_as_large_as_was_asked_for,
                senseless_stack_sizes_and_functions_are_refused, callbacks_spawn,
                a_hundred_thousand_tasks_live_at_once, tasks_spawn_tasks_and_join_them,
                every_allocation_may_fail, without_address_space_a_spawn_fails_and_the_rest_goes_on,
                a_task_ends_after_its_coroutine)
