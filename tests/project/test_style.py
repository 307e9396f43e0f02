"""The rules of docs/STYLE.md that a program can check."""

import re
import shutil
import statistics
import subprocess

import pytest

from conftest import TOP, run

COLUMNS = 100
FUNCTION_LINES = 70
MEDIAN_FUNCTION_LINES = 15
FILE_LINES = 450
CLANG_FORMAT = "14"  # Versions differ in what they make of the same rules.

C_DIRS = ["src", "include", "cli", "tests", "examples", "bench"]
SHORT_DIRS = ["src", "include", "cli"]
TEXT_FILES = ["*.c", "*.h", "*.cpp", "*.py", "*.sh", "*.md", "*.cmake", "*.txt", "*.json"]
UNDONE = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b(?!\(#\d+\))")


def files(dirs, patterns):
    found = {path for top in dirs for pattern in patterns for path in (TOP / top).rglob(pattern)}
    assert found
    return sorted(found)


def c_files(dirs):
    return files(dirs, ["*.c", "*.h"])


def place(path, line):
    return f"{path.relative_to(TOP)}:{line}"


def functions(lines):
    """The line number and length of each function: what opens with a brace at the end of a line and
    closes with a lone one in the first column. Types and tables close with more than that."""
    start = None
    for number, line in enumerate(lines, 1):
        if start is None:
            if line.endswith(") {"):
                start = number
        elif line.startswith("}"):
            if line == "}":
                yield start, number - start + 1
            start = None


def undocumented(text):
    """Public declarations of a header that have no comment above them. Declarations that follow
    each other without a blank line share one."""
    for paragraph in re.split(r"\n\s*\n", text):
        code = re.sub(r"/\*.*?\*/", "", paragraph, flags=re.DOTALL)
        if re.search(r"^CEDE_PUBLIC ", code, re.MULTILINE):
            if not paragraph.lstrip().startswith("/*"):
                yield paragraph.strip().splitlines()[0]


def test_formatting():
    if not (tool := shutil.which(f"clang-format-{CLANG_FORMAT}")):
        pytest.skip(f"clang-format {CLANG_FORMAT} is not installed")
    result = subprocess.run([tool, "--dry-run", *map(str, c_files(C_DIRS))],
                            capture_output=True, text=True, timeout=120)
    wrong = sorted(set(re.findall(rf"^{TOP}/(\S+?):\d", result.stderr, re.MULTILINE)))
    assert result.returncode == 0 and not wrong, "make format would change " + " ".join(wrong)


def test_lines_fit_and_have_no_tabs():
    wrong = [place(path, number)
             for path in c_files(C_DIRS) + files(["tests", "tools", "bench"], ["*.py"])
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if len(line) > COLUMNS or "\t" in line or line != line.rstrip()]
    assert not wrong, "\n".join(wrong)


def test_files_are_short():
    long = [place(path, count) for path in c_files(SHORT_DIRS)
            if (count := len(path.read_text().splitlines())) > FILE_LINES]
    assert long == []


def test_functions_are_short():
    sizes = [(place(path, number), size) for path in c_files(SHORT_DIRS)
             for number, size in functions(path.read_text().splitlines())]
    assert [found for found in sizes if found[1] > FUNCTION_LINES] == []
    assert statistics.median(size for _, size in sizes) < MEDIAN_FUNCTION_LINES


def test_nothing_is_left_undone():
    paths = files(C_DIRS + ["tools", "docs", "cmake"], TEXT_FILES) + sorted(TOP.glob("*.md"))
    wrong = [place(path, number) for path in paths
             if path.name not in ("test_style.py", "STYLE.md")
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if UNDONE.search(line)]
    assert wrong == []


def test_public_declarations_are_documented():
    wrong = {str(path.relative_to(TOP)): found for path in files(["include"], ["*.h"])
             if (found := list(undocumented(path.read_text())))}
    assert wrong == {}


def test_public_names(build):
    """What the shared library exports is what the headers declare, and all of it is cede_noun."""
    symbols = run("nm", "-D", "--defined-only", build / "libcede.so").splitlines()
    exported = {line.split()[-1].split("@")[0] for line in symbols}
    text = "\n".join(path.read_text() for path in files(["include"], ["*.h"]))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    declared = set(re.findall(r"^CEDE_PUBLIC[^;]*?\b(cede_\w+)(?=\(|;|\[)", text, re.MULTILINE))
    assert exported == declared
    assert not [name for name in exported if name.startswith("cede__")]


def test_the_checks_see_violations():
    long = ["int f(void) {", *["    g();"] * 69, "}"]
    assert list(functions(long)) == [(1, 71)]
    assert list(functions(["static int f(int a,", "             int b) {", "}"])) == [(2, 2)]
    assert list(functions(["static const int t[] = {", "};"])) == []
    assert UNDONE.search("/* TODO: later */") and not UNDONE.search("TODO(#12): later")
    bare = "/* Sees. */\nCEDE_PUBLIC int f(void);\n\nCEDE_PUBLIC int g(void);\n"
    assert list(undocumented(bare)) == ["CEDE_PUBLIC int g(void);"]
