/* base.h: assertions that stay on, and the few macros that every layer uses. */
#ifndef CEDE_SRC_BASE_H
#define CEDE_SRC_BASE_H

#include <cede/base.h>

#define CEDE_LIKELY(x) __builtin_expect(!!(x), 1)
#define CEDE_UNLIKELY(x) __builtin_expect(!!(x), 0)

#define cede__container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Thread-local variables of the library are few and small, so they fit the static block even when
 * the library is opened at run time; this model reads them without a call. */
#define CEDE_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/* A broken invariant inside the library: says so and aborts. The caller's mistakes are returned as
 * errors instead. */
_Noreturn __attribute__((format(printf, 1, 2), cold)) void cede__panic(const char *format, ...);
_Noreturn __attribute__((cold)) void cede__assert_failed(const char *what, const char *file,
                                                         int line);

#define CEDE_ASSERT(cond)                                                                          \
    (CEDE_LIKELY(cond) ? (void)0 : cede__assert_failed(#cond, __FILE__, __LINE__))

/* Writes one line, prefixed with "cede: ", to standard error in a single write. */
__attribute__((format(printf, 1, 2), cold)) void cede__report(const char *format, ...);

#endif
