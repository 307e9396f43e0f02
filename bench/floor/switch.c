/* switch.c: how fast tasks can change places when nothing else is asked of them (x86-64).
 *
 * Three questions, in nanoseconds, each the median of several runs:
 *
 *   switch        two contexts hand over to each other, the switch written in line
 *   switch-call   the same through a function that saves what the ABI asks for
 *   yield-N       N tasks, each going to the back of a run queue and taking the one in front; a
 *                 function call, as it is for the user of any library
 *
 * What a runtime adds to this (cancellation, budgets, clocks, statistics) is its price. The floor
 * knows what keeps the processor busy, and does only that:
 *
 * - The switch saves three registers and tells the compiler that all others are lost, so that what
 *   is alive is saved where the code needs it and nowhere else. The MXCSR and x87 control words are
 *   left alone; the ABI keeps only their control bits across calls, and nobody here changes those.
 * - It leaves by a jump to where the other context went away. The site in the yield goes to one
 *   place only, so the jump is predicted, and the return predictor sees as many calls as returns.
 * - Control blocks are dense and apart from the stacks, and the run queue is a ring of pointers.
 * - Stack tops are coloured: at equal offsets in their pages all would compete for the same few
 *   lines of the first-level cache. Likewise stacks lie an odd number of pages apart: at a power of
 *   two, their pages would compete for the same few entries of the translation buffers.
 */
#include "../question.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

enum {
    MOST_TASKS = 10000,
    RING_SIZE = 16384,
    STACK_STRIDE = 17 * 4096,
    COLOUR = 192,
    COLOURS = 4096,
};

static const uint64_t switches_per_run = 4000000;

/* Where a context goes on: 32 bytes, so that two share a cache line and none straddles one. */
struct context {
    void *sp;
    void *bp;
    void *ip;
    void *unused;
};

struct ring {
    struct context **slots;
    uint32_t mask;
    uint32_t head;
    uint32_t tail;
};

static char *stacks;
static uint32_t tasks;
static struct context main_context;
static struct context *contexts;
static struct context *current;
static struct ring ring;
static uint64_t rounds;
static uint32_t alive;

__attribute__((noreturn)) static void die(const char *what) {
    fprintf(stderr, "switch: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Suspends `from`, whose caller goes on when somebody switches back to it, and resumes `to`. */
static inline __attribute__((always_inline)) void context_switch(struct context *from,
                                                                 struct context *to) {
    __asm__ volatile("lea 1f(%%rip), %%rax\n\t"
                     "mov %%rsp, 0(%%rdi)\n\t"
                     "mov %%rbp, 8(%%rdi)\n\t"
                     "mov %%rax, 16(%%rdi)\n\t"
                     "mov 0(%%rsi), %%rsp\n\t"
                     "mov 8(%%rsi), %%rbp\n\t"
                     "jmp *16(%%rsi)\n"
                     "1:"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "cc",
                       "memory");
}

/* The same as a function. It returns by a jump, since a return would be predicted to go to the
 * caller, and never does. */
void context_switch_call(struct context *from, struct context *to);

__asm__(".text\n"
        "context_switch_call:\n\t"
        "push %rbp\n\t"
        "push %rbx\n\t"
        "push %r12\n\t"
        "push %r13\n\t"
        "push %r14\n\t"
        "push %r15\n\t"
        "mov %rsp, 0(%rdi)\n\t"
        "mov 0(%rsi), %rsp\n\t"
        "pop %r15\n\t"
        "pop %r14\n\t"
        "pop %r13\n\t"
        "pop %r12\n\t"
        "pop %rbx\n\t"
        "pop %rbp\n\t"
        "pop %rcx\n\t"
        "jmp *%rcx\n\t");

static void body_switch(void) {
    for (;;)
        context_switch(&contexts[0], &main_context);
}

static void body_switch_call(void) {
    for (;;)
        context_switch_call(&contexts[0], &main_context);
}

static __attribute__((noinline)) void yield(void) {
    struct context *self = current;

    ring.slots[ring.tail++ & ring.mask] = self;
    current = ring.slots[ring.head++ & ring.mask];
    context_switch(self, current);
}

/* A body must not return: nothing lies above it. The last task to end goes back to main. */
static void body_yield(void) {
    struct context *self = current;

    for (uint64_t i = 0; i < rounds; i++)
        yield();
    current = --alive > 0 ? ring.slots[ring.head++ & ring.mask] : &main_context;
    context_switch(self, current);
    __builtin_unreachable();
}

/* Makes the context start in body, on the stack with the given number. A function expects its
 * return address on the stack, which is eight bytes short of a multiple of sixteen. */
static void context_make(struct context *context, uint64_t number, void (*body)(void)) {
    char *top = stacks + (number + 1) * STACK_STRIDE - number * COLOUR % COLOURS;

    *context = (struct context){.sp = top - 8, .ip = (void *)(uintptr_t)body};
}

/* The function finds all but the stack pointer on the stack: six registers, then the address. */
static void context_make_call(struct context *context, void (*body)(void)) {
    void **top = (void **)(void *)(stacks + STACK_STRIDE - 64);

    memset(top, 0, 64);
    top[6] = (void *)(uintptr_t)body;
    *context = (struct context){.sp = top};
}

/* There and back are two switches. */
static double measure_switch(void) {
    uint64_t start = question_now_ns();

    for (uint64_t i = 0; i < switches_per_run / 2; i++)
        context_switch(&main_context, &contexts[0]);
    return (double)(question_now_ns() - start) / (double)switches_per_run;
}

static double measure_switch_call(void) {
    uint64_t start = question_now_ns();

    for (uint64_t i = 0; i < switches_per_run / 2; i++)
        context_switch_call(&main_context, &contexts[0]);
    return (double)(question_now_ns() - start) / (double)switches_per_run;
}

/* Starts the tasks afresh and runs them to their ends. Starting them counts, but each yields at
 * least 400 times. */
static double measure_yield(void) {
    uint64_t start;

    ring.head = ring.tail = 0;
    alive = tasks;
    rounds = switches_per_run / tasks;
    for (uint32_t i = 0; i < tasks; i++) {
        context_make(&contexts[i], i, body_yield);
        if (i > 0)
            ring.slots[ring.tail++] = &contexts[i];
    }
    current = &contexts[0];
    start = question_now_ns();
    context_switch(&main_context, current);
    return (double)(question_now_ns() - start) / (double)(rounds * tasks);
}

static void *map(size_t size) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);

    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

int main(void) {
    static const uint32_t counts[] = {2, 1000, 10000};

    stacks = map((size_t)MOST_TASKS * STACK_STRIDE);
    contexts = map(MOST_TASKS * sizeof *contexts);
    ring.mask = RING_SIZE - 1;
    ring.slots = map(RING_SIZE * sizeof *ring.slots);
    context_make(&contexts[0], 0, body_switch);
    question_ask("switch", measure_switch);
    context_make_call(&contexts[0], body_switch_call);
    question_ask("switch-call", measure_switch_call);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char name[32];

        tasks = counts[i];
        snprintf(name, sizeof name, "yield-%" PRIu32, tasks);
        question_ask(name, measure_yield);
    }
    return 0;
}
