/* actors.h: tasks that a test starts, lets run until they wait, and asks how they ended. */
#ifndef CEDE_TESTS_ACTORS_H
#define CEDE_TESTS_ACTORS_H

#include "support/scene.h"

#include <errno.h>
#include <limits.h>

/* Starts a task and lets it run until it waits. */
__attribute__((unused)) static cede_task *go(cede_task_fn fn, const void *arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, fn, (void *)(uintptr_t)arg, &task), 0);
    settle();
    return task;
}

/* Waits for its end; returns what it returned. */
__attribute__((unused)) static int end_of(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    cede_task_unref(task);
    return result;
}

__attribute__((unused)) static bool ended(const cede_task *task) {
    settle();
    return cede_task_done(task, NULL);
}

/* Cancels it and waits for its end. */
__attribute__((unused)) static int cancelled_end_of(cede_task *task) {
    cede_task_cancel(task, -ECANCELED);
    return end_of(task);
}

/* Enters a scope that is cancelled already. */
__attribute__((unused)) static void enter_cancelled(struct cede_scope *scope) {
    cede_scope_enter(scope, CEDE_FOREVER);
    cede_scope_cancel(scope, -EINTR);
}

#endif
