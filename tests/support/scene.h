/* scene.h: what tests of tasks have in common: a body that runs in a task, a trace of what
 * happened in which order, standard error as text, and the count of open fds. */
#ifndef CEDE_TESTS_SCENE_H
#define CEDE_TESTS_SCENE_H

#include "check_main.h"

#include <cede.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A test whose body runs in the first task of a run, which has to end with 0. */
#define TASK_TEST(name)                                                                            \
    static void name##_body(void);                                                                 \
    static int name##_main(void *arg) {                                                            \
        (void)arg;                                                                                 \
        name##_body();                                                                             \
        return 0;                                                                                  \
    }                                                                                              \
    START_TEST(name) {                                                                             \
        ck_assert_int_eq(cede_run(name##_main, NULL), 0);                                          \
    }                                                                                              \
    END_TEST                                                                                       \
    static void name##_body(void)

/* What happened, as one character each. */
static char scene_trace[1024];

__attribute__((unused)) static void trace(char c) {
    size_t n = strlen(scene_trace);

    ck_assert_uint_lt(n, sizeof scene_trace - 1);
    scene_trace[n] = c;
}

#define ck_assert_trace(expected) ck_assert_str_eq(scene_trace, expected)

__attribute__((unused)) static size_t count_fds(void) {
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count - 3; /* ".", ".." and the directory's own */
}

/* Between the two, what goes to standard error is kept; the second returns it as a string of static
 * storage. */
static int scene_stderr = -1, scene_capture = -1;

__attribute__((unused)) static void capture_begin(void) {
    scene_stderr = dup(STDERR_FILENO);
    scene_capture = memfd_create("stderr", MFD_CLOEXEC);
    ck_assert_int_ge(scene_capture, 0);
    dup2(scene_capture, STDERR_FILENO);
}

__attribute__((unused)) static const char *capture_end(void) {
    static char text[16384];
    ssize_t n = pread(scene_capture, text, sizeof text - 1, 0);

    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    dup2(scene_stderr, STDERR_FILENO);
    close(scene_stderr);
    close(scene_capture);
    return text;
}

#define ck_assert_says(text, part)                                                                 \
    ck_assert_msg(strstr((text), (part)) != NULL, "\"%s\" is not in: %s", (part), (text))

/* Runs fn(arg) in a child process, which ends by _exit(fn's result) if not otherwise. Returns its
 * wait status. */
__attribute__((unused)) static int in_child(int (*fn)(void *arg), void *arg) {
    pid_t pid = fork();
    int status;

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(fn(arg));
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

#define ck_assert_exits_0(status)                                                                  \
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x",                \
                  (unsigned)(status))

/* Lets everything that is ready run, a few times over. */
__attribute__((unused)) static void settle(void) {
    for (int i = 0; i < 5; i++)
        cede_task_yield();
}

#endif
