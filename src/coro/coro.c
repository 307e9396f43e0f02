/* Coroutines.
 *
 * Life. A coroutine's control block lies at the top of its own stack, below the stack's header, so
 * making one is one pop from the stack pool. Its state only ever goes
 *
 *     FRESH -> RUNNING <-> SUSPENDED, RUNNING -> FINISHED, FRESH -> FINISHED
 *
 * and it is FINISHED before its last switch, after which nothing runs on its stack again.
 *
 * Who waits for whom. The coroutines that run on a fiber form a chain: fiber->top is the innermost,
 * the one whose code runs; `outer` leads to the one that sent to it, and NULL to the fiber's own
 * code. All in the chain are RUNNING. To resume is to push onto the chain and switch, to yield is
 * to pop and switch back. If a body blocks, the task layer switches away from whatever stack it is
 * on and the chain stays with the fiber: its members are RUNNING, so nobody else can resume them.
 *
 * Where the two sides go on: `sp` while the coroutine is suspended, `sender_sp` while it runs. The
 * debugger finds its way to the sender through the latter.
 *
 * What they tell each other: `value` and `error` carry what is sent or thrown in on the way there,
 * and what is yielded, returned or raised on the way back.
 */
#include <cede/coro.h>

#include <errno.h>

#include "coro/fiber.h"
#include "coro/stack.h"

struct cede_coro {
    void *sp;
    void *sender_sp;
    struct cede_coro *outer;
    void *value;
    int error;
    enum cede_coro_state state;
    struct cede__fiber **home; /* where its thread has its current fiber: no other thread does */
    cede_coro_fn fn;
    void *arg;
    struct cede__stack *stack;
    struct cede__note note;
    char name[32];
} __attribute__((aligned(16)));

static void describe(const void *owner, char *buf, size_t size) {
    const cede_coro *coro = owner;

    cede__stack_text(buf, size, "coroutine \"");
    cede__stack_text(buf, size, coro->name);
    cede__stack_text(buf, size, "\"");
}

static struct cede__note *note_outside(struct cede__fiber *fiber, cede_coro *coro) {
    return coro->outer ? &coro->outer->note : &fiber->note;
}

/* Takes the running coroutine off the chain; the fiber is then, as far as the sanitizers are told,
 * on the stack of its sender. Returns that stack's note. */
static struct cede__note *chain_pop(struct cede__fiber *fiber, cede_coro *coro) {
    struct cede__note *outside = note_outside(fiber, coro);

    fiber->top = coro->outer;
    cede__note_set_running(&fiber->note, outside);
    return outside;
}

/* The errors that a function may raise leave those free that tell of the coroutine itself. */
static int raised(int r) {
    return r == -ENODATA || r > 0 ? -EPROTO : r;
}

/* What runs on a coroutine's stack. */
static void coro_main(void *arg) {
    cede_coro *coro = arg;
    void *value = NULL;

    cede__note_enter(&coro->note);
    coro->error = raised(coro->fn(coro->arg, &value));
    coro->value = value;
    coro->state = CEDE_CORO_FINISHED;
    CEDE_ASSERT(cede__fiber_current->top == coro);
    cede__note_leave_for_good(chain_pop(cede__fiber_current, coro));
    cede__switch(&coro->sp, coro->sender_sp);
    __builtin_unreachable();
}

static void coro_init(cede_coro *coro, struct cede__stack *stack, cede_coro_fn fn, void *arg,
                      const char *name) {
    size_t above = (size_t)((char *)cede__stack_top(stack) - (char *)coro);
    size_t size = cede__stack_size(stack);

    cede__note_init(&coro->note, (char *)cede__stack_top(stack) - size, size);
    coro->outer = NULL;
    coro->state = CEDE_CORO_FRESH;
    coro->home = &cede__fiber_current;
    coro->fn = fn;
    coro->arg = arg;
    coro->stack = stack;
    coro->name[0] = '\0';
    cede__stack_text(coro->name, sizeof coro->name, name);
    coro->sp = cede__switch_prepare(coro, size - above, coro_main, coro, &coro->sender_sp);
    cede__stack_set_owner(stack, coro, describe);
}

int cede_coro_new_with(cede_coro **ret_coro, cede_coro_fn fn, void *arg,
                       const struct cede_coro_options *options) {
    const char *name = options && options->name ? options->name : "coroutine";
    struct cede__stack *stack;
    cede_coro *coro;
    int r;

    if (!fn)
        return -EINVAL;
    cede__fiber_root();
    r = cede__stack_new(options ? options->stack_size : 0, &stack);
    if (r < 0)
        return r;
    coro = (cede_coro *)cede__stack_top(stack) - 1;
    cede__valgrind_usable((char *)coro - 2048, 2048 + sizeof *coro);
    coro_init(coro, stack, fn, arg, name);
    *ret_coro = coro;
    return 0;
}

/* Runs a coroutine until it yields or ends. */
static int resume(cede_coro *coro, void *value, int error, void **ret_value) {
    struct cede__fiber *fiber = cede__fiber_current;
    struct cede__note *here = cede__note_running(&fiber->note);

    CEDE_ASSERT(coro->state == CEDE_CORO_FRESH || coro->state == CEDE_CORO_SUSPENDED);
    coro->value = value;
    coro->error = error;
    coro->state = CEDE_CORO_RUNNING;
    coro->outer = fiber->top;
    fiber->top = coro;
    cede__note_set_running(&fiber->note, &coro->note);
    cede__note_leave(here, &coro->note);
    cede__switch(&coro->sender_sp, coro->sp);
    cede__note_enter(here);
    CEDE_ASSERT(coro->state != CEDE_CORO_RUNNING);
    if (coro->error < 0)
        return coro->error;
    if (ret_value)
        *ret_value = coro->value;
    return coro->state == CEDE_CORO_SUSPENDED;
}

/* 0 if the coroutine is this thread's and does not run. */
static int check_idle(const cede_coro *coro) {
    if (coro->home != &cede__fiber_current)
        return -EPERM;
    return coro->state == CEDE_CORO_RUNNING ? -EBUSY : 0;
}

int cede_coro_send(cede_coro *coro, void *value, void **ret_value) {
    int r = check_idle(coro);

    if (r < 0)
        return r;
    if (coro->state == CEDE_CORO_FINISHED)
        return -ENODATA;
    if (coro->state == CEDE_CORO_FRESH && value)
        return -EINVAL;
    return resume(coro, value, 0, ret_value);
}

int cede_coro_throw(cede_coro *coro, int error, void **ret_value) {
    int r = check_idle(coro);

    if (r < 0)
        return r;
    if (error >= 0)
        return -EINVAL;
    if (coro->state == CEDE_CORO_SUSPENDED)
        return resume(coro, NULL, error, ret_value);
    coro->state = CEDE_CORO_FINISHED;
    return error;
}

int cede_coro_close(cede_coro *coro) {
    int r = check_idle(coro);

    if (r < 0)
        return r;
    if (coro->state == CEDE_CORO_SUSPENDED)
        r = resume(coro, NULL, -ECANCELED, NULL);
    else
        coro->state = CEDE_CORO_FINISHED;
    if (r > 0)
        return -EPROTO;
    return r == -ECANCELED ? 0 : r;
}

cede_coro *cede_coro_free(cede_coro *coro) {
    int r;

    if (!coro)
        return NULL;
    r = check_idle(coro);
    if (r < 0)
        cede__panic("coroutine \"%s\" was freed %s", coro->name,
                    r == -EBUSY ? "while it runs" : "on another thread than its own");
    (void)cede_coro_close(coro);
    if (coro->state != CEDE_CORO_FINISHED)
        cede__panic("coroutine \"%s\" was freed, but yields instead of closing", coro->name);
    cede__note_destroy(&coro->note);
    cede__stack_free(coro->stack);
    return NULL;
}

int cede_yield(void *value, void **ret_sent) {
    struct cede__fiber *fiber = cede__fiber_current;
    cede_coro *coro = fiber ? fiber->top : NULL;

    if (!coro)
        return -EINVAL;
    coro->value = value;
    coro->error = 0;
    coro->state = CEDE_CORO_SUSPENDED;
    cede__note_leave(&coro->note, chain_pop(fiber, coro));
    cede__switch(&coro->sp, coro->sender_sp);
    cede__note_enter(&coro->note);
    CEDE_ASSERT(coro->state == CEDE_CORO_RUNNING);
    if (coro->error < 0)
        return coro->error;
    if (ret_sent)
        *ret_sent = coro->value;
    return 0;
}

/* Passes on to inner what came out of a yield: a value, an error, or the order to close. */
static int delegate_step(cede_coro *inner, int error, void *sent, void **ret_value) {
    int r;

    if (error == 0)
        return cede_coro_send(inner, sent, ret_value);
    if (error != -ECANCELED)
        return cede_coro_throw(inner, error, ret_value);
    r = cede_coro_close(inner);
    return r < 0 ? r : -ECANCELED;
}

int cede_coro_delegate(cede_coro *inner, void **ret_value) {
    struct cede__fiber *fiber = cede__fiber_current;
    void *value = NULL;
    int r;

    if (!fiber || !fiber->top)
        return -EINVAL;
    r = check_idle(inner);
    if (r == 0 && inner->state != CEDE_CORO_FINISHED)
        r = cede_coro_send(inner, NULL, &value);
    while (r > 0) {
        void *sent = NULL;
        int error = cede_yield(value, &sent);

        r = delegate_step(inner, error, sent, &value);
    }
    if (r == 0 && ret_value)
        *ret_value = value;
    return r;
}

enum cede_coro_state cede_coro_state(const cede_coro *coro) {
    return coro->state;
}

const char *cede_coro_name(const cede_coro *coro) {
    return coro->name;
}
