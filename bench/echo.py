#!/usr/bin/env python3
"""Echo over loopback: cede's server against hand-written ones, in server CPU time per request.

Each contestant serves alone, pinned to one core, while the load generator runs on another and
verifies every byte. The figure that counts is the processor time that the server's process spent
per request in the measured window: a client on the same machine is often the bottleneck, so
throughput says less. The contestants take turns (A B C A B C ...), and what is reported are
medians, the spread between the quartiles, and for cede the ratio to the floor with its backend.
"""

import argparse
import json
import os
import select
import subprocess
import sys

import report

START_TIMEOUT_S = 10
BUILD = os.environ.get("CEDE_BUILD", "build")


class Contestant:
    """A server that can be started: its name, its command and the floor it is compared with."""

    def __init__(self, name, command, floor=None):
        self.name = name
        self.command = command
        self.floor = floor

    def missing(self):
        return not os.access(self.command[0], os.X_OK)


class Failed(Exception):
    """A measurement that did not come about, and why."""


def contestants():
    cede = os.environ.get("CEDE_BIN", os.path.join(BUILD, "cede"))
    listen = ["--listen", "127.0.0.1:0"]
    return [
        Contestant("floor-epoll", [os.path.join(BUILD, "bench", "echo_epoll")]),
        Contestant("floor-io_uring", [os.path.join(BUILD, "bench", "echo_uring")]),
        Contestant("cede-epoll", [cede, "echo", "--backend", "epoll", *listen], "floor-epoll"),
        Contestant("cede-io_uring", [cede, "echo", "--backend", "io_uring", *listen],
                   "floor-io_uring"),
    ]


def cores():
    """The server's core and the load's; one and the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[1 if len(available) > 1 else 0]


def start(contestant, core):
    """Starts a server and returns its process and HOST:PORT once it listens."""
    server = subprocess.Popen(contestant.command, stdout=subprocess.PIPE, text=True,
                              preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    ready, _, _ = select.select([server.stdout], [], [], START_TIMEOUT_S)
    line = server.stdout.readline() if ready else ""
    if not line.startswith("listening on "):
        stop(server)
        raise Failed(f"{contestant.name} did not start to listen")
    return server, line.split()[-1]


def stop(server):
    server.terminate()
    try:
        server.wait(START_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    server.stdout.close()


def measure(contestant, case, options):
    """One window of one contestant, as the load generator reports it."""
    connections, size, depth = case
    server_core, load_core = cores()
    server, address = start(contestant, server_core)
    command = [os.path.join(BUILD, "bench", "load"), "--json", "--pid", str(server.pid),
               "--connections", str(connections), "--size", str(size), "--depth", str(depth),
               "--seconds", str(options.seconds), "--warm-up", str(options.warm_up), address]
    try:
        load = subprocess.run(command, capture_output=True, text=True, check=False,
                              preexec_fn=lambda: os.sched_setaffinity(0, {load_core}))
    finally:
        stop(server)
    if load.returncode != 0:
        detail = (load.stderr.strip() or load.stdout.strip() or f"status {load.returncode}")
        raise Failed(f"{contestant.name}, {connections} connections: {detail}")
    return json.loads(load.stdout)


def run_case(field, case, options):
    """All rounds of one case; returns each contestant's measurements by name."""
    windows = {contestant.name: [] for contestant in field}
    for number in range(options.rounds):
        for contestant in field:
            report.progress(f"{case[0]} connections, round {number + 1} of {options.rounds}: "
                            f"{contestant.name}")
            windows[contestant.name].append(measure(contestant, case, options))
    report.progress("")
    return windows


def judge(field, windows):
    """Condenses the measurements into one entry for each contestant."""
    cpu = {name: [w["server_cpu_us"] for w in runs] for name, runs in windows.items()}
    entries = []
    for contestant in field:
        runs = windows[contestant.name]
        entry = {
            "name": contestant.name,
            "server_cpu_us": report.summary(cpu[contestant.name]),
            "requests_per_second": report.summary([w["requests_per_second"] for w in runs]),
            "latency_us": {key: report.median([w["latency_us"][key] for w in runs])
                           for key in ("p50", "p99")},
        }
        if contestant.floor in cpu:
            entry["floor"] = contestant.floor
            entry["ratio"] = report.ratio(cpu[contestant.name], cpu[contestant.floor])
        entries.append(entry)
    return entries


def show(case, entries):
    connections, size, depth = case
    print(f"\n{connections} connections x {size} bytes, depth {depth}")
    rows = [[entry["name"],
             f"{entry['server_cpu_us']['median']:.3f}",
             f"{entry['server_cpu_us']['spread']:.1%}",
             f"{entry['ratio']:.3f}" if "ratio" in entry else "",
             f"{entry['requests_per_second']['median']:,.0f}",
             f"{entry['latency_us']['p50']:,.0f}",
             f"{entry['latency_us']['p99']:,.0f}"] for entry in entries]
    report.table(["", "CPU us", "spread", "x floor", "req/s", "p50 us", "p99 us"], rows)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 64, 1000], metavar="N")
    parser.add_argument("--size", type=int, default=64, metavar="B", help="bytes in a message")
    parser.add_argument("--depth", type=int, default=1, metavar="D",
                        help="messages in flight on each connection")
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="measured window")
    parser.add_argument("--warm-up", type=float, default=0.3, metavar="S")
    parser.add_argument("--rounds", type=int, default=7, metavar="N")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="of the contestants")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND",
                        help="a further server that prints 'listening on HOST:PORT'")
    parser.add_argument("--json", default=os.path.join(BUILD, "bench", "echo.json"),
                        metavar="FILE", help="where the results go (%(default)s)")
    return parser.parse_args()


def choose(options):
    """The contestants that are wanted and present; the missing are named."""
    everyone = contestants()
    for text in options.also:
        name, _, command = text.partition("=")
        everyone.append(Contestant(name, command.split() or [""]))
    chosen = []
    for contestant in everyone:
        if options.only and contestant.name not in options.only:
            continue
        if contestant.missing():
            print(f"skipped: {contestant.name} ({contestant.command[0]} is not there)")
        else:
            chosen.append(contestant)
    return chosen


def main():
    options = parse()
    field = choose(options)
    if not field:
        print("echo.py: nothing to measure", file=sys.stderr)
        return 1
    results = []
    for connections in options.connections:
        case = (connections, options.size, options.depth)
        try:
            entries = judge(field, run_case(field, case, options))
        except Failed as failure:
            print(f"echo.py: {failure}", file=sys.stderr)
            return 1
        show(case, entries)
        results.append({"connections": connections, "size": options.size,
                        "depth": options.depth, "contestants": entries})
    report.write_json(options.json, "echo", results)
    print(f"\nwritten to {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
