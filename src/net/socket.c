#include <cede/net.h>

#include "net/socket.h"

#include <errno.h>
#include <netinet/tcp.h>

static int turn_on(int fd, int level, int name) {
    static const int one = 1;

    return cede__loop->kernel->set_option(fd, level, name, &one, sizeof one);
}

static int open_listener(const struct cede_address *address,
                         const struct cede_listen_options *options) {
    const struct cede__kernel *kernel = cede__loop->kernel;
    int backlog = options && options->backlog > 0 ? options->backlog : SOMAXCONN;
    int fd = kernel->socket(address->any.sa_family, SOCK_STREAM, 0);
    int r;

    if (fd < 0)
        return fd;
    r = turn_on(fd, SOL_SOCKET, SO_REUSEADDR);
    if (r == 0 && options && options->reuse_port)
        r = turn_on(fd, SOL_SOCKET, SO_REUSEPORT);
    if (r == 0)
        r = kernel->bind(fd, &address->any, address->len);
    if (r == 0)
        r = kernel->listen(fd, backlog);
    if (r < 0) {
        kernel->close(fd);
        return r;
    }
    return fd;
}

int cede_listen(const struct cede_address *address, const struct cede_listen_options *options) {
    int fd;

    if (!cede__loop)
        return -EPERM;
    fd = open_listener(address, options);
    return fd < 0 ? fd : cede__io_adopt(fd);
}

/* Small messages are not to wait for more: whoever writes decides what belongs together. A family
 * without the option does not delay either. */
int cede__socket_adopt(int fd) {
    turn_on(fd, IPPROTO_TCP, TCP_NODELAY);
    return cede__io_adopt(fd);
}

int cede_accept(int fd, struct cede_address *ret_peer) {
    struct cede_address peer;
    struct cede__io_wait wait = {
        .io = {.code = CEDE__IO_ACCEPT, .fd = fd, .buf = &peer.any, .addr_len = &peer.len}};
    int r;

    peer.len = sizeof peer.local;
    r = cede__io_run(&wait, "a connection to accept");
    if (r >= 0)
        r = cede__socket_adopt(r);
    if (r >= 0 && ret_peer)
        *ret_peer = peer;
    return r;
}

int cede_connect_fd(const struct cede_address *address) {
    struct cede_task *task;
    int fd, r = cede__blocking(&task);

    if (r < 0)
        return r;
    fd = cede__loop->kernel->socket(address->any.sa_family, SOCK_STREAM, 0);
    if (fd < 0)
        return fd;
    r = cede__socket_adopt(fd);
    if (r < 0)
        return r;
    struct cede__io_wait wait = {.io = {.code = CEDE__IO_CONNECT,
                                        .fd = fd,
                                        .buf = (void *)(uintptr_t)&address->any,
                                        .len = address->len}};
    r = cede__io_run(&wait, "a connection to be made");
    if (r < 0) {
        cede__io_close(fd);
        return r;
    }
    return fd;
}

ssize_t cede_recv(int fd, void *buf, size_t size, int flags) {
    struct cede__io_wait wait = {
        .io = {.code = CEDE__IO_RECV, .fd = fd, .buf = buf, .len = size, .flags = flags}};

    return cede__io_run(&wait, "data to receive");
}

ssize_t cede_send(int fd, const void *buf, size_t size, int flags) {
    struct cede__io_wait wait = {.io = {.code = CEDE__IO_SEND,
                                        .fd = fd,
                                        .buf = (void *)(uintptr_t)buf,
                                        .len = size,
                                        .flags = flags}};

    return cede__io_run(&wait, "room to send");
}

int cede_shutdown(int fd, int how) {
    return cede__loop ? cede__loop->kernel->shutdown(fd, how) : -EPERM;
}

int cede_close(int fd) {
    return cede__io_close(fd);
}

int cede_local_address(int fd, struct cede_address *ret_address) {
    struct cede_address address = {.len = sizeof address.local};
    int r = cede__loop ? cede__loop->kernel->local_address(fd, &address.any, &address.len) : -EPERM;

    if (r == 0)
        *ret_address = address;
    return r;
}

int cede_peer_address(int fd, struct cede_address *ret_address) {
    struct cede_address address = {.len = sizeof address.local};
    int r = cede__loop ? cede__loop->kernel->peer_address(fd, &address.any, &address.len) : -EPERM;

    if (r == 0)
        *ret_address = address;
    return r;
}
