/* backend_epoll.c: the seam on epoll, by try, wait, retry.
 *
 * submit() tries the call at once. When it would block, the operation joins its fd's queue (one a
 * direction), and an event for that direction lets the queue's head try again, and so on until one
 * would block.
 *
 * An fd has one lasting, edge-triggered registration for both directions, made at its first wait.
 * The slot remembers what the last call taught: `dry` means that a call of this direction would
 * block until the next edge, so it is not tried. A read of a TCP stream that returns less than was
 * asked for has drained it (epoll(7) says so), which saves the second, empty read of a request. Not
 * so once a hang-up or urgent data was reported: then there is an end to be read, or something
 * behind the mark, and no further edge will come.
 *
 * An fd that nobody watches (a caller's own, in a single wait) is deregistered when its last
 * operation ends, because it may be closed and reused without a word. A registration carries a
 * generation, so that an event that was fetched for an old fd is not taken for a new one. What
 * cannot be registered (a regular file) is always ready, so that no wait gets that far.
 */
#include "base/alloc.h"
#include "base/list.h"
#include "loop/backend_common.h"
#include "loop/backend_lend.h"
#include "loop/fdtable.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define WAKE_TAG UINT64_MAX

enum io_state { IO_IDLE, IO_WAITING, IO_ENDING };

struct slot {
    struct cede_list waiting[2]; /* by direction; initialised with `known` */
    uint32_t generation;
    uint32_t watchers;
    bool known, registered;
    bool nonblocking; /* that is known */
    bool dry[2];
    bool eventful;      /* a hang-up or urgent data was reported */
    bool asked, is_tcp; /* whether it is TCP, once that was asked */
};

struct cede__backend {
    int epoll_fd, wake_fd;
    struct cede__fdtable slots;
    struct cede_list ending; /* operations that forget() ended; the next poll completes them */
    size_t pending;
    bool no_pwait2;
    struct cede__lender lender;
};

static void epoll_close(struct cede__backend *backend) {
    if (backend->wake_fd >= 0)
        close(backend->wake_fd);
    if (backend->epoll_fd >= 0)
        close(backend->epoll_fd);
    cede__fdtable_free(&backend->slots);
    cede__lend_close(&backend->lender);
    cede__free(backend);
}

static int open_fds(struct cede__backend *backend) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = WAKE_TAG};

    backend->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (backend->epoll_fd < 0)
        return -errno;
    backend->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (backend->wake_fd < 0)
        return -errno;
    return epoll_ctl(backend->epoll_fd, EPOLL_CTL_ADD, backend->wake_fd, &event) < 0 ? -errno : 0;
}

static int epoll_open(struct cede__backend **ret_backend, const char **ret_why) {
    struct cede__backend *backend = cede__alloc_zero(sizeof *backend);
    int r;

    (void)ret_why;
    if (!backend)
        return -ENOMEM;
    backend->epoll_fd = backend->wake_fd = -1;
    cede__fdtable_init(&backend->slots, sizeof(struct slot));
    cede__list_init(&backend->ending);
    r = open_fds(backend);
    if (r < 0) {
        epoll_close(backend);
        return r;
    }
    *ret_backend = backend;
    return 0;
}

/* Before the table grows, the number is checked: what is no fd may be any number. */
static int slot_make(struct cede__backend *backend, int fd, struct slot **ret_slot) {
    int r = cede__kernel_linux.check_fd(fd);
    struct slot *slot = r < 0 ? NULL : cede__fdtable_get(&backend->slots, fd);

    if (!slot)
        return r < 0 ? r : -ENOMEM;
    cede__list_init(&slot->waiting[CEDE__IO_IN]);
    cede__list_init(&slot->waiting[CEDE__IO_OUT]);
    slot->known = true;
    *ret_slot = slot;
    return 0;
}

static inline int slot_get(struct cede__backend *backend, int fd, struct slot **ret_slot) {
    struct slot *slot = cede__fdtable_find(&backend->slots, fd);

    if (CEDE_UNLIKELY(!slot || !slot->known))
        return slot_make(backend, fd, ret_slot);
    *ret_slot = slot;
    return 0;
}

static int register_fd(struct cede__backend *backend, struct slot *slot, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET};

    event.data.u64 = (uint64_t)slot->generation << 32 | (uint32_t)fd;
    if (epoll_ctl(backend->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return errno == ENOSPC ? -ENOMEM : -errno;
    slot->registered = true;
    return 0;
}

/* Forgets all that is known of the fd; what is still queued stays queued. */
static void deregister_fd(struct cede__backend *backend, struct slot *slot, int fd) {
    /* Explicitly, since an fd that is also open in another process would keep its registration. */
    if (slot->registered)
        epoll_ctl(backend->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    slot->generation++;
    slot->registered = slot->nonblocking = slot->eventful = slot->asked = false;
    slot->dry[CEDE__IO_IN] = slot->dry[CEDE__IO_OUT] = false;
}

static void deregister_if_unused(struct cede__backend *backend, struct slot *slot, int fd) {
    if (slot->watchers == 0 && cede__list_empty(&slot->waiting[CEDE__IO_IN]) &&
        cede__list_empty(&slot->waiting[CEDE__IO_OUT]))
        deregister_fd(backend, slot, fd);
}

static int epoll_watch(struct cede__backend *backend, int fd) {
    struct slot *slot;
    int r = slot_get(backend, fd, &slot);

    if (r == 0)
        slot->watchers++;
    return r;
}

static void epoll_unwatch(struct cede__backend *backend, int fd) {
    struct slot *slot = cede__fdtable_find(&backend->slots, fd);

    CEDE_ASSERT(slot && slot->watchers > 0);
    slot->watchers--;
    deregister_if_unused(backend, slot, fd);
}

static void epoll_forget(struct cede__backend *backend, int fd) {
    struct slot *slot = cede__fdtable_find(&backend->slots, fd);

    if (!slot || !slot->known)
        return;
    deregister_fd(backend, slot, fd);
    slot->watchers = 0;
    for (int direction = 0; direction < 2; direction++) {
        cede__list_for_each(pos, tmp, &slot->waiting[direction]) {
            struct cede__io *io = cede__container_of(pos, struct cede__io, link);

            io->state = IO_ENDING;
            io->result = -EBADF;
        }
        cede__list_splice(&backend->ending, &slot->waiting[direction]);
    }
}

/* connect() answers later: by writability, and then by SO_ERROR. Its -EAGAIN is an answer: a Unix
 * listener has no room, and nobody will tell when it has. */
static int try_connect(struct cede__io *io) {
    int error = 0;
    socklen_t len = sizeof error;

    if (io->state == IO_IDLE) {
        if (connect(io->fd, io->buf, (socklen_t)io->len) == 0)
            return 0;
        /* Interrupted, it goes on as if it had been in progress. */
        return errno == EINTR ? -EINPROGRESS : -errno;
    }
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

static int try_poll(const struct cede__io *io) {
    struct pollfd poll_fd = {.fd = io->fd, .events = (short)io->flags};
    int r = poll(&poll_fd, 1, 0);

    if (r < 0)
        return -errno;
    if (poll_fd.revents & POLLNVAL)
        return -EBADF;
    return r == 0 ? -EAGAIN : poll_fd.revents;
}

static ssize_t try_call(struct cede__backend *backend, struct cede__io *io) {
    ssize_t r = -1;

    switch ((enum cede__io_code)io->code) {
    case CEDE__IO_RECV:
        if (io->options & CEDE__IO_LEND)
            return cede__lend_recv(&backend->lender, io);
        r = recv(io->fd, io->buf, io->len, io->flags | MSG_DONTWAIT);
        break;
    case CEDE__IO_SEND:
        r = send(io->fd, io->buf, io->len, io->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
        break;
    case CEDE__IO_ACCEPT:
        r = accept4(io->fd, io->buf, io->addr_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        break;
    case CEDE__IO_CONNECT:
        return try_connect(io);
    case CEDE__IO_POLL:
        return try_poll(io);
    }
    return r < 0 ? -errno : r;
}

/* A Unix stream is different: a read stops behind what came with an fd. */
static bool is_tcp(struct slot *slot, int fd) {
    int domain = AF_UNSPEC;
    socklen_t len = sizeof domain;

    if (!slot->asked) {
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
        slot->is_tcp = domain == AF_INET || domain == AF_INET6;
        slot->asked = true;
    }
    return slot->is_tcp;
}

/* Whether a receive has taken all that there was. */
static bool has_drained(const struct cede__io *io, struct slot *slot, ssize_t r) {
    return io->code == CEDE__IO_RECV && (io->options & CEDE__IO_READ_AHEAD) && io->flags == 0 &&
           r > 0 && (size_t)r < io->len && slot->registered && !slot->eventful &&
           is_tcp(slot, io->fd);
}

/* Makes the call; returns whether the operation has ended, with its result. */
static bool try_io(struct cede__backend *backend, struct cede__io *io, struct slot *slot) {
    enum cede__io_direction direction = cede__io_direction(io);
    ssize_t r;

    do
        r = try_call(backend, io);
    while (r == -EINTR);
    if (r == (io->code == CEDE__IO_CONNECT ? -EINPROGRESS : -EAGAIN)) {
        slot->dry[direction] = true;
        return false;
    }
    if (has_drained(io, slot, r))
        slot->dry[CEDE__IO_IN] = true;
    return cede__io_finish(io, (int)r);
}

static bool epoll_submit(struct cede__backend *backend, struct cede__io *io) {
    enum cede__io_direction direction = cede__io_direction(io);
    struct slot *slot;
    int r = slot_get(backend, io->fd, &slot);

    if (r == 0)
        r = cede__io_unblock(io, slot->watchers > 0, &slot->nonblocking);
    if (r < 0)
        return cede__io_finish(io, r);
    if (io->len > INT_MAX && (io->code == CEDE__IO_RECV || io->code == CEDE__IO_SEND))
        io->len = INT_MAX;
    io->state = IO_IDLE;
    if (cede__list_empty(&slot->waiting[direction]) &&
        (!slot->dry[direction] || io->code == CEDE__IO_CONNECT || io->code == CEDE__IO_POLL) &&
        try_io(backend, io, slot))
        return true;
    if (!slot->registered)
        r = register_fd(backend, slot, io->fd);
    if (r < 0)
        return cede__io_finish(io, r);
    io->state = IO_WAITING;
    cede__list_append(&slot->waiting[direction], &io->link);
    backend->pending++;
    return false;
}

static int epoll_cancel(struct cede__backend *backend, struct cede__io *io) {
    if (io->state == IO_ENDING)
        return -EINPROGRESS;
    CEDE_ASSERT(io->state == IO_WAITING);
    cede__list_remove(&io->link);
    io->state = IO_IDLE;
    backend->pending--;
    deregister_if_unused(backend, cede__fdtable_find(&backend->slots, io->fd), io->fd);
    return 0;
}

static void epoll_give_back(struct cede__backend *backend, void *buf) {
    cede__lend_give_back(&backend->lender, buf);
}

static void complete(struct cede__backend *backend, struct cede__io *io) {
    cede__list_remove(&io->link);
    io->state = IO_IDLE;
    backend->pending--;
    io->done(io);
}

static void retry(struct cede__backend *backend, struct slot *slot, int direction) {
    struct cede_list *waiting = &slot->waiting[direction];

    slot->dry[direction] = false;
    while (!cede__list_empty(waiting) && !slot->dry[direction]) {
        struct cede__io *io = cede__list_first(waiting, struct cede__io, link);

        if (io->code == CEDE__IO_RECV && (io->options & CEDE__IO_LEND))
            io->result = -EAGAIN;
        else if (!try_io(backend, io, slot))
            break;
        complete(backend, io);
    }
}

static void handle_event(struct cede__backend *backend, const struct epoll_event *event) {
    int fd = (int)(uint32_t)event->data.u64;
    struct slot *slot = cede__fdtable_find(&backend->slots, fd);

    if (!slot || slot->generation != event->data.u64 >> 32)
        return;
    if (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
        slot->eventful = true;
    if (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        retry(backend, slot, CEDE__IO_IN);
    if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        retry(backend, slot, CEDE__IO_OUT);
    deregister_if_unused(backend, slot, fd);
}

static void drain_wake(struct cede__backend *backend) {
    uint64_t count;

    while (read(backend->wake_fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

static int wait_ms(struct cede__backend *backend, struct epoll_event *events, uint64_t wait) {
    uint64_t ms = wait / CEDE_MILLISECOND + (wait % CEDE_MILLISECOND != 0);

    return epoll_wait(backend->epoll_fd, events, EVENTS, wait == CEDE_FOREVER ? -1 : (int)ms);
}

/* epoll_pwait2 (Linux 5.11) waits with nanoseconds; before it, milliseconds are rounded up. */
static int wait_ns(struct cede__backend *backend, struct epoll_event *events, uint64_t wait) {
    struct timespec ts = {.tv_sec = (time_t)(wait / CEDE_SECOND),
                          .tv_nsec = (long)(wait % CEDE_SECOND)};
    int n;

    if (wait == 0 || wait == CEDE_FOREVER || backend->no_pwait2)
        return wait_ms(backend, events, wait);
    n = epoll_pwait2(backend->epoll_fd, events, EVENTS, &ts, NULL);
    if (n < 0 && (errno == ENOSYS || errno == EPERM)) {
        backend->no_pwait2 = true;
        return wait_ms(backend, events, wait);
    }
    return n;
}

static void complete_ending(struct cede__backend *backend) {
    while (!cede__list_empty(&backend->ending))
        complete(backend, cede__list_first(&backend->ending, struct cede__io, link));
}

/* With a thousand fds ready, what is known of each has left the cache. The slot of an event further
 * on is fetched, and the operation that a nearer one's slot names. */
static void prefetch_event(const struct cede__backend *backend, const struct epoll_event *events,
                           int i, int n) {
    const struct slot *slot;

    if (i + 4 < n) {
        slot = cede__fdtable_find(&backend->slots, (int)(uint32_t)events[i + 4].data.u64);
        __builtin_prefetch(slot);
    }
    if (i + 2 < n) {
        slot = cede__fdtable_find(&backend->slots, (int)(uint32_t)events[i + 2].data.u64);
        if (slot)
            __builtin_prefetch(slot->waiting[CEDE__IO_IN].next);
    }
}

static void epoll_poll(struct cede__backend *backend, uint64_t until) {
    struct epoll_event events[EVENTS];
    uint64_t wait = cede__list_empty(&backend->ending) ? cede__time_until(until) : 0;
    int n;

    complete_ending(backend);
    n = wait_ns(backend, events, wait);
    for (int i = 0; i < n; i++) {
        prefetch_event(backend, events, i, n);
        if (events[i].data.u64 == WAKE_TAG)
            drain_wake(backend);
        else
            handle_event(backend, &events[i]);
    }
}

static void epoll_wake(struct cede__backend *backend) {
    static const uint64_t one = 1;

    /* It fails only when the counter is full, and then the loop is awake anyway. */
    while (write(backend->wake_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static size_t epoll_pending(const struct cede__backend *backend) {
    return backend->pending;
}

static bool epoll_idle(const struct cede__backend *backend) {
    return backend->pending == 0;
}

const struct cede__backend_ops cede__backend_epoll = {
    .name = "epoll",
    .kernel = &cede__kernel_linux,
    .open = epoll_open,
    .close = epoll_close,
    .watch = epoll_watch,
    .unwatch = epoll_unwatch,
    .forget = epoll_forget,
    .submit = epoll_submit,
    .cancel = epoll_cancel,
    .give_back = epoll_give_back,
    .poll = epoll_poll,
    .wake = epoll_wake,
    .pending = epoll_pending,
    .idle = epoll_idle,
};
