#include "check_main.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include <cede/coro.h>

#include "coro/annotate.h"
#include "coro/fiber.h"
#include "coro/stack.h"

/* ThreadSanitizer takes faults inside its own runtime, where an overflow often happens first, for
 * bugs of its own; so there is nothing to test. */
#ifndef CEDE__TSAN

static volatile int depth_limit = 1 << 30;

/* Goes ever deeper, by frames of about 1 KiB. */
static __attribute__((noinline)) int go_deep(int depth) {
    volatile char frame[1000];

    frame[0] = (char)depth;
    if (depth >= depth_limit)
        return frame[0];
    return go_deep(depth + 1) + frame[0];
}

static int deep_body(void *arg, void **ret_value) {
    (void)arg, (void)ret_value;
    return go_deep(0) & 0;
}

static void overflow_coroutine(void *arg) {
    cede_coro *coro;

    if (cede_coro_new_with(&coro, deep_body, NULL, arg) == 0)
        cede_coro_send(coro, NULL, NULL);
}

START_TEST(a_coroutine_is_named_with_the_size_of_its_stack) {
    struct cede_coro_options options = {.name = "fibonacci"};

    check_aborts(overflow_coroutine, &options,
                 "cede: stack overflow in coroutine \"fibonacci\": its stack is 196608 bytes; "
                 "give it more with the stack_size option\n");
    options.stack_size = 50000;
    options.name = NULL;
    check_aborts(overflow_coroutine, &options, "coroutine \"coroutine\": its stack is 65536 bytes");
}
END_TEST

START_TEST(guards_of_older_kernels_are_reported_too) {
    struct cede_coro_options options = {.name = "old"};

    cede__stack_force_mprotect(true);
    check_aborts(overflow_coroutine, &options, "stack overflow in coroutine \"old\"");
}
END_TEST

static int inner_first(void *arg, void **ret_value) {
    (void)arg, (void)ret_value;
    overflow_coroutine(&(struct cede_coro_options){.name = "innermost"});
    return 0;
}

static void overflow_nested(void *arg) {
    cede_coro *coro;

    if (cede_coro_new_with(&coro, inner_first, NULL, arg) == 0)
        cede_coro_send(coro, NULL, NULL);
}

START_TEST(the_innermost_one_is_named) {
    struct cede_coro_options options = {.name = "outer"};

    check_aborts(overflow_nested, &options, "stack overflow in coroutine \"innermost\"");
}
END_TEST

static void *overflow_in_thread(void *arg) {
    overflow_coroutine(arg);
    return NULL;
}

static void start_thread(void *arg) {
    pthread_t thread;

    if (pthread_create(&thread, NULL, overflow_in_thread, arg) == 0)
        pthread_join(thread, NULL);
}

START_TEST(it_works_on_any_thread) {
    struct cede_coro_options options = {.name = "elsewhere"};

    check_aborts(start_thread, &options, "stack overflow in coroutine \"elsewhere\"");
}
END_TEST

static void describe(const void *owner, char *buf, size_t size) {
    cede__stack_text(buf, size, "task ");
    cede__stack_number(buf, size, *(const uint64_t *)owner);
}

static void fiber_main(void *arg) {
    (void)arg;
    go_deep(0);
}

static void overflow_fiber(void *owner) {
    struct cede__fiber *root = cede__fiber_root();
    static struct cede__fiber fiber;
    struct cede__stack *stack;

    if (cede__stack_new(16384, &stack) < 0)
        return;
    cede__stack_set_owner(stack, owner, describe);
    cede__fiber_init(&fiber, cede__stack_top(stack), cede__stack_size(stack), fiber_main, NULL);
    cede__fiber_switch(root, &fiber);
}

START_TEST(an_owner_may_describe_itself) {
    uint64_t id = 18446744073709551615u;

    check_aborts(overflow_fiber, &id,
                 "stack overflow in task 18446744073709551615: its stack is 16384 bytes");
    id = 0;
    check_aborts(overflow_fiber, &id, "stack overflow in task 0:");
}
END_TEST

/* How a child process ended that ran fn. */
static int status_of(void (*fn)(void)) {
    int status;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        fn();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* Address space where nothing is, and the handler in place. */
static volatile char *make_trap(void) {
    struct cede__stack *stack;

    if (cede__stack_new(0, &stack) < 0)
        return NULL;
    return mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void exit_with_7(int sig) {
    (void)sig;
    _exit(7);
}

static void exit_if_there(int sig, siginfo_t *info, void *context) {
    _exit(sig == SIGSEGV && info->si_addr && context ? 8 : 1);
}

static void fault_with_handler(void) {
    struct sigaction action = {.sa_handler = exit_with_7};

    sigaction(SIGSEGV, &action, NULL);
    *make_trap() = 1;
}

static void fault_with_siginfo_handler(void) {
    struct sigaction action = {.sa_sigaction = exit_if_there, .sa_flags = SA_SIGINFO};

    sigaction(SIGSEGV, &action, NULL);
    *make_trap() = 1;
}

static void fault_by_default(void) {
    signal(SIGSEGV, SIG_DFL);
    *make_trap() = 1;
}

static void send_to_oneself(void) {
    signal(SIGSEGV, SIG_DFL);
    make_trap();
    kill(getpid(), SIGSEGV);
}

/* A stray pointer into the guard of a stack that another one runs beside. */
static void stray_into_guard(void) {
    cede_coro *coro;

    signal(SIGSEGV, SIG_DFL);
    if (cede_coro_new(&coro, deep_body, NULL) == 0)
        *(volatile char *)((((uintptr_t)coro | 4095) + 1) - CEDE__STACK_DEFAULT - 8) = 1;
}

START_TEST(other_faults_go_where_they_would_have_gone) {
    int status = status_of(fault_with_handler);

    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    status = status_of(fault_with_siginfo_handler);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 8);
    status = status_of(fault_by_default);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = status_of(send_to_oneself);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    status = status_of(stray_into_guard);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}
END_TEST

static char own_signal_stack[65536];

START_TEST(a_signal_stack_of_the_threads_own_is_left_alone) {
    stack_t mine = {.ss_sp = own_signal_stack, .ss_size = sizeof own_signal_stack};
    struct cede_coro_options options = {.name = "mine"};
    struct cede__stack *stack;
    stack_t now;

    ck_assert_int_eq(sigaltstack(&mine, NULL), 0);
    ck_assert_int_eq(cede__stack_new(0, &stack), 0);
    ck_assert_int_eq(sigaltstack(NULL, &now), 0);
    ck_assert_ptr_eq(now.ss_sp, own_signal_stack);
    check_aborts(overflow_coroutine, &options, "stack overflow in coroutine \"mine\"");
    cede__stack_free(stack);
}
END_TEST

#endif

START_TEST(text_is_cut_to_fit) {
    char buf[8] = "";

    cede__stack_number(buf, sizeof buf, 120);
    ck_assert_str_eq(buf, "120");
    cede__stack_text(buf, sizeof buf, "abcdefgh");
    ck_assert_str_eq(buf, "120abcd");
    cede__stack_text(buf, sizeof buf, "x");
    ck_assert_str_eq(buf, "120abcd");
}
END_TEST

#ifndef CEDE__TSAN
CEDE_CHECK_MAIN("overflow", a_coroutine_is_named_with_the_size_of_its_stack,
                guards_of_older_kernels_are_reported_too, the_innermost_one_is_named,
                it_works_on_any_thread, an_owner_may_describe_itself,
                other_faults_go_where_they_would_have_gone,
                a_signal_stack_of_the_threads_own_is_left_alone, text_is_cut_to_fit)
#else
CEDE_CHECK_MAIN("overflow", text_is_cut_to_fit)
#endif
