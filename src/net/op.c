/* op.c: the waits of sockets as operations, to be awaited in sets. The operation of the seam lies
 * in the room that every cede_op has. What has happened by the time of a withdrawal stays the
 * operation's result, so neither bytes nor connections are lost. */
#include "net/socket.h"

#include <cede/op.h>
#include <errno.h>

static struct cede__io *io_of(struct cede_op *op) {
    _Static_assert(sizeof(struct cede__io) <= sizeof op->room,
                   "an operation has room for the seam's");
    return (struct cede__io *)op->room;
}

static void io_done(struct cede__io *io) {
    cede_op_complete(cede__container_of(io, struct cede_op, room), io->result);
}

static bool io_start(struct cede_op *op) {
    struct cede__io *io = io_of(op);

    io->done = io_done;
    if (!cede__submit(cede__loop, io))
        return false;
    op->result = io->result;
    return true;
}

static int io_cancel(struct cede_op *op) {
    return cede__loop->ops->cancel(cede__loop->backend, io_of(op));
}

static const struct cede_op_kind recv_kind = {"data to receive", io_start, io_cancel};
static const struct cede_op_kind send_kind = {"room to send", io_start, io_cancel};

void cede_op_recv(struct cede_op *op, int fd, void *buf, size_t size, int flags) {
    cede_op_init(op, &recv_kind, NULL);
    *io_of(op) =
        (struct cede__io){.code = CEDE__IO_RECV, .fd = fd, .buf = buf, .len = size, .flags = flags};
}

void cede_op_send(struct cede_op *op, int fd, const void *buf, size_t size, int flags) {
    cede_op_init(op, &send_kind, NULL);
    *io_of(op) = (struct cede__io){.code = CEDE__IO_SEND,
                                   .fd = fd,
                                   .buf = (void *)(uintptr_t)buf,
                                   .len = size,
                                   .flags = flags};
}

static int accepted(int r) {
    return r < 0 ? r : cede__socket_adopt(r);
}

static void accept_done(struct cede__io *io) {
    cede_op_complete(cede__container_of(io, struct cede_op, room), accepted(io->result));
}

static bool accept_start(struct cede_op *op) {
    struct cede__io *io = io_of(op);

    io->done = accept_done;
    if (!cede__submit(cede__loop, io))
        return false;
    op->result = accepted(io->result);
    return true;
}

static const struct cede_op_kind accept_kind = {"a connection to accept", accept_start, io_cancel};

void cede_op_accept(struct cede_op *op, int fd) {
    cede_op_init(op, &accept_kind, NULL);
    *io_of(op) = (struct cede__io){.code = CEDE__IO_ACCEPT, .fd = fd};
}

static const struct cede_op_kind connect_kind = {"a connection to be made", io_start, io_cancel};

void cede_op_connect(struct cede_op *op, int fd, const struct cede_address *address) {
    cede_op_init(op, &connect_kind, NULL);
    *io_of(op) = (struct cede__io){.code = CEDE__IO_CONNECT,
                                   .fd = fd,
                                   .buf = (void *)(uintptr_t)&address->any,
                                   .len = address->len};
}
