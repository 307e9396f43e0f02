#include "io/io.h"

#include <errno.h>

static void io_done(struct cede__io *io) {
    struct cede__io_wait *wait = cede__container_of(io, struct cede__io_wait, io);

    cede_wake(&wait->waiter, io->result);
}

static int io_abort(struct cede_waiter *waiter) {
    struct cede__io_wait *wait = cede__container_of(waiter, struct cede__io_wait, waiter);

    return cede__loop->ops->cancel(cede__loop->backend, &wait->io);
}

int cede__io_run(struct cede__io_wait *wait, const char *what) {
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    wait->io.done = io_done;
    if (cede__submit(cede__loop, &wait->io)) {
        cede__charge(task);
        return wait->io.result;
    }
    cede_waiter_init(&wait->waiter, io_abort, what);
    return cede_park(&wait->waiter);
}

int cede__io_adopt(int fd) {
    struct cede_loop *loop = cede__loop;
    int r = loop->ops->watch(loop->backend, fd);

    if (r < 0) {
        loop->kernel->close(fd);
        return r;
    }
    return fd;
}

int cede__io_close(int fd) {
    struct cede_loop *loop = cede__loop;

    if (!loop)
        return -EPERM;
    if (fd < 0)
        return -EBADF;
    cede_loop_remove_reader(loop, fd);
    cede_loop_remove_writer(loop, fd);
    loop->ops->forget(loop->backend, fd);
    return loop->kernel->close(fd);
}
