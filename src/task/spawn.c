/* spawn.c: how a task begins and ends. */
#include "task/local.h"
#include "task/task.h"
#include "task/watch.h"

#include <errno.h>

static struct cede_scope *scope_below(void *top) {
    return (struct cede_scope *)((uintptr_t)top - ((sizeof(struct cede_scope) + 15) & ~(size_t)15));
}

struct cede_scope *cede__task_base_scope(const struct cede_task *task) {
    return scope_below(cede__stack_top(task->more->stack));
}

/* The destroy functions run while the task still counts as running, and find no locals. */
static inline void end_locals(struct cede_task *task) {
    struct cede__locals *locals = task->more->locals;

    if (CEDE_LIKELY(!locals))
        return;
    task->more->locals = NULL;
    cede__locals_unref(locals);
    CEDE_ASSERT(task->more->locals == NULL);
}

_Noreturn static void task_end(struct cede_task *task, int result) {
    struct cede_loop *loop = cede__loop;

    if (!loop)
        cede__panic("task %llu \"%s\" returned in a forked child: a child ends by _exit() or exec",
                    (unsigned long long)task->more->id, task->more->name);
    if (task->scope != cede__task_base_scope(task))
        cede__panic("task %llu \"%s\" returned from inside a scope or group",
                    (unsigned long long)task->more->id, task->more->name);
    CEDE_ASSERT(task->fiber.top == NULL);
    end_locals(task);
    task->result = result;
    task->done = true;
    cede__group_task_ended(task->more->group ? task->more->group : &cede__tasks_of(loop)->root,
                           task);
    cede__scope_unlink(task->scope);
    cede__watch_end_all(&task->more->joiners);
    loop->fibers--;
    cede__ready_release(loop);
    cede__task_bury(cede__tasks_of(loop));
    cede__tasks_of(loop)->dead = task;
    cede__fiber_exit(&task->fiber, cede__ready_next(loop));
}

static void task_main(void *arg) {
    struct cede_task *task = arg;

    task_end(task, task->more->fn(task->more->arg));
}

static void task_init(struct cede_task *task, struct cede_group *group, cede_task_fn fn, void *arg,
                      const char *name) {
    struct cede__tasks *tasks = cede__tasks_of(cede__loop);
    struct cede_scope *parent = group ? &group->scope : &tasks->root.scope;
    struct cede_scope *base = cede__task_base_scope(task);
    const struct cede_task *spawner = cede__task_current();

    task->waiter = NULL;
    task->scope = base;
    task->more->fn = fn;
    task->more->arg = arg;
    task->result = 0;
    task->refs = 1;
    task->budget = CEDE__TASK_BUDGET;
    task->doomed = task->done = task->joined = false;
    task->more->id = ++tasks->last_id;
    task->more->name = name;
    task->more->group = group;
    task->more->locals = spawner ? cede__locals_ref(spawner->more->locals) : NULL;
    cede__list_init(&task->more->joiners);
    cede__scope_link(base, parent, task, CEDE_FOREVER);
    task->cancelled = base->effective;
    cede__stack_set_owner(task->more->stack, task, cede__task_describe);
    cede__fiber_init(&task->fiber, base, cede__stack_size(task->more->stack), task_main, task);
}

static int task_new(struct cede__tasks *tasks, size_t stack_size, struct cede_task **ret_task) {
    struct cede__stack *stack;
    int r;

    cede__task_bury(tasks);
    r = cede__stack_new(stack_size ? stack_size : tasks->stack_size, &stack);
    if (r < 0)
        return r;
    r = cede__ready_reserve(tasks->loop);
    if (r == 0) {
        *ret_task = cede__task_alloc(tasks);
        if (*ret_task) {
            (*ret_task)->more->stack = stack;
            return 0;
        }
        cede__ready_release(tasks->loop);
    }
    cede__stack_free(stack);
    return -ENOMEM;
}

static int spawn(struct cede_group *group, cede_task_fn fn, void *arg, const char *name,
                 size_t stack_size, struct cede_task **ret_task) {
    struct cede_loop *loop = cede__loop;
    struct cede_task *task;
    int r;

    if (!fn)
        return -EINVAL;
    if (!loop || !loop->tasks)
        return -EPERM;
    r = task_new(cede__tasks_of(loop), stack_size, &task);
    if (r < 0)
        return r;
    task_init(task, group, fn, arg, name);
    (group ? group : &cede__tasks_of(loop)->root)->alive++;
    loop->fibers++;
    cede__ready_push_fiber(loop, &task->fiber);
    if (ret_task)
        *ret_task = cede_task_ref(task);
    return 0;
}

int cede_spawn_with(struct cede_group *group, cede_task_fn fn, void *arg,
                    const struct cede_task_options *options, cede_task **ret_task) {
    const char *name = options && options->name ? options->name : "task";

    return spawn(group, fn, arg, name, options ? options->stack_size : 0, ret_task);
}

int cede_spawn_as(struct cede_group *group, cede_task_fn fn, void *arg, const char *name,
                  cede_task **ret_task) {
    return spawn(group, fn, arg, name ? name : "task", 0, ret_task);
}
