/* serve.c: a listener, and a task for each client.
 *
 * The clients' tasks belong to a group that stands apart from the scopes of the serving task: a
 * cancel of the server ends accepting at once, but reaches the clients only when the drain timeout
 * has passed and the server cancels the group. The server returns when the last client has ended.
 *
 * When fds run out, accept() fails before it looks at the queue, and would do so again at once. So
 * the server keeps an fd in reserve. It lets go of it, accepts with its place, and then sees: if a
 * new reserve can be had, there is room again and the client is served; if not, it is refused. One
 * connection costs one turn, and the loop sleeps between them.
 */
#include <cede/server.h>

#include "base/alloc.h"
#include "io/io.h"

#include <errno.h>

#define DRAIN_TIMEOUT (5 * CEDE_SECOND)
#define RETRY_DELAY (100 * CEDE_MILLISECOND)
#define REPORT_INTERVAL CEDE_SECOND

struct server {
    struct cede_server_options options;
    struct cede_server_stats own_stats, *stats;
    cede_stream_fn fn;
    void *arg;
    int listener;
    int reserve; /* the fd kept for hard times, -1 when it is let go */
    uint64_t next_report;
    struct cede_group group;
};

struct client {
    struct server *server;
    cede_stream *stream;
};

static void complain(struct server *server, const char *what, int error) {
    uint64_t now = cede_now();

    if (now < server->next_report)
        return;
    server->next_report = now + REPORT_INTERVAL;
    cede__report("refusing clients: %s: %s", what, cede_strerror(error));
}

static int client_main(void *arg) {
    struct client client = *(struct client *)arg;
    struct server *server = client.server;
    int r;

    cede__free(arg);
    r = server->fn(client.stream, server->arg);
    if (server->options.on_client_end)
        server->options.on_client_end(client.stream, r, server->arg);
    cede_stream_close(client.stream);
    server->stats->clients--;
    return 0;
}

static int spawn_client(struct server *server, cede_stream *stream) {
    struct cede_task_options options = {.name = "client", .stack_size = server->options.stack_size};
    struct client *client = cede__alloc(sizeof *client);
    int r;

    if (!client)
        return -ENOMEM;
    *client = (struct client){.server = server, .stream = stream};
    r = cede_spawn_with(&server->group, client_main, client, &options, NULL);
    if (r < 0)
        cede__free(client);
    return r;
}

static int start_client(struct server *server, int fd, const struct cede_address *peer) {
    cede_stream *stream;
    int r = cede_stream_open(fd, peer, &stream);

    if (r < 0) {
        cede_close(fd);
        return r;
    }
    r = spawn_client(server, stream);
    if (r < 0) {
        cede_stream_close(stream);
        return r;
    }
    server->stats->accepted++;
    server->stats->clients++;
    return 0;
}

static bool take_reserve(struct server *server) {
    if (server->reserve < 0)
        server->reserve = cede__loop->kernel->reserve_fd();
    return server->reserve >= 0;
}

static void drop_reserve(struct server *server) {
    if (server->reserve >= 0)
        cede__loop->kernel->close(server->reserve);
    server->reserve = -1;
}

static void accepted(struct server *server, int fd, const struct cede_address *peer) {
    size_t max = server->options.max_clients;
    bool full = max > 0 && server->stats->clients >= max;
    int r = 0;

    if (full || !take_reserve(server))
        cede_close(fd);
    else
        r = start_client(server, fd, peer);
    if (r < 0)
        complain(server, "a client's task cannot be made", r);
    if (r < 0 || full || server->reserve < 0)
        server->stats->refused++;
    take_reserve(server);
}

/* What accept() says about one connection, or about the machine, is no reason to stop serving. */
static int accept_failed(struct server *server, int error) {
    switch (error) {
    case -EMFILE:
    case -ENFILE:
        complain(server, "no fd for another", error);
        if (server->reserve >= 0) {
            drop_reserve(server);
            return 0;
        }
        return cede_sleep(RETRY_DELAY);
    case -ENOMEM:
    case -ENOBUFS:
        complain(server, "no memory for another", error);
        return cede_sleep(RETRY_DELAY);
    case -ECONNABORTED:
    case -EPROTO:
    case -ENETDOWN:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -EHOSTUNREACH:
    case -ENOPROTOOPT:
    case -EOPNOTSUPP:
    case -ENONET:
    case -EPERM: /* a firewall's doing */
        return cede_task_yield();
    default:
        return error;
    }
}

static int accept_clients(struct server *server) {
    int r;

    do {
        struct cede_address peer;

        r = cede_accept(server->listener, &peer);
        if (r >= 0) {
            accepted(server, r, &peer);
            r = 0;
        } else {
            r = accept_failed(server, r);
        }
    } while (r == 0);
    return r;
}

/* Returns when no client is left. */
static void drain(struct server *server) {
    uint64_t timeout = server->options.drain_timeout_ns;
    struct cede_scope scope;
    int r;

    cede_scope_enter(&scope, cede_after(timeout ? timeout : DRAIN_TIMEOUT));
    cede_scope_set_shield(&scope, true);
    r = cede_group_wait(&server->group);
    cede_scope_leave(&scope, r);
    cede_scope_cancel(&server->group.scope, -ECANCELED);
    cede__group_close(&server->group);
}

static int listening(struct server *server) {
    struct cede_address address;
    int r = cede_local_address(server->listener, &address);

    if (r == 0 && server->options.on_listening)
        r = server->options.on_listening(&address, server->arg);
    return r;
}

static int serve(struct server *server) {
    int r = listening(server);

    if (r < 0) {
        cede_close(server->listener);
        return r;
    }
    take_reserve(server);
    cede__group_open(&server->group);
    r = accept_clients(server);
    cede_close(server->listener);
    drop_reserve(server);
    drain(server);
    return r;
}

/* Told at once, rather than to each client by refusing it. */
static bool stack_size_is_sensible(size_t size) {
    return size == 0 || (size >= CEDE__STACK_MIN && size <= CEDE__STACK_MAX);
}

int cede_serve_with(const char *address, cede_stream_fn fn, void *arg,
                    const struct cede_server_options *options) {
    struct server server = {.fn = fn, .arg = arg, .reserve = -1};
    struct cede_listen_options listen_options = {.backlog = options ? options->backlog : 0};
    struct cede_address parsed;
    struct cede_task *task;
    int r;

    if (!fn || (options && !stack_size_is_sensible(options->stack_size)))
        return -EINVAL;
    r = cede__blocking(&task);
    if (r == 0)
        r = cede_address_parse(address, &parsed, NULL);
    if (r < 0)
        return r;
    if (options)
        server.options = *options;
    server.stats = server.options.stats ? server.options.stats : &server.own_stats;
    *server.stats = (struct cede_server_stats){.accepted = 0};
    server.listener = cede_listen(&parsed, &listen_options);
    return server.listener < 0 ? server.listener : serve(&server);
}

int cede_serve(const char *address, cede_stream_fn fn, void *arg) {
    return cede_serve_with(address, fn, arg, NULL);
}
