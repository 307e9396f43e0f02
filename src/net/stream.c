/* stream.c: streams over a connected socket.
 *
 * Readers need no order of their own: the seam completes receives in the order of submission. A
 * write may take several sends, so writers queue: one holds the turn, and hands it on when its last
 * byte is gone.
 *
 * A stream may be closed while tasks use it. Closing sets fd to -1, so that a task that goes on
 * does not reach another connection of the same number; the memory goes with the last user.
 */
#include <cede/stream.h>

#include "base/alloc.h"
#include "io/io.h"

#include <errno.h>
#include <string.h>

struct cede_stream {
    int fd;                   /* -1: closed */
    uint32_t users;           /* tasks that are inside of a call and look at it afterwards */
    void *lent;               /* what cede_stream_next() handed out */
    bool writing;             /* one of them has the turn */
    struct cede_list writers; /* the others, waiting */
    struct cede_address peer;
};

int cede_stream_open(int fd, const struct cede_address *peer, cede_stream **ret_stream) {
    struct cede_stream *stream = cede__alloc(sizeof *stream);

    if (!stream)
        return -ENOMEM;
    stream->fd = fd;
    stream->users = 0;
    stream->lent = NULL;
    stream->writing = false;
    cede__list_init(&stream->writers);
    if (peer)
        stream->peer = *peer;
    else
        memset(&stream->peer, 0, sizeof stream->peer);
    *ret_stream = stream;
    return 0;
}

int cede_connect(const char *address, cede_stream **ret_stream) {
    struct cede_address peer;
    int fd, r = cede_address_parse(address, &peer, NULL);

    if (r < 0)
        return r;
    fd = cede_connect_fd(&peer);
    if (fd < 0)
        return fd;
    r = cede_stream_open(fd, &peer, ret_stream);
    if (r < 0)
        cede_close(fd);
    return r;
}

static void give_back(cede_stream *stream) {
    if (stream->lent && cede__loop)
        cede__loop->ops->give_back(cede__loop->backend, stream->lent);
    stream->lent = NULL;
}

/* What takes no time either is a place to be cancelled. */
static int nothing(void) {
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r == 0)
        cede__charge(task);
    return r;
}

ssize_t cede_stream_read(cede_stream *stream, void *buf, size_t size) {
    struct cede__io_wait wait;

    if (size == 0)
        return nothing();
    give_back(stream);
    wait.io.code = CEDE__IO_RECV;
    wait.io.options = CEDE__IO_READ_AHEAD;
    wait.io.fd = stream->fd;
    wait.io.flags = 0;
    wait.io.buf = buf;
    wait.io.len = size;
    return cede__io_run(&wait, "data to read");
}

static void leave(cede_stream *stream) {
    if (--stream->users == 0 && stream->fd < 0)
        cede__free(stream);
}

/* What is there is lent when this task runs, by which time the stream may have been closed. */
ssize_t cede_stream_next(cede_stream *stream, const void **ret_data) {
    struct cede__io_wait wait;
    ssize_t n;

    give_back(stream);
    stream->users++;
    do {
        wait.io.code = CEDE__IO_RECV;
        wait.io.options = CEDE__IO_READ_AHEAD | CEDE__IO_LEND;
        wait.io.fd = stream->fd;
        wait.io.flags = 0;
        wait.io.len = 0;
        n = cede__io_run(&wait, "data to read");
    } while (n == -EAGAIN);
    if (n > 0) {
        stream->lent = wait.io.buf;
        if (stream->fd < 0) {
            give_back(stream);
            n = -EBADF;
        } else {
            *ret_data = stream->lent;
        }
    }
    leave(stream);
    return n;
}

static int give_up_turn(struct cede_waiter *waiter) {
    cede__list_remove(&waiter->link);
    return 0;
}

static int wait_for_turn(cede_stream *stream) {
    struct cede_waiter waiter;

    if (!stream->writing) {
        stream->writing = true;
        return 0;
    }
    cede_waiter_init(&waiter, give_up_turn, "its turn to write");
    cede__list_append(&stream->writers, &waiter.link);
    return cede_park(&waiter);
}

static void pass_turn(cede_stream *stream) {
    if (cede__list_empty(&stream->writers)) {
        stream->writing = false;
        return;
    }
    struct cede_waiter *next = cede__list_first(&stream->writers, struct cede_waiter, link);
    cede__list_remove(&next->link);
    cede_wake(next, 0);
}

static int send_all(const cede_stream *stream, const char *buf, size_t size) {
    struct cede__io_wait wait;

    while (size > 0) {
        int n;

        wait.io.code = CEDE__IO_SEND;
        wait.io.options = 0;
        wait.io.fd = stream->fd;
        wait.io.flags = 0;
        wait.io.buf = (void *)(uintptr_t)buf;
        wait.io.len = size;
        n = cede__io_run(&wait, "room to write");
        if (n < 0)
            return n;
        buf += n;
        size -= (size_t)n;
    }
    return 0;
}

int cede_stream_write(cede_stream *stream, const void *buf, size_t size) {
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    stream->users++;
    r = wait_for_turn(stream);
    if (r == 0) {
        r = send_all(stream, buf, size);
        pass_turn(stream);
    }
    leave(stream);
    return r;
}

int cede_stream_shutdown(cede_stream *stream) {
    struct cede_task *task;
    int r = cede__blocking(&task);

    if (r < 0)
        return r;
    stream->users++;
    r = wait_for_turn(stream);
    if (r == 0) {
        r = cede_shutdown(stream->fd, SHUT_WR);
        pass_turn(stream);
    }
    leave(stream);
    return r;
}

cede_stream *cede_stream_close(cede_stream *stream) {
    if (!stream)
        return NULL;
    give_back(stream);
    cede_close(stream->fd);
    stream->fd = -1;
    while (!cede__list_empty(&stream->writers)) {
        struct cede_waiter *waiter = cede__list_first(&stream->writers, struct cede_waiter, link);

        cede__list_remove(&waiter->link);
        cede_wake(waiter, -EBADF);
    }
    if (stream->users == 0)
        cede__free(stream);
    return NULL;
}

cede_stream *cede_stream_abort(cede_stream *stream) {
    static const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (stream && cede__loop)
        cede__loop->kernel->set_option(stream->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    return cede_stream_close(stream);
}

const struct cede_address *cede_stream_peer(const cede_stream *stream) {
    return &stream->peer;
}

int cede_stream_fd(const cede_stream *stream) {
    return stream->fd;
}
