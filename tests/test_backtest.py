"""Backtests: cut-offs are moments, nothing after one is looked at, and the frame is the one that Nixtla's users know."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from tauflow import Forecaster, metrics
from tauflow.cli.commands import app
from tauflow.errors import DataError
from tauflow.estimators import Backtest, ForecastError, backtest
from tests.test_bands import noisy

QUICK: dict[str, Any] = {"h": 6, "context": 12, "season": None}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return noisy(900, ids=("a", "b"))


@pytest.fixture(scope="module")
def found(frame: pd.DataFrame) -> Backtest:
    return backtest(Forecaster("ridge", **QUICK), frame, n_windows=3, step_size=8, level=[90, 50])


def test_the_frame_has_nixtlas_layout(found: Backtest, frame: pd.DataFrame) -> None:
    table = found.frame()
    bands = ["ridge-lo-90", "ridge-lo-50", "ridge-hi-50", "ridge-hi-90"]
    assert list(table.columns) == ["unique_id", "ds", "cutoff", "y", "ridge", *bands]
    assert len(table) == 3 * 6 * 2
    last = frame["ds"].iloc[-1]
    cuts = [last - pd.Timedelta(hours=h) for h in (22, 14, 6)]
    assert sorted(set(table["cutoff"])) == cuts
    for _, row in table.iterrows():
        assert row["cutoff"] < row["ds"] <= row["cutoff"] + pd.Timedelta(hours=6)
    merged = table.merge(frame, on=["unique_id", "ds"], suffixes=("", "-own"))
    assert (merged["y"] == merged["y-own"]).all()


def test_the_scores_are_those_of_the_frame(found: Backtest) -> None:
    table = found.frame()
    over_all, first = found.rows[0], found.rows[1]
    assert (
        over_all.window is None
        and over_all.values == len(table)
        and [row.window for row in found.rows[1:]] == [1, 2, 3]
    )
    assert over_all.mae == pytest.approx((table["y"] - table["ridge"]).abs().mean())
    part = table[table["cutoff"] == table["cutoff"].min()]
    low, high = part["ridge-lo-50"].to_numpy(), part["ridge-hi-50"].to_numpy()  # the first level of the rising ones
    assert found.level == 50
    assert first.coverage == pytest.approx(metrics.covered(low, high, part["y"].to_numpy()))
    assert first.interval_score == pytest.approx(metrics.interval_score(low, high, part["y"].to_numpy(), 50))
    assert first.crps <= first.mae and first.pinball < first.crps
    assert found.to_dict()["rows"][0]["mae"] == over_all.mae and "50 % band held" in found.sentence


@pytest.mark.parametrize("refit", [False, True])
def test_a_window_is_what_fit_and_predict_give_at_its_cutoff(refit: bool, frame: pd.DataFrame) -> None:
    model = Forecaster("ridge", **QUICK)
    table = model.cross_validation(frame, n_windows=2, step_size=8, refit=refit, level=[90])
    assert model.predictor is None  # it stays as it was
    cuts = sorted(set(table["cutoff"]))
    for number, cut in enumerate(cuts):
        learned = frame[frame["ds"] <= (cut if refit else cuts[0])]
        own = Forecaster("ridge", **QUICK).fit(learned, progress=False)
        expected = own.predict(frame[frame["ds"] <= cut], level=[90])
        part = table[table["cutoff"] == cut].reset_index(drop=True)
        assert np.allclose(part["ridge"], expected["y"]), number
        assert np.allclose(part[["ridge-lo-90", "ridge-hi-90"]], expected[["y-lo-90", "y-hi-90"]]), number


def test_nothing_after_a_cutoff_moves_its_window(frame: pd.DataFrame) -> None:
    model = Forecaster("seasonal_naive", h=6, context=12)
    one = model.cross_validation(frame, n_windows=3, step_size=8, level=[90])
    cut = sorted(set(one["cutoff"]))[1]
    poisoned = frame.assign(y=frame["y"].where(frame["ds"] <= cut, 1e4))
    two = model.cross_validation(poisoned, n_windows=3, step_size=8, level=[90])
    early = one["cutoff"] <= cut
    columns = [name for name in one.columns if name.startswith("seasonal")]
    assert one.loc[early, columns].equals(two.loc[early, columns])
    assert not one.loc[~early, columns].equals(two.loc[~early, columns])


def test_windows_are_as_long_where_rows_are_uneven_or_missing() -> None:
    frame = noisy(1200, uneven=True)
    table = Forecaster("ridge", **QUICK).cross_validation(frame, n_windows=6)
    count = table.groupby("cutoff").size()
    assert count.nunique() > 1  # rows, not moments, are missing
    steps = np.diff(sorted(set(table["cutoff"])))
    assert len(set(steps)) == 1
    found = backtest(Forecaster("ridge", **QUICK), frame, n_windows=6)
    far = sum(int(note.split()[0]) for note in found.notes if "not forecast" in note)
    asked = frame[(frame["ds"] > table["cutoff"].min())]
    assert (
        len(table) + far == len(asked) and far > 0
    )  # every row is asked about once; a gap at a cut-off makes some too far


def test_several_targets_and_quantiles_have_columns_of_their_own() -> None:
    frame = noisy(500).assign(z=lambda f: f["y"] * 2)
    table = Forecaster("ridge", **QUICK).cross_validation(frame, target=["y", "z"], level=80, quantiles=[0.5])
    expected = [f"{name}-ridge{tail}" for name in ("y", "z") for tail in ("", "-lo-80", "-hi-80", "-q-50")]
    assert [name for name in table.columns if "-ridge" in name] == expected
    assert {"y", "z"} < set(table.columns)


def test_without_bands_there_are_errors_alone(frame: pd.DataFrame) -> None:
    found = backtest(Forecaster("persistence", bands=None, **QUICK), frame, n_windows=2)
    assert np.isfinite(found.rows[0].mae) and np.isnan(found.rows[0].coverage) and found.level is None
    assert "band" not in found.sentence


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"n_windows": 0}, "n_windows is 0"),
        ({"step_size": 1.5}, "step_size is 1.5"),
        ({"n_windows": 400}, "use fewer windows"),
        ({"refit": -1}, "refit is -1"),
    ],
)
def test_what_can_not_be_cut_is_refused(given: dict[str, Any], said: str, frame: pd.DataFrame) -> None:
    with pytest.raises((DataError, ForecastError), match=said):
        backtest(Forecaster("persistence", **QUICK), frame, **given)


def test_it_draws_itself_and_its_page(found: Backtest, tmp_path: Any) -> None:
    assert len(found.plot().axes) == 3
    assert "<svg" in found._repr_html_() and "band held" in found._repr_html_()
    found.save(tmp_path / "page.html", command="tauflow backtest data.csv")
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 3 + 3 and "interval score" in page and "tauflow backtest data.csv" in page
    found.save(tmp_path / "again.html", command="tauflow backtest data.csv")
    assert (tmp_path / "again.html").read_text() == page


def test_the_command_prints_writes_and_says_what_it_found(frame: pd.DataFrame, tmp_path: Any) -> None:
    from tauflow.cli import app

    data = tmp_path / "data.csv"
    frame.to_csv(data, index=False)
    files = {name: tmp_path / f"out.{name}" for name in ("html", "json", "csv")}
    words = [
        "backtest",
        str(data),
        "--cell",
        "ridge",
        "--horizon",
        "6",
        "--context",
        "12",
        "--windows",
        "2",
        "--step",
        "8",
        "--refit",
    ]
    words += ["--page", str(files["html"]), "--json", str(files["json"]), "-o", str(files["csv"])]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0].startswith("target,window,cutoff,values,mae")
    assert "cut-off 2 of 2" in done.stderr and "band held" in done.stderr
    assert all(file.exists() for file in files.values())
    assert len(pd.read_csv(files["csv"])) == 2 * 6 * 2
    shown = CliRunner().invoke(app, [*words[:12], "--format", "table", "-q"], catch_exceptions=False)
    assert shown.exit_code == 0 and "coverage" in shown.stdout and "all" in shown.stdout


def test_fit_and_predict_of_the_command_line_know_bands(frame: pd.DataFrame, tmp_path: Any) -> None:
    from tauflow.cli import app

    data, model = tmp_path / "data.csv", tmp_path / "model.tau"
    frame.to_csv(data, index=False)
    words = [
        "fit",
        str(data),
        "--cell",
        "ridge",
        "--horizon",
        "6",
        "--context",
        "12",
        "--bands",
        "student",
        "-o",
        str(model),
        "-q",
    ]
    assert CliRunner().invoke(app, words, catch_exceptions=False).exit_code == 0
    assert Forecaster.load(model).settings.bands == "student"
    done = CliRunner().invoke(
        app,
        ["predict", str(model), str(data), "--level", "80,95", "--quantiles", ".1,.5", "-q"],
        catch_exceptions=False,
    )
    assert done.stdout.splitlines()[0] == "unique_id,ds,y,y-lo-95,y-lo-80,y-hi-80,y-hi-95,y-q-10,y-q-50"
    table = CliRunner().invoke(app, ["predict", str(model), str(data), "--level", "80", "--format", "table"])
    assert table.exit_code == 0 and "y-hi-80" in table.stdout
    wrong = CliRunner().invoke(app, ["predict", str(model), str(data), "--level", "high"])
    assert wrong.exit_code == 2
    bare = ["fit", str(data), "--cell", "ridge", "--horizon", "6", "--bands", "none", "-o", str(model), "-q"]
    assert CliRunner().invoke(app, bare, catch_exceptions=False).exit_code == 0
    assert Forecaster.load(model).settings.bands is None


def test_a_model_as_it_is_is_asked_about_newer_rows_alone(frame: pd.DataFrame, tmp_path: Any) -> None:
    moments = np.sort(frame["ds"].unique())
    model = Forecaster("ridge", **QUICK).fit(frame, until=moments[700], target="y")
    model.save(tmp_path / "model.tau")
    loaded = Forecaster.load(tmp_path / "model.tau")
    found = backtest(loaded, frame, as_fitted=True)
    assert found.fits == 0 and len(found.cutoffs) == 12 and found.step_size == 6
    assert pd.Timestamp(found.cutoffs[0]) == moments[-1] - pd.Timedelta(hours=6 * 12)
    row = found.frame()[lambda table: table["cutoff"] == found.frame()["cutoff"].min()]
    known = frame[frame["ds"] <= row["cutoff"].iloc[0]]
    assert row["ridge"].to_numpy() == pytest.approx(model.predict(known)["y"].to_numpy())
    short = backtest(
        loaded, frame[frame["ds"] <= moments[699 + 6 * 4 + 3]], as_fitted=True
    )  # room for 4 windows and 3 rows
    assert len(short.cutoffs) == 4 and pd.Timestamp(short.cutoffs[0]) == moments[702]
    edge = backtest(loaded, frame[frame["ds"] <= moments[699 + 6 * 4]], as_fitted=True)
    assert len(edge.cutoffs) == 4 and pd.Timestamp(edge.cutoffs[0]) == moments[699]
    with pytest.raises(DataError, match=r"learned from rows up to .* 5 windows of 6 steps .* the first begins at"):
        backtest(loaded, frame[frame["ds"] <= moments[699 + 6 * 4]], as_fitted=True, n_windows=5)
    with pytest.raises(DataError, match=r"of 1 window of 6 steps .* among them: give newer rows"):
        backtest(loaded, frame[frame["ds"] <= moments[702]], as_fitted=True)
    with pytest.raises(ForecastError, match="as_fitted and refit=2 were given together"):
        backtest(loaded, frame, as_fitted=True, refit=2)


def test_a_model_without_bands_says_that_it_does_not_know_what_it_has_seen(frame: pd.DataFrame) -> None:
    model = Forecaster("seasonal_naive", **{**QUICK, "season": 24}).fit(frame, target="y")
    model.bands = None  # as after a validation part that holds no truth, or in a file from before there were bands
    found = backtest(model, frame, as_fitted=True, level=None)
    assert any("honest only on rows that are newer" in note for note in found.notes) and found.level is None


def test_report_scores_a_saved_model(frame: pd.DataFrame, tmp_path: Any) -> None:
    table, model, page = tmp_path / "table.csv", tmp_path / "model.tau", tmp_path / "page.html"
    frame.to_csv(table, index=False)
    Forecaster("ridge", **QUICK).fit(frame, until=np.sort(frame["ds"].unique())[800], target="y").save(model)
    done = CliRunner().invoke(
        app, ["report", str(model), str(table), "--windows", "3", "--page", str(page), "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["fits"] == 0 and len(told["rows"]) == 4 and told["level"] == 90
    same = backtest(Forecaster.load(model), table, n_windows=3, as_fitted=True)
    assert [row["mae"] for row in told["rows"]] == [row.mae for row in same.rows]
    text = page.read_text()
    assert "tauflow report · y" in text and "the model as it was saved" in text
    refused = CliRunner().invoke(app, ["report", str(model), str(table), "--page", str(model)])
    assert refused.exit_code != 0
