/* echo.c: `cede echo`, a server that sends everything back. What it does for a client is in
 * send_back(); the rest is settings, and what is told about it. */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* The smallest class of stacks: a client's task needs about 2 KiB of it, and 5 under sanitizers. */
#define STACK_SIZE ((size_t)16 * 1024)
#define MAX_TIMEOUT (UINT64_C(1000000000) * CEDE_SECOND)

struct settings {
    const char *listen, *backend;
    size_t max_clients, stack_size;
    uint64_t idle_timeout_ns, drain_timeout_ns;
    bool verbose;
};

static const struct cli_option options[] = {
    {"listen", 0, CLI_TEXT, "HOST:PORT", "where to listen (127.0.0.1:3000); port 0: any free one",
     offsetof(struct settings, listen), 0, 0},
    {"backend", 0, CLI_CHOICE, "epoll|io_uring", "which to use (the best that runs here)",
     offsetof(struct settings, backend), 0, 0},
    {"max-clients", 0, CLI_COUNT, "N", "refuse more than N clients at a time (no limit)",
     offsetof(struct settings, max_clients), 1, 1000000000},
    {"idle-timeout", 0, CLI_SECONDS, "S", "close a client after S seconds without traffic (never)",
     offsetof(struct settings, idle_timeout_ns), CEDE_MILLISECOND, MAX_TIMEOUT},
    {"drain-timeout", 0, CLI_SECONDS, "S", "when stopped, give clients S seconds to end (5)",
     offsetof(struct settings, drain_timeout_ns), 0, MAX_TIMEOUT},
    {"stack-size", 0, CLI_COUNT, "BYTES", "of each client's task (16384)",
     offsetof(struct settings, stack_size), 4096, (1 << 30) - 65536},
    {"verbose", 'v', CLI_FLAG, NULL, "report who joins and leaves on standard error",
     offsetof(struct settings, verbose), 0, 0},
    {.name = NULL},
};

struct echo {
    struct settings settings;
    bool running, serving;     /* how far it has come */
    enum cli_status announced; /* whether the address could be printed */
};

struct client {
    cede_stream *stream;
    struct cede_scope idle; /* its deadline is the idle timeout */
    uint64_t idle_timeout_ns;
    uint64_t bytes;
};

static void note_traffic(struct client *client) {
    if (client->idle_timeout_ns)
        cede_scope_set_deadline(&client->idle, cede_after(client->idle_timeout_ns));
}

/* Returns 0 at the client's end of file. While it waits it holds no buffer, so that an idle client
 * takes little memory. */
static int send_back(struct client *client) {
    const void *data;
    ssize_t n;

    while ((n = cede_stream_next(client->stream, &data)) > 0) {
        int r;

        note_traffic(client);
        r = cede_stream_write(client->stream, data, (size_t)n);
        if (r < 0)
            return r;
        client->bytes += (size_t)n;
        note_traffic(client);
    }
    return (int)n;
}

static const char *reason(int r) {
    switch (r) {
    case 0:
        return "end of file";
    case -ETIME:
        return "idle for too long";
    case -ECANCELED:
        return "the server stops";
    default:
        return cede_strerror(r);
    }
}

/* Apart from serve_client(), whose frame is there as long as the client. */
static __attribute__((noinline)) void log_client(const struct client *client, const char *event,
                                                 const char *why) {
    char text[CEDE_ADDRESS_TEXT];

    cede_address_format(cede_stream_peer(client->stream), text, sizeof text);
    if (why)
        cli_log("%s %s: %s; %llu bytes sent back", text, event, why,
                (unsigned long long)client->bytes);
    else
        cli_log("%s %s", text, event);
}

static int serve_client(cede_stream *stream, void *arg) {
    const struct settings *settings = &((struct echo *)arg)->settings;
    struct client client = {.stream = stream, .idle_timeout_ns = settings->idle_timeout_ns};
    int r;

    if (settings->verbose)
        log_client(&client, "joins", NULL);
    cede_scope_enter(&client.idle, CEDE_FOREVER);
    note_traffic(&client);
    r = cede_scope_leave(&client.idle, send_back(&client));
    if (settings->verbose)
        log_client(&client, "leaves", reason(r));
    return r;
}

static int on_listening(const struct cede_address *address, void *arg) {
    struct echo *echo = arg;
    char text[CEDE_ADDRESS_TEXT];

    echo->serving = true;
    printf("listening on %s\n", cede_address_format(address, text, sizeof text));
    echo->announced = cli_flush(cli_echo.name);
    return echo->announced == CLI_OK ? 0 : -EIO;
}

static void report_fallback(const struct settings *settings) {
    const char *why, *backend = cede_loop_backend(cede_loop_current(), &why);

    if (settings->backend && strcmp(settings->backend, backend) != 0)
        cli_error(cli_echo.name, "using %s: %s", backend, why);
}

static int app(void *arg) {
    struct echo *echo = arg;
    const struct settings *settings = &echo->settings;
    struct cede_server_options server_options = {
        .max_clients = settings->max_clients,
        .stack_size = settings->stack_size,
        .drain_timeout_ns = settings->drain_timeout_ns ? settings->drain_timeout_ns : 1,
        .on_listening = on_listening,
    };

    echo->running = true;
    report_fallback(settings);
    return cede_serve_with(settings->listen, serve_client, echo, &server_options);
}

static const char *way_out(int error) {
    switch (error) {
    case -EADDRINUSE:
        return "; choose another port, or port 0 for any that is free";
    case -EACCES:
        return ": a port this low takes root or CAP_NET_BIND_SERVICE; choose a higher one";
    case -EADDRNOTAVAIL:
        return "; choose one that it has, or 0.0.0.0 for all of them";
    default:
        return "";
    }
}

/* What became of it, from the result of cede_run_with(). */
static enum cli_status finish(const struct echo *echo, int r) {
    if (r == -ECANCELED) /* by a signal: the way in which it is meant to end */
        return CLI_OK;
    if (echo->announced != CLI_OK)
        return echo->announced;
    if (!echo->running && r == -EINVAL) {
        cli_error(cli_echo.name, "CEDE_BACKEND: '%s' is no backend; there are epoll and io_uring",
                  getenv("CEDE_BACKEND"));
        return CLI_USAGE;
    }
    if (!echo->running)
        cli_error(cli_echo.name, "cannot start: %s", cede_strerror(r));
    else if (!echo->serving)
        cli_error(cli_echo.name, "cannot listen on %s: %s%s", echo->settings.listen,
                  cede_strerror(r), way_out(r));
    else
        cli_error(cli_echo.name, "cannot go on: %s", cede_strerror(r));
    return CLI_FAILED;
}

static bool valid(const struct settings *settings) {
    struct cede_address address;
    const char *why;

    if (cede_address_parse(settings->listen, &address, &why) == 0)
        return true;
    cli_error(cli_echo.name, "--listen: '%s': %s; an example is 127.0.0.1:3000", settings->listen,
              why);
    return false;
}

/* Each client is an fd, and the soft limit is often as low as 1,024. If it cannot be raised, fewer
 * clients are served. */
static void raise_fd_limit(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum cli_status run(const struct cli_command *command, int argc, char **argv) {
    struct echo echo = {.settings = {.listen = "127.0.0.1:3000",
                                     .stack_size = STACK_SIZE,
                                     .drain_timeout_ns = 5 * CEDE_SECOND}};
    struct cede_run_options run_options = {.backend = NULL};
    enum cli_status status;

    if (!cli_parse(command, argc, argv, &echo.settings, &status))
        return status;
    if (!valid(&echo.settings))
        return CLI_USAGE;
    raise_fd_limit();
    run_options.backend = echo.settings.backend;
    return finish(&echo, cede_run_with(app, &echo, &run_options));
}

const struct cli_command cli_echo = {
    .name = "cede echo",
    .summary = "A TCP server that sends everything back.",
    .about =
        "When it is ready, it prints \"listening on HOST:PORT\". SIGINT or SIGTERM stops it: it\n"
        "accepts no more, and ends with status 0 when the last client has left or the drain\n"
        "timeout has passed. A second signal kills.",
    .options = options,
    .run = run,
};
