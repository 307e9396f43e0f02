/* handle.c: callbacks that run once, soon or at a time.
 *
 * A handle is WAITING (its timer is armed) or READY (it stands in the ready ring) until it has run
 * or was dropped; then it is DONE and knows no loop any more. The loop holds a reference until
 * then, the caller may hold another. A cancelled handle that is READY stays in the ring and is
 * passed over. A lasting handle (a reader's) is IDLE between its runs and owned by its watch.
 */
#include "base/alloc.h"
#include "loop/loop.h"

#include <errno.h>

static void handle_fire(struct cede_timer *timer) {
    cede__handle_push(cede__container_of(timer, struct cede_handle, timer));
}

void cede__handle_init(struct cede_handle *handle, struct cede_loop *loop, cede_callback fn,
                       void *arg) {
    *handle = (struct cede_handle){
        .loop = loop, .fn = fn, .arg = arg, .refs = 1, .state = CEDE__HANDLE_IDLE};
    cede_timer_init(&handle->timer, handle_fire);
}

static int handle_new(struct cede_loop *loop, cede_callback fn, void *arg,
                      struct cede_handle **ret_handle) {
    struct cede_handle *handle;

    if (!loop || !fn)
        return -EINVAL;
    if (loop != cede__loop)
        return -EPERM;
    handle = cede__alloc(sizeof *handle);
    if (!handle)
        return -ENOMEM;
    if (cede__ready_reserve(loop) < 0) {
        cede__free(handle);
        return -ENOMEM;
    }
    cede__handle_init(handle, loop, fn, arg);
    *ret_handle = handle;
    return 0;
}

static void give_reference(struct cede_handle *handle, struct cede_handle **ret_handle) {
    if (ret_handle) {
        handle->refs++;
        *ret_handle = handle;
    }
}

void cede__handle_push(struct cede_handle *handle) {
    CEDE_ASSERT(handle->state != CEDE__HANDLE_READY && handle->state != CEDE__HANDLE_DONE);
    handle->state = CEDE__HANDLE_READY;
    cede__ready_push(handle->loop, (void *)((uintptr_t)handle | CEDE__READY_HANDLE));
}

void cede__handle_drop(struct cede_handle *handle) {
    cede__ready_release(handle->loop);
    handle->state = CEDE__HANDLE_DONE;
    handle->loop = NULL;
    cede_handle_unref(handle);
}

void cede__handle_run(struct cede_handle *handle) {
    cede_callback fn = handle->fn;

    CEDE_ASSERT(handle->state == CEDE__HANDLE_READY);
    if (handle->lasting && fn) {
        handle->state = CEDE__HANDLE_IDLE;
        fn(handle->arg);
        return;
    }
    void *arg = handle->arg;
    cede__handle_drop(handle);
    if (fn)
        fn(arg);
}

int cede_loop_call_soon(cede_loop *loop, cede_callback fn, void *arg, cede_handle **ret_handle) {
    struct cede_handle *handle;
    int r = handle_new(loop, fn, arg, &handle);

    if (r < 0)
        return r;
    cede__handle_push(handle);
    give_reference(handle, ret_handle);
    return 0;
}

int cede_loop_call_at(cede_loop *loop, uint64_t deadline, cede_callback fn, void *arg,
                      cede_handle **ret_handle) {
    struct cede_handle *handle;
    int r = handle_new(loop, fn, arg, &handle);

    if (r < 0)
        return r;
    handle->state = CEDE__HANDLE_WAITING;
    /* A callback for the end of time still exists, and can be cancelled. */
    handle->timer.deadline = deadline < CEDE_FOREVER ? deadline : CEDE_FOREVER - 1;
    cede__wheel_insert(&loop->timers, &handle->timer);
    give_reference(handle, ret_handle);
    return 0;
}

int cede_loop_call_later(cede_loop *loop, uint64_t duration_ns, cede_callback fn, void *arg,
                         cede_handle **ret_handle) {
    if (!loop)
        return -EINVAL;
    return cede_loop_call_at(loop, cede_after(duration_ns), fn, arg, ret_handle);
}

bool cede_handle_cancel(cede_handle *handle) {
    if (!handle || handle->state == CEDE__HANDLE_DONE || !handle->fn)
        return false;
    handle->fn = NULL;
    if (handle->state == CEDE__HANDLE_WAITING) {
        cede__wheel_remove(&handle->loop->timers, &handle->timer);
        cede__handle_drop(handle);
    }
    return true;
}

cede_handle *cede_handle_unref(cede_handle *handle) {
    if (handle) {
        CEDE_ASSERT(handle->refs > 0);
        if (--handle->refs == 0)
            cede__free(handle);
    }
    return NULL;
}

void cede__handles_drop_timed(struct cede_loop *loop) {
    for (size_t i = 0; i < CEDE__WHEEL_DUE; i++) {
        cede__list_for_each(pos, tmp, &loop->timers.slots[i]) {
            struct cede_timer *timer = cede__container_of(pos, struct cede_timer, link);

            cede__wheel_remove(&loop->timers, timer);
            if (timer->fire == handle_fire)
                cede__handle_drop(cede__container_of(timer, struct cede_handle, timer));
        }
    }
}
