/* cede/coro.h: coroutines, with the semantics of Python's generators. They need no loop.
 *
 * A coroutine is a function with a stack of its own that can stop in the middle, by cede_yield(),
 * and go on later, by cede_coro_send(). Whoever sends waits until the coroutine yields or ends;
 * control passes back and forth like in a call.
 *
 * Where Python raises, an error number is passed: a coroutine's function "raises" by returning
 * -errno, and cede_coro_throw() makes the cede_yield() that it is stopped at return one.
 * GeneratorExit is -ECANCELED, StopIteration out of turn is -ENODATA, RuntimeError is -EPROTO.
 *
 * Inside a task a coroutine may call everything that blocks: then the task waits, and with it the
 * coroutine, which counts as running until the call is over. A coroutine may be made in one task
 * and resumed in another, but never on another thread than the one that made it, and it must be
 * freed before that thread ends.
 */
#ifndef CEDE_CORO_H
#define CEDE_CORO_H

#include <cede/base.h>

CEDE_BEGIN_DECLS

typedef struct cede_coro cede_coro;

/* What a coroutine runs. It returns 0, having set *ret_value to its return value if it has one
 * (NULL otherwise), or -errno to raise an error. */
typedef int (*cede_coro_fn)(void *arg, void **ret_value);

struct cede_coro_options {
    const char *name;  /* for messages; the first 31 bytes are copied. NULL: "coroutine" */
    size_t stack_size; /* in bytes, 4 KiB to just below 1 GiB, rounded up; 0: 192 KiB */
};

enum cede_coro_state {
    CEDE_CORO_FRESH,     /* nothing was sent to it yet */
    CEDE_CORO_SUSPENDED, /* stopped in cede_yield() */
    CEDE_CORO_RUNNING,   /* running, or waiting for another one or for a blocking call */
    CEDE_CORO_FINISHED,  /* returned or raised */
};

/* Makes a coroutine that will run fn(arg), and stores it in *ret_coro; the caller owns it, and
 * frees it with cede_coro_free(). Nothing of fn runs yet. `options` may be NULL. -EINVAL: no fn, or
 * no such stack size; -ENOMEM: no memory or address space. Does not block. */
CEDE_PUBLIC int cede_coro_new_with(cede_coro **ret_coro, cede_coro_fn fn, void *arg,
                                   const struct cede_coro_options *options);

/* The same, with default options, named after the function as it is written in the call. */
#define cede_coro_new(ret_coro, fn, arg) cede_coro_new_named((ret_coro), (fn), (arg), #fn)

/* What cede_coro_new() stands for. */
static inline int cede_coro_new_named(cede_coro **ret_coro, cede_coro_fn fn, void *arg,
                                      const char *name) {
    struct cede_coro_options options = {name, 0};

    return cede_coro_new_with(ret_coro, fn, arg, &options);
}

/* Resumes a coroutine; the cede_yield() that it is stopped at returns 0 and gives it `value`. A
 * fresh one starts, and takes only NULL. Returns when it yields or ends:
 * 1: it yielded, and *ret_value is what;
 * 0: it returned, and *ret_value is its return value;
 * below 0: the error it raised (-EPROTO if that was -ENODATA, or what it returned was above 0), or
 * -EINVAL: a value for a fresh one; -EBUSY: it is running; -ENODATA: it had finished before;
 * -EPERM: it belongs to another thread.
 * ret_value may be NULL, and *ret_value is untouched on errors. */
CEDE_PUBLIC int cede_coro_send(cede_coro *coro, void *value, void **ret_value);

/* Resumes a coroutine by making the cede_yield() that it is stopped at return `error`, which is
 * below 0. A fresh one finishes without having run, and `error` is returned; so it is by a finished
 * one. Otherwise, and for its other errors, like cede_coro_send(). */
CEDE_PUBLIC int cede_coro_throw(cede_coro *coro, int error, void **ret_value);

/* Ends a coroutine by throwing -ECANCELED into it. 0: it returned, or raised -ECANCELED, or was
 * finished, or had not begun; -EPROTO: it yielded instead, and is still suspended; -EBUSY: it is
 * running; -EPERM: it belongs to another thread; otherwise the error that it raised. */
CEDE_PUBLIC int cede_coro_close(cede_coro *coro);

/* Closes a coroutine if need be, and frees it. Errors that it raises while closing are dropped. To
 * free one that runs, that yields instead of closing, or that belongs to another thread, ends the
 * process with a message. Accepts NULL and returns NULL. */
CEDE_PUBLIC cede_coro *cede_coro_free(cede_coro *coro);

/* Stops the coroutine that calls it; whoever resumed it receives `value`. Returns 0 when something
 * is sent, which is stored in *ret_sent (ret_sent may be NULL); the error when one is thrown in;
 * -EINVAL outside a coroutine. */
CEDE_PUBLIC int cede_yield(void *value, void **ret_sent);

/* Python's `yield from`: runs `inner` to its end within the calling coroutine. What inner yields is
 * yielded, what is sent or thrown in goes to inner, and a close closes it. Returns 0 and inner's
 * return value in *ret_value (which may be NULL; the value is NULL if inner had finished before);
 * the error that inner raised; -ECANCELED after inner was closed, or the error of closing it;
 * -EINVAL outside a coroutine; -EBUSY if inner is running; -EPERM if it is another thread's. The
 * caller still owns inner. */
CEDE_PUBLIC int cede_coro_delegate(cede_coro *inner, void **ret_value);

/* Where a coroutine is in its life. */
CEDE_PUBLIC enum cede_coro_state cede_coro_state(const cede_coro *coro);

/* What a coroutine is called. The text lives as long as it does. */
CEDE_PUBLIC const char *cede_coro_name(const cede_coro *coro);

CEDE_END_DECLS

#endif
