"""What the command line may set of a training: each option reaches the model, and what would be ignored is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tauflow import estimators
from tauflow.cli import main
from tauflow.estimators import Forecaster

QUICK = ("--epochs", "2", "--units", "4", "--context", "12", "--horizon", "4", "--steps", "4", "--batch-size", "32")


@pytest.fixture(scope="module")
def csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hour = np.arange(300)
    path = tmp_path_factory.mktemp("cli") / "wave.csv"
    y = np.sin(hour / 4) + 0.1 * np.random.default_rng(0).normal(size=300)
    pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=300, freq="h"), "y": y}).to_csv(path, index=False)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    """The exit code, and what was told on the error stream."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return int(end.value.code or 0), capsys.readouterr().err


def test_fit_sets_what_python_can(csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.tau"
    code, _ = run(
        capsys, "fit", csv, "-o", out, "-q", *QUICK, "--cell", "ctrnn", "--loss", "huber", "--lr", "0.003",
        "--patience", "3", "--validation", "0.2", "--strategy", "recursive", "--option", "solver=etd2rk", "--option", "tau=[1, 9]",
    )  # fmt: skip
    assert code == 0
    model = Forecaster.load(out)
    settings = model.settings
    assert (settings.loss, settings.lr, settings.patience, settings.validation) == ("huber", 0.003, 3, 0.2)
    assert (settings.strategy, settings.steps, settings.batch_size) == ("recursive", 4, 32)
    assert model.options == {"solver": "etd2rk", "tau": [1, 9]}
    assert model.predictor.network.recurrent.cell.solver == "etd2rk"


def test_compare_passes_all_of_it_on(
    csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}

    class StopError(Exception):
        pass

    def compare(table: Any, models: Any, **words: Any) -> None:
        asked.update(words)
        raise StopError

    monkeypatch.setattr(estimators, "compare", compare)
    code, _ = run(
        capsys, "compare", csv, "--cells", "ctrnn,gru", "--loss", "mse", "--lr", "0.02", "--patience", "2", "--steps", "5",
        "--option", "ctrnn.solver=rk4", "--option", "ctrnn.substeps=2",
    )  # fmt: skip
    assert code == 70  # the error that stops it is none of tauflow's
    assert asked["options"] == {"ctrnn": {"solver": "rk4", "substeps": 2}}
    assert asked["forecaster"] == {
        "loss": "mse",
        "lr": 0.02,
        "patience": 2,
        "steps": 5,
        "strategy": "direct",
        "validation": 0.15,
    }


def test_a_checkpoint_is_gone_on_from(csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second run finds all epochs done; with --no-resume it begins anew, and a longer one is refused by name."""
    kept = tmp_path / "run.tau"
    words = ("fit", csv, "-q", *QUICK, "--checkpoint", kept)
    assert run(capsys, *words, "-o", tmp_path / "a.tau")[0] == 0
    before = kept.stat().st_mtime_ns
    assert run(capsys, *words, "-o", tmp_path / "b.tau")[0] == 0
    assert kept.stat().st_mtime_ns == before
    assert (tmp_path / "a.tau").read_bytes() == (tmp_path / "b.tau").read_bytes()
    assert run(capsys, *words, "--no-resume", "-o", tmp_path / "c.tau")[0] == 0
    assert kept.stat().st_mtime_ns > before
    code, told = run(capsys, *words, "--lr", "0.5", "-o", tmp_path / "d.tau")
    assert code == 1 and "run.tau" in told


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--option", "solver"), 2, "expected NAME=VALUE"),
        (("--option", "solver=rk4", "--option", "solver=euler"), 2, "--option solver was given twice"),
        (("--option", "speed=3", "--cell", "ctrnn"), 1, "speed"),
        (("--cell", "ridge", "--option", "solver=rk4"), 1, "ridge has no options, but solver was given"),
        (("--no-resume",), 2, "--no-resume needs --checkpoint"),
        (("--cell", "ridge", "--checkpoint", "run.tau"), 1, "--checkpoint was given, but ridge learns at once"),
        (("--loss", "mad"), 1, "--loss is 'mad', expected 'mae', 'mse' or 'huber'"),
        (("--lr", "-1"), 1, "--lr is -1.0"),
    ],
)
def test_what_would_be_ignored_is_refused(
    csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...], code: int, told: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found = run(capsys, "fit", csv, "-o", "m.tau", "-q", *QUICK, *words)
    assert found[0] == code and told in found[1]
    assert not (tmp_path / "m.tau").exists()


@pytest.mark.parametrize(
    ("option", "told"),
    [("solver=rk4", "expected CELL.NAME=VALUE"), ("cfc.mode=pure", "is for cfc, which is not among --cells ctrnn")],
)
def test_an_option_for_no_cell_is_refused(
    csv: Path, capsys: pytest.CaptureFixture[str], option: str, told: str
) -> None:
    code, said = run(capsys, "compare", csv, "--cells", "ctrnn", "--option", option)
    assert code == 2 and told in said
