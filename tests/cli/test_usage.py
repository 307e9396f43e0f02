"""Help, version, and everything that can be wrong before a server serves."""

import os
import re
import socket
import subprocess

import pytest

from conftest import TOP, cede, tool

ANY_PORT = ["--listen", "127.0.0.1:0"]


def options_of(text):
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))


def check_refused(result, status, *words):
    """One line on standard error that has all these words, and nothing else."""
    assert result.returncode == status
    assert not result.stdout
    assert re.fullmatch(r"cede[ a-z]*: [^\n]+\n", result.stderr), result.stderr
    assert all(word in result.stderr for word in words), result.stderr


def test_help_lists_the_commands():
    text = cede("help").stdout
    assert re.search(r"^  echo  ", text, re.MULTILINE)
    assert "--version" in text
    assert cede("--help").stdout == cede("-h").stdout == text


@pytest.mark.parametrize("arguments", [["help", "echo"], ["echo", "--help"], ["echo", "-h"],
                                       ["echo", *ANY_PORT, "--help"]])
def test_help_of_a_command(arguments):
    result = cede(*arguments)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: cede echo ")
    assert options_of(result.stdout) == {
        "--listen", "--backend", "--max-clients", "--idle-timeout", "--drain-timeout",
        "--stack-size", "--verbose", "--help"}


def test_help_fits_a_terminal():
    for text in (cede("help").stdout, cede("help", "echo").stdout):
        assert max(map(len, text.splitlines())) <= 100


def test_version():
    result = cede("--version")
    assert (result.returncode, result.stderr) == (0, "")
    first, *rest = result.stdout.splitlines()
    assert re.fullmatch(r"cede \d+\.\d+\.\d+", first)
    text = "\n".join(rest)
    assert re.search(r"io_uring: (yes|no);", text)
    assert re.search(r"context switch: (x86-64|aarch64|ucontext)$", text, re.MULTILINE)
    assert re.search(r"^compiler: (gcc|clang) \d+", text, re.MULTILINE)
    assert re.search(r"^backend here: (epoll|io_uring) \(.+\)$", text, re.MULTILINE)


def test_version_follows_the_environment():
    text = cede("--version", env={**os.environ, "CEDE_BACKEND": "epoll"}).stdout
    assert "backend here: epoll (CEDE_BACKEND asks for it)\n" in text
    text = cede("--version", env={**os.environ, "CEDE_BACKEND": "kqueue"}).stdout
    assert re.search(r"^backend here: none \(.*CEDE_BACKEND.*\)$", text, re.MULTILINE)


@pytest.mark.parametrize("arguments, words", [
    ([], ["no command", "cede help"]),
    (["nonsense"], ["unknown command 'nonsense'", "cede help"]),
    (["--nonsense"], ["unknown option '--nonsense'", "cede help"]),
    (["help", "nonsense"], ["unknown command 'nonsense'"]),
    (["help", "echo", "more"], ["unexpected argument 'more'"]),
    (["echo", "more"], ["unexpected argument 'more'"]),
    (["echo", "--nonsense"], ["unknown option '--nonsense'", "--help"]),
    (["echo", "-x"], ["unknown option '-x'"]),
    (["echo", "-vx"], ["unknown option '-x'"]),
    (["echo", "--verbose=2"], ["--verbose takes no value"]),
    (["echo", "--listen"], ["--listen needs a value", "HOST:PORT"]),
    (["echo", "two\nlines"], ["two?lines"]),
    (["echo", "--listen", ""], ["--listen: ''"]),
    (["echo", "--listen", "3000"], ["no port", "127.0.0.1:3000"]),
    (["echo", "--listen", "127.0.0.1:"], ["port is not a number"]),
    (["echo", "--listen", "127.0.0.1:http"], ["port is not a number"]),
    (["echo", "--listen", "127.0.0.1:-1"], ["port is not a number"]),
    (["echo", "--listen", "127.0.0.1:65536"], ["above 65535"]),
    (["echo", "--listen", "127.0.0.1:99999999999999999999"], ["above 65535"]),
    (["echo", "--listen", "127.0.0.256:3000"], ["no IPv4 address"]),
    (["echo", "--listen", "example.org:3000"], ["no IPv4 address"]),
    (["echo", "--listen", "::1:3000"], ["[ADDRESS]:PORT"]),
    (["echo", "--listen", "[::1"], ["[ADDRESS]:PORT"]),
    (["echo", "--listen", "x" * 5000 + ":1"], ["--listen"]),
    (["echo", "--backend", "kqueue"], ["'kqueue'", "epoll|io_uring"]),
    (["echo", "--backend", "epoll|io_uring"], ["is none of"]),
    (["echo", "--backend", ""], ["''", "epoll|io_uring"]),
    (["echo", "--max-clients", "many"], ["'many'", "whole number"]),
    (["echo", "--max-clients", "1.5"], ["whole number"]),
    (["echo", "--max-clients", "-1"], ["whole number"]),
    (["echo", "--max-clients", ""], ["whole number"]),
    (["echo", "--max-clients", "0"], ["from 1 to"]),
    (["echo", "--max-clients", str(2**64)], ["from 1 to"]),
    (["echo", "--stack-size", "4095"], ["from 4096 to"]),
    (["echo", "--stack-size", str(2**30)], ["from 4096 to"]),
    (["echo", "--stack-size", str(2**64 + 16384)], ["from 4096 to"]),
    (["echo", "--idle-timeout", "soon"], ["'soon'", "number of seconds"]),
    (["echo", "--idle-timeout", "1.2.3"], ["number of seconds"]),
    (["echo", "--idle-timeout", "."], ["number of seconds"]),
    (["echo", "--idle-timeout", "1e3"], ["number of seconds"]),
    (["echo", "--idle-timeout", "nan"], ["number of seconds"]),
    (["echo", "--idle-timeout", "-1"], ["number of seconds"]),
    (["echo", "--idle-timeout", "0"], ["from 0.001 to"]),
    (["echo", "--idle-timeout", "9" * 400], ["from 0.001 to"]),
    (["echo", "--drain-timeout", "inf"], ["number of seconds"]),
    (["echo", "--drain-timeout", "1000000001"], ["from 0 to"]),
], ids=lambda value: " ".join(value)[:40].replace("\n", " "))
def test_usage_errors(arguments, words):
    check_refused(cede(*arguments), 2, *words)


def test_unknown_backend_in_the_environment():
    result = cede("echo", *ANY_PORT, env={**os.environ, "CEDE_BACKEND": "kqueue"})
    check_refused(result, 2, "CEDE_BACKEND", "'kqueue'", "epoll", "io_uring")


def test_port_in_use(backend):
    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        result = cede("echo", "--listen", address, "--backend", backend)
    check_refused(result, 1, address, "in use", "another port")


def test_address_of_another_machine(backend):
    result = cede("echo", "--listen", "192.0.2.1:0", "--backend", backend)
    check_refused(result, 1, "192.0.2.1:0", "not available")


def test_privileged_port(backend):
    """Root may bind every port, so it drops that privilege first."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as file:
        if int(file.read()) < 2:
            pytest.skip("net.ipv4.ip_unprivileged_port_start lets everybody bind every port")
    as_user = []
    if os.geteuid() == 0:
        as_user = [tool("setpriv"), "--bounding-set=-net_bind_service",
                   "--inh-caps=-net_bind_service"]
    result = cede("echo", "--listen", "127.0.0.1:1", "--backend", backend, wrapper=as_user)
    check_refused(result, 1, "127.0.0.1:1", "permission denied", "higher one")


def test_no_fd_to_start_with(backend):
    result = cede("echo", *ANY_PORT, "--backend", backend, wrapper=[tool("prlimit"), "--nofile=4"])
    check_refused(result, 1, "too many open files", "ulimit -n")


@pytest.mark.parametrize("arguments", [["--version"], ["help"], ["help", "echo"],
                                       ["echo", *ANY_PORT]], ids=" ".join)
def test_full_standard_output(arguments):
    with open("/dev/full", "w") as full:
        check_refused(cede(*arguments, stdout=full), 1, "standard output", "No space left")


@pytest.mark.parametrize("arguments", [["--version"], ["help"], ["echo", *ANY_PORT]], ids=" ".join)
def test_broken_standard_output(arguments):
    read_end, write_end = os.pipe()
    os.close(read_end)
    with open(write_end, "w") as broken:
        check_refused(cede(*arguments, stdout=broken), 1, "standard output", "Broken pipe")


def test_closed_standard_output(backend):
    """The first socket must not become standard output."""
    closing = ["sh", "-c", 'exec "$@" >&-', ""]
    result = cede("echo", *ANY_PORT, "--backend", backend, wrapper=closing)
    check_refused(result, 1, "standard output", "Bad file descriptor")


@pytest.fixture(scope="module")
def man_page():
    """The manual page's text without fonts, one string for each entry that has a tag."""
    text = (TOP / "docs/cede.1").read_text().replace("\\-", "-")
    return re.split(r"^\.TP\n", re.sub(r"\\f[BIR]", "", text), flags=re.MULTILINE)


def test_man_page_has_the_options_of_the_help(man_page):
    help_text = cede("help", "echo").stdout
    tags = "\n".join(entry.splitlines()[0] for entry in man_page[1:])
    assert options_of(tags) == options_of(help_text)
    forms = re.findall(r"^  ((?:-\w, )?--\S+(?: \S+)?)", help_text, re.MULTILINE)
    assert len(forms) == len(options_of(help_text))
    assert [form for form in forms if form not in tags] == []


@pytest.mark.parametrize("option", ["--listen", "--stack-size", "--drain-timeout"])
def test_man_page_has_the_defaults_of_the_help(man_page, option):
    (default,) = re.findall(rf"{option} .*\((\S+)\)", cede("help", "echo").stdout)
    (entry,) = [entry for entry in man_page if entry.startswith(option)]
    assert f"default is {default}" in entry


def test_man_page_is_well_formed():
    result = subprocess.run([tool("groff"), "-man", "-ww", "-rLL=78n", "-Tutf8", "-z",
                             TOP / "docs/cede.1"], capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
