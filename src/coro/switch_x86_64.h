/* switch_x86_64.h: the switch for x86-64. A suspended stack looks like this:
 *
 *     sp + 8   the address to go on at (an endbr64: it is reached by an indirect jump)
 *     sp       rbp
 *
 * The compiler may keep a leaf function's locals in the 128 bytes below rsp, and takes a function
 * that contains the switch for a leaf. The library is built with -mno-red-zone and says so by
 * CEDE_NO_RED_ZONE; other users of this header (tests, benchmarks) step over the red zone, and undo
 * that after the switch, so that the saved frame is the same for all.
 *
 * Indirect branch tracking is honoured. Shadow stacks are not: each stack would need one, and the
 * objects are marked as built without, which keeps a process from enabling them.
 */
#ifndef CEDE_SRC_SWITCH_X86_64_H
#define CEDE_SRC_SWITCH_X86_64_H

#include "base/base.h"

#define CEDE__SWITCH_X86_64 1

#ifdef CEDE_NO_RED_ZONE
#define CEDE__RED_ZONE_SKIP ""
#define CEDE__RED_ZONE_UNDO ""
#else
#define CEDE__RED_ZONE_SKIP "leaq -128(%%rsp), %%rsp\n\t"
#define CEDE__RED_ZONE_UNDO "leaq 128(%%rsp), %%rsp\n\t"
#endif

#ifdef __AVX512F__
#define CEDE__AVX512_CLOBBERS                                                                      \
    "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",      \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1", "k2", "k3", "k4", "k5", "k6",  \
        "k7",
#else
#define CEDE__AVX512_CLOBBERS
#endif

static inline __attribute__((always_inline)) void cede__switch(void **ret_sp, void *sp) {
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t" CEDE__RED_ZONE_SKIP "pushq %%rax\n\t"
                     "pushq %%rbp\n\t"
                     "movq %%rsp, (%0)\n\t"
                     "movq %1, %%rsp\n\t"
                     "popq %%rbp\n\t"
                     "popq %%rax\n\t"
                     "jmpq *%%rax\n"
                     "1:\n\t"
                     "endbr64\n\t" CEDE__RED_ZONE_UNDO
                     : "+D"(ret_sp), "+S"(sp)
                     :
                     : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
                       "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                       "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
                       CEDE__AVX512_CLOBBERS "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
                       "st(6)", "st(7)", "cc", "memory");
}

void *cede__switch_prepare(void *top, size_t size, void (*fn)(void *arg), void *arg, void **sender);

#endif
