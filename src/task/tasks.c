/* tasks.c: the memory of control blocks, in chunks that live as long as the loop. */
#include "task/offload.h"

#include "base/alloc.h"

#include <errno.h>

#define CACHE_LINE ((uintptr_t)64)
#define BLOCKS 128

struct cede__task_chunk {
    struct cede__task_chunk *next;
    struct cede__task_more more[BLOCKS];
    char room[]; /* for the blocks and their alignment */
};

/* Each block is a cache line of its own, so that a switch touches one. */
static struct cede_task *blocks_of(struct cede__task_chunk *chunk) {
    return (struct cede_task *)(((uintptr_t)chunk->room + CACHE_LINE - 1) & ~(CACHE_LINE - 1));
}

static int add_chunk(struct cede__tasks *tasks) {
    struct cede__task_chunk *chunk =
        cede__alloc(sizeof *chunk + CACHE_LINE + BLOCKS * sizeof(struct cede_task));

    if (!chunk)
        return -ENOMEM;
    chunk->next = tasks->chunks;
    tasks->chunks = chunk;
    for (size_t i = BLOCKS; i-- > 0;) {
        struct cede_task *task = blocks_of(chunk) + i;

        task->used = false;
        task->more = &chunk->more[i];
        task->home = tasks;
        task->more->arg = tasks->free;
        tasks->free = task;
    }
    return 0;
}

struct cede_task *cede__task_alloc(struct cede__tasks *tasks) {
    struct cede_task *task;

    if (!tasks->free && add_chunk(tasks) < 0)
        return NULL;
    task = tasks->free;
    tasks->free = task->more->arg;
    task->used = true;
    tasks->used++;
    return task;
}

static void free_if_unused(struct cede__tasks *tasks) {
    if (tasks->loop || tasks->used > 0)
        return;
    while (tasks->chunks) {
        struct cede__task_chunk *chunk = tasks->chunks;

        tasks->chunks = chunk->next;
        cede__free(chunk);
    }
    cede__free(tasks);
}

static void task_free(struct cede_task *task) {
    struct cede__tasks *tasks = task->home;

    task->used = false;
    task->more->arg = tasks->free;
    tasks->free = task;
    tasks->used--;
    free_if_unused(tasks);
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
    CEDE_ASSERT(task->done);
    if (!task->more->group && task->result < 0 && task->result != -ECANCELED && !task->joined)
        cede__report("task %llu \"%s\" failed and nobody joined it: %s",
                     (unsigned long long)task->more->id, task->more->name,
                     cede_strerror(task->result));
    task_free(task);
    return NULL;
}

void cede__task_bury(struct cede__tasks *tasks) {
    struct cede_task *task = tasks->dead;

    if (!task)
        return;
    tasks->dead = NULL;
    cede__fiber_destroy(&task->fiber);
    cede__stack_free(task->more->stack);
    task->more->stack = NULL;
    cede_task_unref(task);
}

/* In the order of the blocks, which is that of no particular time. */
struct cede_task *cede__task_next(const struct cede__tasks *tasks, const struct cede_task *task) {
    bool found = task == NULL;

    for (struct cede__task_chunk *chunk = tasks->chunks; chunk; chunk = chunk->next) {
        struct cede_task *blocks = blocks_of(chunk);
        size_t i = 0;

        if (!found) {
            if (task < blocks || task >= blocks + BLOCKS)
                continue;
            found = true;
            i = (size_t)(task - blocks) + 1;
        }
        for (; i < BLOCKS; i++) {
            if (blocks[i].used && !blocks[i].done)
                return &blocks[i];
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
    cede__pool_close(tasks->pool);
    cede__scope_unlink(&tasks->root.scope);
    loop->tasks = NULL;
    tasks->loop = NULL;
    free_if_unused(tasks);
}
