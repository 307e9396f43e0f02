/* What happens only when the kernel is short of something, or late: the io_uring backend with
 * results that are put in its way. On another backend there is nothing to test. */
#include "check_main.h"

#ifdef CEDE_HAVE_URING

#include "loop/uring.h"
#include "support/seam.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static char buffer[64];

static bool open_uring(void) {
    seam_open();
    return seam == &cede__backend_uring;
}

static struct io_uring_sqe *last_request(void) {
    struct io_uring_sq *sq = &backend->ring.sq;

    return &sq->sqes[(sq->sqe_tail - 1) & sq->ring_mask];
}

/* Makes the request that was prepared last end with this result instead of doing anything. */
static void inject(int result) {
    enum { INJECT_RESULT = 1 }; /* IORING_NOP_INJECT_RESULT, since Linux 6.10 */
    struct io_uring_sqe *sqe = last_request();
    uint64_t data = sqe->user_data;

    io_uring_prep_nop(sqe);
    sqe->rw_flags = INJECT_RESULT;
    sqe->len = (uint32_t)result;
    sqe->user_data = data;
}

static bool can_inject(void) {
    struct op op;

    ck_assert(!op_poll(&op, backend->wake_fd, POLLPRI));
    inject(-EXDEV);
    return op_wait(&op) == -EXDEV;
}

START_TEST(an_interrupted_operation_that_was_cancelled_is_cancelled) {
    static const int results[] = {-EINTR, -EAGAIN, -ECANCELED};
    struct op op;
    int fds[2];

    if (open_uring() && can_inject()) {
        unix_pair(fds);
        for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
            ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
            inject(results[i]);
            ck_assert_int_eq(seam->cancel(backend, &op.io), -EINPROGRESS);
            ck_assert_int_eq(op_wait(&op), -ECANCELED);
        }
        close(fds[0]);
        close(fds[1]);
    }
    seam_close();
}
END_TEST

START_TEST(an_interrupted_operation_goes_on) {
    static const int results[] = {-EINTR, -EAGAIN};
    struct op op;
    int fds[2];

    if (open_uring() && can_inject()) {
        unix_pair(fds);
        for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
            ck_assert(!op_recv(&op, fds[0], buffer, 1, 0));
            inject(results[i]);
            settle();
            ck_assert(!op_finished(&op));
            put(fds[1], "x", 1);
            ck_assert_int_eq(op_wait(&op), 1);
        }
        close(fds[0]);
        close(fds[1]);
    }
    seam_close();
}
END_TEST

/* Polls once, until the shared buffers hold something of the fd. */
static void await_inbox(int fd) {
    const struct cede__uring_slot *slot = cede__fdtable_find(&backend->slots, fd);

    while (slot->inbox_count == 0)
        seam_poll(CEDE_FOREVER);
}

/* A poll that the kernel cannot answer, on a stream that is being read ahead. */
static void poll_blindly(struct op *op, int fd) {
    struct op reader;

    ck_assert(!op_recv(&reader, fd, buffer, 1, CEDE__IO_READ_AHEAD));
    settle();
    ck_assert(!op_cancel(&reader));
    ck_assert(!op_poll(op, fd, POLLIN));
    last_request()->poll32_events = POLLPRI;
    settle();
}

START_TEST(a_poll_is_answered_from_what_was_read_ahead) {
    struct op op;
    int fds[2];

    if (open_uring()) {
        tcp_pair(fds);
        seam_watch(fds[0]);
        poll_blindly(&op, fds[0]);
        put(fds[1], "ab", 2);
        ck_assert_int_eq(op_wait(&op), POLLIN);
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
    }
    seam_close();
}
END_TEST

START_TEST(a_poll_goes_on_when_another_reader_was_faster) {
    struct op op, reader;
    int fds[2];

    if (open_uring()) {
        tcp_pair(fds);
        seam_watch(fds[0]);
        for (int i = 0; i < 3; i++) {
            poll_blindly(&op, fds[0]);
            put(fds[1], "ab", 2);
            await_inbox(fds[0]); /* the poll is being taken back from the kernel by now */
            ck_assert(!op_finished(&op));
            ck_assert(op_recv(&reader, fds[0], buffer, 2, CEDE__IO_READ_AHEAD));
            settle();
            ck_assert(!op_finished(&op));
            put(fds[1], "c", 1);
            ck_assert_int_eq(op_wait(&op) & POLLIN, POLLIN);
            op_recv(&reader, fds[0], buffer, 2, CEDE__IO_READ_AHEAD);
            ck_assert_int_eq(op_wait(&reader), 1);
        }
        close(fds[1]);
        seam_drop(fds[0]);
        settle();
    }
    seam_close();
}
END_TEST

START_TEST(a_poll_that_is_taken_back_may_be_cancelled_or_forgotten) {
    struct op op;
    int fds[2];

    for (int forgotten = 0; forgotten < 2; forgotten++) {
        if (open_uring()) {
            tcp_pair(fds);
            seam_watch(fds[0]);
            poll_blindly(&op, fds[0]);
            put(fds[1], "ab", 2);
            await_inbox(fds[0]);
            if (!forgotten)
                ck_assert(!op_cancel(&op));
            close(fds[1]);
            seam_drop(fds[0]);
            if (forgotten)
                ck_assert_int_eq(op_wait(&op), -EBADF);
            settle();
        }
        seam_close();
    }
}
END_TEST

/* From here on, io_uring_enter() fails with EAGAIN, as when the kernel is out of memory, for calls
 * that submit something and whose argument of that number has none of these bits. */
static void refuse_requests(unsigned argument, uint32_t bits) {
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
    struct sock_filter filter[] = {
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 4),
        LOAD(args[1]), /* how many requests to submit; the low half, here and below */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 2, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 (uint32_t)(offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t))),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
    };
#undef LOAD
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};

    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

enum { ARGUMENT_MIN_COMPLETE = 2, ARGUMENT_FLAGS = 3 };

/* What the kernel needs to take another request it may only get back by finishing others. */
START_TEST(a_full_queue_lets_the_kernel_finish_something) {
    enum { OPS = 2000 };
    static struct op ops[OPS];
    int fds[2];

    if (open_uring()) {
        unix_pair(fds);
        refuse_requests(ARGUMENT_FLAGS, IORING_ENTER_GETEVENTS);
        for (int i = 0; i < OPS; i++)
            ck_assert(!op_poll(&ops[i], fds[0], POLLIN));
        put(fds[1], "x", 1);
        for (int i = 0; i < OPS; i++)
            ck_assert_int_eq(op_wait(&ops[i]), POLLIN);
        close(fds[0]);
        close(fds[1]);
    }
    seam_close();
}
END_TEST

/* Requests that are still to be submitted when their fd's number belongs to another one. */
START_TEST(what_the_kernel_did_not_take_has_no_fd_any_more) {
    struct op recv_op, ahead_op, poll_op;
    int fds[2], next[2], other[2], number;

    if (open_uring()) {
        tcp_pair(fds);
        tcp_pair(next);
        unix_pair(other);
        seam_watch(fds[0]);
        settle();
        refuse_requests(ARGUMENT_MIN_COMPLETE, ~0u);
        ck_assert(!op_recv(&recv_op, fds[0], buffer, 10, 0));
        ck_assert(!op_recv(&ahead_op, other[0], buffer, 10, CEDE__IO_READ_AHEAD));
        ck_assert(!op_poll(&poll_op, fds[0], POLLIN));
        settle(); /* none of them is submitted */
        number = fds[0];
        seam_drop(number);
        ck_assert_int_eq(dup3(next[0], number, O_CLOEXEC), number);
        put(next[1], "abc", 3);
        ck_assert_int_eq(op_wait(&recv_op), -EBADF);
        ck_assert_int_eq(op_wait(&poll_op), -EBADF);
        ck_assert_int_eq(recv(number, buffer, 10, 0), 3);
        put(other[1], "x", 1); /* the other fd's request went its way */
        ck_assert_int_eq(op_wait(&ahead_op), 1);
        close(number);
        close(fds[1]);
        close(next[0]);
        close(next[1]);
        close(other[1]);
        close(other[0]);
    }
    seam_close();
}
END_TEST

CEDE_CHECK_MAIN("seam_uring", an_interrupted_operation_that_was_cancelled_is_cancelled,
                an_interrupted_operation_goes_on, a_poll_is_answered_from_what_was_read_ahead,
                a_poll_goes_on_when_another_reader_was_faster,
                a_poll_that_is_taken_back_may_be_cancelled_or_forgotten,
                a_full_queue_lets_the_kernel_finish_something,
                what_the_kernel_did_not_take_has_no_fd_any_more)

#else

int main(void) {
    return 0;
}

#endif
