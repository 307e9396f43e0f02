/* cede/with.h: scopes and groups as blocks, which cannot be left without leaving them properly.
 *
 *     int r = 0;
 *
 *     CEDE_WITH_DEADLINE(cede_after(2 * CEDE_SECOND), &r) {
 *         r = connect_somewhere();
 *         if (r < 0)
 *             break;
 *         r = talk();
 *     }
 *     // r is -ETIME if the two seconds were what ended it
 *
 *     CEDE_WITH_GROUP(group, CEDE_FOREVER, &r) {
 *         r = cede_spawn(group, work, NULL, NULL);
 *     }
 *     // all tasks have ended; r is the first error
 *
 * The block runs once. At its end, and on `break` and `continue`, which both mean this block, the
 * scope or group is left with what the variable holds as its result, and the variable then holds
 * what leaving returned.
 *
 * `return` and `goto` out of the block leave it as well. A group's tasks are then cancelled before
 * they are awaited, since nobody is left to say that they should go on. A value that is returned
 * was computed before that: -ECANCELED stays -ECANCELED, and a task's error is not seen. Where that
 * matters, use `break`, and return behind the block. What longjmp() skips is not left.
 *
 * The macros work in C and in C++, by the compiler's cleanup attribute.
 */
#ifndef CEDE_WITH_H
#define CEDE_WITH_H

#include <cede/base.h>
#include <cede/scope.h>
#include <cede/task.h>
#include <errno.h>
#include <string.h>

CEDE_BEGIN_DECLS

/* The members belong to the macros. */
struct cede__with_scope {
    struct cede_scope scope;
    int *result;
    bool entered;
    bool left;
};

struct cede__with_group {
    struct cede_group group;
    int *result;
    bool entered;
    bool left;
};

/* A scope is entered once its address is final. It is left when the outer `for` asks for the second
 * time whether the block begins; if it never does, the block was jumped out of, and the cleanup
 * leaves. */
static inline struct cede__with_scope cede__with_scope_init(int *result) {
    struct cede__with_scope with;

    memset(&with, 0, sizeof with);
    with.result = result;
    return with;
}

static inline struct cede_scope *cede__with_scope_enter(struct cede__with_scope *with,
                                                        uint64_t deadline) {
    cede_scope_enter(&with->scope, deadline);
    with->entered = true;
    return &with->scope;
}

static inline void cede__with_scope_leave(struct cede__with_scope *with) {
    if (with->entered && !with->left) {
        with->left = true;
        *with->result = cede_scope_leave(&with->scope, *with->result);
    }
}

static inline bool cede__with_scope_begins(struct cede__with_scope *with) {
    cede__with_scope_leave(with);
    return !with->entered;
}

static inline struct cede__with_group cede__with_group_init(int *result) {
    struct cede__with_group with;

    memset(&with, 0, sizeof with);
    with.result = result;
    return with;
}

static inline struct cede_group *cede__with_group_enter(struct cede__with_group *with,
                                                        uint64_t deadline) {
    cede_group_enter(&with->group, deadline);
    with->entered = true;
    return &with->group;
}

static inline void cede__with_group_leave(struct cede__with_group *with) {
    if (with->entered && !with->left) {
        with->left = true;
        *with->result = cede_group_leave(&with->group, *with->result);
    }
}

static inline bool cede__with_group_begins(struct cede__with_group *with) {
    cede__with_group_leave(with);
    return !with->entered;
}

static inline void cede__with_group_abandon(struct cede__with_group *with) {
    if (with->entered && !with->left)
        cede_scope_cancel(&with->group.scope, -ECANCELED);
    cede__with_group_leave(with);
}

CEDE_END_DECLS

#define CEDE__WITH_PASTE(a, b) a##b
#define CEDE__WITH_NAME(a, b) CEDE__WITH_PASTE(a, b)

/* `for` twice: the inner one is what `break` and `continue` leave, and the outer one then sees that
 * the block is at its end. */
#define CEDE__WITH(kind, cleanup_fn, name, with, deadline, ret_result)                             \
    for (struct cede__with_##kind with                                                             \
         __attribute__((cleanup(cleanup_fn))) = cede__with_##kind##_init(ret_result);              \
         cede__with_##kind##_begins(&with);)                                                       \
        for (struct cede_##kind *name = cede__with_##kind##_enter(&with, (deadline)); name;        \
             name = NULL)

/* Runs the block that follows in a scope with a deadline (absolute). ret_result: the address of the
 * int that holds the block's result. Must be in a task. Leaving never blocks or fails. */
#define CEDE_WITH_DEADLINE(deadline, ret_result)                                                   \
    CEDE__WITH(scope, cede__with_scope_leave, CEDE__WITH_NAME(cede__scope_, __LINE__),             \
               CEDE__WITH_NAME(cede__with_, __LINE__), deadline, ret_result)

/* Runs the block that follows in a group with a deadline (absolute, CEDE_FOREVER for none). The
 * macro declares a struct cede_group * of that name, for use in the block. ret_result as above.
 * Must be in a task. Leaving blocks until the group's tasks have ended. */
#define CEDE_WITH_GROUP(name, deadline, ret_result)                                                \
    CEDE__WITH(group, cede__with_group_abandon, name, CEDE__WITH_NAME(cede__with_, __LINE__),      \
               deadline, ret_result)

#endif
