/* cede/server.h: a TCP server: a listener, and a task for each client. */
#ifndef CEDE_SERVER_H
#define CEDE_SERVER_H

#include <cede/base.h>
#include <cede/stream.h>

CEDE_BEGIN_DECLS

/* Serves one client. The stream is closed when it returns. An error that it returns concerns this
 * client alone. */
typedef int (*cede_stream_fn)(cede_stream *stream, void *arg);

struct cede_server_stats {
    uint64_t accepted; /* clients that were served, now or before */
    uint64_t refused;  /* connections that were closed at once: too many, or no fd or memory */
    size_t clients;    /* that are served now */
};

struct cede_server_options {
    int backlog;               /* 0: the system's limit */
    size_t max_clients;        /* beyond it, connections are closed at once; 0: no limit */
    size_t stack_size;         /* of each client's task; 0: the default */
    uint64_t drain_timeout_ns; /* how long clients may go on after a cancel; 0: 5 seconds */
    /* Called once, when connections are accepted, with the address (and the port that was picked);
     * an error ends the server. May be NULL. */
    int (*on_listening)(const struct cede_address *address, void *arg);
    /* Called when a client's task has ended, before its stream is closed. May be NULL. */
    void (*on_client_end)(cede_stream *stream, int result, void *arg);
    struct cede_server_stats *stats; /* kept up to date while it serves; may be NULL */
};

/* Listens on the address and runs fn(stream, arg) in a task of its own for each client, until it is
 * cancelled. Then it stops listening, lets the clients go on until they end or the drain timeout
 * has passed, cancels those that are left, awaits them, and returns -ECANCELED.
 *
 * When fds or memory run out, new connections are refused until there are some again; this is
 * reported on standard error once a second at most.
 *
 * Other errors: those of cede_address_parse() and cede_listen(), and -EINVAL for a senseless stack
 * size. options may be NULL. Blocks. */
CEDE_PUBLIC int cede_serve_with(const char *address, cede_stream_fn fn, void *arg,
                                const struct cede_server_options *options);
CEDE_PUBLIC int cede_serve(const char *address, cede_stream_fn fn, void *arg);

CEDE_END_DECLS

#endif
