"""tauflow doctor: it finds what is there, and a cell that computes something else."""

from __future__ import annotations

import json
from importlib.metadata import version

import pytest
import torch
from typer.testing import CliRunner

from tauflow import _core, cells, doctor
from tauflow.cli.commands import app


@pytest.fixture(scope="module")
def found() -> doctor.Examination:
    return doctor.doctor()


def test_every_cell_is_tried_and_well(found: doctor.Examination) -> None:
    ours = [name for name in cells.names() if cells.get(name).__module__.startswith("tauflow.")]
    assert [one.cell for one in found.cells] == ours and found.well
    by = {one.cell: one for one in found.cells}
    assert by["ctrnn"].backend == by["cfc"].backend == by["ltc"].backend == "cpu" and by["lstm"].backend == "fused"
    assert "DecayGRU" in by["gru_decay"].why and not by["cfc"].why
    assert all(0 <= value < 1e-5 for one in found.cells for value in (one.output, one.stream))
    assert all(one.gradient > 0 for one in found.cells if one.backend == "cpu")


def test_versions_and_extras_are_those_of_the_installation(
    found: doctor.Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        found.packages["torch"] == version("torch")
        and found.best == _core.isa()
        and found.kernels == _core.isa_in_use()
    )
    names = [one.name for one in found.extras]
    assert "tune" in names and not {"test", "bench"} & set(names)
    known = version
    monkeypatch.setattr(doctor, "version", lambda name: known("no such package" if name == "optuna" else name))
    (tune,) = [one for one in doctor.extras() if one.name == "tune"]
    assert tune.missing == ["optuna"] and tune.line == 'pip install "tauflow[tune]"'
    (baselines,) = [one for one in doctor.extras() if one.name == "baselines"]
    assert baselines.line == "" and list(baselines.found) == ["statsforecast", "lightgbm"]


def test_looking_draws_no_number_of_the_user() -> None:
    torch.manual_seed(3)
    first = torch.rand(1)
    torch.manual_seed(3)
    doctor._try("ctrnn")
    torch.manual_seed(3)
    with torch.random.fork_rng(devices=[]):
        doctor._try("ctrnn")
    assert torch.rand(1) == first


@pytest.mark.parametrize("far", ["NEAR", "NEAR_GRADIENT"])
def test_what_is_off_is_said(far: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, far, -1.0)
    wrong = doctor._try("ctrnn").wrong
    assert wrong.count("differ by") == (2 if far == "NEAR" else 1) and "expected -1 at most" in wrong

    def broken(name: str, *_: object) -> None:
        raise RuntimeError(f"no {name}")

    monkeypatch.setattr(cells, "build", broken)
    assert doctor._try("cfc").wrong == "RuntimeError: no cfc"


def test_the_command_prints_all_of_it_and_fails_where_a_cell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_names", lambda: ["ctrnn"])
    told = CliRunner().invoke(app, ["doctor", "--json"])
    assert told.exit_code == 0
    kept = json.loads(told.stdout)
    assert kept["well"] and kept["cells"][0]["cell"] == "ctrnn" and all("install" in one for one in kept["extras"])
    monkeypatch.setattr(doctor, "NEAR", -1.0)
    told = CliRunner().invoke(app, ["doctor"])
    assert told.exit_code == 1
    assert (
        "outputs differ by" in told.stdout and "something is wrong" in told.stdout and version("torch") in told.stdout
    )


def test_notes_name_what_is_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_names", list)
    monkeypatch.setattr(_core, "isa", lambda: "x86-64-v9")
    monkeypatch.setattr(_core, "version", lambda: "0.0.9")
    notes = doctor.doctor().notes
    assert any("holds the kernels to less than this processor has, x86-64-v9" in note for note in notes)
    assert any("built from tauflow 0.0.9" in note for note in notes)
    monkeypatch.setattr(_core, "isa", lambda: "scalar")
    monkeypatch.setattr(_core, "isa_in_use", lambda: "scalar")
    notes = doctor.doctor().notes
    assert any("right, and slow" in note for note in notes) and not any("holds the kernels" in note for note in notes)
