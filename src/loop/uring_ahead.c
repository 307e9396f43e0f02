/* uring_ahead.c: reading streams ahead with multishot receives and a ring of shared buffers. */
#include "loop/uring.h"

#include "base/alloc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

#define BUFFERS 256 /* a power of two */
#define BUFFER_SIZE 4096
#define BUFFER_GROUP 0
#define INBOX_MAX 8

static uint64_t ahead_data(const struct cede__uring_slot *slot, int fd) {
    return (uint64_t)slot->generation << 32 | (uint64_t)(uint32_t)fd << 3 | URING_TAG_AHEAD;
}

static char *buffer_at(const struct cede__backend *backend, uint16_t id) {
    return backend->buffer_memory + (size_t)id * BUFFER_SIZE;
}

static void give_back(struct cede__backend *backend, uint16_t id) {
    io_uring_buf_ring_add(backend->buffer_ring, buffer_at(backend, id), BUFFER_SIZE, id,
                          BUFFERS - 1, 0);
    io_uring_buf_ring_advance(backend->buffer_ring, 1);
}

static size_t ring_size(void) {
    return BUFFERS * sizeof(struct io_uring_buf);
}

static void *map(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* A kernel without buffer rings (before 5.19) is no error: every receive then goes into the
 * receiver's own memory. */
int cede__ahead_open(struct cede__backend *backend) {
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = BUFFER_GROUP};

    backend->buffers = cede__alloc_zero(BUFFERS * sizeof *backend->buffers);
    backend->buffer_memory = map((size_t)BUFFERS * BUFFER_SIZE);
    backend->buffer_ring = map(ring_size());
    if (!backend->buffers || !backend->buffer_memory || !backend->buffer_ring)
        return -ENOMEM;
    io_uring_buf_ring_init(backend->buffer_ring);
    reg.ring_addr = (uintptr_t)backend->buffer_ring;
    if (io_uring_register_buf_ring(&backend->ring, &reg, 0) < 0) {
        munmap(backend->buffer_ring, ring_size());
        backend->buffer_ring = NULL;
        return 0;
    }
    for (unsigned id = 0; id < BUFFERS; id++)
        give_back(backend, (uint16_t)id);
    return 0;
}

void cede__ahead_close(struct cede__backend *backend) {
    if (backend->buffer_ring)
        munmap(backend->buffer_ring, ring_size());
    if (backend->buffer_memory)
        munmap(backend->buffer_memory, (size_t)BUFFERS * BUFFER_SIZE);
    cede__free(backend->buffers);
}

/* A reader with much room is better served without the copy. */
bool cede__ahead_wanted(const struct cede__backend *backend, const struct cede__uring_slot *slot,
                        const struct cede__io *io) {
    if (io->code != CEDE__IO_RECV)
        return false;
    return slot->armed || (backend->buffer_ring && (io->options & CEDE__IO_READ_AHEAD) &&
                           ((io->options & CEDE__IO_LEND) || io->len <= 2 * (size_t)BUFFER_SIZE));
}

void cede__ahead_arm(struct cede__backend *backend, struct cede__uring_slot *slot, int fd) {
    struct io_uring_sqe *sqe;

    if (slot->armed)
        return;
    sqe = cede__uring_prepare(backend, slot);
    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data64(sqe, ahead_data(slot, fd));
    slot->armed = true;
    slot->stopping = false;
}

static uint16_t pop_inbox(struct cede__backend *backend, struct cede__uring_slot *slot) {
    uint16_t id = slot->inbox_first;

    slot->inbox_first = backend->buffers[id].next;
    if (slot->inbox_first == CEDE__URING_NO_BUFFER)
        slot->inbox_last = CEDE__URING_NO_BUFFER;
    slot->inbox_count--;
    return id;
}

/* Copies from the first buffer of the inbox, and gives it back when it is empty. */
static int copy_inbox(struct cede__backend *backend, struct cede__uring_slot *slot,
                      const struct cede__io *io) {
    uint16_t id = slot->inbox_first;
    struct cede__uring_buffer *buffer = &backend->buffers[id];
    size_t n = io->len < buffer->len ? io->len : buffer->len;

    if (n > 0) /* else there need not be a buffer */
        memcpy(io->buf, buffer_at(backend, id) + buffer->offset, n);
    if (io->flags & MSG_PEEK)
        return (int)n;
    buffer->offset += (uint32_t)n;
    buffer->len -= (uint32_t)n;
    if (buffer->len == 0)
        give_back(backend, pop_inbox(backend, slot));
    return (int)n;
}

/* Hands the first buffer of the inbox out; it comes back by cede__ahead_give_back(). */
static int lend_inbox(struct cede__backend *backend, struct cede__uring_slot *slot,
                      struct cede__io *io) {
    uint16_t id = pop_inbox(backend, slot);

    io->buf = buffer_at(backend, id) + backend->buffers[id].offset;
    return (int)backend->buffers[id].len;
}

void cede__ahead_give_back(struct cede__backend *backend, void *buf) {
    uintptr_t offset = (uintptr_t)buf - (uintptr_t)backend->buffer_memory;

    if (offset < (uintptr_t)BUFFERS * BUFFER_SIZE)
        give_back(backend, (uint16_t)(offset / BUFFER_SIZE));
    else
        cede__lend_give_back(&backend->lender, buf);
}

bool cede__ahead_take(struct cede__backend *backend, struct cede__uring_slot *slot,
                      struct cede__io *io) {
    if (io->code != CEDE__IO_RECV)
        return false;
    if (slot->inbox_count > 0) {
        io->result = io->options & CEDE__IO_LEND ? lend_inbox(backend, slot, io)
                                                 : copy_inbox(backend, slot, io);
        return true;
    }
    if (slot->ended) {
        io->result = slot->end;
        slot->ended = false;
        return true;
    }
    return false;
}

static void stop(struct cede__backend *backend, struct cede__uring_slot *slot, int fd) {
    if (slot->armed && !slot->stopping) {
        slot->stopping = true;
        cede__uring_cancel(backend, ahead_data(slot, fd));
    }
}

void cede__ahead_forget(struct cede__backend *backend, struct cede__uring_slot *slot, int fd) {
    stop(backend, slot, fd);
    while (slot->inbox_count > 0)
        give_back(backend, pop_inbox(backend, slot));
    slot->generation++;
    slot->armed = slot->stopping = slot->ended = false;
}

static void put_inbox(struct cede__backend *backend, struct cede__uring_slot *slot, uint16_t id,
                      int len) {
    backend->buffers[id] = (struct cede__uring_buffer){
        .offset = 0, .len = (uint32_t)len, .next = CEDE__URING_NO_BUFFER};
    if (slot->inbox_last == CEDE__URING_NO_BUFFER)
        slot->inbox_first = id;
    else
        backend->buffers[slot->inbox_last].next = id;
    slot->inbox_last = id;
    slot->inbox_count++;
}

static struct cede__io *first_receiver(const struct cede__uring_slot *slot) {
    const struct cede_list *queue = &slot->queue[CEDE__IO_IN];
    struct cede__io *io = cede__list_first(queue, struct cede__io, link);

    return cede__list_empty(queue) || io->state == URING_IN_FLIGHT ||
                   io->state == URING_CANCELLING || io->code != CEDE__IO_RECV
               ? NULL
               : io;
}

static void serve(struct cede__backend *backend, struct cede__uring_slot *slot) {
    struct cede__io *io;

    while ((io = first_receiver(slot)) && cede__ahead_take(backend, slot, io))
        cede__uring_complete(backend, io, io->result);
}

/* The kernel knows nothing of an inbox, so it will not answer those who poll the fd for reading. */
static void recall_polls(struct cede__backend *backend, struct cede__uring_slot *slot) {
    if (!cede__uring_unread(slot))
        return;
    cede__list_for_each(pos, tmp, &slot->polls) {
        struct cede__io *io = cede__container_of(pos, struct cede__io, link);

        if (io->state == URING_IN_FLIGHT && (io->flags & POLLIN)) {
            io->state = URING_RECALLED;
            cede__uring_cancel(backend, (uintptr_t)io);
        }
    }
}

/* The multishot receive is over: `result` says why. */
static void over(struct cede__backend *backend, struct cede__uring_slot *slot, int result) {
    struct cede__io *io;

    slot->armed = slot->stopping = false;
    if (result == 0 || (result < 0 && result != -ENOBUFS && result != -ECANCELED &&
                        result != -EINTR && result != -EAGAIN)) {
        slot->ended = true;
        slot->end = result;
        serve(backend, slot);
    }
    io = first_receiver(slot);
    if (!io)
        return;
    if (result == -ENOBUFS) /* the receiver's own memory does it */
        io->options &= (uint8_t)~CEDE__IO_READ_AHEAD;
    cede__uring_start(backend, slot, io);
}

void cede__ahead_completion(struct cede__backend *backend, const struct io_uring_cqe *cqe) {
    uint64_t data = io_uring_cqe_get_data64(cqe);
    int fd = (int)((uint32_t)data >> 3);
    struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);
    bool has_buffer = cqe->flags & IORING_CQE_F_BUFFER;
    uint16_t id = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);

    if (slot->generation != data >> 32) {
        if (has_buffer)
            give_back(backend, id);
        return;
    }
    if (has_buffer && cqe->res > 0) {
        put_inbox(backend, slot, id, cqe->res);
        serve(backend, slot);
        if (slot->inbox_count >= INBOX_MAX)
            stop(backend, slot, fd);
    } else if (has_buffer) {
        give_back(backend, id);
    }
    if (!(cqe->flags & IORING_CQE_F_MORE))
        over(backend, slot, cqe->res);
    recall_polls(backend, slot);
}
