"""The README and the documents say what is so: their program works, their commands exist, and their
links lead somewhere."""

import re
import signal
import socket
import subprocess
import time

import pytest

from conftest import TOP, run

DOCUMENTS = sorted([*TOP.glob("*.md"), *(TOP / "docs").rglob("*.md")])
ADDRESS = "127.0.0.1:3000"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def readme():
    return (TOP / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", readme(), re.DOTALL | re.MULTILINE)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def connect(port, server):
    """Connects to a server that is about to start."""
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            assert server.poll() is None, "the server ended"
            time.sleep(0.05)
    raise AssertionError("nobody listens")


@pytest.fixture
def program(build, tmp_path):
    """The README's program, built to listen on another port, and that port."""
    source, binary, port = tmp_path / "echo.c", tmp_path / "echo", free_port()
    (code,) = blocks("c")
    assert code.count(ADDRESS) == 1
    assert len(code.splitlines()) <= 30
    source.write_text(code.replace(ADDRESS, f"127.0.0.1:{port}"))
    run("cc", "-Wall", "-Wextra", "-Werror", "-I", TOP / "include", source, "-o", binary,
        "-L", build, "-lcede", f"-Wl,-rpath,{build}")
    return binary, port


def test_the_program_echoes_and_stops(program):
    binary, port = program
    server = subprocess.Popen([binary])
    try:
        with connect(port, server) as client:
            client.sendall(b"hello")
            client.shutdown(socket.SHUT_WR)
            assert client.makefile("rb").read() == b"hello"
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=60) in (0, 1), "killed, rather than cancelled"
    finally:
        server.kill()
        server.wait()


def test_commands_exist():
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)", "\n".join(blocks("sh")))) | set(
        re.findall(r"`make ([a-z]+)", readme()))
    assert {"serve", "test"} <= named <= targets


def test_make_help_names_every_target():
    targets = set(re.findall(r"^([a-z]+):", (TOP / "Makefile").read_text(), re.MULTILINE))
    text = run("make", "-s", "-C", TOP, "help")
    named = set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE))
    assert named == targets - {"all", "build", "help"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_somewhere(path):
    targets = [link.split("#")[0] for link in LINK.findall(path.read_text())
               if not re.match(r"[a-z]+:", link)]
    assert [target for target in targets if not (path.parent / target).exists()] == []
