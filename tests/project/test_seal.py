"""The seam is sealed: apart from the files that are its inner side, no object of the library calls
the kernel, nor anything in the C library that might. What an object can call is what `nm` lists as
undefined; what it could do without calling is a system call instruction, which objdump shows."""

import fnmatch
import re

import pytest

from conftest import TOP, run

# The inner side of the seam: what each of these talks to the kernel for.
KERNEL_FILES = {
    "src/loop/kernel.c": "clocks and whatever else both backends need of the kernel",
    "src/loop/backend_*.c": "the backends",
    "src/loop/uring_*.c": "the rest of the io_uring backend",
    "src/coro/stack.c": "gives the memory of cold stacks back",
    "src/coro/slab.c": "maps stacks and guards them",
    "src/coro/overflow.c": "reports a stack overflow from a signal handler",
}

# Functions of the C library that compute, or that touch nothing but the process's own memory.
PURE = {
    "memory and strings": """memchr memcmp memcpy memmove memrchr memset rawmemchr stpcpy strchr
        strchrnul strcmp strcpy strcspn strlen strncmp strncpy strnlen strrchr strspn strstr
        strcasecmp strncasecmp strdup strndup strtol strtoll strtoul strtoull
        __isoc23_strtol __isoc23_strtoll __isoc23_strtoul __isoc23_strtoull __ctype_b_loc""",
    "formatting into memory": "snprintf sprintf vsnprintf",
    "the heap, whose calls are the allocator's": "malloc calloc realloc free aligned_alloc",
    "sorting and searching": "qsort bsearch",
    "the end": "abort __stack_chk_fail __assert_fail",
    "threads, without waiting for them": """pthread_once pthread_key_create pthread_key_delete
        pthread_getspecific pthread_setspecific pthread_self pthread_atfork __register_atfork""",
    "addresses in memory": "inet_pton inet_ntop",
    "errno": "__errno_location",
    "the linker's own": "_GLOBAL_OFFSET_TABLE_ __tls_get_addr __dso_handle",
}
PURE_NAMES = {name for names in PURE.values() for name in names.split()}

# Single calls elsewhere, each with its reason.
EXCEPTIONS = {
    "src/base/base.c": {
        "fprintf": "writes the report before an abort",
        "stderr": "is where it goes",
    },
    "src/loop/loop.c": {"secure_getenv": "reads CEDE_BACKEND when a loop is made"},
    "src/loop/signal.c": {
        "pthread_mutex_lock": "guards the table of signals, which is the process's",
        "pthread_mutex_unlock": "the same",
    },
    "src/task/offload.c": {
        **dict.fromkeys(
            ("pthread_create", "pthread_join"), "makes and ends the pool's threads"),
        **dict.fromkeys(
            ("pthread_mutex_init", "pthread_mutex_destroy", "pthread_mutex_lock",
             "pthread_mutex_unlock"), "guards a pool, which its threads share with the loop's"),
        **dict.fromkeys(
            ("pthread_cond_init", "pthread_cond_destroy", "pthread_cond_signal",
             "pthread_cond_broadcast", "pthread_condattr_init", "pthread_condattr_setclock",
             "pthread_condattr_destroy", "pthread_cond_timedwait"),
            "is what the pool's threads wait at"),
        **dict.fromkeys(
            ("pthread_sigmask", "sigfillset", "sigdelset"),
            "keeps signals away from the pool's threads"),
    },
}


def plain(symbol):
    """The function behind a symbol: without its version and without _FORTIFY_SOURCE's checks."""
    symbol = symbol.split("@")[0]
    fortified = re.fullmatch(r"__(\w+)_chk", symbol)
    return fortified[1] if fortified else symbol


def undefined_symbols(obj):
    return {plain(line.split()[-1]) for line in run("nm", "-u", obj).splitlines()}


def violations(source, obj):
    """What the object of this source file reaches for that it must not."""
    found = {name for name in undefined_symbols(obj) if not name.startswith("cede_")}
    found -= PURE_NAMES | EXCEPTIONS.get(source, {}).keys()
    if re.search(r"\t(syscall|sysenter|svc)\b", run("objdump", "-d", "--no-show-raw-insn", obj)):
        found.add("a system call instruction")
    return found


def is_kernel_file(source):
    return any(fnmatch.fnmatch(source, pattern) for pattern in KERNEL_FILES)


def library_objects(build):
    """Source file and object of everything that the library is made of."""
    top = build / "CMakeFiles/cede_objects.dir"
    return {str(obj.relative_to(top))[:-2]: obj for obj in sorted(top.glob("src/*/*.o"))
            if (TOP / obj.relative_to(top)).with_suffix("").exists()}


def test_only_kernel_files_reach_the_kernel(build):
    found = {}
    for source, obj in library_objects(build).items():
        if not is_kernel_file(source) and (names := violations(source, obj)):
            found[source] = sorted(names)
    assert found == {}, "these belong behind the seam (src/loop/backend.h)"


def test_every_object_of_the_archive_was_checked(build):
    members = run("ar", "t", build / "libcede.a").split()
    assert sorted(members) == sorted(obj.name for obj in library_objects(build).values())


def test_every_exception_is_needed(build):
    objects = library_objects(build)
    for source, names in EXCEPTIONS.items():
        assert set(names) <= undefined_symbols(objects[source]), source
    for pattern in KERNEL_FILES:
        sources = fnmatch.filter(objects, pattern)
        assert sources, f"{pattern} is listed and there is no such file"
        for source in sources:
            assert violations(source, objects[source]), f"{source} needs no entry: it is pure"


@pytest.mark.parametrize("body, found", [
    ("char c; return (int)read(0, &c, 1);", {"read"}),
    ("return open(\"/\", 0);", {"open"}),
    ("struct timespec t; return clock_gettime(CLOCK_REALTIME, &t);", {"clock_gettime"}),
    ("return rand();", {"rand"}),
    ("return fprintf(stderr, \"%d\", 1);", {"fprintf", "stderr"}),
    ("return (int)strlen((char *)malloc(3));", set()),
])
def test_the_check_sees_violations(tmp_path, body, found):
    source = tmp_path / "probe.c"
    source.write_text("#include <fcntl.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
                      "#include <string.h>\n#include <time.h>\n#include <unistd.h>\n"
                      f"int f(void);\nint f(void) {{ {body} }}\n")
    run("cc", "-O0", "-w", "-c", source, "-o", tmp_path / "probe.o")
    assert violations("probe.c", tmp_path / "probe.o") == found


def test_the_check_sees_system_call_instructions(tmp_path):
    source = tmp_path / "probe.c"
    source.write_text("#ifdef __x86_64__\nvoid f(void) { __asm__ volatile(\"syscall\"); }\n"
                      "#else\nvoid f(void) { __asm__ volatile(\"svc 0\"); }\n#endif\n")
    run("cc", "-c", source, "-o", tmp_path / "probe.o")
    assert violations("probe.c", tmp_path / "probe.o") == {"a system call instruction"}
