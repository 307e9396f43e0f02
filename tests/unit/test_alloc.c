#include "check_main.h"

#include "base/alloc.h"
#include "support/allocs.h"

static int argument, calls;

static void *own_alloc(size_t size, void *arg) {
    ck_assert_ptr_eq(arg, &argument);
    ck_assert_uint_gt(size, 0);
    calls++;
    return malloc(size);
}

static void *own_realloc(void *ptr, size_t size, void *arg) {
    ck_assert_ptr_eq(arg, &argument);
    calls++;
    return realloc(ptr, size);
}

static void own_free(void *ptr, void *arg) {
    ck_assert_ptr_eq(arg, &argument);
    ck_assert_ptr_nonnull(ptr);
    calls++;
    free(ptr);
}

START_TEST(all_memory_comes_from_the_allocator_that_was_set) {
    struct cede_allocator own = {own_alloc, own_realloc, own_free, &argument};
    void *ptr;

    cede_set_allocator(&own);
    memset(&own, 0, sizeof own); /* it was copied */
    ptr = cede__alloc(10);
    ck_assert_int_eq(calls, 1);
    ptr = cede__realloc(ptr, 20);
    ck_assert_int_eq(calls, 2);
    cede__free(ptr);
    ck_assert_int_eq(calls, 3);
    cede_set_allocator(NULL);
    cede__free(cede__alloc_zero(1));
    ck_assert_int_eq(calls, 3);
}
END_TEST

START_TEST(zeroed_memory_is_zero) {
    char *block = cede__alloc_zero(1000), zero[1000] = {0};

    ck_assert_mem_eq(block, zero, 1000);
    cede__free(block);
}
END_TEST

START_TEST(size_zero_gives_nothing_and_keeps_what_there_is) {
    char *kept = cede__alloc(4);
    char *volatile null = NULL;

    ck_assert_ptr_null(cede__alloc(0));
    ck_assert_ptr_null(cede__alloc_zero(0));
    ck_assert_ptr_null(cede__realloc(null, 0));
    memcpy(kept, "abc", 4);
    ck_assert_ptr_null(cede__realloc(kept, 0));
    ck_assert_str_eq(kept, "abc");
    cede__free(kept);
    cede__free(NULL);
}
END_TEST

START_TEST(sizes_that_overflow_are_refused) {
    volatile size_t huge = SIZE_MAX;
    char *kept = cede__alloc(4);

    memcpy(kept, "abc", 4);
    ck_assert_ptr_null(cede__realloc_array(kept, huge, 2));
    ck_assert_ptr_null(cede__realloc_array(kept, huge / 2 + 2, 2));
    ck_assert_ptr_null(cede__realloc_array(kept, (size_t)1 << 32, (size_t)1 << 32));
    ck_assert_str_eq(kept, "abc");
    kept = cede__realloc_array(kept, 1000, 3);
    ck_assert_str_eq(kept, "abc");
    cede__free(kept);
}
END_TEST

START_TEST(a_failing_allocator_is_reported) {
    char *kept;

    allocs_install();
    allocs_fail(2);
    kept = cede__alloc(4);
    ck_assert_ptr_nonnull(kept);
    ck_assert_ptr_null(cede__alloc_zero(4));
    ck_assert(allocs_failed());
    allocs_fail(1);
    ck_assert_ptr_null(cede__realloc(kept, 100));
    allocs_fail_from(1);
    ck_assert_ptr_null(cede__alloc(4));
    ck_assert_ptr_null(cede__realloc_array(NULL, 2, 4));
    cede__free(kept);
    ck_assert_int_eq(atomic_load(&allocs_live), 0);
}
END_TEST

CEDE_CHECK_MAIN("alloc", all_memory_comes_from_the_allocator_that_was_set, zeroed_memory_is_zero,
                size_zero_gives_nothing_and_keeps_what_there_is, sizes_that_overflow_are_refused,
                a_failing_allocator_is_reported)
