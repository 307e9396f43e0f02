/* post.c: callbacks from other threads. Posts form a lock-free stack, newest first, that the loop
 * takes whole and turns round. Only the post that finds the stack empty wakes the loop: until the
 * loop takes them, later ones are seen with it. */
#include "base/alloc.h"
#include "loop/loop.h"

#include <errno.h>

void cede__post_push(struct cede_loop *loop, struct cede__post *post) {
    struct cede__post *first;

    atomic_fetch_add(&loop->posting, 1);
    first = atomic_load_explicit(&loop->posts, memory_order_relaxed);
    do
        post->next = first;
    while (!atomic_compare_exchange_weak(&loop->posts, &first, post));
    if (!first)
        loop->ops->wake(loop->backend);
    atomic_fetch_sub_explicit(&loop->posting, 1, memory_order_release);
}

int cede_loop_post(cede_loop *loop, cede_callback fn, void *arg) {
    struct cede__post *post;

    if (!loop || !fn)
        return -EINVAL;
    if (loop->generation != cede__generation)
        return -EPERM;
    post = cede__alloc(sizeof *post);
    if (!post)
        return -ENOMEM;
    *post = (struct cede__post){.fn = fn, .arg = arg};
    cede__post_push(loop, post);
    return 0;
}

static struct cede__post *take_all(struct cede_loop *loop) {
    struct cede__post *oldest = NULL, *post;

    if (!atomic_load_explicit(&loop->posts, memory_order_relaxed))
        return NULL;
    post = atomic_exchange(&loop->posts, NULL);
    while (post) {
        struct cede__post *next = post->next;

        post->next = oldest;
        oldest = post;
        post = next;
    }
    return oldest;
}

static void for_all(struct cede_loop *loop, bool run) {
    struct cede__post *post = take_all(loop);

    while (post) {
        struct cede__post done = *post;

        if (!post->lasting)
            cede__free(post);
        if (run)
            done.fn(done.arg);
        post = done.next;
    }
}

void cede__posts_run(struct cede_loop *loop) {
    for_all(loop, true);
}

/* A post may have run, and even have ended the loop, while its thread was still in the call: that
 * is over in a moment, and until then the loop has to stay. */
void cede__posts_drop(struct cede_loop *loop) {
    while (atomic_load_explicit(&loop->posting, memory_order_acquire) > 0)
        loop->kernel->yield();
    for_all(loop, false);
}
