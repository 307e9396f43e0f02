/* watch.c: readers and writers, level-triggered callbacks on an fd, made from POLL operations.
 *
 * A watch has one POLL operation pending, or its handle stands in the ready ring, never both. When
 * it is removed it is taken from the table at once; its memory goes when the operation (which a
 * backend may have to complete) and the handle have both let go of it.
 */
#include "base/alloc.h"
#include "loop/loop.h"

#include <errno.h>
#include <poll.h>

struct watch {
    struct cede_handle handle; /* first: its reference counts for the whole */
    cede_callback fn;
    void *arg;
    struct cede__io io;
    bool pending; /* the operation is the backend's */
    bool removed;
};

struct pair {
    struct watch *by_direction[2];
};

void cede__watches_init(struct cede_loop *loop) {
    cede__fdtable_init(&loop->watches, sizeof(struct pair));
}

static void release_watch(struct watch *watch) {
    cede__handle_drop(&watch->handle);
}

static void poll_done(struct cede__io *io) {
    struct watch *watch = cede__container_of(io, struct watch, io);

    watch->pending = false;
    if (watch->removed)
        release_watch(watch);
    else
        cede__handle_push(&watch->handle);
}

static void start_poll(struct watch *watch) {
    watch->pending = !cede__submit(watch->handle.loop, &watch->io);
    if (!watch->pending)
        cede__handle_push(&watch->handle);
}

static void run_watch(void *arg) {
    struct watch *watch = arg;

    if (!watch->removed)
        watch->fn(watch->arg);
    if (watch->removed)
        release_watch(watch);
    else
        start_poll(watch);
}

static int watch_new(struct cede_loop *loop, int fd, int direction, struct watch **ret_watch) {
    struct watch *watch = cede__alloc_zero(sizeof *watch);
    int r;

    if (!watch)
        return -ENOMEM;
    r = cede__ready_reserve(loop);
    if (r == 0) {
        r = loop->ops->watch(loop->backend, fd);
        if (r < 0)
            cede__ready_release(loop);
    }
    if (r < 0) {
        cede__free(watch);
        return r;
    }
    cede__handle_init(&watch->handle, loop, run_watch, watch);
    watch->handle.lasting = true;
    watch->io = (struct cede__io){.code = CEDE__IO_POLL,
                                  .fd = fd,
                                  .flags = direction == CEDE__IO_IN ? POLLIN : POLLOUT,
                                  .done = poll_done};
    *ret_watch = watch;
    return 0;
}

static int add(struct cede_loop *loop, int fd, int direction, cede_callback fn, void *arg) {
    struct pair *pair;
    int r;

    if (!loop || !fn)
        return -EINVAL;
    if (loop != cede__loop)
        return -EPERM;
    r = fd < 0 ? -EBADF : loop->kernel->check_fd(fd);
    if (r < 0)
        return r;
    pair = cede__fdtable_get(&loop->watches, fd);
    if (!pair)
        return -ENOMEM;
    struct watch *watch = pair->by_direction[direction];
    bool fresh = !watch;
    if (fresh) {
        r = watch_new(loop, fd, direction, &watch);
        if (r < 0)
            return r;
        pair->by_direction[direction] = watch;
        loop->watch_count++;
    }
    watch->fn = fn;
    watch->arg = arg;
    if (fresh)
        start_poll(watch);
    return 0;
}

static bool remove_watch(struct cede_loop *loop, int fd, int direction) {
    struct pair *pair = loop && loop == cede__loop ? cede__fdtable_find(&loop->watches, fd) : NULL;
    struct watch *watch = pair ? pair->by_direction[direction] : NULL;

    if (!watch)
        return false;
    pair->by_direction[direction] = NULL;
    loop->watch_count--;
    watch->removed = true;
    if (watch->pending && loop->ops->cancel(loop->backend, &watch->io) == 0) {
        watch->pending = false;
        release_watch(watch);
    }
    loop->ops->unwatch(loop->backend, fd);
    return true;
}

int cede_loop_add_reader(cede_loop *loop, int fd, cede_callback fn, void *arg) {
    return add(loop, fd, CEDE__IO_IN, fn, arg);
}

int cede_loop_add_writer(cede_loop *loop, int fd, cede_callback fn, void *arg) {
    return add(loop, fd, CEDE__IO_OUT, fn, arg);
}

bool cede_loop_remove_reader(cede_loop *loop, int fd) {
    return remove_watch(loop, fd, CEDE__IO_IN);
}

bool cede_loop_remove_writer(cede_loop *loop, int fd) {
    return remove_watch(loop, fd, CEDE__IO_OUT);
}

void cede__watches_drop(struct cede_loop *loop) {
    for (int fd = 0; loop->watch_count > 0; fd++) {
        remove_watch(loop, fd, CEDE__IO_IN);
        remove_watch(loop, fd, CEDE__IO_OUT);
    }
}
