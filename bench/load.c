/* load.c: a load generator that trusts nobody.
 *
 * Opens N connections to an echo server, keeps D messages of B bytes in flight on each, verifies
 * every byte that comes back and reports throughput, latency and, given the server's process id,
 * the processor time that the server spent per request. It is an independent program on purpose:
 * if it were built on cede, a bug of cede's could hide itself.
 *
 * Verification: byte k of connection c is pattern[(c * SPREAD + k) % PERIOD], with a prime period
 * and a pattern of random bytes. A byte that is lost, doubled, reordered or that belongs to
 * another connection shifts the stream against its pattern, and the next comparison fails. Nothing
 * is copied on the way out: sends come straight from the pattern, which is stored long enough for
 * any chunk to be contiguous.
 *
 * Phases: connect (all of them, a bounded number at a time), warm-up (not counted), measured
 * window, drain (nothing new is sent, but every answer that is due must still come). The
 * measurements of a window are taken at its two ends, at one instant each.
 *
 * A connection is in the interest set once, edge-triggered, for both directions. Bytes sent and
 * received are counted from the start; message m is answered when (m + 1) * B bytes are back, and
 * the time at which it was sent lies in slot m % D of the connection.
 */
#include "load_histogram.h"
#include "load_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

enum {
    CHUNK = 256 * 1024,
    PERIOD = 65521,
    SPREAD = 7919,
    EVENTS = 1024,
    CONNECTING_AT_ONCE = 256,
    PER_SOURCE_ADDRESS = 20000,
};

/* Without any answer for so long, what is outstanding counts as lost. */
static const uint64_t stall_ns = 10 * SECOND;

enum phase { CONNECT, WARM_UP, MEASURE, DRAIN };

struct conn {
    int fd; /* -1 before it is opened and after it has ended */
    bool connected;
    uint64_t sent;         /* bytes */
    uint64_t received;     /* bytes */
    uint64_t begun;        /* messages that were started, all of them owed by the server */
    uint64_t answered;     /* messages */
    uint64_t *begun_at_ns; /* one slot for each message in flight */
};

static struct { uint64_t connect, reset, end_of_file, mismatch, lost; } errors;

/* What was true at one end of the measured window. */
struct sample {
    uint64_t now_ns;
    uint64_t cpu_ns;
    uint64_t answered;
};

static unsigned char pattern[PERIOD + CHUNK];
static unsigned char received[CHUNK];
static struct conn *conns;
static struct histogram latencies;
static enum phase phase;
static struct sample window_start;
static struct sample window_end;
static uint64_t begun_in_all;
static uint64_t answered_in_all;
static uint64_t ended;     /* connections that failed */
static uint64_t opened;    /* connections that were started */
static uint64_t connected; /* connections that are or were established */
static uint64_t last_progress_ns;
static int epoll_fd;

__attribute__((noreturn)) static void die(const char *what, int code) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(code));
    exit(1);
}

static uint64_t clock_ns(clockid_t clock) {
    struct timespec now;

    if (clock_gettime(clock, &now) < 0)
        die("clock_gettime", errno);
    return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

/* The processor time of the server's process, all its threads, to the nanosecond. */
static uint64_t server_cpu_ns(void) {
    clockid_t clock;
    int r;

    if (!options.pid)
        return 0;
    r = clock_getcpuclockid(options.pid, &clock);
    if (r != 0)
        die("the server's processor time", r);
    return clock_ns(clock);
}

static struct sample sample_now(void) {
    return (struct sample){clock_ns(CLOCK_MONOTONIC), server_cpu_ns(), answered_in_all};
}

/* Connections. */

static const unsigned char *pattern_at(const struct conn *conn, uint64_t offset) {
    return pattern + ((uint64_t)(conn - conns) * SPREAD + offset) % PERIOD;
}

static void conn_fail(struct conn *conn, uint64_t *counter) {
    ++*counter;
    errors.lost += conn->begun - conn->answered;
    close(conn->fd);
    conn->fd = -1;
    ended++;
}

static bool may_begin(const struct conn *conn) {
    if (phase == CONNECT || phase == DRAIN || conn->begun - conn->answered >= options.depth)
        return false;
    return options.requests == 0 || begun_in_all < options.requests;
}

/* Starts as many messages as depth and count allow, and sends until the kernel takes no more. */
static void conn_send(struct conn *conn, uint64_t now_ns) {
    while (may_begin(conn)) {
        conn->begun_at_ns[conn->begun++ % options.depth] = now_ns;
        begun_in_all++;
    }
    while (conn->sent < conn->begun * options.size) {
        uint64_t left = conn->begun * options.size - conn->sent;
        ssize_t n =
            send(conn->fd, pattern_at(conn, conn->sent), left < CHUNK ? left : CHUNK, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            conn_fail(conn, &errors.reset);
            return;
        }
        conn->sent += (uint64_t)n;
    }
}

static void conn_answered(struct conn *conn, uint64_t now_ns) {
    for (; conn->answered < conn->received / options.size; conn->answered++) {
        answered_in_all++;
        if (phase == MEASURE)
            histogram_add(&latencies, now_ns - conn->begun_at_ns[conn->answered % options.depth]);
    }
}

/* Reads what is there, at most one buffer of it. Returns the number of bytes, or 0 when the socket
 * was empty or the connection has ended, which the descriptor tells. */
static size_t conn_recv(struct conn *conn, uint64_t *ret_now_ns) {
    ssize_t n = recv(conn->fd, received, sizeof received, 0);

    if (n < 0 && errno == EAGAIN)
        return 0;
    if (n <= 0) {
        conn_fail(conn, n == 0 ? &errors.end_of_file : &errors.reset);
        return 0;
    }
    if (conn->received + (uint64_t)n > conn->sent ||
        memcmp(received, pattern_at(conn, conn->received), (size_t)n) != 0) {
        conn_fail(conn, &errors.mismatch);
        return 0;
    }
    *ret_now_ns = last_progress_ns = clock_ns(CLOCK_MONOTONIC);
    conn->received += (uint64_t)n;
    conn_answered(conn, *ret_now_ns);
    return (size_t)n;
}

static void conn_opened(struct conn *conn) {
    int code = 0;
    socklen_t length = sizeof code;

    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &code, &length) < 0)
        code = errno;
    if (code != 0) {
        if (errors.connect == 0)
            fprintf(stderr, "load: connect: %s\n", strerror(code));
        conn_fail(conn, &errors.connect);
        return;
    }
    conn->connected = true;
    connected++;
    last_progress_ns = clock_ns(CLOCK_MONOTONIC);
}

/* A short read means an empty socket, unless the event has told of an end that must be read. */
static void conn_ready(struct conn *conn, uint32_t events) {
    bool to_the_end = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    uint64_t now_ns = 0;

    if (conn->fd >= 0 && !conn->connected)
        conn_opened(conn);
    if (conn->fd >= 0 && (events & ~(uint32_t)EPOLLOUT)) {
        size_t n;

        do
            n = conn_recv(conn, &now_ns);
        while (n == sizeof received || (n > 0 && to_the_end));
    }
    if (conn->fd >= 0)
        conn_send(conn, now_ns ? now_ns : clock_ns(CLOCK_MONOTONIC));
}

/* More connections than one address has ports for come from several loopback addresses. */
static void bind_source(int fd, uint64_t index) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    int one = 1;

    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index / PER_SOURCE_ADDRESS));
    if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) < 0)
        die("IP_BIND_ADDRESS_NO_PORT", errno);
    if (bind(fd, (struct sockaddr *)&source, sizeof source) < 0)
        die("bind", errno);
}

static void conn_open(struct conn *conn) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};
    int one = 1;

    conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (conn->fd < 0)
        die("socket", errno);
    if (setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0)
        die("TCP_NODELAY", errno);
    if (options.connections > PER_SOURCE_ADDRESS)
        bind_source(conn->fd, opened);
    opened++;
    if (connect(conn->fd, (struct sockaddr *)&options.server, sizeof options.server) < 0 &&
        errno != EINPROGRESS) {
        if (errors.connect == 0)
            fprintf(stderr, "load: connect: %s\n", strerror(errno));
        conn_fail(conn, &errors.connect);
        return;
    }
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event) < 0)
        die("epoll_ctl", errno);
}

/* The loop. */

static void open_more(void) {
    while (opened < options.connections && opened - connected - errors.connect < CONNECTING_AT_ONCE)
        conn_open(&conns[opened]);
}

static void send_all(void) {
    for (uint64_t i = 0; i < options.connections; i++) {
        if (conns[i].fd >= 0)
            conn_send(&conns[i], clock_ns(CLOCK_MONOTONIC));
    }
}

static bool all_answered(void) {
    return answered_in_all + errors.lost >= begun_in_all;
}

/* Moves on to the next phase when the present one is over. Returns false when everything is. */
static bool phase_advance(uint64_t now_ns, uint64_t phase_start_ns, enum phase *ret_next) {
    double elapsed = (double)(now_ns - phase_start_ns) / 1e9;

    *ret_next = phase;
    if (ended == options.connections)
        return false;
    switch (phase) {
    case CONNECT:
        if (connected + errors.connect == options.connections)
            *ret_next = options.warm_up > 0 ? WARM_UP : MEASURE;
        break;
    case WARM_UP:
        if (elapsed >= options.warm_up)
            *ret_next = MEASURE;
        break;
    case MEASURE:
        if (options.requests ? begun_in_all >= options.requests && all_answered()
                             : elapsed >= options.seconds)
            *ret_next = DRAIN;
        break;
    case DRAIN:
        return !all_answered();
    }
    return true;
}

static void phase_enter(enum phase next) {
    enum phase from = phase;

    phase = next;
    if (next == MEASURE)
        window_start = sample_now();
    if (next == DRAIN)
        window_end = sample_now();
    if (from == CONNECT)
        send_all();
}

/* The wait is short, so that phases end in time even when nothing happens. */
static void turn(void) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(epoll_fd, events, EVENTS, 10);

    if (n < 0 && errno != EINTR)
        die("epoll_wait", errno);
    for (int i = 0; i < n; i++)
        conn_ready(events[i].data.ptr, events[i].events);
}

static void run(void) {
    uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t phase_start_ns = now_ns;
    enum phase next;

    last_progress_ns = now_ns;
    while (phase_advance(now_ns, phase_start_ns, &next)) {
        if (next != phase) {
            phase_enter(next);
            phase_start_ns = now_ns;
        }
        if (phase == CONNECT)
            open_more();
        turn();
        now_ns = clock_ns(CLOCK_MONOTONIC);
        if (now_ns > last_progress_ns + stall_ns)
            break;
    }
    if (phase < MEASURE)
        window_start = sample_now();
    if (phase < DRAIN)
        window_end = sample_now();
    for (uint64_t i = 0; i < options.connections; i++) {
        if (conns[i].fd >= 0)
            errors.lost += conns[i].begun - conns[i].answered;
    }
    errors.connect = options.connections - connected;
}

/* The report. */

static uint64_t error_count(void) {
    return errors.connect + errors.reset + errors.end_of_file + errors.mismatch + errors.lost;
}

/* The figures of the window, derived from its two ends. */
struct figures {
    uint64_t requests;
    double seconds;
    double per_second;
    double cpu_us;
};

static struct figures figures_of(const struct sample *start, const struct sample *end) {
    struct figures f = {
        .requests = end->answered - start->answered,
        .seconds = (double)(end->now_ns - start->now_ns) / 1e9,
    };

    if (f.seconds > 0)
        f.per_second = (double)f.requests / f.seconds;
    if (f.requests > 0)
        f.cpu_us = (double)(end->cpu_ns - start->cpu_ns) / (double)f.requests / 1e3;
    return f;
}

static double latency_us(double quantile) {
    return (double)histogram_quantile(&latencies, quantile) / 1e3;
}

static void report_text(const struct figures *f) {
    printf("load          %" PRIu64 " connections, %" PRIu64 " bytes, depth %" PRIu64 "\n",
           options.connections, options.size, options.depth);
    printf("requests      %" PRIu64 " in %.3f s, %.0f a second\n", f->requests, f->seconds,
           f->per_second);
    printf("latency       p50 %.1f us, p90 %.1f us, p99 %.1f us, max %.1f us\n", latency_us(0.5),
           latency_us(0.9), latency_us(0.99), (double)latencies.max / 1e3);
    if (options.pid)
        printf("server        %.3f us of processor time a request\n", f->cpu_us);
    printf("errors        %" PRIu64 " connect, %" PRIu64 " reset, %" PRIu64 " end of file, %" PRIu64
           " mismatch, %" PRIu64 " lost\n",
           errors.connect, errors.reset, errors.end_of_file, errors.mismatch, errors.lost);
}

static void report_json(const struct figures *f) {
    printf("{\"connections\": %" PRIu64 ", \"size\": %" PRIu64 ", \"depth\": %" PRIu64,
           options.connections, options.size, options.depth);
    printf(", \"requests\": %" PRIu64 ", \"seconds\": %.6f, \"requests_per_second\": %.1f",
           f->requests, f->seconds, f->per_second);
    printf(", \"latency_us\": {\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"max\": %.1f}",
           latency_us(0.5), latency_us(0.9), latency_us(0.99), (double)latencies.max / 1e3);
    if (options.pid)
        printf(", \"server_cpu_us\": %.4f", f->cpu_us);
    printf(", \"errors\": {\"connect\": %" PRIu64 ", \"reset\": %" PRIu64
           ", \"end_of_file\": %" PRIu64 ", \"mismatch\": %" PRIu64 ", \"lost\": %" PRIu64 "}}\n",
           errors.connect, errors.reset, errors.end_of_file, errors.mismatch, errors.lost);
}

static void report(void) {
    struct figures f = figures_of(&window_start, &window_end);

    if (options.json)
        report_json(&f);
    else
        report_text(&f);
}

static void raise_files(void) {
    struct rlimit limit;
    uint64_t needed = options.connections + 16;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("getrlimit", errno);
    if (limit.rlim_max < needed) {
        fprintf(stderr, "load: %" PRIu64 " connections need %" PRIu64 " files, the limit is %ju\n",
                options.connections, needed, (uintmax_t)limit.rlim_max);
        exit(1);
    }
    if (limit.rlim_cur < needed)
        limit.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        die("setrlimit", errno);
}

static void prepare(void) {
    uint64_t *slots = calloc(options.connections, options.depth * sizeof *slots);

    conns = calloc(options.connections, sizeof *conns);
    if (!conns || !slots)
        die("memory", ENOMEM);
    for (uint64_t i = 0; i < options.connections; i++) {
        conns[i].fd = -1;
        conns[i].begun_at_ns = slots + i * options.depth;
    }
    srandom(1);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i < PERIOD ? (unsigned char)(random() >> 8) : pattern[i - PERIOD];
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        die("epoll_create1", errno);
}

int main(int argc, char **argv) {
    options_parse(argc, argv);
    raise_files();
    prepare();
    run();
    report();
    return error_count() > 0;
}
