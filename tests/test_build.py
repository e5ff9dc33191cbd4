"""What is built: how large the C++ core is, what a source distribution holds, and what is said where there is no compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tauflow import _core

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


def test_the_core_is_small() -> None:
    core = Path(_core.__file__)
    if b"__asan_init" in core.read_bytes():
        pytest.skip("a sanitizer makes it large")
    assert core.stat().st_size < 1_200_000  # cells, forward and backward, and whole networks, for each instruction set


def test_a_missing_compiler_is_named(tmp_path: Path) -> None:
    # cmake and ninja lie beside the interpreter, or where the system has them; compilers are looked for in PATH
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("cmake", "ninja"):
        found = shutil.which(tool, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")
        assert found
        (tools / tool).symlink_to(found)
    command = ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(tmp_path / "build"), "-DSKBUILD_PROJECT_VERSION=0"]
    for compiler in ({}, {"CXX": "/nonexistent"}):
        environment = {"PATH": f"{tools}{os.pathsep}{BIN}", "HOME": str(tmp_path), **compiler}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode != 0
        assert "no C++ compiler was found" in " ".join(run.stderr.split())
        assert "sudo apt install g++" in run.stderr


@pytest.mark.slow
def test_a_source_distribution_holds_what_a_wheel_is_built_from(tmp_path: Path) -> None:
    build = f"from scikit_build_core.build import build_sdist; build_sdist({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=ROOT, check=True, capture_output=True)
    (path,) = tmp_path.glob("tauflow-*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    sources = {
        str(file.relative_to(ROOT))
        for folder in ("csrc", "src/tauflow")
        for file in (ROOT / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".so"
    }
    beside = {"CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE", "NOTICE", "PKG-INFO"}
    assert held == sources | beside
    assert path.stat().st_size < 4_000_000  # three quarters are the data sets
