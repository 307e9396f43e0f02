#include "coro/fiber.h"

CEDE_THREAD_LOCAL struct cede__fiber *cede__fiber_current;

#ifdef CEDE__ASAN
CEDE_THREAD_LOCAL struct cede__note *cede__note_left;
#endif

static CEDE_THREAD_LOCAL struct cede__fiber root;

struct cede__fiber *cede__fiber_root(void) {
    if (!cede__fiber_current) {
        cede__note_init_root(&root.note);
        cede__fiber_current = &root;
    }
    return &root;
}

struct start {
    void (*entry)(void *arg);
    void *arg;
};

static void begin(void *arg) {
    struct start *start = arg;

    cede__note_enter(&cede__fiber_current->note);
    start->entry(start->arg);
    cede__panic("the entry function of a fiber returned");
}

void cede__fiber_init(struct cede__fiber *fiber, void *top, size_t size, void (*entry)(void *arg),
                      void *arg) {
    struct start *start = (struct start *)top - 1;

    CEDE_ASSERT((uintptr_t)top % 16 == 0);
    CEDE_ASSERT(size >= 2048);
    cede__note_init(&fiber->note, (char *)top - size, size);
    cede__valgrind_usable((char *)top - 2048, 2048);
    start->entry = entry;
    start->arg = arg;
    fiber->top = NULL;
    fiber->sp = cede__switch_prepare(start, size - sizeof *start, begin, start, NULL);
}
