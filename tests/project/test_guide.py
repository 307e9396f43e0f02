"""The chapters of the guide are programs: a chapter's C, put together, compiles without a warning
and prints the chapter's output."""

import os
import re
import subprocess

import pytest

from conftest import TOP, run

CHAPTERS = [path for path in sorted((TOP / "docs/guide").glob("*.md"))
            if re.search(r"^int main\(", path.read_text(), re.MULTILINE)]


def blocks(path, language):
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)


def test_there_are_chapters():
    assert {"tasks", "cancellation"} <= {path.stem for path in CHAPTERS}


@pytest.mark.parametrize("backend", ["epoll", "io_uring"])
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_prints_what_it_says(path, backend, build, tmp_path):
    source, binary = tmp_path / "chapter.c", tmp_path / "chapter"
    source.write_text("\n".join(blocks(path, "c")))
    run("cc", "-Wall", "-Wextra", "-Werror", "-I", TOP / "include", source, "-o", binary,
        "-L", build, "-lcede", f"-Wl,-rpath,{build}")
    result = subprocess.run([binary], capture_output=True, text=True, timeout=60,
                            env={**os.environ, "CEDE_BACKEND": backend})
    assert result.stdout == "".join(blocks(path, "output"))
    assert (result.returncode, result.stderr) == (0, "")
