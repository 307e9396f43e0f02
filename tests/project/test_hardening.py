"""The flags that are meant to harden the build have reached what was built."""

import platform

import pytest

from conftest import run


@pytest.fixture(scope="module")
def objects(build):
    found = sorted((build / "CMakeFiles/cede_objects.dir/src").rglob("*.o"))
    assert found
    return found


@pytest.mark.parametrize("name", ["cede", "libcede.so"])
def test_relocations_are_read_only_and_bound_at_start(build, name):
    headers = run("readelf", "-W", "-l", "-d", build / name)
    assert "GNU_RELRO" in headers
    assert "NOW" in headers
    assert "TEXTREL" not in headers
    stack = next(line for line in headers.splitlines() if "GNU_STACK" in line)
    assert "RWE" not in stack


def test_command_is_position_independent(build):
    assert "DYN (" in run("readelf", "-h", build / "cede")


def test_stack_protector_and_fortify_are_on(objects):
    symbols = run("nm", "-u", *objects)
    assert "__stack_chk_fail" in symbols
    assert "_chk\n" in symbols.replace("__stack_chk_fail", "")


def test_indirect_branches_are_protected_and_shadow_stacks_left_off(objects):
    if platform.machine() != "x86_64":
        pytest.skip("x86-64 only")
    for obj in objects:
        notes = run("readelf", "-n", obj)
        assert "IBT" in notes, obj
        assert "SHSTK" not in notes, obj


def test_large_frames_are_probed_page_by_page(build):
    commands = (build / "compile_commands.json").read_text()
    assert "-fstack-clash-protection" in commands
