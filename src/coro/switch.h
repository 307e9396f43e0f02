/* switch.h: leaving one stack and going on with another.
 *
 * Each variant provides the same two functions. cede__switch(ret_sp, sp) saves what the running
 * side needs to go on, stores where it did so in *ret_sp, and goes on with the side that was saved
 * at sp. It returns when somebody switches to *ret_sp.
 *
 * cede__switch_prepare(top, size, fn, arg, sender) lays out a stack that calls fn(arg) when it is
 * first switched to, and returns its sp. fn must not return. For a debugger's backtrace, `sender`
 * is the place where the sp of whoever waits for fn will be found, or NULL where the backtrace is
 * to end.
 *
 * The switch is inline and has neither call nor return: an out-of-line one costs a mispredicted
 * return each time, and a return address popped by a jump makes all the outer returns mispredict.
 * Only the frame pointer and the address to go on at are saved by hand. All other registers are
 * declared as clobbered, so that the compiler saves those that live and no more.
 *
 * To gcc's analysis of whole files, inline assembly changes no variable whose address is not taken,
 * so a static one would keep its old value across a call that switches. All is therefore compiled
 * with -fno-ipa-reference (cmake/flags.cmake), and so must be whatever else includes this header.
 *
 * The floating-point control state (MXCSR, the x87 control word; FPCR) is not switched: it belongs
 * to the thread. A task that changes the rounding mode must put it back before it blocks.
 */
#ifndef CEDE_SRC_SWITCH_H
#define CEDE_SRC_SWITCH_H

#if defined(__x86_64__) && defined(__LP64__) && !defined(CEDE_SWITCH_UCONTEXT)
#include "coro/switch_x86_64.h"
#elif defined(__aarch64__) && defined(__LP64__) && !defined(CEDE_SWITCH_UCONTEXT)
#include "coro/switch_aarch64.h"
#else
#include "coro/switch_ucontext.h"
#endif

#endif
