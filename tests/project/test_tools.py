"""The scripts behind the Makefile: a failure is never counted as a success, and installing what is
missing asks for no more than it needs. The package tools are stand-ins; nothing is installed."""

import os
import subprocess
import sys

import pytest

from conftest import TOP, run

sys.path.insert(0, str(TOP / "tools"))
import run_tests  # noqa: E402

CHECK = "100%: Checks: 12, Failures: 0, Errors: 0"
CHECK_BAD = "75%: Checks: 12, Failures: 1, Errors: 2"


@pytest.mark.parametrize("status, lines, counts", [
    ("Passed", [CHECK], (12, 0)),
    ("Passed", [], (1, 0)),
    ("Failed", [CHECK_BAD], (9, 3)),
    ("Failed", [CHECK], (12, 1)),
    ("Exception: SegFault", [], (0, 1)),
    ("Timeout", ["anything"], (0, 1)),
    ("Not Run", [], (0, 1)),
    ("Passed", ["92 passed, 1 skipped in 2.05s"], (92, 0)),
    ("Passed", ["3 skipped in 0.05s"], (0, 0)),
    ("Failed", ["1 failed, 91 passed, 2 errors in 2.05s"], (91, 3)),
])
def test_cases_are_counted(status, lines, counts):
    assert run_tests.verdict(status, lines) == counts


def test_a_program_that_fails_or_is_missing_fails_the_run(tmp_path):
    (tmp_path / "CTestTestfile.cmake").write_text(
        "add_test(good sh -c \"echo '100%: Checks: 3, Failures: 0, Errors: 0'\")\n"
        "add_test(bad sh -c \"kill -SEGV $$\")\n"
        "add_test(missing ./no-such-program)\n")
    result = subprocess.run([sys.executable, TOP / "tools/run_tests.py", tmp_path],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "3 passed, 2 failed"


def test_no_tests_fail_the_run(tmp_path):
    (tmp_path / "CTestTestfile.cmake").write_text("")
    result = subprocess.run([sys.executable, TOP / "tools/run_tests.py", tmp_path],
                            capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"


class Machine:
    """A PATH on which the package tools are scripts that write down how they were called."""

    def __init__(self, path, installed):
        self.path = path
        self.log = path / "log"
        self.put("dpkg-query", f'case " {installed} " in *" $4 "*) echo installed ;; '
                               '*) echo "no package $4" >&2; exit 1 ;; esac')
        self.be(0)
        for tool in ("sh", "env", "grep", "tr"):
            (path / tool).symlink_to(run("sh", "-c", f"command -v {tool}").strip())

    def put(self, name, script):
        (self.path / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.path / name).chmod(0o755)

    def be(self, uid):
        self.put("id", f"echo {uid}")

    def deps(self, *groups):
        result = subprocess.run([TOP / "tools/deps.sh", *groups], env={"PATH": str(self.path)},
                                capture_output=True, text=True, timeout=60)
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        return result, calls

    def recorder(self, name, before="", after=""):
        self.put(name, f'{before}\necho "{name} $*" >>{self.log}\n{after}')


BUILD = "gcc libc6-dev cmake ninja-build pkg-config"


@pytest.fixture
def machine(tmp_path):
    return lambda installed: Machine(tmp_path, installed)


def test_nothing_is_called_when_nothing_is_missing(machine):
    here = machine(BUILD + " liburing-dev")
    here.recorder("apt-get")
    result, calls = here.deps("build")
    assert (result.returncode, result.stdout, result.stderr, calls) == (0, "", "", [])


def test_root_installs_what_is_missing_and_only_that(machine):
    here = machine(BUILD)
    here.recorder("apt-get")
    result, calls = here.deps("build")
    assert result.returncode == 0
    (call,) = calls
    assert call.startswith("apt-get install ") and call.endswith(" liburing-dev")
    assert "gcc" not in call


def test_package_lists_are_fetched_when_the_first_try_fails(machine):
    here = machine(BUILD)
    here.recorder("apt-get", after=f'case "$*" in update*) >{here.path}/fresh ;; '
                                   f'*) [ -e {here.path}/fresh ] ;; esac')
    result, calls = here.deps("build")
    assert result.returncode == 0
    assert [call.split()[1] for call in calls] == ["install", "update", "install"]


def test_user_with_sudo_installs_through_it(machine):
    here = machine(BUILD)
    here.be(1000)
    here.recorder("apt-get")
    here.recorder("sudo", after='[ "$1" = -n ] && shift; exec "$@"')
    here.put("true", "exit 0")
    result, calls = here.deps("build")
    assert result.returncode == 0
    assert calls[-1].startswith("apt-get install ")


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_user_without_sudo_is_told_the_command(machine, sudo):
    here = machine(BUILD)
    here.be(1000)
    here.recorder("apt-get")
    if sudo:
        here.put("sudo", sudo)
    result, calls = here.deps("build")
    assert result.returncode == 1
    assert calls == []
    assert "sudo apt-get install -y" in result.stderr or "&& sudo apt-get install" in result.stderr
    assert result.stderr.rstrip().endswith(" liburing-dev")


def test_other_systems_are_told_what_is_needed(machine):
    here = machine("")
    os.unlink(here.path / "dpkg-query")
    result, calls = here.deps("build")
    assert result.returncode == 1
    assert "cmake ninja-build" in result.stderr and '"cc" is not here' in result.stderr
    for tool in ("cc", "cmake", "ninja", "pkg-config"):
        here.put(tool, "exit 0")
    assert here.deps("build")[0].returncode == 0


def test_unknown_group_is_refused(machine):
    assert machine("").deps("nonsense")[0].returncode == 2
