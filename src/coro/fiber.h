/* fiber.h: a line of execution with its own chain of coroutines: the thread itself (the root
 * fiber), or a task. Nothing here knows a loop; the task layer decides who runs.
 *
 * A fiber that runs is `cede__fiber_current`. One that does not has its registers on its stack, and
 * sp says where: on the fiber's own stack, or on that of its innermost coroutine `top`, for a
 * coroutine's body may block, and then its whole chain waits with the fiber.
 *
 * The structure belongs to whoever initialised it, and must stay where it is until
 * cede__fiber_destroy(). A fiber never moves to another thread.
 */
#ifndef CEDE_SRC_FIBER_H
#define CEDE_SRC_FIBER_H

#include "base/base.h"
#include "coro/annotate.h"
#include "coro/switch.h"

struct cede_coro;

struct cede__fiber {
    void *sp;               /* where it goes on, while it does not run */
    struct cede_coro *top;  /* the innermost running coroutine, NULL when none */
    struct cede__note note; /* empty without a sanitizer */
};

/* The fiber that runs on this thread; NULL until cede__fiber_root() was called here. */
extern __attribute__((visibility("hidden")))
CEDE_THREAD_LOCAL struct cede__fiber *cede__fiber_current;

/* The thread's own fiber, made the current one if the thread had none yet. */
struct cede__fiber *cede__fiber_root(void);

/* The current fiber, also on a thread that has never had one. */
static inline struct cede__fiber *cede__fiber_self(void) {
    struct cede__fiber *fiber = cede__fiber_current;

    return CEDE_LIKELY(fiber != NULL) ? fiber : cede__fiber_root();
}

/* Prepares *fiber to run entry(arg) below `top` (16-byte aligned; `size` bytes below it are its
 * own). entry must not return; it ends by cede__fiber_exit(). */
void cede__fiber_init(struct cede__fiber *fiber, void *top, size_t size, void (*entry)(void *arg),
                      void *arg);

/* Releases what the sanitizers hold for a fiber that does not run. */
static inline void cede__fiber_destroy(struct cede__fiber *fiber) {
    cede__note_destroy(&fiber->note);
}

/* Leaves `from`, which must be the current fiber, for `to`, which must not; returns when somebody
 * switches to `from`. Not asserted: it is the hottest path there is. */
static inline __attribute__((always_inline)) void cede__fiber_switch(struct cede__fiber *from,
                                                                     struct cede__fiber *to) {
    cede__fiber_current = to;
    cede__note_leave(cede__note_running(&from->note), cede__note_running(&to->note));
    cede__switch(&from->sp, to->sp);
    cede__note_enter(cede__note_running(&from->note));
}

/* The last switch of a fiber. Its stack may be used anew as soon as `to` runs. */
static inline _Noreturn void cede__fiber_exit(struct cede__fiber *from, struct cede__fiber *to) {
    cede__fiber_current = to;
    cede__note_leave_for_good(cede__note_running(&to->note));
    cede__switch(&from->sp, to->sp);
    __builtin_unreachable();
}

#endif
