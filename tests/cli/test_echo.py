"""`cede echo` with well-behaved and other clients, on each backend."""

import os
import random
import re
import socket
import subprocess
import time

import pytest

from conftest import (PATIENCE, echoes, eventually, fill, is_over, receive, reset, serving, tool)


def test_one_byte_and_one_more(server):
    with server.connect() as client:
        assert echoes(client, b"x")
        assert echoes(client, b"y")


def test_a_mebibyte_of_everything(server):
    with server.connect() as client:
        assert echoes(client, random.Random(1).randbytes(1 << 20))


def test_half_close_gets_the_rest_and_then_the_end(server):
    data = random.Random(2).randbytes(300_000)
    with server.connect() as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert receive(client, len(data) + 1) == data


def test_connections_that_send_nothing(server):
    for _ in range(50):
        server.connect().close()
    eventually(lambda: server.connections() == 0, "the connections are closed")


def test_resets_do_no_harm(server):
    """Idle, with data on the way, and while the server waits to write."""
    with server.connect() as bystander:
        for size in [0, 10, 5_000_000] * 5:
            client = server.connect()
            client.setblocking(False)
            if size:
                client.send(bytes(size))
            reset(client)
        assert echoes(bystander)
        eventually(lambda: server.connections() == 1, "the connections are closed")
    with server.connect() as client:
        assert echoes(client)


def test_many_clients_take_turns(server):
    clients = [server.connect() for _ in range(200)]
    for number, client in enumerate(clients):
        client.sendall(b"%d\n" % number)
    for number, client in reversed(list(enumerate(clients))):
        assert receive(client, len(b"%d\n" % number)) == b"%d\n" % number
    for client in clients:
        client.close()


def test_a_client_that_does_not_read_holds_up_nobody(server):
    with server.connect() as deaf, server.connect() as client:
        fill(deaf)
        for _ in range(100):
            assert echoes(client)


def test_netcat(server):
    nc = subprocess.run([tool("nc"), "-N", "127.0.0.1", str(server.port)], input=b"by netcat\n",
                        capture_output=True, timeout=PATIENCE)
    assert (nc.returncode, nc.stdout) == (0, b"by netcat\n")


def test_socat(server):
    data = random.Random(3).randbytes(200_000)
    socat = subprocess.run(
        [tool("socat"), "-t", str(PATIENCE), "-", f"TCP:127.0.0.1:{server.port}"],
        input=data, capture_output=True, timeout=PATIENCE)
    assert (socat.returncode, socat.stdout) == (0, data)


@pytest.mark.parametrize("depth", [1, 16])
def test_redis_benchmark(server, depth):
    """A request of ping_mbulk that comes back is an array, as a reply may be."""
    result = subprocess.run(
        [tool("redis-benchmark"), "-p", str(server.port), "-t", "ping_mbulk", "-n", "2000", "-c",
         "50", "-P", str(depth), "--csv"], capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0
    assert re.search(r'^"PING_MBULK","\d', result.stdout, re.MULTILINE), result.stdout


def test_ipv6(backend):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with serving("--backend", backend, host="[::1]") as server:
        with server.connect() as client:
            assert echoes(client)


def test_max_clients(backend):
    with serving("--backend", backend, "--max-clients", 3) as server:
        served = [server.connect() for _ in range(3)]
        assert all(echoes(client) for client in served)
        for _ in range(10):
            with server.connect() as excess:
                assert is_over(excess)
        assert all(echoes(client) for client in served)
        served.pop().close()

        def place():
            with server.connect() as client:
                try:
                    return echoes(client)
                except OSError:
                    return False

        eventually(place, "the place that became free is taken")
        for client in served:
            client.close()


def test_idle_timeout_closes_the_idle_and_the_deaf(backend):
    """One client sends nothing, one stopped sending, one does not read."""
    with serving("--backend", backend, "--idle-timeout", 0.4, "-v") as server:
        silent, tired, deaf = [server.connect() for _ in range(3)]
        assert echoes(tired)
        fill(deaf)
        for client in (silent, tired):
            assert client.recv(1) == b""
        eventually(lambda: server.stderr().count("idle for too long") == 3, "all are closed")
        deaf.settimeout(PATIENCE)
        for client in (silent, tired, deaf):
            assert is_over(client)
            client.close()


def traffic(client, duration):
    """Sends and receives for so long. Returns whether the connection stayed, and the longest time
    in which this process had no chance to send."""
    longest, last, end = 0, time.monotonic(), time.monotonic() + duration
    while (now := time.monotonic()) < end:
        longest, last = max(longest, now - last), now
        try:
            client.sendall(b"x")
            if client.recv(1) != b"x":
                return False, longest
        except (ConnectionResetError, BrokenPipeError):
            return False, longest
        time.sleep(0.02)
    return True, longest


def test_a_client_is_not_idle_while_it_has_traffic(backend):
    """It stays for several times the timeout; but where the machine made it pause, that says
    nothing, and it tries again."""
    timeout = 0.5

    def attempt():
        with server.connect() as client:
            stayed, longest_pause = traffic(client, 3 * timeout)
        assert stayed or longest_pause > timeout / 3
        return stayed

    with serving("--backend", backend, "--idle-timeout", timeout) as server:
        eventually(attempt, "it stays")


@pytest.mark.parametrize("stack_size", [4096, 65536, 10_000_000])
def test_stack_sizes(backend, stack_size):
    """The smallest stack is enough for all that a client's task does."""
    with serving("--backend", backend, "--stack-size", stack_size, "-v", "--idle-timeout",
                 60) as server:
        clients = [server.connect() for _ in range(10)]
        assert all(echoes(client, bytes(100_000)) for client in clients)
        reset(clients.pop())
        server.logged("reset by peer")
        for client in clients:
            client.close()
        eventually(lambda: server.stderr().count(" leaves: ") == 10, "all have left")


def test_verbose_tells_who_but_not_what(backend):
    with serving("--backend", backend, "-v", "--drain-timeout", 3600) as server:
        with server.connect() as client:
            name = "127.0.0.1:%d" % client.getsockname()[1]
            server.logged(f"{name} joins\n")
            assert echoes(client, b"a secret")
        server.logged(f"{name} leaves: end of file; 8 bytes sent back\n")
        client = server.connect()
        name = "127.0.0.1:%d" % client.getsockname()[1]
        server.logged(f"{name} joins\n")
        reset(client)
        server.logged(f"{name} leaves: connection reset by peer; 0 bytes sent back\n")
        with server.connect() as client:
            name = "127.0.0.1:%d" % client.getsockname()[1]
            assert echoes(client)
            server.process.terminate()
            eventually(server.refuses, "it stops listening")
            assert echoes(client)
        assert server.wait() == 0
        assert "secret" not in server.stderr()
        shape = r"127\.0\.0\.1:\d+ (joins|leaves: [a-z ]+; \d+ bytes sent back)"
        odd = [line for line in server.stderr().splitlines() if not re.fullmatch(shape, line)]
        assert odd == []


def test_silent_unless_asked(server):
    with server.connect() as client:
        assert echoes(client)
    reset(server.connect())
    assert server.stop() == 0
    assert server.stderr() == ""
    assert server.process.stdout.read() == b""


def test_broken_standard_error_is_survived(backend):
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "wb") as broken:
        with serving("--backend", backend, "-v", stderr=broken) as server:
            with server.connect() as client:
                assert echoes(client)


def test_the_backend_that_was_asked_for_runs(server, backend):
    if "using epoll" in server.stderr():
        pytest.skip("io_uring does not run here")
    assert ("anon_inode:[io_uring]" in server.files()) == (backend == "io_uring")
