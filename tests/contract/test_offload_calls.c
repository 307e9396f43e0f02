/* Functions in threads: what they return, how many run at once, and who serves whom. */
#include "support/failing_alloc.h"
#include "support/spawned.h"
#include "task/offload.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

static int thread_id(void *arg) {
    (void)arg;
    return (int)gettid();
}

static bool thread_lives(int id) {
    char path[64];

    snprintf(path, sizeof path, "/proc/self/task/%d", id);
    return access(path, F_OK) == 0;
}

static int add_one(void *arg) {
    return *(int *)arg + 1;
}

TASK_TEST(the_result_is_the_functions) {
    int value = 41;

    ck_assert_int_eq(cede_offload(add_one, &value), 42);
    value = -EIO - 1;
    ck_assert_int_eq(cede_offload(add_one, &value), -EIO);
}

TASK_TEST(one_thread_serves_those_that_come_after_each_other) {
    int first = cede_offload(thread_id, NULL);

    ck_assert_int_gt(first, 0);
    ck_assert_int_ne(first, (int)gettid());
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(cede_offload(thread_id, NULL), first);
}

/* --- Blocking functions ---------------------------------------------------------------------- */

static sem_t gate;
static atomic_int inside, most;

static int pass_gate(void *arg) {
    int now = atomic_fetch_add(&inside, 1) + 1;
    int seen = atomic_load(&most);

    (void)arg;
    while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
        ;
    while (sem_wait(&gate) < 0)
        ;
    atomic_fetch_sub(&inside, 1);
    return 0;
}

static void open_gate(int times) {
    while (times-- > 0)
        sem_post(&gate);
}

static void await_inside(int n) {
    while (atomic_load(&inside) < n)
        ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
}

static int pass_gate_in(void *arg) {
    const struct cede_offload_options options = {.class_of_work =
                                                     (enum cede_offload_class)(uintptr_t)arg};

    return cede_offload_with(pass_gate, NULL, &options);
}

static void fill(struct cede_group *group, enum cede_offload_class class_of_work, int n) {
    cede_group_enter(group, CEDE_FOREVER);
    for (int i = 0; i < n; i++) {
        void *arg = (void *)(uintptr_t)class_of_work;

        ck_assert_int_eq(cede_spawn(group, pass_gate_in, arg, NULL), 0);
    }
}

TASK_TEST(only_the_task_waits) {
    struct cede_group group;

    sem_init(&gate, 0, 0);
    fill(&group, CEDE_OFFLOAD_USER, 1);
    await_inside(1);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    open_gate(1);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

TASK_TEST(each_class_has_its_number_of_threads) {
    static const int limits[] = {
        [CEDE_OFFLOAD_USER] = 16, [CEDE_OFFLOAD_FILES] = 8, [CEDE_OFFLOAD_NAMES] = 4};

    sem_init(&gate, 0, 0);
    for (int i = 0; i < 3; i++) {
        struct cede_group group;

        atomic_store(&most, 0);
        fill(&group, (enum cede_offload_class)i, limits[i] + 5);
        await_inside(limits[i]);
        ck_assert_int_eq(cede_sleep(2 * CEDE_MILLISECOND), 0);
        open_gate(limits[i] + 5);
        ck_assert_int_eq(cede_group_leave(&group, 0), 0);
        ck_assert_int_eq(atomic_load(&most), limits[i]);
    }
}

TASK_TEST(a_full_class_does_not_starve_another) {
    const struct cede_offload_options files = {.class_of_work = CEDE_OFFLOAD_FILES};
    struct cede_group group;
    int value = 1;

    sem_init(&gate, 0, 0);
    fill(&group, CEDE_OFFLOAD_NAMES, 6);
    await_inside(4);
    ck_assert_int_eq(cede_offload_with(add_one, &value, &files), 2);
    ck_assert_int_eq(atomic_load(&inside), 4);
    open_gate(6);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

/* --- Threads --------------------------------------------------------------------------------- */

static int see_signals(void *arg) {
    sigset_t blocked;

    (void)arg;
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    return sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGCHLD) &&
           !sigismember(&blocked, SIGSEGV);
}

TASK_TEST(signals_are_blocked_but_for_faults) {
    sigset_t before, after;

    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
    ck_assert_int_eq(cede_offload(see_signals, NULL), 1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
    ck_assert_int_eq(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

static int use_task_calls(void *arg) {
    int value = 1;

    (void)arg;
    ck_assert_ptr_null(cede_task_self());
    ck_assert_int_eq(cede_sleep(1), -EPERM);
    ck_assert_int_eq(cede_offload(add_one, &value), -EPERM);
    return 0;
}

TASK_TEST(no_task_runs_in_the_threads) {
    ck_assert_int_eq(cede_offload(use_task_calls, NULL), 0);
}

static int offload_inside(void *arg) {
    return cede_offload(add_one, arg);
}

static int run_inside(void *arg) {
    return cede_run(offload_inside, arg);
}

TASK_TEST(a_function_may_make_a_run_of_its_own) {
    int value = 7;

    ck_assert_int_eq(cede_offload(run_inside, &value), 8);
}

static int offload_thread_id(void *arg) {
    return cede_offload(thread_id, arg);
}

START_TEST(the_run_ends_with_its_threads) {
    size_t fds = count_fds();

    for (int i = 0; i < 20; i++) {
        int id = cede_run(offload_thread_id, NULL);

        ck_assert_int_gt(id, 0);
        while (thread_lives(id)) /* joined, and about to leave the list */
            usleep(100);
    }
    ck_assert_uint_eq(count_fds(), fds);
}
END_TEST

TASK_TEST(idle_threads_end) {
    cede__offload_idle_ns = CEDE_MILLISECOND;
    for (int i = 0; i < 3; i++) {
        int id = cede_offload(thread_id, NULL);

        ck_assert_int_gt(id, 0);
        while (thread_lives(id))
            ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    }
}

static int fork_and_offload(void *arg) {
    int status;
    pid_t pid;

    ck_assert_int_eq(cede_offload(add_one, arg), 2);
    pid = fork();
    if (pid == 0)
        _exit(cede_offload(add_one, arg) == -EPERM ? 3 : 4);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    return cede_offload(add_one, arg);
}

START_TEST(a_forked_child_has_no_pool) {
    int value = 1;

    ck_assert_int_eq(cede_run(fork_and_offload, &value), 2);
}
END_TEST

/* --- Refusals -------------------------------------------------------------------------------- */

TASK_TEST(no_function_and_no_class_are_refused) {
    const struct cede_offload_options options = {.class_of_work = (enum cede_offload_class)3};
    int value = 1;

    ck_assert_int_eq(cede_offload(NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_offload_with(add_one, &value, &options), -EINVAL);
}

START_TEST(outside_of_tasks_it_is_refused) {
    int value = 1;

    ck_assert_int_eq(cede_offload(add_one, &value), -EPERM);
}
END_TEST

TASK_TEST(without_memory_for_a_thread_it_is_refused) {
    int value = 1, refused = 0;

    failing_alloc_install();
    for (size_t n = 1;; n++) {
        int r;

        failing_alloc_arm(n, false);
        r = cede_offload(add_one, &value);
        if (!failing_alloc_disarm()) {
            ck_assert_int_eq(r, 2);
            break;
        }
        ck_assert_int_eq(r, -ENOMEM);
        refused++;
    }
    ck_assert_int_eq(refused, 2); /* the pool, then a thread */
    failing_alloc_arm(1, true);
    ck_assert_int_eq(cede_offload(add_one, &value), 2); /* by the thread that there is */
    failing_alloc_disarm();
}

CEDE_CHECK_MAIN("offload_calls", the_result_is_the_functions,
                one_thread_serves_those_that_come_after_each_other, only_the_task_waits,
                each_class_has_its_number_of_threads, a_full_class_does_not_starve_another,
                signals_are_blocked_but_for_faults, no_task_runs_in_the_threads,
                a_function_may_make_a_run_of_its_own, the_run_ends_with_its_threads,
                idle_threads_end, a_forked_child_has_no_pool, no_function_and_no_class_are_refused,
                outside_of_tasks_it_is_refused, without_memory_for_a_thread_it_is_refused)
