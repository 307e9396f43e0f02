/* annotate.h: everything that the sanitizers and Valgrind are told about our stacks, in one place.
 *
 * AddressSanitizer wants to know, around each switch, the bounds of the stack that it goes to, and
 * keeps a "fake stack" for each. ThreadSanitizer wants a handle of its own for each line of
 * execution. So every stack that code can run on has a note: the thread's own, each task's, each
 * coroutine's. The note of a fiber also points to the note of the stack that the fiber is on just
 * now (`running`), which is that of its innermost coroutine or its own.
 *
 * The order around a switch is: leave(from, to), the switch, and on the other side enter(to's
 * note). Without a sanitizer a note is an empty structure and all of this compiles to nothing.
 *
 * Valgrind is told of each stack's bounds once, when the stack is first used. Its client requests
 * cost a few instructions even outside Valgrind, so they are asked for only if a flag, read once,
 * says that it is there.
 */
#ifndef CEDE_SRC_ANNOTATE_H
#define CEDE_SRC_ANNOTATE_H

#include "base/base.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define CEDE__ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define CEDE__TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define CEDE__ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define CEDE__TSAN 1
#endif

#ifdef CEDE__ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CEDE__TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef CEDE_HAVE_VALGRIND
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#endif

/* ThreadSanitizer follows calls and returns on a stack per fiber. A function that was called on one
 * and returns on another would upset both, so none of these may be a call. */
#define CEDE__NOTE_INLINE static inline __attribute__((always_inline))

struct cede__note {
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
    struct cede__note *running; /* of a fiber: the note of the stack it is on */
#endif
#ifdef CEDE__ASAN
    const void *low;
    size_t size;
    void *fake_stack;
#endif
#ifdef CEDE__TSAN
    void *tsan_fiber;
#endif
};

#ifdef CEDE__ASAN
/* The note that was left last. Whoever runs next is told by ASan what that stack's bounds are: for
 * a thread's own stack there is no other way to learn them. */
extern __attribute__((visibility("hidden"))) CEDE_THREAD_LOCAL struct cede__note *cede__note_left;
#endif

/* A stack on which nothing has run yet, or nothing runs any more. */
CEDE__NOTE_INLINE void cede__note_init(struct cede__note *note, void *low, size_t size) {
    (void)note, (void)low, (void)size;
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
    note->running = note;
#endif
#ifdef CEDE__ASAN
    note->low = low;
    note->size = size;
    note->fake_stack = NULL;
    __asan_unpoison_memory_region(low, size); /* what its last user's frames left poisoned */
#endif
#ifdef CEDE__TSAN
    note->tsan_fiber = __tsan_create_fiber(0);
#endif
}

/* The stack that the thread came with. */
CEDE__NOTE_INLINE void cede__note_init_root(struct cede__note *note) {
    (void)note;
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
    note->running = note;
#endif
#ifdef CEDE__TSAN
    note->tsan_fiber = __tsan_get_current_fiber();
#endif
}

CEDE__NOTE_INLINE void cede__note_destroy(struct cede__note *note) {
    (void)note;
#ifdef CEDE__TSAN
    __tsan_destroy_fiber(note->tsan_fiber);
    note->tsan_fiber = NULL;
#endif
}

CEDE__NOTE_INLINE void cede__note_leave(struct cede__note *from, struct cede__note *to) {
    (void)from, (void)to;
#ifdef CEDE__ASAN
    cede__note_left = from;
    __sanitizer_start_switch_fiber(&from->fake_stack, to->low, to->size);
#endif
#ifdef CEDE__TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
}

/* As above, when nothing will ever come back to the stack that is left. */
CEDE__NOTE_INLINE void cede__note_leave_for_good(struct cede__note *to) {
    (void)to;
#ifdef CEDE__ASAN
    cede__note_left = NULL;
    __sanitizer_start_switch_fiber(NULL, to->low, to->size);
#endif
#ifdef CEDE__TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
}

/* The first thing to be called after a switch, with the note of the stack that was switched to. */
CEDE__NOTE_INLINE void cede__note_enter(struct cede__note *note) {
    (void)note;
#ifdef CEDE__ASAN
    const void *low;
    size_t size;

    __sanitizer_finish_switch_fiber(note->fake_stack, &low, &size);
    if (cede__note_left) {
        cede__note_left->low = low;
        cede__note_left->size = size;
    }
#endif
}

CEDE__NOTE_INLINE struct cede__note *cede__note_running(struct cede__note *fiber_note) {
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
    return fiber_note->running;
#else
    return fiber_note;
#endif
}

CEDE__NOTE_INLINE void cede__note_set_running(struct cede__note *fiber_note,
                                              struct cede__note *note) {
    (void)fiber_note, (void)note;
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
    fiber_note->running = note;
#endif
}

#ifdef CEDE_HAVE_VALGRIND
extern __attribute__((
    visibility("hidden"))) bool cede__on_valgrind; /* set before the first stack is made */
#endif

/* Whether stacks must be registered at all. */
CEDE__NOTE_INLINE bool cede__valgrind_present(void) {
#ifdef CEDE_HAVE_VALGRIND
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

CEDE__NOTE_INLINE unsigned cede__valgrind_register(void *low, void *top) {
    (void)low, (void)top;
#ifdef CEDE_HAVE_VALGRIND
    return VALGRIND_STACK_REGISTER(low, (char *)top - 1);
#else
    return 0;
#endif
}

CEDE__NOTE_INLINE void cede__valgrind_deregister(unsigned id) {
    (void)id;
#ifdef CEDE_HAVE_VALGRIND
    VALGRIND_STACK_DEREGISTER(id);
#endif
}

/* Memory of a stack that is about to be written from outside: what the last user popped counts as
 * gone until it is said to be there again. */
CEDE__NOTE_INLINE void cede__valgrind_usable(void *start, size_t size) {
    (void)start, (void)size;
#ifdef CEDE_HAVE_VALGRIND
    if (CEDE_UNLIKELY(cede__on_valgrind))
        VALGRIND_MAKE_MEM_UNDEFINED(start, size);
#endif
}

/* Memory that is mapped by system calls which TSan does not see may come back at the address that
 * another thread had unmapped. Whoever unmaps says so before, whoever maps after; `what` names the
 * kind of memory. */
static inline void cede__annotate_unmap(const void *what) {
#ifdef CEDE__TSAN
    __tsan_release((void *)(uintptr_t)what);
#endif
    (void)what;
}

static inline void cede__annotate_mapped(const void *what) {
#ifdef CEDE__TSAN
    __tsan_acquire((void *)(uintptr_t)what);
#endif
    (void)what;
}

#endif
