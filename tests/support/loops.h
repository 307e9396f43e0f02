/* loops.h: a loop for a test, and callbacks that leave a trace. */
#ifndef CEDE_TESTS_LOOPS_H
#define CEDE_TESTS_LOOPS_H

#include "support/fds.h"

#include <cede/loop.h>
#include <errno.h>

static cede_loop *loop;
static int loop_fds_before;
static char trace[4096]; /* one letter for each callback that ran */
static size_t trace_length;

__attribute__((unused)) static void loop_open(void) {
    loop_fds_before = fds_open();
    ck_assert_int_eq(cede_loop_new(&loop, NULL), 0);
    trace_length = 0;
    trace[0] = '\0';
}

/* Closes it; no fd of the test or of the loop may be left. */
__attribute__((unused)) static void loop_close(void) {
    ck_assert_int_eq(cede_loop_close(loop), 0);
    ck_assert_ptr_null(cede_loop_current());
    ck_assert_int_eq(fds_open(), loop_fds_before);
}

/* Appends the letter that arg points to. */
__attribute__((unused)) static void note(void *arg) {
    ck_assert_uint_lt(trace_length, sizeof trace - 1);
    trace[trace_length++] = *(const char *)arg;
    trace[trace_length] = '\0';
}

__attribute__((unused)) static void stop(void *arg) {
    (void)arg;
    cede_loop_stop(loop);
}

__attribute__((unused)) static void soon(cede_callback fn, const void *arg) {
    ck_assert_int_eq(cede_loop_call_soon(loop, fn, (void *)(uintptr_t)arg, NULL), 0);
}

__attribute__((unused)) static void later(uint64_t duration_ns, cede_callback fn, const void *arg) {
    ck_assert_int_eq(cede_loop_call_later(loop, duration_ns, fn, (void *)(uintptr_t)arg, NULL), 0);
}

/* The same, with a reference to the handle. */
__attribute__((unused)) static cede_handle *soon_handle(cede_callback fn, const void *arg) {
    cede_handle *handle;

    ck_assert_int_eq(cede_loop_call_soon(loop, fn, (void *)(uintptr_t)arg, &handle), 0);
    return handle;
}

__attribute__((unused)) static cede_handle *at_handle(uint64_t deadline, cede_callback fn,
                                                      const void *arg) {
    cede_handle *handle;

    ck_assert_int_eq(cede_loop_call_at(loop, deadline, fn, (void *)(uintptr_t)arg, &handle), 0);
    return handle;
}

__attribute__((unused)) static void at(uint64_t deadline, cede_callback fn, const void *arg) {
    cede_handle_unref(at_handle(deadline, fn, arg));
}

/* Runs until nothing is left. */
__attribute__((unused)) static void run_out(void) {
    ck_assert_int_eq(cede_loop_run(loop), 1);
}

#endif
