#include "check_main.h"

#include <errno.h>
#include <pthread.h>

#include <cede/coro.h>

/* The semantics of Python's generators, sentence by sentence of cede/coro.h. */

static void *number(intptr_t n) {
    return (void *)n;
}

static cede_coro *make_named(cede_coro_fn fn, void *arg, const char *name) {
    cede_coro *coro = NULL;

    ck_assert_int_eq(cede_coro_new_named(&coro, fn, arg, name), 0);
    return coro;
}

#define make(fn, arg) make_named(fn, arg, #fn)

/* Expects one send to give r and, unless r is an error, a value. */
static void check_send(cede_coro *coro, void *sent, int r, intptr_t expected) {
    void *value = number(-99);

    ck_assert_int_eq(cede_coro_send(coro, sent, &value), r);
    ck_assert_int_eq((intptr_t)value, r < 0 ? -99 : expected);
}

static void check_throw(cede_coro *coro, int error, int r, intptr_t expected) {
    void *value = number(-99);

    ck_assert_int_eq(cede_coro_throw(coro, error, &value), r);
    ck_assert_int_eq((intptr_t)value, r < 0 ? -99 : expected);
}

static int three(void *arg, void **ret_value) {
    (void)arg;
    for (intptr_t i = 1; i <= 3; i++) {
        int r = cede_yield(number(i), NULL);

        if (r < 0)
            return r;
    }
    *ret_value = number(77);
    return 0;
}

/* Yields the sum of what it was sent so far. */
static int adder(void *arg, void **ret_value) {
    intptr_t sum = 0;

    (void)arg, (void)ret_value;
    for (;;) {
        void *sent = NULL;
        int r = cede_yield(number(sum), &sent);

        if (r < 0)
            return r;
        sum += (intptr_t)sent;
    }
}

START_TEST(values_come_out_and_then_the_return_value) {
    cede_coro *coro = make(three, NULL);

    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FRESH);
    for (intptr_t i = 1; i <= 3; i++) {
        check_send(coro, NULL, 1, i);
        ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_SUSPENDED);
    }
    check_send(coro, NULL, 0, 77);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
    check_send(coro, NULL, -ENODATA, 0);
    check_send(coro, number(1), -ENODATA, 0);
    ck_assert_ptr_null(cede_coro_free(coro));
}
END_TEST

START_TEST(values_go_in) {
    cede_coro *coro = make(adder, NULL);

    check_send(coro, NULL, 1, 0);
    check_send(coro, number(5), 1, 5);
    check_send(coro, number(7), 1, 12);
    ck_assert_int_eq(cede_coro_send(coro, number(1), NULL), 1);
    check_send(coro, NULL, 1, 13);
    cede_coro_free(coro);
}
END_TEST

START_TEST(a_fresh_one_takes_no_value) {
    cede_coro *coro = make(adder, NULL);

    check_send(coro, number(1), -EINVAL, 0);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FRESH);
    check_send(coro, NULL, 1, 0);
    cede_coro_free(coro);
}
END_TEST

static int return_code(void *arg, void **ret_value) {
    (void)ret_value;
    return *(int *)arg;
}

START_TEST(what_is_raised_comes_out) {
    static const struct {
        int returned, received;
    } cases[] = {{-EIO, -EIO},     {-ECANCELED, -ECANCELED},
                 {-EBUSY, -EBUSY}, {-ENODATA, -EPROTO},
                 {5, -EPROTO},     {0, 0}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int code = cases[i].returned;
        cede_coro *coro = make(return_code, &code);

        check_send(coro, NULL, cases[i].received, 0);
        ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
        check_send(coro, NULL, -ENODATA, 0);
        cede_coro_free(coro);
    }
}
END_TEST

/* Yields the error that is thrown in, and ends by returning 50 when something is sent. */
static int catcher(void *arg, void **ret_value) {
    intptr_t caught = 0;

    (void)arg;
    for (;;) {
        int r = cede_yield(number(caught), NULL);

        if (r == 0)
            break;
        caught = r;
    }
    *ret_value = number(50);
    return 0;
}

START_TEST(a_thrown_error_may_be_caught) {
    cede_coro *coro = make(catcher, NULL);

    check_send(coro, NULL, 1, 0);
    check_throw(coro, -EIO, 1, -EIO);
    check_throw(coro, -EPIPE, 1, -EPIPE);
    check_send(coro, NULL, 0, 50);
    cede_coro_free(coro);
}
END_TEST

START_TEST(a_thrown_error_may_come_back) {
    cede_coro *coro = make(three, NULL);

    check_send(coro, NULL, 1, 1);
    check_throw(coro, -EIO, -EIO, 0);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
    check_throw(coro, -EPIPE, -EPIPE, 0);
    check_send(coro, NULL, -ENODATA, 0);
    cede_coro_free(coro);
}
END_TEST

static int note_that_it_ran(void *arg, void **ret_value) {
    (void)ret_value;
    *(bool *)arg = true;
    return 0;
}

START_TEST(throwing_into_a_fresh_one_ends_it_unrun) {
    bool ran = false;
    cede_coro *coro = make(note_that_it_ran, &ran);

    check_throw(coro, -EIO, -EIO, 0);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
    check_send(coro, NULL, -ENODATA, 0);
    cede_coro_free(coro);
    ck_assert(!ran);
}
END_TEST

START_TEST(only_errors_can_be_thrown) {
    cede_coro *coro = make(catcher, NULL);

    check_throw(coro, 0, -EINVAL, 0);
    check_throw(coro, EIO, -EINVAL, 0);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FRESH);
    check_send(coro, NULL, 1, 0);
    check_throw(coro, 1, -EINVAL, 0);
    check_send(coro, NULL, 0, 50);
    cede_coro_free(coro);
}
END_TEST

/* What a coroutine does with the -ECANCELED that closes it: returns arg's `answer`, having set
 * `cleaned`. */
struct closing {
    int answer;
    int seen;
};

static int answer_close(void *arg, void **ret_value) {
    struct closing *closing = arg;

    (void)ret_value;
    closing->seen = cede_yield(NULL, NULL);
    return closing->answer;
}

START_TEST(close_throws_canceled) {
    static const struct {
        int answer, result;
    } cases[] = {{-ECANCELED, 0}, {0, 0}, {-EIO, -EIO}, {-EPERM, -EPERM}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct closing closing = {.answer = cases[i].answer};
        cede_coro *coro = make(answer_close, &closing);

        check_send(coro, NULL, 1, 0);
        ck_assert_int_eq(cede_coro_close(coro), cases[i].result);
        ck_assert_int_eq(closing.seen, -ECANCELED);
        ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
        ck_assert_int_eq(cede_coro_close(coro), 0);
        cede_coro_free(coro);
    }
}
END_TEST

START_TEST(closing_a_fresh_one_ends_it_unrun) {
    bool ran = false;
    cede_coro *coro = make(note_that_it_ran, &ran);

    ck_assert_int_eq(cede_coro_close(coro), 0);
    check_send(coro, NULL, -ENODATA, 0);
    cede_coro_free(coro);
    ck_assert(!ran);
}
END_TEST

START_TEST(yielding_while_being_closed_is_an_error) {
    cede_coro *coro = make(catcher, NULL);

    check_send(coro, NULL, 1, 0);
    ck_assert_int_eq(cede_coro_close(coro), -EPROTO);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_SUSPENDED);
    check_send(coro, NULL, 0, 50);
    ck_assert_int_eq(cede_coro_close(coro), 0);
    cede_coro_free(coro);
}
END_TEST

START_TEST(free_closes) {
    struct closing closing = {.answer = -EPERM};
    cede_coro *coro = make(answer_close, &closing);

    check_send(coro, NULL, 1, 0);
    ck_assert_ptr_null(cede_coro_free(coro));
    ck_assert_int_eq(closing.seen, -ECANCELED);
    ck_assert_ptr_null(cede_coro_free(make(three, NULL)));
    ck_assert_ptr_null(cede_coro_free(NULL));
}
END_TEST

static void free_stubborn(void *arg) {
    cede_coro *coro = make(catcher, NULL);

    (void)arg;
    cede_coro_send(coro, NULL, NULL);
    cede_coro_free(coro);
}

static cede_coro *self;

static int free_self(void *arg, void **ret_value) {
    (void)arg, (void)ret_value;
    cede_coro_free(self);
    return 0;
}

static void run_free_self(void *arg) {
    (void)arg;
    self = make(free_self, NULL);
    cede_coro_send(self, NULL, NULL);
}

START_TEST(what_cannot_be_freed_ends_the_process) {
    check_aborts(free_stubborn, NULL,
                 "coroutine \"catcher\" was freed, but yields instead of closing");
    check_aborts(run_free_self, NULL, "coroutine \"free_self\" was freed while it runs");
}
END_TEST

static int touch_self(void *arg, void **ret_value) {
    (void)arg, (void)ret_value;
    ck_assert_int_eq(cede_coro_state(self), CEDE_CORO_RUNNING);
    check_send(self, NULL, -EBUSY, 0);
    check_throw(self, -EIO, -EBUSY, 0);
    ck_assert_int_eq(cede_coro_close(self), -EBUSY);
    ck_assert_int_eq(cede_coro_delegate(self, NULL), -EBUSY);
    return 0;
}

START_TEST(a_running_one_is_busy) {
    self = make(touch_self, NULL);
    check_send(self, NULL, 0, 0);
    cede_coro_free(self);
}
END_TEST

/* The same from an inner coroutine, while the outer one waits for it. */
static int run_touch_self(void *arg, void **ret_value) {
    cede_coro *inner = make(touch_self, NULL);

    (void)arg, (void)ret_value;
    check_send(inner, NULL, 0, 0);
    cede_coro_free(inner);
    return 0;
}

START_TEST(one_that_waits_for_another_is_busy) {
    self = make(run_touch_self, NULL);
    check_send(self, NULL, 0, 0);
    cede_coro_free(self);
}
END_TEST

START_TEST(outside_of_all_there_is_nothing_to_yield_from) {
    void *sent = number(-99);
    cede_coro *coro;

    ck_assert_int_eq(cede_yield(NULL, &sent), -EINVAL);
    ck_assert_int_eq((intptr_t)sent, -99);
    coro = make(three, NULL);
    ck_assert_int_eq(cede_coro_delegate(coro, &sent), -EINVAL);
    ck_assert_int_eq((intptr_t)sent, -99);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FRESH);
    check_send(coro, NULL, 1, 1);
    ck_assert_int_eq(cede_yield(NULL, &sent), -EINVAL);
    cede_coro_free(coro);
}
END_TEST

START_TEST(misuse_of_new_is_refused) {
    cede_coro *coro = number(-99);
    struct cede_coro_options options = {.stack_size = 100};

    ck_assert_int_eq(cede_coro_new(&coro, NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_coro_new_with(&coro, three, NULL, &options), -EINVAL);
    options.stack_size = SIZE_MAX;
    ck_assert_int_eq(cede_coro_new_with(&coro, three, NULL, &options), -EINVAL);
    ck_assert_int_eq((intptr_t)coro, -99);
}
END_TEST

START_TEST(names_are_copied_and_cut) {
    char name[] = "a name of more than thirty-one bytes";
    struct cede_coro_options options = {.name = name};
    cede_coro *coro;

    ck_assert_int_eq(cede_coro_new(&coro, three, NULL), 0);
    ck_assert_str_eq(cede_coro_name(coro), "three");
    cede_coro_free(coro);
    ck_assert_int_eq(cede_coro_new_with(&coro, three, NULL, &options), 0);
    name[0] = 'X';
    ck_assert_str_eq(cede_coro_name(coro), "a name of more than thirty-one ");
    cede_coro_free(coro);
    ck_assert_int_eq(cede_coro_new_with(&coro, three, NULL, NULL), 0);
    ck_assert_str_eq(cede_coro_name(coro), "coroutine");
    cede_coro_free(coro);
}
END_TEST

static void *use_foreign(void *arg) {
    cede_coro *coro = arg;

    check_send(coro, NULL, -EPERM, 0);
    check_throw(coro, -EIO, -EPERM, 0);
    ck_assert_int_eq(cede_coro_close(coro), -EPERM);
    return NULL;
}

static void *free_foreign(void *arg) {
    cede_coro_free(arg);
    return NULL;
}

static void in_thread(void *(*fn)(void *), void *arg) {
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

static void free_in_thread(void *arg) {
    (void)arg;
    in_thread(free_foreign, make(three, NULL));
}

START_TEST(another_thread_may_not_touch_it) {
    cede_coro *coro = make(three, NULL);

    check_send(coro, NULL, 1, 1);
    in_thread(use_foreign, coro);
    check_send(coro, NULL, 1, 2);
    cede_coro_free(coro);
}
END_TEST

START_TEST(another_thread_may_not_free_it) {
    check_aborts(free_in_thread, NULL,
                 "coroutine \"three\" was freed on another thread than its own");
}
END_TEST

static void *use_own(void *arg) {
    cede_coro *coro = make(three, NULL);

    (void)arg;
    for (intptr_t i = 1; i <= 3; i++)
        check_send(coro, NULL, 1, i);
    cede_coro_free(coro);
    return NULL;
}

START_TEST(each_thread_has_its_own_coroutines) {
    pthread_t threads[8];

    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_own, NULL), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}
END_TEST

/* Sends to a coroutine that does the same, down to the innermost, which yields to the one above it;
 * then all return, each adding one. */
static int nest(void *arg, void **ret_value) {
    intptr_t depth = (intptr_t)arg;
    cede_coro *inner;
    void *value = NULL;

    if (depth == 1) {
        ck_assert_int_eq(cede_yield(NULL, NULL), 0);
    } else {
        inner = make(nest, number(depth - 1));
        check_send(inner, NULL, 1, 0);
        ck_assert_int_eq(cede_yield(NULL, NULL), 0);
        ck_assert_int_eq(cede_coro_send(inner, NULL, &value), 0);
        cede_coro_free(inner);
    }
    *ret_value = number((intptr_t)value + 1);
    return 0;
}

START_TEST(a_thousand_deep) {
    cede_coro *coro = make(nest, number(1000));

    check_send(coro, NULL, 1, 0);
    check_send(coro, NULL, 0, 1000);
    cede_coro_free(coro);
}
END_TEST

START_TEST(a_stack_serves_one_after_another) {
    for (int i = 0; i < 10000; i++) {
        cede_coro *coro = make(three, NULL);

        check_send(coro, NULL, 1, 1);
        if (i % 2 == 0)
            check_throw(coro, -EIO, -EIO, 0);
        cede_coro_free(coro);
    }
}
END_TEST

CEDE_CHECK_MAIN("coro", values_come_out_and_then_the_return_value, values_go_in,
                a_fresh_one_takes_no_value, what_is_raised_comes_out, a_thrown_error_may_be_caught,
                a_thrown_error_may_come_back, throwing_into_a_fresh_one_ends_it_unrun,
                only_errors_can_be_thrown, close_throws_canceled, closing_a_fresh_one_ends_it_unrun,
                yielding_while_being_closed_is_an_error, free_closes,
                what_cannot_be_freed_ends_the_process, a_running_one_is_busy,
                one_that_waits_for_another_is_busy, outside_of_all_there_is_nothing_to_yield_from,
                misuse_of_new_is_refused, names_are_copied_and_cut, another_thread_may_not_touch_it,
                another_thread_may_not_free_it, each_thread_has_its_own_coroutines, a_thousand_deep,
                a_stack_serves_one_after_another)
