#include "check_main.h"

#include "loop/fdtable.h"
#include "support/allocs.h"

#include <limits.h>

static struct cede__fdtable table;

static void setup(void) {
    allocs_install();
    cede__fdtable_init(&table, sizeof(long));
}

static void teardown(void) {
    cede__fdtable_free(&table);
    ck_assert_int_eq(atomic_load(&allocs_live), 0);
}

START_TEST(fresh_slots_are_zero_and_stay_where_they_are) {
    long *slots[1000];

    setup();
    for (int fd = 0; fd < 1000; fd++) {
        slots[fd] = cede__fdtable_get(&table, fd);
        ck_assert_int_eq(*slots[fd], 0);
        *slots[fd] = fd;
    }
    for (int fd = 0; fd < 1000; fd++) {
        ck_assert_ptr_eq(cede__fdtable_get(&table, fd), slots[fd]);
        ck_assert_ptr_eq(cede__fdtable_find(&table, fd), slots[fd]);
        ck_assert_int_eq(*slots[fd], fd);
    }
    teardown();
}
END_TEST

START_TEST(what_was_never_asked_for_is_not_found) {
    setup();
    ck_assert_ptr_null(cede__fdtable_find(&table, 0));
    ck_assert_ptr_null(cede__fdtable_find(&table, -1));
    ck_assert_ptr_null(cede__fdtable_find(&table, INT_MAX));
    ck_assert_ptr_nonnull(cede__fdtable_get(&table, 10 * CEDE__FDTABLE_CHUNK));
    ck_assert_ptr_null(cede__fdtable_find(&table, 0)); /* only the chunk that is needed is made */
    ck_assert_ptr_null(cede__fdtable_find(&table, 11 * CEDE__FDTABLE_CHUNK));
    ck_assert_ptr_null(cede__fdtable_find(&table, INT_MIN));
    teardown();
}
END_TEST

START_TEST(no_memory_leaves_the_table_as_it_was) {
    long n = 1;
    long *slot;

    setup();
    slot = cede__fdtable_get(&table, 5);
    *slot = 7;
    for (;; n++) {
        allocs_fail(n);
        if (cede__fdtable_get(&table, 5000))
            break;
        ck_assert(allocs_failed());
        ck_assert_ptr_null(cede__fdtable_find(&table, 5000));
        ck_assert_ptr_eq(cede__fdtable_find(&table, 5), slot);
        ck_assert_int_eq(*slot, 7);
    }
    ck_assert_int_gt(n, 1);
    allocs_fail(0);
    teardown();
}
END_TEST

START_TEST(a_freed_table_is_empty_and_may_be_used_again) {
    setup();
    *(long *)cede__fdtable_get(&table, 3) = 1;
    cede__fdtable_free(&table);
    ck_assert_ptr_null(cede__fdtable_find(&table, 3));
    ck_assert_int_eq(*(long *)cede__fdtable_get(&table, 3), 0);
    teardown();
}
END_TEST

CEDE_CHECK_MAIN("fdtable", fresh_slots_are_zero_and_stay_where_they_are,
                what_was_never_asked_for_is_not_found, no_memory_leaves_the_table_as_it_was,
                a_freed_table_is_empty_and_may_be_used_again)
