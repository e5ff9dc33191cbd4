"""Tuning: what is tried and judged, what is never looked at, and that a kill loses nothing but the trials that ran."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tauflow
from tauflow import Forecaster, cells
from tauflow.cli import main
from tauflow.errors import DataError, MissingExtraError
from tauflow.estimators import BASELINES, ForecastError, Settings, Tuning
from tauflow.estimators.tuning.space import BASELINE, COMMON, OWN, Choice, parted, space
from tauflow.report.tuning import tuning_page

pytest.importorskip("optuna")
QUICK = {"epochs": 2, "steps": 2, "context": 12}


def frame(rows: int = 240) -> pd.DataFrame:
    t = np.arange(rows)
    y = np.sin(2 * np.pi * t / 24) + 0.2 * np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=rows, freq="h"), "y": y})


@pytest.fixture(scope="module")
def tuned() -> Tuning:
    return tauflow.tune(frame(), ("ctrnn", "ridge"), h=4, trials=6, forecaster=QUICK)


class TestSpace:
    @pytest.mark.parametrize("cell", [name for name in cells.names() if not name.startswith("wired")])
    def test_every_value_is_one_that_the_cell_and_the_settings_take(self, cell: str) -> None:
        """Both ends of every range, and every choice, one at a time."""
        for name, one in space(cell).items():
            for value in one.values if isinstance(one, Choice) else (one.low, one.high):
                settings, options = parted({name: value})
                asked = Settings(cell=cell, **settings)
                cells.build(cell, 3, 4 if name != "units" else asked.units, **options)

    def test_the_table_names_cells_that_exist(self) -> None:
        assert set(OWN) <= set(cells.names())
        assert set(COMMON) <= set(Settings.__dataclass_fields__) >= set(BASELINE)


class TestTune:
    def test_the_defaults_come_first_and_the_best_is_the_lowest(self, tuned: Tuning) -> None:
        assert len(tuned.trials) == 6
        assert [(one.cell, dict(one.values)) for one in tuned.trials[:2]] == [("ctrnn", {}), ("ridge", {})]
        assert tuned.best.error == min(one.error for one in tuned.done)
        assert {one.cell for one in tuned.trials} == {"ctrnn", "ridge"}
        assert all(set(one.values) <= set(space(one.cell)) for one in tuned.trials)

    def test_the_score_is_the_mase_on_the_judged_rows(self, tuned: Tuning) -> None:
        """The default ridge, done by hand: trained on the first 64 % of the rows, judged on the next 16 %."""
        known = frame().iloc[:192]
        model = Forecaster("ridge", h=4, **QUICK).fit(known.iloc[:153], progress=False)
        found = model.backtest(known, start=known.ds[153])
        naive = model.encoder.error[""] * model.encoder.targets[""].scale
        error = np.nanmean(np.abs(found.truth - found.forecast)) / naive[0]
        assert tuned.trials[1].error == pytest.approx(error, rel=1e-9)
        assert tuned.judged_from == "2024-01-07 09:00:00" and tuned.test_from == "2024-01-09 00:00:00"

    def test_what_lies_in_the_test_part_changes_nothing(self, tuned: Tuning) -> None:
        changed = frame()
        changed.loc[192:, "y"] = 1e6
        again = tauflow.tune(changed, ("ctrnn", "ridge"), h=4, trials=6, forecaster=QUICK)
        assert [(one.values, one.error, one.curve) for one in again.trials] == [
            (one.values, one.error, one.curve) for one in tuned.trials
        ]

    def test_without_a_test_part_all_rows_count(self) -> None:
        found = tauflow.tune(frame(), ["ridge"], h=4, trials=1, test=None)
        assert found.rows == 240 and found.test_from == ""

    def test_the_best_is_a_forecaster_and_python(self, tuned: Tuning) -> None:
        model = tuned.forecaster()
        made = eval(tuned.python, {"Forecaster": Forecaster})
        assert made.settings == model.settings and made.options == model.options
        assert model.settings.epochs == 2 and model.settings.h == 4
        model.fit(frame(), progress=False).predict()

    def test_what_is_fixed_is_not_tried(self) -> None:
        found = tauflow.tune(
            frame(),
            ["ctrnn"],
            h=4,
            trials=3,
            forecaster={**QUICK, "units": 5, "lr": 0.01},
            options={"ctrnn": {"solver": "euler", "substeps": 4}},
        )
        assert all(not {"units", "lr", "solver"} & set(one.values) for one in found.trials)
        assert found.forecaster().settings.units == 5 and found.forecaster().options["solver"] == "euler"

    def test_hopeless_trials_are_pruned(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(COMMON, "lr", Choice((0.003, 9.0)))
        found = tauflow.tune(frame(), ["ctrnn"], h=4, trials=14, forecaster={"epochs": 5, "steps": 2, "context": 12})
        pruned = [one for one in found.trials if one.state == "pruned"]
        assert pruned and all(len(one.curve) < 5 and one.error is None for one in pruned)
        assert all(len(one.curve) == 5 for one in found.done)

    def test_a_trial_that_can_not_be_done_is_told_and_does_not_stop_the_others(self) -> None:
        found = tauflow.tune(frame(60), ["ridge"], h=4, trials=3, forecaster={"validation": 0.5})
        assert found.done
        with pytest.raises(ForecastError, match="no trial could be judged: h is 40 steps, but the longest series has"):
            tauflow.tune(frame(60), ["ridge"], h=40, trials=2)

    def test_time_is_kept(self) -> None:
        began = time.monotonic()
        found = tauflow.tune(
            frame(), ["ridge", "ctrnn"], h=4, trials=1000, time_limit=3, forecaster={"epochs": 500, "steps": 50}
        )
        assert time.monotonic() - began < 60
        assert found.trials[-1].state == "cut" and found.trials[0].cell == "ridge"

    def test_what_was_tried_is_not_tried_again(self) -> None:
        """Ridge has five contexts and its default, which is none of them by name: more is not proposed, however many are asked for."""
        found = tauflow.tune(frame(), ["ridge"], h=4, trials=30)
        tried = [(one.cell, tuple(one.values.items())) for one in found.trials]
        assert len(tried) == len(set(tried)) <= 6

    def test_progress_is_told(self) -> None:
        told = []
        found = tauflow.tune(frame(), ["ridge"], h=4, trials=3, progress=told.append)
        assert tuple(told) == found.trials

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"cells": []}, "cells is empty"),
            ({"cells": ["cfx"]}, "'cfx' is no cell"),
            ({"cells": ["persistence"]}, "'persistence' learns nothing that could be tuned"),
            ({"trials": 0}, "trials is 0"),
            ({"jobs": 1.5}, "jobs is 1.5"),
            ({"time_limit": -1}, "time_limit is -1"),
            ({"judged": 0.9}, "judged is 0.9"),
            ({"options": {"lstm": {}}}, "options are given for 'lstm'"),
            ({"forecaster": {"cell": "cfc"}}, "name what is tried in cells="),
            ({"forecaster": {"loss": "mad"}}, "loss is 'mad'"),
        ],
    )
    def test_refusals(self, given: dict, told: str) -> None:
        with pytest.raises(ForecastError, match=told):
            tauflow.tune(frame(), **{"cells": ["ridge"], "h": 4, **given})

    def test_without_optuna_it_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "optuna", None)
        with pytest.raises(MissingExtraError, match=r'pip install "tauflow\[tune\]"'):
            tauflow.tune(frame(), ["ridge"], h=4)


class TestJournal:
    def test_it_goes_on_and_counts_what_is_there(self, tmp_path: Path) -> None:
        place = tmp_path / "journal"
        first = tauflow.tune(frame(), ["ridge"], h=4, trials=2, journal=place)
        more = tauflow.tune(frame(), ["ridge"], h=4, trials=5, journal=place)
        assert more.trials[:2] == first.trials and len(more.trials) == 5
        assert tauflow.tune(frame(), ["ridge"], h=4, trials=3, journal=place).trials == more.trials

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"h": 5}, "forecaster"),
            ({"cells": ["ctrnn"]}, "cells"),
            ({"test": 0.3}, "table, test"),
            ({"judged": 0.3}, "judged"),
        ],
    )
    def test_another_question_is_refused(self, tmp_path: Path, change: dict, named: str) -> None:
        asked = {"cells": ["ridge"], "h": 4, "trials": 1, "journal": tmp_path / "journal", "forecaster": QUICK}
        tauflow.tune(frame(), **asked)
        with pytest.raises(ForecastError, match=f"holds a tuning with another {named}: go on"):
            tauflow.tune(frame(), **{**asked, **change})

    def test_a_file_of_something_else_is_refused_and_stays(self, tmp_path: Path) -> None:
        place = tmp_path / "notes.txt"
        place.write_text("dear diary\n")
        with pytest.raises(ForecastError, match="is no journal of a tuning"):
            tauflow.tune(frame(), ["ridge"], h=4, journal=place)
        assert place.read_text() == "dear diary\n"

    def test_half_a_line_and_a_lock_that_were_left_are_mended(self, tmp_path: Path) -> None:
        place = tmp_path / "journal"
        first = tauflow.tune(frame(), ["ridge"], h=4, trials=2, journal=place)
        with place.open("ab") as file:
            file.write(b'{"op_code":5,"worker')
        os.symlink(place, f"{place}.lock")
        more = tauflow.tune(frame(), ["ridge"], h=4, trials=3, journal=place)
        assert more.trials[:2] == first.trials and len(more.done) == 3

    @pytest.mark.slow
    def test_a_kill_loses_only_the_trials_that_ran(self, tmp_path: Path) -> None:
        """Two processes side by side, all killed in the middle; the same command does the rest."""
        csv, place, out = tmp_path / "wave.csv", tmp_path / "journal", tmp_path / "all.json"
        frame(1000).to_csv(csv, index=False)
        words = shlex.split(
            f"{sys.executable} -m tauflow tune {csv} --cells ctrnn --horizon 4 --epochs 6 --steps 8 --trials 8 --jobs 2 "
            f"--journal {place} --json {out} --quiet"
        )
        killed = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 240
        while not place.exists() or _ended(place) < 2:
            assert killed.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(killed.pid, signal.SIGKILL)
        killed.wait()
        before = _ended(place)
        assert 2 <= before < 8 and not out.exists()
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, timeout=240)
        trials = json.loads(out.read_text())["trials"]
        judged = [one for one in trials if one["state"] in ("done", "pruned")]
        cut = [one for one in trials if one["state"] == "cut"]
        assert len(judged) == 8 and 1 <= len(cut) <= 2
        for one in cut:  # what was under way is tried again; one without a cell was killed before all of it was drawn
            again = [other for other in judged if other["number"] > one["number"]]
            assert any(other["values"] == one["values"] for other in again) if one["cell"] else again, (one, again)

    def test_a_journal_in_use_is_refused(self, tmp_path: Path) -> None:
        place = tmp_path / "journal"
        seen = []

        def again(_: object) -> None:
            with pytest.raises(ForecastError, match="is in use by another tuning"):
                tauflow.tune(frame(), ["ridge"], h=4, trials=2, journal=place)
            seen.append(1)

        tauflow.tune(frame(), ["ridge"], h=4, trials=1, journal=place, progress=again)
        assert seen


def _ended(journal: Path) -> int:
    """Trials that a journal knows to be judged or pruned."""
    lines = [json.loads(line) for line in journal.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
    return sum(line["op_code"] == 6 and line["state"] in (1, 2) for line in lines)


def test_side_by_side(tmp_path: Path) -> None:
    found = tauflow.tune(frame(), ["ridge"], h=4, trials=5, jobs=2)
    assert len(found.done) == 5
    with pytest.raises(DataError):
        tauflow.tune(frame().assign(y=np.nan), ["ridge"], h=4, jobs=2)


def test_the_page_holds_everything_and_loads_nothing(tuned: Tuning, tmp_path: Path) -> None:
    text = tuning_page(tuned, tmp_path / "page.html", "tauflow fit wave.csv -o wave.tau")
    assert (tmp_path / "page.html").read_text() == text
    assert "tauflow fit wave.csv" in text and "<script" not in text and "default-src 'none'" in text
    assert text.count("<tr") == 1 + len(tuned.trials)


def test_the_command_prints_what_trains_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    frame().rename(columns={"y": "vol"}).to_csv("wave.csv", index=False)
    words = "tune wave.csv --target vol --cells ctrnn --horizon 4 --trials 3 --epochs 2 --steps 2 --page page.html --format json"
    with pytest.raises(SystemExit) as end:
        main([*words.split(), "--option", "ctrnn.solver=rk4"])
    told = capsys.readouterr()
    assert not end.value.code, told.err
    found = json.loads(told.out)
    assert "trial 0, ctrnn, done MASE" in told.err and found["verdict"] in told.err
    command = shlex.split(found["command"])
    assert command[:4] == ["tauflow", "fit", "wave.csv", "--target"] and Path("page.html").exists()
    with pytest.raises(SystemExit) as end:
        main([*command[1:], "--quiet"])
    assert not end.value.code, capsys.readouterr().err
    model = Forecaster.load("wave.tau")
    best = found["best"]
    assert model.options == best["options"] and model.options["solver"] == "rk4"
    assert {name: getattr(model.settings, name) for name in best["settings"]} == best["settings"]


def test_the_names_are_public() -> None:
    for name in ("tune", "compare", "check", "OnlineForecaster", "Forecaster"):
        assert name in tauflow.__all__ and callable(getattr(tauflow, name))


def test_baselines_but_ridge_have_no_space() -> None:
    assert all(name == "ridge" or name not in OWN for name in BASELINES)
