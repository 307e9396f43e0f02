#include "support/net_pair.h"

#include <errno.h>

TASK_TEST(data_or_a_timer) {
    struct cede_op data, timer;
    char buf[8];
    int fds[2];

    fd_pair(fds);
    cede_op_recv(&data, fds[0], buf, sizeof buf, 0);
    cede_op_sleep(&timer, CEDE_MILLISECOND);
    ck_assert_int_eq(CEDE_SELECT(&data, &timer), 1);
    ck_assert_int_eq(cede_op_result(&timer), 0);
    ck_assert(!cede_op_done(&data));
    ck_assert_int_eq(cede_send(fds[1], "abc", 3, 0), 3);
    cede_op_sleep(&timer, 60 * CEDE_SECOND);
    ck_assert_int_eq(CEDE_SELECT(&timer, &data), 1);
    ck_assert_int_eq(cede_op_result(&data), 3);
    ck_assert_mem_eq(buf, "abc", 3);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

/* Whoever wins, each byte is seen once and in order. */
TASK_TEST(no_byte_is_lost_to_a_lost_select) {
    struct cede_op data, timer;
    int fds[2], received = 0;
    unsigned char byte;

    fd_pair(fds);
    for (int sent = 0; sent < 2000; sent++) {
        unsigned char next = (unsigned char)sent;

        ck_assert_int_eq(cede_send(fds[1], &next, 1, 0), 1);
        cede_op_recv(&data, fds[0], &byte, 1, 0);
        cede_op_sleep(&timer, sent % 3 * 5000);
        ck_assert_int_ge(CEDE_SELECT(&timer, &data), 0);
        if (cede_op_done(&data)) {
            ck_assert_int_eq(cede_op_result(&data), 1);
            ck_assert_int_eq(byte, (unsigned char)received++);
        }
    }
    while (received < 2000) {
        ck_assert_int_eq(cede_recv(fds[0], &byte, 1, 0), 1);
        ck_assert_int_eq(byte, (unsigned char)received++);
    }
    cede_close(fds[0]);
    cede_close(fds[1]);
}

TASK_TEST(connections_can_be_selected) {
    char text[CEDE_ADDRESS_TEXT];
    struct cede_address address;
    struct cede_op accept, connect;
    int listener = listen_somewhere(text), server = -1, r;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(cede_address_parse(text, &address, NULL), 0);
    cede_op_accept(&accept, listener);
    cede_op_connect(&connect, fd, &address);
    for (int i = 0; i < 2; i++) {
        r = i == 0 ? CEDE_SELECT(&accept, &connect) : cede_op_wait(server < 0 ? &accept : &connect);
        ck_assert_int_ge(r, 0);
        if (i == 0 && cede_op_done(&accept))
            server = cede_op_result(&accept);
        else if (i == 0)
            ck_assert_int_eq(cede_op_result(&connect), 0);
        else if (server < 0)
            server = r;
        else
            ck_assert_int_eq(r, 0);
    }
    ck_assert_int_ge(server, 0);
    ck_assert_int_eq(cede_send(server, "x", 1, 0), 1);
    ck_assert_int_eq(cede_recv(fd, text, sizeof text, 0), 1);
    cede_close(server);
    cede_close(fd);
    cede_close(listener);
}

static int race(void *arg) {
    char text[CEDE_ADDRESS_TEXT];
    struct cede_address address;
    struct cede_op accept, timer;
    int listener = listen_somewhere(text), client;

    (void)arg;
    ck_assert_int_eq(cede_address_parse(text, &address, NULL), 0);
    for (int i = 0; i < 1000; i++) {
        int server = -1;

        client = cede_connect_fd(&address);
        ck_assert_int_ge(client, 0);
        cede_op_accept(&accept, listener);
        cede_op_sleep_until(&timer, cede_now() + (uint64_t)(i % 4) * 3000);
        CEDE_SELECT(&timer, &accept);
        server = cede_op_done(&accept) ? cede_op_result(&accept) : cede_accept(listener, NULL);
        ck_assert_int_ge(server, 0);
        cede_close(server);
        cede_close(client);
    }
    return cede_close(listener);
}

START_TEST(no_connection_is_lost_to_a_lost_select) {
    size_t before = count_fds();

    ck_assert_int_eq(cede_run(race, NULL), 0);
    ck_assert_uint_eq(count_fds(), before);
}
END_TEST

TASK_TEST(a_stuck_send_is_withdrawn) {
    static char bulk[1 << 22];
    struct cede_op room, timer;
    int fds[2];
    ssize_t n;

    fd_pair(fds);
    do {
        cede_op_send(&room, fds[0], bulk, sizeof bulk, 0);
        cede_op_sleep(&timer, 5 * CEDE_MILLISECOND);
        n = CEDE_SELECT(&room, &timer);
        if (cede_op_done(&room))
            ck_assert_int_gt(cede_op_result(&room), 0);
    } while (n == 0);
    ck_assert_int_eq(n, 1);
    cede_close(fds[0]);
    cede_close(fds[1]);
}

CEDE_CHECK_MAIN("op_net", data_or_a_timer, no_byte_is_lost_to_a_lost_select,
                connections_can_be_selected, no_connection_is_lost_to_a_lost_select,
                a_stuck_send_is_withdrawn)
