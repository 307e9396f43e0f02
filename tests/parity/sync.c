/* Locks, events, conditions, semaphores, barriers. */
#include "parity.h"

static struct cede_lock lock;
static struct cede_event event;
static struct cede_condition condition;
static struct cede_semaphore semaphore;
static struct cede_barrier barrier;
static int items;

/* One task for each letter of names, which is told it. */
static void start(cede_task_fn fn, const char *names, cede_task **tasks) {
    static const char *const letters[] = {"a", "b", "c", "d"};

    for (size_t i = 0; i < strlen(names); i++)
        tasks[i] = go(fn, letters[names[i] - 'a']);
}

static void join(cede_task **tasks, size_t n) {
    for (size_t i = 0; i < n; i++) {
        must(cede_join(tasks[i], NULL));
        cede_task_unref(tasks[i]);
    }
}

static void cancel(const char *name, cede_task *task) {
    cede_task_cancel(task, -ECANCELED);
    ended(name, task);
}

static void give(void) {
    must(cede_lock_release(&lock));
}

static void take(void) {
    must(cede_lock_acquire(&lock));
}

static const char *locked(void) {
    return yes(cede_lock_owner(&lock) != 0);
}

static int hold(void *arg) {
    int r = cede_lock_acquire(&lock);

    if (r < 0)
        return r;
    say("%s has it", (const char *)arg);
    must(cede_task_yield());
    say("%s gives it", (const char *)arg);
    give();
    return 0;
}

static int a_lock_is_had_in_the_order_of_arrival(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    cede_lock_init(&lock);
    start(hold, "abc", tasks);
    join(tasks, 3);
    say("locked: %s", locked());
    return 0;
}

static int who_releases_a_lock_does_not_overtake(void *arg) {
    cede_task *task;

    (void)arg;
    cede_lock_init(&lock);
    take();
    task = go(hold, "other");
    settle();
    give();
    take();
    say("main again");
    give();
    join(&task, 1);
    return 0;
}

static int a_cancelled_waiter_leaves_the_line(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    cede_lock_init(&lock);
    take();
    start(hold, "abc", tasks);
    settle();
    cancel("b", tasks[1]);
    give();
    join(&tasks[0], 1);
    join(&tasks[2], 1);
    return 0;
}

static int a_lock_that_is_not_held_is_not_released(void *arg) {
    (void)arg;
    cede_lock_init(&lock);
    say("%s", refused(cede_lock_release(&lock)));
    return 0;
}

static int take_only(void *arg) {
    (void)arg;
    take();
    return 0;
}

static int a_lock_of_another_is_not_released(void *arg) {
    cede_task *task;

    (void)arg;
    cede_lock_init(&lock);
    task = go(take_only, NULL);
    join(&task, 1);
    say("%s", refused(cede_lock_release(&lock)));
    return 0;
}

static int wait_event(void *arg) {
    int r = cede_event_wait(&event);

    if (r == 0)
        say("%s", (const char *)arg);
    return r;
}

static int an_event_wakes_all_in_order(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    cede_event_init(&event);
    start(wait_event, "abc", tasks);
    settle();
    cede_event_set(&event);
    say("set");
    join(tasks, 3);
    return 0;
}

static int an_event_that_is_cleared_at_once_has_woken(void *arg) {
    cede_task *tasks[2];

    (void)arg;
    cede_event_init(&event);
    start(wait_event, "ab", tasks);
    settle();
    cede_event_set(&event);
    cede_event_clear(&event);
    join(tasks, 2);
    say("set: %s", yes(cede_event_is_set(&event)));
    return 0;
}

static int an_event_that_is_set_does_not_block(void *arg) {
    cede_task *task;

    (void)arg;
    cede_event_init(&event);
    cede_event_set(&event);
    task = go(wait_event, "other");
    must(cede_event_wait(&event));
    say("main");
    join(&task, 1);
    return 0;
}

static int a_cancelled_wait_for_an_event(void *arg) {
    cede_task *tasks[2];

    (void)arg;
    cede_event_init(&event);
    start(wait_event, "ab", tasks);
    settle();
    cancel("a", tasks[0]);
    cede_event_set(&event);
    ended("b", tasks[1]);
    return 0;
}

static int wait_condition(void *arg) {
    take();
    must(cede_condition_wait(&condition));
    say("%s", (const char *)arg);
    give();
    return 0;
}

static void open_condition(void) {
    cede_lock_init(&lock);
    cede_condition_init(&condition, &lock);
}

static int notify_wakes_so_many(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_condition();
    start(wait_condition, "abc", tasks);
    settle();
    take();
    must(cede_condition_notify(&condition, 2));
    say("notified");
    give();
    settle();
    say("the rest");
    take();
    must(cede_condition_notify_all(&condition));
    give();
    join(tasks, 3);
    return 0;
}

static int notified_tasks_wait_for_the_lock(void *arg) {
    cede_task *tasks[2];

    (void)arg;
    open_condition();
    start(wait_condition, "ab", tasks);
    settle();
    take();
    must(cede_condition_notify_all(&condition));
    settle();
    say("main releases");
    give();
    join(tasks, 2);
    return 0;
}

static bool two_items(void *arg) {
    (void)arg;
    return items >= 2;
}

static int wait_for_two(void *arg) {
    (void)arg;
    take();
    must(cede_condition_wait_for(&condition, two_items, NULL));
    say("there are %d", items);
    give();
    return 0;
}

static int a_condition_asks_its_predicate(void *arg) {
    cede_task *task;

    (void)arg;
    open_condition();
    task = go(wait_for_two, NULL);
    for (int i = 0; i < 2; i++) {
        settle();
        take();
        say("put %d", ++items);
        must(cede_condition_notify(&condition, 1));
        give();
    }
    join(&task, 1);
    return 0;
}

static int wait_and_tell(void *arg) {
    int r;

    (void)arg;
    take();
    r = cede_condition_wait(&condition);
    say("locked: %s", locked());
    give();
    return r;
}

static int a_cancelled_wait_for_a_condition_has_the_lock(void *arg) {
    cede_task *task;

    (void)arg;
    open_condition();
    task = go(wait_and_tell, NULL);
    settle();
    cancel("task", task);
    say("locked: %s", locked());
    return 0;
}

static int a_condition_without_its_lock_is_refused(void *arg) {
    (void)arg;
    open_condition();
    say("%s", refused(cede_condition_notify(&condition, 1)));
    say("%s", refused(cede_condition_notify_all(&condition)));
    say("%s", refused(cede_condition_wait(&condition)));
    return 0;
}

static void open_semaphore(size_t value, size_t bound) {
    must(cede_semaphore_init(&semaphore, value, bound));
}

static const char *none_left(void) {
    return yes(cede_semaphore_value(&semaphore) == 0);
}

static int be_inside(void *arg) {
    int r = cede_semaphore_acquire(&semaphore);

    if (r < 0)
        return r;
    say("%s has it", (const char *)arg);
    must(cede_task_yield());
    say("%s gives it", (const char *)arg);
    return cede_semaphore_release(&semaphore);
}

static int a_semaphore_lets_so_many_in(void *arg) {
    cede_task *tasks[4];

    (void)arg;
    open_semaphore(2, SIZE_MAX);
    start(be_inside, "abcd", tasks);
    join(tasks, 4);
    return 0;
}

static int take_one(void *arg) {
    must(cede_semaphore_acquire(&semaphore));
    say("%s", (const char *)arg);
    return 0;
}

static int a_semaphore_serves_in_order(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_semaphore(0, SIZE_MAX);
    start(take_one, "abc", tasks);
    settle();
    for (int i = 0; i < 3; i++)
        must(cede_semaphore_release(&semaphore));
    join(tasks, 3);
    say("locked: %s", none_left());
    return 0;
}

static int a_cancelled_wait_takes_no_count(void *arg) {
    cede_task *task;

    (void)arg;
    open_semaphore(0, SIZE_MAX);
    task = go(be_inside, "task");
    settle();
    cancel("task", task);
    must(cede_semaphore_release(&semaphore));
    say("locked: %s", none_left());
    return 0;
}

static int a_bounded_semaphore_refuses_too_much(void *arg) {
    (void)arg;
    open_semaphore(1, 1);
    must(cede_semaphore_acquire(&semaphore));
    say("%s", refused(cede_semaphore_release(&semaphore)));
    say("%s", refused(cede_semaphore_release(&semaphore)));
    return 0;
}

static int an_unbounded_semaphore_grows(void *arg) {
    (void)arg;
    open_semaphore(0, SIZE_MAX);
    say("%s", refused(cede_semaphore_release(&semaphore)));
    say("%s", refused(cede_semaphore_release(&semaphore)));
    must(cede_semaphore_acquire(&semaphore));
    say("locked: %s", none_left());
    return 0;
}

static int meet(void *arg) {
    int r = cede_barrier_wait(&barrier);

    if (r == -ECANCELED)
        return r;
    say("%s: %s", (const char *)arg, r == -ESHUTDOWN ? "broken" : outcome(r));
    return 0;
}

static void open_meeting(size_t parties, const char *names, cede_task **tasks) {
    must(cede_barrier_init(&barrier, parties));
    start(meet, names, tasks);
    settle();
}

static int a_barrier_opens_for_all_at_once(void *arg) {
    cede_task *tasks[3];

    (void)arg;
    open_meeting(3, "ab", tasks);
    say("%zu of %zu wait", cede_barrier_waiting(&barrier), cede_barrier_parties(&barrier));
    start(meet, "c", &tasks[2]);
    settle();
    say("%zu wait", cede_barrier_waiting(&barrier));
    join(tasks, 3);
    return 0;
}

static int a_barrier_is_used_again(void *arg) {
    cede_task *tasks[2];

    (void)arg;
    open_meeting(1, "a", tasks);
    start(meet, "b", &tasks[1]);
    join(tasks, 2);
    return 0;
}

static int a_reset_sends_away(void *arg) {
    cede_task *tasks[2];

    (void)arg;
    open_meeting(3, "ab", tasks);
    cede_barrier_reset(&barrier);
    join(tasks, 2);
    say("broken: %s", yes(cede_barrier_broken(&barrier)));
    return 0;
}

static int an_abort_breaks_until_the_reset(void *arg) {
    cede_task *task;

    (void)arg;
    open_meeting(2, "a", &task);
    cede_barrier_abort(&barrier);
    join(&task, 1);
    start(meet, "b", &task);
    join(&task, 1);
    say("broken: %s", yes(cede_barrier_broken(&barrier)));
    cede_barrier_reset(&barrier);
    say("broken: %s", yes(cede_barrier_broken(&barrier)));
    return 0;
}

static int a_cancelled_party_is_one_less(void *arg) {
    cede_task *task;

    (void)arg;
    open_meeting(2, "a", &task);
    cancel("a", task);
    say("%zu wait", cede_barrier_waiting(&barrier));
    return 0;
}

PARITY_MAIN(TASK_SCENARIO(a_lock_is_had_in_the_order_of_arrival),
            TASK_SCENARIO(who_releases_a_lock_does_not_overtake),
            TASK_SCENARIO(a_cancelled_waiter_leaves_the_line),
            TASK_SCENARIO(a_lock_that_is_not_held_is_not_released),
            TASK_SCENARIO(a_lock_of_another_is_not_released),
            TASK_SCENARIO(an_event_wakes_all_in_order),
            TASK_SCENARIO(an_event_that_is_cleared_at_once_has_woken),
            TASK_SCENARIO(an_event_that_is_set_does_not_block),
            TASK_SCENARIO(a_cancelled_wait_for_an_event), TASK_SCENARIO(notify_wakes_so_many),
            TASK_SCENARIO(notified_tasks_wait_for_the_lock),
            TASK_SCENARIO(a_condition_asks_its_predicate),
            TASK_SCENARIO(a_cancelled_wait_for_a_condition_has_the_lock),
            TASK_SCENARIO(a_condition_without_its_lock_is_refused),
            TASK_SCENARIO(a_semaphore_lets_so_many_in), TASK_SCENARIO(a_semaphore_serves_in_order),
            TASK_SCENARIO(a_cancelled_wait_takes_no_count),
            TASK_SCENARIO(a_bounded_semaphore_refuses_too_much),
            TASK_SCENARIO(an_unbounded_semaphore_grows),
            TASK_SCENARIO(a_barrier_opens_for_all_at_once), TASK_SCENARIO(a_barrier_is_used_again),
            TASK_SCENARIO(a_reset_sends_away), TASK_SCENARIO(an_abort_breaks_until_the_reset),
            TASK_SCENARIO(a_cancelled_party_is_one_less))
