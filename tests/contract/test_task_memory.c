/* Waiting allocates nothing: the wait, its operation and its timer lie on the waiter's stack. */
#include "support/failing_alloc.h"
#include "support/net_pair.h"

#include <errno.h>

#define ROUNDS 300

/* After a few rounds every table has its size; from then on nothing may be asked for. */
static void check_allocates_nothing(void (*round)(void *arg), void *arg) {
    for (int i = 0; i < 20; i++)
        round(arg);
    failing_alloc_arm(0, false);
    for (int i = 0; i < ROUNDS; i++)
        round(arg);
    ck_assert_uint_eq(failing_alloc_calls(), 0);
}

static int in_run(void *arg) {
    (*(void (**)(void))arg)();
    return 0;
}

/* A test of a run that takes its memory from the counting allocator. */
#define COUNTED_TEST(name)                                                                         \
    static void name##_body(void);                                                                 \
    START_TEST(name) {                                                                             \
        void (*body)(void) = name##_body;                                                          \
                                                                                                   \
        failing_alloc_install();                                                                   \
        ck_assert_int_eq(cede_run(in_run, &body), 0);                                              \
        ck_assert_uint_gt(failing_alloc_live(), 0); /* the thread's stacks: it does count */       \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_body(void)

static void sleep_round(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_sleep(1000), 0);
    ck_assert_int_eq(cede_task_yield(), 0);
    ck_assert_int_eq(cede_sleep_until(0), 0);
}

COUNTED_TEST(sleeping_and_yielding) {
    check_allocates_nothing(sleep_round, NULL);
}

static int sleep_long(void *arg) {
    (void)arg;
    return cede_sleep(3600 * CEDE_SECOND);
}

static void scope_round(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_wait_for(sleep_long, NULL, 1000), -ETIME);
}

COUNTED_TEST(scopes_and_their_deadlines) {
    check_allocates_nothing(scope_round, NULL);
}

static int yield_some(void *arg) {
    (void)arg;
    settle();
    return 0;
}

static void join_round(void *arg) {
    cede_task *task;

    (void)arg;
    ck_assert_int_eq(cede_spawn(NULL, yield_some, NULL, &task), 0);
    ck_assert_int_eq(join_result(task), 0);
}

/* Even spawning takes block and stack from what earlier tasks have left. */
COUNTED_TEST(spawning_again_and_joining) {
    check_allocates_nothing(join_round, NULL);
}

static void group_round(void *arg) {
    struct cede_group group;

    (void)arg;
    cede_group_enter(&group, cede_after(3600 * CEDE_SECOND));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(cede_spawn(&group, yield_some, NULL, NULL), 0);
    ck_assert_int_eq(cede_group_wait(&group), 0);
    ck_assert_int_eq(cede_spawn(&group, yield_some, NULL, NULL), 0);
    ck_assert_int_eq(cede_group_leave(&group, 0), 0);
}

COUNTED_TEST(groups) {
    check_allocates_nothing(group_round, NULL);
}

static int echo(void *arg) {
    char buf[64];
    ssize_t n;

    while ((n = cede_stream_read(arg, buf, sizeof buf)) > 0)
        ck_assert_int_eq(cede_stream_write(arg, buf, (size_t)n), 0);
    return (int)n;
}

static void ping_pong(void *arg) {
    char buf[64];

    ck_assert_int_eq(cede_stream_write(arg, "ping", 4), 0);
    for (size_t have = 0; have < 4;) {
        ssize_t n = cede_stream_read(arg, buf, sizeof buf);

        ck_assert_int_gt(n, 0);
        have += (size_t)n;
    }
}

COUNTED_TEST(reading_and_writing) {
    cede_stream *streams[2];
    cede_task *task;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, echo, streams[1], &task), 0);
    check_allocates_nothing(ping_pong, streams[0]);
    cede_stream_close(streams[0]);
    ck_assert_int_eq(join_result(task), 0);
    cede_stream_close(streams[1]);
}

static int write_much(void *arg) {
    static char data[32 << 20];

    return cede_stream_write(arg, data, sizeof data);
}

static void cancelled_write(void *arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, write_much, arg, &task), 0);
    settle();
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(join_result(task), -ECANCELED);
}

static int read_one(void *arg) {
    char byte;

    return (int)cede_stream_read(arg, &byte, 1);
}

static void cancelled_read(void *arg) {
    cede_task *task;

    ck_assert_int_eq(cede_spawn(NULL, read_one, arg, &task), 0);
    settle();
    cede_task_cancel(task, -ECANCELED);
    ck_assert_int_eq(join_result(task), -ECANCELED);
}

COUNTED_TEST(cancelling_reads_and_writes) {
    cede_stream *streams[2];
    cede_task *writer;

    stream_pair(streams);
    ck_assert_int_eq(cede_spawn(NULL, write_much, streams[0], &writer), 0);
    for (int i = 0; i < 20; i++) /* until nothing fits any more */
        ck_assert_int_eq(cede_sleep(CEDE_MILLISECOND), 0);
    check_allocates_nothing(cancelled_write, streams[0]); /* it waits for its turn */
    cede_task_cancel(writer, -ECANCELED);
    ck_assert_int_eq(join_result(writer), -ECANCELED);
    check_allocates_nothing(cancelled_write, streams[0]); /* and here for room */
    check_allocates_nothing(cancelled_read, streams[0]);
    cede_stream_close(streams[0]);
    cede_stream_close(streams[1]);
}

struct listener {
    int fd;
    struct cede_address address;
};

static int accept_one(void *arg) {
    return cede_accept(((struct listener *)arg)->fd, NULL);
}

static void connect_round(void *arg) {
    struct listener *listener = arg;
    cede_task *task;
    int client;

    ck_assert_int_eq(cede_spawn(NULL, accept_one, listener, &task), 0);
    settle();
    client = cede_connect_fd(&listener->address);
    ck_assert_int_ge(client, 0);
    ck_assert_int_eq(cede_close(join_result(task)), 0);
    cede_close(client);
}

COUNTED_TEST(connecting_and_accepting) {
    char text[CEDE_ADDRESS_TEXT];
    struct listener listener = {.fd = listen_somewhere(text)};

    ck_assert_int_eq(cede_address_parse(text, &listener.address, NULL), 0);
    check_allocates_nothing(connect_round, &listener);
    cede_close(listener.fd);
}

CEDE_CHECK_MAIN("task_memory", sleeping_and_yielding, scopes_and_their_deadlines,
                spawning_again_and_joining, groups, reading_and_writing,
                cancelling_reads_and_writes, connecting_and_accepting)
