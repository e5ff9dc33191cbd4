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


def run(copy: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN + code, str(copy), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300
    )


def test_the_new_cell_passes_the_contract(copy):
    code = "import pytest; sys.exit(pytest.main(['tests/test_cells.py', '-q', '-k', 'mgu', '-p', 'no:xdist', '-p', 'no:cacheprovider']))"
    done = run(copy, code)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed and int(passed.group(1)) >= 30, done.stdout[-500:]


def test_the_new_cell_forecasts_from_the_command_line(copy, tmp_path):
    hours = np.arange(600)
    rows = [f"{np.datetime64('2024-01-01T00:00') + np.timedelta64(int(t), 'h')},{np.sin(t / 4):.4f}" for t in hours]
    (tmp_path / "wave.csv").write_text("ds,y\n" + "\n".join(rows))
    code = "from tauflow.cli import main; sys.argv[0] = 'tauflow'; main()"
    done = run(
        copy, code, "fit", str(tmp_path / "wave.csv"), "--cell", "mgu", "--horizon", "4", "--epochs", "1",
        "--context", "12", "--output", str(tmp_path / "model.tau"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "model.tau").exists()
