#!/usr/bin/env python3
"""A task's turn: cede's yield against a bare switch with a run queue, in nanoseconds.

The two programs take turns on one core, each prints medians of its own, and the ratio is the
median of the rounds' ratios.
"""

import argparse
import os
import subprocess
import sys

import report

BUILD = os.environ.get("CEDE_BUILD", "build")
PROGRAMS = {"floor": "switch", "cede": "yield"}


def run(program, core):
    """Runs one program and returns its answers by question."""
    result = subprocess.run([program], capture_output=True, text=True, check=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, {core}))
    return {name: float(ns) for name, ns in map(str.split, result.stdout.splitlines())}


def measure(programs, rounds):
    """All rounds; returns the answers as question, contestant, samples."""
    core = max(os.sched_getaffinity(0))
    answers = {}
    for number in range(rounds):
        for contestant, program in programs.items():
            report.progress(f"round {number + 1} of {rounds}: {contestant}")
            for question, ns in run(program, core).items():
                answers.setdefault(question, {}).setdefault(contestant, []).append(ns)
    report.progress("")
    return answers


def judge(question, samples):
    entry = {"question": question}
    for contestant, values in samples.items():
        entry[contestant] = report.summary(values)
    if len(samples) == len(PROGRAMS):
        entry["ratio"] = report.ratio(samples["cede"], samples["floor"])
    return entry


def show(entries):
    rows = []
    for entry in entries:
        cells = [entry["question"]]
        for contestant in PROGRAMS:
            if contestant in entry:
                cells.append(f"{entry[contestant]['median']:.2f}")
                cells.append(f"{entry[contestant]['spread']:.1%}")
            else:
                cells += ["", ""]
        rows.append([*cells, f"{entry['ratio']:.2f}" if "ratio" in entry else ""])
    report.table(["", "floor ns", "spread", "cede ns", "spread", "x floor"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--json", default=os.path.join(BUILD, "bench", "yield.json"),
                        metavar="FILE", help="where the results go (%(default)s)")
    options = parser.parse_args()
    programs = {}
    for contestant, name in PROGRAMS.items():
        path = os.path.join(BUILD, "bench", name)
        if os.access(path, os.X_OK):
            programs[contestant] = path
        else:
            print(f"skipped: {contestant} ({path} is not there)")
    if not programs:
        print("yield.py: nothing to measure", file=sys.stderr)
        return 1
    entries = [judge(question, samples)
               for question, samples in measure(programs, options.rounds).items()]
    show(entries)
    report.write_json(options.json, "yield", entries)
    print(f"\nwritten to {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
