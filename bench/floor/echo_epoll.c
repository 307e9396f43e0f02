/* echo_epoll.c: the fastest echo server that epoll allows, as a yardstick for the runtime.
 *
 * One thread, one lasting edge-triggered registration per connection for both directions, so that
 * a connection costs one epoll_ctl in its life. A turn is one epoll_wait; each ready connection
 * costs one recv and one send, because:
 *
 * - The answer is sent at once from the shared receive buffer, without asking whether the socket
 *   is writable. Only what the kernel refuses is copied into a buffer of the connection's own. The
 *   connection is not read again until that is gone, so a peer that does not read costs one
 *   buffer, and TCP's own window stops it from sending more.
 * - A short read means that the socket was empty at that moment, and whatever comes later raises
 *   a new edge. Only when the event already said that the peer has closed or failed must reading
 *   go on, since that edge will not come again. Reading every time until the kernel says
 *   EAGAIN costs a second recv a message, and about 8 % more processor time at 64 connections.
 *
 * A connection that fills the whole buffer with every read is served until it does not; a floor
 * has no fairness.
 */
#include "serve.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

enum { BUFFER_SIZE = 65536, EVENTS = 1024 };

/* What the kernel did not take yet; both zero and NULL while the connection keeps up. */
struct conn {
    char *pending;
    uint32_t start;
    uint32_t end;
};

static struct conn *conns; /* indexed by file descriptor */
static char buffer[BUFFER_SIZE];
static int epoll_fd;
static int listen_fd;
static bool listening;

/* Takes the listener out of the set while no descriptor is left: it is level-triggered, and would
 * make the loop spin. The next close puts it back. */
static void listener_enable(bool enable) {
    struct epoll_event event = {.events = enable ? EPOLLIN : 0, .data.fd = listen_fd};

    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, listen_fd, &event) < 0)
        floor_die("epoll_ctl", errno);
    listening = enable;
}

static void conn_close(int fd) {
    free(conns[fd].pending);
    conns[fd] = (struct conn){0};
    close(fd);
    if (!listening)
        listener_enable(true);
}

/* Keeps what was not sent until the socket is writable again. Returns false without memory. */
static bool conn_keep(struct conn *conn, const char *data, size_t size) {
    conn->pending = malloc(size);
    if (!conn->pending)
        return false;
    memcpy(conn->pending, data, size);
    conn->start = 0;
    conn->end = (uint32_t)size;
    return true;
}

/* Returns what was taken, possibly less than size or nothing, or -1 when the peer is gone. */
static ssize_t send_some(int fd, const char *data, size_t size) {
    ssize_t n = send(fd, data, size, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN ? 0 : -1;
    return n;
}

/* Sends until all of it or nothing more is taken: a short count alone raises no edge later. */
static ssize_t send_most(int fd, const char *data, size_t size) {
    size_t sent = 0;
    ssize_t n;

    do {
        n = send_some(fd, data + sent, size - sent);
        if (n < 0)
            return -1;
        sent += (size_t)n;
    } while (n > 0 && sent < size);
    return (ssize_t)sent;
}

/* Returns 1 when nothing is pending any more, 0 when something is, -1 when the peer is gone. */
static int conn_flush(int fd) {
    struct conn *conn = &conns[fd];
    ssize_t n = send_most(fd, conn->pending + conn->start, conn->end - conn->start);

    if (n < 0)
        return -1;
    conn->start += (uint32_t)n;
    if (conn->start < conn->end)
        return 0;
    free(conn->pending);
    *conn = (struct conn){0};
    return 1;
}

/* Echoes until the socket is known to be empty. Returns false when the connection is over. */
static bool conn_echo(int fd, bool hangup) {
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        ssize_t sent;

        if (n < 0)
            return errno == EAGAIN;
        if (n == 0)
            return false;
        sent = send_most(fd, buffer, (size_t)n);
        if (sent < 0)
            return false;
        if (sent < n)
            return conn_keep(&conns[fd], buffer + sent, (size_t)(n - sent));
        if ((size_t)n < sizeof buffer && !hangup)
            return true;
    }
}

/* After a flush the edge of data that came meanwhile is spent, hence the read to the very end. */
static bool conn_ready(int fd, uint32_t events) {
    bool to_the_end = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

    if (conns[fd].pending) {
        int r = conn_flush(fd);

        if (r <= 0)
            return r == 0;
        to_the_end = true;
    } else if (!(events & ~(uint32_t)EPOLLOUT)) {
        return true;
    }
    return conn_echo(fd, to_the_end);
}

static void accept_all(void) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

    for (;;) {
        event.data.fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (event.data.fd < 0)
            break;
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
            conn_close(event.data.fd);
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        listener_enable(false);
}

static void turn(void) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, -1);

    if (n < 0 && errno != EINTR)
        floor_die("epoll_wait", errno);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;

        if (fd == listen_fd)
            accept_all();
        else if (!conn_ready(fd, events[i].events))
            conn_close(fd);
    }
}

int main(int argc, char **argv) {
    in_port_t port = floor_parse_port(argc, argv);
    struct epoll_event event = {.events = EPOLLIN};

    conns = calloc(floor_raise_files(), sizeof *conns);
    if (!conns)
        floor_die("calloc", ENOMEM);
    listen_fd = floor_listen(port, SOCK_NONBLOCK);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        floor_die("epoll_create1", errno);
    event.data.fd = listen_fd;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) < 0)
        floor_die("epoll_ctl", errno);
    listening = true;
    floor_announce(listen_fd);
    for (;;)
        turn();
}
