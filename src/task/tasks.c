/* tasks.c: the memory of control blocks, in chunks that live as long as the loop. */
#include "task/task.h"

#include "base/alloc.h"

#include <errno.h>

static int add_chunk(struct cede__tasks *tasks) {
    struct cede__task_chunk *chunk = cede__alloc(sizeof *chunk);

    if (!chunk)
        return -ENOMEM;
    chunk->next = tasks->chunks;
    tasks->chunks = chunk;
    for (size_t i = CEDE__TASK_CHUNK; i-- > 0;) {
        chunk->tasks[i].used = false;
        chunk->tasks[i].arg = tasks->free;
        tasks->free = &chunk->tasks[i];
    }
    return 0;
}

struct cede_task *cede__task_alloc(struct cede__tasks *tasks) {
    struct cede_task *task;

    if (!tasks->free && add_chunk(tasks) < 0)
        return NULL;
    task = tasks->free;
    tasks->free = task->arg;
    task->used = true;
    return task;
}

static void task_free(struct cede__tasks *tasks, struct cede_task *task) {
    task->used = false;
    task->arg = tasks->free;
    tasks->free = task;
}

cede_task *cede_task_ref(cede_task *task) {
    if (task)
        task->refs++;
    return task;
}

cede_task *cede_task_unref(cede_task *task) {
    if (!task)
        return NULL;
    CEDE_ASSERT(task->refs > 0);
    if (--task->refs > 0)
        return NULL;
    CEDE_ASSERT(task->done && cede__loop != NULL);
    if (!task->group && task->result < 0 && task->result != -ECANCELED && !task->joined)
        cede__report("task %llu \"%s\" failed and nobody joined it: %s",
                     (unsigned long long)task->id, task->name, cede_strerror(task->result));
    task_free(cede__tasks_of(cede__loop), task);
    return NULL;
}

void cede__task_bury(struct cede__tasks *tasks) {
    struct cede_task *task = tasks->dead;

    if (!task)
        return;
    tasks->dead = NULL;
    cede__fiber_destroy(&task->fiber);
    cede__stack_free(task->stack);
    task->stack = NULL;
    cede_task_unref(task);
}

/* In the order of the blocks, which is that of no particular time. */
struct cede_task *cede__task_next(const struct cede__tasks *tasks, const struct cede_task *task) {
    bool found = task == NULL;

    for (struct cede__task_chunk *chunk = tasks->chunks; chunk; chunk = chunk->next) {
        size_t i = 0;

        if (!found) {
            if (task < chunk->tasks || task >= chunk->tasks + CEDE__TASK_CHUNK)
                continue;
            found = true;
            i = (size_t)(task - chunk->tasks) + 1;
        }
        for (; i < CEDE__TASK_CHUNK; i++) {
            if (chunk->tasks[i].used && !chunk->tasks[i].done)
                return &chunk->tasks[i];
        }
    }
    return NULL;
}

int cede__tasks_open(struct cede_loop *loop, size_t stack_size) {
    struct cede__tasks *tasks = cede__alloc_zero(sizeof *tasks);

    if (!tasks)
        return -ENOMEM;
    tasks->loop = loop;
    tasks->stack_size = stack_size;
    cede__group_init(&tasks->root);
    cede__scope_link(&tasks->root.scope, NULL, NULL, CEDE_FOREVER);
    loop->tasks = tasks;
    return 0;
}

void cede__tasks_close(struct cede_loop *loop) {
    struct cede__tasks *tasks = cede__tasks_of(loop);

    cede__task_bury(tasks);
    cede__scope_unlink(&tasks->root.scope);
    while (tasks->chunks) {
        struct cede__task_chunk *chunk = tasks->chunks;

        tasks->chunks = chunk->next;
        cede__free(chunk);
    }
    cede__free(tasks);
    loop->tasks = NULL;
}
