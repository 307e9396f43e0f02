"""docs/from-asyncio.md leaves out nothing that this Python's asyncio has, and names nothing that
cede does not have."""

import asyncio
import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")]
        for line in (TOP / "docs/from-asyncio.md").read_text().splitlines()
        if re.match(r"\| `", line)]
CODE = re.compile(r"`([^`]+)`")
NAMED = {name for row in ROWS for name in CODE.findall(row[0])}

MODULES = ["base_events", "coroutines", "events", "exceptions", "futures", "locks", "queues",
           "runners", "taskgroups", "tasks", "threads", "timeouts"]
CLASSES = {"Future": "Future", "Task": "Task", "AbstractEventLoop": "loop", "Handle": "Handle",
           "TimerHandle": "TimerHandle", "Lock": "Lock", "Event": "Event",
           "Condition": "Condition", "Semaphore": "Semaphore", "Barrier": "Barrier",
           "Queue": "Queue", "Runner": "Runner", "Timeout": "Timeout", "TaskGroup": "TaskGroup"}
GONE_IN_3_14 = {"get_child_watcher", "set_child_watcher"}


def public(names):
    return {name for name in names if not name.startswith("_")}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_table(module):
    assert public(getattr(asyncio, module).__all__) - GONE_IN_3_14 <= NAMED


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_method_is_in_the_table(name):
    assert {f"{CLASSES[name]}.{method}" for method in public(dir(getattr(asyncio, name)))} <= NAMED


def test_rows_say_something():
    assert [row for row in ROWS if len(row) != 3 or not row[1]] == []


def test_nothing_is_named_twice():
    names = [name for row in ROWS for name in CODE.findall(row[0])]
    assert sorted(names) == sorted(set(names))


def test_every_name_of_cede_is_declared():
    headers = "\n".join(path.read_text() for path in sorted((TOP / "include/cede").glob("*.h")))
    declared = set(re.findall(r"\bcede_\w+|\bCEDE_\w+", re.sub(r"/\*.*?\*/", "", headers,
                                                              flags=re.DOTALL)))
    used = {name for row in ROWS for cell in row[1:] for name in CODE.findall(cell)
            if name.lower().startswith("cede_")}
    assert used and used <= declared
