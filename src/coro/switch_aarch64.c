#include "coro/switch.h"

#ifdef CEDE__SWITCH_AARCH64

/* The first frame of a stack; sp is 16-byte aligned at all times. */
struct first_frame {
    void *x29;
    void (*go_on)(void);
    /* Here sp points when the entry code runs. */
    void (*fn)(void *arg);
    void *arg;
    void **sender;
    void *unused;
};

/* Where a stack starts; see switch_x86_64.c for what the two tell a debugger. */
__asm__(".pushsection .text\n"
        ".p2align 4\n"
        ".globl cede__switch_entry_last\n"
        ".hidden cede__switch_entry_last\n"
        ".type cede__switch_entry_last, %function\n"
        "cede__switch_entry_last:\n"
        ".cfi_startproc\n"
        ".cfi_undefined x30\n"
        "hint #36\n"
        "ldp x9, x0, [sp]\n"
        "blr x9\n"
        "brk #1\n"
        ".cfi_endproc\n"
        ".size cede__switch_entry_last, . - cede__switch_entry_last\n"
        ".p2align 4\n"
        ".globl cede__switch_entry\n"
        ".hidden cede__switch_entry\n"
        ".type cede__switch_entry, %function\n"
        "cede__switch_entry:\n"
        ".cfi_startproc\n"
        ".cfi_signal_frame\n"
        /* DW_CFA_def_cfa_expression, 6 bytes: breg31 16, deref, deref, plus_uconst 16. */
        ".cfi_escape 0x0f, 0x06, 0x8f, 0x10, 0x06, 0x06, 0x23, 0x10\n"
        ".cfi_offset x30, -8\n"
        ".cfi_offset x29, -16\n"
        "hint #36\n"
        "ldp x9, x0, [sp]\n"
        "blr x9\n"
        "brk #1\n"
        ".cfi_endproc\n"
        ".size cede__switch_entry, . - cede__switch_entry\n"
        ".popsection\n");

extern void cede__switch_entry(void) __attribute__((visibility("hidden")));
extern void cede__switch_entry_last(void) __attribute__((visibility("hidden")));

void *cede__switch_prepare(void *top, size_t size, void (*fn)(void *arg), void *arg,
                           void **sender) {
    struct first_frame *frame = (struct first_frame *)top - 1;

    CEDE_ASSERT((uintptr_t)top % 16 == 0);
    CEDE_ASSERT(size >= sizeof *frame);
    frame->x29 = NULL;
    frame->go_on = sender ? cede__switch_entry : cede__switch_entry_last;
    frame->fn = fn;
    frame->arg = arg;
    frame->sender = sender;
    return frame;
}

#endif
