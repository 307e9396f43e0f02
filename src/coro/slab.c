/* The cold half of the stack pool: address space, and guards.
 *
 * A slab is one mapping for many stacks, since a process may have only vm.max_map_count (65,530) of
 * them. The guards inside it are installed by MADV_GUARD_INSTALL (Linux 6.13), which marks page
 * table entries and leaves the mapping whole; so a million guarded stacks need a few dozen
 * mappings. Older kernels get PROT_NONE guards. Each of those splits its mapping in two, and at
 * about 32,000 stacks the kernel refuses more; the error then says so.
 *
 * Guards are made for a batch of stacks when the first of them is needed: 64 at once are one system
 * call where the kernel lets a process advise itself by process_madvise().
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "coro/annotate.h"
#include "coro/pool.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef PIDFD_SELF
#define PIDFD_SELF (-10000) /* Linux 6.14. A real pidfd would name the parent after a fork. */
#endif

#define GUARD_BATCH 64
#define SLAB_BYTES_FIRST ((size_t)16 << 20)
#define SLAB_BYTES_MAX ((size_t)16 << 30)

#define COLOUR_STEP 192
#define COLOUR_RANGE 3072

/* What the kernel can do, best first; learnt by trying, for the whole process. */
enum guard_method { GUARD_BATCHES, GUARD_ONE_BY_ONE, GUARD_MPROTECT };

static _Atomic enum guard_method guard_method = GUARD_BATCHES;

void cede__stack_force_mprotect(bool force) {
    atomic_store(&guard_method, force ? GUARD_MPROTECT : GUARD_BATCHES);
}

struct cede__stack *cede__stack_at(const struct cede__stack_class *class,
                                   const struct cede__stack_slab *slab, size_t i) {
    char *high = slab->base + (i + 1) * class->stride;

    return (struct cede__stack *)(high - i * COLOUR_STEP % COLOUR_RANGE) - 1;
}

/* Twice the last slab, and not more than is sensible in one piece. */
static size_t next_slab_count(const struct cede__stack_class *class) {
    size_t bytes = SLAB_BYTES_FIRST;

    if (class->n_slabs > 0)
        bytes = 2 * class->slabs[class->n_slabs - 1].n_stacks * class->stride;
    if (bytes > SLAB_BYTES_MAX)
        bytes = SLAB_BYTES_MAX;
    return bytes > class->stride ? bytes / class->stride : 1;
}

/* Where address space is scarce (RLIMIT_AS, strict overcommit) a smaller slab may still fit. */
static char *slab_map(const struct cede__stack_class *class, size_t *count) {
    for (;; *count /= 2) {
        void *base = mmap(NULL, *count * class->stride, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

        if (base != MAP_FAILED) {
            /* A huge page under one stack would cost as much as 512 small ones. A kernel without
             * huge pages refuses, and need not be asked. */
            (void)madvise(base, *count * class->stride, MADV_NOHUGEPAGE);
            return base;
        }
        if (*count == 1)
            return NULL;
    }
}

static int class_make_room(struct cede__stack_class *class, size_t count) {
    void *p = cede__realloc_array(class->slabs, class->n_slabs + 1, sizeof *class->slabs);

    if (!p)
        return -ENOMEM;
    class->slabs = p;
    p = cede__realloc_array(class->free, class->n_room + count, sizeof(struct cede__stack *));
    if (!p)
        return -ENOMEM;
    class->free = p;
    return 0;
}

int cede__slab_add(struct cede__stack_class *class) {
    size_t count = next_slab_count(class);
    char *base = slab_map(class, &count);
    unsigned *ids = NULL;

    if (!base) {
        cede__stack_set_error("no address space left for stacks (RLIMIT_AS, or strict overcommit)");
        return -ENOMEM;
    }
    if (cede__valgrind_present())
        ids = cede__alloc_zero(count * sizeof *ids);
    if ((cede__valgrind_present() && !ids) || class_make_room(class, count) < 0) {
        cede__free(ids);
        munmap(base, count * class->stride);
        cede__stack_set_error("no memory for the stack pool");
        return -ENOMEM;
    }
    class->slabs[class->n_slabs++] =
        (struct cede__stack_slab){.base = base, .n_stacks = count, .valgrind_ids = ids};
    class->n_room += count;
    return 0;
}

void cede__slab_destroy(struct cede__stack_class *class, struct cede__stack_slab *slab) {
    for (size_t i = 0; slab->valgrind_ids && i < slab->n_used; i++)
        cede__valgrind_deregister(slab->valgrind_ids[i]);
    cede__free(slab->valgrind_ids);
    munmap(slab->base, slab->n_stacks * class->stride);
}

/* Each of these guards stacks from slab->n_guarded on and before `end`, advances n_guarded over
 * those it did, and returns 0 or -errno. */

static int guard_in_batch(struct cede__stack_class *class, struct cede__stack_slab *slab,
                          size_t end) {
    struct iovec guards[GUARD_BATCH];
    size_t n = end - slab->n_guarded;
    long done;

    for (size_t i = 0; i < n; i++)
        guards[i] = (struct iovec){.iov_base = slab->base + (slab->n_guarded + i) * class->stride,
                                   .iov_len = class->guard};
    done = syscall(SYS_process_madvise, PIDFD_SELF, guards, n, MADV_GUARD_INSTALL, 0);
    if (done < (long)class->guard)
        return done < 0 ? -errno : -EINVAL;
    slab->n_guarded += (size_t)done / class->guard;
    return 0;
}

static int guard_one_by_one(struct cede__stack_class *class, struct cede__stack_slab *slab,
                            size_t end) {
    for (; slab->n_guarded < end; slab->n_guarded++)
        if (madvise(slab->base + slab->n_guarded * class->stride, class->guard,
                    MADV_GUARD_INSTALL) < 0)
            return -errno;
    return 0;
}

static int guard_by_mprotect(struct cede__stack_class *class, struct cede__stack_slab *slab,
                             size_t end) {
    for (; slab->n_guarded < end; slab->n_guarded++)
        if (mprotect(slab->base + slab->n_guarded * class->stride, class->guard, PROT_NONE) < 0)
            return -errno;
    return 0;
}

/* Falls back from one method to the next, for good, where the kernel does not know the first. */
static int guard(struct cede__stack_class *class, struct cede__stack_slab *slab, size_t end) {
    enum guard_method method = atomic_load(&guard_method);
    int r;

    if (method == GUARD_BATCHES) {
        r = guard_in_batch(class, slab, end);
        if (r == 0 || r == -ENOMEM || r == -EINTR)
            return r;
        atomic_store(&guard_method, method = GUARD_ONE_BY_ONE);
    }
    if (method == GUARD_ONE_BY_ONE) {
        r = guard_one_by_one(class, slab, end);
        if (r != -EINVAL)
            return r;
        atomic_store(&guard_method, GUARD_MPROTECT);
    }
    return guard_by_mprotect(class, slab, end);
}

int cede__slab_guard(struct cede__stack_class *class, struct cede__stack_slab *slab) {
    size_t first = slab->n_guarded;
    size_t end = slab->n_stacks - first > GUARD_BATCH ? first + GUARD_BATCH : slab->n_stacks;
    int r;

    do {
        r = guard(class, slab, end);
    } while (r == -EINTR);
    if (slab->n_guarded > first)
        return 0; /* one is enough to go on; what stopped the others will be met again */
    if (atomic_load(&guard_method) == GUARD_MPROTECT)
        cede__stack_set_error("the kernel allows no more mappings (vm.max_map_count), and before "
                              "Linux 6.13 each stack's guard needs one");
    else
        cede__stack_set_error("no memory for the guard of a stack");
    return -ENOMEM;
}
