"""Each scenario leaves the same trace in Python's asyncio as in C, on both backends; or, where the
two differ on purpose, the pair of traces that the scenario states."""

import importlib
import os
import pathlib
import re
import subprocess

import pytest

import parity

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CEDE_BUILD", TOP / "build"))
SLOWDOWN = int(os.environ.get("CEDE_SLOWDOWN", "1"))
BACKENDS = ["epoll", "io_uring"]
TOPICS = sorted(path.stem for path in pathlib.Path(__file__).parent.glob("*.c"))
SCENARIOS = [(topic, name) for topic in TOPICS
             for name in parity.scenarios(importlib.import_module(topic))]


def in_c(topic, *arguments, backend="epoll"):
    result = subprocess.run([BUILD / "tests/parity" / f"test_{topic}", *arguments],
                            env={**os.environ, "CEDE_BACKEND": backend}, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30 * SLOWDOWN)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.splitlines()


def words(text):
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize("topic", TOPICS)
def test_both_sides_have_the_same_scenarios(topic):
    assert in_c(topic) == list(parity.scenarios(importlib.import_module(topic)))


@pytest.mark.parametrize("topic, name", SCENARIOS, ids=[f"{t}.{n}" for t, n in SCENARIOS])
def test_scenario(topic, name):
    scenario = parity.scenarios(importlib.import_module(topic))[name]
    python = parity.trace(scenario)
    cede = python
    if pair := getattr(scenario, "differs", None):
        assert python == words(pair[0])
        cede = words(pair[1])
        assert python != cede, "the scenario does not differ"
    assert python, "a scenario that says nothing shows nothing"
    for backend in BACKENDS:
        assert in_c(topic, name, backend=backend) == cede, backend
