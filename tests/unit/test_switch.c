#include "check_main.h"

#include <stdint.h>

#include "coro/switch.h"

/* Bare switches, without the fibers above: what must survive one, and how a stack starts. */

#define STACK_SIZE ((size_t)64 * 1024)

static void *here, *there;

static _Alignas(64) char stack[STACK_SIZE];

static void *prepared(void (*fn)(void *arg), void *arg) {
    return cede__switch_prepare(stack + STACK_SIZE, STACK_SIZE, fn, arg, NULL);
}

static void go_there(void) {
    cede__switch(&here, there);
}

static void come_back(void) {
    cede__switch(&there, here);
}

static uintptr_t local_address;
static void *seen_arg;

static void note_start(void *arg) {
    _Alignas(16) volatile char aligned[16];

    aligned[0] = 1;
    seen_arg = arg;
    local_address = (uintptr_t)aligned;
    for (;;)
        come_back();
}

START_TEST(a_stack_starts_with_its_argument_and_aligned) {
    int x;

    there = prepared(note_start, &x);
    go_there();
    ck_assert_ptr_eq(seen_arg, &x);
    ck_assert_uint_eq(local_address % 16, 0);
    ck_assert(local_address > (uintptr_t)stack && local_address < (uintptr_t)stack + STACK_SIZE);
}
END_TEST

/* Enough live integers and doubles that every callee-saved register holds one across the switch. */
static __attribute__((noinline)) uint64_t many_live(uint64_t seed, void (*leave)(void)) {
    uint64_t i[16];
    double d[16];

    for (unsigned k = 0; k < 16; k++) {
        i[k] = seed * (k + 1);
        d[k] = (double)(seed + k);
    }
    for (unsigned round = 0; round < 100; round++) {
        leave();
        for (unsigned k = 0; k < 16; k++) {
            i[k] = i[k] * 3 + 1;
            d[k] += 1;
        }
    }
    for (unsigned k = 1; k < 16; k++)
        i[0] = i[0] * 31 + i[k] + (uint64_t)d[k];
    return i[0];
}

static void leave_nowhere(void) {
}

static volatile uint64_t results[2];

static void work(void *arg) {
    (void)arg;
    results[1] = many_live(7, come_back);
    for (;;)
        come_back();
}

START_TEST(both_sides_keep_their_registers) {
    uint64_t expected[2] = {many_live(3, leave_nowhere), many_live(7, leave_nowhere)};

    there = prepared(work, NULL);
    results[0] = many_live(3, go_there);
    go_there();
    ck_assert_uint_eq(results[0], expected[0]);
    ck_assert_uint_eq(results[1], expected[1]);
}
END_TEST

/* A leaf but for the switch, so its locals may live in the red zone. */
static __attribute__((noinline)) uint64_t red_zone_leaf(uint64_t a, uint64_t b) {
    volatile uint64_t locals[8];

    for (unsigned k = 0; k < 8; k++)
        locals[k] = a * k + b;
    cede__switch(&here, there);
    for (unsigned k = 1; k < 8; k++)
        locals[0] += locals[k];
    return locals[0];
}

static void bounce(void *arg) {
    (void)arg;
    for (;;)
        cede__switch(&there, here);
}

START_TEST(locals_of_a_leaf_survive) {
    there = prepared(bounce, NULL);
    for (uint64_t a = 0; a < 10; a++)
        ck_assert_uint_eq(red_zone_leaf(a, 5), a * 28 + 40);
}
END_TEST

/* With alloca() a frame is addressed by the frame pointer; here it is so on both sides. */
static __attribute__((noinline)) unsigned with_alloca(size_t size, void (*leave)(void)) {
    unsigned char *block = __builtin_alloca(size);
    unsigned sum = 0;

    memset(block, 3, size);
    leave();
    for (size_t k = 0; k < size; k++)
        sum += block[k];
    return sum;
}

static void use_alloca(void *arg) {
    size_t *size = arg;

    for (;;)
        with_alloca(*size, come_back);
}

START_TEST(the_frame_pointer_survives) {
    size_t size = 16;

    there = prepared(use_alloca, &size);
    for (; size < 256; size++)
        ck_assert_uint_eq(with_alloca(size, go_there), 3 * size);
}
END_TEST

CEDE_CHECK_MAIN("switch", a_stack_starts_with_its_argument_and_aligned,
                both_sides_keep_their_registers, locals_of_a_leaf_survive,
                the_frame_pointer_survives)
