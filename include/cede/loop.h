/* cede/loop.h: the event loop: callbacks, timers, readiness, signals, posts from other threads.
 *
 * A thread has at most one loop, and a loop belongs to the thread that made it. cede_run()
 * (cede/task.h) makes one, runs a task on it and closes it: most programs need nothing from here.
 * Unless it says otherwise, a function may be called from the loop's own thread only; from another
 * one, and in a forked child, those that return an error give -EPERM.
 */
#ifndef CEDE_LOOP_H
#define CEDE_LOOP_H

#include <cede/base.h>
#include <cede/timer.h>

CEDE_BEGIN_DECLS

typedef struct cede_loop cede_loop;
typedef struct cede_handle cede_handle;
typedef void (*cede_callback)(void *arg);

struct cede_loop_options {
    const char *backend; /* "epoll" or "io_uring"; NULL: CEDE_BACKEND, else the best that runs */
};

/* Makes the thread's loop. options may be NULL. When the backend that was asked for does not run
 * here, the loop falls back to epoll and cede_loop_backend() tells why.
 * -EINVAL: no such backend; -EBUSY: the thread has a loop; -ENOMEM, -EMFILE. Never blocks. */
CEDE_PUBLIC int cede_loop_new(cede_loop **ret_loop, const struct cede_loop_options *options);

/* Closes the loop and frees it; callbacks that are still due are dropped. Accepts NULL.
 * -EBUSY: it runs, or operations, readers or tasks live on it. Never blocks, but lets posts that
 * other threads have begun come to their end. */
CEDE_PUBLIC int cede_loop_close(cede_loop *loop);

/* The thread's loop, or NULL. In a forked child the parent's loop is gone: NULL, and a new one may
 * be made. */
CEDE_PUBLIC cede_loop *cede_loop_current(void);

/* Runs until cede_loop_stop(). Returns 0 when stopped, 1 when nothing is left that could ever
 * happen (no callback, timer, reader, signal, operation or hold). -EBUSY: it runs already. */
CEDE_PUBLIC int cede_loop_run(cede_loop *loop);

/* Runs one pass: polls (waiting for something to happen if wait is true and nothing is ready),
 * then runs what is ready. Returns 0, or 1 when nothing is left that could ever happen. -EBUSY:
 * it runs already. */
CEDE_PUBLIC int cede_loop_run_once(cede_loop *loop, bool wait);

/* Makes cede_loop_run() return after the pass that runs now. What became ready during this pass
 * stays for the next run. May be called before the run, which then does one pass. */
CEDE_PUBLIC void cede_loop_stop(cede_loop *loop);

/* The backend that runs ("epoll", "io_uring") and, in *ret_why (may be NULL), one line that says
 * why it was chosen. Both texts live as long as the loop. */
CEDE_PUBLIC const char *cede_loop_backend(const cede_loop *loop, const char **ret_why);

/* Tells which backend a loop made now would use, and why, without making one that stays. `why` is
 * filled with one line of at most size bytes. Never blocks. */
CEDE_PUBLIC const char *cede_backend_probe(const char *wanted, char *why, size_t size);

/* Calls fn(arg) in the next pass, in the order of the calls. ret_handle may be NULL; otherwise it
 * receives a reference that the caller gives back by cede_handle_unref(). -ENOMEM. */
CEDE_PUBLIC int cede_loop_call_soon(cede_loop *loop, cede_callback fn, void *arg,
                                    cede_handle **ret_handle);

/* The same after duration_ns, or once the monotonic clock has reached deadline. */
CEDE_PUBLIC int cede_loop_call_later(cede_loop *loop, uint64_t duration_ns, cede_callback fn,
                                     void *arg, cede_handle **ret_handle);
CEDE_PUBLIC int cede_loop_call_at(cede_loop *loop, uint64_t deadline, cede_callback fn, void *arg,
                                  cede_handle **ret_handle);

/* Keeps a callback that has not run yet from running. Returns whether it did: false when it ran,
 * runs or was cancelled before. Accepts NULL. */
CEDE_PUBLIC bool cede_handle_cancel(cede_handle *handle);

/* Gives a reference back; the callback itself is not affected. Accepts NULL, returns NULL. */
CEDE_PUBLIC cede_handle *cede_handle_unref(cede_handle *handle);

/* Calls fn(arg) in each pass in which the fd can be read (written) without blocking, or has an
 * error or end of file to report. One reader and one writer an fd: a second call replaces the
 * function. The fd stays the caller's, who removes the reader before closing it.
 * -EBADF, -ENOMEM. */
CEDE_PUBLIC int cede_loop_add_reader(cede_loop *loop, int fd, cede_callback fn, void *arg);
CEDE_PUBLIC int cede_loop_add_writer(cede_loop *loop, int fd, cede_callback fn, void *arg);

/* Ends it; the function is not called again, even when the fd was ready already. Returns whether
 * there was one. */
CEDE_PUBLIC bool cede_loop_remove_reader(cede_loop *loop, int fd);
CEDE_PUBLIC bool cede_loop_remove_writer(cede_loop *loop, int fd);

/* Calls fn(arg) in the loop's context each time the signal has come (several that come together
 * are one call). Replaces the process's disposition of the signal until it is removed; a second
 * call for the same signal replaces the function. -EINVAL: a signal that cannot be caught;
 * -EBUSY: another loop has it. */
CEDE_PUBLIC int cede_loop_add_signal(cede_loop *loop, int signal, cede_callback fn, void *arg);

/* Restores the disposition that was there before. Returns whether the loop had the signal. */
CEDE_PUBLIC bool cede_loop_remove_signal(cede_loop *loop, int signal);

/* Calls fn(arg) on the loop's thread, in a pass to come, in the order of one thread's posts. May be
 * called from ANY THREAD while the loop lives; wakes the loop. What the post brings about may be
 * the loop's end: its close waits for the call to return. -ENOMEM. Never blocks. */
CEDE_PUBLIC int cede_loop_post(cede_loop *loop, cede_callback fn, void *arg);

/* While a hold is on it, the loop waits for posts even when nothing else could happen. To be taken
 * on the loop's thread before other threads get to know the loop. */
CEDE_PUBLIC void cede_loop_hold(cede_loop *loop);
CEDE_PUBLIC void cede_loop_release(cede_loop *loop);

CEDE_END_DECLS

#endif
