/* Readers and writers: level-triggered callbacks on an fd. */
#include "check_main.h"

#include "support/loops.h"

#include <cede/net.h>

static int fds[2];

static void open_both(void) {
    loop_open();
    unix_pair(fds);
}

static void close_both(void) {
    cede_loop_remove_reader(loop, fds[0]);
    cede_loop_remove_writer(loop, fds[0]);
    if (fds[0] >= 0)
        close(fds[0]);
    if (fds[1] >= 0)
        close(fds[1]);
    loop_close();
}

static void add_reader(int fd, cede_callback fn, const void *arg) {
    ck_assert_int_eq(cede_loop_add_reader(loop, fd, fn, (void *)(uintptr_t)arg), 0);
}

static void add_writer(int fd, cede_callback fn, const void *arg) {
    ck_assert_int_eq(cede_loop_add_writer(loop, fd, fn, (void *)(uintptr_t)arg), 0);
}

/* Runs passes until that many callbacks have run. */
static void run_until(size_t length) {
    while (trace_length < length)
        ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
}

/* Lets the backend see what there is to see. */
static void run_idle(void) {
    for (int i = 0; i < 5; i++)
        cede_loop_run_once(loop, false);
}

static void read_one(void *arg) {
    char byte;

    note(arg);
    ck_assert_int_eq(read(fds[0], &byte, 1), 1);
}

START_TEST(a_reader_is_called_while_there_is_something_to_read) {
    open_both();
    add_reader(fds[0], read_one, "r");
    run_idle();
    ck_assert_str_eq(trace, "");
    put(fds[1], "xyz", 3);
    run_until(3);
    run_idle();
    ck_assert_str_eq(trace, "rrr"); /* once for each byte, although they came as one event */
    put(fds[1], "x", 1);
    run_until(4);
    close_both();
}
END_TEST

START_TEST(adding_calls_nothing_by_itself) {
    open_both();
    put(fds[1], "x", 1);
    add_reader(fds[0], note, "r");
    add_writer(fds[0], note, "w");
    ck_assert_str_eq(trace, "");
    ck_assert_int_eq(cede_loop_run_once(loop, false), 0);
    run_until(2);
    ck_assert_ptr_nonnull(strchr(trace, 'r'));
    run_until(4);
    ck_assert_ptr_nonnull(strchr(trace, 'w'));
    close_both();
}
END_TEST

START_TEST(a_second_call_replaces_the_function) {
    open_both();
    put(fds[1], "x", 1);
    add_reader(fds[0], note, "a");
    add_reader(fds[0], note, "b");
    run_until(1);
    ck_assert_str_eq(trace, "b");
    add_reader(fds[0], note, "c");
    run_until(3);
    ck_assert_str_eq(trace, "bcc");
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    ck_assert(!cede_loop_remove_reader(loop, fds[0]));
    close_both();
}
END_TEST

START_TEST(removed_while_it_is_ready_it_is_not_called) {
    open_both();
    put(fds[1], "x", 1);
    add_reader(fds[0], note, "!");
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    run_idle();
    ck_assert_str_eq(trace, "");
    ck_assert_int_eq(cede_loop_run(loop), 1);
    close_both();
}
END_TEST

static void remove_self(void *arg) {
    note(arg);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
}

static void replace_self(void *arg) {
    note(arg);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    add_reader(fds[0], remove_self, "n");
}

START_TEST(a_reader_may_remove_and_replace_itself) {
    open_both();
    put(fds[1], "x", 1);
    add_reader(fds[0], replace_self, "o");
    run_out();
    ck_assert_str_eq(trace, "on");
    close_both();
}
END_TEST

static void remove_both(void *arg) {
    note(arg);
    cede_loop_remove_reader(loop, fds[0]);
    cede_loop_remove_reader(loop, fds[1]);
}

/* Both are ready in one pass; whoever comes first removes the other. */
START_TEST(a_reader_may_remove_another_that_is_ready) {
    open_both();
    put(fds[1], "x", 1);
    put(fds[0], "x", 1);
    add_reader(fds[0], remove_both, "a");
    add_reader(fds[1], remove_both, "b");
    run_out();
    ck_assert_uint_eq(trace_length, 1);
    close_both();
}
END_TEST

START_TEST(reader_and_writer_of_one_fd_are_apart) {
    open_both();
    add_reader(fds[0], read_one, "r");
    add_writer(fds[0], note, "w");
    run_until(2);
    ck_assert_str_eq(trace, "ww");
    ck_assert(cede_loop_remove_writer(loop, fds[0]));
    put(fds[1], "x", 1);
    run_until(3);
    run_idle();
    ck_assert_str_eq(trace, "wwr");
    ck_assert(!cede_loop_remove_writer(loop, fds[0]));
    close_both();
}
END_TEST

static void note_and_stop_reading(void *arg) {
    note(arg);
    cede_loop_remove_reader(loop, fds[0]);
    cede_loop_remove_writer(loop, fds[0]);
}

START_TEST(a_peer_that_closes_is_reported) {
    char byte;

    open_both();
    add_reader(fds[0], note_and_stop_reading, "e");
    run_idle();
    close(fds[1]);
    fds[1] = -1;
    run_out();
    ck_assert_str_eq(trace, "e");
    ck_assert_int_eq(read(fds[0], &byte, 1), 0);
    add_reader(fds[0], note, "e"); /* and again to each reader, in each pass */
    run_until(3);
    add_writer(fds[0], note, "w");
    run_until(6);
    ck_assert_ptr_nonnull(strchr(trace, 'w'));
    close_both();
}
END_TEST

/* The fd's number goes to another socket once the reader is gone. */
START_TEST(a_number_that_is_reused_has_nothing_of_the_old_fd) {
    open_both();
    for (int i = 0; i < 100; i++) {
        trace_length = 0;
        add_reader(fds[0], note, "o");
        if (i % 2)
            run_idle();
        if (i % 4 >= 2)
            put(fds[1], "x", 1);
        ck_assert(cede_loop_remove_reader(loop, fds[0]));
        close(fds[0]);
        close(fds[1]);
        unix_pair(fds);
        trace_length = 0;
        trace[0] = '\0';
        add_reader(fds[0], read_one, "n");
        run_idle();
        ck_assert_str_eq(trace, "");
        put(fds[1], "x", 1);
        run_until(1);
        run_idle();
        ck_assert_str_eq(trace, "n");
        ck_assert(cede_loop_remove_reader(loop, fds[0]));
    }
    close_both();
}
END_TEST

START_TEST(a_removed_reader_whose_fd_lives_on_elsewhere_makes_no_noise) {
    int copy;

    open_both();
    add_reader(fds[0], note, "!");
    run_idle();
    copy = dup(fds[0]);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    close(fds[0]);
    fds[0] = -1;
    put(fds[1], "x", 1);
    later(CEDE_MILLISECOND, note, "t");
    run_out();
    ck_assert_str_eq(trace, "t");
    close(copy);
    close_both();
}
END_TEST

START_TEST(pipes_terminals_and_files_can_be_watched) {
    int pipes[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    open_both();
    loop_fds_before--;
    ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
    add_reader(file, note, "f");
    run_until(2);
    ck_assert(cede_loop_remove_reader(loop, file));
    close(file);
    trace_length = 0;
    add_writer(pipes[1], note, "w");
    run_until(1);
    ck_assert(cede_loop_remove_writer(loop, pipes[1]));
    add_reader(pipes[0], note_and_stop_reading, "r");
    run_idle();
    close(pipes[1]);
    run_until(2);
    ck_assert(cede_loop_remove_reader(loop, pipes[0]));
    close(pipes[0]);
    ck_assert_str_eq(trace, "wr");
    close_both();
}
END_TEST

START_TEST(what_is_no_fd_is_refused) {
    open_both();
    ck_assert_int_eq(cede_loop_add_reader(loop, -1, note, NULL), -EBADF);
    ck_assert_int_eq(cede_loop_add_reader(loop, 9999, note, NULL), -EBADF);
    ck_assert_int_eq(cede_loop_add_writer(loop, 9999, note, NULL), -EBADF);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], NULL, NULL), -EINVAL);
    ck_assert_int_eq(cede_loop_add_reader(NULL, fds[0], note, NULL), -EINVAL);
    ck_assert(!cede_loop_remove_reader(loop, -1));
    ck_assert(!cede_loop_remove_reader(loop, 9999));
    ck_assert(!cede_loop_remove_writer(loop, fds[0]));
    ck_assert_int_eq(cede_loop_run(loop), 1);
    close_both();
}
END_TEST

START_TEST(a_loop_with_readers_is_not_closed) {
    open_both();
    add_reader(fds[0], note, "!");
    ck_assert_int_eq(cede_loop_close(loop), -EBUSY);
    run_idle();
    ck_assert_int_eq(cede_loop_close(loop), -EBUSY);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    close_both();
}
END_TEST

START_TEST(a_loop_can_be_closed_right_after_the_last_removal) {
    for (int i = 0; i < 20; i++) {
        open_both();
        put(fds[1], "x", 1);
        add_reader(fds[0], note, "r");
        add_writer(fds[0], note, "w");
        add_reader(fds[1], note, "s");
        if (i % 2)
            run_idle();
        cede_loop_remove_reader(loop, fds[1]);
        close_both();
    }
}
END_TEST

START_TEST(closing_an_fd_by_the_library_ends_its_reader_and_writer) {
    for (int i = 0; i < 4; i++) {
        open_both();
        put(fds[1], "x", 1);
        add_reader(fds[0], note, "r");
        if (i % 2)
            add_writer(fds[0], note, "w");
        if (i / 2)
            run_idle();
        ck_assert_int_eq(cede_close(fds[0]), 0);
        trace_length = 0;
        ck_assert(!cede_loop_remove_reader(loop, fds[0]));
        ck_assert(!cede_loop_remove_writer(loop, fds[0]));
        run_out();
        ck_assert_uint_eq(trace_length, 0);
        fds[0] = -1;
        close_both();
    }
}
END_TEST

START_TEST(a_thousand_readers) {
    enum { COUNT = 1000 };
    static int many[COUNT][2];

    open_both();
    for (int i = 0; i < COUNT; i++) {
        unix_pair(many[i]);
        add_reader(many[i][0], note, "r");
    }
    run_idle();
    for (int i = 0; i < COUNT; i += 10)
        put(many[i][1], "x", 1);
    run_until(COUNT / 10);
    for (int i = 0; i < COUNT; i++) {
        ck_assert(cede_loop_remove_reader(loop, many[i][0]));
        close(many[i][0]);
        close(many[i][1]);
    }
    ck_assert_int_eq(cede_loop_run(loop), 1);
    close_both();
}
END_TEST

CEDE_CHECK_MAIN("loop_watch", a_reader_is_called_while_there_is_something_to_read,
                adding_calls_nothing_by_itself, a_second_call_replaces_the_function,
                removed_while_it_is_ready_it_is_not_called, a_reader_may_remove_and_replace_itself,
                a_reader_may_remove_another_that_is_ready, reader_and_writer_of_one_fd_are_apart,
                a_peer_that_closes_is_reported, a_number_that_is_reused_has_nothing_of_the_old_fd,
                a_removed_reader_whose_fd_lives_on_elsewhere_makes_no_noise,
                pipes_terminals_and_files_can_be_watched, what_is_no_fd_is_refused,
                a_loop_with_readers_is_not_closed,
                a_loop_can_be_closed_right_after_the_last_removal,
                closing_an_fd_by_the_library_ends_its_reader_and_writer, a_thousand_readers)
