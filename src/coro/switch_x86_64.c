#include "coro/switch.h"

#ifdef CEDE__SWITCH_X86_64

/* The first frame of a stack: 16-byte aligned, as the entry code needs it for its call. */
struct first_frame {
    void *rbp;
    void (*go_on)(void);
    /* Here rsp points when the entry code runs. */
    void (*fn)(void *arg);
    void *arg;
    void **sender;
    void *unused;
};

/* Where a stack starts. The two differ only in what they tell a debugger: one ends the backtrace;
 * the other leads to the sender, whose saved frame is at **sender:
 *
 *     CFA = *(*(rsp + 16)) + 16, rbp at CFA - 16, rip at CFA - 8
 *
 * It is marked as a signal frame: a debugger then accepts that the outer frame lies anywhere, and
 * takes the saved address for that of an instruction to come rather than of a call that was made.
 */
__asm__(".pushsection .text\n"
        ".p2align 4\n"
        ".globl cede__switch_entry_last\n"
        ".hidden cede__switch_entry_last\n"
        ".type cede__switch_entry_last, @function\n"
        "cede__switch_entry_last:\n"
        ".cfi_startproc\n"
        ".cfi_undefined rip\n"
        "endbr64\n"
        "movq 8(%rsp), %rdi\n"
        "callq *(%rsp)\n"
        "ud2\n"
        ".cfi_endproc\n"
        ".size cede__switch_entry_last, . - cede__switch_entry_last\n"
        ".p2align 4\n"
        ".globl cede__switch_entry\n"
        ".hidden cede__switch_entry\n"
        ".type cede__switch_entry, @function\n"
        "cede__switch_entry:\n"
        ".cfi_startproc\n"
        ".cfi_signal_frame\n"
        /* DW_CFA_def_cfa_expression, 6 bytes: breg7 16, deref, deref, plus_uconst 16. */
        ".cfi_escape 0x0f, 0x06, 0x77, 0x10, 0x06, 0x06, 0x23, 0x10\n"
        ".cfi_offset rip, -8\n"
        ".cfi_offset rbp, -16\n"
        "endbr64\n"
        "movq 8(%rsp), %rdi\n"
        "callq *(%rsp)\n"
        "ud2\n"
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
    frame->rbp = NULL;
    frame->go_on = sender ? cede__switch_entry : cede__switch_entry_last;
    frame->fn = fn;
    frame->arg = arg;
    frame->sender = sender;
    return frame;
}

#endif
