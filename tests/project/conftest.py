"""What the project's checks share: where the tree and its build are, and how commands are run."""

import os
import pathlib
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


def run(*command, **options):
    """Runs a command and returns its output; its failure fails the test, with all that it wrote."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=240, **options)
    assert result.returncode == 0, f"{' '.join(map(str, command))}:\n{result.stdout}"
    return result.stdout


@pytest.fixture(scope="session")
def build():
    """The build directory whose results are checked."""
    return pathlib.Path(os.environ.get("CEDE_BUILD", TOP / "build"))


@pytest.fixture(scope="session")
def installed(build, tmp_path_factory):
    """A prefix that the build was installed to."""
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", build, "--prefix", prefix)
    return prefix
