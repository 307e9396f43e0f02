/* Every kind of wait, cancelled at every turn, and with every allocation failing: nothing is left.
 */
#include "support/suspend_points.h"

static int sleeps(void *arg) {
    int r = 0;

    (void)arg;
    for (int i = 0; i < 3 && r == 0; i++)
        r = cede_sleep(20 * CEDE_MICROSECOND);
    return r;
}

static int sleep_in_coroutine(void *arg, void **ret_value) {
    (void)ret_value;
    return sleeps(arg);
}

static int coroutine_sleeps(void *arg) {
    cede_coro *coro;
    int r = cede_coro_new(&coro, sleep_in_coroutine, arg);

    if (r < 0)
        return r;
    r = cede_coro_send(coro, NULL, NULL);
    cede_coro_free(coro);
    return r;
}

static int joins(void *arg) {
    cede_task *task;
    int result, r = cede_spawn(NULL, sleeps, arg, &task);

    if (r < 0)
        return r;
    r = cede_join(task, NULL);
    if (r < 0) { /* the clean-up blocks, so it is shielded */
        struct cede_scope shield;

        cede_scope_enter(&shield, CEDE_FOREVER);
        cede_scope_set_shield(&shield, true);
        cede_task_cancel(task, -ECANCELED);
        ck_assert_int_eq(cede_join(task, &result), 0);
        cede_scope_leave(&shield, 0);
    }
    cede_task_unref(task);
    return r;
}

static int groups(void *arg) {
    struct cede_group outer, inner;
    int r = 0;

    cede_group_enter(&outer, CEDE_FOREVER);
    for (int i = 0; i < 3 && r == 0; i++)
        r = cede_spawn(&outer, sleeps, arg, NULL);
    cede_group_enter(&inner, CEDE_FOREVER);
    if (r == 0)
        r = cede_spawn(&inner, joins, arg, NULL);
    if (r == 0)
        r = cede_group_wait(&inner);
    r = cede_group_leave(&inner, r);
    return cede_group_leave(&outer, r);
}

/* --- Sockets --------------------------------------------------------------------------------- */

static int listen_on(char text[CEDE_ADDRESS_TEXT]) {
    struct cede_address address;
    int fd;

    ck_assert_int_eq(cede_address_parse("127.0.0.1:0", &address, NULL), 0);
    fd = cede_listen(&address, NULL);
    if (fd < 0)
        return fd;
    ck_assert_int_eq(cede_local_address(fd, &address), 0);
    cede_address_format(&address, text, CEDE_ADDRESS_TEXT);
    return fd;
}

static int stream_of(int fd, cede_stream **ret_stream) {
    int r = cede_stream_open(fd, NULL, ret_stream);

    if (r < 0)
        cede_close(fd);
    return r;
}

/* Accepts one connection for each that is made, in the same task. */
static int make_pair(cede_stream *streams[2]) {
    char text[CEDE_ADDRESS_TEXT];
    int fd, r, listener = listen_on(text);

    if (listener < 0)
        return listener;
    r = cede_connect(text, &streams[0]);
    if (r == 0) {
        fd = cede_accept(listener, NULL);
        r = fd < 0 ? fd : stream_of(fd, &streams[1]);
        if (r < 0)
            cede_stream_close(streams[0]);
    }
    cede_close(listener);
    return r;
}

static int connects_and_accepts(void *arg) {
    cede_stream *streams[2];
    int r = make_pair(streams);

    (void)arg;
    if (r < 0)
        return r;
    cede_stream_close(streams[0]);
    cede_stream_abort(streams[1]);
    return 0;
}

static int accepts(void *arg) {
    char text[CEDE_ADDRESS_TEXT];
    int r, listener = listen_on(text);

    (void)arg;
    if (listener < 0)
        return listener;
    r = cede_accept(listener, NULL);
    cede_close(listener);
    return r;
}

static int reads(void *arg) {
    cede_stream *streams[2];
    int r = make_pair(streams);
    char byte;

    (void)arg;
    if (r < 0)
        return r;
    r = (int)cede_stream_read(streams[0], &byte, 1);
    cede_stream_close(streams[0]);
    cede_stream_close(streams[1]);
    return r;
}

static int write_much(void *arg) {
    static char data[8 << 20];

    return cede_stream_write(arg, data, sizeof data);
}

/* The peer does not read: one has the turn, and two wait for it. */
static int writes_to_a_stuck_peer(void *arg) {
    struct cede_group group;
    cede_stream *streams[2];
    int r = make_pair(streams);

    (void)arg;
    if (r < 0)
        return r;
    cede_group_enter(&group, CEDE_FOREVER);
    for (int i = 0; i < 2 && r == 0; i++)
        r = cede_spawn(&group, write_much, streams[0], NULL);
    if (r == 0)
        r = write_much(streams[0]);
    r = cede_group_leave(&group, r);
    cede_stream_close(streams[0]);
    cede_stream_close(streams[1]);
    return r;
}

static int write_and_end(void *arg) {
    static char data[20000];
    int r = cede_stream_write(arg, data, sizeof data);

    if (r == 0)
        r = cede_stream_write(arg, data, sizeof data);
    return r < 0 ? r : cede_stream_shutdown(arg);
}

static int read_to_end(cede_stream *stream) {
    static char buf[3000];
    ssize_t n;

    do
        n = cede_stream_read(stream, buf, sizeof buf);
    while (n > 0);
    return (int)n;
}

static int transfers(void *arg) {
    struct cede_group group;
    cede_stream *streams[2];
    int r = make_pair(streams);

    (void)arg;
    if (r < 0)
        return r;
    cede_group_enter(&group, CEDE_FOREVER);
    r = cede_spawn(&group, write_and_end, streams[0], NULL);
    if (r == 0)
        r = read_to_end(streams[1]);
    r = cede_group_leave(&group, r);
    cede_stream_close(streams[0]);
    cede_stream_close(streams[1]);
    return r;
}

/* --- A server -------------------------------------------------------------------------------- */

struct scene {
    char address[CEDE_ADDRESS_TEXT];
    cede_task *server;
};

static int echo(cede_stream *stream, void *arg) {
    char buf[256];
    ssize_t n;

    (void)arg;
    while ((n = cede_stream_read(stream, buf, sizeof buf)) > 0) {
        int r = cede_stream_write(stream, buf, (size_t)n);

        if (r < 0)
            return r;
    }
    return (int)n;
}

static int tell_address(const struct cede_address *address, void *arg) {
    struct scene *scene = arg;

    cede_address_format(address, scene->address, sizeof scene->address);
    return 0;
}

static int serve_main(void *arg) {
    static const struct cede_server_options options = {.on_listening = tell_address,
                                                       .drain_timeout_ns = CEDE_MILLISECOND};
    int r = cede_serve_with("127.0.0.1:0", echo, arg, &options);

    return r == -ECANCELED ? 0 : r;
}

/* A refused client tries again: the server had no memory for it then. */
static int be_a_client(const struct scene *scene) {
    for (;;) {
        cede_stream *stream;
        char byte;
        int r = cede_connect(scene->address, &stream);

        if (r == 0) {
            r = cede_stream_write(stream, "x", 1);
            if (r == 0)
                r = (int)cede_stream_read(stream, &byte, 1);
            cede_stream_close(stream);
        }
        if (r == 1)
            return 0;
        if (r < 0 && r != -ECONNRESET && r != -EPIPE)
            return r;
        r = cede_sleep(CEDE_MILLISECOND);
        if (r < 0)
            return r;
    }
}

static int serves(void *arg) {
    struct scene scene = {.address = ""};
    struct cede_group group;
    int r;

    (void)arg;
    cede_group_enter(&group, CEDE_FOREVER);
    r = cede_spawn(&group, serve_main, &scene, &scene.server);
    while (r == 0 && !*scene.address)
        r = cede_task_yield();
    for (int i = 0; i < 3 && r == 0; i++)
        r = be_a_client(&scene);
    if (scene.server)
        cede_task_cancel(scene.server, -ECANCELED);
    cede_task_unref(scene.server);
    return cede_group_leave(&group, r);
}

/* --- The tests ------------------------------------------------------------------------------- */

START_TEST(cancelled_at_every_turn) {
    cancel_everywhere(sleeps, false, 100000);
    cancel_everywhere(coroutine_sleeps, false, 100000);
    cancel_everywhere(joins, false, 100000);
    cancel_everywhere(groups, false, 100000);
    cancel_everywhere(connects_and_accepts, false, 100000);
    cancel_everywhere(transfers, false, 100000);
}
END_TEST

START_TEST(endless_waits_cancelled_at_every_turn) {
    cancel_everywhere(accepts, true, 200);
    cancel_everywhere(reads, true, 500);
    cancel_everywhere(writes_to_a_stuck_peer, true, 500);
}
END_TEST

START_TEST(a_server_cancelled_at_every_turn) {
    cancel_everywhere(serves, false, 100000);
}
END_TEST

START_TEST(every_allocation_fails_once) {
    fail_everywhere(sleeps, false);
    fail_everywhere(coroutine_sleeps, false);
    fail_everywhere(groups, false);
    fail_everywhere(connects_and_accepts, false);
    fail_everywhere(transfers, false);
    capture_begin(); /* the server complains */
    fail_everywhere(serves, false);
    capture_end();
}
END_TEST

START_TEST(every_allocation_fails_from_then_on) {
    fail_everywhere(coroutine_sleeps, true);
    fail_everywhere(groups, true);
    fail_everywhere(connects_and_accepts, true);
    fail_everywhere(transfers, true);
}
END_TEST

/* --- Races of accept ------------------------------------------------------------------------- */

static int accept_main(void *arg) {
    return cede_accept(*(int *)arg, NULL);
}

/* A connection comes in while its accept is cancelled, a little sooner or later each time. What was
 * accepted belongs to the caller, what was not waits for the next. */
TASK_TEST(an_accept_that_is_cancelled_loses_no_connection) {
    char text[CEDE_ADDRESS_TEXT];
    int listener = listen_on(text), accepted = 0, rounds = 10000;
    struct cede_address address;
    size_t fds = count_fds();

    ck_assert_int_eq(cede_address_parse(text, &address, NULL), 0);
    for (int round = 0; round < rounds; round++) {
        int result, client;
        cede_task *task;

        ck_assert_int_eq(cede_spawn(NULL, accept_main, &listener, &task), 0);
        for (int i = 0; i < round % 3; i++)
            cede_task_yield();
        client = cede_connect_fd(&address);
        ck_assert_int_ge(client, 0);
        for (int i = 0; i < round % 7; i++)
            cede_task_yield();
        cede_task_cancel(task, -ECANCELED);
        ck_assert_int_eq(cede_join(task, &result), 0);
        cede_task_unref(task);
        if (result < 0) {
            ck_assert_int_eq(result, -ECANCELED);
            result = cede_accept(listener, NULL);
            ck_assert_int_ge(result, 0);
        } else {
            accepted++;
        }
        ck_assert_int_eq(cede_close(result), 0);
        cede_stream *stream;
        ck_assert_int_eq(cede_stream_open(client, NULL, &stream), 0);
        cede_stream_abort(stream); /* no port is left in TIME_WAIT */
        if (round % 100 == 0)
            ck_assert_uint_eq(count_fds(), fds);
    }
    ck_assert_uint_eq(count_fds(), fds);
    ck_assert_int_gt(accepted, 0);
    cede_close(listener);
}

CEDE_CHECK_MAIN("cancel_points", cancelled_at_every_turn, endless_waits_cancelled_at_every_turn,
                a_server_cancelled_at_every_turn, every_allocation_fails_once,
                every_allocation_fails_from_then_on,
                an_accept_that_is_cancelled_loses_no_connection)
