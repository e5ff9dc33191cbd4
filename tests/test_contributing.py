"""CONTRIBUTING.md promises that a cell is one file. Here the cell on that page is added to a copy of the package, and used."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tauflow
from tauflow import _core

ROOT = Path(__file__).parent.parent
RUN = """
import sys
sys.meta_path = [f for f in sys.meta_path if "Redirecting" not in type(f).__name__]  # an editable install's way to src/
sys.path.insert(0, sys.argv.pop(1))
import tauflow
assert tauflow.__file__.startswith(sys.path[0]), tauflow.__file__
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A folder with the package and the page's cell in it."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(Path(tauflow.__file__).parent, folder / "tauflow", ignore=shutil.ignore_patterns("__pycache__"))
    if not any((folder / "tauflow").glob("_core*.so")):
        shutil.copy(_core.__file__, folder / "tauflow")
    page = (ROOT / "CONTRIBUTING.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (folder / "tauflow" / "cells" / "mgu.py").write_text(code)
    return folder


# One process for both: a new one costs seconds for torch alone.
BOTH = """
import pytest
from tauflow.cli import app
from typer.testing import CliRunner
contract = pytest.main(["tests/test_cells.py", "-q", "-k", "mgu", "-p", "no:xdist", "-p", "no:cacheprovider"])
print("contract", int(contract))
done = CliRunner().invoke(app, ["fit", *sys.argv[1:]])
print(done.output)
print("fit", done.exit_code)
"""


@pytest.fixture(scope="module")
def said(copy, tmp_path_factory):
    """What the contract's tests and `tauflow fit` say of the new cell, and the model's path."""
    folder = tmp_path_factory.mktemp("wave")
    hours = np.arange(600)
    rows = [f"{np.datetime64('2024-01-01T00:00') + np.timedelta64(int(t), 'h')},{np.sin(t / 4):.4f}" for t in hours]
    (folder / "wave.csv").write_text("ds,y\n" + "\n".join(rows))
    fit = [
        folder / "wave.csv",
        "--cell",
        "mgu",
        "--horizon",
        4,
        "--epochs",
        1,
        "--context",
        12,
        "-o",
        folder / "model.tau",
    ]
    command = [sys.executable, "-c", RUN + BOTH, copy, *fit]
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, folder / "model.tau"


def test_the_new_cell_passes_the_contract(said):
    text, _ = said
    assert "\ncontract 0\n" in text, text[-3000:]
    passed = re.search(r"(\d+) passed", text)
    assert passed and int(passed.group(1)) >= 30, text[-500:]


def test_the_new_cell_forecasts_from_the_command_line(said):
    text, model = said
    assert text.endswith("\nfit 0\n"), text[-2000:]
    assert model.exists()
