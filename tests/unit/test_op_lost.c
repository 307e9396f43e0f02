#include "support/scene.h"

/* A kind that waits until the test completes it, and counts how often it was withdrawn. */
static int withdrawn;

static bool start(struct cede_op *op) {
    (void)op;
    return false;
}

static int withdraw(struct cede_op *op) {
    (void)op;
    withdrawn++;
    return 0;
}

static const struct cede_op_kind kind = {"the test", start, withdraw};

static struct cede_op first, second;

static int select_both(void *arg) {
    (void)arg;
    return CEDE_SELECT(&first, &second);
}

TASK_TEST(after_the_first_the_others_of_the_set_are_lost) {
    cede_task *task;
    int r;

    cede_op_init(&first, &kind, NULL);
    cede_op_init(&second, &kind, NULL);
    ck_assert_int_eq(cede_spawn(NULL, select_both, NULL, &task), 0);
    settle();
    ck_assert(!cede_op_lost(&first));
    ck_assert(!cede_op_lost(&second));
    cede_op_complete(&second, 7);
    ck_assert(cede_op_lost(&first));
    ck_assert_int_eq(withdrawn, 0);
    ck_assert_int_eq(cede_join(task, &r), 0);
    ck_assert_int_eq(r, 1);
    ck_assert_int_eq(withdrawn, 1);
    ck_assert(!cede_op_done(&first));
    ck_assert_int_eq(cede_op_result(&second), 7);
    cede_task_unref(task);
}

CEDE_CHECK_MAIN("op_lost", after_the_first_the_others_of_the_set_are_lost)
