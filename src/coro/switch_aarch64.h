/* switch_aarch64.h: the switch for 64-bit ARM. A suspended stack looks like this:
 *
 *     sp + 8   the address to go on at (a bti j: it is reached by an indirect jump)
 *     sp       x29
 *
 * x18 belongs to the platform and is neither saved nor touched. There is no red zone.
 */
#ifndef CEDE_SRC_SWITCH_AARCH64_H
#define CEDE_SRC_SWITCH_AARCH64_H

#include "base/base.h"

#define CEDE__SWITCH_AARCH64 1

#ifdef __ARM_FEATURE_SVE
#define CEDE__SVE_CLOBBERS                                                                         \
    "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", "p14", \
        "p15",
#else
#define CEDE__SVE_CLOBBERS
#endif

static inline __attribute__((always_inline)) void cede__switch(void **ret_sp, void *sp) {
    register void **x0 __asm__("x0") = ret_sp;
    register void *x1 __asm__("x1") = sp;

    __asm__ volatile("adr x9, 1f\n\t"
                     "stp x29, x9, [sp, #-16]!\n\t"
                     "mov x10, sp\n\t"
                     "str x10, [%0]\n\t"
                     "mov sp, %1\n\t"
                     "ldp x29, x9, [sp], #16\n\t"
                     "br x9\n"
                     "1:\n\t"
                     "hint #36\n\t" /* bti j */
                     : "+r"(x0), "+r"(x1)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
                       "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
                       "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18",
                       "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29",
                       "v30", "v31", CEDE__SVE_CLOBBERS "cc", "memory");
}

void *cede__switch_prepare(void *top, size_t size, void (*fn)(void *arg), void *arg, void **sender);

#endif
