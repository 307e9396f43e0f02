/* Task-locals, which are Python's context variables. */
#include "parity.h"

static const struct cede_local user = {.name = "user", .initial = "nobody"};

static void set(const char *name) {
    must(cede_local_set(&user, name));
}

static int tell(const char *name) {
    say("%s: %s", name, (const char *)cede_local_get(&user));
    return 0;
}

static int tell_in_task(void *arg) {
    return tell(arg);
}

static int change(void *arg) {
    set(arg);
    must(cede_task_yield());
    return tell(arg);
}

static void join(cede_task *task) {
    must(cede_join(task, NULL));
    cede_task_unref(task);
}

static int a_local_has_a_value_at_first(void *arg) {
    (void)arg;
    tell("main");
    set("ada");
    return tell("main");
}

static int a_task_inherits_at_the_spawn(void *arg) {
    cede_task *task;

    (void)arg;
    set("ada");
    task = go(tell_in_task, "child");
    set("eve");
    join(task);
    return tell("main");
}

static int a_child_changes_only_its_own(void *arg) {
    (void)arg;
    set("ada");
    join(go(change, "child"));
    return tell("main");
}

static int siblings_do_not_see_each_other(void *arg) {
    cede_task *tasks[] = {go(change, "a"), go(change, "b"), go(change, "c")};

    (void)arg;
    for (int i = 0; i < 3; i++)
        join(tasks[i]);
    return 0;
}

static int child(void *arg) {
    (void)arg;
    set("eve");
    join(go(tell_in_task, "grandchild"));
    return 0;
}

static int a_grandchild_inherits_from_its_parent(void *arg) {
    (void)arg;
    set("ada");
    join(go(child, NULL));
    return tell("main");
}

static int a_change_can_be_taken_back(void *arg) {
    struct cede_locals_frame frame;

    (void)arg;
    set("ada");
    cede_locals_enter(&frame);
    set("eve");
    tell("inside");
    cede_locals_leave(&frame);
    return tell("after");
}

static void tell_alone(void *arg) {
    (void)arg;
    say("%s", (const char *)cede_local_get(&user));
}

static int callbacks_and_locals(void *arg) {
    (void)arg;
    set("ada");
    must(cede_loop_call_soon(cede_loop_current(), tell_alone, NULL, NULL));
    settle();
    return 0;
}

PARITY_MAIN(TASK_SCENARIO(a_local_has_a_value_at_first),
            TASK_SCENARIO(a_task_inherits_at_the_spawn),
            TASK_SCENARIO(a_child_changes_only_its_own),
            TASK_SCENARIO(siblings_do_not_see_each_other),
            TASK_SCENARIO(a_grandchild_inherits_from_its_parent),
            TASK_SCENARIO(a_change_can_be_taken_back), TASK_SCENARIO(callbacks_and_locals))
