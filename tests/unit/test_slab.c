#include "check_main.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cede/coro.h>

#include "coro/annotate.h"
#include "coro/stack.h"

/* Many stacks, and the limits that one runs into. Sanitizers keep so much about each stack that
 * they get fewer. */
#if defined(CEDE__ASAN) || defined(CEDE__TSAN)
#define MANY 1000
#else
#define MANY 100000
#define TEST_LIMITS
#endif

static unsigned mappings(void) {
    FILE *maps = fopen("/proc/self/maps", "re");
    unsigned count = 0;
    int c;

    ck_assert_ptr_nonnull(maps);
    while ((c = getc(maps)) != EOF)
        count += c == '\n';
    fclose(maps);
    return count;
}

/* Linux 6.13 or later. */
static bool kernel_has_guards(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool has = madvise(page, 4096, 102) == 0;

    munmap(page, 4096);
    return has;
}

/* An address that the kernel, when asked to read there for us, refuses. */
static bool guarded(const char *address, const int *fds) {
    char byte;

    if (write(fds[1], address, 1) < 0)
        return errno == EFAULT;
    ck_assert_int_eq(read(fds[0], &byte, 1), 1);
    return false;
}

static int one_value(void *arg, void **ret_value) {
    (void)ret_value;
    return cede_yield(arg, NULL);
}

START_TEST(a_hundred_thousand_live_guarded_coroutines) {
    int n = kernel_has_guards() || MANY < 10000 ? MANY : 10000;
    cede_coro **coros = calloc((size_t)n, sizeof(cede_coro *));
    unsigned before = mappings();
    int fds[2];

    ck_assert_int_eq(pipe(fds), 0);
    for (int i = 0; i < n; i++) {
        ck_assert_int_eq(cede_coro_new(&coros[i], one_value, &coros[i]), 0);
        ck_assert_int_eq(cede_coro_send(coros[i], NULL, NULL), 1);
    }
    for (int i = 0; i < n; i++) {
        const char *low = (char *)(((uintptr_t)coros[i] | 4095) + 1) - CEDE__STACK_DEFAULT;

        ck_assert(!guarded(low, fds));
        ck_assert(guarded(low - 1, fds));
        ck_assert(guarded(low - CEDE__STACK_GUARD, fds));
    }
    if (MANY == 100000 &&
        kernel_has_guards()) /* ThreadSanitizer has mappings of its own for each */
        ck_assert_uint_lt(mappings(), before + 64);
    for (int i = 0; i < n; i++)
        cede_coro_free(coros[i]);
    free(coros);
}
END_TEST

#ifdef TEST_LIMITS
/* Takes stacks until there are no more, at most `max`, then frees all and takes as many again. */
static size_t take_all(size_t size, size_t max) {
    struct cede__stack **stacks = mmap(NULL, max * sizeof(void *), PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct cede__stack *untouched = (void *)-1;
    size_t n = 0;

    ck_assert_ptr_ne(stacks, MAP_FAILED);
    while (n < max && cede__stack_new(size, &stacks[n]) == 0)
        n++;
    if (n < max) {
        ck_assert_int_eq(cede__stack_new(size, &untouched), -ENOMEM);
        ck_assert_ptr_eq(untouched, (void *)-1);
    }
    for (size_t i = 0; i < n; i++)
        cede__stack_free(stacks[i]);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(cede__stack_new(size, &stacks[i]), 0);
    for (size_t i = 0; i < n; i++)
        cede__stack_free(stacks[i]);
    munmap(stacks, max * sizeof(void *));
    return n;
}

/* Each guard splits a mapping in two, so there are half as many stacks as mappings. */
START_TEST(the_limit_of_mappings_is_named) {
    size_t max = 100000;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    size_t limit, n;
    int got;

    ck_assert_ptr_nonnull(file);
    got = fscanf(file, "%zu", &limit);
    fclose(file);
    ck_assert_int_eq(got, 1);
    cede__stack_force_mprotect(true);
    n = take_all(16384, max);
    if (limit / 2 > max) {
        ck_assert_uint_eq(n, max);
    } else {
        ck_assert_uint_lt(n, limit / 2);
        ck_assert_uint_gt(n, limit / 2 - 1000);
        ck_assert_ptr_nonnull(strstr(cede__stack_last_error(), "vm.max_map_count"));
    }
}
END_TEST

static size_t address_space(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    size_t pages = 0;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * 4096;
}

/* 100 MiB have room for the first slab and for a part of those that would follow. */
START_TEST(scarce_address_space_is_used_up_and_named) {
    size_t space = address_space() + ((size_t)100 << 20);
    struct rlimit limit = {.rlim_cur = space, .rlim_max = space};
    size_t n;

    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    n = take_all(0, 1000);
    ck_assert_uint_gt(n, 350);
    ck_assert_uint_le(n, 400);
    ck_assert_ptr_nonnull(strstr(cede__stack_last_error(), "RLIMIT_AS"));
}
END_TEST
#endif

/* The n-th allocation fails, counted from 1; 0: none. */
static int fail_at, n_allocations, n_live;

static bool fails(void) {
    return ++n_allocations == fail_at;
}

static void *failing_alloc(size_t size, void *arg) {
    (void)arg;
    if (fails())
        return NULL;
    n_live++;
    return malloc(size);
}

static void *failing_realloc(void *ptr, size_t size, void *arg) {
    (void)arg;
    if (fails())
        return NULL;
    n_live += !ptr;
    return realloc(ptr, size);
}

static void failing_free(void *ptr, void *arg) {
    (void)arg;
    n_live -= ptr != NULL;
    free(ptr);
}

static void *many_stacks(void *arg) {
    struct cede__stack *stacks[300];
    int r = 0, n = 0;

    while (n < 300 && r == 0) {
        r = cede__stack_new(0, &stacks[n]);
        if (r == 0)
            n++;
    }
    *(int *)arg = r;
    if (r < 0) {
        ck_assert_int_eq(r, -ENOMEM);
        ck_assert_ptr_nonnull(strstr(cede__stack_last_error(), "no memory"));
    }
    /* One failure is not the end. */
    for (; n < 300; n++)
        ck_assert_int_eq(cede__stack_new(0, &stacks[n]), 0);
    while (n > 0)
        cede__stack_free(stacks[--n]);
    return NULL;
}

/* Each round has a pool of its own, and all of its memory must be free when its thread has ended.
 */
START_TEST(any_allocation_may_fail) {
    const struct cede_allocator allocator = {
        .alloc = failing_alloc, .realloc = failing_realloc, .free = failing_free};
    int n_failures = 0, result = -1;

    cede_set_allocator(&allocator);
    for (fail_at = 1; result != 0; fail_at++) {
        pthread_t thread;

        n_allocations = 0;
        ck_assert_int_eq(pthread_create(&thread, NULL, many_stacks, &result), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(n_live, 0);
        n_failures += result < 0;
    }
    ck_assert_int_ge(n_failures, 7); /* the pool, and two for each of three slabs */
    cede_set_allocator(NULL);
}
END_TEST

#ifdef TEST_LIMITS
CEDE_CHECK_MAIN("slab", a_hundred_thousand_live_guarded_coroutines, the_limit_of_mappings_is_named,
                scarce_address_space_is_used_up_and_named, any_allocation_may_fail)
#else
CEDE_CHECK_MAIN("slab", a_hundred_thousand_live_guarded_coroutines, any_allocation_may_fail)
#endif
