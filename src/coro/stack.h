/* stack.h: stacks for tasks and coroutines, from a pool of the thread's own, without a lock.
 *
 * A stack comes in one of a few sizes (classes). Each class reserves address space for many stacks
 * at once (a slab) and hands them out in order; those given back are used again, the last one
 * first. Below each stack lies a guard of at least 64 KiB that faults on any access, and the fault
 * is reported as what it is: see cede__stack_set_owner().
 *
 * A handle is an address: that of the stack's header, which lies at its very top. So a stack costs
 * nothing outside itself but a pointer's room in the free list. The header, like the rest of the
 * stack, is meaningful only from cede__stack_new() to cede__stack_free().
 *
 * A stack belongs to the thread that made it and must be freed there. What a thread has not freed
 * is unmapped when it ends.
 */
#ifndef CEDE_SRC_STACK_H
#define CEDE_SRC_STACK_H

#include "base/base.h"

#define CEDE__STACK_DEFAULT ((size_t)192 * 1024)
#define CEDE__STACK_MIN ((size_t)4096)
#define CEDE__STACK_GUARD ((size_t)64 * 1024)
#define CEDE__STACK_MAX (((size_t)1 << 30) - CEDE__STACK_GUARD)

struct cede__stack;

/* Writes into buf, as a string, what the owner of a stack is called in an overflow report, such as
 * `task 7 "worker" (function worker)`. It runs in a signal handler: see cede__stack_text(). */
typedef void cede__stack_describer(const void *owner, char *buf, size_t size);

/* Takes a stack of at least `size` bytes, rounded up to the next class; 0 is the default. A few
 * hundred bytes to 3 KiB of it go into the colouring of its top. -EINVAL when the size is below
 * CEDE__STACK_MIN or above CEDE__STACK_MAX; -ENOMEM when address space, memory or mappings are used
 * up: cede__stack_last_error() then says which. */
__attribute__((warn_unused_result)) int cede__stack_new(size_t size, struct cede__stack **ret);

/* Gives a stack back, on the thread that took it and not while running on it. NULL is fine. */
void cede__stack_free(struct cede__stack *stack);

/* The address below which the user's data begins: 16-byte aligned, and different from stack to
 * stack in its offset within a page, so that their hottest lines do not share a cache set. */
static inline void *cede__stack_top(const struct cede__stack *stack) {
    return (void *)(uintptr_t)stack;
}

/* The usable bytes below the top. */
size_t cede__stack_size(const struct cede__stack *stack);

/* Says who runs on the stack. An overflow of a stack without an owner (NULL, as it is at first) is
 * not reported but left to the previous handler of SIGSEGV. */
void cede__stack_set_owner(struct cede__stack *stack, const void *owner,
                           cede__stack_describer *describe);

/* Gives memory of stacks back that have long been free, at most `max` stacks in one call, and never
 * the ones used last. For the loop to call when it is about to sleep. */
void cede__stack_trim(unsigned max);

/* Why the last cede__stack_new() on this thread that gave -ENOMEM did so: static text. */
const char *cede__stack_last_error(void);

/* For tests: guards made from now on, by any thread, use mprotect() as on a kernel before 6.13. */
void cede__stack_force_mprotect(bool force);

/* Appends text, or a number in decimal, to the string in buf, as much as fits. These are safe in a
 * signal handler, which snprintf() is not. */
void cede__stack_text(char *buf, size_t size, const char *text);
void cede__stack_number(char *buf, size_t size, uint64_t number);

#endif
