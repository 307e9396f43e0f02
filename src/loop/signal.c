/* signal.c: signals become callbacks of the loop. The handler only marks the signal and wakes the
 * loop; everything else happens in the loop's context. Dispositions belong to the process, so the
 * table does too, and an entry belongs to one loop. */
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

struct entry {
    _Atomic(struct cede_loop *) loop;
    cede_callback fn;
    void *arg;
    bool held; /* the loop waits for it */
    atomic_bool came;
    atomic_uint handlers; /* that run now, in any thread, and may hold `loop` */
};

static struct entry entries[NSIG];
static pthread_mutex_t entries_lock = PTHREAD_MUTEX_INITIALIZER; /* taking and leaving entries */

static void on_signal(int signal) {
    struct entry *entry = &entries[signal];
    struct cede_loop *loop;
    int saved = errno;

    atomic_fetch_add(&entry->handlers, 1);
    loop = atomic_load(&entry->loop);
    if (loop) {
        atomic_store(&entry->came, true);
        atomic_store(&loop->signalled, true);
        loop->ops->wake(loop->backend);
    }
    atomic_fetch_sub(&entry->handlers, 1);
    errno = saved;
}

static int take_entry(struct cede_loop *loop, int signal) {
    struct entry *entry = &entries[signal];
    int r;

    if (atomic_load(&entry->loop))
        return -EBUSY;
    atomic_store(&entry->came, false);
    atomic_store(&entry->loop, loop);
    entry->held = false;
    r = loop->kernel->set_signal(signal, on_signal);
    if (r < 0)
        atomic_store(&entry->loop, NULL);
    return r;
}

static int add(struct cede_loop *loop, int signal, cede_callback fn, void *arg, bool hold) {
    struct entry *entry = &entries[signal];
    int r = 0;

    pthread_mutex_lock(&entries_lock);
    if (atomic_load(&entry->loop) != loop)
        r = take_entry(loop, signal);
    if (r == 0) {
        entry->fn = fn;
        entry->arg = arg;
        if (hold && !entry->held)
            cede_loop_hold(loop);
        entry->held |= hold;
    }
    pthread_mutex_unlock(&entries_lock);
    return r;
}

int cede_loop_add_signal(cede_loop *loop, int signal, cede_callback fn, void *arg) {
    if (!loop || !fn || signal <= 0 || signal >= NSIG)
        return -EINVAL;
    if (loop != cede__loop)
        return -EPERM;
    return add(loop, signal, fn, arg, true);
}

int cede__signal_add_unheld(struct cede_loop *loop, int signal, cede_callback fn, void *arg) {
    return add(loop, signal, fn, arg, false);
}

/* fn: only if this is its function; NULL: in any case. */
static bool remove_signal(struct cede_loop *loop, int signal, cede_callback fn) {
    struct entry *entry = &entries[signal];
    bool had = false;

    pthread_mutex_lock(&entries_lock);
    if (atomic_load(&entry->loop) == loop && (!fn || entry->fn == fn)) {
        loop->kernel->restore_signal(signal);
        atomic_store(&entry->loop, NULL);
        /* A handler that runs in another thread still has the loop, which may be freed next. One
         * that interrupts this thread is over when it goes on, so this ends. */
        while (atomic_load(&entry->handlers) > 0)
            loop->kernel->yield();
        if (entry->held)
            cede_loop_release(loop);
        had = true;
    }
    pthread_mutex_unlock(&entries_lock);
    return had;
}

bool cede_loop_remove_signal(cede_loop *loop, int signal) {
    if (!loop || loop != cede__loop || signal <= 0 || signal >= NSIG)
        return false;
    return remove_signal(loop, signal, NULL);
}

void cede__signal_remove_unheld(struct cede_loop *loop, int signal, cede_callback fn) {
    remove_signal(loop, signal, fn);
}

void cede__signals_run(struct cede_loop *loop) {
    if (!atomic_load_explicit(&loop->signalled, memory_order_relaxed) ||
        !atomic_exchange(&loop->signalled, false))
        return;
    for (int signal = 1; signal < NSIG; signal++) {
        struct entry *entry = &entries[signal];

        if (atomic_load(&entry->loop) == loop && atomic_exchange(&entry->came, false))
            entry->fn(entry->arg);
    }
}

void cede__signals_drop(struct cede_loop *loop) {
    for (int signal = 1; signal < NSIG; signal++)
        cede_loop_remove_signal(loop, signal);
}

/* No loop lives in the child, nor any other thread: it has the dispositions from before them. */
void cede__signals_forget(void) {
    for (int signal = 1; signal < NSIG; signal++) {
        struct cede_loop *loop = atomic_load(&entries[signal].loop);

        if (loop)
            loop->kernel->restore_signal(signal);
        atomic_store(&entries[signal].loop, NULL);
        atomic_store(&entries[signal].handlers, 0);
    }
    entries_lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
