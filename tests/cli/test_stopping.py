"""`cede echo` stops as it was told: what signals do to it, with all kinds of clients."""

import signal
import socket

import pytest

from conftest import echoes, eventually, fill, is_over, receive, serving

STOPS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(params=STOPS, ids=lambda number: number.name)
def stop(request):
    return request.param


def test_no_client(server, stop):
    assert server.stop(stop) == 0
    assert server.stderr() == ""


def test_idle_client_is_closed_by_the_drain_deadline(backend, stop):
    with serving("--backend", backend, "--drain-timeout", 0.3) as server:
        with server.connect() as client:
            assert echoes(client)
            assert server.stop(stop) == 0
            assert is_over(client)


@pytest.mark.parametrize("timeout", [0, 0.3])
def test_drain_timeout_is_the_one_that_was_asked_for(backend, timeout):
    """The server that was stopped last, but has little patience, ends first."""
    with serving("--backend", backend, "--drain-timeout", 3600) as patient, \
            serving("--backend", backend, "--drain-timeout", timeout) as hasty:
        with patient.connect() as waiting, hasty.connect() as closed:
            assert echoes(waiting) and echoes(closed)
            patient.process.terminate()
            eventually(patient.refuses, "it stops listening")
            assert hasty.stop() == 0
            assert is_over(closed)
            assert patient.process.poll() is None
            assert echoes(waiting)
        assert patient.wait() == 0


def test_client_that_does_not_read_is_closed_too(backend):
    with serving("--backend", backend, "--drain-timeout", 0.3) as server:
        with server.connect() as client:
            fill(client)
            assert server.stop() == 0


def test_busy_client_finishes(backend, stop):
    with serving("--backend", backend, "--drain-timeout", 3600) as server:
        with server.connect() as client:
            assert echoes(client)
            server.process.send_signal(stop)
            eventually(server.refuses, "it stops listening")
            assert server.process.poll() is None
            data = bytes(range(256)) * 2000
            assert echoes(client, data)
            client.sendall(b"the last")
            client.shutdown(socket.SHUT_WR)
            assert receive(client, 100) == b"the last"
        assert server.wait() == 0


@pytest.mark.parametrize("second", STOPS, ids=lambda number: number.name)
def test_second_signal_kills(backend, stop, second):
    with serving("--backend", backend, "--drain-timeout", 3600) as server:
        with server.connect() as client:
            assert echoes(client)
            server.process.send_signal(stop)
            eventually(server.refuses, "it stops listening")
            assert server.stop(second) == -second


def test_clients_that_have_gone_before(server):
    for _ in range(20):
        with server.connect() as client:
            assert echoes(client)
    assert server.stop() == 0
