/* uring.h: what the files of the io_uring backend share.
 *
 * backend_uring.c owns the ring and runs operations one by one; uring_ahead.c reads streams ahead;
 * uring_request.c gives requests to the kernel; uring_ring.c opens the ring.
 *
 * An operation of the caller is in one of these states:
 *
 *     QUEUED      behind another operation of its fd and direction: the kernel has not seen it
 *     AHEAD       the first receiver of a stream that is read ahead; the kernel does not know it
 *     IN_FLIGHT   the kernel has it, and with it its memory, until its completion is reaped
 *     CANCELLING  the same, and a cancel request is on its way
 *     RECALLED    the same, because a POLL finds its answer in the inbox (below)
 *     ENDING      its fd was forgotten; it completes with -EBADF, at the next poll or, when it was
 *                 in flight, with its completion
 *
 * Only the first operation of each direction of an fd is given to the kernel, so that completions
 * keep the order of submission. POLL operations queue nowhere.
 *
 * Reading ahead: one multishot receive an fd takes buffers from a ring that all fds share. A
 * completion is copied to the first waiting receiver, or stays in the slot's inbox (a chain of
 * buffers; at INBOX_MAX the multishot receive is cancelled, what the kernel had taken by then still
 * comes, and TCP's window tells the peer). When the shared ring runs dry, receivers fall back to
 * receiving into their own memory. Nothing that has been received is lost by a cancel: it waits in
 * the inbox for the next receiver. A POLL for reading ends at once while something is in the inbox;
 * one that the kernel has by then is taken back from it.
 *
 * Completions are told apart by the low bits of user_data: an operation's address, or a tag. The
 * multishot receive carries its slot's generation, so that completions for an fd that was forgotten
 * meanwhile only give their buffer back.
 */
#ifndef CEDE_SRC_URING_H
#define CEDE_SRC_URING_H

#include "base/list.h"
#include "loop/backend.h"
#include "loop/backend_common.h"
#include "loop/backend_lend.h"
#include "loop/fdtable.h"

#include <liburing.h>

#define CEDE__URING_NO_BUFFER UINT16_MAX

enum cede__uring_state {
    URING_IDLE,
    URING_QUEUED,
    URING_AHEAD,
    URING_IN_FLIGHT,
    URING_CANCELLING,
    URING_RECALLED,
    URING_ENDING
};

enum cede__uring_tag {
    URING_TAG_IO,
    URING_TAG_AHEAD,
    URING_TAG_CANCEL,
    URING_TAG_WAKE,
    URING_TAG_MASK = 7
};

struct cede__uring_slot {
    struct cede_list queue[2]; /* by direction; the first is the one that runs */
    struct cede_list polls;
    uint32_t generation;
    uint32_t watchers;
    uint64_t batch; /* the backend's, when a request for this fd was last prepared */
    uint16_t inbox_first, inbox_last; /* buffers that were received and not yet read */
    uint16_t inbox_count;
    bool known;
    bool nonblocking; /* that is known */
    bool armed;       /* a multishot receive runs */
    bool stopping;    /* and is being cancelled */
    bool ended;       /* `end` is a result (end of file or an error) that nobody has read yet */
    int end;
};

/* A received buffer's unread part, and its place in an inbox. */
struct cede__uring_buffer {
    uint32_t offset, len;
    uint16_t next;
};

struct cede__backend {
    struct io_uring ring;
    int wake_fd;
    uint64_t wake_count;
    uint64_t batch; /* counts the submissions that left nothing behind */
    size_t pending;
    struct cede__fdtable slots;
    struct cede_list ending;  /* complete at the next poll */
    struct cede_list orphans; /* in flight, their fd forgotten */
    struct io_uring_buf_ring *buffer_ring;
    char *buffer_memory;
    struct cede__uring_buffer *buffers;
    struct cede__lender lender; /* for when the shared buffers do not do */
};

/* Whether a reader of the stream would find something, be it the end. */
static inline bool cede__uring_unread(const struct cede__uring_slot *slot) {
    return slot->inbox_count > 0 || slot->ended;
}

/* uring_ring.c: -ENOSYS, -EPERM ... when io_uring does not do here; *ret_why then says so. */
int cede__uring_open_ring(struct io_uring *ring, const char **ret_why);

/* uring_request.c */

/* A request to fill in, which goes to the kernel with the next submission; slot: that of its fd. */
struct io_uring_sqe *cede__uring_prepare(struct cede__backend *backend,
                                         struct cede__uring_slot *slot);
/* Asks for the cancel of the request that has this user_data. */
void cede__uring_cancel(struct cede__backend *backend, uint64_t user_data);
/* To be called after a call that submits. */
void cede__uring_submitted(struct cede__backend *backend);
/* Before the fd is closed: sees to it that no request still has to look its number up. now: the
 * requests that were cancelled are to end before this returns, too. */
void cede__uring_flush(struct cede__backend *backend, const struct cede__uring_slot *slot, int fd,
                       bool now);

/* backend_uring.c */
void cede__uring_complete(struct cede__backend *backend, struct cede__io *io, int result);
void cede__uring_start(struct cede__backend *backend, struct cede__uring_slot *slot,
                       struct cede__io *io);

/* uring_ahead.c */
int cede__ahead_open(struct cede__backend *backend);
void cede__ahead_close(struct cede__backend *backend);
/* Whether this operation is to be served from what is read ahead. */
bool cede__ahead_wanted(const struct cede__backend *backend, const struct cede__uring_slot *slot,
                        const struct cede__io *io);
/* Reads from the inbox at once if there is something; the result is in io. */
bool cede__ahead_take(struct cede__backend *backend, struct cede__uring_slot *slot,
                      struct cede__io *io);
/* Sees to it that a multishot receive runs for the fd. */
void cede__ahead_arm(struct cede__backend *backend, struct cede__uring_slot *slot, int fd);
/* Ends reading ahead for good and gives what is unread back. */
void cede__ahead_forget(struct cede__backend *backend, struct cede__uring_slot *slot, int fd);
void cede__ahead_give_back(struct cede__backend *backend, void *buf);
void cede__ahead_completion(struct cede__backend *backend, const struct io_uring_cqe *cqe);

#endif
