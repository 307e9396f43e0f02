/* backend_uring.c: the seam on io_uring. Its states are told in uring.h.
 *
 * A loop turn costs one system call: what the turn's tasks submitted goes to the kernel in the same
 * io_uring_enter() that waits. DEFER_TASKRUN keeps the kernel from interrupting the tasks, and its
 * TASKRUN flag tells without a system call whether a poll would find anything.
 */
#include "loop/uring.h"

#include "base/alloc.h"
#include "coro/annotate.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

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

/* Before the table grows, the number is checked: what is no fd may be any number. */
static int slot_make(struct cede__backend *backend, int fd, struct cede__uring_slot **ret_slot) {
    int r = cede__kernel_linux.check_fd(fd);
    struct cede__uring_slot *slot = r < 0 ? NULL : cede__fdtable_get(&backend->slots, fd);

    if (!slot)
        return r < 0 ? r : -ENOMEM;
    cede__list_init(&slot->queue[CEDE__IO_IN]);
    cede__list_init(&slot->queue[CEDE__IO_OUT]);
    cede__list_init(&slot->polls);
    slot->inbox_first = slot->inbox_last = CEDE__URING_NO_BUFFER;
    slot->batch = UINT64_MAX;
    slot->known = true;
    *ret_slot = slot;
    return 0;
}

static inline int slot_get(struct cede__backend *backend, int fd,
                           struct cede__uring_slot **ret_slot) {
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);

    if (CEDE_UNLIKELY(!slot || !slot->known))
        return slot_make(backend, fd, ret_slot);
    *ret_slot = slot;
    return 0;
}

static int uring_watch(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot;
    int r = slot_get(backend, fd, &slot);

    if (r == 0)
        slot->watchers++;
    return r;
}

static void uring_unwatch(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);

    CEDE_ASSERT(slot && slot->watchers > 0);
    slot->watchers--;
    slot->nonblocking &= slot->watchers > 0;
}

void cede__uring_complete(struct cede__backend *backend, struct cede__io *io, int result) {
    cede__list_remove(&io->link);
    io->state = URING_IDLE;
    io->result = result;
    backend->pending--;
    io->done(io);
}

static bool is_in_flight(const struct cede__io *io) {
    return io->state == URING_IN_FLIGHT || io->state == URING_CANCELLING ||
           io->state == URING_RECALLED;
}

static void end_list(struct cede__backend *backend, struct cede_list *list) {
    cede__list_for_each(pos, tmp, list) {
        struct cede__io *io = cede__container_of(pos, struct cede__io, link);
        bool in_flight = is_in_flight(io);

        if (io->state == URING_IN_FLIGHT)
            cede__uring_cancel(backend, (uintptr_t)io);
        io->state = URING_ENDING;
        cede__list_remove(&io->link);
        cede__list_append(in_flight ? &backend->orphans : &backend->ending, &io->link);
    }
}

/* A request that accepts holds the listener, and with it the address, until it has ended. */
static bool is_accepting(const struct cede__uring_slot *slot) {
    const struct cede_list *queue = &slot->queue[CEDE__IO_IN];

    return !cede__list_empty(queue) &&
           cede__list_first(queue, struct cede__io, link)->code == CEDE__IO_ACCEPT;
}

static void uring_forget(struct cede__backend *backend, int fd) {
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);
    bool accepting;

    if (!slot || !slot->known)
        return;
    accepting = is_accepting(slot);
    end_list(backend, &slot->queue[CEDE__IO_IN]);
    end_list(backend, &slot->queue[CEDE__IO_OUT]);
    end_list(backend, &slot->polls);
    cede__ahead_forget(backend, slot, fd);
    slot->watchers = 0;
    slot->nonblocking = false;
    cede__uring_flush(backend, slot, fd, accepting);
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

/* Where reading ahead does not do, a receiver that borrows asks for itself. */
static bool try_lend(struct cede__backend *backend, const struct cede__uring_slot *slot,
                     struct cede__io *io) {
    ssize_t n;

    if (!lends(io) || cede__ahead_wanted(backend, slot, io))
        return false;
    n = cede__lend_recv(&backend->lender, io);
    return n != -EAGAIN && n != -EINTR && cede__io_finish(io, (int)n);
}

static bool submit_poll(struct cede__backend *backend, struct cede__uring_slot *slot,
                        struct cede__io *io) {
    if ((io->flags & POLLIN) && cede__uring_unread(slot))
        return cede__io_finish(io, POLLIN);
    cede__list_append(&slot->polls, &io->link);
    give_to_kernel(backend, slot, io);
    backend->pending++;
    return false;
}

static bool uring_submit(struct cede__backend *backend, struct cede__io *io) {
    enum cede__io_direction direction = cede__io_direction(io);
    struct cede__uring_slot *slot;
    int r = slot_get(backend, io->fd, &slot);
    bool first;

    if (r == 0)
        r = cede__io_unblock(io, slot->watchers > 0, &slot->nonblocking);
    if (r < 0)
        return cede__io_finish(io, r);
    if ((io->code == CEDE__IO_RECV || io->code == CEDE__IO_SEND) && io->len > INT_MAX)
        io->len = INT_MAX;
    if (io->code == CEDE__IO_POLL)
        return submit_poll(backend, slot, io);
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
        CEDE_ASSERT(state == URING_CANCELLING || state == URING_RECALLED || state == URING_ENDING);
        if (state == URING_RECALLED)
            io->state = URING_CANCELLING;
        return -EINPROGRESS;
    }
}

/* Whether the kernel only says that the operation is to be submitted again. A connect's -EAGAIN is
 * an answer: see backend.h. */
static bool goes_on(const struct cede__io *io, int result) {
    return result == -EINTR || (result == -EAGAIN && io->code != CEDE__IO_CONNECT);
}

/* What a failure means for an operation that was to be stopped. One that was recalled for what has
 * been read meanwhile goes on. */
static int failure_of(const struct cede__io *io, const struct cede__uring_slot *slot, int result) {
    if (io->state == URING_CANCELLING && goes_on(io, result))
        return -ECANCELED;
    if (io->state == URING_RECALLED && cede__uring_unread(slot))
        return POLLIN;
    if (io->state == URING_RECALLED && result == -ECANCELED)
        return -EAGAIN;
    return result;
}

static void io_completion(struct cede__backend *backend, struct cede__io *io, int result) {
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, io->fd);
    bool poll = io->code == CEDE__IO_POLL;

    if (io->state == URING_ENDING) {
        /* What had succeeded is delivered; an fd that nobody would close must not be lost. */
        cede__uring_complete(backend, io, result >= 0 && !lends(io) ? result : -EBADF);
        return;
    }
    if (result < 0)
        result = failure_of(io, slot, result);
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
    uint64_t wait = cede__time_until(until);

    ts.tv_sec = (int64_t)(wait / CEDE_SECOND);
    ts.tv_nsec = (long long)(wait % CEDE_SECOND);
    if (wait == 0)
        io_uring_submit_and_get_events(&backend->ring);
    else if (wait == CEDE_FOREVER)
        io_uring_submit_and_wait(&backend->ring, 1);
    else
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
    /* Whatever the call returns (a signal, a timeout, memory that is short), the completions that
     * are there are reaped, and what was not submitted stays for the next call. */
    wait_until(backend, until);
    cede__uring_submitted(backend);
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
