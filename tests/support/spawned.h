/* spawned.h: tasks that a test begins, lets run until they wait, and whose result it then takes. */
#ifndef CEDE_TESTS_SPAWNED_H
#define CEDE_TESTS_SPAWNED_H

#include "support/scene.h"

/* arg may be a literal: what the tests pass is only read through it, or is their own. */
__attribute__((unused)) static cede_task *spawned(cede_task_fn fn, const void *arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, fn, (void *)arg, &task), 0);
    settle();
    return task;
}

__attribute__((unused)) static int joined(cede_task *task) {
    int r = 1;

    ck_assert_int_eq(cede_join(task, &r), 0);
    cede_task_unref(task);
    return r;
}

#endif
