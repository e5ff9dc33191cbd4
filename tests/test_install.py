"""What an installation promises: import cost, public names, a quick `--help`, the C++ core, a whole wheel."""

from __future__ import annotations

import math
import os
import resource
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import torch

import tauflow
from tauflow import _core

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

PUBLIC = {
    *("CTRNN", "LTC", "GatedLTC", "CfC", "WiredCfC", "GRUODE", "LSTM", "GRU", "RNN"),
    *(
        "Recurrent",
        "Stack",
        "Bidirectional",
        "MixedMemory",
        "Network",
        "Committee",
        "Multi",
        "Door",
        "network",
        "pad",
        "preset",
    ),
    *(
        "Forecaster",
        "OnlineForecaster",
        "Classifier",
        "Regressor",
        "AnomalyDetector",
        "read_table",
        "check",
        "compare",
        "tune",
    ),
    *("fit", "imitate", "certify", "save", "load"),
    *(
        "activations",
        "agents",
        "analysis",
        "cells",
        "data",
        "datasets",
        "deploy",
        "errors",
        "estimators",
        "explain",
        "files",
        "losses",
        "metrics",
        "models",
        "solvers",
        "training",
        "wirings",
    ),
    *("TauflowError", "__version__"),
}


HELP = """
import atexit, sys
atexit.register(lambda: print("", *sys.modules))
sys.argv = ["tauflow", "--help"]
from tauflow.cli import main
main()
"""


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


def cpu_seconds(command: list[str]) -> float:
    """User + system time of one run of `command`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


LOADED = """
import sys
def names(): return {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
import torch, numpy
before = names()
import tauflow
print(*names() - before)
from tauflow import CTRNN
print(*names() - before)
"""


def test_the_package_and_its_cells_load_torch_and_numpy_at_most() -> None:
    package, cells = (line.split() for line in python(LOADED).splitlines())
    assert package == cells == ["tauflow"]


def test_public_names_are_pinned() -> None:
    assert set(tauflow.__all__) == PUBLIC
    assert len(tauflow.__all__) == len(PUBLIC)
    assert set(tauflow.__dir__()) >= PUBLIC


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_public_name_loads(name: str) -> None:
    assert getattr(tauflow, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'LTCC'"):
        _ = tauflow.LTCC
    assert not hasattr(tauflow, "LTCC")


def test_help_is_quick_and_without_torch() -> None:
    help_ = [str(Path(sys.executable).with_name("tauflow")), "--help"]
    libraries = [sys.executable, "-c", "import typer.rich_utils, rich.markdown"]  # how fast this machine is just now
    ours, theirs = (min(cpu_seconds(words) for _ in range(3)) for words in (help_, libraries))
    assert ours < 2.2 * theirs
    assert "torch" not in python(HELP).split()


def test_one_version_everywhere() -> None:
    assert tauflow.__version__ == PROJECT["version"] == metadata.version("tauflow") == _core.version()
    assert f"\nversion: {tauflow.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_isa_is_one_of_the_names() -> None:
    assert _core.isa() in {"x86-64-v4", "x86-64-v3", "x86-64-v2", "neon", "scalar"}


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no /proc/cpuinfo on this system")
def test_isa_agrees_with_the_kernel() -> None:
    flags = set(Path("/proc/cpuinfo").read_text().split())
    assert (_core.isa() in {"x86-64-v3", "x86-64-v4"}) == ({"avx2", "fma", "bmi1", "bmi2"} <= flags)
    avx512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
    assert (_core.isa() == "x86-64-v4") == (avx512 <= flags)


SETS = """
from tauflow import _core
held = _core.isa_in_use()
print(held, _core.use_isa(_core.isa()), _core.use_isa(held))
"""


def core_held_to(isa: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SETS]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "TAUFLOW_ISA": isa})


def test_kernels_are_held_to_a_lesser_set() -> None:
    """As on an older processor: a better set can't be had any more."""
    best = core_held_to("").stdout.split()[0]
    built = [isa for isa in ("x86-64-v4", "x86-64-v3", "scalar", "neon") if core_held_to(isa).returncode == 0]
    assert best in built
    for isa in built:
        assert core_held_to(isa).stdout.split() == [isa, str(isa == _core.isa()), "True"]


def test_a_set_that_this_machine_has_not_is_refused() -> None:
    for isa in ("neon" if _core.isa() != "neon" else "scalar", "x86-64-v2", "avx2", "SCALAR"):
        done = core_held_to(isa)
        assert done.returncode == 1
        assert f"ImportError: TAUFLOW_ISA is '{isa}', expected an instruction set" in done.stderr


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 63, 1023, 1024, 1025, 5000])
def test_check_gaps_finds_the_first_bad_one(dtype: torch.dtype, n: int) -> None:
    tiny, largest = torch.finfo(dtype).smallest_normal, torch.finfo(dtype).max
    gaps = torch.rand(n, dtype=dtype)
    gaps[::3], gaps[1::5], gaps[2::7] = 0.0, largest, tiny
    is_double = dtype is torch.float64
    assert _core.check_gaps(gaps.data_ptr(), n, is_double) == -1
    for bad in (-tiny, -1.0, math.nan, math.inf, -math.inf):
        for at in {0, n // 2, n - 1} & set(range(n)):
            broken = gaps.clone()
            broken[at], broken[at + 1 :: 2] = bad, -2.0  # later ones must not hide the first
            assert _core.check_gaps(broken.data_ptr(), n, is_double) == at


def test_check_gaps_takes_minus_zero_and_subnormals() -> None:
    gaps = np.array([-0.0, 5e-324, 0.0])
    assert _core.check_gaps(gaps.ctypes.data, 3, True) == -1
    assert _core.check_gaps((-gaps).ctypes.data, 3, True) == 1


def test_check_gaps_refuses_impossible_sizes() -> None:
    with pytest.raises(ValueError, match="negative"):
        _core.check_gaps(0, -1, False)
    with pytest.raises(ValueError, match="null"):
        _core.check_gaps(0, 1, False)
    assert _core.check_gaps(0, 0, False) == -1


@pytest.mark.slow
def test_wheel_holds_code_core_data_and_licences(tmp_path: Path) -> None:
    # From the folder itself: what the installation compiled in build/ is not compiled again.
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    # cmake and ninja lie beside the interpreter
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([*pip, "-w", tmp_path, ROOT], check=True, env={**os.environ, "PATH": path})
    (wheel,) = tmp_path.glob("tauflow-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    package = {
        f"tauflow/{path.relative_to(ROOT / 'src' / 'tauflow')}"
        for path in (ROOT / "src" / "tauflow").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    assert {"tauflow/_core.pyi", "tauflow/py.typed"} <= package
    assert package <= held
    extra = {name for name in held - package if ".dist-info/" not in name}
    assert len(extra) == 1
    assert extra.pop().startswith("tauflow/_core.")
    assert {Path(name).name for name in held if "/licenses/" in name} == {"LICENSE", "NOTICE"}


def test_only_the_options_of_the_command_that_runs_are_made() -> None:
    from typer.main import get_command
    from typer.testing import CliRunner

    from tauflow.cli.commands import built

    whole, small = built(), built("fit")
    assert CliRunner().invoke(small, ["--help"]).output == CliRunner().invoke(whole, ["--help"]).output
    assert CliRunner().invoke(small, ["fit", "--help"]).output == CliRunner().invoke(whole, ["fit", "--help"]).output
    made = get_command(small).commands  # type: ignore[attr-defined]
    assert [name for name, command in made.items() if name != "classify" and len(command.params) > 1] == ["fit"]
