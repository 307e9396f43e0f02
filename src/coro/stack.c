/* The hot half of the pool: taking a stack and giving it back are a pop and a push on an array. The
 * cold half, which maps and guards, is slab.c. */
#include "coro/stack.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "coro/annotate.h"
#include "coro/pool.h"

/* So many of the stacks used last keep their memory. */
#define HOT_STACKS 64

CEDE_THREAD_LOCAL struct cede__stack_pool *cede__stack_pool;

static CEDE_THREAD_LOCAL const char *last_error = "";

#ifdef CEDE_HAVE_VALGRIND
bool cede__on_valgrind;
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;
static bool have_key;

static void pool_destroy(struct cede__stack_pool *pool) {
    for (size_t c = 0; c < CEDE__STACK_CLASSES; c++) {
        struct cede__stack_class *class = &pool->classes[c];

        for (size_t i = 0; i < class->n_slabs; i++)
            cede__slab_destroy(class, &class->slabs[i]);
        cede__free(class->slabs);
        cede__free(class->free);
    }
    cede__overflow_unwatch(pool->signal_stack);
    cede__free(pool);
    cede__stack_pool = NULL;
}

/* Other destructors of the thread may still hold stacks and free them, so some turns go by before
 * they lose them: the C library calls the destructors again while any value is set. */
static void thread_ends(void *arg) {
    struct cede__stack_pool *pool = arg;

    if (pool->n_live > 0 && pool->n_deferred++ < PTHREAD_DESTRUCTOR_ITERATIONS - 2 &&
        pthread_setspecific(at_thread_end, pool) == 0)
        return;
    pool_destroy(pool);
}

static void once_per_process(void) {
    have_key = pthread_key_create(&at_thread_end, thread_ends) == 0;
#ifdef CEDE_HAVE_VALGRIND
    cede__on_valgrind = cede__valgrind_present();
    if (cede__on_valgrind)
        cede__stack_force_mprotect(true); /* it keeps track of these guards, and of no others */
#endif
}

/* The smallest class has 16 KiB (a page, where pages are larger); all others double, guard
 * included: 64 KiB, 192 KiB, 448 KiB and so on up to 1 GiB.
 *
 * The guard has one page more than that. Tops that are a power of two apart would all compete for
 * the same few sets of the TLB (a yield among 1,000 tasks then takes half as long again); an odd
 * number of pages from one to the next spreads them over all. */
static void class_init(struct cede__stack_class *class, struct cede__stack_pool *pool, size_t i) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    class->pool = pool;
    if (i > 0)
        class->size = (CEDE__STACK_GUARD << i) - CEDE__STACK_GUARD;
    else
        class->size = page > 16384 ? page : 16384;
    class->guard = CEDE__STACK_GUARD + page;
    class->stride = class->guard + class->size;
}

static struct cede__stack_pool *pool_new(void) {
    struct cede__stack_pool *pool;

    pthread_once(&once, once_per_process);
    pool = cede__alloc_zero(sizeof *pool);
    if (!pool)
        return NULL;
    if (!have_key || pthread_setspecific(at_thread_end, pool) != 0) {
        cede__free(pool);
        return NULL;
    }
    for (size_t i = 0; i < CEDE__STACK_CLASSES; i++)
        class_init(&pool->classes[i], pool, i);
    pool->signal_stack = cede__overflow_watch();
    cede__stack_pool = pool;
    return pool;
}

static size_t class_of(size_t size) {
    size_t blocks;

    if (size <= 16384)
        return 0;
    blocks = (size + CEDE__STACK_GUARD - 1) / CEDE__STACK_GUARD; /* class i has 2^i - 1 of them */
    return (size_t)(64 - __builtin_clzll(blocks));
}

/* A stack that was never handed out. */
static int stack_fresh(struct cede__stack_class *class, struct cede__stack **ret) {
    struct cede__stack_slab *slab = class->n_slabs > 0 ? &class->slabs[class->n_slabs - 1] : NULL;
    int r;

    if (!slab || slab->n_used == slab->n_stacks) {
        r = cede__slab_add(class);
        if (r < 0)
            return r;
        slab = &class->slabs[class->n_slabs - 1];
    }
    if (slab->n_used == slab->n_guarded) {
        r = cede__slab_guard(class, slab);
        if (r < 0)
            return r;
    }
    *ret = cede__stack_at(class, slab, slab->n_used);
    if (slab->valgrind_ids)
        slab->valgrind_ids[slab->n_used] =
            cede__valgrind_register(slab->base + slab->n_used * class->stride + class->guard,
                                    slab->base + (slab->n_used + 1) * class->stride);
    slab->n_used++;
    return 0;
}

static struct cede__stack *stack_reused(struct cede__stack_class *class) {
    struct cede__stack *stack = class->free[--class->n_free];

    if (class->n_free < class->low) {
        class->low = class->n_free;
        if (class->n_free < class->trimmed)
            class->trimmed = class->n_free;
    }
    cede__valgrind_usable(stack, sizeof *stack);
    return stack;
}

int cede__stack_new(size_t size, struct cede__stack **ret) {
    struct cede__stack_pool *pool = cede__stack_pool;
    struct cede__stack_class *class;
    struct cede__stack *stack;

    if (size == 0)
        size = CEDE__STACK_DEFAULT;
    if (size < CEDE__STACK_MIN || size > CEDE__STACK_MAX)
        return -EINVAL;
    if (CEDE_UNLIKELY(!pool)) {
        pool = pool_new();
        if (!pool) {
            cede__stack_set_error("no memory for the stack pool");
            return -ENOMEM;
        }
    }
    class = &pool->classes[class_of(size)];
    if (CEDE_LIKELY(class->n_free > 0)) {
        stack = stack_reused(class);
    } else {
        int r = stack_fresh(class, &stack);

        if (r < 0)
            return r;
    }
    stack->class = class;
    stack->owner = NULL;
    pool->n_live++;
    *ret = stack;
    return 0;
}

void cede__stack_free(struct cede__stack *stack) {
    struct cede__stack_class *class;

    if (!stack)
        return;
    class = stack->class;
    if (CEDE_UNLIKELY(class->pool != cede__stack_pool))
        cede__panic("a stack was freed on another thread than the one that made it");
    CEDE_ASSERT(class->n_free < class->n_room);
    stack->owner = NULL;
    class->free[class->n_free++] = stack;
    class->pool->n_live--;
}

static uintptr_t highest_byte(const struct cede__stack *stack) {
    return (uintptr_t)stack | 4095; /* colour and header together are less than a page */
}

size_t cede__stack_size(const struct cede__stack *stack) {
    return (uintptr_t)stack - (highest_byte(stack) + 1 - stack->class->size);
}

void cede__stack_set_owner(struct cede__stack *stack, const void *owner,
                           cede__stack_describer *describe) {
    stack->describe = describe;
    stack->owner = owner;
}

/* Returns how many stacks it trimmed. When all the long-free ones are, a new span of time begins
 * in which the free list must show anew what it can spare. */
static unsigned class_trim(struct cede__stack_class *class, unsigned max) {
    size_t end = class->n_free > HOT_STACKS ? class->n_free - HOT_STACKS : 0;
    unsigned n = 0;

    if (end > class->low)
        end = class->low;
    for (; n < max && class->trimmed < end; n++, class->trimmed++) {
        char *high = (char *)highest_byte(class->free[class->trimmed]) + 1;

        /* It cannot fail on pages of our own, and nothing is lost but memory if it does. */
        (void)madvise(high - class->size, class->size, MADV_DONTNEED);
    }
    if (n == 0)
        class->low = class->n_free;
    return n;
}

void cede__stack_trim(unsigned max) {
    struct cede__stack_pool *pool = cede__stack_pool;

    for (size_t i = 0; pool && i < CEDE__STACK_CLASSES; i++)
        max -= class_trim(&pool->classes[i], max);
}

const char *cede__stack_last_error(void) {
    return last_error;
}

void cede__stack_set_error(const char *text) {
    last_error = text;
}
