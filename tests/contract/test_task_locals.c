#include "support/failing_alloc.h"
#include "support/scene.h"

#include <errno.h>
#include <stdlib.h>

static const struct cede_local user = {.name = "user", .initial = "nobody"};
static const struct cede_local trace_id = {.name = "trace"};

static void trace_destroy(void *value) {
    trace(*(char *)value);
}

/* Values that tell when they are destroyed. */
static const struct cede_local traced = {.name = "traced", .destroy = trace_destroy};

static int numbers;

static int number_copy(const void *value, void **ret_copy) {
    int *copy = malloc(sizeof *copy);

    ck_assert_ptr_nonnull(copy);
    *copy = value ? *(const int *)value : 0;
    *ret_copy = copy;
    numbers++;
    return 0;
}

static void number_destroy(void *value) {
    free(value);
    numbers--;
}

static const struct cede_local number = {
    .name = "number", .copy = number_copy, .destroy = number_destroy};

static const char *user_now(void) {
    return cede_local_get(&user);
}

static void set_user(const char *name) {
    ck_assert_int_eq(cede_local_set(&user, name), 0);
}

static cede_task *spawn(cede_task_fn fn, const void *arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, fn, (void *)(uintptr_t)arg, &task), 0);
    return task;
}

static void await(cede_task *task) {
    int result;

    ck_assert_int_eq(cede_join(task, &result), 0);
    ck_assert_int_eq(result, 0);
    cede_task_unref(task);
}

/* --- Get and set ------------------------------------------------------------------------------ */

TASK_TEST(a_local_has_its_initial_value_until_it_is_set) {
    ck_assert_str_eq(user_now(), "nobody");
    ck_assert_ptr_null(cede_local_get(&trace_id));
    set_user("ada");
    ck_assert_str_eq(user_now(), "ada");
    ck_assert_ptr_null(cede_local_get(&trace_id));
    ck_assert_int_eq(cede_local_set(&trace_id, &numbers), 0);
    set_user("bob");
    ck_assert_str_eq(user_now(), "bob");
    ck_assert_ptr_eq(cede_local_get(&trace_id), &numbers);
    ck_assert_int_eq(cede_local_set(&user, NULL), 0);
    ck_assert_ptr_null(cede_local_get(&user));
}

START_TEST(outside_of_tasks_nothing_is_set) {
    void *value = &numbers;

    ck_assert_str_eq(user_now(), "nobody");
    ck_assert_int_eq(cede_local_set(&user, "ada"), -EPERM);
    ck_assert_int_eq(cede_local_edit(&number, &value), -EPERM);
    ck_assert_ptr_eq(value, &numbers);
}
END_TEST

/* --- Inheritance ------------------------------------------------------------------------------ */

static int expect_user(void *arg) {
    ck_assert_str_eq(user_now(), arg);
    return 0;
}

static int become(void *arg) {
    ck_assert_str_eq(user_now(), "ada");
    set_user(arg);
    settle();
    ck_assert_str_eq(user_now(), arg);
    await(spawn(expect_user, arg));
    return 0;
}

TASK_TEST(a_child_has_what_its_spawner_had_at_the_spawn) {
    cede_task *task;

    set_user("ada");
    task = spawn(expect_user, "ada");
    set_user("bob");
    await(task);
    await(spawn(expect_user, "bob"));
}

TASK_TEST(what_a_child_sets_others_do_not_see) {
    cede_task *one, *two;

    set_user("ada");
    one = spawn(become, "bob");
    two = spawn(become, "eve");
    settle();
    ck_assert_str_eq(user_now(), "ada");
    await(one);
    await(two);
    await(spawn(expect_user, "ada"));
}

static void callback(void *arg) {
    cede_task **task = arg;

    ck_assert_str_eq(user_now(), "nobody");
    *task = spawn(expect_user, "nobody");
}

TASK_TEST(a_callback_has_none_to_pass_on) {
    cede_task *task = NULL;

    set_user("ada");
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), callback, &task, NULL), 0);
    settle();
    ck_assert_ptr_nonnull(task);
    await(task);
}

/* --- Who destroys ----------------------------------------------------------------------------- */

static int set_traced(void *arg) {
    ck_assert_int_eq(cede_local_set(&traced, arg), 0);
    settle();
    trace('.');
    return 0;
}

static int carry(void *arg) {
    (void)arg;
    settle();
    trace('c');
    return 0;
}

TASK_TEST(a_value_is_destroyed_when_its_task_sets_another_or_ends) {
    await(spawn(set_traced, "1"));
    ck_assert_trace(".1");
    ck_assert_int_eq(cede_local_set(&traced, "2"), 0);
    ck_assert_int_eq(cede_local_set(&traced, "3"), 0);
    ck_assert_trace(".12");
}

TASK_TEST(the_last_that_carries_a_value_destroys_it) {
    cede_task *one, *two;

    ck_assert_int_eq(cede_local_set(&traced, "1"), 0);
    one = spawn(carry, NULL);
    two = spawn(set_traced, "2");
    ck_assert_int_eq(cede_local_set(&traced, "3"), 0);
    ck_assert_trace("");
    await(one);
    await(two);
    ck_assert_trace("c1.2");
}

static int end_unjoined(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_local_set(&traced, "1"), 0);
    return cede_sleep(CEDE_FOREVER) == -ECANCELED ? 0 : -EIO;
}

TASK_TEST(a_task_that_ends_lets_go_though_it_is_referred_to) {
    cede_task *task = spawn(end_unjoined, NULL);

    settle();
    ck_assert_trace("");
    cede_task_cancel(task, -ECANCELED);
    settle();
    ck_assert(cede_task_done(task, NULL));
    ck_assert_trace("1");
    cede_task_unref(task);
}

/* --- Values that are changed in place ----------------------------------------------------------
 */

static int *number_edit(void) {
    void *value = NULL;

    ck_assert_int_eq(cede_local_edit(&number, &value), 0);
    return value;
}

static int number_now(void) {
    const int *value = cede_local_get(&number);

    return value ? *value : -1;
}

static int add_ten(void *arg) {
    (void)arg;
    settle();
    *number_edit() += 10;
    ck_assert_int_eq(number_now(), 11);
    return 0;
}

static int all_edits(void *arg) {
    cede_task *task;
    int *mine = number_edit();

    (void)arg;
    ck_assert_int_eq(*mine, 0); /* of the initial value a copy was made */
    *mine = 1;
    ck_assert_ptr_eq(number_edit(), mine); /* nobody else has it */
    task = spawn(add_ten, NULL);
    ck_assert_ptr_ne(number_edit(), mine); /* the child does */
    *number_edit() = 2;
    await(task);
    ck_assert_int_eq(number_now(), 2);
    ck_assert_int_eq(numbers, 1);
    return 0;
}

START_TEST(who_edits_a_shared_value_gets_a_copy) {
    ck_assert_int_eq(cede_run(all_edits, NULL), 0);
    ck_assert_int_eq(numbers, 0);
}
END_TEST

static int refuse_copy(const void *value, void **ret_copy) {
    (void)value;
    (void)ret_copy;
    return -EMFILE;
}

TASK_TEST(a_value_that_cannot_be_copied_is_left_alone) {
    static const struct cede_local unique = {.name = "unique", .copy = refuse_copy};
    void *value = &value;

    ck_assert_int_eq(cede_local_edit(&user, &value), -ENOTSUP);
    ck_assert_int_eq(cede_local_edit(&unique, &value), -EMFILE);
    ck_assert_ptr_eq(value, &value);
    set_user("ada"); /* its own needs no copy */
    ck_assert_int_eq(cede_local_edit(&user, &value), 0);
    ck_assert_str_eq(value, "ada");
}

/* --- Frames ----------------------------------------------------------------------------------- */

TASK_TEST(leaving_a_frame_puts_everything_back) {
    struct cede_locals_frame outer, inner;

    cede_locals_enter(&outer);
    set_user("ada");
    ck_assert_int_eq(cede_local_set(&traced, "1"), 0);
    cede_locals_enter(&inner);
    set_user("bob");
    ck_assert_int_eq(cede_local_set(&traced, "2"), 0);
    ck_assert_trace("");
    cede_locals_leave(&inner);
    ck_assert_trace("2");
    ck_assert_str_eq(user_now(), "ada");
    ck_assert_str_eq(cede_local_get(&traced), "1");
    cede_locals_leave(&outer);
    ck_assert_trace("21");
    ck_assert_str_eq(user_now(), "nobody");
    ck_assert_ptr_null(cede_local_get(&traced));
}

TASK_TEST(a_task_spawned_in_a_frame_keeps_what_the_frame_had) {
    struct cede_locals_frame frame;
    cede_task *task;

    cede_locals_enter(&frame);
    set_user("ada");
    task = spawn(expect_user, "ada");
    cede_locals_leave(&frame);
    await(task);
}

static int leave(void *arg) {
    cede_locals_leave(arg);
    return 0;
}

static int leave_from_another(void *arg) {
    struct cede_locals_frame frame;

    (void)arg;
    cede_locals_enter(&frame);
    await(spawn(leave, &frame));
    return 0;
}

static void run_leave_from_another(void *arg) {
    cede_run(leave_from_another, arg);
}

START_TEST(only_its_task_leaves_a_frame) {
    check_aborts(run_leave_from_another, NULL, "not a frame of the running task");
}
END_TEST

/* --- Memory ----------------------------------------------------------------------------------- */

static void spawn_some(void) {
    for (int i = 0; i < 50; i++)
        await(spawn(expect_user, user_now()));
}

static int inherit_without_memory(void *arg) {
    (void)arg;
    spawn_some();
    set_user("ada");
    failing_alloc_arm(0, false);
    spawn_some();
    ck_assert_uint_eq(failing_alloc_calls(), 0);
    return 0;
}

START_TEST(inheriting_allocates_nothing) {
    failing_alloc_install();
    ck_assert_int_eq(cede_run(inherit_without_memory, NULL), 0);
}
END_TEST

static int set_all(void) {
    void *value = NULL;
    int r = cede_local_set(&user, "ada");

    if (r == 0)
        r = cede_local_set(&trace_id, &numbers);
    if (r == 0)
        r = cede_local_edit(&number, &value);
    ck_assert_int_eq(value != NULL, r == 0);
    return r;
}

/* Sets values within a frame, and others that replace them within a second one. */
static int set_all_twice(void) {
    struct cede_locals_frame frame;
    int before = -1, r = set_all();

    cede_locals_enter(&frame);
    if (r == 0) {
        before = number_now();
        r = cede_local_set(&user, "bob");
        ck_assert_str_eq(user_now(), r == 0 ? "bob" : "ada");
    }
    if (r == 0)
        r = set_all();
    cede_locals_leave(&frame);
    ck_assert_int_eq(number_now(), before);
    return r;
}

static int fail_each(void *arg) {
    size_t failures = 0, live = failing_alloc_live();
    int r;

    (void)arg;
    do {
        struct cede_locals_frame frame;

        cede_locals_enter(&frame);
        failing_alloc_arm(failures + 1, false);
        r = set_all_twice();
        ck_assert_int_eq(r, failing_alloc_disarm() ? -ENOMEM : 0);
        cede_locals_leave(&frame);
        ck_assert_uint_eq(failing_alloc_live(), live);
        ck_assert_str_eq(user_now(), "nobody");
        ck_assert_int_eq(numbers, 0);
    } while (r < 0 && ++failures < 100);
    ck_assert_uint_gt(failures, 6);
    ck_assert_int_eq(r, 0);
    return 0;
}

START_TEST(where_memory_fails_nothing_changes_and_nothing_is_left) {
    failing_alloc_install();
    ck_assert_int_eq(cede_run(fail_each, NULL), 0);
}
END_TEST

CEDE_CHECK_MAIN("task_locals", a_local_has_its_initial_value_until_it_is_set,
                outside_of_tasks_nothing_is_set, a_child_has_what_its_spawner_had_at_the_spawn,
                what_a_child_sets_others_do_not_see, a_callback_has_none_to_pass_on,
                a_value_is_destroyed_when_its_task_sets_another_or_ends,
                the_last_that_carries_a_value_destroys_it,
                a_task_that_ends_lets_go_though_it_is_referred_to,
                who_edits_a_shared_value_gets_a_copy, a_value_that_cannot_be_copied_is_left_alone,
                leaving_a_frame_puts_everything_back,
                a_task_spawned_in_a_frame_keeps_what_the_frame_had, only_its_task_leaves_a_frame,
                inheriting_allocates_nothing,
                where_memory_fails_nothing_changes_and_nothing_is_left)
