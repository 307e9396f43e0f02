"""What the tests of the command share: the binary, running servers, and clients.

The binary is $CEDE_BIN, as it was built; no test needs to know how. Time limits say "it hangs", and
are multiplied by $CEDE_SLOWDOWN for builds that are slow."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CEDE_BIN", TOP / "build/cede"))
BUILD = pathlib.Path(os.environ.get("CEDE_BUILD", BIN.parent))
SLOWDOWN = int(os.environ.get("CEDE_SLOWDOWN", "1"))
PATIENCE = 30 * SLOWDOWN
BACKENDS = ["epoll", "io_uring"]


def cede(*arguments, wrapper=(), **options):
    """Runs the command to its end; the result has its status and both outputs."""
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([*wrapper, BIN, *map(str, arguments)], stderr=subprocess.PIPE, text=True,
                          timeout=PATIENCE, **options)


def eventually(condition, what):
    """Waits until the condition holds, and returns its value."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"never: {what}")


class Server:
    """A `cede echo` on a port that the kernel picked."""

    def __init__(self, *arguments, wrapper=(), host="127.0.0.1", **options):
        self.errors = tempfile.TemporaryFile()
        options.setdefault("stderr", self.errors)
        self.process = subprocess.Popen(
            [*wrapper, BIN, "echo", "--listen", f"{host}:0", *map(str, arguments)],
            stdout=subprocess.PIPE, **options)
        line = self.process.stdout.readline().decode()
        try:
            assert (match := re.fullmatch(r"listening on (\S+):([1-9]\d*)\n", line)), self.stderr()
            assert match[1] == host
        except AssertionError:
            self.close()
            raise
        self.port = int(match[2])
        self.address = (host.strip("[]"), self.port)

    def connect(self):
        return socket.create_connection(self.address, timeout=PATIENCE)

    def stderr(self):
        """All that it wrote to standard error until now."""
        size = os.fstat(self.errors.fileno()).st_size
        return os.pread(self.errors.fileno(), size, 0).decode()

    def logged(self, text):
        eventually(lambda: text in self.stderr(), f"{text!r} on standard error")

    def refuses(self):
        """Whether it has stopped listening."""
        with socket.socket() as client:
            return client.connect_ex(self.address) != 0

    def files(self):
        """What its open fds are: "socket:[123]", "anon_inode:[io_uring]" and so on."""
        found = []
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # it is closed by now
                found.append(os.readlink(fd))
        return found

    def connections(self):
        """How many it holds: all its sockets but the one that listens."""
        return sum(name.startswith("socket:") for name in self.files()) - 1

    def wait(self):
        return self.process.wait(timeout=PATIENCE)

    def stop(self, number=signal.SIGINT):
        """Sends a signal and returns the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


@contextlib.contextmanager
def serving(*arguments, **options):
    """A server that has to end well, with status 0, when its test has passed."""
    server = Server(*arguments, **options)
    try:
        yield server
        if server.process.poll() is None:
            assert server.stop() == 0, server.stderr()
    finally:
        server.close()


@pytest.fixture(params=BACKENDS)
def backend(request):
    return request.param


@pytest.fixture
def server(backend):
    with serving("--backend", backend) as found:
        yield found


def receive(client, count):
    """Exactly so many bytes; fewer at end of file."""
    data = bytearray()
    while len(data) < count and (part := client.recv(min(count - len(data), 1 << 16))):
        data += part
    return bytes(data)


def echoes(client, data=b"hello"):
    """Sends all of it while reading what comes back; whether that was the same."""
    sender = threading.Thread(target=client.sendall, args=(data,))
    sender.start()
    back = receive(client, len(data))
    sender.join()
    return back == data


def fill(client):
    """Sends without reading until nothing more is taken."""
    client.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            client.send(bytes(1 << 16))


def is_over(client):
    """Whether the server has ended the connection, by an end or by a reset."""
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    return True


def reset(client):
    """Closes by RST rather than by FIN."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def tool(name):
    """A program that a test needs, or the test is skipped by its name."""
    return shutil.which(name) or pytest.skip(f"{name} is not installed")
