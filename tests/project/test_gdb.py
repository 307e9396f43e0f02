"""A debugger's backtrace goes through a switch: from inside a coroutine to whoever resumed it, and
from inside a task to where the task starts, and ends there."""

import re
import shutil
import subprocess

import pytest

from conftest import TOP, run

PROGRAM = r"""
#include <cede/coro.h>
#include "coro/fiber.h"
#include "coro/stack.h"

static struct cede__fiber fiber;

__attribute__((noinline)) void stop_here(void) {
    __asm__ volatile("" : : : "memory");
}

static int inner_body(void *arg, void **ret_value) {
    (void)arg, (void)ret_value;
    stop_here();
    return 0;
}

static int outer_body(void *arg, void **ret_value) {
    cede_coro *inner;

    (void)arg, (void)ret_value;
    if (cede_coro_new(&inner, inner_body, NULL) < 0)
        return -1;
    cede_coro_send(inner, NULL, NULL);
    cede_coro_free(inner);
    return 0;
}

static __attribute__((noinline)) void run_outer(void) {
    cede_coro *outer;

    if (cede_coro_new(&outer, outer_body, NULL) < 0)
        return;
    cede_coro_send(outer, NULL, NULL);
    cede_coro_free(outer);
}

static void task_body(void *arg) {
    run_outer();
    cede__fiber_exit(&fiber, arg);
}

int main(void) {
    struct cede__fiber *root = cede__fiber_root();
    struct cede__stack *stack;

    run_outer();
    if (cede__stack_new(0, &stack) < 0)
        return 1;
    cede__fiber_init(&fiber, cede__stack_top(stack), cede__stack_size(stack), task_body, root);
    cede__fiber_switch(root, &fiber);
    return 0;
}
"""

# The first frame of a coroutine is one that gdb calls, without its name, a signal handler's.
IN_COROUTINES = ["stop_here", "inner_body", "coro_main", "cede_coro_send",
                 "outer_body", "coro_main", "cede_coro_send", "run_outer"]


def cached(build, name):
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split("=", 1)[1]
    return ""


@pytest.fixture(scope="module")
def backtraces(build, tmp_path_factory):
    """The functions of the frames, innermost first, for each of the two stops; and all of the
    debugger's output."""
    if not shutil.which("gdb"):
        pytest.skip("gdb is not installed")
    if cached(build, "CEDE_SWITCH_UCONTEXT") == "ON":
        pytest.skip("the portable switch has no backtraces")
    if cached(build, "CEDE_SANITIZE"):
        pytest.skip("sanitizers slow the debugger down and add frames of their own")
    directory = tmp_path_factory.mktemp("gdb")
    (directory / "program.c").write_text(PROGRAM)
    libraries = ["-lpthread"]
    if cached(build, "LIBURING_FOUND"):
        libraries.append("-luring")
    run(cached(build, "CMAKE_C_COMPILER"), "-std=gnu17", "-D_GNU_SOURCE", "-g", "-O2",
        f"-I{TOP}/include", f"-I{TOP}/src", directory / "program.c", build / "libcede.a",
        *libraries, "-o", directory / "program")
    result = subprocess.run(
        ["gdb", "--batch", "--nx", "-ex", "break stop_here", "-ex", "run", "-ex", "bt",
         "-ex", "echo SECOND\\n", "-ex", "continue", "-ex", "bt", directory / "program"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
        timeout=120)
    output = result.stdout
    if "ptrace: Operation not permitted" in output:
        pytest.skip("gdb may not trace here")
    stops = [re.findall(r"^#\d+ +(?:0x\w+ in )?(\S+) \(", part, re.MULTILINE)
             for part in output.split("SECOND")]
    # Functions that were inlined show as frames or not, as the compiler pleases; and what has no
    # debug information gdb reads as Ada, with a dot for two underscores.
    hidden = {"resume", "cede__switch", "cede__fiber_switch"}
    return [[name.replace("cede.", "cede__") for name in stop if name not in hidden]
            for stop in stops], output


def test_backtrace_goes_on_from_a_coroutine_to_its_sender(backtraces):
    (first, _), output = backtraces
    assert first == IN_COROUTINES + ["main"], output


def test_backtrace_of_a_task_ends_where_it_starts(backtraces):
    (_, second), output = backtraces
    assert second == IN_COROUTINES + ["task_body", "begin", "cede__switch_entry_last"], output
    assert "corrupt" not in output
    assert "Backtrace stopped" not in output
