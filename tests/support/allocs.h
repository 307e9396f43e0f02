/* allocs.h: counts the library's allocations, and makes the n-th one fail.
 *
 *     allocs_install();
 *     for (long n = 1; ...; n++) {
 *         allocs_fail(n);
 *         ...the scenario...
 *         if (!allocs_failed()) break;
 *     }
 */
#ifndef CEDE_TESTS_ALLOCS_H
#define CEDE_TESTS_ALLOCS_H

#include <cede/base.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_long allocs_live;  /* blocks that were not freed */
static atomic_long allocs_total; /* calls that succeeded */
static atomic_long allocs_until; /* counts down to the call that fails; 0: none will */
static bool allocs_for_good;     /* all calls after it fail, too */
static atomic_bool allocs_did_fail;

static bool allocs_must_fail(void) {
    if (allocs_for_good && atomic_load(&allocs_did_fail))
        return true;
    if (atomic_load(&allocs_until) == 0 || atomic_fetch_sub(&allocs_until, 1) != 1)
        return false;
    atomic_store(&allocs_did_fail, true);
    return true;
}

static void *allocs_realloc(void *ptr, size_t size, void *arg) {
    void *fresh;

    (void)arg;
    if (allocs_must_fail() || !(fresh = realloc(ptr, size)))
        return NULL;
    atomic_fetch_add(&allocs_total, 1);
    if (!ptr)
        atomic_fetch_add(&allocs_live, 1);
    return fresh;
}

static void *allocs_alloc(size_t size, void *arg) {
    return allocs_realloc(NULL, size, arg);
}

static void allocs_free(void *ptr, void *arg) {
    (void)arg;
    if (ptr)
        atomic_fetch_sub(&allocs_live, 1);
    free(ptr);
}

__attribute__((unused)) static void allocs_install(void) {
    static const struct cede_allocator allocator = {
        .alloc = allocs_alloc, .realloc = allocs_realloc, .free = allocs_free};

    cede_set_allocator(&allocator);
}

/* The n-th allocation from now fails (1: the next one); 0: none does. */
__attribute__((unused)) static void allocs_fail(long n) {
    allocs_for_good = false;
    atomic_store(&allocs_did_fail, false);
    atomic_store(&allocs_until, n);
}

/* The n-th and all later ones fail. */
__attribute__((unused)) static void allocs_fail_from(long n) {
    allocs_fail(n);
    allocs_for_good = true;
}

/* Whether it has come to that. */
__attribute__((unused)) static bool allocs_failed(void) {
    return atomic_load(&allocs_did_fail);
}

#endif
