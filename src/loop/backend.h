/* backend.h: the seam. Everything nondeterministic (sockets, files, clocks, randomness, processes)
 * enters the runtime through the two tables below, and nothing above them knows which one runs.
 *
 * Operations are completion-shaped. The submitter lays a struct cede__io out (on its stack, as a
 * rule) and gives it to submit():
 *
 *     submit() == true    finished at once: io->result is there and io->done is NOT called;
 *     submit() == false   pending: io and the memory it points to belong to the backend until
 *                         io->done(io) is called from within poll(), once, or cancel() returned 0.
 *
 * cancel() returns 0 when the operation was withdrawn (done will not be called, no byte was taken)
 * or -EINPROGRESS when its completion will come (with its result, or with -ECANCELED).
 * Cancelling never loses data: an operation that had succeeded is delivered, not cancelled.
 *
 * done() runs inside poll(): it may wake tasks and push callbacks, and must not submit or cancel.
 *
 * Operations of one direction on one fd complete in the order of their submission.
 *
 * An fd that the runtime owns is announced with watch() before its first operation and given up
 * with forget() before it is closed: between the two a backend may keep a registration, read
 * ahead, and so on. forget() completes all pending operations of the fd with -EBADF (through
 * done(), from the next poll()), and no event of the old fd reaches a new one of the same number.
 * A listener's address is free again as soon as its fd is closed. watch() counts: several users may
 * watch an fd, and forget() ends it for all. unwatch() ends one use and keeps the fd open: its
 * registration goes when no user is left.
 */
#ifndef CEDE_SRC_BACKEND_H
#define CEDE_SRC_BACKEND_H

#include "base/base.h"

#include <cede/list.h>
#include <sys/socket.h>

enum cede__io_code {
    /* buf, len, flags (MSG_*; about waiting, MSG_DONTWAIT and MSG_WAITALL change nothing): bytes,
     * 0 at end of file */
    CEDE__IO_RECV,
    CEDE__IO_SEND, /* buf, len, flags: bytes that were taken, possibly less than len */
    /* addr, addr_len (both may be NULL): a new fd, close-on-exec, non-blocking. The listener
     * becomes non-blocking, too. */
    CEDE__IO_ACCEPT,
    /* addr, its length in len: 0; -EAGAIN if a Unix listener has no room. The fd becomes
     * non-blocking. */
    CEDE__IO_CONNECT,
    CEDE__IO_POLL, /* flags (POLLIN or POLLOUT): the events that are there */
};

enum cede__io_direction { CEDE__IO_IN, CEDE__IO_OUT };

/* The fd is a byte stream that nobody else reads: the backend may read ahead. */
#define CEDE__IO_READ_AHEAD 1
/* For a RECV with READ_AHEAD: the buffer is the backend's. A positive result comes with the bytes'
 * place in `buf`, lent until give_back(buf); len is ignored. A completion with -EAGAIN says that
 * there is something now: submit again. (So a buffer is taken when its reader runs, not while a
 * thousand others are told as well.) */
#define CEDE__IO_LEND 2

struct cede__io {
    struct cede_list link; /* the backend's, while pending */
    uint8_t code;
    uint8_t options; /* CEDE__IO_READ_AHEAD, CEDE__IO_LEND */
    uint8_t state;   /* the backend's */
    int fd;
    int flags;
    int result; /* a count, an fd, events, or -errno */
    void *buf;  /* the buffer, or the address (struct sockaddr *) */
    union {
        size_t len;          /* of the buffer; of the address to connect to */
        socklen_t *addr_len; /* of the peer's address that accept fills in */
    };
    void (*done)(struct cede__io *io);
};

static inline enum cede__io_direction cede__io_direction(const struct cede__io *io) {
    switch (io->code) {
    case CEDE__IO_RECV:
    case CEDE__IO_ACCEPT:
        return CEDE__IO_IN;
    case CEDE__IO_POLL:
        return io->flags & 4 /* POLLOUT */ ? CEDE__IO_OUT : CEDE__IO_IN;
    default:
        return CEDE__IO_OUT;
    }
}

/* Kernel services that never wait. The simulator will bring its own table. */
struct cede__kernel {
    uint64_t (*now)(void); /* monotonic, ns */
    int (*socket)(int family, int type, int protocol);
    int (*bind)(int fd, const struct sockaddr *addr, socklen_t len);
    int (*listen)(int fd, int backlog);
    int (*set_option)(int fd, int level, int name, const void *value, socklen_t len);
    int (*local_address)(int fd, struct sockaddr *addr, socklen_t *len);
    int (*peer_address)(int fd, struct sockaddr *addr, socklen_t *len);
    int (*shutdown)(int fd, int how);
    int (*close)(int fd);
    int (*check_fd)(int fd);        /* 0, or -EBADF */
    int (*set_nonblocking)(int fd); /* what is non-blocking already stays so */
    int (*reserve_fd)(void);        /* an fd that only keeps a number, for when EMFILE strikes */
    /* Installs fn for a signal and saves the disposition that was there, which restore brings back;
     * the two come in pairs. */
    int (*set_signal)(int signal, void (*fn)(int));
    void (*restore_signal)(int signal);
    bool (*signal_is_ignored)(int signal);
    void (*yield)(void); /* lets other threads run first */
};

extern const struct cede__kernel cede__kernel_linux;

struct cede__backend; /* each backend's own */

struct cede__backend_ops {
    const char *name;
    const struct cede__kernel *kernel;
    /* -ENOSYS, -EPERM ... when it does not run here; *ret_why then points to a static text. */
    int (*open)(struct cede__backend **ret_backend, const char **ret_why);
    void (*close)(struct cede__backend *backend);
    int (*watch)(struct cede__backend *backend, int fd);
    void (*unwatch)(struct cede__backend *backend, int fd);
    void (*forget)(struct cede__backend *backend, int fd);
    bool (*submit)(struct cede__backend *backend, struct cede__io *io);
    int (*cancel)(struct cede__backend *backend, struct cede__io *io);
    void (*give_back)(struct cede__backend *backend, void *buf);
    /* Completes what has happened; waits for something to happen, or for wake(), until the clock
     * reaches `until` (0: does not wait). Returns early at any time. */
    void (*poll)(struct cede__backend *backend, uint64_t until);
    /* Makes a poll() that waits, or the next one, return. From any thread and signal handler. */
    void (*wake)(struct cede__backend *backend);
    /* Operations that are pending: what poll() may wait for. */
    size_t (*pending)(const struct cede__backend *backend);
    /* Whether a poll that does not wait would find nothing; a cheap answer that may err to false.
     */
    bool (*idle)(const struct cede__backend *backend);
};

extern const struct cede__backend_ops cede__backend_epoll;
#ifdef CEDE_HAVE_URING
extern const struct cede__backend_ops cede__backend_uring;
#endif

#endif
