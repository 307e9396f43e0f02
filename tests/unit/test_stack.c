#include "check_main.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "coro/annotate.h"
#include "coro/stack.h"

static struct cede__stack *take(size_t size) {
    struct cede__stack *stack = NULL;

    ck_assert_int_eq(cede__stack_new(size, &stack), 0);
    return stack;
}

static char *top_of(const struct cede__stack *stack) {
    return cede__stack_top(stack);
}

static char *low_of(const struct cede__stack *stack) {
    return top_of(stack) - cede__stack_size(stack);
}

START_TEST(sizes_are_rounded_up_to_classes) {
    static const struct {
        size_t asked, class;
    } cases[] = {{4096, 16384},
                 {16384, 16384},
                 {16385, 65536},
                 {65537, 196608},
                 {0, 196608},
                 {196608, 196608},
                 {196609, 458752},
                 {1 << 20, (1 << 21) - 65536},
                 {CEDE__STACK_MAX, CEDE__STACK_MAX}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cede__stack *stack = take(cases[i].asked);

        /* The colour and the header at the top take their part. */
        ck_assert_uint_le(cede__stack_size(stack), cases[i].class - 32);
        ck_assert_uint_gt(cede__stack_size(stack), cases[i].class - 4096);
        ck_assert_uint_eq((uintptr_t)top_of(stack) % 16, 0);
        ck_assert_uint_eq((uintptr_t)low_of(stack) % 4096, 0);
        cede__stack_free(stack);
    }
}
END_TEST

START_TEST(sizes_out_of_range_are_refused) {
    static const size_t sizes[] = {1, CEDE__STACK_MIN - 1, CEDE__STACK_MAX + 1, SIZE_MAX};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct cede__stack *stack = (void *)-1;

        ck_assert_int_eq(cede__stack_new(sizes[i], &stack), -EINVAL);
        ck_assert_ptr_eq(stack, (void *)-1);
    }
}
END_TEST

START_TEST(all_of_a_stack_can_be_used) {
    struct cede__stack *stack = take(16384);
    struct cede__stack *next = take(16384);

    cede__valgrind_usable(low_of(stack), cede__stack_size(stack));
    memset(low_of(stack), 1, cede__stack_size(stack));
    ck_assert_uint_eq((unsigned char)top_of(stack)[-1], 1);
    cede__stack_free(stack);
    cede__stack_free(next);
    cede__stack_free(NULL);
}
END_TEST

START_TEST(the_last_one_freed_is_the_next_one_taken) {
    struct cede__stack *stacks[10];

    for (int i = 0; i < 10; i++)
        stacks[i] = take(0);
    for (int i = 0; i < 10; i++)
        cede__stack_free(stacks[i]);
    for (int i = 9; i >= 0; i--)
        ck_assert_ptr_eq(take(0), stacks[i]);
    for (int i = 0; i < 10; i++)
        cede__stack_free(stacks[i]);
}
END_TEST

START_TEST(tops_are_coloured) {
    struct cede__stack *stacks[32];
    bool seen[4096 / 16] = {0};
    int colours = 0;

    for (int i = 0; i < 32; i++) {
        size_t offset;

        stacks[i] = take(0);
        offset = (uintptr_t)top_of(stacks[i]) % 4096 / 16;
        colours += !seen[offset];
        seen[offset] = true;
    }
    ck_assert_int_eq(colours, 16);
    for (int i = 0; i < 32; i++)
        cede__stack_free(stacks[i]);
}
END_TEST

/* Whether the kernel can read a byte there on our behalf, which does not fault if not. */
static bool readable(const char *address) {
    int fds[2];
    ssize_t n;

    ck_assert_int_eq(pipe(fds), 0);
    n = write(fds[1], address, 1);
    ck_assert(n == 1 || errno == EFAULT);
    close(fds[0]);
    close(fds[1]);
    return n == 1;
}

static void check_guarded(const struct cede__stack *stack) {
    ck_assert(readable(low_of(stack)));
    ck_assert(!readable(low_of(stack) - 1));
    ck_assert(!readable(low_of(stack) - CEDE__STACK_GUARD / 2));
    ck_assert(!readable(low_of(stack) - CEDE__STACK_GUARD));
}

static void check_many_guarded(void) {
    struct cede__stack *stacks[200];

    for (int i = 0; i < 200; i++) {
        stacks[i] = take(i % 2 ? 16384 : 0);
        check_guarded(stacks[i]);
    }
    for (int i = 0; i < 200; i++)
        cede__stack_free(stacks[i]);
}

START_TEST(stacks_are_guarded) {
    check_many_guarded();
}
END_TEST

START_TEST(stacks_are_guarded_on_older_kernels) {
    cede__stack_force_mprotect(true);
    check_many_guarded();
}
END_TEST

static bool resident(char *address) {
    unsigned char vector[1];

    ck_assert_int_eq(mincore((void *)((uintptr_t)address & ~(uintptr_t)4095), 4096, vector), 0);
    return vector[0] & 1;
}

START_TEST(memory_of_long_free_stacks_is_given_back) {
    struct cede__stack *stacks[100];

    for (int i = 0; i < 100; i++)
        stacks[i] = take(0);
    for (int i = 99; i >= 0; i--)
        cede__stack_free(stacks[i]); /* the next one taken is stacks[0] */
    ck_assert(resident(top_of(stacks[99])));
    cede__stack_trim(100); /* these were needed since the last time, which was never */
    ck_assert(resident(top_of(stacks[99])));
    cede__stack_trim(10); /* and these not, but 10 are enough for now */
    ck_assert(!resident(top_of(stacks[99])));
    ck_assert(!resident(top_of(stacks[90])));
    ck_assert(resident(top_of(stacks[89])));
    cede__stack_trim(100);
    ck_assert(!resident(top_of(stacks[64])));
    ck_assert(resident(top_of(stacks[63])));
    ck_assert(resident(top_of(stacks[0])));
    for (int i = 0; i < 100; i++) {
        ck_assert_ptr_eq(take(0), stacks[i]);
        check_guarded(stacks[i]);
    }
    for (int i = 0; i < 100; i++)
        cede__stack_free(stacks[i]);
}
END_TEST

START_TEST(what_is_needed_now_and_then_keeps_its_memory) {
    struct cede__stack *stacks[100];

    for (int turn = 0; turn < 5; turn++) {
        for (int i = 0; i < 100; i++)
            stacks[i] = take(0);
        for (int i = 0; i < 100; i++)
            cede__stack_free(stacks[i]);
        cede__stack_trim(100);
        for (int i = 0; i < 100; i++)
            ck_assert(resident(top_of(stacks[i])));
    }
}
END_TEST

START_TEST(trimming_without_a_pool_does_nothing) {
    cede__stack_trim(100);
}
END_TEST

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

static void *take_and_end(void *arg) {
    for (int i = 0; i < 100; i++) {
        struct cede__stack *stack = take(i % 2 ? 0 : 16384);

        memset(top_of(stack) - 4096, 1, 4096);
        if (arg)
            cede__stack_free(stack);
    }
    return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg) {
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

/* Each run of the thread leaves what the C library keeps of it, and no more. */
START_TEST(a_threads_stacks_end_with_it) {
    unsigned before;

    cede__stack_force_mprotect(true); /* then each stack would show as two mappings */
    in_thread(take_and_end, NULL);
    in_thread(take_and_end, (void *)1);
    before = mappings();
    for (int i = 0; i < 10; i++)
        in_thread(take_and_end, i % 2 ? (void *)1 : NULL);
    ck_assert_uint_lt(mappings(), before + 50);
}
END_TEST

static pthread_key_t late_key;

static void free_late(void *stack) {
    cede__stack_free(stack);
}

static void *hold_in_key(void *arg) {
    (void)arg;
    ck_assert_int_eq(pthread_setspecific(late_key, take(0)), 0);
    return NULL;
}

START_TEST(destructors_of_a_thread_may_still_free) {
    struct cede__stack *first = take(0); /* so that the pool's key is older, and runs first */

    ck_assert_int_eq(pthread_key_create(&late_key, free_late), 0);
    in_thread(hold_in_key, NULL);
    cede__stack_free(first);
}
END_TEST

static void *free_here(void *stack) {
    struct cede__stack *own = take(0);

    cede__stack_free(stack);
    cede__stack_free(own);
    return NULL;
}

static void free_in_thread(void *arg) {
    (void)arg;
    in_thread(free_here, take(0));
}

START_TEST(another_thread_may_not_free) {
    check_aborts(free_in_thread, NULL, "a stack was freed on another thread");
}
END_TEST

CEDE_CHECK_MAIN("stack", sizes_are_rounded_up_to_classes, sizes_out_of_range_are_refused,
                all_of_a_stack_can_be_used, the_last_one_freed_is_the_next_one_taken,
                tops_are_coloured, stacks_are_guarded, stacks_are_guarded_on_older_kernels,
                memory_of_long_free_stacks_is_given_back,
                what_is_needed_now_and_then_keeps_its_memory, trimming_without_a_pool_does_nothing,
                a_threads_stacks_end_with_it, destructors_of_a_thread_may_still_free,
                another_thread_may_not_free)
