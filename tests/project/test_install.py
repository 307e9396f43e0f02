"""The installed library serves a user's program: by pkg-config and by CMake, shared and static,
from C and from C++."""

import os
import shlex

import pytest

from conftest import TOP, run

USER = TOP / "tests/install/user.c"
STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


@pytest.fixture
def pkg_config(installed):
    (pc_dir,) = {path.parent for path in installed.rglob("cede.pc")}
    path = f"{pc_dir}:{os.environ.get('PKG_CONFIG_PATH', '')}"

    def query(*options):
        environment = {**os.environ, "PKG_CONFIG_PATH": path}
        return shlex.split(run("pkg-config", *options, "cede", env=environment))

    return query


def check_user(program, libdir=None):
    environment = {**os.environ, **({"LD_LIBRARY_PATH": libdir} if libdir else {})}
    assert run(program, env=environment).endswith(": success, 42\n")


def test_pkg_config_shared(tmp_path, pkg_config):
    program = tmp_path / "user"
    run("cc", *STRICT, USER, "-o", program, *pkg_config("--cflags", "--libs"))
    (libdir,) = pkg_config("--variable=libdir")
    assert "libcede.so.0.1" in run("readelf", "-d", program)
    check_user(program, libdir)


def test_pkg_config_static(tmp_path, pkg_config):
    program = tmp_path / "user"
    flags = pkg_config("--static", "--cflags", "--libs")
    run("cc", *STRICT, "-static", USER, "-o", program, *flags)
    assert "There is no dynamic section" in run("readelf", "-d", program)
    check_user(program)


def test_pkg_config_knows_the_version(pkg_config, build):
    (version,) = pkg_config("--modversion")
    assert f"PROJECT_VERSION:STATIC={version}\n" in (build / "CMakeCache.txt").read_text()


def test_cmake_package(tmp_path, installed):
    run("cmake", "-S", TOP / "tests/install", "-B", tmp_path, "-G", "Ninja",
        f"-DCMAKE_PREFIX_PATH={installed}")
    run("cmake", "--build", tmp_path)
    assert "libcede.so" in run("readelf", "-d", tmp_path / "user_shared")
    assert "libcede.so" not in run("readelf", "-d", tmp_path / "user_static")
    check_user(tmp_path / "user_shared")
    check_user(tmp_path / "user_static")


def test_cplusplus(tmp_path, pkg_config):
    program = tmp_path / "user"
    run("g++", "-std=c++17", *STRICT, TOP / "tests/install/headers.cpp", "-o", program,
        *pkg_config("--cflags", "--libs"))
    (libdir,) = pkg_config("--variable=libdir")
    run(program, env={**os.environ, "LD_LIBRARY_PATH": libdir})


@pytest.mark.parametrize("language, standard", [("c", "c11"), ("c++", "c++17")])
def test_each_header_stands_alone(tmp_path, installed, language, standard):
    headers = sorted((installed / "include").rglob("*.h"))
    assert headers
    for header in headers:
        name = header.relative_to(installed / "include")
        source = tmp_path / "header.c"
        source.write_text(f"#include <{name}>\nextern int nothing;\n")
        run("g++" if language == "c++" else "cc", "-x", language, f"-std={standard}", *STRICT,
            "-fsyntax-only", "-I", installed / "include", source)


def test_what_is_installed_is_what_is_public(installed):
    public = {path.relative_to(TOP / "include") for path in (TOP / "include").rglob("*.h")}
    present = {path.relative_to(installed / "include")
               for path in (installed / "include").rglob("*.h")}
    assert present == public
    assert (installed / "bin/cede").exists()
    assert list(installed.rglob("man1/cede.1"))
