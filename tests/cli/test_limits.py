"""`cede echo` at its limits: no fds left, as many connections as fds, no io_uring."""

import contextlib
import os
import pathlib
import resource
import subprocess
import sys
import time

import pytest

from conftest import (PATIENCE, SLOWDOWN, cede, echoes, eventually, is_over, receive, reset,
                      serving, tool)

CROWD = pathlib.Path(__file__).with_name("crowd.py")
DENY = pathlib.Path(__file__).with_name("deny_uring.c")
CONNECTIONS = 19_000
SPARE_FDS = 200  # What else the server has open, sanitizers included, is less than that.


def cpu_seconds(process):
    """User and system time of a process until now."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def served(client):
    """Whether a connection is served, rather than refused."""
    try:
        client.sendall(b"x")
        return receive(client, 1) == b"x"
    except (ConnectionResetError, BrokenPipeError):
        return False


def test_running_out_of_fds(backend):
    """The excess is refused; then more connections come and wait in vain, and the server rests.
    When fds are free again, it serves again, and those that it has are untouched all the while."""
    with serving("--backend", backend, wrapper=[tool("prlimit"), "--nofile=40"]) as server:
        started = time.monotonic()
        crowd = [server.connect() for _ in range(100)]
        inside = [client for client in crowd if served(client)]
        outside = [client for client in crowd if client not in inside]
        assert 10 < len(inside) < 40
        assert all(is_over(client) for client in outside)

        before = cpu_seconds(server.process)
        time.sleep(1)
        assert cpu_seconds(server.process) - before < 0.02 * SLOWDOWN + 0.02
        assert all(echoes(client) for client in inside)

        reports = server.stderr().splitlines()
        assert reports and all("too many open files" in line for line in reports)
        assert len(reports) <= 2 + time.monotonic() - started

        for client in inside[:5]:
            client.close()

        def serves_again():
            with server.connect() as client:
                return served(client)

        eventually(serves_again, "there is room again")
        assert all(echoes(client) for client in inside[5:])
        for client in crowd:
            client.close()


@contextlib.contextmanager
def crowd(port, count):
    """A process that holds so many connections; it is checked to have ended well."""
    process = subprocess.Popen([sys.executable, "-B", CROWD, str(port), str(count)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


def test_as_many_connections_as_fds(backend):
    """The soft limit of fds is low at first: the server raises it to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(CONNECTIONS, hard - SPARE_FDS)
    if count < 1000:
        pytest.skip(f"the hard limit of fds is only {hard}")
    half, rest = count // 2, count - count // 2
    with serving("--backend", backend, wrapper=[tool("prlimit"), "--nofile=256:"]) as server:
        with crowd(server.port, half) as one, crowd(server.port, rest) as other:
            assert one.stdout.readline() == f"ready {half}\n"
            assert other.stdout.readline() == f"ready {rest}\n"
            assert server.connections() == count
            with server.connect() as client:
                assert echoes(client, b"and one more")
        eventually(lambda: server.connections() == 0, "all connections are closed")
        assert server.stop() == 0
        assert server.stderr() == "" or "using epoll" in server.stderr()
    if count < CONNECTIONS:
        pytest.skip(f"passed with {count} connections; the hard limit of fds is {hard}")


@pytest.fixture(scope="module", params=["ENOSYS", "EPERM"])
def without_uring(request, tmp_path_factory):
    """A program that runs a command with io_uring's system calls refused."""
    program = tmp_path_factory.mktemp("deny") / "deny_uring"
    subprocess.run([tool("cc"), "-Wall", "-Werror", f"-DREFUSAL={request.param}", DENY, "-o",
                    program], check=True, timeout=60)
    probe = subprocess.run([program, "true"], capture_output=True, text=True, timeout=60)
    if probe.returncode != 0:
        pytest.skip(f"no seccomp filter can be set here: {probe.stderr.strip()}")
    return program


def test_falls_back_to_epoll_silently(without_uring):
    with serving(wrapper=[without_uring]) as server:
        with server.connect() as client:
            assert echoes(client)
        assert server.stop() == 0
        assert server.stderr() == ""


def test_falls_back_to_epoll_with_a_word_if_io_uring_was_asked_for(without_uring):
    with serving("--backend", "io_uring", wrapper=[without_uring]) as server:
        with server.connect() as client:
            assert echoes(client)
        assert server.stop() == 0
        (line,) = server.stderr().splitlines()
        assert line.startswith("cede echo: using epoll: io_uring does not run here: ")


def test_version_says_why_it_falls_back(without_uring):
    for environment in ({}, {"CEDE_BACKEND": "io_uring"}):
        result = cede("--version", wrapper=[without_uring], env={**os.environ, **environment})
        assert (result.returncode, result.stderr) == (0, "")
        assert "backend here: epoll (io_uring does not run here: " in result.stdout


def test_memory_of_idle_connections(backend):
    """An idle client costs a page of its stack and little more, so one and a half is too much."""
    if SLOWDOWN > 1:
        pytest.skip("memory is measured in ordinary builds only")
    count = 2000
    with serving("--backend", backend) as server:

        def resident():
            status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
            (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
            return int(line.split()[1]) * 1024

        first = [server.connect() for _ in range(100)]
        assert all(echoes(client) for client in first)
        before = resident()
        with crowd(server.port, count) as process:
            assert process.stdout.readline() == f"ready {count}\n"
            assert (resident() - before) / count < 1.5 * resource.getpagesize()
        for client in first:
            reset(client)
