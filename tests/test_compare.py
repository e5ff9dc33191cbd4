"""compare: the same windows, the same budget, the trivial baselines always there, and an honest sentence."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from tauflow.data import read_table
from tauflow.errors import DataError
from tauflow.estimators import BASELINES, ForecastError, Row, Settings, compare
from tauflow.estimators.compare import Job, _parameters, matched
from tauflow.estimators.comparison import verdict
from tauflow.estimators.split import test_start as start_of_test
from tauflow.windows.learn import learn
from tests.test_windows import HOUR, hourly

QUICK = {"h": 6, "units": 6, "context": 12, "epochs": 2, "forecaster": {"steps": 6, "batch_size": 32}}


@pytest.fixture(scope="module")
def table():
    return read_table(hourly(24 * 40), past=["temperature"], future=["holiday"])


@pytest.fixture(scope="module")
def found(table):
    told = []
    comparison = compare(table, ("ctrnn", "gru"), test=0.2, seeds=(0, 1), jobs=1, progress=told.append, **QUICK)
    return comparison, told


def test_every_table_holds_the_baselines(found):
    comparison, _ = found
    assert {row.model for row in comparison.rows} == {"ctrnn", "gru", *BASELINES}
    assert [row.mae for row in comparison.rows] == sorted(row.mae for row in comparison.rows)
    kinds = {row.model: row.kind for row in comparison.rows}
    assert kinds == {
        "ctrnn": "liquid", "gru": "static", "ridge": "static", "seasonal_naive": "trivial", "persistence": "trivial",
    }  # fmt: skip


def test_networks_are_told_apart_by_seed_and_timed(found):
    rows = {row.model: row for row in found[0].rows}
    assert rows["gru"].seeds == 2 and rows["gru"].mae_std > 0
    assert rows["ridge"].seeds == 1 and np.isnan(rows["ridge"].mae_std)
    assert rows["gru"].microseconds > 0 and rows["ridge"].microseconds is None
    assert rows["gru"].parameters == pytest.approx(rows["ctrnn"].parameters, rel=0.05)


def test_progress_is_told_for_each_model_and_seed(found):
    _, told = found
    assert sum(one.done for one in told) == 2 * 2 + 3
    assert [(one.epoch, one.epochs) for one in told if one.model == "gru" and one.seed == 1 and not one.done] == [
        (1, 2),
        (2, 2),
    ]


def test_all_models_are_judged_by_the_same_truth(found):
    comparison, _ = found
    naive = next(row for row in comparison.rows if row.model == "seasonal_naive")
    errors = comparison.by_horizon
    assert set(errors) == {row.model for row in comparison.rows} and all(len(e) == 6 for e in errors.values())
    assert np.mean(errors["seasonal_naive"]) == pytest.approx(naive.mae, rel=0.02)
    assert 0.5 < naive.mase < 2
    for example in comparison.examples:
        assert len(example.times) == len(example.actual) == example.origin + 6
        assert all(len(forecast) == 6 for forecast in example.forecasts.values())


def test_processes_change_no_number(table, found):
    side_by_side = compare(table, ("ctrnn", "gru"), test=0.2, seeds=(0, 1), jobs=2, **QUICK)
    for one, two in zip(found[0].rows, side_by_side.rows, strict=True):
        assert (one.model, one.mae, one.rmse, one.mase) == (two.model, two.mae, two.rmse, two.mase)


def test_it_can_be_written_as_json_and_as_a_frame(found):
    comparison, _ = found
    again = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert again["rows"][0]["model"] == comparison.rows[0].model
    assert len(comparison.to_frame()) == 5


@pytest.mark.parametrize("cell", ["ctrnn", "gated_ltc", "cfc", "gru", "rnn", "ltc"])
def test_parameters_are_matched_to_an_lstm(cell, table):
    jobs = [Job(table, Settings(cell=name, units=32), {}, 0.0) for name in (cell, "lstm")]
    first, second = matched(jobs, table)
    encoder = learn(table, 24, None)
    ours, theirs = (_parameters(job.settings, {}, encoder) for job in (first, second))
    assert second.settings.units == 32
    assert ours == pytest.approx(theirs, rel=0.05)


def row(model: str, kind: str, mae: float, std: float = np.nan) -> Row:
    seeds = 1 if np.isnan(std) else 3
    return Row(model, kind, 8, mae, std, mae, std, 1.0, std, seeds, 10, 1.0, None)  # type: ignore[arg-type]


def test_the_verdict_says_first_where_liquid_loses():
    naive = row("seasonal_naive", "trivial", 20.0)
    assert verdict((row("cfc", "liquid", 9.0), row("gru", "static", 10.0), naive)).startswith(
        "cfc has the lowest MAE, 9, 10.0% below"
    )
    lost = verdict((row("ridge", "static", 9.0), row("cfc", "liquid", 9.9), naive))
    assert lost.startswith("Liquid loses here: ridge")
    close = verdict((row("cfc", "liquid", 9.0, 0.5), row("gru", "static", 9.2, 0.1), naive))
    assert "within the spread over seeds" in close
    assert "seasonal naive: 20" in close
    lucky = verdict((row("cfc", "liquid", 9.0), row("gru", "static", 9.1), naive))
    assert "with one seed a difference this small may be luck" in lucky
    assert "luck" not in verdict((row("cfc", "liquid", 9.0, 0.05), row("gru", "static", 9.2, 0.05), naive))
    beaten = verdict((naive, row("cfc", "liquid", 25.0)))
    assert beaten.startswith("Liquid loses here: seasonal naive")


def test_where_the_test_part_begins(table):
    series = table.series[0]
    last = float(series.time[-1])
    assert start_of_test(table, "10D") == last - 240 * HOUR
    moment = np.datetime64(int(series.time[500]), "ns")
    assert start_of_test(table, str(moment)) == series.time[500]
    known = np.isfinite(series.y[:, 0])
    share = (series.time[known] >= start_of_test(table, 0.25)).mean()
    assert share == pytest.approx(0.25, abs=0.01)
    for wrong in (0, 1.5, "900D", "2030-01-01", "soon"):
        with pytest.raises(DataError):
            start_of_test(table, wrong)


def test_mistakes_are_told_before_training(table):
    with pytest.raises(ForecastError, match="did you mean 'gru'"):
        compare(table, ("gruu",), **QUICK)
    with pytest.raises(ForecastError, match="seeds is empty"):
        compare(table, ("gru",), seeds=(), **QUICK)


def test_ids_that_begin_in_the_test_part_are_named():
    frame = hourly(24 * 30).drop(columns=["temperature", "holiday"])
    table = read_table(pd.concat([frame.assign(unique_id="old"), frame.iloc[-60:].assign(unique_id="new")]))
    found = compare(table, ("ridge",), test="4D", jobs=1, **QUICK)
    assert "1 series begin in the test part and were not tested: new" in found.notes
