/* Sockets by their plain fd: listen, accept, connect, receive, send, close. */
#include "support/net_pair.h"

#include <errno.h>
#include <sys/socket.h>

static struct cede_address address_of(const char *text) {
    struct cede_address address;

    ck_assert_int_eq(cede_address_parse(text, &address, NULL), 0);
    return address;
}

/* --- Listening and connecting ---------------------------------------------------------------- */

TASK_TEST(a_connection_is_made_and_both_know_each_other) {
    char text[CEDE_ADDRESS_TEXT], other[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(text), client, server;
    struct cede_address address = address_of(text), peer, own;

    client = cede_connect_fd(&address);
    ck_assert_int_ge(client, 0);
    server = cede_accept(listener, &peer);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(cede_local_address(client, &own), 0);
    ck_assert_str_eq(cede_address_format(&peer, text, sizeof text),
                     cede_address_format(&own, other, sizeof other));
    ck_assert_int_eq(cede_peer_address(server, &peer), 0);
    ck_assert_str_eq(cede_address_format(&peer, text, sizeof text), other);
    ck_assert_int_eq(cede_peer_address(client, &peer), 0);
    ck_assert_mem_eq(&peer, &address, address.len);
    ck_assert_int_eq(fcntl(server, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(client, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(fcntl(listener, F_GETFD), FD_CLOEXEC);
    cede_close(server);
    cede_close(client);
    cede_close(listener);
}

TASK_TEST(ipv6_works_where_the_machine_has_it) {
    struct cede_address address = address_of("[::1]:0"), peer;
    int probe = socket(AF_INET6, SOCK_STREAM, 0);
    bool has_v6 = probe >= 0 && bind(probe, &address.any, address.len) == 0;
    int listener = cede_listen(&address, NULL), client, server;

    close(probe);
    if (!has_v6) {
        ck_assert_int_lt(listener, 0);
        return;
    }
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(cede_local_address(listener, &address), 0);
    client = cede_connect_fd(&address);
    ck_assert_int_ge(client, 0);
    server = cede_accept(listener, &peer);
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(peer.any.sa_family, AF_INET6);
    cede_close(server);
    cede_close(client);
    cede_close(listener);
}

TASK_TEST(what_cannot_be_listened_on_is_told) {
    char text[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(text);
    struct cede_address address = address_of(text);
    size_t fds = count_fds();

    ck_assert_int_eq(cede_listen(&address, NULL), -EADDRINUSE);
    address = address_of("192.0.2.1:0"); /* not of this machine */
    ck_assert_int_eq(cede_listen(&address, NULL), -EADDRNOTAVAIL);
    address.any.sa_family = AF_MAX + 1;
    ck_assert_int_eq(cede_listen(&address, NULL), -EAFNOSUPPORT);
    ck_assert_uint_eq(count_fds(), fds);
    ck_assert_int_eq(cede_close(listener), 0);
}

TASK_TEST(several_may_listen_when_all_agree) {
    struct cede_listen_options options = {.reuse_port = true};
    struct cede_address address = address_of("127.0.0.1:0");
    int first = cede_listen(&address, &options), second;

    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(cede_local_address(first, &address), 0);
    second = cede_listen(&address, &options);
    ck_assert_int_ge(second, 0);
    ck_assert_int_eq(cede_listen(&address, NULL), -EADDRINUSE);
    cede_close(first);
    cede_close(second);
}

TASK_TEST(a_refused_connection_is_told_and_leaves_no_fd) {
    char text[CEDE_ADDRESS_TEXT];
    struct cede_address address;
    cede_stream *stream = NULL;
    size_t fds = count_fds();

    cede_close(listen_somewhere(text));
    address = address_of(text);
    ck_assert_int_eq(cede_connect_fd(&address), -ECONNREFUSED);
    ck_assert_int_eq(cede_connect(text, &stream), -ECONNREFUSED);
    ck_assert_int_eq(cede_connect("nonsense", &stream), -EINVAL);
    ck_assert_int_eq(cede_connect("127.0.0.1:65536", &stream), -ERANGE);
    ck_assert_ptr_null(stream);
    ck_assert_uint_eq(count_fds(), fds);
}

static void all_fail(void *arg) {
    struct cede_address address = address_of("127.0.0.1:1");
    cede_stream *stream = NULL;
    int fd = *(int *)arg;
    char byte = 0;

    ck_assert_int_eq(cede_connect_fd(&address), -EPERM);
    ck_assert_int_eq(cede_connect("127.0.0.1:1", &stream), -EPERM);
    ck_assert_int_eq(cede_accept(fd, NULL), -EPERM);
    ck_assert_int_eq(cede_recv(fd, &byte, 1, 0), -EPERM);
    ck_assert_int_eq(cede_send(fd, &byte, 1, 0), -EPERM);
    trace('c');
}

TASK_TEST(callbacks_cannot_wait_for_sockets) {
    int fds[2];

    fd_pair(fds);
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), all_fail, &fds[0], NULL), 0);
    settle();
    ck_assert_trace("c");
    cede_close(fds[0]);
    cede_close(fds[1]);
}

TASK_TEST(cancelled_tasks_do_not_touch_sockets) {
    struct cede_scope scope;
    struct cede_address address;
    char text[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(text), fds[2];
    size_t before;
    char byte = 0;

    address = address_of(text);
    fd_pair(fds);
    ck_assert_int_eq(cede_send(fds[0], "x", 1, 0), 1);
    cede_scope_enter(&scope, 0);
    before = count_fds();
    ck_assert_int_eq(cede_connect_fd(&address), -ECANCELED);
    ck_assert_int_eq(cede_accept(listener, NULL), -ECANCELED);
    ck_assert_int_eq(cede_recv(fds[1], &byte, 1, 0), -ECANCELED);
    ck_assert_int_eq(cede_send(fds[1], &byte, 1, 0), -ECANCELED);
    ck_assert_uint_eq(count_fds(), before);
    cede_scope_leave(&scope, 0);
    ck_assert_int_eq(cede_recv(fds[1], &byte, 1, 0), 1); /* it was not lost */
    ck_assert_int_eq(byte, 'x');
    cede_close(listener);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

/* --- Data ------------------------------------------------------------------------------------ */

TASK_TEST(bytes_go_both_ways_and_can_be_peeked_at) {
    char buf[16];
    int fds[2];

    fd_pair(fds);
    ck_assert_int_eq(cede_send(fds[0], "hello", 5, 0), 5);
    ck_assert_int_eq(cede_recv(fds[1], buf, 3, MSG_PEEK), 3);
    ck_assert_mem_eq(buf, "hel", 3);
    ck_assert_int_eq(cede_recv(fds[1], buf, sizeof buf, 0), 5);
    ck_assert_mem_eq(buf, "hello", 5);
    ck_assert_int_eq(cede_send(fds[1], "bye", 3, 0), 3);
    ck_assert_int_eq(cede_recv(fds[0], buf, 2, 0), 2);
    ck_assert_int_eq(cede_recv(fds[0], buf + 2, sizeof buf - 2, 0), 1);
    ck_assert_mem_eq(buf, "bye", 3);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

TASK_TEST(an_end_is_read_again_and_again) {
    char buf[16];
    int fds[2];

    fd_pair(fds);
    ck_assert_int_eq(cede_send(fds[0], "end", 3, 0), 3);
    ck_assert_int_eq(cede_shutdown(fds[0], SHUT_WR), 0);
    ck_assert_int_eq(cede_recv(fds[1], buf, sizeof buf, 0), 3);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(cede_recv(fds[1], buf, sizeof buf, 0), 0);
    ck_assert_int_eq(cede_send(fds[1], "back", 4, 0), 4); /* the other direction is open */
    ck_assert_int_eq(cede_recv(fds[0], buf, sizeof buf, 0), 4);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

struct receiver {
    int fd;
    char name;
};

static int receive_one(void *arg) {
    struct receiver *receiver = arg;
    char byte;
    ssize_t n = cede_recv(receiver->fd, &byte, 1, 0);

    if (n == 1)
        trace(byte);
    trace(receiver->name);
    return (int)n;
}

TASK_TEST(several_receivers_get_their_turn_in_order) {
    struct receiver receivers[3];
    cede_task *tasks[3];
    int fds[2];

    fd_pair(fds);
    for (int i = 0; i < 3; i++) {
        receivers[i] = (struct receiver){.fd = fds[1], .name = (char)('a' + i)};
        ck_assert_int_eq(cede_spawn(NULL, receive_one, &receivers[i], &tasks[i]), 0);
    }
    let_wait(tasks[2]);
    ck_assert_int_eq(cede_send(fds[0], "123", 3, 0), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(join_result(tasks[i]), 1);
    ck_assert_trace("1a2b3c");
    cede_close(fds[0]);
    cede_close(fds[1]);
}

TASK_TEST(a_cancelled_receiver_leaves_the_bytes_to_the_next) {
    struct receiver receivers[3];
    cede_task *tasks[3];
    int fds[2];

    fd_pair(fds);
    for (int i = 0; i < 3; i++) {
        receivers[i] = (struct receiver){.fd = fds[1], .name = (char)('a' + i)};
        ck_assert_int_eq(cede_spawn(NULL, receive_one, &receivers[i], &tasks[i]), 0);
    }
    let_wait(tasks[2]);
    cede_task_cancel(tasks[0], -ECANCELED);
    cede_task_cancel(tasks[1], -ECANCELED);
    ck_assert_int_eq(join_result(tasks[0]), -ECANCELED);
    ck_assert_int_eq(join_result(tasks[1]), -ECANCELED);
    ck_assert_int_eq(cede_send(fds[0], "1", 1, 0), 1);
    ck_assert_int_eq(join_result(tasks[2]), 1);
    ck_assert_str_eq(scene_trace + 2, "1c");
    cede_close(fds[0]);
    cede_close(fds[1]);
}

/* A receiver is cancelled while its byte is on the way, over and over: whoever gets it, it comes.
 */
TASK_TEST(no_byte_is_lost_to_a_cancel) {
    int fds[2], got = 0, sent = 0;

    fd_pair(fds);
    while (sent < 2000) {
        struct receiver receiver = {.fd = fds[1], .name = '\0'};
        cede_task *task;
        int r;

        memset(scene_trace, 0, 8);
        ck_assert_int_eq(cede_spawn(NULL, receive_one, &receiver, &task), 0);
        for (int i = 0; i < sent % 3; i++)
            cede_task_yield();
        ck_assert_int_eq(cede_send(fds[0], "x", 1, 0), 1);
        sent++;
        for (int i = 0; i < sent % 5; i++)
            cede_task_yield();
        cede_task_cancel(task, -ECANCELED);
        r = join_result(task);
        ck_assert(r == 1 || r == -ECANCELED);
        got += r == 1;
    }
    while (got < sent) {
        char buf[64];
        ssize_t n = cede_recv(fds[1], buf, sizeof buf, 0);

        ck_assert_int_gt(n, 0);
        got += (int)n;
    }
    ck_assert_int_eq(got, sent);
    ck_assert_int_eq(recv(fds[1], scene_trace, 1, MSG_DONTWAIT), -1);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

/* --- Fairness -------------------------------------------------------------------------------- */

static int keep_peeking(void *arg) {
    struct receiver *receiver = arg;
    char byte;

    for (int i = 0; i < 1000000 && receiver->name != 's'; i++)
        ck_assert_int_eq(cede_recv(receiver->fd, &byte, 1, MSG_PEEK), 1);
    return receiver->name == 's' ? 0 : -EIO;
}

TASK_TEST(a_socket_that_is_always_ready_starves_nobody) {
    struct receiver receiver = {.name = 'r'};
    cede_task *task;
    int fds[2];

    fd_pair(fds);
    ck_assert_int_eq(cede_send(fds[0], "x", 1, 0), 1);
    receiver.fd = fds[1];
    ck_assert_int_eq(cede_spawn(NULL, keep_peeking, &receiver, &task), 0);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cede_task_yield(), 0);
    ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    receiver.name = 's';
    ck_assert_int_eq(join_result(task), 0);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

/* --- Closing --------------------------------------------------------------------------------- */

static int accept_main(void *arg) {
    int fd = cede_accept(*(int *)arg, NULL);

    if (fd >= 0)
        cede_close(fd);
    return fd;
}

static int send_until_stuck(void *arg) {
    static char data[1 << 16];
    ssize_t n;

    do
        n = cede_send(*(int *)arg, data, sizeof data, 0);
    while (n > 0);
    return (int)n;
}

TASK_TEST(closing_wakes_all_who_wait) {
    struct receiver receiver = {.name = 'r'};
    char text[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(text), fds[2];
    cede_task *tasks[3];
    size_t before = count_fds();

    fd_pair(fds);
    narrow(fds[0], fds[1]);
    receiver.fd = fds[0];
    ck_assert_int_eq(cede_spawn(NULL, accept_main, &listener, &tasks[0]), 0);
    ck_assert_int_eq(cede_spawn(NULL, receive_one, &receiver, &tasks[1]), 0);
    ck_assert_int_eq(cede_spawn(NULL, send_until_stuck, &fds[0], &tasks[2]), 0);
    for (int i = 0; i < 3; i++)
        let_wait(tasks[i]);
    ck_assert_int_eq(cede_close(listener), 0);
    ck_assert_int_eq(cede_close(fds[0]), 0);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(join_result(tasks[i]), -EBADF);
    cede_close(fds[1]);
    ck_assert_uint_eq(count_fds(), before - 1);
}

TASK_TEST(a_closed_or_senseless_fd_is_told) {
    struct cede_address address;
    char byte = 0;
    int fds[2];

    fd_pair(fds);
    cede_close(fds[0]);
    cede_close(fds[1]);
    ck_assert_int_eq(cede_close(-1), -EBADF);
    ck_assert_int_eq(cede_close(fds[0]), -EBADF);
    for (int i = 0; i < 2; i++) {
        int fd = i ? -1 : fds[0];

        ck_assert_int_eq(cede_recv(fd, &byte, 1, 0), -EBADF);
        ck_assert_int_eq(cede_send(fd, &byte, 1, 0), -EBADF);
        ck_assert_int_eq(cede_accept(fd, NULL), -EBADF);
        ck_assert_int_eq(cede_shutdown(fd, SHUT_RDWR), -EBADF);
        ck_assert_int_eq(cede_local_address(fd, &address), -EBADF);
        ck_assert_int_eq(cede_peer_address(fd, &address), -EBADF);
    }
}

/* Data, an end and a reset are on their way to an fd that is closed, and its number used again. */
TASK_TEST(a_reused_fd_sees_nothing_of_the_old) {
    for (int round = 0; round < 200; round++) {
        struct receiver receiver = {.name = '\0'};
        cede_task *task;
        int old[2], fresh[2], r;
        char byte = 0;

        memset(scene_trace, 0, 8);
        fd_pair(old);
        receiver.fd = old[0];
        ck_assert_int_eq(cede_spawn(NULL, receive_one, &receiver, &task), 0);
        for (int i = 0; i < 1 + round % 4; i++)
            cede_task_yield();
        if (round % 3 > 0)
            ck_assert_int_eq(cede_send(old[1], "o", 1, 0), 1);
        if (round % 3 > 1)
            cede_shutdown(old[1], SHUT_WR);
        for (int i = 0; i < round % 5; i++)
            cede_task_yield();
        cede_close(old[0]);
        fd_pair(fresh);
        ck_assert(fresh[0] == old[0] || fresh[1] == old[0]);
        r = join_result(task);
        ck_assert_msg(r == -EBADF || r == 1 || (r == 0 && round % 3 > 1), "%d", r);
        cede_close(old[1]);
        ck_assert_int_eq(cede_send(fresh[0], "n", 1, 0), 1);
        ck_assert_int_eq(cede_recv(fresh[1], &byte, 1, 0), 1);
        ck_assert_int_eq(byte, 'n');
        ck_assert_int_eq(cede_send(fresh[1], "m", 1, 0), 1);
        ck_assert_int_eq(cede_recv(fresh[0], &byte, 1, 0), 1);
        ck_assert_int_eq(byte, 'm');
        cede_close(fresh[0]);
        cede_close(fresh[1]);
    }
}

CEDE_CHECK_MAIN("socket", a_connection_is_made_and_both_know_each_other,
                ipv6_works_where_the_machine_has_it, what_cannot_be_listened_on_is_told,
                several_may_listen_when_all_agree, a_refused_connection_is_told_and_leaves_no_fd,
                callbacks_cannot_wait_for_sockets, cancelled_tasks_do_not_touch_sockets,
                bytes_go_both_ways_and_can_be_peeked_at, an_end_is_read_again_and_again,
                several_receivers_get_their_turn_in_order,
                a_cancelled_receiver_leaves_the_bytes_to_the_next, no_byte_is_lost_to_a_cancel,
                a_socket_that_is_always_ready_starves_nobody, closing_wakes_all_who_wait,
                a_closed_or_senseless_fd_is_told, a_reused_fd_sees_nothing_of_the_old)
