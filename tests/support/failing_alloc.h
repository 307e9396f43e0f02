/* failing_alloc.h: counts the library's allocations, and makes the n-th of them fail, alone or with
 * all that follow. What is installed here stays for the rest of the process.
 *
 *     failing_alloc_install();
 *     for (size_t n = 1;; n++) {
 *         failing_alloc_arm(n, false);
 *         r = scenario();
 *         if (!failing_alloc_disarm())
 *             break; // it did not allocate so often: every allocation has failed once
 *         ck_assert_int_eq(r, -ENOMEM);
 *         ck_assert_uint_eq(failing_alloc_live(), 0);
 *     }
 */
#ifndef CEDE_TESTS_FAILING_ALLOC_H
#define CEDE_TESTS_FAILING_ALLOC_H

#include <cede/base.h>
#include <stdatomic.h>
#include <stdlib.h>

static struct {
    atomic_size_t calls;   /* since the last arm or install */
    atomic_size_t live;    /* blocks that were not freed */
    atomic_size_t fail_at; /* the call that fails; 0: none */
    atomic_bool lasting;   /* and every one after it */
    atomic_bool failed;
} failing_alloc;

static inline bool failing_alloc_strikes(void) {
    size_t call = atomic_fetch_add(&failing_alloc.calls, 1) + 1;
    size_t at = atomic_load(&failing_alloc.fail_at);

    if (at == 0 || call < at || (call > at && !atomic_load(&failing_alloc.lasting)))
        return false;
    atomic_store(&failing_alloc.failed, true);
    return true;
}

static inline void *failing_alloc_alloc(size_t size, void *arg) {
    void *ptr;

    (void)arg;
    ptr = failing_alloc_strikes() ? NULL : malloc(size);
    if (ptr)
        atomic_fetch_add(&failing_alloc.live, 1);
    return ptr;
}

static inline void *failing_alloc_realloc(void *old, size_t size, void *arg) {
    void *ptr;

    (void)arg;
    ptr = failing_alloc_strikes() ? NULL : realloc(old, size);
    if (ptr && !old)
        atomic_fetch_add(&failing_alloc.live, 1);
    return ptr;
}

static inline void failing_alloc_free(void *ptr, void *arg) {
    (void)arg;
    if (ptr)
        atomic_fetch_sub(&failing_alloc.live, 1);
    free(ptr);
}

/* To be called before the library holds memory. */
static inline void failing_alloc_install(void) {
    static const struct cede_allocator allocator = {
        .alloc = failing_alloc_alloc, .realloc = failing_alloc_realloc, .free = failing_alloc_free};

    cede_set_allocator(&allocator);
}

/* Counts calls from 1 on, and lets the n-th fail. */
static inline void failing_alloc_arm(size_t n, bool lasting) {
    atomic_store(&failing_alloc.calls, 0);
    atomic_store(&failing_alloc.lasting, lasting);
    atomic_store(&failing_alloc.failed, false);
    atomic_store(&failing_alloc.fail_at, n);
}

/* Lets nothing fail any more. Returns whether something has. */
static inline bool failing_alloc_disarm(void) {
    atomic_store(&failing_alloc.fail_at, 0);
    return atomic_load(&failing_alloc.failed);
}

static inline size_t failing_alloc_calls(void) {
    return atomic_load(&failing_alloc.calls);
}

static inline size_t failing_alloc_live(void) {
    return atomic_load(&failing_alloc.live);
}

#endif
