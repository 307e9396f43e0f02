#include "check_main.h"

#include <errno.h>
#include <pthread.h>

#include <cede/coro.h>

#include "coro/fiber.h"
#include "coro/stack.h"

/* A line of execution with a stack, as the task layer has them. */
struct line {
    struct cede__fiber fiber;
    struct cede__stack *stack;
    struct cede__fiber *back;
    int count;
    cede_coro *coro;
    int result;
};

static void line_start(struct line *line, void (*entry)(void *arg)) {
    ck_assert_int_eq(cede__stack_new(0, &line->stack), 0);
    line->back = cede__fiber_root();
    cede__fiber_init(&line->fiber, cede__stack_top(line->stack), cede__stack_size(line->stack),
                     entry, line);
}

static void line_go_on(struct line *line) {
    cede__fiber_switch(line->back, &line->fiber);
}

static void line_rest(struct line *line) {
    cede__fiber_switch(&line->fiber, line->back);
}

static void line_end(struct line *line) {
    cede__fiber_destroy(&line->fiber);
    cede__stack_free(line->stack);
}

static void count_up(void *arg) {
    struct line *line = arg;

    for (int i = 0; i < 3; i++) {
        ck_assert_ptr_eq(cede__fiber_current, &line->fiber);
        line->count++;
        line_rest(line);
    }
    cede__fiber_exit(&line->fiber, line->back);
}

START_TEST(the_root_is_made_when_it_is_asked_for) {
    struct cede__fiber *root;

    ck_assert_ptr_null(cede__fiber_current);
    root = cede__fiber_root();
    ck_assert_ptr_eq(cede__fiber_current, root);
    ck_assert_ptr_eq(cede__fiber_root(), root);
    ck_assert_ptr_eq(cede__fiber_self(), root);
    ck_assert_ptr_null(root->top);
}
END_TEST

START_TEST(fibers_take_turns) {
    struct line lines[100] = {0};

    for (int i = 0; i < 100; i++)
        line_start(&lines[i], count_up);
    for (int turn = 1; turn <= 3; turn++)
        for (int i = 0; i < 100; i++) {
            line_go_on(&lines[i]);
            ck_assert_int_eq(lines[i].count, turn);
            ck_assert_ptr_eq(cede__fiber_current, cede__fiber_root());
        }
    for (int i = 0; i < 100; i++) {
        line_go_on(&lines[i]);
        line_end(&lines[i]);
    }
}
END_TEST

static struct line pair[2];

static void next_of_pair(void *arg) {
    struct line *line = arg;
    struct line *other = line == &pair[0] ? &pair[1] : &pair[0];

    for (; line->count < 1000; line->count++)
        cede__fiber_switch(&line->fiber, &other->fiber);
    cede__fiber_exit(&line->fiber,
                     line->count++ == 1000 && other->count < 1000 ? &other->fiber : line->back);
}

START_TEST(fibers_switch_to_each_other_directly) {
    line_start(&pair[0], next_of_pair);
    line_start(&pair[1], next_of_pair);
    line_go_on(&pair[0]);
    ck_assert_int_ge(pair[0].count, 1000);
    ck_assert_int_ge(pair[1].count, 999);
    line_end(&pair[0]);
    line_end(&pair[1]);
}
END_TEST

static void use_much_stack(void *arg) {
    struct line *line = arg;
    volatile char block[100000];

    for (size_t i = 0; i < sizeof block; i += 64)
        block[i] = (char)i;
    line->count = block[64] == 64;
    cede__fiber_exit(&line->fiber, line->back);
}

START_TEST(a_stack_serves_one_fiber_after_another) {
    for (int i = 0; i < 1000; i++) {
        struct line line = {0};

        line_start(&line, use_much_stack);
        line_go_on(&line);
        ck_assert_int_eq(line.count, 1);
        line_end(&line);
    }
}
END_TEST

/* A coroutine's body that blocks: its fiber is left from the coroutine's stack. */
static int blocking_body(void *arg, void **ret_value) {
    struct line *line = arg;

    line_rest(line);
    ck_assert_int_eq(cede_yield(line, NULL), 0);
    line_rest(line);
    *ret_value = line;
    return 0;
}

static void use_coroutine(void *arg) {
    struct line *line = arg;
    void *value = NULL;

    line->result = cede_coro_send(line->coro, NULL, &value);
    ck_assert_int_eq(line->result, 1);
    ck_assert_ptr_eq(value, line);
    line_rest(line);
    value = NULL;
    line->result = cede_coro_send(line->coro, NULL, &value);
    ck_assert_ptr_eq(value, line);
    cede__fiber_exit(&line->fiber, line->back);
}

START_TEST(a_chain_of_coroutines_waits_with_its_fiber) {
    struct line line = {.result = -1};

    line_start(&line, use_coroutine);
    ck_assert_int_eq(cede_coro_new(&line.coro, blocking_body, &line), 0);
    line_go_on(&line);
    ck_assert_int_eq(cede_coro_state(line.coro), CEDE_CORO_RUNNING);
    ck_assert_int_eq(cede_coro_send(line.coro, NULL, NULL), -EBUSY);
    ck_assert_int_eq(cede_coro_throw(line.coro, -EIO, NULL), -EBUSY);
    ck_assert_int_eq(cede_coro_close(line.coro), -EBUSY);
    ck_assert_int_eq(cede_yield(NULL, NULL), -EINVAL);
    line_go_on(&line);
    ck_assert_int_eq(line.result, 1);
    ck_assert_int_eq(cede_coro_state(line.coro), CEDE_CORO_SUSPENDED);
    line_go_on(&line);
    ck_assert_int_eq(cede_coro_state(line.coro), CEDE_CORO_RUNNING);
    line_go_on(&line);
    ck_assert_int_eq(line.result, 0);
    ck_assert_int_eq(cede_coro_state(line.coro), CEDE_CORO_FINISHED);
    cede_coro_free(line.coro);
    line_end(&line);
}
END_TEST

static int yield_fiber(void *arg, void **ret_value) {
    (void)arg;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(cede_yield(cede__fiber_current, NULL), 0);
    *ret_value = cede__fiber_current;
    return 0;
}

static void send_once(void *arg) {
    struct line *line = arg;
    void *value = NULL;

    line->result = cede_coro_send(line->coro, NULL, &value);
    ck_assert_ptr_eq(value, &line->fiber);
    cede__fiber_exit(&line->fiber, line->back);
}

START_TEST(one_fiber_goes_on_with_what_another_began) {
    struct line lines[4] = {0};
    cede_coro *coro;

    ck_assert_int_eq(cede_coro_new(&coro, yield_fiber, NULL), 0);
    for (int i = 0; i < 4; i++) {
        lines[i].coro = coro;
        line_start(&lines[i], send_once);
        line_go_on(&lines[i]);
        ck_assert_int_eq(lines[i].result, i < 3);
    }
    for (int i = 0; i < 4; i++)
        line_end(&lines[i]);
    cede_coro_free(coro);
}
END_TEST

static void *thread_root(void *arg) {
    (void)arg;
    return cede__fiber_root();
}

START_TEST(each_thread_has_its_own_root) {
    struct cede__fiber *root = cede__fiber_root();
    pthread_t thread;
    void *other;

    ck_assert_int_eq(pthread_create(&thread, NULL, thread_root, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, &other), 0);
    ck_assert_ptr_ne(other, root);
    ck_assert_ptr_eq(cede__fiber_current, root);
}
END_TEST

static void return_from_entry(void *arg) {
    (void)arg;
}

static void run_returning_fiber(void *arg) {
    static struct line line;

    (void)arg;
    line_start(&line, return_from_entry);
    line_go_on(&line);
}

START_TEST(an_entry_function_must_not_return) {
    check_aborts(run_returning_fiber, NULL, "the entry function of a fiber returned");
}
END_TEST

CEDE_CHECK_MAIN("fiber", the_root_is_made_when_it_is_asked_for, fibers_take_turns,
                fibers_switch_to_each_other_directly, a_stack_serves_one_fiber_after_another,
                a_chain_of_coroutines_waits_with_its_fiber,
                one_fiber_goes_on_with_what_another_began, each_thread_has_its_own_root,
                an_entry_function_must_not_return)
