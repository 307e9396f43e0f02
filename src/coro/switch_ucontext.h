/* switch_ucontext.h: the switch for every other machine, by the C library's ucontext functions. It
 * is slow, since these save the signal mask by a system call each time, and its backtraces end at a
 * coroutine's first frame. The context lies on the suspended stack, and sp points to it. */
#ifndef CEDE_SRC_SWITCH_UCONTEXT_H
#define CEDE_SRC_SWITCH_UCONTEXT_H

#include "base/base.h"

#define CEDE__SWITCH_UCONTEXT 1

void cede__switch(void **ret_sp, void *sp);
void *cede__switch_prepare(void *top, size_t size, void (*fn)(void *arg), void *arg, void **sender);

#endif
