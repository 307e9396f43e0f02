/* callback.c: callbacks for the end of a task or of a future.
 *
 * A callback is a watch, in the list of those who wait for that end, and a handle of the loop, for
 * which a place in the ready ring is kept from the beginning: so that the end cannot fail. Until
 * the end it belongs to the list, which holds the handle's only reference; then to the loop, which
 * drops the handle when it has run or when the loop is closed. The handle comes first, so that
 * freeing it frees the callback. */
#include "base/alloc.h"
#include "task/watch.h"

#include <errno.h>

struct callback {
    struct cede_handle handle; /* first */
    struct cede_op watch;
};

_Static_assert(offsetof(struct callback, handle) == 0, "freeing the handle frees the callback");

static void ended(struct cede_op *op) {
    cede__handle_push(&cede__container_of(op, struct callback, watch)->handle);
}

static const struct cede__watch_kind callback_kind = {{.what = "nothing"}, ended};

int cede__callback_add(struct cede_list *list, bool is_over, cede_callback fn, void *arg) {
    struct callback *callback;

    if (!fn)
        return -EINVAL;
    if (is_over)
        return cede_loop_call_soon(cede__loop, fn, arg, NULL);
    callback = cede__alloc(sizeof *callback);
    if (!callback)
        return -ENOMEM;
    if (cede__ready_reserve(cede__loop) < 0) {
        cede__free(callback);
        return -ENOMEM;
    }
    cede__handle_init(&callback->handle, cede__loop, fn, arg);
    cede__watch_begin(&callback->watch, &callback_kind, NULL, list);
    return 0;
}

/* The callback that an operation of the list is, or NULL. */
static struct callback *callback_of(struct cede_list *link) {
    struct cede_op *op = cede__container_of(link, struct cede_op, link);

    if (!cede__watch_is(op, &callback_kind))
        return NULL;
    return cede__container_of(op, struct callback, watch);
}

/* The place in the ready ring went with the loop, if that is closed. */
static void drop(struct callback *callback) {
    cede__list_remove(&callback->watch.link);
    if (callback->handle.loop == cede__loop)
        cede__ready_release(cede__loop);
    cede_handle_unref(&callback->handle);
}

size_t cede__callback_remove(struct cede_list *list, cede_callback fn, const void *arg) {
    size_t count = 0;

    cede__list_for_each(pos, tmp, list) {
        struct callback *callback = callback_of(pos);

        if (callback && callback->handle.fn == fn && callback->handle.arg == arg) {
            drop(callback);
            count++;
        }
    }
    return count;
}

void cede__callback_drop_all(struct cede_list *list) {
    cede__list_for_each(pos, tmp, list) {
        struct callback *callback = callback_of(pos);

        CEDE_ASSERT(callback); /* who waits holds a reference */
        drop(callback);
    }
}
