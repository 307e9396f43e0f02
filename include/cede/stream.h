/* cede/stream.h: byte streams in both directions; here, TCP connections. */
#ifndef CEDE_STREAM_H
#define CEDE_STREAM_H

#include <cede/base.h>
#include <cede/net.h>

CEDE_BEGIN_DECLS

typedef struct cede_stream cede_stream;

/* Connects and makes a stream of it, to be closed by cede_stream_close(). The errors are those of
 * cede_address_parse() and cede_connect_fd(), and -ENOMEM. Blocks. */
CEDE_PUBLIC int cede_connect(const char *address, cede_stream **ret_stream);

/* Makes a stream of a connected socket, which then belongs to it. On failure (-ENOMEM) the fd stays
 * the caller's. peer may be NULL. Never blocks. */
CEDE_PUBLIC int cede_stream_open(int fd, const struct cede_address *peer, cede_stream **ret_stream);

/* Reads up to size bytes, as soon as there are any. Returns their number, 0 at end of file;
 * -ECONNRESET; -ECANCELED, and then no byte was taken. */
CEDE_PUBLIC ssize_t cede_stream_read(cede_stream *stream, void *buf, size_t size);

/* The same, without a buffer: *ret_data points to the bytes wherever they are, until the stream is
 * read again or closed. A task that waits here holds no memory for what may come. One task at a
 * time may read the stream in this way. -ENOMEM. */
CEDE_PUBLIC ssize_t cede_stream_next(cede_stream *stream, const void **ret_data);

/* Writes all size bytes; waits while the peer is slow. Returns 0; -EPIPE, -ECONNRESET; -ECANCELED,
 * and then the peer may have got a part (the stream's position is lost: close it). What several
 * tasks write to one stream is not mixed: they take turns. The buffer must stay until it returns.
 */
CEDE_PUBLIC int cede_stream_write(cede_stream *stream, const void *buf, size_t size);

/* Tells the peer that nothing more will be written; reading goes on. Waits for its turn behind the
 * writes that are under way. -ENOTCONN, -ECANCELED. */
CEDE_PUBLIC int cede_stream_shutdown(cede_stream *stream);

/* Closes and frees the stream. Tasks that read or write it get -EBADF, and must not use it again.
 * Accepts NULL; returns NULL. Never blocks. */
CEDE_PUBLIC cede_stream *cede_stream_close(cede_stream *stream);

/* Closes and frees the stream, and resets the connection: the peer gets an error, not an end. */
CEDE_PUBLIC cede_stream *cede_stream_abort(cede_stream *stream);

/* Who the peer is: known from the start, so also after the connection has gone. */
CEDE_PUBLIC const struct cede_address *cede_stream_peer(const cede_stream *stream);

/* The socket, which stays the stream's. */
CEDE_PUBLIC int cede_stream_fd(const cede_stream *stream);

CEDE_END_DECLS

#endif
