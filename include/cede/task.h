/* cede/task.h: tasks, functions with a stack of their own that cede the processor when they would
 * block; and cede_run(), where a program's tasks begin.
 *
 *     static int app(void *arg) { ... cede_sleep(CEDE_SECOND) ... }
 *     int main(void) { return cede_run(app, NULL) < 0; }
 *
 * Tasks of one thread take turns only where they block (or yield), in the order in which they
 * became ready, so what lies between two blocking calls needs no lock. A task stays on its thread.
 */
#ifndef CEDE_TASK_H
#define CEDE_TASK_H

#include <cede/base.h>
#include <cede/op.h>
#include <cede/scope.h>
#include <cede/wait.h>

CEDE_BEGIN_DECLS

typedef struct cede_task cede_task;

/* A task's function returns 0, a count, or -errno. */
typedef int (*cede_task_fn)(void *arg);

struct cede_run_options {
    const char *backend; /* as in struct cede_loop_options */
    size_t stack_size;   /* of tasks that do not ask for another; 0: the default, 192 KiB */
    bool keep_signals;   /* leave SIGINT and SIGTERM alone */
};

/* Makes a loop for this thread, runs fn(arg) in its first task, ends the tasks that are left (they
 * are cancelled, awaited, and named on standard error: a program should have joined them), and
 * closes the loop. Returns fn's result.
 *
 * SIGINT or SIGTERM cancels the first task (fn's blocking calls return -ECANCELED); cede_run() then
 * returns what fn made of that. A second one has the process's former disposition: it kills. A
 * signal that the process ignores (as SIGINT in a shell's background commands) stays ignored.
 * When several threads run, the signals belong to the run that began first. A signal function of
 * the program's own (cede_loop_add_signal()) takes the place of this.
 *
 * When every task waits and nothing could ever wake one, the tasks are named on standard error,
 * the first task is cancelled, and -EDEADLK is returned.
 *
 * options may be NULL. -EBUSY: this thread has a loop; -EINVAL; -ENOMEM, -EMFILE. Blocks. */
CEDE_PUBLIC int cede_run_with(cede_task_fn fn, void *arg, const struct cede_run_options *options);
CEDE_PUBLIC int cede_run(cede_task_fn fn, void *arg);

struct cede_task_options {
    const char *name;  /* for reports; must live as long as the task. NULL: the function's name */
    size_t stack_size; /* bytes; 0: what cede_run() was told, or the default */
};

/* A group: its tasks end before it does. Lives on the stack of the task that opens it. */
struct cede_group {
    struct cede_scope scope;
    struct cede_list waiting;
    size_t alive;
    size_t failed;
    int error;
    bool stopped;
    bool stopping;
    int stop_cause;
    struct cede_timer grace;
    struct cede_list stop_waiters;
    const struct cede_group_options *options;
};

/* What a group does about failures; all zero is what cede_group_enter() does. */
struct cede_group_options {
    /* A failure cancels nobody; leaving returns the first error all the same. */
    bool keep_going;
    /* Called for each task that fails, in the order in which they do, in the failing task. Must not
     * block. May be NULL. */
    void (*on_error)(const cede_task *task, int error, void *arg);
    void *arg;
};

/* Opens a group in the running task: a scope (see cede/scope.h) with tasks in it. When a task of
 * the group fails (returns an error), the scope is cancelled with that error as its cause. Never
 * blocks or fails. deadline: as in cede_scope_enter(). */
CEDE_PUBLIC void cede_group_enter(struct cede_group *group, uint64_t deadline);

/* The same with options, which must live as long as the group. NULL: none. */
CEDE_PUBLIC void cede_group_enter_with(struct cede_group *group, uint64_t deadline,
                                       const struct cede_group_options *options);

/* Waits for all tasks of the group, also when cancelled, and leaves its scope. r is what the work
 * in the group returned; an error in it cancels the tasks. Returns the first error of all, r's or a
 * task's; else r. */
CEDE_PUBLIC int cede_group_leave(struct cede_group *group, int r);

/* Waits until no task of the group is left, without leaving it. -ECANCELED: cancelled meanwhile. */
CEDE_PUBLIC int cede_group_wait(struct cede_group *group);

/* Asks the tasks of the group to come to an end of their own: what waits by cede_op_stop() is
 * woken, and cede_group_stopping() is true. Those that are left after grace_ns are cancelled, with
 * the cause (< 0), which leaving then returns; 0: at once; CEDE_FOREVER: never. When called again,
 * the first cause and the shorter time count. From any task or callback while the group is open.
 * -EINVAL: a cause that is none. Never blocks. */
CEDE_PUBLIC int cede_group_stop(struct cede_group *group, int cause, uint64_t grace_ns);
CEDE_PUBLIC bool cede_group_stopping(const struct cede_group *group);

/* As an operation: the group is asked to stop, or is over. Result: 0. In a set with what a task
 * does otherwise, as an accept, it ends the waiting and lets what has begun go on. */
CEDE_PUBLIC void cede_op_stop(struct cede_op *op, struct cede_group *group);

/* How many tasks of the group have not ended, and how many have ended with an error of their own.
 */
CEDE_PUBLIC size_t cede_group_alive(const struct cede_group *group);
CEDE_PUBLIC size_t cede_group_failed(const struct cede_group *group);

/* Makes a task that runs fn(arg), in the group (from any task while the group is open; it inherits
 * the group's scope), and puts it at the end of the ready queue. ret_task may be NULL; otherwise it
 * receives a reference that the caller gives back by cede_task_unref(). The group may be NULL: the
 * task belongs to cede_run() itself, and its error, if nobody joins it, is reported.
 * -ENOMEM: no memory, address space or mappings for it; -EINVAL: a senseless stack size; -EPERM: no
 * loop runs here. Never blocks. */
CEDE_PUBLIC int cede_spawn_with(struct cede_group *group, cede_task_fn fn, void *arg,
                                const struct cede_task_options *options, cede_task **ret_task);

/* The same; the task is named after its function. A macro, so that it can see the name. */
#define cede_spawn(group, fn, arg, ret_task) cede_spawn_as((group), (fn), (arg), #fn, (ret_task))
CEDE_PUBLIC int cede_spawn_as(struct cede_group *group, cede_task_fn fn, void *arg,
                              const char *name, cede_task **ret_task);

/* Waits until the task has ended; *ret_result (may be NULL) is then what it returned. What the wait
 * itself did is the return value: 0; -ECANCELED (the task goes on); -EDEADLK: the task is the
 * running one; -EPERM: no task runs here. */
CEDE_PUBLIC int cede_join(cede_task *task, int *ret_result);

/* Whether it has ended; its result is then in *ret_result (may be NULL). Never blocks. */
CEDE_PUBLIC bool cede_task_done(const cede_task *task, int *ret_result);

/* Cancels the task: from now on its blocking calls return -ECANCELED. The cause (< 0) is kept for
 * reports. Without effect on a task that has ended. Never blocks. */
CEDE_PUBLIC void cede_task_cancel(cede_task *task, int cause);

/* Cancels the task of that id. -ESRCH: no task of this thread has it, or not any more. Takes time
 * in proportion to the number of tasks. Never blocks. */
CEDE_PUBLIC int cede_kill(uint64_t id);

/* References. Both accept NULL; unref returns NULL. */
CEDE_PUBLIC cede_task *cede_task_ref(cede_task *task);
CEDE_PUBLIC cede_task *cede_task_unref(cede_task *task);

/* The running task (without a reference), or NULL outside of tasks. */
CEDE_PUBLIC cede_task *cede_task_self(void);

/* The task's number: 1 for the first of its loop, then counting up, never reused. */
CEDE_PUBLIC uint64_t cede_task_id(const cede_task *task);

/* The task's name, as it was given. */
CEDE_PUBLIC const char *cede_task_name(const cede_task *task);

/* What the task waits for ("a timer"), or NULL while it does not wait. */
CEDE_PUBLIC const char *cede_task_waits_for(const cede_task *task);

/* Lets the other ready tasks run first. -ECANCELED when the task is cancelled (it has yielded all
 * the same); -EPERM: no task runs here. */
CEDE_PUBLIC int cede_task_yield(void);

/* Blocks for a time, or until a deadline. 0, or -ECANCELED. A time of 0 yields. */
CEDE_PUBLIC int cede_sleep(uint64_t duration_ns);
CEDE_PUBLIC int cede_sleep_until(uint64_t deadline);

CEDE_END_DECLS

#endif
