/* Coroutines below the tasks, which have the semantics of Python's generators. Values are numbers
 * in the clothes of pointers. */
#include "parity.h"

static cede_coro *generator;

static void *number(intptr_t n) {
    return (void *)n;
}

static void told(int r, void *value) {
    if (r == 1)
        say("yields %d", (int)(intptr_t)value);
    else if (r == 0 || r == -ENODATA)
        say("returns %d", (int)(intptr_t)value);
    else
        say("%s", outcome(r));
}

static void resume(cede_coro *coro, intptr_t n) {
    void *value = NULL;
    int r = cede_coro_send(coro, number(n), &value);

    told(r, value);
}

static void throw_in(int error) {
    void *value = NULL;
    int r = cede_coro_throw(generator, error, &value);

    told(r, value);
}

static void make(cede_coro_fn fn, void *arg) {
    must(cede_coro_new(&generator, fn, arg));
}

static void free_it(void) {
    generator = cede_coro_free(generator);
}

static int count(void *arg, void **ret_value) {
    (void)arg;
    for (intptr_t i = 1; i <= 2; i++) {
        void *sent = NULL;
        int r = cede_yield(number(i), &sent);

        if (r < 0)
            return r;
        say("is sent %d", (int)(intptr_t)sent);
    }
    *ret_value = number(3);
    return 0;
}

static int catch (void *arg, void **ret_value) {
    int r = cede_yield(number(1), NULL);

    (void)arg;
    (void)ret_value;
    if (r == -ECANCELED)
        return r;
    if (r < 0)
        say("catches %s", cede_errname(r));
    return cede_yield(number(2), NULL);
}

static int clean_up(void *arg, void **ret_value) {
    int r = cede_yield(number(1), NULL);

    (void)arg;
    (void)ret_value;
    say("cleans up");
    return r;
}

static int delegate(void *arg, void **ret_value) {
    void *value = NULL;
    int r = cede_coro_delegate(arg, &value);

    if (r < 0)
        return r;
    say("inner returned %s", value ? outcome((int)(intptr_t)value) : "None");
    *ret_value = number(9);
    return 0;
}

static void a_generator_is_run_to_its_end(void) {
    make(count, NULL);
    say("made");
    resume(generator, 0);
    resume(generator, 7);
    resume(generator, 8);
    free_it();
}

static void a_finished_generator_says_so(void) {
    make(count, NULL);
    for (int i = 0; i < 4; i++)
        resume(generator, 0);
    free_it();
}

static void a_fresh_generator_takes_nothing(void) {
    make(count, NULL);
    resume(generator, 1);
    resume(generator, 0);
    free_it();
}

static void an_error_is_thrown_in_and_caught(void) {
    make(catch, NULL);
    resume(generator, 0);
    throw_in(-EIO);
    resume(generator, 0);
    free_it();
}

static void an_error_that_is_not_caught_comes_back(void) {
    make(clean_up, NULL);
    resume(generator, 0);
    throw_in(-EPIPE);
    resume(generator, 0);
    free_it();
}

static void an_error_for_a_fresh_generator_comes_back(void) {
    make(clean_up, NULL);
    throw_in(-EPIPE);
    resume(generator, 0);
    free_it();
}

static void close_it(const char *text) {
    must(cede_coro_close(generator));
    say("%s", text);
}

static void close_runs_the_clean_up(void) {
    make(clean_up, NULL);
    resume(generator, 0);
    close_it("closed");
    close_it("closed again");
    free_it();
}

static void close_of_a_fresh_generator_runs_nothing(void) {
    make(clean_up, NULL);
    close_it("closed");
    free_it();
}

static int stubborn(void *arg, void **ret_value) {
    (void)arg;
    (void)ret_value;
    if (cede_yield(number(1), NULL) == -ECANCELED)
        return cede_yield(number(2), NULL);
    return 0;
}

static void a_generator_that_yields_during_close_is_refused(void) {
    make(stubborn, NULL);
    resume(generator, 0);
    say("%s", refused(cede_coro_close(generator)));
    resume(generator, 0);
    free_it();
}

static int suicide(void *arg, void **ret_value) {
    (void)arg;
    (void)ret_value;
    resume(generator, 0);
    return cede_yield(number(1), NULL);
}

static void a_generator_cannot_resume_itself(void) {
    make(suicide, NULL);
    resume(generator, 0);
    free_it();
}

static cede_coro *delegate_to(cede_coro_fn fn) {
    cede_coro *inner;

    must(cede_coro_new(&inner, fn, NULL));
    make(delegate, inner);
    return inner;
}

static void a_generator_delegates(void) {
    cede_coro *inner = delegate_to(count);

    resume(generator, 0);
    resume(generator, 7);
    resume(generator, 8);
    free_it();
    cede_coro_free(inner);
}

static void a_throw_reaches_the_inner_one(void) {
    cede_coro *inner = delegate_to(catch);

    resume(generator, 0);
    throw_in(-EIO);
    resume(generator, 0);
    free_it();
    cede_coro_free(inner);
}

static void a_close_reaches_the_inner_one(void) {
    cede_coro *inner = delegate_to(clean_up);

    resume(generator, 0);
    close_it("closed");
    free_it();
    cede_coro_free(inner);
}

static int raising(void *arg, void **ret_value) {
    (void)arg;
    (void)ret_value;
    return -EIO;
}

static void an_error_of_the_first_step_is_told(void) {
    make(raising, NULL);
    resume(generator, 0);
    free_it();
}

static void two_generators_take_turns(void) {
    cede_coro *other;

    make(count, NULL);
    must(cede_coro_new(&other, count, NULL));
    for (int i = 0; i < 3; i++) {
        resume(generator, 0);
        resume(other, 0);
    }
    free_it();
    cede_coro_free(other);
}

PARITY_MAIN(
    LOOP_SCENARIO(a_generator_is_run_to_its_end), LOOP_SCENARIO(a_finished_generator_says_so),
    LOOP_SCENARIO(a_fresh_generator_takes_nothing), LOOP_SCENARIO(an_error_is_thrown_in_and_caught),
    LOOP_SCENARIO(an_error_that_is_not_caught_comes_back),
    LOOP_SCENARIO(an_error_for_a_fresh_generator_comes_back),
    LOOP_SCENARIO(close_runs_the_clean_up), LOOP_SCENARIO(close_of_a_fresh_generator_runs_nothing),
    LOOP_SCENARIO(a_generator_that_yields_during_close_is_refused),
    LOOP_SCENARIO(a_generator_cannot_resume_itself), LOOP_SCENARIO(a_generator_delegates),
    LOOP_SCENARIO(a_throw_reaches_the_inner_one), LOOP_SCENARIO(a_close_reaches_the_inner_one),
    LOOP_SCENARIO(an_error_of_the_first_step_is_told), LOOP_SCENARIO(two_generators_take_turns))
