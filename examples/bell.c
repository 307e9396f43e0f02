/* A wait of one's own: a bell that tasks wait for, and that any of them may ring. Everything in the
 * library that blocks is written like this. */
#include <cede.h>

#include <stdio.h>

struct bell {
    struct cede_waiter *waiting;
};

/* The wait was cancelled: forget the waiter, which is about to vanish from its task's stack. */
static int leave(struct cede_waiter *waiter) {
    ((struct bell *)waiter->data)->waiting = NULL;
    return 0;
}

static int bell_wait(void *arg) {
    struct bell *bell = arg;
    struct cede_waiter waiter;

    cede_waiter_init(&waiter, leave, "a bell");
    waiter.data = bell;
    bell->waiting = &waiter;
    return cede_park(&waiter);
}

static void bell_ring(struct bell *bell) {
    struct cede_waiter *waiter = bell->waiting;

    bell->waiting = NULL;
    if (waiter)
        cede_wake(waiter, 0);
}

static int listener(void *arg) {
    int r = bell_wait(arg);

    printf("rung: %s\n", cede_strerror(r));
    r = cede_wait_for(bell_wait, arg, 20 * CEDE_MILLISECOND);
    printf("and again: %s\n", cede_strerror(r));
    return 0;
}

static int app(void *arg) {
    struct bell bell = {NULL};
    struct cede_group group;
    int r;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    r = cede_spawn(&group, listener, &bell, NULL);
    cede_task_yield(); /* now the listener waits */
    bell_ring(&bell);
    return cede_group_leave(&group, r);
}

int main(void) {
    return cede_run(app, NULL) < 0;
}
