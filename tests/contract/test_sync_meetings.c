/* Barriers and once. */
#include "support/actors.h"

static struct cede_barrier barrier;
static struct cede_once once;

/* --- Barriers -------------------------------------------------------------------------------- */

static int meet(void *arg) {
    (void)arg;
    return cede_barrier_wait(&barrier);
}

START_TEST(a_barrier_is_for_somebody) {
    ck_assert_int_eq(cede_barrier_init(&barrier, 0), -EINVAL);
    ck_assert_int_eq(cede_barrier_init(&barrier, (size_t)INT_MAX + 1), -EINVAL);
    ck_assert_int_eq(cede_barrier_init(&barrier, 2), 0);
    ck_assert_uint_eq(cede_barrier_parties(&barrier), 2);
    ck_assert_int_eq(cede_barrier_wait(&barrier), -EPERM);
}
END_TEST

TASK_TEST(a_barrier_of_one_stops_nobody) {
    ck_assert_int_eq(cede_barrier_init(&barrier, 1), 0);
    ck_assert_int_eq(cede_barrier_wait(&barrier), 0);
    ck_assert_int_eq(cede_barrier_wait(&barrier), 0);
}

TASK_TEST(all_go_on_when_the_last_has_come_round_after_round) {
    ck_assert_int_eq(cede_barrier_init(&barrier, 3), 0);
    for (int round = 0; round < 3; round++) {
        cede_task *first = go(meet, NULL), *second = go(meet, NULL);

        ck_assert_uint_eq(cede_barrier_waiting(&barrier), 2);
        ck_assert_str_eq(cede_task_waits_for(first), "others at a barrier");
        ck_assert_int_eq(cede_barrier_wait(&barrier), 2);
        ck_assert_uint_eq(cede_barrier_waiting(&barrier), 0);
        ck_assert_int_eq(end_of(first), 0);
        ck_assert_int_eq(end_of(second), 1);
    }
}

TASK_TEST(who_is_cancelled_is_not_counted_and_indices_differ) {
    cede_task *first, *second, *third;

    ck_assert_int_eq(cede_barrier_init(&barrier, 3), 0);
    first = go(meet, NULL);
    second = go(meet, NULL);
    ck_assert_int_eq(cancelled_end_of(first), -ECANCELED);
    ck_assert(!cede_barrier_broken(&barrier));
    third = go(meet, NULL);
    ck_assert(!ended(second));
    ck_assert_int_eq(cede_barrier_wait(&barrier), 2);
    ck_assert_int_eq(end_of(second), 0);
    ck_assert_int_eq(end_of(third), 1);
}

TASK_TEST(a_reset_sends_away_who_waits_and_begins_anew) {
    cede_task *first, *second;

    ck_assert_int_eq(cede_barrier_init(&barrier, 2), 0);
    first = go(meet, NULL);
    cede_barrier_reset(&barrier);
    second = go(meet, NULL);
    ck_assert_int_eq(end_of(first), -ESHUTDOWN);
    ck_assert_int_eq(cede_barrier_wait(&barrier), 1);
    ck_assert_int_eq(end_of(second), 0);
}

TASK_TEST(an_aborted_barrier_stays_broken_until_a_reset) {
    cede_task *task;

    ck_assert_int_eq(cede_barrier_init(&barrier, 2), 0);
    task = go(meet, NULL);
    cede_barrier_abort(&barrier);
    ck_assert(cede_barrier_broken(&barrier));
    ck_assert_int_eq(end_of(task), -ESHUTDOWN);
    ck_assert_int_eq(cede_barrier_wait(&barrier), -ESHUTDOWN);
    cede_barrier_reset(&barrier);
    ck_assert(!cede_barrier_broken(&barrier));
    task = go(meet, NULL);
    ck_assert_int_eq(cede_barrier_wait(&barrier), 1);
    ck_assert_int_eq(end_of(task), 0);
}

static struct cede_event event;

static int select_barrier_or_event(void *arg) {
    struct cede_op ops[2];
    int i;

    (void)arg;
    cede_op_barrier(&ops[0], &barrier);
    cede_op_event(&ops[1], &event);
    i = CEDE_SELECT(&ops[0], &ops[1]);
    ck_assert(!cede_op_done(&ops[0]));
    return i;
}

TASK_TEST(who_is_lost_in_his_set_is_not_there) {
    cede_task *absent, *waiting;

    cede_event_init(&event);
    ck_assert_int_eq(cede_barrier_init(&barrier, 2), 0);
    absent = go(select_barrier_or_event, NULL);
    ck_assert_int_eq(cede_spawn(NULL, meet, NULL, &waiting), 0);
    cede_event_set(&event); /* the one that waits at the barrier runs before the other */
    ck_assert_int_eq(end_of(absent), 1);
    ck_assert(!ended(waiting));
    ck_assert_int_eq(cede_barrier_wait(&barrier), 1);
    ck_assert_int_eq(end_of(waiting), 0);
}

/* --- Once ------------------------------------------------------------------------------------ */

static int runs;

static int slow_41(void *arg) {
    (void)arg;
    runs++;
    for (int i = 0; i < 20; i++) {
        int r = cede_task_yield();

        if (r < 0)
            return r;
    }
    return 41;
}

static int slow_error(void *arg) {
    int r = slow_41(arg);

    return r < 0 ? r : -EIO;
}

static int get_41(void *arg) {
    (void)arg;
    return cede_once_do(&once, slow_41, NULL);
}

static int get_error(void *arg) {
    (void)arg;
    return cede_once_do(&once, slow_error, NULL);
}

TASK_TEST(the_first_does_it_for_all) {
    cede_task *tasks[3];

    cede_once_init(&once);
    for (int i = 0; i < 3; i++)
        tasks[i] = go(get_41, NULL);
    ck_assert_uint_eq(cede_once_waiting(&once), 2);
    ck_assert_str_eq(cede_task_waits_for(tasks[1]), "what another task does once");
    ck_assert(!cede_once_done(&once));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(end_of(tasks[i]), 41);
    ck_assert(cede_once_done(&once));
    ck_assert_int_eq(get_41(NULL), 41);
    ck_assert_int_eq(runs, 1);
}

TASK_TEST(an_error_is_the_result_for_all_until_it_is_begun_anew) {
    cede_task *first, *second;

    cede_once_init(&once);
    first = go(get_error, NULL);
    second = go(get_41, NULL);
    ck_assert_int_eq(end_of(first), -EIO);
    ck_assert_int_eq(end_of(second), -EIO);
    ck_assert_int_eq(get_41(NULL), -EIO);
    cede_once_init(&once);
    ck_assert_int_eq(get_41(NULL), 41);
    ck_assert_int_eq(runs, 2);
}

TASK_TEST(a_cancel_of_the_first_lets_the_next_do_it) {
    cede_task *first, *second, *third;

    cede_once_init(&once);
    first = go(get_41, NULL);
    second = go(get_41, NULL);
    third = go(get_41, NULL);
    ck_assert_int_eq(cancelled_end_of(first), -ECANCELED);
    ck_assert_int_eq(end_of(third), 41);
    ck_assert_int_eq(end_of(second), 41);
    ck_assert_int_eq(runs, 2);
}

TASK_TEST(when_all_are_cancelled_a_later_call_does_it) {
    cede_task *first, *second;

    cede_once_init(&once);
    first = go(get_41, NULL);
    second = go(get_41, NULL);
    ck_assert_int_eq(cancelled_end_of(second), -ECANCELED);
    ck_assert_uint_eq(cede_once_waiting(&once), 0);
    ck_assert_int_eq(cancelled_end_of(first), -ECANCELED);
    ck_assert(!cede_once_done(&once));
    ck_assert_int_eq(get_41(NULL), 41);
}

static int says_cancelled(void *arg) {
    (void)arg;
    return -ECANCELED;
}

TASK_TEST(an_ecanceled_without_a_cancel_is_an_error_like_others) {
    cede_once_init(&once);
    ck_assert_int_eq(cede_once_do(&once, says_cancelled, NULL), -ECANCELED);
    ck_assert(cede_once_done(&once));
}

static int calls_itself(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_once_do(&once, calls_itself, NULL), -EDEADLK);
    return 0;
}

TASK_TEST(to_do_it_inside_of_itself_is_refused) {
    cede_once_init(&once);
    ck_assert_int_eq(cede_once_do(&once, calls_itself, NULL), 0);
    ck_assert_int_eq(get_41(NULL), 0);
}

START_TEST(outside_of_tasks_nothing_is_done) {
    cede_once_init(&once);
    ck_assert_int_eq(get_41(NULL), -EPERM);
    ck_assert_int_eq(runs, 0);
}
END_TEST

CEDE_CHECK_MAIN("sync_meetings", a_barrier_is_for_somebody, a_barrier_of_one_stops_nobody,
                all_go_on_when_the_last_has_come_round_after_round,
                who_is_cancelled_is_not_counted_and_indices_differ,
                a_reset_sends_away_who_waits_and_begins_anew,
                an_aborted_barrier_stays_broken_until_a_reset, who_is_lost_in_his_set_is_not_there,
                the_first_does_it_for_all, an_error_is_the_result_for_all_until_it_is_begun_anew,
                a_cancel_of_the_first_lets_the_next_do_it,
                when_all_are_cancelled_a_later_call_does_it,
                an_ecanceled_without_a_cancel_is_an_error_like_others,
                to_do_it_inside_of_itself_is_refused, outside_of_tasks_nothing_is_done)
