"""Exports are whole or not at all, hold a check that runs, and refuse by name before anything is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

import tauflow
from tauflow import Bidirectional, CfC, Network, Recurrent, Stack
from tauflow.cli import app
from tauflow.deploy import TARGETS, ExportError, export, named, targets
from tauflow.deploy.c99 import host
from tauflow.errors import OutputError
from tests import deployed

KINDS = ("records with gaps", "attention", "ctrnn euler", "tokens", "committee of values")
needs_c = pytest.mark.skipif(host.compiler() is None, reason="there is no C compiler on this machine")


@needs_c
@pytest.mark.parametrize("kind", KINDS)
def test_the_check_of_the_c_runs(kind: str, tmp_path: Path) -> None:
    done = export(deployed.make(kind), "c", tmp_path / "arm", "arm")
    assert done.error is not None and done.error <= 1e-6 and done.nanoseconds is not None and done.size > 500
    assert sorted(done.files) == sorted(path.name for path in done.folder.iterdir())
    host.build(done.folder, ["arm.c", "arm_check.c"], str(tmp_path / "check"), host.compiler() or "", ["-O1"])
    told = subprocess.run([tmp_path / "check"], capture_output=True, text=True, check=True).stdout
    assert told.startswith("worst error over ") and "of the range" in told


@pytest.mark.parametrize("kind", KINDS[:2])
def test_the_check_of_the_numpy_file_runs(kind: str, tmp_path: Path) -> None:
    done = export(deployed.make(kind), "numpy", tmp_path / "arm", "arm")
    assert done.error is not None and done.error <= 1e-6
    code = f"import sys, runpy; sys.path.insert(0, {str(done.folder)!r}); runpy.run_path(sys.path[0] + '/arm_check.py')"
    told = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert told.stdout.startswith("worst error over ")


@needs_c
def test_a_check_notices_another_weight(tmp_path: Path) -> None:
    done = export(deployed.make("wired_cfc"), "c", tmp_path / "arm", "arm")
    code = (done.folder / "arm.c").read_text()
    first, rest = code.split("] = {\n    ", 1)
    (done.folder / "arm.c").write_text(f"{first}] = {{\n    9.0f + {rest}")
    host.build(done.folder, ["arm.c", "arm_check.c"], str(tmp_path / "check"), host.compiler() or "", ["-O1"])
    assert subprocess.run([tmp_path / "check"], capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize(
    ("network", "to", "name", "told"),
    [
        (lambda: Network(2, 1), "onyx", "arm", "no target 'onyx'; there are c, numpy, onnx, nir"),
        (lambda: Network(2, 1), "c", "Arm-2", "expected lower case letters"),
        (lambda: Network(2, 1).double(), "c", "arm", "export network.float"),
        (lambda: Network(2, 1, encoder=torch.nn.Linear(2, 3)), "c", "arm", "encoder is a Linear of your own"),
        (lambda: Bidirectional(CfC(2, 3), CfC(2, 3)), "numpy", "arm", "reads the future"),
        (lambda: Stack(Bidirectional(CfC(2, 3), CfC(2, 3))), "numpy", "arm", "reads the future"),
    ],
)
def test_refusals_come_before_anything_is_written(network: Any, to: str, name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(tauflow.TauflowError, match=told):
        export(network(), to, tmp_path / "arm", name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    network = Network(2, 1)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for folder, told in [("full", "not empty"), ("file", "no folder"), ("none/arm", "mkdir -p")]:
        with pytest.raises(OutputError, match=told):
            export(network, "numpy", tmp_path / folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full"]
    (tmp_path / "empty").mkdir()
    export(network, "numpy", tmp_path / "empty")
    assert (tmp_path / "empty" / "network.py").exists()


def test_what_goes_wrong_on_the_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(OSError, match="No space"):
        export(Network(2, 1), "numpy", tmp_path / "arm")
    assert not list(tmp_path.iterdir())


def test_other_numbers_are_no_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = targets.Target("", targets.numpy_files, lambda *_: targets.Measured(1, 0.1, 1.0))
    monkeypatch.setitem(TARGETS, "numpy", wrong)
    with pytest.raises(ExportError, match="its range away"):
        export(Network(2, 1), "numpy", tmp_path / "arm")
    assert not list(tmp_path.iterdir())


def test_training_goes_on_where_it_was(tmp_path: Path) -> None:
    network = Network(3, 1, readout={"name": "deep", "dropout": 0.5}).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export(network, "numpy", tmp_path / "arm")
    assert network.training and all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_command(tmp_path: Path) -> None:
    tauflow.save(Recurrent(CfC(3, 5, backbone_units=6)), tmp_path / "My Walker.2.tau")
    folder = tmp_path / "walker"
    arguments = ["export", str(tmp_path / "My Walker.2.tau"), "--to", "numpy", "--output", str(folder)]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    told = json.loads(done.output)
    assert told["target"] == "numpy" and told["worst error"] <= 1e-6 and told["ns a step"] > 0
    assert (folder / "my_walker_2.py").exists()
    again = CliRunner().invoke(app, [*arguments, "--format", "table"])
    assert isinstance(again.exception, OutputError)
    arguments[-1] = str(tmp_path / "other")
    shown = CliRunner().invoke(app, [*arguments, "--format", "table", "--name", "arm"], catch_exceptions=False)
    assert "worst error" in shown.output and (tmp_path / "other" / "arm.py").exists()


def test_names() -> None:
    assert [named(text) for text in ("Walker", "2 legs", "---", "ä b", "a" * 50)] == [
        "walker", "net_2_legs", "net", "b", "a" * 31
    ]  # fmt: skip
