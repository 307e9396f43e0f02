/* pool.h: what the parts of the stack pool know of each other. Everybody else includes stack.h. */
#ifndef CEDE_SRC_POOL_H
#define CEDE_SRC_POOL_H

#include "coro/stack.h"

struct cede__stack_pool;

/* The stacks of one size. `free` has room for every stack of the class's slabs, so that giving one
 * back cannot fail. Its entries [0, trimmed) hold no memory any more; `low` is the smallest length
 * it had since the last trim began, so [0, low) are stacks that nobody needed in that time. */
struct cede__stack_class {
    struct cede__stack_pool *pool;
    struct cede__stack **free;
    size_t n_free, n_room;
    size_t low, trimmed;
    size_t guard, size, stride; /* the stride is the sum of the others */
    size_t n_slabs;
    struct cede__stack_slab
        *slabs; /* in the order they were made: only the last has fresh stacks */
};

/* One mapping: `n_stacks` times a guard and, above it, a stack. The first `n_used` stacks have been
 * handed out at least once, the first `n_guarded` have their guards. */
struct cede__stack_slab {
    char *base;
    size_t n_stacks, n_used, n_guarded;
    unsigned *valgrind_ids; /* of the first n_used stacks; NULL outside Valgrind */
};

/* The top of a stack. */
struct cede__stack {
    struct cede__stack_class *class;
    const void *owner;
    cede__stack_describer *describe;
    void *unused; /* keeps what lies below aligned to 16 */
};

#define CEDE__STACK_CLASSES 15

struct cede__stack_pool {
    struct cede__stack_class classes[CEDE__STACK_CLASSES];
    size_t n_live;
    unsigned n_deferred; /* how often the thread's end has been put off for live stacks */
    void *signal_stack;  /* ours, or NULL when the thread had its own */
};

/* The pool of this thread, NULL before its first stack. */
extern __attribute__((visibility("hidden")))
CEDE_THREAD_LOCAL struct cede__stack_pool *cede__stack_pool;

/* Where stack i of a slab has its header. */
struct cede__stack *cede__stack_at(const struct cede__stack_class *class,
                                   const struct cede__stack_slab *slab, size_t i);

/* Adds a slab to a class that has no fresh stack left. -ENOMEM. */
int cede__slab_add(struct cede__stack_class *class);
void cede__slab_destroy(struct cede__stack_class *class, struct cede__stack_slab *slab);

/* Guards the next stacks of the slab, a batch of them. -ENOMEM. */
int cede__slab_guard(struct cede__stack_class *class, struct cede__stack_slab *slab);

/* Makes overflows of this thread's stacks known: a signal stack for the thread (NULL when it has
 * one already, or there is no memory), and the handler for the process. */
void *cede__overflow_watch(void);
void cede__overflow_unwatch(void *signal_stack);

void cede__stack_set_error(const char *text);

#endif
