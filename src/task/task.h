/* task.h: the task layer's own view of a task.
 *
 * A task's control block is apart from its stack, dense among those of other tasks, and holds in
 * one cache line what a switch touches; the rest is in a second block. It is in one of these
 * situations, told by no field of its own but by where it stands:
 *
 *     ready      its fiber is in the loop's ready ring
 *     running    its fiber is cede__fiber_current
 *     parked     `waiter` points to the wait that it is in
 *     done       `done` is set; the block lives on while somebody holds a reference
 *
 * `cancelled` is what every blocking call looks at. It is always the same as scope->effective (or
 * `doomed`), kept here because the scope lies on some stack.
 *
 * The bottom of a task's stack holds its base scope, so that a task can be cancelled by itself and
 * its place in the tree of scopes costs no memory beyond the page that it has anyway.
 *
 * A task that ends cannot free the stack that it stands on. It becomes `dead`, and the next spawn,
 * or the next task to end, buries it.
 */
#ifndef CEDE_SRC_TASK_H
#define CEDE_SRC_TASK_H

#include "base/list.h"
#include "coro/stack.h"
#include "loop/loop.h"

#include <cede/task.h>

/* How many blocking calls may succeed at once before the task goes to the back of the queue. */
#define CEDE__TASK_BUDGET 128

struct cede_task {
    struct cede__fiber fiber; /* first */
    struct cede_waiter *waiter;
    struct cede_scope *scope; /* the innermost */
    struct cede__task_more *more;
    struct cede__tasks *home; /* not looked at by a switch; it fits */
    int result;
    uint32_t refs; /* the loop's, until the task is buried, and the callers' */
    uint8_t budget;
    bool cancelled;
    bool doomed; /* cancelled whatever the shields say: the run is at an end */
    bool done;
    bool joined; /* somebody has seen the result */
    bool used;   /* the block holds a task */
} __attribute__((aligned(64)));

/* What is needed at a task's beginning and end, and in reports. */
struct cede__task_more {
    cede_task_fn fn;
    void *arg;
    uint64_t id;
    const char *name;
    struct cede_group *group;
    struct cede__stack *stack;   /* NULL once it is buried */
    struct cede__locals *locals; /* NULL: none */
    struct cede_list joiners;
};

struct cede__task_chunk;
struct cede__pool;

/* What the layer keeps for a loop; it outlives the loop while somebody refers to a task. */
struct cede__tasks {
    struct cede_loop *loop; /* NULL once that is closed */
    size_t used;            /* blocks that hold a task */
    struct cede__task_chunk *chunks;
    struct cede_task *free; /* linked through more->arg */
    struct cede_task *dead;
    uint64_t last_id;
    size_t stack_size;
    struct cede__pool *pool; /* offload.c; NULL until it is needed */
    struct cede_group root;  /* of tasks without a group; only its scope and counts are used */
};

static inline struct cede__tasks *cede__tasks_of(const struct cede_loop *loop) {
    return loop->tasks;
}

/* The running task, or NULL: in a callback, outside of a loop, in a forked child. */
static inline struct cede_task *cede__task_current(void) {
    struct cede_loop *loop = cede__loop;

    if (CEDE_UNLIKELY(!loop || cede__fiber_current == loop->home))
        return NULL;
    return cede__container_of(cede__fiber_current, struct cede_task, fiber);
}

/* What every blocking call does first: -EPERM where no task runs, -ECANCELED when it is cancelled.
 */
int cede__blocking(struct cede_task **ret_task);

/* What a blocking call does that has succeeded without blocking. */
void cede__charge(struct cede_task *task);

/* Takes the task, which is in no queue or already in its next one, off the processor. */
static inline void cede__task_leave(struct cede_loop *loop, struct cede_task *task) {
    struct cede__fiber *next = cede__ready_next(loop);

    if (next != &task->fiber)
        cede__fiber_switch(&task->fiber, next);
    task->budget = CEDE__TASK_BUDGET;
}

/* tasks.c: the blocks, and one after another the tasks that are alive (NULL: the first). */
struct cede_task *cede__task_alloc(struct cede__tasks *tasks);
struct cede_task *cede__task_next(const struct cede__tasks *tasks, const struct cede_task *task);
int cede__tasks_open(struct cede_loop *loop, size_t stack_size);
void cede__tasks_close(struct cede_loop *loop);
void cede__task_bury(struct cede__tasks *tasks);

/* scope.c: links a scope below its parent, computes its state. */
void cede__scope_link(struct cede_scope *scope, struct cede_scope *parent, struct cede_task *owner,
                      uint64_t deadline);
void cede__scope_unlink(struct cede_scope *scope);
struct cede_scope *cede__task_base_scope(const struct cede_task *task);

/* park.c: ends the task's wait if it can be withdrawn. */
void cede__task_interrupt(struct cede_task *task);

/* stop.c: the time in which a group was to end by itself has passed. */
void cede__group_grace_over(struct cede_timer *timer);

/* group.c */
void cede__group_init(struct cede_group *group);
/* Opens a group below the root scope, apart from the running task's own scopes; closing it waits
 * for its tasks, whatever happens to the running one. */
void cede__group_open(struct cede_group *group);
void cede__group_close(struct cede_group *group);
void cede__group_task_ended(struct cede_group *group, const struct cede_task *task);

/* report.c */
void cede__report_tasks(const struct cede__tasks *tasks, const char *headline);
void cede__task_describe(const void *owner, char *buf, size_t size);

#endif
