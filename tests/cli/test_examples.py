"""The examples do what they say. They are built where the command is."""

import os
import re
import signal
import socket
import subprocess

import pytest

from conftest import BUILD, PATIENCE, TOP, echoes, eventually, serving

NAMES = sorted(path.stem for path in (TOP / "examples").glob("*.c"))
EXAMPLE_LINES = 60


@pytest.fixture(scope="module")
def examples():
    """The directory of the built examples, unless this build was told to leave them out."""
    if "CEDE_BUILD_EXAMPLES:BOOL=OFF" in (BUILD / "CMakeCache.txt").read_text():
        pytest.skip("the examples are not built here")
    return BUILD / "examples"


@pytest.fixture
def run(examples, backend):
    def run_example(name, *arguments, status=0):
        result = subprocess.run([examples / name, *arguments], capture_output=True, text=True,
                                env={**os.environ, "CEDE_BACKEND": backend}, timeout=PATIENCE)
        assert result.returncode == status, result.stderr
        return result.stdout if status == 0 else result.stderr

    return run_example


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_short_and_tested(name):
    assert len((TOP / f"examples/{name}.c").read_text().splitlines()) < EXAMPLE_LINES
    assert f"def test_{name}(" in open(__file__, encoding="utf-8").read()


def test_echo(examples, backend):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = probe.getsockname()
    server = subprocess.Popen([examples / "echo", "%s:%d" % address],
                              env={**os.environ, "CEDE_BACKEND": backend})

    def connect():
        try:
            return socket.create_connection(address, timeout=PATIENCE)
        except ConnectionRefusedError:
            assert server.poll() is None
            return None

    try:
        with eventually(connect, "it listens") as client:
            assert echoes(client, b"through the example")
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=PATIENCE) == 1  # cancelled
    finally:
        server.kill()
        server.wait()


def test_echo_is_the_program_of_the_readme():
    """But for the address, which the example takes from its command line."""
    (readme,) = re.findall(r"^```c\n(.*?)^```", (TOP / "README.md").read_text(), re.S | re.M)
    handler = re.compile(r"^/\* One task for each client.*?^}\n", re.S | re.M)
    assert handler.search(readme)[0] in (TOP / "examples/echo.c").read_text()


def test_client(run):
    with serving() as server:
        assert run("client", f"127.0.0.1:{server.port}", "a question") == "a question\n"


def test_client_gives_up(run):
    """The server takes the connection, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "%s:%d" % silent.getsockname()
        assert run("client", address, status=1) == "client: the deadline has passed\n"
    assert run("client", address, status=1) == "client: connection refused\n"


def test_group(run):
    assert run("group").splitlines() == [
        "3 tasks sleep", "the early one wakes up", "the one in between wakes up",
        "the late one wakes up", "all are awake"]


def test_generator(run):
    assert run("generator").split() == ["ash", "beech", "elm", "oak", "yew"]


def test_callback(run):
    assert run("callback").splitlines() == ["soon", "later", "readable", "it ends by itself: 1"]


def test_bell(run):
    assert run("bell").splitlines() == ["rung: success", "and again: the deadline has passed"]
