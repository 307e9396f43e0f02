/* What the coroutine layer must do on every machine, without a test library: it is run under an
 * emulator for other processors, and with the portable switch. It says what failed and exits with
 * 1, or exits with 0. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cede/coro.h>

#include "coro/fiber.h"
#include "coro/stack.h"

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);                     \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static void *number(intptr_t n) {
    return (void *)n;
}

/* Yields running sums, with enough state in registers that a switch which loses one shows. */
static int sums(void *arg, void **ret_value) {
    intptr_t a = (intptr_t)arg, b = 1, c = 2, d = 3, e = 5, f = 7, sum = 0;
    double x = 0.5, y = 1.5, z = 2.5;

    for (;;) {
        void *sent = NULL;
        int r = cede_yield(number(sum), &sent);

        if (r == -EIO)
            break;
        if (r < 0)
            return r;
        a += b, b += c, c += d, d += e, e += f, f += a % 3;
        x += y, y += z, z += 0.5;
        sum += (intptr_t)sent;
    }
    *ret_value = number(a + b + c + d + e + f + (intptr_t)(x + y + z));
    return 0;
}

/* The same without any switch. */
static intptr_t expected(intptr_t a, int rounds) {
    intptr_t b = 1, c = 2, d = 3, e = 5, f = 7;
    double x = 0.5, y = 1.5, z = 2.5;

    while (rounds-- > 0) {
        a += b, b += c, c += d, d += e, e += f, f += a % 3;
        x += y, y += z, z += 0.5;
    }
    return a + b + c + d + e + f + (intptr_t)(x + y + z);
}

static void test_generators(void) {
    enum { N = 50, ROUNDS = 100 };
    cede_coro *coros[N];
    void *value = NULL;

    for (int i = 0; i < N; i++) {
        CHECK(cede_coro_new(&coros[i], sums, number(i)) == 0);
        CHECK(cede_coro_send(coros[i], number(1), &value) == -EINVAL);
        CHECK(cede_coro_send(coros[i], NULL, &value) == 1 && value == NULL);
    }
    for (int round = 1; round <= ROUNDS; round++)
        for (int i = 0; i < N; i++) {
            CHECK(cede_coro_send(coros[i], number(i), &value) == 1);
            CHECK(value == number((intptr_t)i * round));
        }
    for (int i = 0; i < N; i++) {
        CHECK(cede_coro_throw(coros[i], -EIO, &value) == 0);
        CHECK(value == number(expected(i, ROUNDS)));
        CHECK(cede_coro_send(coros[i], NULL, &value) == -ENODATA);
        cede_coro_free(coros[i]);
    }
}

static int delegate(void *arg, void **ret_value) {
    intptr_t depth = (intptr_t)arg;
    cede_coro *inner = NULL;
    int r;

    CHECK(cede_coro_new_named(&inner, depth > 0 ? delegate : sums, number(depth - 1), "in") == 0);
    r = cede_coro_delegate(inner, ret_value);
    cede_coro_free(inner);
    return r;
}

static void test_delegation(void) {
    cede_coro *coro = NULL;
    void *value = NULL;

    CHECK(cede_coro_new(&coro, delegate, number(100)) == 0);
    CHECK(cede_coro_send(coro, NULL, &value) == 1 && value == NULL);
    CHECK(cede_coro_send(coro, number(5), &value) == 1 && value == number(5));
    CHECK(cede_coro_send(coro, number(6), &value) == 1 && value == number(11));
    CHECK(cede_coro_close(coro) == 0);
    CHECK(cede_coro_state(coro) == CEDE_CORO_FINISHED);
    cede_coro_free(coro);
}

static struct cede__fiber fibers[2];
static int turns;

static void take_turns(void *arg) {
    struct cede__fiber *self = arg;
    struct cede__fiber *other = self == &fibers[0] ? &fibers[1] : &fibers[0];

    while (turns < 1000) {
        turns++;
        cede__fiber_switch(self, other);
    }
    cede__fiber_exit(self, cede__fiber_root());
}

static void test_fibers(void) {
    struct cede__fiber *root = cede__fiber_root();
    struct cede__stack *stacks[2];

    for (int i = 0; i < 2; i++) {
        CHECK(cede__stack_new(0, &stacks[i]) == 0);
        cede__fiber_init(&fibers[i], cede__stack_top(stacks[i]), cede__stack_size(stacks[i]),
                         take_turns, &fibers[i]);
    }
    cede__fiber_switch(root, &fibers[0]);
    CHECK(turns == 1000);
    for (int i = 0; i < 2; i++) {
        cede__fiber_destroy(&fibers[i]);
        cede__stack_free(stacks[i]);
    }
}

static void *in_thread(void *arg) {
    test_generators();
    return arg;
}

static void test_threads(void) {
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, in_thread, NULL) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
}

#ifndef CEDE__TSAN /* it takes an overflow, which its own code meets first, for a bug of its own   \
                    */

static __attribute__((noinline)) int go_deep(volatile int *depth) {
    volatile char frame[1000];

    frame[0] = (char)++*depth;
    return *depth > 0 ? go_deep(depth) + frame[0] : 0;
}

static int overflow(void *arg, void **ret_value) {
    volatile int depth = 0;

    (void)arg, (void)ret_value;
    return go_deep(&depth);
}

/* Guards by mprotect, since an emulator may take the other kind for a hint and ignore it. */
static void test_overflow(void) {
    char text[256] = "";
    cede_coro *coro;
    int fds[2], status;
    pid_t pid;

    CHECK(pipe(fds) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        cede__stack_force_mprotect(true);
        if (cede_coro_new_with(&coro, overflow, NULL, &(struct cede_coro_options){"deep", 65536}) ==
            0)
            cede_coro_send(coro, NULL, NULL);
        _exit(0);
    }
    close(fds[1]);
    CHECK(read(fds[0], text, sizeof text - 1) > 0);
    close(fds[0]);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(text, "cede: stack overflow in coroutine \"deep\": its stack is 65536 bytes"));
}

#else

static void test_overflow(void) {
}

#endif

int main(void) {
    test_overflow();
    test_generators();
    test_delegation();
    test_fibers();
    test_threads();
    printf("coro_selftest: passed\n");
    return 0;
}
