/* The server: its clients, its limits, its end. */
#include "support/net_pair.h"

#include <errno.h>

/* A server in a task of its own, and what it has told. */
struct serving {
    struct cede_server_options options;
    struct cede_server_stats stats;
    cede_stream_fn fn;
    char address[CEDE_ADDRESS_TEXT]; /* to listen on, then what was picked */
    bool listening;
    int ended;  /* clients */
    int result; /* of the last one */
    cede_task *task;
};

static int on_listening(const struct cede_address *address, void *arg) {
    struct serving *serving = arg;

    ck_assert(!serving->listening);
    cede_address_format(address, serving->address, sizeof serving->address);
    serving->listening = true;
    return 0;
}

static void on_client_end(cede_stream *stream, int result, void *arg) {
    struct serving *serving = arg;

    ck_assert_int_ge(cede_stream_fd(stream), 0); /* it is not closed yet */
    serving->ended++;
    serving->result = result;
}

static int serve_main(void *arg) {
    struct serving *serving = arg;
    char address[CEDE_ADDRESS_TEXT];

    memcpy(address, serving->address, sizeof address);
    return cede_serve_with(address, serving->fn, serving, &serving->options);
}

/* Fills in what the test has left open. */
static void serving_start(struct serving *serving) {
    serving->options.stats = &serving->stats;
    serving->options.on_listening = on_listening;
    serving->options.on_client_end = on_client_end;
    strcpy(serving->address, "127.0.0.1:0");
    ck_assert_int_eq(cede_spawn(NULL, serve_main, serving, &serving->task), 0);
    while (!serving->listening)
        cede_task_yield();
}

static int serving_stop(struct serving *serving) {
    cede_task_cancel(serving->task, -ECANCELED);
    return join_result(serving->task);
}

static void wait_for_ended(const struct serving *serving, int count) {
    while (serving->ended < count)
        ck_assert_int_eq(cede_sleep(100 * CEDE_MICROSECOND), 0);
}

static void wait_for_clients(const struct serving *serving, size_t count) {
    while (serving->stats.clients != count)
        ck_assert_int_eq(cede_sleep(100 * CEDE_MICROSECOND), 0);
}

static int echo(cede_stream *stream, void *arg) {
    char buf[4096];
    ssize_t n;

    (void)arg;
    while ((n = cede_stream_read(stream, buf, sizeof buf)) > 0) {
        int r = cede_stream_write(stream, buf, (size_t)n);

        if (r < 0)
            return r;
    }
    return (int)n;
}

static cede_stream *connect_to(const struct serving *serving) {
    cede_stream *stream;

    ck_assert_int_eq(cede_connect(serving->address, &stream), 0);
    return stream;
}

static void check_echo(cede_stream *stream, const char *text) {
    char buf[64];
    size_t size = strlen(text), have = 0;

    ck_assert_int_eq(cede_stream_write(stream, text, size), 0);
    while (have < size) {
        ssize_t n = cede_stream_read(stream, buf + have, size - have);

        ck_assert_int_gt(n, 0);
        have += (size_t)n;
    }
    ck_assert_mem_eq(buf, text, size);
}

/* --- Serving --------------------------------------------------------------------------------- */

TASK_TEST(clients_are_served_and_counted) {
    struct serving serving = {.fn = echo};
    cede_stream *clients[20];
    size_t fds = count_fds();

    serving_start(&serving);
    for (int i = 0; i < 20; i++)
        clients[i] = connect_to(&serving);
    for (int i = 0; i < 20; i++)
        check_echo(clients[i], "hello");
    ck_assert_uint_eq(serving.stats.clients, 20);
    ck_assert_uint_eq(serving.stats.accepted, 20);
    for (int i = 0; i < 20; i++)
        cede_stream_close(clients[i]);
    wait_for_ended(&serving, 20);
    wait_for_clients(&serving, 0);
    ck_assert_uint_eq(serving.stats.accepted, 20);
    ck_assert_uint_eq(serving.stats.refused, 0);
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
    ck_assert_uint_eq(count_fds(), fds);
}

static int return_error(cede_stream *stream, void *arg) {
    (void)stream;
    (void)arg;
    return -EPROTO;
}

TASK_TEST(an_error_concerns_one_client_alone) {
    struct serving serving = {.fn = return_error};

    serving_start(&serving);
    for (int i = 1; i <= 5; i++) {
        cede_stream *stream = connect_to(&serving);
        char byte;

        ck_assert_int_eq(cede_stream_read(stream, &byte, 1), 0); /* closed at once */
        cede_stream_close(stream);
        wait_for_ended(&serving, i);
        ck_assert_int_eq(serving.result, -EPROTO);
    }
    ck_assert_uint_eq(serving.stats.accepted, 5);
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
}

static int tell_reset(cede_stream *stream, void *arg) {
    int r = echo(stream, arg);

    return r == 0 ? -EIO : r;
}

TASK_TEST(a_client_that_resets_is_one_that_ends) {
    struct serving serving = {.fn = tell_reset};
    cede_stream *other;
    size_t fds = count_fds();

    serving_start(&serving);
    other = connect_to(&serving);
    for (int i = 1; i <= 50; i++) {
        cede_stream *stream = connect_to(&serving);

        if (i % 2)
            check_echo(stream, "x");
        cede_stream_abort(stream);
        check_echo(other, "still here");
    }
    cede_stream_close(other);
    wait_for_clients(&serving, 0);
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
    ck_assert_uint_eq(count_fds(), fds);
}

TASK_TEST(two_servers_in_one_run) {
    struct serving first = {.fn = echo}, second = {.fn = echo};
    cede_stream *a, *b;

    serving_start(&first);
    serving_start(&second);
    ck_assert_str_ne(first.address, second.address);
    a = connect_to(&first);
    b = connect_to(&second);
    check_echo(a, "one");
    check_echo(b, "two");
    cede_stream_close(a);
    ck_assert_int_eq(serving_stop(&first), -ECANCELED);
    check_echo(b, "goes on");
    cede_stream_close(b);
    ck_assert_int_eq(serving_stop(&second), -ECANCELED);
    ck_assert_uint_eq(first.stats.accepted, 1);
    ck_assert_uint_eq(second.stats.accepted, 1);
}

static uint64_t last_client_id;

static int tell_id(cede_stream *stream, void *arg) {
    last_client_id = cede_task_id(cede_task_self());
    return echo(stream, arg);
}

TASK_TEST(a_client_is_killed_by_its_tasks_id) {
    struct serving serving = {.fn = tell_id};
    cede_stream *stream, *other;
    char byte;

    serving_start(&serving);
    other = connect_to(&serving);
    check_echo(other, "first");
    stream = connect_to(&serving);
    check_echo(stream, "second");
    ck_assert_int_eq(cede_kill(last_client_id), 0);
    ck_assert_int_eq(cede_stream_read(stream, &byte, 1), 0);
    wait_for_ended(&serving, 1);
    ck_assert_int_eq(serving.result, -ECANCELED);
    check_echo(other, "third");
    cede_stream_close(stream);
    cede_stream_close(other);
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
}

/* --- Limits ---------------------------------------------------------------------------------- */

TASK_TEST(above_the_limit_clients_are_refused) {
    struct serving serving = {.fn = echo, .options = {.max_clients = 2}};
    cede_stream *clients[2], *excess;
    char byte;

    serving_start(&serving);
    for (int i = 0; i < 2; i++) {
        clients[i] = connect_to(&serving);
        check_echo(clients[i], "in");
    }
    for (int i = 1; i <= 3; i++) {
        ssize_t n;

        excess = connect_to(&serving);
        n = cede_stream_read(excess, &byte, 1);
        ck_assert_msg(n == 0 || n == -ECONNRESET, "%zd", n);
        cede_stream_close(excess);
        ck_assert_uint_eq(serving.stats.refused, (uint64_t)i);
    }
    for (int i = 0; i < 2; i++)
        check_echo(clients[i], "untouched");
    cede_stream_close(clients[0]);
    wait_for_clients(&serving, 1);
    clients[0] = connect_to(&serving);
    check_echo(clients[0], "room again");
    ck_assert_uint_eq(serving.stats.accepted, 3);
    cede_stream_close(clients[0]);
    cede_stream_close(clients[1]);
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
}

/* --- Refusals -------------------------------------------------------------------------------- */

static int refuse_to_listen(const struct cede_address *address, void *arg) {
    (void)address;
    (void)arg;
    return -EDOM;
}

TASK_TEST(what_cannot_be_served_is_told) {
    struct cede_server_options options = {.on_listening = refuse_to_listen};
    char text[CEDE_ADDRESS_TEXT];
    int listener = listen_somewhere(text);
    size_t fds = count_fds();

    ck_assert_int_eq(cede_serve("127.0.0.1", echo, NULL), -EINVAL);
    ck_assert_int_eq(cede_serve("127.0.0.1:65536", echo, NULL), -ERANGE);
    ck_assert_int_eq(cede_serve("127.0.0.1:0", NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_serve(text, echo, NULL), -EADDRINUSE);
    ck_assert_int_eq(cede_serve("192.0.2.1:0", echo, NULL), -EADDRNOTAVAIL);
    ck_assert_int_eq(cede_serve_with("127.0.0.1:0", echo, NULL, &options), -EDOM);
    options = (struct cede_server_options){.stack_size = 1};
    ck_assert_int_eq(cede_serve_with("127.0.0.1:0", echo, NULL, &options), -EINVAL);
    ck_assert_uint_eq(count_fds(), fds);
    cede_close(listener);
}

static void serve_in_callback(void *arg) {
    (void)arg;
    ck_assert_int_eq(cede_serve("127.0.0.1:0", echo, NULL), -EPERM);
    trace('c');
}

TASK_TEST(callbacks_cannot_serve) {
    ck_assert_int_eq(cede_loop_call_soon(cede_loop_current(), serve_in_callback, NULL, NULL), 0);
    settle();
    ck_assert_trace("c");
}

TASK_TEST(a_cancelled_task_does_not_begin_to_serve) {
    struct cede_server_options options = {.on_listening = refuse_to_listen};
    struct cede_scope scope;

    cede_scope_enter(&scope, 0);
    ck_assert_int_eq(cede_serve_with("127.0.0.1:0", echo, NULL, &options), -ECANCELED);
    cede_scope_leave(&scope, 0);
}

/* --- Draining -------------------------------------------------------------------------------- */

TASK_TEST(after_a_cancel_clients_go_on_until_they_end) {
    struct serving serving = {.fn = echo, .options = {.drain_timeout_ns = 600 * CEDE_SECOND}};
    struct cede_address address;
    cede_stream *stream;

    serving_start(&serving);
    ck_assert_int_eq(cede_address_parse(serving.address, &address, NULL), 0);
    stream = connect_to(&serving);
    check_echo(stream, "before");
    cede_task_cancel(serving.task, -ECANCELED);
    settle();
    let_wait(serving.task);
    ck_assert_int_eq(cede_connect_fd(&address), -ECONNREFUSED); /* it has stopped listening */
    check_echo(stream, "after");
    ck_assert(!cede_task_done(serving.task, NULL));
    ck_assert_uint_eq(serving.stats.clients, 1);
    cede_stream_close(stream);
    ck_assert_int_eq(join_result(serving.task), -ECANCELED);
    ck_assert_int_eq(serving.result, 0);
}

TASK_TEST(clients_that_do_not_end_are_cancelled) {
    struct serving serving = {.fn = echo, .options = {.drain_timeout_ns = CEDE_MILLISECOND}};
    cede_stream *stream;
    char byte;

    serving_start(&serving);
    stream = connect_to(&serving);
    check_echo(stream, "before");
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
    ck_assert_int_eq(serving.ended, 1);
    ck_assert_int_eq(serving.result, -ECANCELED);
    ck_assert_uint_eq(serving.stats.clients, 0);
    ck_assert_int_eq(cede_stream_read(stream, &byte, 1), 0);
    cede_stream_close(stream);
}

static int say_goodbye(cede_stream *stream, void *arg) {
    struct cede_scope shield;
    int r = echo(stream, arg);

    cede_scope_enter(&shield, cede_after(600 * CEDE_SECOND));
    cede_scope_set_shield(&shield, true);
    ck_assert_int_eq(cede_sleep(5 * CEDE_MILLISECOND), 0);
    ck_assert_int_eq(cede_stream_write(stream, "bye", 3), 0);
    cede_scope_leave(&shield, 0);
    return r;
}

TASK_TEST(cancelled_clients_are_awaited) {
    struct serving serving = {.fn = say_goodbye, .options = {.drain_timeout_ns = 1}};
    cede_stream *stream;
    char buf[8];

    serving_start(&serving);
    stream = connect_to(&serving);
    check_echo(stream, "before");
    ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
    ck_assert_int_eq(serving.ended, 1);
    ck_assert_int_eq(cede_stream_read(stream, buf, sizeof buf), 3);
    ck_assert_mem_eq(buf, "bye", 3);
    cede_stream_close(stream);
}

static int serve_with_timeout(void *arg) {
    return cede_wait_for(serve_main, arg, 5 * CEDE_MILLISECOND);
}

TASK_TEST(a_server_ends_by_a_deadline) {
    struct serving serving = {.fn = echo, .options = {.drain_timeout_ns = CEDE_MILLISECOND}};

    strcpy(serving.address, "127.0.0.1:0");
    ck_assert_int_eq(serve_with_timeout(&serving), -ETIME);
}

/* A connection that waits to be accepted when the server is cancelled is served or ended. */
TASK_TEST(no_connection_is_left_over_by_a_cancel) {
    size_t fds = count_fds();

    for (int round = 0; round < 100; round++) {
        struct serving serving = {.fn = echo, .options = {.drain_timeout_ns = 1}};
        cede_stream *stream;
        char byte;
        ssize_t n;

        serving_start(&serving);
        stream = connect_to(&serving);
        for (int i = 0; i < round % 10; i++)
            cede_task_yield();
        ck_assert_int_eq(serving_stop(&serving), -ECANCELED);
        n = cede_stream_read(stream, &byte, 1);
        ck_assert_msg(n == 0 || n == -ECONNRESET, "%zd", n);
        cede_stream_close(stream);
        ck_assert_int_eq(serving.ended, (int)serving.stats.accepted);
    }
    ck_assert_uint_eq(count_fds(), fds);
}

CEDE_CHECK_MAIN("serve", clients_are_served_and_counted, an_error_concerns_one_client_alone,
                a_client_that_resets_is_one_that_ends, two_servers_in_one_run,
                a_client_is_killed_by_its_tasks_id, above_the_limit_clients_are_refused,
                what_cannot_be_served_is_told, callbacks_cannot_serve,
                a_cancelled_task_does_not_begin_to_serve,
                after_a_cancel_clients_go_on_until_they_end, clients_that_do_not_end_are_cancelled,
                cancelled_clients_are_awaited, a_server_ends_by_a_deadline,
                no_connection_is_left_over_by_a_cancel)
