/* loop.h: the loop's own view of itself.
 *
 * What is ready stands in one array ring of tagged words, first in first out: a fiber (a task that
 * goes on) or a handle (a callback). Each fiber and each handle stands in it at most once, and a
 * place is reserved when it is made, so making something ready never allocates and never fails.
 *
 * A *pass* runs the entries that were ready at its start. The end of a pass is the place to look at
 * the kernel and the timers again; but a look costs a system call, so while entries are ready it
 * is put off until CEDE__POLL_INTERVAL entries have run (Go and tokio look every 61).
 *
 * The loop's own stack is `home`. A task that blocks switches directly to the next ready task; only
 * at the end of a pass, or for a callback, does it switch home.
 */
#ifndef CEDE_SRC_LOOP_H
#define CEDE_SRC_LOOP_H

#include "coro/fiber.h"
#include "loop/backend.h"
#include "loop/fdtable.h"
#include "loop/wheel.h"

#include <cede/loop.h>
#include <stdatomic.h>

#define CEDE__POLL_INTERVAL 64

/* A callback from another thread, on its way to the loop. */
struct cede__post {
    struct cede__post *next;
    cede_callback fn;
    void *arg;
    bool lasting; /* it is not freed, since its owner pushes it again and again */
};

struct cede_loop {
    /* the ready ring: indices run freely, `mask` wraps them */
    void **ready;
    uint32_t ready_mask, head, tail;
    uint32_t pass_end; /* where the pass that runs now ends */
    uint32_t poll_at;  /* from here on, the end of a pass is the time to poll */
    struct cede__fiber *home;
    uint32_t reserved; /* places promised in the ring */
    uint32_t holds;    /* posts, signals and others that may still make something happen */
    bool running, stopping;

    const struct cede__backend_ops *ops;
    const struct cede__kernel *kernel;
    struct cede__backend *backend;
    uint64_t now; /* the clock at the last poll */
    char why[160];

    struct cede__fdtable watches; /* readers and writers */
    size_t watch_count;
    size_t fibers; /* tasks that live on the loop, and may stand in the ring */
    _Atomic(struct cede__post *) posts;
    atomic_uint posting; /* threads that are in cede_loop_post() */
    atomic_bool signalled;
    unsigned generation; /* cede__generation when it was made */

    void *tasks; /* the task layer's */
    struct cede__wheel timers;
};

extern __attribute__((visibility("hidden"))) CEDE_THREAD_LOCAL struct cede_loop *cede__loop;

/* Counts the forks that lead to this process: a loop of another generation is not of this one. */
extern __attribute__((visibility("hidden"))) unsigned cede__generation;

/* Promises a place in the ready ring to something that will be made ready. -ENOMEM. */
int cede__ready_reserve(struct cede_loop *loop);
void cede__ready_release(struct cede_loop *loop);

#define CEDE__READY_HANDLE ((uintptr_t)1)

static inline void cede__ready_push(struct cede_loop *loop, void *entry) {
    loop->ready[loop->tail++ & loop->ready_mask] = entry;
}

static inline void cede__ready_push_fiber(struct cede_loop *loop, struct cede__fiber *fiber) {
    cede__ready_push(loop, fiber);
}

/* With many tasks each one's block and stack have left the caches when its turn comes, and its
 * stack's page the TLB: asking for them some turns ahead hides most of that (at 10,000 tasks a
 * yield takes a quarter of the time). The block of a turn further on is fetched first, because the
 * stack's address is read from it; of the stack, the innermost frames. */
static inline void cede__ready_prefetch(const struct cede_loop *loop) {
    if (loop->tail - loop->head > 2) {
        uintptr_t next = (uintptr_t)loop->ready[(loop->head + 1) & loop->ready_mask];

        __builtin_prefetch(loop->ready[(loop->head + 3) & loop->ready_mask]);
        if (!(next & CEDE__READY_HANDLE)) {
            const char *sp = ((const struct cede__fiber *)next)->sp;

            for (int line = 0; line < 5; line++)
                __builtin_prefetch(sp + line * 64);
        }
    }
}

/* Whom to switch to: the next ready fiber of this pass, or home. */
static inline struct cede__fiber *cede__ready_next(struct cede_loop *loop) {
    if (loop->head == loop->pass_end) {
        if (loop->head == loop->tail || (int32_t)(loop->head - loop->poll_at) >= 0)
            return loop->home;
        loop->pass_end = loop->tail;
    }
    void *entry = loop->ready[loop->head & loop->ready_mask];
    if ((uintptr_t)entry & CEDE__READY_HANDLE)
        return loop->home;
    loop->head++;
    cede__ready_prefetch(loop);
    return entry;
}

/* Submits to the loop's backend; the same contract as cede__backend_ops.submit. */
static inline bool cede__submit(struct cede_loop *loop, struct cede__io *io) {
    return loop->ops->submit(loop->backend, io);
}

/* handle.c */
enum cede__handle_state {
    CEDE__HANDLE_IDLE,
    CEDE__HANDLE_WAITING,
    CEDE__HANDLE_READY,
    CEDE__HANDLE_DONE,
};

struct cede_handle {
    struct cede_loop *loop;
    cede_callback fn; /* NULL once it is cancelled */
    void *arg;
    struct cede_timer timer;
    uint8_t refs;
    uint8_t state; /* enum cede__handle_state */
    bool lasting;  /* runs again and again */
};

/* An idle handle with one reference, for which a place was reserved. */
void cede__handle_init(struct cede_handle *handle, struct cede_loop *loop, cede_callback fn,
                       void *arg);
/* Makes a handle ready. */
void cede__handle_push(struct cede_handle *handle);
/* Runs a handle that was taken from the ring. */
void cede__handle_run(struct cede_handle *handle);
/* Ends a handle that stands nowhere any more: gives its place and the loop's reference back. */
void cede__handle_drop(struct cede_handle *handle);
/* Disarms all timers, and ends the handles among them. */
void cede__handles_drop_timed(struct cede_loop *loop);

/* post.c, signal.c, watch.c */

/* As cede_loop_post(), but never fails; not again before the post's function was called. */
void cede__post_push(struct cede_loop *loop, struct cede__post *post);
void cede__posts_run(struct cede_loop *loop);
void cede__posts_drop(struct cede_loop *loop);
void cede__signals_run(struct cede_loop *loop);
void cede__signals_drop(struct cede_loop *loop);
void cede__signals_forget(void); /* in a forked child */
/* The same as cede_loop_add_signal(), but the signal is no reason for the loop to wait; and its
 * end, unless the signal has got another function meanwhile. */
int cede__signal_add_unheld(struct cede_loop *loop, int signal, cede_callback fn, void *arg);
void cede__signal_remove_unheld(struct cede_loop *loop, int signal, cede_callback fn);
void cede__watches_init(struct cede_loop *loop);
void cede__watches_drop(struct cede_loop *loop); /* removes all that are left */

/* Whether nothing could ever make anything ready again. */
bool cede__loop_exhausted(const struct cede_loop *loop);

#endif
