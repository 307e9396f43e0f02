/* cede/base.h: the conventions that every other header relies on.
 *
 * Functions return 0 or a count on success and -errno on failure; further outputs go through
 * trailing ret_x parameters, which are left untouched on failure. errno is never the channel: it
 * does not survive a switch between tasks. Destructors accept NULL. Times are nanoseconds of the
 * monotonic clock, as uint64_t.
 */
#ifndef CEDE_BASE_H
#define CEDE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#define CEDE_BEGIN_DECLS extern "C" {
#define CEDE_END_DECLS }
#else
#define CEDE_BEGIN_DECLS
#define CEDE_END_DECLS
#endif

#define CEDE_PUBLIC __attribute__((visibility("default")))

#define CEDE_MICROSECOND UINT64_C(1000)
#define CEDE_MILLISECOND UINT64_C(1000000)
#define CEDE_SECOND UINT64_C(1000000000)

/* A deadline that never passes, and a duration without end. */
#define CEDE_FOREVER UINT64_MAX

CEDE_BEGIN_DECLS

/* The library's version, as "0.1.0". Never blocks, never fails. */
CEDE_PUBLIC const char *cede_version(void);

/* One line for an error, given as -errno (or errno): what it means where the library returns it.
 * The text is static. Unknown numbers give "unknown error". Never blocks. */
CEDE_PUBLIC const char *cede_strerror(int error);

/* The error's symbolic name ("EAGAIN"), or "?" for a number that has none. Static text. */
CEDE_PUBLIC const char *cede_errname(int error);

/* The functions that the library takes memory from. They must be thread-safe, and follow the
 * contracts of malloc, realloc and free. */
struct cede_allocator {
    void *(*alloc)(size_t size, void *arg);
    void *(*realloc)(void *ptr, size_t size, void *arg);
    void (*free)(void *ptr, void *arg);
    void *arg;
};

/* Makes the library take its memory from *allocator (copied), or from the C library again when it
 * is NULL. To be called before anything else of the library holds memory: what one allocator gave
 * is never freed through another. Stacks are mapped and do not come from here. */
CEDE_PUBLIC void cede_set_allocator(const struct cede_allocator *allocator);

CEDE_END_DECLS

#endif
