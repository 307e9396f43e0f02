#include "coro/switch.h"

#ifdef CEDE__SWITCH_UCONTEXT

#include <ucontext.h>

struct first_frame {
    ucontext_t context;
    void (*fn)(void *arg);
    void *arg;
};

void cede__switch(void **ret_sp, void *sp) {
    ucontext_t here;

    *ret_sp = &here;
    if (swapcontext(&here, sp) < 0)
        cede__panic("swapcontext failed");
}

/* makecontext passes ints, so a pointer travels in two. */
static void entry(unsigned high, unsigned low) {
    struct first_frame *frame = (void *)(uintptr_t)((uint64_t)high << 32 | low);

    frame->fn(frame->arg);
}

void *cede__switch_prepare(void *top, size_t size, void (*fn)(void *arg), void *arg,
                           void **sender) {
    struct first_frame *frame = (void *)(((uintptr_t)top - sizeof *frame) & ~(uintptr_t)63);

    (void)sender;
    CEDE_ASSERT(size >= 2 * sizeof *frame);
    frame->fn = fn;
    frame->arg = arg;
    if (getcontext(&frame->context) < 0)
        cede__panic("getcontext failed");
    frame->context.uc_link = NULL;
    frame->context.uc_stack.ss_sp = (char *)top - size;
    frame->context.uc_stack.ss_size = (size_t)((char *)frame - ((char *)top - size));
    makecontext(&frame->context, (void (*)(void))entry, 2,
                (unsigned)((uint64_t)(uintptr_t)frame >> 32), (unsigned)(uintptr_t)frame);
    return &frame->context;
}

#endif
