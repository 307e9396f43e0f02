/* run.c: cede_run(), the frame around a program's tasks.
 *
 * The first task runs in the root group, like every task without a group. When it has ended, what
 * is left is a leak: the tasks are named, cancelled and awaited. When nothing can happen any more
 * before the first task has ended, that is a deadlock: every task is then cancelled, through its
 * shields, and unwinds. Waits that even this does not end have no way out; the process says so and
 * aborts, rather than hang or pull the stacks from under what points into them.
 */
#include "task/task.h"

#include <errno.h>
#include <signal.h>

struct run {
    struct cede_loop *loop;
    struct cede_task *main;
    cede_task_fn fn;
    void *arg;
    bool doomed;
};

static const int stop_signals[] = {SIGINT, SIGTERM};

static void on_stop_signal(void *arg);

static void drop_signals(struct run *run) {
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++)
        cede__signal_remove_unheld(run->loop, stop_signals[i], on_stop_signal);
}

static void on_stop_signal(void *arg) {
    struct run *run = arg;

    drop_signals(run); /* so that a second one kills */
    cede_task_cancel(run->main, -ECANCELED);
}

/* Signals that another thread's run has taken are left to it. One that is ignored stays so: that is
 * how nohup, and a shell that starts its command in the background, protect a program from it. */
static void take_signals(struct run *run) {
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
        if (!run->loop->kernel->signal_is_ignored(stop_signals[i]))
            cede__signal_add_unheld(run->loop, stop_signals[i], on_stop_signal, run);
    }
}

static int run_main(void *arg) {
    struct run *run = arg;
    int r = run->fn(run->arg);

    cede_loop_stop(run->loop);
    return r;
}

/* Tasks that were made since the last time may be doomed now; when there are none, nothing helps.
 */
static void doom_all(struct run *run) {
    struct cede__tasks *tasks = cede__tasks_of(run->loop);
    bool helps = false;

    for (struct cede_task *task = NULL; (task = cede__task_next(tasks, task));) {
        helps |= !task->doomed;
        task->doomed = task->cancelled = true;
        cede__task_interrupt(task);
    }
    run->doomed = true;
    if (!helps) {
        cede__report_tasks(tasks, "these tasks wait, and refuse to be cancelled:");
        cede__panic("the run cannot end");
    }
}

/* Runs until the first task has ended. Returns whether that took the end of all others. */
static bool run_first(struct run *run) {
    struct cede__tasks *tasks = cede__tasks_of(run->loop);

    while (!run->main->done) {
        if (cede_loop_run(run->loop) == 0) {
            if (!run->main->done) /* a cede_loop_stop() of the program's own */
                cede_task_cancel(run->main, -ECANCELED);
            continue;
        }
        if (!run->doomed)
            cede__report_tasks(tasks, "deadlock: nothing can wake these tasks:");
        doom_all(run);
    }
    return run->doomed;
}

static void run_rest(struct run *run) {
    struct cede__tasks *tasks = cede__tasks_of(run->loop);

    if (run->loop->fibers > 0 && !run->doomed)
        cede__report_tasks(tasks, "the first task has ended, and these have not:");
    cede_scope_cancel(&tasks->root.scope, -ECANCELED);
    while (run->loop->fibers > 0) {
        if (cede_loop_run_once(run->loop, true) == 1 && run->loop->fibers > 0)
            doom_all(run);
    }
}

static int run_tasks(struct run *run) {
    static const struct cede_task_options options = {.name = "main"};
    int r = cede_spawn_with(NULL, run_main, run, &options, &run->main);

    if (r < 0)
        return r;
    run->main->joined = true;
    r = run_first(run) ? -EDEADLK : run->main->result;
    run_rest(run);
    cede_task_unref(run->main);
    return r;
}

static int run_on_loop(struct run *run, const struct cede_run_options *options) {
    int r = cede__tasks_open(run->loop, options ? options->stack_size : 0);

    if (r < 0)
        return r;
    if (!options || !options->keep_signals)
        take_signals(run);
    r = run_tasks(run);
    drop_signals(run);
    if (run->loop->watch_count > 0) {
        cede__report("%zu readers and writers were not removed", run->loop->watch_count);
        cede__watches_drop(run->loop);
    }
    cede__tasks_close(run->loop);
    return r;
}

int cede_run_with(cede_task_fn fn, void *arg, const struct cede_run_options *options) {
    struct cede_loop_options loop_options = {.backend = options ? options->backend : NULL};
    struct run run = {.fn = fn, .arg = arg};
    int r;

    if (!fn)
        return -EINVAL;
    r = cede_loop_new(&run.loop, &loop_options);
    if (r < 0)
        return r;
    r = run_on_loop(&run, options);
    CEDE_ASSERT(cede_loop_close(run.loop) == 0);
    return r;
}

int cede_run(cede_task_fn fn, void *arg) {
    return cede_run_with(fn, arg, NULL);
}
