/* backend_uring.c: the seam on io_uring. Its states are told in uring.h.
 *
 * A loop turn costs one system call: what the turn's tasks submitted goes to the kernel in the same
 * io_uring_enter() that waits. DEFER_TASKRUN keeps the kernel from interrupting the tasks, and its
 * TASKRUN flag tells without a system call whether a poll would find anything.
 *
 * A request names its fd by number, and the kernel looks the number up when the request is
 * submitted. So an fd with a request that is prepared but not submitted must not be closed:
 * forget() submits first (the slot's `batch` says whether it has to).
 */
#include "loop/uring.h"

#include "base/alloc.h"
#include "coro/annotate.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void uring_submit_now(struct cede__backend *backend) {
    backend->batch++;
    /* What a failing call (out of memory, a full completion ring) leaves behind is submitted again
     * by the next one. */
    io_uring_submit(&backend->ring);
}

struct io_uring_sqe *cede__uring_prepare(struct cede__backend *backend,
                                         struct cede__uring_slot *slot) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&backend->ring);

    while (!sqe) {
        uring_submit_now(backend);
        sqe = io_uring_get_sqe(&backend->ring);
    }
    if (slot)
        slot->batch = backend->batch;
    return sqe;
}

void cede__uring_cancel(struct cede__backend *backend, uint64_t user_data) {
    struct io_uring_sqe *sqe = cede__uring_prepare(backend, NULL);

    io_uring_prep_cancel64(sqe, user_data, 0);
    io_uring_sqe_set_data64(sqe, URING_TAG_CANCEL);
}

static void arm_wake(struct cede__backend *backend) {
    struct io_uring_sqe *sqe = cede__uring_prepare(backend, NULL);

    io_uring_prep_read(sqe, backend->wake_fd, &backend->wake_count, sizeof backend->wake_count, 0);
    io_uring_sqe_set_data64(sqe, URING_TAG_WAKE);
}

static void uring_close(struct cede__backend *backend) {
    cede__ahead_close(backend);
    cede__annotate_unmap(&cede__backend_uring);
    io_uring_queue_exit(&backend->ring);
    if (backend->wake_fd >= 0)
        close(backend->wake_fd);
    cede__fdtable_free(&backend->slots);
    cede__lend_close(&backend->lender);
    cede__free(backend);
}

static int uring_open(struct cede__backend **ret_backend, const char **ret_why) {
    struct cede__backend *backend = cede__alloc_zero(sizeof *backend);
    int r;

    if (!backend)
        return -ENOMEM;
    r = cede__uring_open_ring(&backend->ring, ret_why);
    if (r < 0) {
        cede__free(backend);
        return r;
    }
    cede__annotate_mapped(&cede__backend_uring);
    /* Saves the kernel a look-up a call; only a matter of speed. */
    io_uring_register_ring_fd(&backend->ring);
    cede__fdtable_init(&backend->slots, sizeof(struct cede__uring_slot));
    cede__list_init(&backend->ending);
    cede__list_init(&backend->orphans);
    backend->wake_fd = eventfd(0, EFD_CLOEXEC);
    r = backend->wake_fd < 0 ? -errno : cede__ahead_open(backend);
    if (r < 0) {
        uring_close(backend);
        return r;
    }
    arm_wake(backend);
    *ret_backend = backend;
    return 0;
}

static struct cede__uring_slot *slot_get(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot = cede__fdtable_get(&backend->slots, fd);

    if (slot && !slot->known) {
        cede__list_init(&slot->queue[CEDE__IO_IN]);
        cede__list_init(&slot->queue[CEDE__IO_OUT]);
        cede__list_init(&slot->polls);
        slot->inbox_first = slot->inbox_last = CEDE__URING_NO_BUFFER;
        slot->batch = UINT64_MAX;
        slot->known = true;
    }
    return slot;
}

static int uring_watch(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot = slot_get(backend, fd);

    if (!slot)
        return -ENOMEM;
    slot->watchers++;
    return 0;
}

static void uring_unwatch(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot = slot_get(backend, fd);

    CEDE_ASSERT(slot && slot->watchers > 0);
    slot->watchers--;
}

void cede__uring_complete(struct cede__backend *backend, struct cede__io *io, int result) {
    cede__list_remove(&io->link);
    io->state = URING_IDLE;
    io->result = result;
    backend->pending--;
    io->done(io);
}

static void end_list(struct cede__backend *backend, struct cede_list *list) {
    cede__list_for_each(pos, tmp, list) {
        struct cede__io *io = cede__container_of(pos, struct cede__io, link);
        bool in_flight = io->state == URING_IN_FLIGHT || io->state == URING_CANCELLING;

        if (io->state == URING_IN_FLIGHT)
            cede__uring_cancel(backend, (uintptr_t)io);
        io->state = URING_ENDING;
        cede__list_remove(&io->link);
        cede__list_append(in_flight ? &backend->orphans : &backend->ending, &io->link);
    }
}

static void uring_forget(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);

    if (!slot || !slot->known)
        return;
    end_list(backend, &slot->queue[CEDE__IO_IN]);
    end_list(backend, &slot->queue[CEDE__IO_OUT]);
    end_list(backend, &slot->polls);
    cede__ahead_forget(backend, slot, fd);
    slot->watchers = 0;
    if (slot->batch == backend->batch)
        uring_submit_now(backend);
}

static bool lends(const struct cede__io *io) {
    return io->code == CEDE__IO_RECV && (io->options & CEDE__IO_LEND);
}

static void prepare_io(struct io_uring_sqe *sqe, struct cede__io *io) {
    int flags = io->flags & ~(MSG_DONTWAIT | MSG_WAITALL);

    switch ((enum cede__io_code)io->code) {
    case CEDE__IO_RECV:
        if (lends(io)) {
            io_uring_prep_poll_add(sqe, io->fd, POLLIN);
            break;
        }
        io_uring_prep_recv(sqe, io->fd, io->buf, io->len, flags);
        break;
    case CEDE__IO_SEND:
        io_uring_prep_send(sqe, io->fd, io->buf, io->len, flags | MSG_NOSIGNAL);
        break;
    case CEDE__IO_ACCEPT:
        io_uring_prep_accept(sqe, io->fd, io->buf, io->addr_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
    case CEDE__IO_CONNECT:
        io_uring_prep_connect(sqe, io->fd, io->buf, (socklen_t)io->len);
        break;
    case CEDE__IO_POLL:
        io_uring_prep_poll_add(sqe, io->fd, (unsigned)io->flags);
        break;
    }
    io_uring_sqe_set_data(sqe, io);
}

static void give_to_kernel(struct cede__backend *backend, struct cede__uring_slot *slot,
                           struct cede__io *io) {
    io->state = URING_IN_FLIGHT;
    prepare_io(cede__uring_prepare(backend, slot), io);
}

void cede__uring_start(struct cede__backend *backend, struct cede__uring_slot *slot,
                       struct cede__io *io) {
    if (cede__ahead_wanted(backend, slot, io)) {
        io->state = URING_AHEAD;
        cede__ahead_arm(backend, slot, io->fd);
    } else {
        give_to_kernel(backend, slot, io);
    }
}

static void start_next(struct cede__backend *backend, struct cede__uring_slot *slot,
                       enum cede__io_direction direction) {
    struct cede_list *queue = &slot->queue[direction];

    while (!cede__list_empty(queue)) {
        struct cede__io *io = cede__list_first(queue, struct cede__io, link);

        if (io->state != URING_QUEUED)
            return;
        if (!cede__ahead_take(backend, slot, io)) {
            cede__uring_start(backend, slot, io);
            return;
        }
        cede__uring_complete(backend, io, io->result);
    }
}

static bool finish(struct cede__io *io, int result) {
    io->result = result;
    return true;
}

/* Where reading ahead does not do, a receiver that borrows asks for itself. */
static bool try_lend(struct cede__backend *backend, const struct cede__uring_slot *slot,
                     struct cede__io *io) {
    ssize_t n;

    if (!lends(io) || cede__ahead_wanted(backend, slot, io))
        return false;
    n = cede__lend_recv(&backend->lender, io);
    return n != -EAGAIN && n != -EINTR && finish(io, (int)n);
}

static bool uring_submit(struct cede__backend *backend, struct cede__io *io) {
    enum cede__io_direction direction = cede__io_direction(io);
    struct cede__uring_slot *slot;
    bool first;

    if (io->fd < 0)
        return finish(io, -EBADF);
    slot = slot_get(backend, io->fd);
    if (!slot)
        return finish(io, -ENOMEM);
    if ((io->code == CEDE__IO_RECV || io->code == CEDE__IO_SEND) && io->len > INT_MAX)
        io->len = INT_MAX;
    if (io->code == CEDE__IO_POLL) {
        cede__list_append(&slot->polls, &io->link);
        give_to_kernel(backend, slot, io);
        backend->pending++;
        return false;
    }
    first = cede__list_empty(&slot->queue[direction]);
    if (first && (cede__ahead_take(backend, slot, io) || try_lend(backend, slot, io)))
        return true;
    cede__list_append(&slot->queue[direction], &io->link);
    io->state = URING_QUEUED;
    backend->pending++;
    if (first)
        cede__uring_start(backend, slot, io);
    return false;
}

static int uring_cancel(struct cede__backend *backend, struct cede__io *io) {
    enum cede__uring_state state = io->state;

    switch (state) {
    case URING_QUEUED:
    case URING_AHEAD:
        cede__list_remove(&io->link);
        io->state = URING_IDLE;
        backend->pending--;
        if (state == URING_AHEAD)
            start_next(backend, cede__fdtable_find(&backend->slots, io->fd), CEDE__IO_IN);
        return 0;
    case URING_IN_FLIGHT:
        io->state = URING_CANCELLING;
        cede__uring_cancel(backend, (uintptr_t)io);
        return -EINPROGRESS;
    default:
        CEDE_ASSERT(state == URING_CANCELLING || state == URING_ENDING);
        return -EINPROGRESS;
    }
}

/* Whether the kernel only says that the operation is to be submitted again. A connect's -EAGAIN is
 * an answer: see backend.h. */
static bool goes_on(const struct cede__io *io, int result) {
    return io->state == URING_IN_FLIGHT &&
           (result == -EINTR || (result == -EAGAIN && io->code != CEDE__IO_CONNECT));
}

static void io_completion(struct cede__backend *backend, struct cede__io *io, int result) {
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, io->fd);
    bool poll = io->code == CEDE__IO_POLL;

    if (io->state == URING_ENDING) {
        /* What had succeeded is delivered; an fd that nobody would close must not be lost. */
        cede__uring_complete(backend, io, result >= 0 && !lends(io) ? result : -EBADF);
        return;
    }
    if (result >= 0 && lends(io)) {
        result = -EAGAIN; /* to be submitted again, by its task */
    } else if (goes_on(io, result)) {
        give_to_kernel(backend, slot, io);
        return;
    }
    cede__uring_complete(backend, io, result);
    if (!poll)
        start_next(backend, slot, cede__io_direction(io));
}

static void handle_completion(struct cede__backend *backend, const struct io_uring_cqe *cqe) {
    uint64_t data = io_uring_cqe_get_data64(cqe);

    switch ((enum cede__uring_tag)(data & URING_TAG_MASK)) {
    case URING_TAG_IO:
        io_completion(backend, (struct cede__io *)(uintptr_t)data, cqe->res);
        break;
    case URING_TAG_AHEAD:
        cede__ahead_completion(backend, cqe);
        break;
    case URING_TAG_WAKE:
        arm_wake(backend);
        break;
    default:
        break;
    }
}

static void wait_until(struct cede__backend *backend, uint64_t until) {
    struct io_uring_cqe *cqe;
    struct __kernel_timespec ts;
    uint64_t now;

    if (until == CEDE_FOREVER) {
        io_uring_submit_and_wait(&backend->ring, 1);
        return;
    }
    now = until ? cede__kernel_linux.now() : 0;
    if (until <= now) {
        io_uring_submit_and_get_events(&backend->ring);
        return;
    }
    ts.tv_sec = (int64_t)((until - now) / CEDE_SECOND);
    ts.tv_nsec = (long long)((until - now) % CEDE_SECOND);
    io_uring_submit_and_wait_timeout(&backend->ring, &cqe, 1, &ts, NULL);
}

static void uring_poll(struct cede__backend *backend, uint64_t until) {
    struct io_uring_cqe *cqe;
    unsigned head, count = 0;

    if (!cede__list_empty(&backend->ending))
        until = 0;
    while (!cede__list_empty(&backend->ending))
        cede__uring_complete(backend, cede__list_first(&backend->ending, struct cede__io, link),
                             -EBADF);
    backend->batch++;
    /* Whatever the call returns (a signal, a timeout, memory that is short), the completions that
     * are there are reaped, and what was not submitted stays for the next call. */
    wait_until(backend, until);
    io_uring_for_each_cqe(&backend->ring, head, cqe) {
        handle_completion(backend, cqe);
        count++;
    }
    io_uring_cq_advance(&backend->ring, count);
}

static void uring_wake(struct cede__backend *backend) {
    static const uint64_t one = 1;

    while (write(backend->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static size_t uring_pending(const struct cede__backend *backend) {
    return backend->pending;
}

static bool uring_idle(const struct cede__backend *backend) {
    const struct io_uring *ring = &backend->ring;

    return cede__list_empty(&backend->ending) && !io_uring_sq_ready(ring) &&
           !io_uring_cq_ready(ring) &&
           !(IO_URING_READ_ONCE(*ring->sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

const struct cede__backend_ops cede__backend_uring = {
    .name = "io_uring",
    .kernel = &cede__kernel_linux,
    .open = uring_open,
    .close = uring_close,
    .watch = uring_watch,
    .unwatch = uring_unwatch,
    .forget = uring_forget,
    .submit = uring_submit,
    .cancel = uring_cancel,
    .give_back = cede__ahead_give_back,
    .poll = uring_poll,
    .wake = uring_wake,
    .pending = uring_pending,
    .idle = uring_idle,
};
