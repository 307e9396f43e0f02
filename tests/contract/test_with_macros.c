#include "support/scene.h"

#include <errno.h>

#define LONG (3600 * CEDE_SECOND)

static int sleep_long(void *arg) {
    int r = cede_sleep(LONG);

    (void)arg;
    trace(r == -ECANCELED ? 'c' : '?');
    return r;
}

static int work(void *arg) {
    settle();
    trace('w');
    return (int)(intptr_t)arg;
}

/* The scope that was left is not there any more: it would be cancelled, or this would panic. */
static void ck_assert_left(void) {
    struct cede_scope scope;

    ck_assert(!cede_cancelled());
    cede_scope_enter(&scope, CEDE_FOREVER);
    ck_assert_ptr_null(scope.parent->parent->parent); /* the task's own, and the root */
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
}

/* --- Deadline --------------------------------------------------------------------------------- */

TASK_TEST(a_block_runs_once_and_keeps_its_result) {
    int r = 0;

    CEDE_WITH_DEADLINE(cede_after(LONG), &r) {
        trace('b');
        r = 7;
    }
    ck_assert_int_eq(r, 7);
    ck_assert_trace("b");
    ck_assert_left();
}

TASK_TEST(a_deadline_is_told_behind_the_block) {
    int r = 0;

    CEDE_WITH_DEADLINE(cede_after(CEDE_MILLISECOND), &r) {
        r = cede_sleep(LONG);
        ck_assert_int_eq(r, -ECANCELED);
    }
    ck_assert_int_eq(r, -ETIME);
    ck_assert_left();
}

TASK_TEST(break_leaves_the_scope) {
    int r = 0, rounds = 0;

    for (; rounds < 3; rounds++) {
        CEDE_WITH_DEADLINE(0, &r) {
            r = cede_sleep(LONG);
            if (r < 0)
                break;
            trace('?');
        }
        ck_assert_int_eq(r, -ETIME);
        ck_assert_left();
    }
    ck_assert_int_eq(rounds, 3); /* it was the block that was broken out of */
    ck_assert_trace("");
}

TASK_TEST(continue_leaves_the_scope) {
    int r = 0;

    CEDE_WITH_DEADLINE(cede_after(LONG), &r) {
        trace('b');
        r = 1;
        if (cede_task_yield() == 0)
            continue;
        trace('?');
    }
    ck_assert_int_eq(r, 1);
    ck_assert_trace("b");
    ck_assert_left();
}

static int return_from_deadline(void) {
    int r = 0;

    CEDE_WITH_DEADLINE(cede_after(CEDE_MILLISECOND), &r) {
        r = cede_sleep(LONG);
        return r;
    }
    return -EIO;
}

TASK_TEST(return_leaves_the_scope_with_what_it_had_computed) {
    ck_assert_int_eq(return_from_deadline(), -ECANCELED);
    ck_assert_left();
}

TASK_TEST(goto_leaves_the_scope) {
    int r = 0;

    CEDE_WITH_DEADLINE(0, &r) {
        r = cede_sleep(LONG);
        if (r < 0)
            goto out;
        trace('?');
    }
    trace('?');
out:
    ck_assert_int_eq(r, -ETIME);
    ck_assert_trace("");
    ck_assert_left();
}

TASK_TEST(of_nested_blocks_the_right_one_is_blamed) {
    int outer = 0, inner = 0;

    CEDE_WITH_DEADLINE(cede_after(CEDE_MILLISECOND), &outer) {
        CEDE_WITH_DEADLINE(cede_after(LONG), &inner) {
            inner = cede_sleep(LONG);
            if (inner < 0)
                break;
            trace('?');
        }
        ck_assert_int_eq(inner, -ECANCELED);
        ck_assert(cede_cancelled());
        outer = inner;
    }
    ck_assert_int_eq(outer, -ETIME);
    ck_assert_trace("");
    ck_assert_left();
}

/* --- Group ------------------------------------------------------------------------------------ */

TASK_TEST(a_group_is_awaited_behind_its_block) {
    int r = 0;

    CEDE_WITH_GROUP(workers, CEDE_FOREVER, &r) {
        for (int i = 0; i < 2 && r == 0; i++)
            r = cede_spawn(workers, work, NULL, NULL);
        trace('b');
    }
    ck_assert_int_eq(r, 0);
    ck_assert_trace("bww");
    ck_assert_left();
}

TASK_TEST(the_error_of_a_task_is_told_behind_the_block) {
    int r = 0;

    CEDE_WITH_GROUP(group, CEDE_FOREVER, &r) {
        ck_assert_int_eq(cede_spawn(group, sleep_long, NULL, NULL), 0);
        ck_assert_int_eq(cede_spawn(group, work, (void *)(intptr_t)-EPIPE, NULL), 0);
    }
    ck_assert_int_eq(r, -EPIPE);
    ck_assert_trace("wc");
    ck_assert_left();
}

TASK_TEST(break_with_success_lets_the_tasks_go_on) {
    int r = 0;

    CEDE_WITH_GROUP(group, CEDE_FOREVER, &r) {
        r = cede_spawn(group, work, NULL, NULL);
        if (r == 0)
            break;
        trace('?');
    }
    ck_assert_int_eq(r, 0);
    ck_assert_trace("w");
    ck_assert_left();
}

TASK_TEST(break_with_an_error_cancels_the_tasks) {
    int r = 0;

    CEDE_WITH_GROUP(group, CEDE_FOREVER, &r) {
        ck_assert_int_eq(cede_spawn(group, sleep_long, NULL, NULL), 0);
        settle();
        r = -EIO;
        break;
    }
    ck_assert_int_eq(r, -EIO);
    ck_assert_trace("c");
    ck_assert_left();
}

static int return_from_group(int value) {
    int r = 0;

    CEDE_WITH_GROUP(group, CEDE_FOREVER, &r) {
        ck_assert_int_eq(cede_spawn(group, sleep_long, NULL, NULL), 0);
        settle();
        return value;
    }
    return -EIO;
}

TASK_TEST(return_from_a_group_cancels_and_awaits_its_tasks) {
    ck_assert_int_eq(return_from_group(5), 5);
    ck_assert_trace("c");
    ck_assert_int_eq(return_from_group(-EINTR), -EINTR);
    ck_assert_trace("cc");
    ck_assert_left();
}

TASK_TEST(a_deadline_ends_a_group) {
    int r = 0;

    CEDE_WITH_GROUP(group, cede_after(CEDE_MILLISECOND), &r) {
        r = cede_spawn(group, sleep_long, NULL, NULL);
    }
    ck_assert_int_eq(r, -ETIME);
    ck_assert_trace("c");
    ck_assert_left();
}

static int return_from_both(void) {
    int outer = 0, inner = 0;

    CEDE_WITH_DEADLINE(cede_after(LONG), &outer) {
        CEDE_WITH_GROUP(group, CEDE_FOREVER, &inner) {
            ck_assert_int_eq(cede_spawn(group, sleep_long, NULL, NULL), 0);
            settle();
            return 3;
        }
    }
    return -EIO;
}

TASK_TEST(return_through_two_blocks_leaves_both) {
    ck_assert_int_eq(return_from_both(), 3);
    ck_assert_trace("c");
    ck_assert_left();
}

CEDE_CHECK_MAIN("with_macros", a_block_runs_once_and_keeps_its_result,
                a_deadline_is_told_behind_the_block, break_leaves_the_scope,
                continue_leaves_the_scope, return_leaves_the_scope_with_what_it_had_computed,
                goto_leaves_the_scope, of_nested_blocks_the_right_one_is_blamed,
                a_group_is_awaited_behind_its_block, the_error_of_a_task_is_told_behind_the_block,
                break_with_success_lets_the_tasks_go_on, break_with_an_error_cancels_the_tasks,
                return_from_a_group_cancels_and_awaits_its_tasks, a_deadline_ends_a_group,
                return_through_two_blocks_leaves_both)
