/* echo_uring.c: the fastest echo server that io_uring allows, as a yardstick for the runtime.
 *
 * One thread and one system call per turn, which submits what the turn before prepared, runs the
 * ring's deferred work and waits. One accept and one receive per connection are armed for good
 * (multishot); a message costs one completion in, one send out and the send's completion.
 *
 * Who owns a buffer: the kernel takes one from the shared ring for each message; the completion
 * hands it to the connection, which queues it, sends it from where it lies and gives it back to the
 * ring when the send has completed. Sends of one connection go out one at a time, because two in
 * flight may overtake each other once the socket's buffer is full.
 *
 * A peer that does not read must not hoard the buffers: with QUEUE_LIMIT of them queued its receive
 * is cancelled, and armed again when the queue is empty. When the ring is empty all the same, the
 * receive ends with -ENOBUFS; the connection joins a list of the starved, which is armed again once
 * buffers have come back.
 *
 * A connection lives until its receive has ended for good and no send is in flight. Until then its
 * descriptor stays open, so the descriptor is also the connection's name in every completion.
 */
#include "serve.h"

#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

enum {
    SQ_ENTRIES = 512,
    CQ_ENTRIES = 8192,
    BUFFERS = 2048,
    BUFFER_SIZE = 32768,
    BUFFER_STRIDE = BUFFER_SIZE + 64, /* neighbours begin in different sets of the cache */
    BUFFER_GROUP = 0,
    QUEUE_LIMIT = 4,
    NONE = -1,
};

enum kind { KIND_ACCEPT, KIND_RECV, KIND_SEND, KIND_CANCEL, KIND_CLOSE };

struct conn {
    int32_t head; /* the queued buffers, the one being sent first, or NONE */
    int32_t tail;
    uint32_t sent;  /* bytes of the head that have gone out */
    uint16_t count; /* length of the queue */
    bool receiving; /* a receive is armed */
    bool held;      /* the receive was cancelled until the queue is empty */
    bool starved;   /* the receive is to be armed when buffers are back */
    bool sending;   /* a send is in flight */
    bool finished;  /* the peer will send no more */
};

struct message {
    int32_t next;
    uint32_t size;
};

static struct io_uring ring;
static struct io_uring_buf_ring *buffer_ring;
static char *buffers;
static struct message messages[BUFFERS]; /* indexed by buffer */
static int lent;                         /* buffers that connections hold */
static int returned;                     /* buffers given back in this turn */
static struct conn *conns;               /* indexed by file descriptor */
static int *starved;                     /* descriptors, each at most once */
static size_t starved_count;
static int listen_fd;
static bool accepting;

static char *buffer_at(int32_t id) {
    return buffers + (size_t)id * BUFFER_STRIDE;
}

static void buffer_return(int32_t id) {
    io_uring_buf_ring_add(buffer_ring, buffer_at(id), BUFFER_SIZE, (unsigned short)id,
                          io_uring_buf_ring_mask(BUFFERS), returned++);
    lent--;
}

static void sqe_name(struct io_uring_sqe *sqe, enum kind kind, int fd) {
    io_uring_sqe_set_data64(sqe, (uint64_t)(uint32_t)fd << 8 | kind);
}

/* A full submission queue is handed to the kernel early; the turn's own call takes the rest. */
static struct io_uring_sqe *sqe_next(void) {
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

    while (!sqe) {
        int r = io_uring_submit(&ring);

        if (r < 0 && r != -EINTR && r != -EBUSY && r != -EAGAIN)
            floor_die("io_uring_submit", -r);
        sqe = io_uring_get_sqe(&ring);
    }
    return sqe;
}

static void arm_accept(void) {
    struct io_uring_sqe *sqe = sqe_next();

    io_uring_prep_multishot_accept(sqe, listen_fd, NULL, NULL, SOCK_CLOEXEC);
    sqe_name(sqe, KIND_ACCEPT, listen_fd);
    accepting = true;
}

static void arm_recv(int fd) {
    struct io_uring_sqe *sqe = sqe_next();

    io_uring_prep_recv_multishot(sqe, fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    sqe_name(sqe, KIND_RECV, fd);
    conns[fd].receiving = true;
}

static void send_head(int fd) {
    struct conn *conn = &conns[fd];
    struct io_uring_sqe *sqe = sqe_next();

    io_uring_prep_send(sqe, fd, buffer_at(conn->head) + conn->sent,
                       messages[conn->head].size - conn->sent, MSG_NOSIGNAL | MSG_WAITALL);
    sqe_name(sqe, KIND_SEND, fd);
    conn->sending = true;
}

static void queue_pop(struct conn *conn) {
    int32_t id = conn->head;

    conn->head = messages[id].next;
    conn->sent = 0;
    conn->count--;
    buffer_return(id);
}

static void queue_push(struct conn *conn, int32_t id, uint32_t size) {
    messages[id] = (struct message){.next = NONE, .size = size};
    if (conn->head == NONE)
        conn->head = id;
    else
        messages[conn->tail].next = id;
    conn->tail = id;
    conn->count++;
}

static void conn_open(int fd) {
    conns[fd] = (struct conn){.head = NONE, .tail = NONE};
    arm_recv(fd);
}

/* Closes the descriptor once nothing refers to it any more and nothing is left to be sent. */
static void conn_settle(int fd) {
    struct conn *conn = &conns[fd];
    struct io_uring_sqe *sqe;

    if (!conn->finished || conn->receiving || conn->sending || conn->starved)
        return;
    sqe = sqe_next();
    io_uring_prep_close(sqe, fd);
    sqe_name(sqe, KIND_CLOSE, fd);
}

/* Gives up on a connection: what is queued is dropped, and a receive that is still armed ends. */
static void conn_abort(int fd) {
    struct conn *conn = &conns[fd];

    while (conn->head != NONE)
        queue_pop(conn);
    conn->finished = true;
    if (conn->receiving)
        shutdown(fd, SHUT_RDWR);
}

static void hold_recv(int fd) {
    struct io_uring_sqe *sqe = sqe_next();

    io_uring_prep_cancel64(sqe, (uint64_t)(uint32_t)fd << 8 | KIND_RECV, 0);
    sqe_name(sqe, KIND_CANCEL, fd);
    conns[fd].held = true;
}

static void starve(int fd) {
    if (conns[fd].starved)
        return;
    conns[fd].starved = true;
    starved[starved_count++] = fd;
}

/* Decides how a receive that has ended goes on. A held one is armed by the send that empties the
 * queue, whichever comes last. */
static void recv_resume(int fd, int res) {
    struct conn *conn = &conns[fd];

    if (conn->finished || conn->receiving)
        return;
    if (res == -ENOBUFS)
        starve(fd);
    else if (!conn->held || conn->head == NONE)
        arm_recv(fd);
}

static void on_recv(int fd, const struct io_uring_cqe *cqe) {
    struct conn *conn = &conns[fd];

    conn->receiving = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (cqe->flags & IORING_CQE_F_BUFFER) {
        int32_t id = (int32_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT);

        lent++;
        if (cqe->res > 0 && !conn->finished)
            queue_push(conn, id, (uint32_t)cqe->res);
        else
            buffer_return(id);
    }
    if (cqe->res == 0)
        conn->finished = true;
    else if (cqe->res < 0 && cqe->res != -ENOBUFS && cqe->res != -ECANCELED)
        conn->finished = true;
    if (conn->head != NONE && !conn->sending)
        send_head(fd);
    if (conn->count >= QUEUE_LIMIT && conn->receiving && !conn->held)
        hold_recv(fd);
    recv_resume(fd, cqe->res);
    conn_settle(fd);
}

static void on_send(int fd, int res) {
    struct conn *conn = &conns[fd];

    conn->sending = false;
    if (res < 0) {
        conn_abort(fd);
    } else {
        conn->sent += (uint32_t)res;
        if (conn->sent == messages[conn->head].size)
            queue_pop(conn);
    }
    if (conn->head != NONE) {
        send_head(fd);
    } else if (conn->held) {
        conn->held = false;
        recv_resume(fd, 0);
    }
    conn_settle(fd);
}

/* For want of descriptors or memory the accept ends; the next completed close arms it again. */
static void on_accept(const struct io_uring_cqe *cqe) {
    accepting = (cqe->flags & IORING_CQE_F_MORE) != 0;
    if (cqe->res >= 0)
        conn_open(cqe->res);
    if (!accepting && (cqe->res >= 0 || cqe->res == -ECONNABORTED || cqe->res == -EINTR))
        arm_accept();
}

static void dispatch(const struct io_uring_cqe *cqe) {
    int fd = (int)(cqe->user_data >> 8);

    switch ((enum kind)(cqe->user_data & 0xff)) {
    case KIND_ACCEPT:
        on_accept(cqe);
        break;
    case KIND_RECV:
        on_recv(fd, cqe);
        break;
    case KIND_SEND:
        on_send(fd, cqe->res);
        break;
    case KIND_CLOSE:
        if (!accepting)
            arm_accept();
        break;
    case KIND_CANCEL:
        break;
    }
}

/* Publishes the buffers of this turn, and arms those who went without unless none is left. One
 * who starved after the last buffer had come back must be armed too, so it is the number on loan
 * that decides, not whether any came back just now. */
static void return_buffers(void) {
    if (returned)
        io_uring_buf_ring_advance(buffer_ring, returned);
    returned = 0;
    while (starved_count > 0 && lent < BUFFERS) {
        int fd = starved[--starved_count];

        conns[fd].starved = false;
        recv_resume(fd, 0);
        conn_settle(fd);
    }
}

static void turn(void) {
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
    int r = io_uring_submit_and_wait(&ring, 1);

    if (r < 0 && r != -EINTR && r != -EBUSY && r != -EAGAIN)
        floor_die("io_uring_submit_and_wait", -r);
    io_uring_for_each_cqe(&ring, head, cqe) {
        dispatch(cqe);
        count++;
    }
    io_uring_cq_advance(&ring, count);
    return_buffers();
}

static void *map(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        floor_die("mmap", errno);
    return p;
}

static void open_buffers(void) {
    struct io_uring_buf_reg reg = {.ring_entries = BUFFERS, .bgid = BUFFER_GROUP};
    int r;

    buffers = map((size_t)BUFFERS * BUFFER_STRIDE);
    buffer_ring = map(BUFFERS * sizeof(struct io_uring_buf));
    reg.ring_addr = (uint64_t)(uintptr_t)buffer_ring;
    r = io_uring_register_buf_ring(&ring, &reg, 0);
    if (r < 0)
        floor_die("io_uring_register_buf_ring", -r);
    io_uring_buf_ring_init(buffer_ring);
    lent = BUFFERS;
    for (int32_t id = 0; id < BUFFERS; id++)
        buffer_return(id);
    return_buffers();
}

static void open_ring(void) {
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE,
        .cq_entries = CQ_ENTRIES,
    };
    int r = io_uring_queue_init_params(SQ_ENTRIES, &ring, &params);

    if (r < 0)
        floor_die("io_uring_queue_init", -r);
    r = io_uring_register_ring_fd(&ring);
    if (r < 0)
        floor_die("io_uring_register_ring_fd", -r);
}

int main(int argc, char **argv) {
    in_port_t port = floor_parse_port(argc, argv);
    size_t files = floor_raise_files();

    conns = calloc(files, sizeof *conns);
    starved = calloc(files, sizeof *starved);
    if (!conns || !starved)
        floor_die("calloc", ENOMEM);
    listen_fd = floor_listen(port, 0);
    open_ring();
    open_buffers();
    arm_accept();
    floor_announce(listen_fd);
    for (;;)
        turn();
}
