/* serve.h: what the floor servers share: the command line, the listening socket, the way out.
 *
 * A floor server speaks as `cede echo` does, so that one runner can start either: it prints
 * "listening on HOST:PORT" once it is ready, and ends with status 0 on SIGTERM or SIGINT.
 */
#ifndef BENCH_FLOOR_SERVE_H
#define BENCH_FLOOR_SERVE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ends the program with one line that names the call that failed; code is a positive errno. */
__attribute__((noreturn)) static inline void floor_die(const char *what, int code) {
    fprintf(stderr, "%s: %s\n", what, strerror(code));
    exit(1);
}

/* Parses `[--port P]`; port 0, the default, lets the kernel pick one. Exits with 2 on anything
 * else. */
static inline in_port_t floor_parse_port(int argc, char **argv) {
    char *end = NULL;
    unsigned long port;

    if (argc == 1)
        return 0;
    if (argc == 3 && strcmp(argv[1], "--port") == 0) {
        port = strtoul(argv[2], &end, 10);
        if (argv[2][0] >= '0' && argv[2][0] <= '9' && *end == '\0' && port <= 65535)
            return (in_port_t)port;
    }
    fprintf(stderr, "usage: %s [--port P]\n", argv[0]);
    exit(2);
}

/* A floor holds nothing that outlives the process, so a signal may end it on the spot. */
static void floor_stop(int signo) {
    (void)signo;
    _exit(0);
}

/* Raises the limit of open files as far as the system allows, but not beyond a million, since the
 * floors keep an array indexed by descriptor. Returns the limit. */
static inline size_t floor_raise_files(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        floor_die("getrlimit", errno);
    limit.rlim_cur = limit.rlim_max < 1000000 ? limit.rlim_max : 1000000;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        floor_die("setrlimit", errno);
    return limit.rlim_cur;
}

/* Returns a listening socket on 127.0.0.1. TCP_NODELAY is set here, once, because accepted
 * sockets inherit it from their listener. socket_flags is 0 or SOCK_NONBLOCK. */
static inline int floor_listen(in_port_t port, int socket_flags) {
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | socket_flags, 0);

    if (fd < 0)
        floor_die("socket", errno);
    addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0)
        floor_die("SO_REUSEADDR", errno);
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
        floor_die("TCP_NODELAY", errno);
    if (bind(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        floor_die("bind", errno);
    if (listen(fd, 4096) < 0)
        floor_die("listen", errno);
    return fd;
}

/* Arranges the way out, then tells the world which port was taken. */
static inline void floor_announce(int listener) {
    struct sockaddr_in addr;
    socklen_t length = sizeof addr;
    struct sigaction stop = {.sa_handler = floor_stop};

    if (sigaction(SIGTERM, &stop, NULL) < 0 || sigaction(SIGINT, &stop, NULL) < 0)
        floor_die("sigaction", errno);
    if (getsockname(listener, (struct sockaddr *)&addr, &length) < 0)
        floor_die("getsockname", errno);
    printf("listening on 127.0.0.1:%u\n", ntohs(addr.sin_port));
    if (fflush(stdout) != 0)
        floor_die("stdout", errno);
}

#endif
