"""Each layer includes its own headers and those of lower layers, and no others of cede."""

import re

import pytest

from conftest import TOP

LAYERS = ["base", "coro", "loop", "task", "sync", "io", "net", "server"]

# The layer that a public header belongs to.
TOPICS = {
    "base": ["base", "list"],
    "coro": ["coro"],
    "loop": ["loop", "timer"],
    "task": ["task", "scope", "group", "future", "gather", "wait", "op", "local",
             "census", "with", "offload"],
    "sync": ["sync", "channel", "queue", "broadcast"],
    "io": ["io"],
    "net": ["net", "stream"],
    "server": ["server"],
}

LAYER_OF_TOPIC = {topic: layer for layer, topics in TOPICS.items() for topic in topics}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def layer_of_include(layer, form, name):
    """The layer that an #include in a file of `layer` reaches, or None for another's header."""
    if form == "<":
        if name == "cede.h":
            return "everything"
        return LAYER_OF_TOPIC[name[5:-2]] if name.startswith("cede/") else None
    return name.split("/")[0] if "/" in name else layer


def violations(layer, text):
    allowed = {None, *LAYERS[:LAYERS.index(layer) + 1]}
    return [name for form, name in INCLUDE.findall(text)
            if layer_of_include(layer, form, name) not in allowed]


def source_files():
    return sorted(path for path in (TOP / "src").glob("*/*.[ch]"))


@pytest.mark.parametrize("path", source_files(), ids=lambda path: str(path.relative_to(TOP)))
def test_source_includes_only_lower_layers(path):
    assert violations(path.parent.name, path.read_text()) == []


@pytest.mark.parametrize("path", sorted((TOP / "include/cede").glob("*.h")),
                         ids=lambda path: path.name)
def test_public_header_includes_only_lower_layers(path):
    text = path.read_text()
    assert violations(LAYER_OF_TOPIC[path.stem], text) == []
    assert not re.search(r'#\s*include\s*"', text), "public headers are included by <>"


def reached(name):
    """The public headers that come with this one, itself included."""
    found = {name}
    for _, included in INCLUDE.findall((TOP / "include" / name).read_text()):
        if included.startswith("cede/"):
            found |= reached(included)
    return found


def test_umbrella_brings_every_public_header():
    headers = {f"cede/{path.name}" for path in (TOP / "include/cede").glob("*.h")}
    assert reached("cede.h") == headers | {"cede.h"}


@pytest.mark.parametrize("path", sorted((TOP / "cli").glob("*.[ch]")), ids=lambda path: path.name)
def test_command_uses_public_headers_only(path):
    own = {header.name for header in (TOP / "cli").glob("*.h")}
    private = [name for form, name in INCLUDE.findall(path.read_text())
               if form == '"' and name not in own]
    assert private == []


def test_the_check_sees_violations():
    assert violations("coro", '#include "task/task.h"\n') == ["task/task.h"]
    assert violations("coro", "#include <cede/task.h>\n") == ["cede/task.h"]
    assert violations("task", "#include <cede.h>\n") == ["cede.h"]
    legal = '#include "own.h"\n#include "coro/coro.h"\n#include <stdio.h>\n'
    assert violations("task", legal) == []
