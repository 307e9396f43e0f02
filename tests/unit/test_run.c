#include "support/scene.h"

#include <errno.h>
#include <signal.h>

static int bell_abort(struct cede_waiter *waiter) {
    (void)waiter;
    return 0;
}

static int refuse_abort(struct cede_waiter *waiter) {
    (void)waiter;
    return -EINPROGRESS;
}

/* Waits for what never comes. */
static int wait_for_nothing(void *arg) {
    struct cede_waiter waiter;

    (void)arg;
    cede_waiter_init(&waiter, bell_abort, "godot");
    return cede_park(&waiter);
}

static int wait_stubbornly(void *arg) {
    struct cede_waiter waiter;

    (void)arg;
    cede_waiter_init(&waiter, refuse_abort, "godot, whatever happens");
    return cede_park(&waiter);
}

static int return_arg(void *arg) {
    return (int)(intptr_t)arg;
}

/* --- Results and refusals -------------------------------------------------------------------- */

START_TEST(run_returns_what_the_function_returns) {
    ck_assert_int_eq(cede_run(return_arg, NULL), 0);
    ck_assert_int_eq(cede_run(return_arg, (void *)42), 42);
    ck_assert_int_eq(cede_run(return_arg, (void *)(intptr_t)-EIO), -EIO);
    ck_assert_ptr_null(cede_loop_current());
}
END_TEST

static int run_again(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_run(return_arg, NULL), -EBUSY);
    return 5;
}

START_TEST(runs_do_not_nest) {
    cede_loop *loop;

    ck_assert_int_eq(cede_run(run_again, NULL), 5);
    ck_assert_int_eq(cede_loop_new(&loop, NULL), 0);
    ck_assert_int_eq(cede_run(return_arg, NULL), -EBUSY);
    ck_assert_int_eq(cede_loop_close(loop), 0);
    ck_assert_int_eq(cede_run(return_arg, (void *)6), 6);
}
END_TEST

START_TEST(senseless_options_are_refused) {
    struct cede_run_options options = {.backend = "kqueue"};

    ck_assert_int_eq(cede_run(NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_run_with(return_arg, NULL, &options), -EINVAL);
    options = (struct cede_run_options){.stack_size = 1};
    ck_assert_int_eq(cede_run_with(return_arg, NULL, &options), -EINVAL);
    ck_assert_ptr_null(cede_loop_current());
    ck_assert_int_eq(cede_run_with(return_arg, (void *)3, NULL), 3);
}
END_TEST

static int name_backend(void *arg) {
    *(const char **)arg =
        strcmp(cede_loop_backend(cede_loop_current(), NULL), "epoll") == 0 ? "epoll" : "another";
    return 0;
}

static int use_700_kib(void *arg) {
    volatile char room[700 << 10];

    for (size_t i = 0; i < sizeof room; i += 512)
        room[i] = 1;
    return (int)(intptr_t)arg;
}

START_TEST(options_choose_backend_and_stack_size) {
    struct cede_run_options options = {.backend = "epoll", .stack_size = (size_t)800 << 10};
    const char *name = NULL;

    ck_assert_int_eq(cede_run_with(name_backend, &name, &options), 0);
    ck_assert_str_eq(name, "epoll");
    ck_assert_int_eq(cede_run_with(use_700_kib, (void *)2, &options), 2);
}
END_TEST

START_TEST(a_run_leaves_nothing_open) {
    size_t fds = count_fds();

    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(cede_run(return_arg, NULL), 0);
    ck_assert_uint_eq(count_fds(), fds);
}
END_TEST

/* --- What is left at the end ----------------------------------------------------------------- */

static int clean_up(void *arg) {
    struct cede_scope shield;
    int r = cede_sleep(CEDE_FOREVER);

    cede_scope_enter(&shield, cede_after(3600 * CEDE_SECOND));
    cede_scope_set_shield(&shield, true);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    cede_scope_leave(&shield, 0);
    trace((char)(intptr_t)arg);
    return r;
}

static int leave_tasks(void *arg) {
    ck_assert_int_eq(cede_spawn(NULL, clean_up, (void *)'a', NULL), 0);
    ck_assert_int_eq(cede_spawn_as(NULL, clean_up, (void *)'b', "bob", NULL), 0);
    settle();
    return (int)(intptr_t)arg;
}

START_TEST(tasks_that_are_left_are_named_and_ended) {
    const char *text;
    int r;

    capture_begin();
    r = cede_run(leave_tasks, (void *)9);
    text = capture_end();
    ck_assert_int_eq(r, 9);
    ck_assert_trace("ab");
    ck_assert_says(text, "the first task has ended, and these have not");
    ck_assert_says(text, "task 2 \"clean_up\" waits for a timer");
    ck_assert_says(text, "task 3 \"bob\" waits for a timer");
}
END_TEST

static int respawn(void *arg) {
    int *left = arg;
    int r = cede_sleep(CEDE_FOREVER);

    if (--*left > 0)
        ck_assert_int_eq(cede_spawn(NULL, respawn, left, NULL), 0);
    return r;
}

static int leave_a_respawning_task(void *arg) {
    ck_assert_int_eq(cede_spawn(NULL, respawn, arg, NULL), 0);
    settle();
    return 0;
}

START_TEST(tasks_that_the_left_ones_spawn_are_ended_too) {
    int left = 10;

    capture_begin();
    ck_assert_int_eq(cede_run(leave_a_respawning_task, &left), 0);
    capture_end();
    ck_assert_int_eq(left, 0);
}
END_TEST

static void never(void *arg) {
    (void)arg;
    ck_abort_msg("a callback ran that was due after the end");
}

static int leave_things(void *arg) {
    int *fds = arg;
    cede_loop *loop = cede_loop_current();

    ck_assert_int_eq(cede_loop_call_later(loop, 3600 * CEDE_SECOND, never, NULL, NULL), 0);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], never, NULL), 0);
    ck_assert_int_eq(cede_loop_add_signal(loop, SIGUSR1, never, NULL), 0);
    settle();
    return 0;
}

START_TEST(readers_that_are_left_are_reported_and_removed) {
    struct sigaction before, after;
    int fds[2];
    size_t count;
    const char *text;

    sigaction(SIGUSR1, NULL, &before);
    ck_assert_int_eq(pipe(fds), 0);
    count = count_fds();
    capture_begin();
    ck_assert_int_eq(cede_run(leave_things, fds), 0);
    text = capture_end();
    ck_assert_says(text, "1 readers and writers were not removed");
    ck_assert_uint_eq(count_fds(), count);
    sigaction(SIGUSR1, NULL, &after);
    ck_assert_ptr_eq(after.sa_handler, before.sa_handler);
}
END_TEST

static int stop_the_loop(void *arg) {
    (void)arg;
    cede_loop_stop(cede_loop_current());
    return cede_sleep(CEDE_FOREVER);
}

START_TEST(to_stop_the_loop_cancels_the_first_task) {
    ck_assert_int_eq(cede_run(stop_the_loop, NULL), -ECANCELED);
}
END_TEST

/* --- Deadlock -------------------------------------------------------------------------------- */

static int join_task(void *arg) {
    return cede_join(arg, NULL);
}

static int embrace(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, join_task, cede_task_self(), NULL), 0);
    trace('<');
    ck_assert_int_eq(wait_for_nothing(NULL), -ECANCELED);
    trace('>');
    return 77;
}

START_TEST(a_deadlock_is_reported_and_ends) {
    const char *text;
    int r;

    capture_begin();
    r = cede_run(embrace, NULL);
    text = capture_end();
    ck_assert_int_eq(r, -EDEADLK);
    ck_assert_trace("<>");
    ck_assert_says(text, "deadlock: nothing can wake these tasks");
    ck_assert_says(text, "task 1 \"main\" waits for godot");
    ck_assert_says(text, "task 2 \"join_task\" waits for another task to end");
}
END_TEST

static int wait_behind_a_shield(void *arg) {
    struct cede_scope shield;

    (void)arg;
    cede_scope_enter(&shield, CEDE_FOREVER);
    cede_scope_set_shield(&shield, true);
    ck_assert_int_eq(wait_for_nothing(NULL), -ECANCELED);
    ck_assert_int_eq(wait_for_nothing(NULL), -ECANCELED);
    return cede_scope_leave(&shield, -ECANCELED);
}

static int wait_in_a_group(void *arg) {
    struct cede_group group;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    ck_assert_int_eq(cede_spawn(&group, wait_behind_a_shield, NULL, NULL), 0);
    return cede_group_leave(&group, 0);
}

START_TEST(a_deadlock_behind_a_shield_ends) {
    capture_begin();
    ck_assert_int_eq(cede_run(wait_behind_a_shield, NULL), -EDEADLK);
    ck_assert_int_eq(cede_run(wait_in_a_group, NULL), -EDEADLK);
    ck_assert_int_eq(cede_run(wait_for_nothing, NULL), -EDEADLK);
    capture_end();
}
END_TEST

/* Ending, it makes a task behind a shield that waits for nothing either. */
static int stubborn_clean_up(void *arg) {
    struct cede_scope shield;
    int r = wait_for_nothing(NULL);

    cede_scope_enter(&shield, CEDE_FOREVER);
    cede_scope_set_shield(&shield, true);
    wait_in_a_group(arg);
    cede_scope_leave(&shield, 0);
    trace('e');
    return r;
}

START_TEST(a_deadlock_during_the_end_of_a_deadlock_ends) {
    capture_begin();
    ck_assert_int_eq(cede_run(stubborn_clean_up, NULL), -EDEADLK);
    capture_end();
    ck_assert_trace("e");
}
END_TEST

static int leave_a_shielded_task(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, wait_behind_a_shield, NULL, NULL), 0);
    settle();
    return 8;
}

START_TEST(a_task_that_is_left_waiting_behind_a_shield_ends) {
    capture_begin();
    ck_assert_int_eq(cede_run(leave_a_shielded_task, NULL), 8);
    capture_end();
}
END_TEST

static int wait_with_timer(void *arg) {
    struct cede_scope scope;
    int r;

    (void)arg;
    cede_scope_enter(&scope, cede_after(2 * CEDE_MILLISECOND));
    r = wait_for_nothing(NULL);
    return cede_scope_leave(&scope, r);
}

START_TEST(a_wait_with_a_deadline_is_no_deadlock) {
    ck_assert_int_eq(cede_run(wait_with_timer, NULL), -ETIME);
}
END_TEST

static void run_fn(void *arg) {
    cede_run(*(cede_task_fn *)arg, NULL);
}

START_TEST(a_wait_that_refuses_to_end_aborts_the_process) {
    cede_task_fn fn = wait_stubbornly;

    check_aborts(run_fn, &fn, "refuse to be cancelled");
    check_aborts(run_fn, &fn, "task 1 \"main\" waits for godot, whatever happens");
}
END_TEST

/* --- Signals --------------------------------------------------------------------------------- */

static int raise_and_sleep(void *arg) {
    int r;

    raise(*(int *)arg);
    r = cede_sleep(3600 * CEDE_SECOND);
    trace(r == -ECANCELED ? 'c' : 's');
    return r == -ECANCELED ? 11 : r;
}

START_TEST(a_stop_signal_cancels_the_first_task) {
    static int signals[] = {SIGINT, SIGTERM};

    for (int i = 0; i < 2; i++) {
        struct sigaction before, after;

        sigaction(signals[i], NULL, &before);
        ck_assert_int_eq(cede_run(raise_and_sleep, &signals[i]), 11);
        sigaction(signals[i], NULL, &after);
        ck_assert_ptr_eq(after.sa_handler, before.sa_handler);
    }
    ck_assert_trace("cc");
}
END_TEST

static int shrug_and_sleep(void *arg) {
    struct cede_scope shield;

    (void)arg;
    cede_sleep(3600 * CEDE_SECOND);
    raise(SIGINT); /* the first has gone by, this one counts */
    cede_scope_enter(&shield, CEDE_FOREVER);
    cede_scope_set_shield(&shield, true);
    return cede_sleep(3600 * CEDE_SECOND);
}

static int interrupt_twice(void *arg) {
    (void)arg;
    raise(SIGINT);
    return shrug_and_sleep(NULL);
}

static int run_in_child(void *arg) {
    signal(SIGINT, SIG_DFL); /* the test's runner has a handler of its own */
    alarm(20);
    return cede_run(*(cede_task_fn *)arg, NULL);
}

START_TEST(a_second_stop_signal_kills) {
    cede_task_fn fn = interrupt_twice;
    int status = in_child(run_in_child, &fn);

    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGINT);
}
END_TEST

static volatile sig_atomic_t own_signals;

static void own_handler(int signal) {
    (void)signal;
    own_signals++;
}

static int raise_both(void *arg) {
    (void)arg;
    raise(SIGINT);
    raise(SIGTERM);
    return cede_sleep(CEDE_MILLISECOND);
}

START_TEST(signals_are_left_alone_when_asked) {
    struct cede_run_options options = {.keep_signals = true};

    signal(SIGINT, own_handler);
    signal(SIGTERM, own_handler);
    ck_assert_int_eq(cede_run_with(raise_both, NULL, &options), 0);
    ck_assert_int_eq(own_signals, 2);
}
END_TEST

static void on_own_signal(void *arg) {
    (void)arg;
    trace('o');
}

/* The program's own handler takes the place of the run's, and outlasts it. */
static int replace_handler(void *arg) {
    cede_loop *loop = cede_loop_current();

    (void)arg;
    ck_assert_int_eq(cede_loop_add_signal(loop, SIGINT, on_own_signal, NULL), 0);
    raise(SIGINT);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    raise(SIGTERM);
    ck_assert_int_eq(cede_sleep(3600 * CEDE_SECOND), -ECANCELED);
    raise(SIGINT);
    for (int i = 0; i < 1000 && strlen(scene_trace) < 2; i++)
        cede_task_yield();
    ck_assert(cede_loop_remove_signal(loop, SIGINT));
    ck_assert(!cede_loop_remove_signal(loop, SIGINT));
    return 0;
}

START_TEST(a_program_may_handle_a_stop_signal_itself) {
    ck_assert_int_eq(cede_run(replace_handler, NULL), 0);
    ck_assert_trace("oo");
}
END_TEST

/* --- Fork ------------------------------------------------------------------------------------ */

static int sleep_and_return(void *arg) {
    return cede_sleep(CEDE_MILLISECOND) == 0 ? (int)(intptr_t)arg : -EIO;
}

/* The child is not the parent, whose handler would wake the parent's loop. */
static int has_default_signals(void) {
    struct sigaction action;

    sigaction(SIGTERM, NULL, &action);
    return action.sa_handler == SIG_DFL;
}

static int check_the_child(cede_task *task) {
    char byte;

    if (cede_loop_current() || cede_task_self() || !has_default_signals())
        return 1;
    if (cede_sleep(1) != -EPERM || cede_task_yield() != -EPERM || cede_join(task, NULL) != -EPERM)
        return 2;
    if (cede_spawn(NULL, return_arg, NULL, NULL) != -EPERM || cede_kill(1) != -EPERM)
        return 3;
    if (cede_recv(0, &byte, 1, 0) != -EPERM || cede_accept(0, NULL) != -EPERM)
        return 4;
    return cede_run(sleep_and_return, (void *)23) == 23 ? 0 : 5;
}

static int fork_in_task(void *arg) {
    cede_task *sleeper;
    int status;
    pid_t pid;

    (void)arg;
    ck_assert(!has_default_signals());
    ck_assert_int_eq(cede_spawn(NULL, sleep_and_return, (void *)4, &sleeper), 0);
    settle();
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(check_the_child(sleeper));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_exits_0(status);
    ck_assert_int_eq(cede_join(sleeper, &status), 0); /* the parent is as it was */
    ck_assert_int_eq(status, 4);
    cede_task_unref(sleeper);
    return 0;
}

START_TEST(a_forked_child_has_no_loop_and_may_make_one) {
    signal(SIGTERM, SIG_DFL);
    ck_assert_int_eq(cede_run(fork_in_task, NULL), 0);
}
END_TEST

static int return_in_child(void *arg) {
    int status;
    pid_t pid;

    (void)arg;
    pid = fork();
    if (pid <= 0)
        return 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        abort(); /* handed on for check_aborts() to see */
    return 0;
}

START_TEST(a_task_that_returns_in_a_forked_child_aborts_it) {
    cede_task_fn fn = return_in_child;

    check_aborts(run_fn, &fn, "task 1 \"main\" returned in a forked child");
}
END_TEST

CEDE_CHECK_MAIN(
    "run", run_returns_what_the_function_returns, runs_do_not_nest, senseless_options_are_refused,
    options_choose_backend_and_stack_size, a_run_leaves_nothing_open,
    tasks_that_are_left_are_named_and_ended, tasks_that_the_left_ones_spawn_are_ended_too,
    readers_that_are_left_are_reported_and_removed, to_stop_the_loop_cancels_the_first_task,
    a_deadlock_is_reported_and_ends, a_deadlock_behind_a_shield_ends,
    a_deadlock_during_the_end_of_a_deadlock_ends, a_task_that_is_left_waiting_behind_a_shield_ends,
    a_wait_with_a_deadline_is_no_deadlock, a_wait_that_refuses_to_end_aborts_the_process,
    a_stop_signal_cancels_the_first_task, a_second_stop_signal_kills,
    signals_are_left_alone_when_asked, a_program_may_handle_a_stop_signal_itself,
    a_forked_child_has_no_loop_and_may_make_one, a_task_that_returns_in_a_forked_child_aborts_it)
