/* fds as callers bring them: numbers that are none, blocking ones, listeners that are closed. */
#include "check_main.h"

#include "support/allocs.h"
#include "support/seam.h"

#include <limits.h>

static char buffer[16];

static bool is_nonblocking(int fd) {
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

START_TEST(a_number_that_is_no_fd_takes_no_memory) {
    static const int numbers[] = {-1, INT_MIN, INT_MAX, 1 << 28, 1000003};
    struct op op;

    allocs_install();
    seam_open();
    long live = atomic_load(&allocs_live), total = atomic_load(&allocs_total);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        int fd = numbers[i];

        ck_assert(op_recv(&op, fd, buffer, 1, 0));
        ck_assert_int_eq(op.io.result, -EBADF);
        ck_assert(op_send(&op, fd, buffer, 1));
        ck_assert_int_eq(op.io.result, -EBADF);
        ck_assert(op_accept(&op, fd));
        ck_assert_int_eq(op.io.result, -EBADF);
        ck_assert(op_poll(&op, fd, POLLIN));
        ck_assert_int_eq(op.io.result, -EBADF);
        ck_assert_int_eq(seam->watch(backend, fd), -EBADF);
        seam->forget(backend, fd);
    }
    ck_assert_int_eq(atomic_load(&allocs_live), live);
    ck_assert_int_eq(atomic_load(&allocs_total), total);
    seam_close();
}
END_TEST

/* Nobody connects, so an accept() that blocks would not come back. */
START_TEST(a_blocking_listener_blocks_nobody) {
    struct sockaddr_in address;
    struct op op;

    for (int watched = 0; watched < 2; watched++) {
        seam_open();
        for (int round = 0; round < 3; round++) { /* the number comes again, and blocks again */
            int listener = tcp_listener(&address), client;

            fcntl(listener, F_SETFL, 0);
            if (watched)
                seam_watch(listener);
            client = tcp_client(&address);
            op_accept(&op, listener); /* may end at once, and be all that is heard of the fd */
            ck_assert_int_ge(op_wait(&op), 0);
            close(op.io.result);
            close(client);
            ck_assert(!op_accept(&op, listener));
            ck_assert(is_nonblocking(listener));
            settle();
            client = tcp_client(&address);
            ck_assert_int_ge(op_wait(&op), 0);
            close(op.io.result);
            close(client);
            if (watched)
                seam_drop(listener);
            else
                close(listener);
        }
        seam_close();
    }
}
END_TEST

/* The first accept finds a connection and leaves no trace of the fd; the next one of that number
 * finds none. */
START_TEST(a_number_that_was_nonblocking_says_nothing_of_the_next) {
    struct sockaddr_in address;
    struct op op;

    seam_open();
    for (int i = 0; i < 2; i++) {
        int listener = tcp_listener(&address), client = tcp_client(&address);

        fcntl(listener, F_SETFL, 0);
        op_accept(&op, listener);
        ck_assert_int_ge(op_wait(&op), 0);
        close(op.io.result);
        close(client);
        close(listener);
        listener = tcp_listener(&address);
        fcntl(listener, F_SETFL, 0);
        if (i == 0)
            seam_watch(listener);
        ck_assert(!op_accept(&op, listener));
        if (i == 0) {
            seam_drop(listener);
            ck_assert_int_eq(op_wait(&op), -EBADF);
        } else {
            ck_assert(!op_cancel(&op));
            close(listener);
        }
    }
    seam_close();
}
END_TEST

START_TEST(a_blocking_connect_blocks_nobody) {
    struct sockaddr_un address;
    socklen_t len;
    struct op op;
    int fds[2], listener;

    seam_open();
    listener = unix_listener(0, &address, &len);
    for (int i = 0; i < 2; i++) { /* the second finds no room */
        fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        seam_watch(fds[i]);
        op_connect(&op, fds[i], &address, len);
        ck_assert_int_eq(op_wait(&op), i == 0 ? 0 : -EAGAIN);
        ck_assert(is_nonblocking(fds[i]));
    }
    seam_drop(fds[0]);
    seam_drop(fds[1]);
    close(listener);
    seam_close();
}
END_TEST

/* Before anything is polled: a server that is replaced by another one must not find the address in
 * use. */
START_TEST(a_closed_listeners_address_is_free) {
    struct sockaddr_in address;
    struct op ops[2];

    for (int i = 0; i < 4; i++) {
        seam_open();
        int listener = tcp_listener(&address), again;

        seam_watch(listener);
        ck_assert(!op_accept(&ops[0], listener));
        ck_assert(!op_accept(&ops[1], listener));
        if (i & 1)
            settle();
        bool withdrawn = (i & 2) && seam->cancel(backend, &ops[0].io) == 0;
        seam_drop(listener);
        again = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_assert_msg(bind(again, (struct sockaddr *)&address, sizeof address) == 0, "bind: %s",
                      strerror(errno));
        ck_assert_int_eq(listen(again, 1), 0);
        ck_assert(withdrawn || op_wait(&ops[0]) == -EBADF);
        ck_assert_int_eq(op_wait(&ops[1]), -EBADF);
        close(again);
        seam_close();
    }
}
END_TEST

CEDE_CHECK_MAIN("seam_fd", a_number_that_is_no_fd_takes_no_memory,
                a_blocking_listener_blocks_nobody,
                a_number_that_was_nonblocking_says_nothing_of_the_next,
                a_blocking_connect_blocks_nobody, a_closed_listeners_address_is_free)
