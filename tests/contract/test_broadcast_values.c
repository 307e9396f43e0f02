/* Broadcast and watch channels: who listens gets every value, or the latest. */
#include "support/failing_alloc.h"
#include "support/spawned.h"

#include <errno.h>

static cede_broadcast *news;

static void make(size_t capacity) {
    ck_assert_int_eq(cede_broadcast_new(&news, 1, capacity), 0);
}

static cede_subscription *subscribed(void) {
    cede_subscription *subscription;

    ck_assert_int_eq(cede_broadcast_subscribe(news, &subscription), 0);
    return subscription;
}

static void send_text(const char *text, int listeners) {
    for (; *text; text++)
        ck_assert_int_eq(cede_broadcast_send(news, text), listeners);
}

static void check_receives(cede_subscription *subscription, const char *text) {
    char c;

    for (; *text; text++) {
        ck_assert_int_eq(cede_broadcast_recv_nowait(subscription, &c), 0);
        ck_assert_int_eq(c, *text);
    }
    ck_assert_int_eq(cede_broadcast_recv_nowait(subscription, &c), -EAGAIN);
}

/* Receives one value, and traces it. */
static int recv_one(void *subscription) {
    char c;
    int r = cede_broadcast_recv(subscription, &c);

    if (r == 0)
        trace(c);
    return r;
}

START_TEST(senseless_sizes_are_refused) {
    cede_watch *watch = NULL;

    ck_assert_int_eq(cede_broadcast_new(&news, 0, 1), -EINVAL);
    ck_assert_int_eq(cede_broadcast_new(&news, 1, 0), -EINVAL);
    ck_assert_int_eq(cede_broadcast_new(&news, SIZE_MAX / 2, 3), -ENOMEM);
    ck_assert_int_eq(cede_watch_new(&watch, 0, ""), -EINVAL);
    ck_assert_int_eq(cede_watch_new(&watch, SIZE_MAX, ""), -ENOMEM);
    ck_assert_ptr_null(news);
    ck_assert_ptr_null(watch);
    ck_assert_ptr_null(cede_broadcast_unref(news));
    ck_assert_ptr_null(cede_watch_unref(watch));
    ck_assert_int_eq(cede_broadcast_unsubscribe(NULL), 0);
}
END_TEST

START_TEST(each_subscription_gets_all_from_its_beginning_on) {
    cede_subscription *early, *late;

    make(4);
    send_text("a", 0);
    early = subscribed();
    send_text("bc", 1);
    late = subscribed();
    send_text("d", 2);
    check_receives(early, "bcd");
    check_receives(late, "d");
    send_text("ef", 2);
    check_receives(late, "ef");
    ck_assert_int_eq(cede_broadcast_unsubscribe(late), 0);
    send_text("g", 1);
    check_receives(early, "efg");
    cede_broadcast_unref(news); /* the subscription keeps it */
    ck_assert_int_eq(cede_broadcast_unsubscribe(early), 0);
}
END_TEST

START_TEST(who_is_slow_is_told_how_many_it_missed) {
    cede_subscription *slow;
    char c = 'x';

    make(3);
    slow = subscribed();
    ck_assert_uint_eq(cede_broadcast_missed(slow), 0);
    send_text("abc", 1);
    check_receives(slow, "abc"); /* just in time */
    send_text("defgh", 1);
    ck_assert_int_eq(cede_broadcast_recv_nowait(slow, &c), -EOVERFLOW);
    ck_assert_int_eq(c, 'x');
    ck_assert_uint_eq(cede_broadcast_missed(slow), 2);
    check_receives(slow, "fgh");
    send_text("ijkl", 1);
    ck_assert_int_eq(cede_broadcast_recv_nowait(slow, &c), -EOVERFLOW);
    ck_assert_uint_eq(cede_broadcast_missed(slow), 1);
    send_text("m", 1);
    ck_assert_int_eq(cede_broadcast_recv_nowait(slow, &c), -EOVERFLOW);
    check_receives(slow, "klm");
    cede_broadcast_unsubscribe(slow);
    cede_broadcast_unref(news);
}
END_TEST

TASK_TEST(a_value_wakes_who_waits_in_each_subscription) {
    cede_subscription *one, *two;
    cede_task *tasks[3];

    make(1);
    one = subscribed();
    two = subscribed();
    tasks[0] = spawned(recv_one, one);
    tasks[1] = spawned(recv_one, two);
    tasks[2] = spawned(recv_one, two);
    ck_assert_int_eq(cede_broadcast_unsubscribe(two), -EBUSY);
    send_text("a", 2);
    ck_assert_int_eq(joined(tasks[0]), 0);
    ck_assert_int_eq(joined(tasks[1]), 0);
    ck_assert_trace("aa");
    send_text("b", 2);
    ck_assert_int_eq(joined(tasks[2]), 0);
    ck_assert_trace("aab");
    check_receives(one, "b");
    check_receives(two, "");
    cede_broadcast_unsubscribe(one);
    cede_broadcast_unsubscribe(two);
    cede_broadcast_unref(news);
}

TASK_TEST(after_the_close_what_is_left_is_received) {
    cede_subscription *busy, *waiting;
    cede_task *task;
    char c = 'x';

    make(2);
    busy = subscribed();
    send_text("ab", 1);
    waiting = subscribed();
    task = spawned(recv_one, waiting);
    ck_assert_int_eq(cede_broadcast_close(news), 0);
    ck_assert_int_eq(cede_broadcast_close(news), -EPIPE);
    ck_assert_int_eq(cede_broadcast_send(news, &c), -EPIPE);
    ck_assert_int_eq(joined(task), -EPIPE);
    ck_assert_int_eq(recv_one(busy), 0);
    ck_assert_int_eq(recv_one(busy), 0);
    ck_assert_trace("ab");
    ck_assert_int_eq(recv_one(busy), -EPIPE);
    cede_broadcast_unsubscribe(busy);
    cede_broadcast_unsubscribe(waiting);
    cede_broadcast_unref(news);
}

static int recv_either(void *arg) {
    cede_subscription **subscriptions = arg;
    struct cede_op first, second;
    char c[2];

    cede_op_broadcast_recv(&first, subscriptions[0], &c[0]);
    cede_op_broadcast_recv(&second, subscriptions[1], &c[1]);
    return CEDE_SELECT(&first, &second);
}

/* The value reaches both at once; the set takes it from one, and the other still has it. */
TASK_TEST(a_lost_or_cancelled_receive_takes_nothing) {
    cede_subscription *subscriptions[2];
    cede_task *task;

    make(2);
    subscriptions[0] = subscribed();
    subscriptions[1] = subscribed();
    task = spawned(recv_either, subscriptions);
    send_text("a", 2);
    ck_assert_int_eq(joined(task), 0);
    check_receives(subscriptions[0], "");
    check_receives(subscriptions[1], "a");
    task = spawned(recv_one, subscriptions[1]);
    cede_task_cancel(task, -EINTR);
    send_text("b", 2);
    ck_assert_int_eq(joined(task), -ECANCELED);
    check_receives(subscriptions[1], "b");
    cede_broadcast_unsubscribe(subscriptions[0]);
    cede_broadcast_unsubscribe(subscriptions[1]);
    cede_broadcast_unref(news);
}

struct looker {
    cede_watch *watch;
    uint64_t version;
    int value;
};

static int look(void *arg) {
    struct looker *looker = arg;

    return cede_watch_wait(looker->watch, &looker->version, &looker->value);
}

static void set(cede_watch *watch, int value) {
    ck_assert_int_eq(cede_watch_set(watch, &value), 0);
}

TASK_TEST(a_watch_has_the_latest_value) {
    struct looker looker = {0};
    int value = 1;

    ck_assert_int_eq(cede_watch_new(&looker.watch, sizeof value, &value), 0);
    ck_assert_int_eq(look(&looker), 0); /* the first is new to who has seen none */
    ck_assert_int_eq(looker.value, 1);
    ck_assert_uint_eq(looker.version, 1);
    set(looker.watch, 2);
    set(looker.watch, 3);
    ck_assert_int_eq(look(&looker), 0);
    ck_assert_int_eq(looker.value, 3);
    ck_assert_uint_eq(looker.version, 3);
    value = 0;
    ck_assert_uint_eq(cede_watch_get(looker.watch, &value), 3);
    ck_assert_int_eq(value, 3);
    ck_assert_ptr_eq(cede_watch_ref(looker.watch), looker.watch);
    cede_watch_unref(looker.watch);
    cede_watch_unref(looker.watch);
}

TASK_TEST(a_change_wakes_all_who_watch) {
    struct looker lookers[3] = {{.version = 1}, {.version = 1}, {.version = 1}};
    cede_task *tasks[3];
    cede_watch *watch;
    int value = 1;

    ck_assert_int_eq(cede_watch_new(&watch, sizeof value, &value), 0);
    for (int i = 0; i < 3; i++) {
        lookers[i].watch = watch;
        tasks[i] = spawned(look, &lookers[i]);
        ck_assert(!cede_task_done(tasks[i], NULL));
    }
    cede_task_cancel(tasks[1], -EINTR);
    set(watch, 1); /* the same value is a change, too */
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(joined(tasks[i]), i == 1 ? -ECANCELED : 0);
        ck_assert_uint_eq(lookers[i].version, i == 1 ? 1 : 2);
        ck_assert_int_eq(lookers[i].value, i == 1 ? 0 : 1);
    }
    cede_watch_unref(watch);
}

TASK_TEST(a_closed_watch_changes_no_more) {
    struct looker looker = {.version = 1};
    cede_task *task;
    int value = 1;

    ck_assert_int_eq(cede_watch_new(&looker.watch, sizeof value, &value), 0);
    task = spawned(look, &looker);
    ck_assert_int_eq(cede_watch_close(looker.watch), 0);
    ck_assert_int_eq(cede_watch_close(looker.watch), -EPIPE);
    ck_assert_int_eq(cede_watch_set(looker.watch, &value), -EPIPE);
    ck_assert_int_eq(joined(task), -EPIPE);
    ck_assert_int_eq(look(&looker), -EPIPE);
    looker.version = 0;
    ck_assert_int_eq(look(&looker), 0); /* what was not seen can still be */
    ck_assert_int_eq(looker.value, 1);
    cede_watch_unref(looker.watch);
}

static int unref_under_looker(void *arg) {
    struct looker looker = {.version = 1};

    (void)arg;
    cede_watch_new(&looker.watch, sizeof looker.value, &looker.value);
    spawned(look, &looker);
    cede_watch_unref(looker.watch);
    return 0;
}

static void run_unref_under_looker(void *arg) {
    cede_run(unref_under_looker, arg);
}

START_TEST(the_last_reference_under_a_looker_aborts) {
    check_aborts(run_unref_under_looker, NULL, "cede_watch_unref: the last reference is gone");
}
END_TEST

START_TEST(without_memory_there_is_none) {
    cede_subscription *subscription = NULL;
    cede_watch *watch = NULL;

    failing_alloc_install();
    failing_alloc_arm(1, true);
    ck_assert_int_eq(cede_broadcast_new(&news, 1, 1), -ENOMEM);
    ck_assert_int_eq(cede_watch_new(&watch, 1, ""), -ENOMEM);
    ck_assert_ptr_null(news);
    ck_assert_ptr_null(watch);
    failing_alloc_disarm();
    make(1);
    failing_alloc_arm(1, true);
    ck_assert_int_eq(cede_broadcast_subscribe(news, &subscription), -ENOMEM);
    ck_assert_ptr_null(subscription);
    send_text("a", 0);
    cede_broadcast_unref(news);
    ck_assert_uint_eq(failing_alloc_live(), 0);
}
END_TEST

CEDE_CHECK_MAIN("broadcast_values", senseless_sizes_are_refused,
                each_subscription_gets_all_from_its_beginning_on,
                who_is_slow_is_told_how_many_it_missed,
                a_value_wakes_who_waits_in_each_subscription,
                after_the_close_what_is_left_is_received, a_lost_or_cancelled_receive_takes_nothing,
                a_watch_has_the_latest_value, a_change_wakes_all_who_watch,
                a_closed_watch_changes_no_more, the_last_reference_under_a_looker_aborts,
                without_memory_there_is_none)
