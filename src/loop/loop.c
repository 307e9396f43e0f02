#include "loop/loop.h"

#include "base/alloc.h"
#include "coro/stack.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READY_INITIAL 64
/* How many long-free stacks give their memory back each time the loop goes to sleep. */
#define TRIM_BATCH 16

CEDE_THREAD_LOCAL struct cede_loop *cede__loop;
unsigned cede__generation;

static const struct cede__backend_ops *const backends[] = {
#ifdef CEDE_HAVE_URING
    &cede__backend_uring,
#endif
    &cede__backend_epoll,
};

/* The child of a fork shares its parent's kernel objects and must not touch them: its loop is gone,
 * and it may make a new one. */
static void after_fork_in_child(void) {
    cede__signals_forget();
    cede__loop = NULL;
    cede__generation++;
}

static void install_fork_handler(void) {
    pthread_atfork(NULL, NULL, after_fork_in_child);
}

static const struct cede__backend_ops *find_backend(const char *name) {
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    }
    return NULL;
}

/* What stands for a backend that this build does not have. */
static int open_missing(struct cede__backend **ret_backend, const char **ret_why) {
    (void)ret_backend;
    *ret_why = "this build has no io_uring";
    return -ENOSYS;
}

static const struct cede__backend_ops missing_uring = {
    .name = "io_uring", .kernel = &cede__kernel_linux, .open = open_missing};

/* The backend that is asked for, and why it is; NULL: there is none of that name. */
static const struct cede__backend_ops *choose_backend(const char *wanted, const char **ret_why) {
    const struct cede__backend_ops *ops;

    *ret_why = "it was asked for";
    if (!wanted) {
        wanted = secure_getenv("CEDE_BACKEND");
        *ret_why = "CEDE_BACKEND asks for it";
        if (!wanted || !*wanted) {
            *ret_why = "it is the best that runs here";
            return backends[0];
        }
    }
    ops = find_backend(wanted);
    return ops || strcmp(wanted, missing_uring.name) != 0 ? ops : &missing_uring;
}

/* A backend that says why it does not run is replaced by epoll; one that finds no memory or no fd
 * would run, and that is an error. */
static int open_backend(struct cede_loop *loop, const char *wanted) {
    const char *why, *failure = NULL;
    const struct cede__backend_ops *ops = choose_backend(wanted, &why);
    int r;

    if (!ops)
        return -EINVAL;
    snprintf(loop->why, sizeof loop->why, "%s", why);
    r = ops->open(&loop->backend, &failure);
    if (r < 0 && failure && ops != &cede__backend_epoll) {
        snprintf(loop->why, sizeof loop->why, "io_uring does not run here: %s", failure);
        ops = &cede__backend_epoll;
        r = ops->open(&loop->backend, &failure);
    }
    loop->ops = ops;
    loop->kernel = ops->kernel;
    return r;
}

static struct cede_loop *loop_alloc(void) {
    struct cede_loop *loop = cede__alloc_zero(sizeof *loop);

    if (!loop)
        return NULL;
    loop->ready = cede__alloc(READY_INITIAL * sizeof *loop->ready);
    if (!loop->ready) {
        cede__free(loop);
        return NULL;
    }
    loop->ready_mask = READY_INITIAL - 1;
    return loop;
}

static void loop_free(struct cede_loop *loop) {
    cede__fdtable_free(&loop->watches);
    cede__free(loop->ready);
    cede__free(loop);
}

int cede_loop_new(cede_loop **ret_loop, const struct cede_loop_options *options) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct cede_loop *loop;
    int r;

    if (cede__loop)
        return -EBUSY;
    pthread_once(&once, install_fork_handler);
    loop = loop_alloc();
    if (!loop)
        return -ENOMEM;
    r = open_backend(loop, options ? options->backend : NULL);
    if (r < 0) {
        loop_free(loop);
        return r;
    }
    loop->now = loop->kernel->now();
    cede__wheel_init(&loop->timers, loop->now);
    cede__watches_init(loop);
    loop->home = cede__fiber_self();
    loop->generation = cede__generation;
    cede__loop = loop;
    *ret_loop = loop;
    return 0;
}

static void drop_ready(struct cede_loop *loop) {
    while (loop->head != loop->tail) {
        uintptr_t entry = (uintptr_t)loop->ready[loop->head++ & loop->ready_mask];

        CEDE_ASSERT(entry & CEDE__READY_HANDLE);
        cede__handle_drop((struct cede_handle *)(entry & ~CEDE__READY_HANDLE));
    }
}

int cede_loop_close(cede_loop *loop) {
    if (!loop)
        return 0;
    if (loop != cede__loop)
        return -EPERM;
    if (loop->running || loop->watch_count > 0 || loop->fibers > 0)
        return -EBUSY;
    /* What is pending now belongs to readers that were removed, and is being cancelled. */
    while (loop->ops->pending(loop->backend) > 0)
        loop->ops->poll(loop->backend, CEDE_FOREVER);
    cede__signals_drop(loop);
    cede__posts_drop(loop);
    drop_ready(loop);
    cede__handles_drop_timed(loop);
    loop->ops->close(loop->backend);
    cede__loop = NULL;
    loop_free(loop);
    return 0;
}

cede_loop *cede_loop_current(void) {
    return cede__loop;
}

const char *cede_loop_backend(const cede_loop *loop, const char **ret_why) {
    if (ret_why)
        *ret_why = loop->why;
    return loop->ops->name;
}

const char *cede_backend_probe(const char *wanted, char *why, size_t size) {
    struct cede_loop probe = {.ready = NULL};
    int r = open_backend(&probe, wanted);

    snprintf(why, size, "%s", r < 0 ? cede_strerror(r) : probe.why);
    if (r < 0)
        return NULL;
    probe.ops->close(probe.backend);
    return probe.ops->name;
}

static int ready_grow(struct cede_loop *loop) {
    uint32_t mask = loop->ready_mask * 2 + 1;
    void **ready = cede__realloc_array(NULL, (size_t)mask + 1, sizeof *ready);

    if (!ready)
        return -ENOMEM;
    for (uint32_t i = loop->head; i != loop->tail; i++)
        ready[i & mask] = loop->ready[i & loop->ready_mask];
    cede__free(loop->ready);
    loop->ready = ready;
    loop->ready_mask = mask;
    return 0;
}

int cede__ready_reserve(struct cede_loop *loop) {
    if (loop->reserved > loop->ready_mask) {
        if (ready_grow(loop) < 0)
            return -ENOMEM;
    }
    loop->reserved++;
    return 0;
}

void cede__ready_release(struct cede_loop *loop) {
    CEDE_ASSERT(loop->reserved > 0);
    loop->reserved--;
}

bool cede__loop_exhausted(const struct cede_loop *loop) {
    return loop->head == loop->tail && loop->timers.count == 0 && loop->holds == 0 &&
           loop->ops->pending(loop->backend) == 0 && !atomic_load(&loop->posts) &&
           !atomic_load(&loop->signalled);
}

static bool anything_ready(struct cede_loop *loop) {
    return loop->head != loop->tail || atomic_load_explicit(&loop->posts, memory_order_relaxed) ||
           atomic_load_explicit(&loop->signalled, memory_order_relaxed);
}

/* Lets time, the kernel and other threads make things ready. */
static void look_around(struct cede_loop *loop, bool wait) {
    uint64_t until = 0;

    if (wait && !anything_ready(loop))
        until = cede__wheel_next(&loop->timers);
    if (until > 0)
        cede__stack_trim(TRIM_BATCH);
    if (until > 0 || !loop->ops->idle(loop->backend))
        loop->ops->poll(loop->backend, until);
    if (until > 0 || loop->timers.count > 0) {
        loop->now = loop->kernel->now();
        cede__wheel_advance(&loop->timers, loop->now);
    }
    cede__signals_run(loop);
    cede__posts_run(loop);
}

static void run_pass(struct cede_loop *loop) {
    for (;;) {
        if (loop->head == loop->pass_end) {
            if (loop->head == loop->tail || (int32_t)(loop->head - loop->poll_at) >= 0)
                return;
            loop->pass_end = loop->tail;
        }
        void *entry = loop->ready[loop->head++ & loop->ready_mask];
        if ((uintptr_t)entry & CEDE__READY_HANDLE)
            cede__handle_run((void *)((uintptr_t)entry & ~CEDE__READY_HANDLE));
        else
            cede__fiber_switch(loop->home, entry);
    }
}

static void one_pass(struct cede_loop *loop, bool wait, uint32_t interval) {
    look_around(loop, wait && !loop->stopping);
    loop->pass_end = loop->tail;
    loop->poll_at = loop->head + (loop->stopping ? 0 : interval);
    run_pass(loop);
}

static int begin(struct cede_loop *loop) {
    if (!loop)
        return -EINVAL;
    if (loop != cede__loop)
        return -EPERM;
    if (loop->running || cede__fiber_current != loop->home)
        return -EBUSY;
    loop->running = true;
    return 0;
}

int cede_loop_run(cede_loop *loop) {
    int r = begin(loop);

    if (r < 0)
        return r;
    bool wait = !cede__loop_exhausted(loop);
    do {
        one_pass(loop, wait, CEDE__POLL_INTERVAL);
        wait = true;
        r = !loop->stopping && cede__loop_exhausted(loop);
    } while (!loop->stopping && r == 0);
    loop->stopping = loop->running = false;
    return r;
}

int cede_loop_run_once(cede_loop *loop, bool wait) {
    int r = begin(loop);

    if (r < 0)
        return r;
    one_pass(loop, wait && !cede__loop_exhausted(loop), 0);
    r = cede__loop_exhausted(loop);
    loop->stopping = loop->running = false;
    return r;
}

void cede_loop_stop(cede_loop *loop) {
    loop->stopping = true;
    loop->poll_at = loop->head;
}

void cede_loop_hold(cede_loop *loop) {
    loop->holds++;
}

void cede_loop_release(cede_loop *loop) {
    CEDE_ASSERT(loop->holds > 0);
    loop->holds--;
}
