#include "check_main.h"

#include <errno.h>

#include <cede/coro.h>

/* `yield from`, as PEP 380 describes it: through the outer coroutine everything reaches the inner.
 */

static void *number(intptr_t n) {
    return (void *)n;
}

static cede_coro *make(cede_coro_fn fn, void *arg) {
    cede_coro *coro = NULL;

    ck_assert_int_eq(cede_coro_new(&coro, fn, arg), 0);
    return coro;
}

/* What happened between the two: what inner was given, and what delegating gave the outer one. */
struct pair {
    cede_coro *inner;
    int inner_error;
    int result;
    intptr_t value;
    int close_answer;
};

/* Yields what it is sent, plus 100, and errors that it is thrown as they are, and returns 7 when it
 * is sent 0; a close it answers as `close_answer` says, by yielding if that is above 0. */
static int inner(void *arg, void **ret_value) {
    struct pair *pair = arg;
    intptr_t next = 100;

    for (;;) {
        void *sent = NULL;
        int r = cede_yield(number(next), &sent);

        if (r < 0)
            pair->inner_error = r;
        if (r == -ECANCELED && pair->close_answer <= 0)
            return pair->close_answer;
        if (r == -EPIPE)
            return r;
        if (r == 0 && !sent)
            break;
        next = r < 0 ? r : (intptr_t)sent + 100;
    }
    *ret_value = number(7);
    return 0;
}

static int outer(void *arg, void **ret_value) {
    struct pair *pair = arg;
    void *value = number(-99);

    pair->result = cede_coro_delegate(pair->inner, &value);
    pair->value = (intptr_t)value;
    if (pair->result < 0)
        return pair->result;
    *ret_value = number(pair->value + 1);
    return 0;
}

static cede_coro *start(struct pair *pair) {
    cede_coro *coro;
    void *value = NULL;

    pair->inner = make(inner, pair);
    coro = make(outer, pair);
    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 1);
    ck_assert_int_eq((intptr_t)value, 100);
    return coro;
}

static void finish(struct pair *pair, cede_coro *coro) {
    cede_coro_free(coro);
    cede_coro_free(pair->inner);
}

START_TEST(values_and_the_result_pass_through) {
    struct pair pair = {0};
    cede_coro *coro = start(&pair);
    void *value = NULL;

    for (intptr_t i = 1; i < 10; i++) {
        ck_assert_int_eq(cede_coro_send(coro, number(i), &value), 1);
        ck_assert_int_eq((intptr_t)value, i + 100);
    }
    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 0);
    ck_assert_int_eq((intptr_t)value, 8);
    ck_assert_int_eq(pair.value, 7);
    ck_assert_int_eq(cede_coro_state(pair.inner), CEDE_CORO_FINISHED);
    finish(&pair, coro);
}
END_TEST

START_TEST(errors_reach_the_inner_one) {
    struct pair pair = {0};
    cede_coro *coro = start(&pair);
    void *value = NULL;

    ck_assert_int_eq(cede_coro_throw(coro, -EIO, &value), 1);
    ck_assert_int_eq((intptr_t)value, -EIO);
    ck_assert_int_eq(pair.inner_error, -EIO);
    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 0);
    ck_assert_int_eq((intptr_t)value, 8);
    finish(&pair, coro);
}
END_TEST

START_TEST(what_the_inner_one_raises_comes_out) {
    struct pair pair = {0};
    cede_coro *coro = start(&pair);

    ck_assert_int_eq(cede_coro_throw(coro, -EPIPE, NULL), -EPIPE);
    ck_assert_int_eq(pair.result, -EPIPE);
    ck_assert_int_eq(pair.value, -99);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
    finish(&pair, coro);
}
END_TEST

START_TEST(closing_the_outer_one_closes_the_inner) {
    struct pair pair = {.close_answer = -ECANCELED};
    cede_coro *coro = start(&pair);

    ck_assert_int_eq(cede_coro_close(coro), 0);
    ck_assert_int_eq(pair.inner_error, -ECANCELED);
    ck_assert_int_eq(pair.result, -ECANCELED);
    ck_assert_int_eq(cede_coro_state(pair.inner), CEDE_CORO_FINISHED);
    finish(&pair, coro);
}
END_TEST

/* Python raises GeneratorExit in the outer generator even if the inner one returned on it. */
START_TEST(the_outer_one_is_cancelled_also_if_the_inner_returns) {
    struct pair pair = {.close_answer = 0};
    cede_coro *coro = start(&pair);

    ck_assert_int_eq(cede_coro_close(coro), 0);
    ck_assert_int_eq(pair.result, -ECANCELED);
    finish(&pair, coro);
}
END_TEST

START_TEST(an_error_on_closing_goes_first) {
    struct pair pair = {.close_answer = -EIO};
    cede_coro *coro = start(&pair);

    ck_assert_int_eq(cede_coro_close(coro), -EIO);
    ck_assert_int_eq(pair.result, -EIO);
    finish(&pair, coro);
}
END_TEST

START_TEST(an_inner_one_that_does_not_close_is_an_error) {
    struct pair pair = {.close_answer = 1};
    cede_coro *coro = start(&pair);

    ck_assert_int_eq(cede_coro_close(coro), -EPROTO);
    ck_assert_int_eq(pair.result, -EPROTO);
    ck_assert_int_eq(cede_coro_state(coro), CEDE_CORO_FINISHED);
    ck_assert_int_eq(cede_coro_state(pair.inner), CEDE_CORO_SUSPENDED);
    pair.close_answer = 0;
    finish(&pair, coro);
}
END_TEST

START_TEST(a_begun_one_goes_on) {
    struct pair pair = {0};
    void *value = NULL;
    cede_coro *coro;

    pair.inner = make(inner, &pair);
    ck_assert_int_eq(cede_coro_send(pair.inner, NULL, NULL), 1);
    coro = make(outer, &pair);
    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 0);
    ck_assert_int_eq((intptr_t)value, 8);
    finish(&pair, coro);
}
END_TEST

START_TEST(a_finished_one_gives_nothing) {
    struct pair pair = {0};
    void *value = NULL;
    cede_coro *coro;

    pair.inner = make(inner, &pair);
    ck_assert_int_eq(cede_coro_close(pair.inner), 0);
    coro = make(outer, &pair);
    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 0);
    ck_assert_int_eq(pair.result, 0);
    ck_assert_int_eq(pair.value, 0);
    ck_assert_int_eq((intptr_t)value, 1);
    finish(&pair, coro);
}
END_TEST

struct level {
    int depth;
    struct pair *pair;
};

/* Delegates to a level further in, down to `inner`. */
static int level(void *arg, void **ret_value) {
    struct level *this = arg;
    struct level next = {.depth = this->depth - 1, .pair = this->pair};
    cede_coro *coro = next.depth > 0 ? make(level, &next) : make(inner, this->pair);
    int r = cede_coro_delegate(coro, ret_value);

    cede_coro_free(coro);
    return r;
}

START_TEST(it_works_through_many_levels) {
    struct pair pair = {.close_answer = -ECANCELED};
    struct level first = {.depth = 200, .pair = &pair};
    cede_coro *coro = make(level, &first);
    void *value = NULL;

    ck_assert_int_eq(cede_coro_send(coro, NULL, &value), 1);
    for (intptr_t i = 1; i < 5; i++) {
        ck_assert_int_eq(cede_coro_send(coro, number(i), &value), 1);
        ck_assert_int_eq((intptr_t)value, i + 100);
    }
    ck_assert_int_eq(cede_coro_throw(coro, -EIO, &value), 1);
    ck_assert_int_eq((intptr_t)value, -EIO);
    ck_assert_int_eq(cede_coro_close(coro), 0);
    ck_assert_int_eq(pair.inner_error, -ECANCELED);
    cede_coro_free(coro);
}
END_TEST

CEDE_CHECK_MAIN("coro_delegate", values_and_the_result_pass_through, errors_reach_the_inner_one,
                what_the_inner_one_raises_comes_out, closing_the_outer_one_closes_the_inner,
                the_outer_one_is_cancelled_also_if_the_inner_returns,
                an_error_on_closing_goes_first, an_inner_one_that_does_not_close_is_an_error,
                a_begun_one_goes_on, a_finished_one_gives_nothing, it_works_through_many_levels)
