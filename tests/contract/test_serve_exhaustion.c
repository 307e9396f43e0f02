/* The server when fds run out: it refuses, says so, neither spins nor ends, and goes on later. */
#include "coro/annotate.h"
#include "support/net_pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static int echo(cede_stream *stream, void *arg) {
    char buf[64];
    ssize_t n;

    (void)arg;
    while ((n = cede_stream_read(stream, buf, sizeof buf)) > 0) {
        int r = cede_stream_write(stream, buf, (size_t)n);

        if (r < 0)
            return r;
    }
    return (int)n;
}

/* --- The clients, in a process with fds of its own ------------------------------------------- */

#define CLIENTS 20

static int dial(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        _exit(3);
    return fd;
}

static bool is_served(int fd) {
    char byte;

    return send(fd, "x", 1, MSG_NOSIGNAL) == 1 && recv(fd, &byte, 1, 0) == 1;
}

/* Some of many are served and the others refused; when they have gone, there is room for a new one
 * within a few seconds. Exit status 0 if so. */
static int be_clients(int go, uint16_t port) {
    int fds[CLIENTS], served = 0;
    char byte;

    if (read(go, &byte, 1) != 1)
        return 4;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = dial(port);
    for (int i = 0; i < CLIENTS; i++)
        served += is_served(fds[i]);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
    if (served == 0 || served == CLIENTS)
        return 5;
    for (int i = 0; i < 500; i++) {
        int fd = dial(port);
        bool ok = is_served(fd);

        close(fd);
        if (ok)
            return 0;
        usleep(10000);
    }
    return 6;
}

/* --- The server ------------------------------------------------------------------------------ */

struct serving {
    struct cede_server_stats stats;
    uint16_t port;
};

static int on_listening(const struct cede_address *address, void *arg) {
    ((struct serving *)arg)->port = address->v4.sin_port;
    return 0;
}

static int serve_main(void *arg) {
    struct serving *serving = arg;
    struct cede_server_options options = {.on_listening = on_listening,
                                          .stats = &serving->stats,
                                          .drain_timeout_ns = CEDE_MILLISECOND};

    return cede_serve_with("127.0.0.1:0", echo, serving, &options);
}

/* Lets the process open this many fds more. */
static void limit_fds(int more) {
    struct rlimit limit;
    int next = dup(0);

    ck_assert_int_ge(next, 0);
    close(next);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)(next + more);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int wait_for_child(pid_t pid) {
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0)
        ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    return status;
}

static size_t lines_of(const char *text) {
    size_t count = 0;

    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static void serve_with_fds(int more) {
    struct serving serving = {.port = 0};
    cede_task *server;
    int status, go[2];
    const char *text;
    pid_t pid;

    ck_assert_int_eq(pipe(go), 0);
    ck_assert_int_eq(cede_spawn(NULL, serve_main, &serving, &server), 0);
    while (!serving.port)
        cede_task_yield();
    let_wait(server);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        close(go[1]);
        _exit(be_clients(go[0], serving.port));
    }
    capture_begin();
    limit_fds(more);
    ck_assert_int_eq(write(go[1], "g", 1), 1);
    status = wait_for_child(pid);
    text = capture_end();
    ck_assert_exits_0(status);
    ck_assert_uint_gt(serving.stats.refused, 0);
    ck_assert_says(text, "refusing clients: no fd for another");
    ck_assert_uint_le(lines_of(text), 6); /* one a second at most */
    cede_task_cancel(server, -ECANCELED);
    ck_assert_int_eq(join_result(server), -ECANCELED);
    ck_assert_uint_eq(serving.stats.clients, 0);
    close(go[0]);
    close(go[1]);
}

TASK_TEST(with_few_fds_some_are_served) {
    serve_with_fds(3);
}

TASK_TEST(with_a_single_fd_one_is_served) {
    serve_with_fds(1);
}

/* --- It does not spin ------------------------------------------------------------------------ */

/* There is no fd, not even for the reserve, and a connection waits: a server that asked again at
 * once would always be found ready. When there are fds again, the connection is served. */
TASK_TEST(without_any_fd_it_sleeps_and_goes_on_later) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct serving serving = {.port = 0};
    struct rlimit limit;
    cede_task *server;
    int client = socket(AF_INET, SOCK_STREAM, 0), asleep = 0;
    char byte = 'x';

    if (cede__valgrind_present()) /* its accept() takes the connection before it says EMFILE */
        return;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    capture_begin();
    limit_fds(1);
    ck_assert_int_eq(cede_spawn(NULL, serve_main, &serving, &server), 0);
    while (!serving.port)
        cede_task_yield();
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = serving.port;
    ck_assert_int_eq(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
        asleep += cede_task_waits_for(server) != NULL;
    }
    ck_assert_int_gt(asleep, 40);
    ck_assert_uint_eq(serving.stats.accepted, 0);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(cede_send(client, &byte, 1, 0), 1);
    ck_assert_int_eq(cede_recv(client, &byte, 1, 0), 1);
    cede_close(client);
    cede_task_cancel(server, -ECANCELED);
    ck_assert_int_eq(join_result(server), -ECANCELED);
    ck_assert_says(capture_end(), "refusing clients: no fd for another");
}

CEDE_CHECK_MAIN("serve_exhaustion", with_few_fds_some_are_served, with_a_single_fd_one_is_served,
                without_any_fd_it_sleeps_and_goes_on_later)
