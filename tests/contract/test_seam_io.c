/* The seam's contract, operation by operation, on one backend. */
#include "check_main.h"

#include "support/seam.h"

#include <limits.h>
#include <sys/mman.h>

static char buffer[4096];

START_TEST(data_that_waits_is_received) {
    int fds[2];
    struct op op;

    seam_open();
    unix_pair(fds);
    put(fds[1], "abc", 3);
    op_recv(&op, fds[0], buffer, sizeof buffer, 0);
    ck_assert_int_eq(op_wait(&op), 3);
    ck_assert_mem_eq(buffer, "abc", 3);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(a_receive_waits_for_data_and_then_for_the_end) {
    int fds[2];
    struct op op;

    seam_open();
    tcp_pair(fds);
    ck_assert(!op_recv(&op, fds[0], buffer, sizeof buffer, 0));
    settle();
    ck_assert(!op_finished(&op));
    ck_assert_uint_eq(seam->pending(backend), 1);
    put(fds[1], "abc", 3);
    ck_assert_int_eq(op_wait(&op), 3);
    ck_assert_uint_eq(seam->pending(backend), 0);
    ck_assert(!op_recv(&op, fds[0], buffer, sizeof buffer, 0));
    shutdown(fds[1], SHUT_WR);
    ck_assert_int_eq(op_wait(&op), 0);
    op_recv(&op, fds[0], buffer, sizeof buffer, 0); /* the end stays */
    ck_assert_int_eq(op_wait(&op), 0);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

/* Sends until an operation waits; returns how many bytes were taken. */
static size_t fill(struct op *op, int fd, const char *data, size_t size) {
    size_t sent = 0;

    for (;;) {
        op_send(op, fd, data, size);
        settle();
        if (!op_finished(op))
            return sent;
        ck_assert_int_gt(op->io.result, 0);
        sent += (size_t)op->io.result;
    }
}

START_TEST(a_send_waits_for_room) {
    static char data[100000], sink[65536];
    size_t sent, received = 0;
    struct op op;
    int fds[2];

    seam_open();
    tcp_pair(fds);
    sent = fill(&op, fds[0], data, sizeof data);
    while (!op_finished(&op)) {
        ssize_t n = recv(fds[1], sink, sizeof sink, 0);

        if (n > 0)
            received += (size_t)n;
        seam_poll(0);
    }
    ck_assert_int_gt(op.io.result, 0);
    sent += (size_t)op.io.result;
    shutdown(fds[0], SHUT_WR);
    set_nonblocking(fds[1]);
    fcntl(fds[1], F_SETFL, 0);
    for (ssize_t n; (n = recv(fds[1], sink, sizeof sink, 0)) > 0;)
        received += (size_t)n;
    ck_assert_uint_eq(received, sent);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(sending_to_one_who_is_gone_is_an_error_and_no_signal) {
    struct op op;
    int fds[2];

    seam_open();
    ck_assert_ptr_eq(signal(SIGPIPE, SIG_DFL), SIG_DFL);
    unix_pair(fds);
    close(fds[1]);
    op_send(&op, fds[0], "abc", 3);
    ck_assert_int_eq(op_wait(&op), -EPIPE);
    close(fds[0]);
    tcp_pair(fds);
    tcp_reset(fds[1]);
    op_send(&op, fds[0], "abc", 3);
    op_wait(&op);
    ck_assert(op.io.result == -ECONNRESET || op.io.result == -EPIPE);
    op_send(&op, fds[0], "abc", 3);
    ck_assert_int_eq(op_wait(&op), -EPIPE);
    close(fds[0]);
    seam_close();
}
END_TEST

START_TEST(a_reset_ends_a_send_that_waits) {
    static char data[100000];
    struct op op;
    int fds[2];

    seam_open();
    tcp_pair(fds);
    fill(&op, fds[0], data, sizeof data);
    tcp_reset(fds[1]);
    ck_assert_int_lt(op_wait(&op), 0);
    ck_assert(op.io.result == -ECONNRESET || op.io.result == -EPIPE);
    close(fds[0]);
    seam_close();
}
END_TEST

START_TEST(an_accepted_socket_is_nonblocking_and_not_inherited) {
    struct sockaddr_in address, peer, own;
    socklen_t len = sizeof peer, own_len = sizeof own;
    int listener, client;
    struct op op;

    seam_open();
    listener = tcp_listener(&address);
    op = (struct op){
        .io = {.code = CEDE__IO_ACCEPT, .fd = listener, .buf = &peer, .addr_len = &len}};
    ck_assert(!op_submit(&op));
    settle();
    ck_assert(!op_finished(&op));
    client = tcp_client(&address);
    ck_assert_int_ge(op_wait(&op), 0);
    ck_assert_int_eq(fcntl(op.io.result, F_GETFD), FD_CLOEXEC);
    ck_assert(fcntl(op.io.result, F_GETFL) & O_NONBLOCK);
    getsockname(client, (struct sockaddr *)&own, &own_len);
    ck_assert_uint_eq(len, own_len);
    ck_assert_uint_eq(peer.sin_port, own.sin_port);
    close(op.io.result);
    close(client);
    client = tcp_client(&address); /* one that is there already */
    op_accept(&op, listener);
    ck_assert_int_ge(op_wait(&op), 0);
    close(op.io.result);
    close(client);
    close(listener);
    seam_close();
}
END_TEST

START_TEST(connecting_succeeds_or_tells_why_not) {
    struct sockaddr_in address;
    struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "\0cede-nobody-listens-here"};
    int listener, fd;
    struct op op;

    seam_open();
    listener = tcp_listener(&address);
    fd = seam->kernel->socket(AF_INET, SOCK_STREAM, 0);
    seam_watch(fd);
    op_connect(&op, fd, &address, sizeof address);
    ck_assert_int_eq(op_wait(&op), 0);
    seam_drop(fd);
    close(listener);
    fd = seam->kernel->socket(AF_INET, SOCK_STREAM, 0);
    op_connect(&op, fd, &address, sizeof address);
    ck_assert_int_eq(op_wait(&op), -ECONNREFUSED);
    seam_drop(fd);
    fd = seam->kernel->socket(AF_UNIX, SOCK_STREAM, 0);
    op_connect(&op, fd, &nowhere, sizeof nowhere.sun_family + 26);
    ck_assert_int_eq(op_wait(&op), -ECONNREFUSED);
    seam_drop(fd);
    seam_close();
}
END_TEST

/* A Unix socket whose listener has no room: whatever comes of it, it is not a success that is
 * none. */
START_TEST(connecting_to_a_full_unix_listener_does_not_pretend_success) {
    struct sockaddr_un address;
    socklen_t len, peer_len = sizeof address;
    int listener, fds[4], count = 0;
    struct op op;

    seam_open();
    listener = unix_listener(0, &address, &len);
    for (; count < 3; count++) {
        fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fds[count], (struct sockaddr *)&address, len) < 0)
            break;
    }
    ck_assert_int_lt(count, 3);
    op_connect(&op, fds[count], &address, len);
    settle();
    if (!op_finished(&op)) {
        close(accept(listener, NULL, NULL));
        op_wait(&op);
    }
    ck_assert_int_eq(op.io.result == 0,
                     getpeername(fds[count], (struct sockaddr *)&address, &peer_len) == 0);
    ck_assert(op.io.result == 0 || op.io.result == -EAGAIN);
    for (int i = 0; i <= count; i++)
        close(fds[i]);
    close(listener);
    seam_close();
}
END_TEST

START_TEST(poll_reports_readiness_and_hang_up) {
    struct op in, out;
    int fds[2];

    seam_open();
    unix_pair(fds);
    ck_assert(!op_poll(&in, fds[0], POLLIN));
    op_poll(&out, fds[0], POLLOUT);
    ck_assert_int_eq(op_wait(&out) & POLLOUT, POLLOUT);
    settle();
    ck_assert(!op_finished(&in));
    put(fds[1], "a", 1);
    ck_assert_int_eq(op_wait(&in) & POLLIN, POLLIN);
    op_poll(&in, fds[0], POLLIN); /* it is still there */
    ck_assert_int_eq(op_wait(&in) & POLLIN, POLLIN);
    ck_assert_int_eq(read(fds[0], buffer, 1), 1);
    op_poll(&in, fds[0], POLLIN);
    settle();
    ck_assert(!op_finished(&in));
    close(fds[1]);
    ck_assert_int_ne(op_wait(&in) & (POLLIN | POLLHUP), 0);
    close(fds[0]);
    seam_close();
}
END_TEST

START_TEST(pipes_can_be_polled_and_files_are_always_ready) {
    struct op op;
    int fds[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    seam_open();
    seam_fds_before--;
    op_poll(&op, file, POLLIN);
    ck_assert_int_eq(op_wait(&op) & POLLIN, POLLIN);
    op_poll(&op, file, POLLOUT);
    ck_assert_int_eq(op_wait(&op) & POLLOUT, POLLOUT);
    close(file);
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0); /* one end has the file's number */
    ck_assert(!op_poll(&op, fds[0], POLLIN));
    settle();
    ck_assert(!op_finished(&op));
    close(fds[1]);
    ck_assert_int_eq(op_wait(&op) & POLLHUP, POLLHUP);
    close(fds[0]);
    seam_close();
}
END_TEST

START_TEST(an_fd_that_is_none_is_refused) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    int numbers[] = {-1, INT_MIN, 3000};
    struct op op;

    seam_open();
    for (size_t i = 0; i < 3; i++) {
        op_recv(&op, numbers[i], buffer, 1, 0);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        op_recv(&op, numbers[i], buffer, 1, CEDE__IO_READ_AHEAD);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        op_send(&op, numbers[i], buffer, 1);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        op_accept(&op, numbers[i]);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        op_connect(&op, numbers[i], &address, sizeof address);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        op_poll(&op, numbers[i], POLLIN);
        ck_assert_int_eq(op_wait(&op), -EBADF);
    }
    seam_close();
}
END_TEST

START_TEST(what_is_not_a_socket_is_refused) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct op op;
    int fds[2];

    seam_open();
    ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        op_recv(&op, fds[0], buffer, 1, options);
        ck_assert_int_eq(op_wait(&op), -ENOTSOCK);
    }
    op_send(&op, fds[1], buffer, 1);
    ck_assert_int_eq(op_wait(&op), -ENOTSOCK);
    op_accept(&op, fds[0]);
    ck_assert_int_eq(op_wait(&op), -ENOTSOCK);
    op_connect(&op, fds[0], &address, sizeof address);
    ck_assert_int_eq(op_wait(&op), -ENOTSOCK);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(receiving_nothing_waits_for_something) {
    struct op op;
    int fds[2];

    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        seam_open();
        tcp_pair(fds);
        put(fds[1], "abc", 3);
        op_recv(&op, fds[0], NULL, 0, options);
        ck_assert_int_eq(op_wait(&op), 0);
        op_recv(&op, fds[0], buffer, 10, options);
        ck_assert_int_eq(op_wait(&op), 3);
        op_send(&op, fds[0], NULL, 0);
        ck_assert_int_eq(op_wait(&op), 0);
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(a_length_beyond_int_is_cut_not_wrapped) {
    static const size_t lengths[] = {INT_MAX, (size_t)INT_MAX + 1, UINT32_MAX,
                                     (size_t)UINT32_MAX + 1, SIZE_MAX / 2};
    struct op op;
    int fds[2];
    /* Memory for as much as may be asked of the kernel; none of it is touched. */
    void *memory = mmap(NULL, INT_MAX, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    seam_open();
    tcp_pair(fds);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        put(fds[1], "abc", 3);
        op_recv(&op, fds[0], memory, lengths[i], 0);
        ck_assert_int_eq(op_wait(&op), 3);
    }
    munmap(memory, INT_MAX);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(receives_complete_in_order_of_submission) {
    enum { COUNT = 50 };
    struct op ops[COUNT];
    char received[COUNT][8], data[COUNT * 8];
    size_t at = 0;
    int fds[2];

    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = (char)i;
        for (size_t i = 0; i < COUNT; i++)
            ck_assert(!op_recv(&ops[i], fds[0], received[i], 8, options));
        for (size_t i = 0; i < COUNT; i++) {
            /* One message, or two at once, or a receiver's worth in two parts. */
            if (i % 3 == 0)
                put(fds[1], data + i * 8, 8);
            else if (i % 3 == 1 && i + 1 < COUNT)
                put(fds[1], data + i * 8, 16);
            else if (i + 1 == COUNT)
                put(fds[1], data + i * 8, 8);
            settle();
        }
        at = 0;
        for (size_t i = 0; i < COUNT; i++) {
            int n = op_wait(&ops[i]);

            ck_assert_int_gt(n, 0);
            ck_assert_mem_eq(received[i], data + at, (size_t)n);
            at += (size_t)n;
            if (i > 0)
                ck_assert_uint_gt(ops[i].sequence, ops[i - 1].sequence);
        }
        ck_assert_uint_eq(at, sizeof data);
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(accepts_and_sends_complete_in_order_of_submission) {
    struct sockaddr_in address;
    struct op ops[10];
    int listener, clients[10], fds[2];

    seam_open();
    listener = tcp_listener(&address);
    for (size_t i = 0; i < 10; i++)
        ck_assert(!op_accept(&ops[i], listener));
    for (size_t i = 0; i < 10; i++)
        clients[i] = tcp_client(&address);
    for (size_t i = 0; i < 10; i++) {
        ck_assert_int_ge(op_wait(&ops[i]), 0);
        if (i > 0)
            ck_assert_uint_gt(ops[i].sequence, ops[i - 1].sequence);
    }
    for (size_t i = 0; i < 10; i++) {
        close(clients[i]);
        close(ops[i].io.result);
    }
    close(listener);
    tcp_pair(fds);
    for (size_t i = 0; i < 10; i++)
        op_send(&ops[i], fds[0], &"0123456789"[i], 1);
    for (size_t i = 0; i < 10; i++)
        ck_assert_int_eq(op_wait(&ops[i]), 1);
    ck_assert_int_eq(recv(fds[1], buffer, 10, MSG_WAITALL), 10);
    ck_assert_mem_eq(buffer, "0123456789", 10);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(a_direction_does_not_hold_the_other_up) {
    struct op in, out, poll_in;
    int fds[2];

    seam_open();
    unix_pair(fds);
    ck_assert(!op_recv(&in, fds[0], buffer, 1, 0));
    ck_assert(!op_poll(&poll_in, fds[0], POLLIN));
    op_send(&out, fds[0], "x", 1);
    ck_assert_int_eq(op_wait(&out), 1);
    ck_assert(!op_finished(&in));
    ck_assert(op_cancel(&in) == false);
    ck_assert(op_cancel(&poll_in) == false);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(peeking_takes_nothing) {
    struct op op;
    int fds[2];

    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        ck_assert(!op_recv_flags(&op, fds[0], buffer, 2, options, MSG_PEEK));
        put(fds[1], "abc", 3);
        ck_assert_int_eq(op_wait(&op), 2);
        op_recv_flags(&op, fds[0], buffer, 10, options, MSG_PEEK);
        ck_assert_int_eq(op_wait(&op), 3);
        op_recv(&op, fds[0], buffer, 1, options);
        ck_assert_int_eq(op_wait(&op), 1);
        op_recv_flags(&op, fds[0], buffer, 10, options, MSG_PEEK);
        ck_assert_int_eq(op_wait(&op), 2);
        ck_assert_mem_eq(buffer, "bc", 2);
        op_recv(&op, fds[0], buffer, 10, options);
        ck_assert_int_eq(op_wait(&op), 2);
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
        seam_close();
    }
}
END_TEST

/* Whether a call may block is the seam's business, and how much it receives the data's. */
START_TEST(flags_about_blocking_make_no_difference) {
    static const int flags[] = {MSG_DONTWAIT, MSG_WAITALL};
    struct op op;
    int fds[2];

    for (size_t i = 0; i < 2; i++) {
        seam_open();
        tcp_pair(fds);
        ck_assert(!op_recv_flags(&op, fds[0], buffer, 10, 0, flags[i]));
        settle();
        ck_assert(!op_finished(&op));
        put(fds[1], "abc", 3);
        ck_assert_int_eq(op_wait(&op), 3);
        op = (struct op){
            .io = {
                .code = CEDE__IO_SEND, .fd = fds[0], .flags = flags[i], .buf = buffer, .len = 3}};
        op_submit(&op);
        ck_assert_int_eq(op_wait(&op), 3);
        close(fds[0]);
        close(fds[1]);
        seam_close();
    }
}
END_TEST

START_TEST(ten_thousand_operations_at_once) {
    enum { COUNT = 5000 };
    static struct op ops[COUNT];
    static char bytes[COUNT];
    static int fds[COUNT][2];

    seam_open();
    for (int i = 0; i < COUNT; i++) {
        unix_pair(fds[i]);
        ck_assert(!op_recv(&ops[i], fds[i][0], &bytes[i], 1, 0));
    }
    ck_assert_uint_eq(seam->pending(backend), COUNT);
    settle();
    for (int i = 0; i < COUNT; i++)
        put(fds[i][1], "x", 1);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(op_wait(&ops[i]), 1);
        ck_assert_int_eq(bytes[i], 'x');
    }
    /* Now all of them without a poll in between, and withdrawn. */
    for (int i = 0; i < COUNT; i++)
        ck_assert(!op_recv(&ops[i], fds[i][0], &bytes[i], 1, 0));
    for (int i = 0; i < COUNT; i++) {
        int r = seam->cancel(backend, &ops[i].io);

        ck_assert(r == 0 || r == -EINPROGRESS);
        ops[i].at_once = r == 0;
    }
    for (int i = 0; i < COUNT; i++) {
        op_wait(&ops[i]);
        close(fds[i][0]);
        close(fds[i][1]);
    }
    seam_close();
}
END_TEST

CEDE_CHECK_MAIN("seam_io", data_that_waits_is_received,
                a_receive_waits_for_data_and_then_for_the_end, a_send_waits_for_room,
                sending_to_one_who_is_gone_is_an_error_and_no_signal,
                a_reset_ends_a_send_that_waits, an_accepted_socket_is_nonblocking_and_not_inherited,
                connecting_succeeds_or_tells_why_not,
                connecting_to_a_full_unix_listener_does_not_pretend_success,
                poll_reports_readiness_and_hang_up, pipes_can_be_polled_and_files_are_always_ready,
                an_fd_that_is_none_is_refused, what_is_not_a_socket_is_refused,
                receiving_nothing_waits_for_something, a_length_beyond_int_is_cut_not_wrapped,
                receives_complete_in_order_of_submission,
                accepts_and_sends_complete_in_order_of_submission,
                a_direction_does_not_hold_the_other_up, peeking_takes_nothing,
                flags_about_blocking_make_no_difference, ten_thousand_operations_at_once)
