#include "support/actors.h"

static struct cede_rwlock lock;
static struct cede_event let_go;

static void open_scene(void) {
    cede_rwlock_init(&lock);
    cede_event_init(&let_go);
}

static int hold(int r, char name) {
    if (r < 0)
        return r;
    trace(name);
    r = cede_event_wait(&let_go);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    return r;
}

static int reads(void *arg) {
    return hold(cede_rwlock_acquire_read(&lock), *(const char *)arg);
}

static int writes(void *arg) {
    int r = cede_rwlock_acquire_write(&lock);

    if (r == 0) {
        ck_assert_uint_eq(cede_rwlock_writer(&lock), cede_task_id(cede_task_self()));
        ck_assert_uint_eq(cede_rwlock_readers(&lock), 0);
    }
    return hold(r, *(const char *)arg);
}

TASK_TEST(readers_read_together) {
    cede_task *a, *b;

    open_scene();
    a = go(reads, "a");
    b = go(reads, "b");
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 2);
    ck_assert_int_eq(cede_rwlock_acquire_write_nowait(&lock), -EAGAIN);
    cede_event_set(&let_go);
    ck_assert_int_eq(end_of(a), 0);
    ck_assert_int_eq(end_of(b), 0);
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 0);
}

TASK_TEST(a_writer_that_waits_keeps_later_readers_out) {
    cede_task *writer, *reader;

    open_scene();
    ck_assert_int_eq(cede_rwlock_acquire_read(&lock), 0);
    writer = go(writes, "w");
    reader = go(reads, "r");
    ck_assert_str_eq(cede_task_waits_for(writer), "a lock, to write");
    ck_assert_str_eq(cede_task_waits_for(reader), "a lock, to read");
    ck_assert_int_eq(cede_rwlock_acquire_read_nowait(&lock), -EAGAIN);
    ck_assert_uint_eq(cede_rwlock_waiting(&lock), 2);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    settle();
    ck_assert_trace("w");
    cede_event_set(&let_go);
    ck_assert_int_eq(end_of(writer), 0);
    ck_assert_int_eq(end_of(reader), 0);
    ck_assert_trace("wr");
}

TASK_TEST(the_line_is_served_in_order_readers_side_by_side) {
    static const char *const names = "abWcXde";
    cede_task *tasks[7];

    open_scene();
    ck_assert_int_eq(cede_rwlock_acquire_write(&lock), 0);
    for (int i = 0; i < 7; i++)
        tasks[i] = go(names[i] < 'a' ? writes : reads, &names[i]);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    settle();
    ck_assert_trace("ab");
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 2);
    cede_event_set(&let_go);
    for (int i = 0; i < 7; i++)
        ck_assert_int_eq(end_of(tasks[i]), 0);
    ck_assert_trace("abWcXde");
}

TASK_TEST(a_writer_that_gives_up_lets_the_readers_behind_it_in) {
    cede_task *writer, *reader;

    open_scene();
    ck_assert_int_eq(cede_rwlock_acquire_read(&lock), 0);
    writer = go(writes, "w");
    reader = go(reads, "r");
    ck_assert_int_eq(cancelled_end_of(writer), -ECANCELED);
    settle();
    ck_assert_trace("r");
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 2);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    ck_assert_int_eq(cancelled_end_of(reader), -ECANCELED);
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 0);
}

static int select_with_the_event(void *arg) {
    struct cede_op ops[2];
    int i;

    (void)arg;
    cede_op_rwlock_write(&ops[0], &lock);
    cede_op_event(&ops[1], &let_go);
    i = CEDE_SELECT(&ops[0], &ops[1]);
    ck_assert(!cede_op_done(&ops[0]));
    return i;
}

TASK_TEST(a_writer_that_is_lost_in_its_set_keeps_nobody_out) {
    cede_task *writer;

    open_scene();
    ck_assert_int_eq(cede_rwlock_acquire_read(&lock), 0);
    writer = go(select_with_the_event, NULL);
    cede_event_set(&let_go);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    ck_assert_uint_eq(cede_rwlock_writer(&lock), 0);
    ck_assert_int_eq(end_of(writer), 1);
    ck_assert_uint_eq(cede_rwlock_waiting(&lock), 0);
}

static int misuse_anothers(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_rwlock_release(&lock), -EPERM);
    ck_assert_int_eq(cede_rwlock_acquire_read_nowait(&lock), -EAGAIN);
    ck_assert_int_eq(cede_rwlock_acquire_write_nowait(&lock), -EAGAIN);
    return 0;
}

TASK_TEST(misuse_is_refused) {
    open_scene();
    ck_assert_int_eq(cede_rwlock_release(&lock), -EPERM);
    ck_assert_int_eq(cede_rwlock_acquire_write_nowait(&lock), 0);
    ck_assert_int_eq(cede_rwlock_acquire_write(&lock), -EDEADLK);
    ck_assert_int_eq(cede_rwlock_acquire_read(&lock), -EDEADLK);
    ck_assert_int_eq(cede_rwlock_acquire_write_nowait(&lock), -EDEADLK);
    ck_assert_int_eq(end_of(go(misuse_anothers, NULL)), 0);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    ck_assert_int_eq(cede_rwlock_acquire_read_nowait(&lock), 0);
    ck_assert_int_eq(cede_rwlock_release(&lock), 0);
    ck_assert_int_eq(cede_rwlock_release(&lock), -EPERM);
}

START_TEST(outside_of_tasks_all_is_refused) {
    open_scene();
    ck_assert_int_eq(cede_rwlock_acquire_read(&lock), -EPERM);
    ck_assert_int_eq(cede_rwlock_acquire_write(&lock), -EPERM);
    ck_assert_int_eq(cede_rwlock_acquire_read_nowait(&lock), -EPERM);
    ck_assert_int_eq(cede_rwlock_acquire_write_nowait(&lock), -EPERM);
    ck_assert_int_eq(cede_rwlock_release(&lock), -EPERM);
}
END_TEST

TASK_TEST(a_cancelled_task_takes_nothing) {
    struct cede_scope scope;

    open_scene();
    enter_cancelled(&scope);
    ck_assert_int_eq(cede_rwlock_acquire_read(&lock), -ECANCELED);
    ck_assert_int_eq(cede_rwlock_acquire_write(&lock), -ECANCELED);
    ck_assert_int_eq(cede_scope_leave(&scope, 0), 0);
    ck_assert_uint_eq(cede_rwlock_readers(&lock), 0);
    ck_assert_uint_eq(cede_rwlock_writer(&lock), 0);
}

CEDE_CHECK_MAIN("sync_rwlock", readers_read_together, a_writer_that_waits_keeps_later_readers_out,
                the_line_is_served_in_order_readers_side_by_side,
                a_writer_that_gives_up_lets_the_readers_behind_it_in,
                a_writer_that_is_lost_in_its_set_keeps_nobody_out, misuse_is_refused,
                outside_of_tasks_all_is_refused, a_cancelled_task_takes_nothing)
