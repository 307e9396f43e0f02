/* forget(): an fd ends, and whatever gets its number has nothing to do with it. */
#include "check_main.h"

#include "support/scale.h"
#include "support/seam.h"

#include <cede/timer.h>

static char buffer[4096], second[4096];

/* A pair whose first fd has the given number. */
static void pair_at(int number, int fds[2]) {
    tcp_pair(fds);
    if (fds[1] == number) {
        fds[1] = fds[0];
        fds[0] = number;
    } else if (fds[0] != number) {
        ck_assert_int_eq(dup3(fds[0], number, O_CLOEXEC), number);
        close(fds[0]);
        fds[0] = number;
    }
}

START_TEST(all_that_is_pending_ends_with_ebadf_once) {
    static char data[1000000];
    struct op recvs[3], polls[2], send_ops[2];
    int fds[2];

    for (int round = 0; round < 4; round++) {
        int options = round % 2;

        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        for (int i = 0; i < 3; i++)
            ck_assert(!op_recv(&recvs[i], fds[0], buffer, 10, options));
        for (int i = 0; i < 2; i++)
            ck_assert(!op_poll(&polls[i], fds[0], POLLIN));
        do
            op_send(&send_ops[0], fds[0], data, sizeof data);
        while (settle(), op_finished(&send_ops[0]));
        ck_assert(!op_send(&send_ops[1], fds[0], data, sizeof data));
        if (round >= 2)
            settle();
        seam->forget(backend, fds[0]);
        ck_assert_int_eq(recvs[0].calls + polls[0].calls + send_ops[0].calls, 0);
        close(fds[0]);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(op_wait(&recvs[i]), -EBADF);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(op_wait(&polls[i]), -EBADF);
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(op_wait(&send_ops[i]), -EBADF);
        ck_assert_uint_eq(seam->pending(backend), 0);
        close(fds[1]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(an_accept_and_a_connect_end_too) {
    struct sockaddr_in address;
    struct sockaddr_in nobody = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(0xc0000201)}};
    struct op accept_op, connect_op;
    int listener, fd;

    seam_open();
    listener = tcp_listener(&address);
    fd = seam->kernel->socket(AF_INET, SOCK_STREAM, 0);
    seam_watch(listener);
    seam_watch(fd);
    ck_assert(!op_accept(&accept_op, listener));
    op_connect(&connect_op, fd, &nobody, sizeof nobody);
    settle();
    bool connecting = !op_finished(&connect_op); /* where there is no route, it has failed */
    seam_drop(listener);
    seam_drop(fd);
    ck_assert_int_eq(op_wait(&accept_op), -EBADF);
    ck_assert(!connecting || op_wait(&connect_op) == -EBADF);
    seam_close();
}
END_TEST

START_TEST(what_was_cancelled_before_ends_once) {
    struct op op;
    int fds[2];

    seam_open();
    unix_pair(fds);
    seam_watch(fds[0]);
    for (int i = 0; i < 2; i++) {
        ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
        settle();
        bool withdrawn = seam->cancel(backend, &op.io) == 0;
        seam->forget(backend, fds[0]);
        settle();
        ck_assert_int_eq(op.calls, withdrawn ? 0 : 1);
        ck_assert_uint_eq(seam->pending(backend), 0);
    }
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

START_TEST(cancelling_what_was_forgotten_is_in_progress) {
    struct op first, other;
    int fds[2];

    seam_open();
    unix_pair(fds);
    seam_watch(fds[0]);
    ck_assert(!op_recv(&first, fds[0], buffer, 1, 0));
    ck_assert(!op_recv(&other, fds[0], buffer, 1, 0));
    settle();
    seam->forget(backend, fds[0]);
    ck_assert_int_eq(seam->cancel(backend, &first.io), -EINPROGRESS);
    ck_assert_int_eq(seam->cancel(backend, &other.io), -EINPROGRESS);
    ck_assert_int_eq(op_wait(&first), -EBADF);
    ck_assert_int_eq(op_wait(&other), -EBADF);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

/* The number is reused at once, with the old operation's completion still to come. */
START_TEST(nothing_of_the_old_fd_reaches_the_new_one) {
    struct op old, new;
    int fds[2], next[2];

    for (size_t round = 0; round < scaled(2000); round++) {
        int options = (int)round % 2;

        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        ck_assert(!op_recv(&old, fds[0], buffer, 10, options));
        if (round % 4 >= 2)
            settle();
        if (round % 8 >= 4) {
            put(fds[1], "old", 3); /* it has arrived, and nobody has seen it */
            if (round % 16 >= 8)
                seam_poll(0);
        }
        int number = fds[0];
        seam_drop(fds[0]);
        pair_at(number, next);
        seam_watch(next[0]);
        bool at_once = op_recv(&new, next[0], second, 10, options);
        ck_assert(!at_once);
        if (round % 8 < 4)
            send(fds[1], "old", 3, MSG_NOSIGNAL);
        settle();
        op_wait(&old);
        ck_assert(!op_finished(&new));
        put(next[1], "new!", 4);
        ck_assert_int_eq(op_wait(&new), 4);
        ck_assert_mem_eq(second, "new!", 4);
        close(fds[1]);
        close(next[1]);
        seam_drop(next[0]);
        settle();
        seam_close();
    }
}
END_TEST

/* What was read ahead and not asked for goes with the fd. */
START_TEST(what_was_read_ahead_is_forgotten) {
    struct op op;
    int fds[2];

    seam_open();
    tcp_pair(fds);
    int number = fds[0];
    for (size_t round = 0; round < scaled(2000); round++) {
        seam_watch(number);
        put(fds[1], "abcdef", 6);
        op_recv(&op, number, buffer, 1, CEDE__IO_READ_AHEAD);
        ck_assert_int_eq(op_wait(&op), 1);
        put(fds[1], "ghi", 3);
        if (round % 2)
            close(fds[1]); /* with its end of file */
        settle();
        seam_drop(number);
        if (round % 2 == 0)
            close(fds[1]);
        pair_at(number, fds);
    }
    seam_watch(number);
    ck_assert(!op_recv(&op, number, buffer, 10, CEDE__IO_READ_AHEAD));
    settle();
    ck_assert(!op_finished(&op));
    put(fds[1], "x", 1);
    ck_assert_int_eq(op_wait(&op), 1);
    close(fds[1]);
    seam_drop(number);
    settle();
    seam_close();
}
END_TEST

/* Polls until a time, and counts: a poll that has nothing to tell must not return again and again.
 */
static unsigned polls_until(uint64_t until) {
    unsigned count = 0;

    while (seam->kernel->now() < until) {
        seam_poll(until);
        count++;
    }
    return count;
}

START_TEST(an_fd_that_lives_on_elsewhere_makes_no_noise) {
    struct op op;
    int fds[2], copy;

    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        ck_assert(!op_recv(&op, fds[0], buffer, 10, options));
        settle();
        copy = dup(fds[0]);
        seam_drop(fds[0]);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        for (int i = 0; i < 3; i++) {
            put(fds[1], "abc", 3);
            ck_assert_uint_lt(polls_until(cede_now() + 20 * CEDE_MILLISECOND), 100);
        }
        ck_assert_int_eq(recv(copy, buffer, 100, MSG_DONTWAIT), 9);
        close(copy);
        close(fds[1]);
        settle();
        seam_close();
    }
}
END_TEST

START_TEST(an_fd_that_lives_on_in_a_child_makes_no_noise) {
    struct op old, new;
    int fds[2], next[2], control[2];
    char go;
    pid_t child;

    seam_open();
    tcp_pair(fds);
    seam_watch(fds[0]);
    ck_assert(!op_recv(&old, fds[0], buffer, 10, 0));
    settle();
    ck_assert_int_eq(pipe2(control, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) { /* holds all fds until it is told to end */
        close(control[1]);
        _exit(read(control[0], &go, 1) != 0);
    }
    int number = fds[0];
    seam_drop(fds[0]);
    ck_assert_int_eq(op_wait(&old), -EBADF);
    pair_at(number, next);
    seam_watch(next[0]);
    ck_assert(!op_recv(&new, next[0], second, 10, 0));
    put(fds[1], "abc", 3);
    ck_assert_uint_lt(polls_until(cede_now() + 20 * CEDE_MILLISECOND), 100);
    ck_assert(!op_finished(&new));
    put(next[1], "x", 1);
    ck_assert_int_eq(op_wait(&new), 1);
    close(control[1]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    close(control[0]);
    close(fds[1]);
    close(next[1]);
    seam_drop(next[0]);
    settle();
    seam_close();
}
END_TEST

START_TEST(a_closed_fd_is_seen_by_its_peer) {
    struct op op;
    int fds[2];

    for (int options = 0; options <= CEDE__IO_READ_AHEAD; options++) {
        seam_open();
        tcp_pair(fds);
        seam_watch(fds[0]);
        ck_assert(!op_recv(&op, fds[0], buffer, 10, options));
        settle();
        seam_drop(fds[0]);
        ck_assert_int_eq(op_wait(&op), -EBADF);
        settle();
        fcntl(fds[1], F_SETFL, 0);
        ck_assert_int_eq(recv(fds[1], buffer, 10, 0), 0);
        close(fds[1]);
        seam_close();
    }
}
END_TEST

START_TEST(forgetting_what_is_not_known_does_nothing) {
    struct op op;
    int fds[2];

    seam_open();
    seam->forget(backend, 5000);
    seam->forget(backend, 2);
    seam->forget(backend, -1);
    unix_pair(fds);
    seam_watch(fds[0]);
    seam_watch(fds[0]);
    seam->unwatch(backend, fds[0]);
    ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
    seam->forget(backend, fds[0]);
    seam->forget(backend, fds[0]);
    ck_assert_int_eq(op_wait(&op), -EBADF);
    close(fds[0]);
    close(fds[1]);
    seam_close();
}
END_TEST

/* An fd of the caller's own, which is closed without a word once nothing is pending. */
START_TEST(an_fd_that_nobody_watches_may_be_closed_between_operations) {
    struct op op;
    int fds[2];

    seam_open();
    for (int i = 0; i < 200; i++) {
        unix_pair(fds);
        ck_assert(!op_recv(&op, fds[0], buffer, 10, 0));
        if (i % 3 == 0)
            settle();
        if (i % 2) {
            put(fds[1], "abc", 3);
            ck_assert_int_eq(op_wait(&op), 3);
        } else {
            ck_assert(!op_cancel(&op));
        }
        close(fds[0]);
        close(fds[1]);
    }
    seam_close();
}
END_TEST

CEDE_CHECK_MAIN("seam_forget", all_that_is_pending_ends_with_ebadf_once,
                an_accept_and_a_connect_end_too, what_was_cancelled_before_ends_once,
                cancelling_what_was_forgotten_is_in_progress,
                nothing_of_the_old_fd_reaches_the_new_one, what_was_read_ahead_is_forgotten,
                an_fd_that_lives_on_elsewhere_makes_no_noise,
                an_fd_that_lives_on_in_a_child_makes_no_noise, a_closed_fd_is_seen_by_its_peer,
                forgetting_what_is_not_known_does_nothing,
                an_fd_that_nobody_watches_may_be_closed_between_operations)
