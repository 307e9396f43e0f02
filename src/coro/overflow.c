/* The report of a stack overflow.
 *
 * A stack that overflows runs into its guard, and the fault is a SIGSEGV. It needs a stack of its
 * own to be handled on (sigaltstack, one per thread), and a look at the thread's slabs tells
 * whether the address lies in one of our guards, whose stack that is, and who owns it. Then one
 * line says so, and the process aborts. Any other fault goes to the handler that was there before.
 *
 * All code below the handler is async-signal-safe.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "coro/pool.h"

#define SIGNAL_STACK_SIZE ((size_t)64 * 1024)

static struct sigaction previous;

void cede__stack_text(char *buf, size_t size, const char *text) {
    size_t used = strnlen(buf, size);

    while (used + 1 < size && *text)
        buf[used++] = *text++;
    if (used < size)
        buf[used] = '\0';
}

void cede__stack_number(char *buf, size_t size, uint64_t number) {
    char digits[21];
    size_t i = sizeof digits - 1;

    digits[i] = '\0';
    do {
        digits[--i] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    cede__stack_text(buf, size, digits + i);
}

static void report(const struct cede__stack *stack) {
    char text[512] = "cede: stack overflow in ";
    char who[256] = "";

    stack->describe(stack->owner, who, sizeof who);
    cede__stack_text(text, sizeof text, who);
    cede__stack_text(text, sizeof text, ": its stack is ");
    cede__stack_number(text, sizeof text, stack->class->size);
    cede__stack_text(text, sizeof text, " bytes; give it more with the stack_size option\n");
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return; /* there is nowhere to say it, and nothing else to do */
}

/* The stack in whose guard the address lies, if it has an owner. */
static const struct cede__stack *find_in_class(const struct cede__stack_class *class,
                                               uintptr_t address) {
    for (size_t i = 0; i < class->n_slabs; i++) {
        const struct cede__stack_slab *slab = &class->slabs[i];
        uintptr_t offset = address - (uintptr_t)slab->base;
        const struct cede__stack *stack;

        if (offset >= slab->n_used * class->stride || offset % class->stride >= class->guard)
            continue;
        stack = cede__stack_at(class, slab, offset / class->stride);
        return stack->owner ? stack : NULL;
    }
    return NULL;
}

static const struct cede__stack *find(uintptr_t address) {
    const struct cede__stack_pool *pool = cede__stack_pool;
    const struct cede__stack *stack = NULL;

    for (size_t i = 0; pool && !stack && i < CEDE__STACK_CLASSES; i++)
        stack = find_in_class(&pool->classes[i], address);
    return stack;
}

/* A stray pointer may hit a guard too. It is an overflow if the code that faulted runs on the stack
 * above that guard, or has already moved its sp past it. */
static bool runs_on(const struct cede__stack *stack, const void *context) {
#if defined(__x86_64__)
    uintptr_t sp = (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    uintptr_t sp = ((const ucontext_t *)context)->uc_mcontext.sp;
#else
    uintptr_t sp = (uintptr_t)stack;
    (void)context;
#endif
    uintptr_t top = (uintptr_t)stack;

    return sp <= top && top - sp < 2 * stack->class->stride;
}

static void on_fault(int sig, siginfo_t *info, void *context) {
    const struct cede__stack *stack = find((uintptr_t)info->si_addr);

    if (stack && runs_on(stack, context)) {
        report(stack);
        abort();
    }
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(sig, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(sig);
    } else {
        struct sigaction by_default = {.sa_handler = SIG_DFL};

        /* The faulting instruction runs again, and ends the process as it would have before. */
        sigaction(SIGSEGV, &by_default, NULL);
        if (info->si_code <= 0)
            raise(sig); /* it was sent rather than caused: nothing will run into it again */
    }
}

static void install_handler(void) {
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous);
}

void *cede__overflow_watch(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    stack_t old;
    stack_t ours = {.ss_size = SIGNAL_STACK_SIZE};

    pthread_once(&once, install_handler);
    if (sigaltstack(NULL, &old) < 0 || !(old.ss_flags & SS_DISABLE))
        return NULL;
    ours.ss_sp = mmap(NULL, SIGNAL_STACK_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (ours.ss_sp == MAP_FAILED)
        return NULL;
    sigaltstack(&ours, NULL);
    return ours.ss_sp;
}

void cede__overflow_unwatch(void *signal_stack) {
    stack_t none = {.ss_flags = SS_DISABLE};
    stack_t now;

    if (!signal_stack)
        return;
    if (sigaltstack(NULL, &now) == 0 && now.ss_sp == signal_stack)
        sigaltstack(&none, NULL);
    munmap(signal_stack, SIGNAL_STACK_SIZE);
}
