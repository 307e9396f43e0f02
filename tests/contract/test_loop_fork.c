/* A forked child has no loop, may make one, and cannot disturb its parent's. */
#include "check_main.h"

#include "support/loops.h"

#include <sys/wait.h>

static int fds[2];
static char letter = 'r';

/* The child's verdict: the line of the first thing that was wrong, or 0. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            _exit(__LINE__ % 255 + 1);                                                             \
    } while (0)

static void check_child(pid_t child) {
    int status;

    while (waitpid(child, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child: %#x (line %d)", status,
                  WEXITSTATUS(status) - 1);
}

static void use_old_loop(void) {
    EXPECT(cede_loop_current() == NULL);
    EXPECT(cede_loop_run(loop) == -EPERM);
    EXPECT(cede_loop_run_once(loop, false) == -EPERM);
    EXPECT(cede_loop_close(loop) == -EPERM);
    EXPECT(cede_loop_call_soon(loop, note, NULL, NULL) == -EPERM);
    EXPECT(cede_loop_call_later(loop, 1, note, NULL, NULL) == -EPERM);
    EXPECT(cede_loop_add_reader(loop, fds[0], note, NULL) == -EPERM);
    EXPECT(cede_loop_add_signal(loop, SIGUSR1, note, NULL) == -EPERM);
    EXPECT(cede_loop_post(loop, note, NULL) == -EPERM);
    EXPECT(!cede_loop_remove_reader(loop, fds[0]));
}

START_TEST(the_parents_loop_refuses_the_child) {
    pid_t child;

    loop_open();
    unix_pair(fds);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], note, &letter), 0);
    cede_loop_run_once(loop, false);
    child = fork();
    if (child == 0) {
        use_old_loop();
        _exit(0);
    }
    check_child(child);
    put(fds[1], "x", 1);
    while (trace_length == 0)
        ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    close(fds[0]);
    close(fds[1]);
    loop_close();
}
END_TEST

static void run_new_loop(void) {
    int own[2];

    EXPECT(cede_loop_new(&loop, NULL) == 0);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, own) == 0);
    trace_length = 0;
    EXPECT(cede_loop_call_later(loop, CEDE_MILLISECOND, note, &letter, NULL) == 0);
    EXPECT(cede_loop_add_reader(loop, own[0], stop, NULL) == 0);
    EXPECT(cede_loop_add_signal(loop, SIGUSR1, note, &letter) == 0);
    raise(SIGUSR1);
    while (trace_length < 2)
        EXPECT(cede_loop_run_once(loop, true) == 0);
    EXPECT(write(own[1], "x", 1) == 1);
    EXPECT(cede_loop_run(loop) == 0);
    EXPECT(cede_loop_remove_reader(loop, own[0]));
    EXPECT(cede_loop_close(loop) == 0);
}

static void fork_inside(void *arg) {
    pid_t child = fork();

    (void)arg;
    if (child == 0) {
        run_new_loop();
        _exit(0);
    }
    check_child(child);
    note(arg);
}

START_TEST(a_child_of_a_running_loop_may_have_its_own) {
    static char letters[] = "fr";

    loop_open();
    unix_pair(fds);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], note, &letters[1]), 0);
    ck_assert_int_eq(cede_loop_add_signal(loop, SIGUSR1, note, &letters[1]), 0);
    for (size_t i = 1; i <= 2; i++) {
        soon(fork_inside, &letters[0]);
        while (trace_length < i)
            cede_loop_run_once(loop, false);
    }
    ck_assert_str_eq(trace, "ff"); /* and neither the child's signal nor its bytes got here */
    cede_loop_run_once(loop, false);
    ck_assert_str_eq(trace, "ff");
    put(fds[1], "x", 1);
    while (trace_length < 3)
        ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
    raise(SIGUSR1);
    while (trace_length < 5)
        ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    close(fds[0]);
    close(fds[1]);
    loop_close();
}
END_TEST

START_TEST(a_child_has_the_signals_from_before_the_loop) {
    pid_t child;
    int status;

    loop_open();
    ck_assert_int_eq(cede_loop_add_signal(loop, SIGUSR1, note, NULL), 0);
    child = fork();
    if (child == 0) {
        raise(SIGUSR1);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
    cede_loop_run_once(loop, false);
    ck_assert_str_eq(trace, "");
    loop_close();
}
END_TEST

START_TEST(children_that_end_leave_the_parents_watches_alone) {
    loop_open();
    unix_pair(fds);
    ck_assert_int_eq(cede_loop_add_reader(loop, fds[0], note, &letter), 0);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();

        if (child == 0) {
            close(fds[0]);
            _exit(0);
        }
        check_child(child);
        cede_loop_run_once(loop, false);
        ck_assert_str_eq(trace, "");
    }
    put(fds[1], "x", 1);
    while (trace_length == 0)
        ck_assert_int_eq(cede_loop_run_once(loop, true), 0);
    ck_assert(cede_loop_remove_reader(loop, fds[0]));
    close(fds[0]);
    close(fds[1]);
    loop_close();
}
END_TEST

CEDE_CHECK_MAIN("loop_fork", the_parents_loop_refuses_the_child,
                a_child_of_a_running_loop_may_have_its_own,
                a_child_has_the_signals_from_before_the_loop,
                children_that_end_leave_the_parents_watches_alone)
