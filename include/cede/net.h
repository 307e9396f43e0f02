/* cede/net.h: addresses, and sockets by their plain fd. Streams (cede/stream.h) and servers
 * (cede/server.h) are made of these and are what most programs want.
 *
 * Every call that waits blocks only its task, checks for a cancel first, and loses nothing to one:
 * what had happened before the cancel is returned. From a callback, where no task runs, they give
 * -EPERM.
 */
#ifndef CEDE_NET_H
#define CEDE_NET_H

#include <cede/base.h>
#include <cede/op.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

CEDE_BEGIN_DECLS

struct cede_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t len;
};

/* Room for every address that cede_address_format() writes. */
#define CEDE_ADDRESS_TEXT 128

/* Reads "127.0.0.1:3000", "[::1]:3000", "localhost:3000", ":3000" or "*:3000" (all of this
 * machine's addresses). Names other than localhost are not looked up. On failure *ret_why (may be
 * NULL) is a static text that says what is wrong. -EINVAL; -ERANGE for a port above 65535. Never
 * blocks. */
CEDE_PUBLIC int cede_address_parse(const char *text, struct cede_address *ret_address,
                                   const char **ret_why);

/* Writes the address in the form that parses back, cut to size if it has to be; returns text. */
CEDE_PUBLIC char *cede_address_format(const struct cede_address *address, char *text, size_t size);

struct cede_listen_options {
    int backlog;     /* 0: the system's limit (net.core.somaxconn) */
    bool reuse_port; /* several sockets may listen on the address, and share its connections */
};

/* Opens a listening TCP socket (SO_REUSEADDR, close-on-exec). options may be NULL. Returns the fd,
 * to be closed by cede_close(); -EADDRINUSE, -EACCES, -EADDRNOTAVAIL, -EMFILE. Never blocks. */
CEDE_PUBLIC int cede_listen(const struct cede_address *address,
                            const struct cede_listen_options *options);

/* Waits for a connection. Returns its fd, to be closed by cede_close(); the peer's address goes to
 * *ret_peer (may be NULL). A listener of the caller's own becomes non-blocking. -ECANCELED;
 * -ECONNABORTED: it was gone before it was taken; -EMFILE. */
CEDE_PUBLIC int cede_accept(int fd, struct cede_address *ret_peer);

/* Opens a TCP connection. Returns its fd, to be closed by cede_close(). -ECONNREFUSED, -ETIMEDOUT,
 * -EHOSTUNREACH, -ECANCELED (nothing stays open) and so on. Blocks. */
CEDE_PUBLIC int cede_connect_fd(const struct cede_address *address);

/* Receives up to size bytes, as soon as there are any. Returns their number, 0 at end of file;
 * -ECONNRESET, -ECANCELED. flags: MSG_PEEK and the like. Several tasks get their turn in order. */
CEDE_PUBLIC ssize_t cede_recv(int fd, void *buf, size_t size, int flags);

/* Sends some of the bytes, as soon as there is room. Returns how many were taken; -EPIPE (never
 * SIGPIPE), -ECONNRESET, -ECANCELED. The buffer must stay until it returns. */
CEDE_PUBLIC ssize_t cede_send(int fd, const void *buf, size_t size, int flags);

/* Ends one or both directions (SHUT_RD, SHUT_WR, SHUT_RDWR). Never blocks. */
CEDE_PUBLIC int cede_shutdown(int fd, int how);

/* Closes the fd. Every task that waits on it is woken with -EBADF, and nothing that was meant for
 * it reaches another fd that gets its number. Never blocks. */
CEDE_PUBLIC int cede_close(int fd);

/* The socket's own address, with the port that was picked for it, and its peer's. Never block. */
CEDE_PUBLIC int cede_local_address(int fd, struct cede_address *ret_address);
CEDE_PUBLIC int cede_peer_address(int fd, struct cede_address *ret_address);

/* The waits above as operations (cede/op.h), with the same results. Buffer and address must stay as
 * long as the operation is awaited. An accept that could not be withdrawn in time is done, with an
 * fd that is the caller's to close. To connect takes a socket of the caller's own; its result is 0,
 * and after any other end the socket is of no use but to be closed. */
CEDE_PUBLIC void cede_op_recv(struct cede_op *op, int fd, void *buf, size_t size, int flags);
CEDE_PUBLIC void cede_op_send(struct cede_op *op, int fd, const void *buf, size_t size, int flags);
CEDE_PUBLIC void cede_op_accept(struct cede_op *op, int fd);
CEDE_PUBLIC void cede_op_connect(struct cede_op *op, int fd, const struct cede_address *address);

CEDE_END_DECLS

#endif
