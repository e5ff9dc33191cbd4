"""compare: the same windows, the same budget, the trivial baselines always there, and an honest sentence."""

from __future__ import annotations

import html
import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tauflow import cells, metrics
from tauflow.data import read_table
from tauflow.errors import DataError
from tauflow.estimators import BASELINES, Forecaster, ForecastError, Progress, Row, Settings, compare
from tauflow.estimators.comparing.matching import matched, parameters
from tauflow.estimators.comparing.results import verdict
from tauflow.estimators.comparing.split import test_start as start_of_test
from tauflow.estimators.comparing.trial import Job
from tauflow.estimators.network import ForecastNet
from tauflow.estimators.streaming import ForecastStream, stream_time
from tauflow.report import comparison_page
from tauflow.sequence import Recurrent
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
    errors = comparison.parts[0].by_horizon
    assert set(errors) == {row.model for row in comparison.rows} and all(len(e) == 6 for e in errors.values())
    assert np.mean(errors["seasonal_naive"]) == pytest.approx(naive.mae, rel=0.02)
    assert 0.5 < naive.mase < 2
    for example in comparison.parts[0].examples:
        assert len(example.times) == len(example.actual) == example.origin + 6
        assert all(len(forecast) == 6 for forecast in example.forecasts.values())


def test_it_shows_itself_in_a_notebook_and_writes_its_page(found, tmp_path):
    comparison, _ = found
    shown = comparison._repr_html_()
    assert comparison.verdict in html.unescape(shown)
    assert all(f">{row.label}</text>" in shown for row in comparison.rows)
    assert len(comparison.plot().axes) == 1
    comparison.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text() == comparison_page(comparison)


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
    ours, theirs = (parameters(job.settings, {}, encoder) for job in (first, second))
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


def every_second_unknown() -> pd.DataFrame:
    """One step ahead of a row with a value there never is one."""
    y = np.where(np.arange(200) % 2, np.nan, 100 + np.arange(200.0) % 7)
    return pd.DataFrame({"ds": pd.date_range("2021-01-01", periods=200), "y": y})


@pytest.mark.parametrize(
    ("table", "h", "cell", "options", "why"),
    [
        (every_second_unknown(), 1, "ridge", {}, "use a larger h"),
        (hourly(300).assign(ds=lambda t: t.ds.where(t.index != 299, t.ds + pd.Timedelta("90D")))[["ds", "y"]], 2, "ltc",
         {"ltc": {"solver": "euler"}}, "step"),
    ],
    ids=["nothing known at that step", "a step too long for the solver"],
)  # fmt: skip
@pytest.mark.filterwarnings("error")
def test_a_model_that_a_table_teaches_nothing_is_left_out_with_a_note(table, h, cell, options, why):
    found = compare(table, [cell], jobs=1, **{**QUICK, "h": h}, options=options)
    assert {row.model for row in found.rows} == {cell, *BASELINES} - {cell}
    (note,) = [note for note in found.notes if note.startswith(f"{cell} is left out: ")]
    assert why in note
    json.dumps(found.to_dict())


def test_what_no_model_can_learn_ends_the_comparison(table):
    with pytest.raises(DataError, match="h is 5000 steps"):
        compare(table, ("gru",), jobs=1, **{**QUICK, "h": 5000}, match_parameters=False)


def test_ids_that_begin_in_the_test_part_are_named():
    frame = hourly(24 * 30).drop(columns=["temperature", "holiday"])
    table = read_table(pd.concat([frame.assign(unique_id="old"), frame.iloc[-60:].assign(unique_id="new")]))
    found = compare(table, ("ridge",), test="4D", jobs=1, **QUICK)
    assert "1 series begin in the test part and were not tested: new" in found.notes


@pytest.mark.parametrize("cell", ["cfc", "ctrnn", "gated_ltc", "ltc", "gru", "lstm", "rnn"])
@pytest.mark.parametrize("targets", [1, 2])
def test_a_network_streams_as_it_forecasts(cell, targets, table):
    """Row by row with its own answers: the numbers of `forward`, both ways around the cell counted."""
    frame = hourly(24 * 20).assign(twice=lambda f: 2 * f["y"])
    encoder = learn(read_table(frame, target=["y", "twice"][:targets]), 6, None)
    network = ForecastNet(cells.build(cell, encoder.inputs, 5), encoder).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        x, dt = torch.randn(1, 9, encoder.inputs), torch.rand(1, 9)
        query, start = torch.randn(1, 6, encoder.queries), torch.randn(1, 6, targets)
        expected = network(x, dt, torch.ones(1, 9, dtype=torch.bool), query, start)[0].numpy()
    stream = ForecastStream(network)
    for row, gap in zip(x[0].numpy(), dt[0].tolist(), strict=True):
        answer = stream(row, gap, query[0].numpy(), start[0].numpy())
    np.testing.assert_allclose(answer, expected, rtol=2e-4, atol=2e-5)


def test_a_step_is_timed_on_the_stream(found, monkeypatch):
    """What a user gets, not single steps of the module."""
    monkeypatch.setattr(Recurrent, "step", lambda *_, **__: pytest.fail("timed by single steps"))
    encoder = learn(read_table(hourly(24 * 20), target="y"), 6, None)
    network = ForecastNet(cells.build("cfc", encoder.inputs, 5), encoder)
    assert 0 < stream_time(network, 6, steps=50) < 5000
    called = []
    monkeypatch.setattr(ForecastStream, "__call__", lambda self, *_: called.append(1))
    stream_time(network, 6, steps=50)
    assert len(called) == 50


@pytest.mark.parametrize("cell", ["ridge", "gru"])
def test_nothing_is_learned_from_the_test_part(cell, table, monkeypatch):
    """Every value of the test part is replaced: sizes, scales and losses stay as they are."""
    series = table.series[0]
    cut = start_of_test(table, 0.2)
    y = np.where((series.time[:, None] >= cut) & np.isfinite(series.y), 1e6, series.y)
    poisoned = replace(table, series=(replace(series, y=y),))
    seen = []
    monkeypatch.setattr(
        sys.modules[compare.__module__], "_collect", lambda table, start, results, failures: seen.append(results)
    )
    settings = {name: value for name, value in QUICK.items() if name != "h"}
    for one in (table, poisoned):
        compare(one, (cell,), h=6, test=0.2, jobs=1, **settings)
    for first, second in zip(*seen, strict=True):
        assert first.settings == second.settings and first.parameters == second.parameters
        encoder, other = first.backtest.encoder, second.backtest.encoder
        for name in encoder.targets:
            assert encoder.targets[name].center == other.targets[name].center
        if first.curves is not None:
            for one, two in zip(first.curves, second.curves, strict=True):
                assert one.tolist() == two.tolist()


def test_the_last_row_that_is_learned_from_stands_before_the_test_part(table, monkeypatch):
    """Neither a model nor the matching of sizes is handed a row of the test part."""
    cut = start_of_test(table, 0.2)
    handed = []
    fit, size = Forecaster.fit, learn

    def watched_fit(self, data, **settings):
        handed.append(max(series.time[-1] for series in data.series))
        return fit(self, data, **settings)

    def watched_learn(known, *arguments):
        handed.append(max(series.time[-1] for series in known.series))
        return size(known, *arguments)

    monkeypatch.setattr(Forecaster, "fit", watched_fit)
    monkeypatch.setattr("tauflow.estimators.comparing.matching.learn", watched_learn)
    compare(table, ("gru",), test=0.2, jobs=1, **QUICK)
    assert len(handed) == 5 and all(time < cut for time in handed)


def two_targets(scale: float) -> pd.DataFrame:
    """A target that ridge forecasts well, and one that it does not, in units `scale` times larger."""
    hour = np.arange(24 * 20)
    noise = np.random.default_rng(0).normal(size=(2, len(hour)))
    temp = 10 + 5 * np.sin(2 * np.pi * hour / 24) + 0.2 * noise[0]
    return pd.DataFrame(
        {"ds": pd.date_range("2024", periods=len(hour), freq="h"), "temp": temp, "power": scale * (50 + noise[1])}
    )


def test_of_several_targets_none_counts_by_its_units():
    found = {
        scale: compare(two_targets(scale), ["ridge"], target=["temp", "power"], jobs=1, **QUICK) for scale in (1.0, 1e5)
    }
    for scale, one in found.items():
        assert [part.target for part in one.parts] == ["temp", "power"]
        alone = compare(two_targets(scale), ["persistence"], target="temp", jobs=1, **QUICK)
        errors = [
            next(row for row in rows if row.model == "persistence").mae for rows in (one.parts[0].rows, alone.rows)
        ]
        assert errors[0] == pytest.approx(errors[1], rel=1e-5)
        assert one.parts[1].rows[0].mae == pytest.approx(0.8 * scale, rel=0.5)
        assert all(np.isnan(row.mae) and np.isfinite(row.mase) for row in one.rows)
        assert [row.mase for row in one.rows] == sorted(row.mase for row in one.rows)
        assert "mean MASE of 2 targets" in one.verdict
        frame = one.to_frame()
        assert frame["target"].tolist() == ["temp"] * 3 + ["power"] * 3
        again = json.loads(json.dumps(one.to_dict(), allow_nan=False))
        assert again["targets"]["power"]["rows"][0]["mae"] == one.parts[1].rows[0].mae
    one, two = found.values()
    assert [row.model for row in one.rows] == [row.model for row in two.rows]
    assert [row.mase for row in one.rows] == pytest.approx([row.mase for row in two.rows], rel=1e-4)
    assert one.verdict == two.verdict
    assert (
        len(two.parts[1].examples) == 6 and two.parts[1].examples[0].actual[-1] > 1e6
    )  # ridge and a rule, three moments
    assert "<h2>Forecasts of power</h2>" in comparison_page(two)


@pytest.mark.parametrize("y", [7.0, 0.0])
def test_a_constant_target_is_told_without_dividing_by_nothing(y):
    frame = pd.DataFrame({"ds": pd.date_range("2024", periods=300, freq="h"), "y": y})
    found = compare(frame, ["ridge"], jobs=1, **QUICK)
    assert "inf" not in found.verdict and "nan" not in found.verdict
    assert all(np.isnan(row.mase) for row in found.rows)
    assert any("MASE of 'y' is undefined" in note for note in found.notes)
    both = compare(frame.assign(wave=np.sin(np.arange(300.0))), ["ridge"], target=["y", "wave"], jobs=1, **QUICK)
    assert all(np.isfinite(row.mase) for row in both.rows)


def test_the_verdict_of_errors_that_are_zero_or_unknown():
    naive = row("persistence", "trivial", 0.0)
    assert verdict((naive, row("cfc", "liquid", 0.5))).startswith(
        "Liquid loses here: persistence has the lowest MAE, 0; cfc is above"
    )
    assert "same MAE" in verdict((row("cfc", "liquid", 0.0), naive))
    assert "No model has a finite MAE" in verdict((row("cfc", "liquid", np.nan),))
    assert "12 forecasts are too few to tell" in verdict((row("cfc", "liquid", 1.0), row("gru", "static", 9.0)), 12)
    assert "too few" not in verdict((row("cfc", "liquid", 1.0), row("gru", "static", 9.0)), 4000)


def test_a_comparison_on_few_rows_says_so():
    frame = hourly(40).drop(columns=["temperature", "holiday"])
    found = compare(frame, ["gru"], jobs=1, **{**QUICK, "context": 6, "h": 2})
    assert "too few to tell" in found.verdict
    assert sum("windows: too few to tell" in note for note in found.notes) == 1


def test_the_table_tells_how_good_the_bands_are(tmp_path):
    """Coverage, width, interval score, CRPS and pinball of each model with bands, and none of a peer."""
    frame = hourly(24 * 30)
    found = compare(frame, ["drift"], h=4, context=8, jobs=1, test=0.3)
    rows = {row.model: row for row in found.rows}
    ridge, naive = rows["ridge"], rows["persistence"]
    assert 0.8 < ridge.coverage < 0.98 and ridge.interval_score > ridge.width > 0
    assert ridge.crps < ridge.mae and naive.interval_score > ridge.interval_score
    assert np.isnan(rows["drift"].coverage)
    model = Forecaster("ridge", h=4, context=8).fit(frame, until=found.test_start, progress=False)
    test = model.backtest(frame, found.test_start, level=90)
    assert metrics.covered(test.values[..., 0], test.values[..., 1], test.truth) == pytest.approx(
        ridge.coverage, abs=1e-9
    )
    page = comparison_page(found)
    assert "coverage" in page and "CRPS" in page
    bare = compare(frame, ["drift"], h=4, context=8, jobs=1, test=0.3, forecaster={"bands": None})
    assert all(np.isnan(row.coverage) for row in bare.rows)
    assert ">coverage<" not in comparison_page(bare).split("What the columns mean")[0]


def test_several_cutoffs_give_means_their_spread_and_each(tmp_path):
    frame = hourly(24 * 40)
    told: list[Progress] = []
    found = compare(frame, [], h=4, context=8, jobs=1, test=0.4, windows=3, progress=told.append)
    assert [(one.window, one.windows) for one in told if one.done] == [(k, 3) for k in (1, 2, 3) for _ in range(3)]
    assert len(found.tried) == 3
    starts = [one.test_start for one in found.tried]
    assert starts == sorted(starts) and found.test_start == starts[0]
    for row in found.rows:
        each = [next(one.mae for one in part.rows if one.model == row.model) for part in found.tried]
        assert row.mae == pytest.approx(np.mean(each)) and row.mae_std == pytest.approx(np.std(each, ddof=1))
    first = compare(frame[frame["ds"] < starts[1]], [], h=4, context=8, jobs=1, test=starts[0])
    alone = {row.model: row.mae for row in first.rows}
    assert {row.model: row.mae for row in found.tried[0].rows} == pytest.approx(alone)
    page = comparison_page(found)
    assert "Each cut-off" in page and "±" in page and "3 cut-offs" in page
    assert len(found.to_dict()["cutoffs"]) == 3
    with pytest.raises(ForecastError, match="windows is 0"):
        compare(frame, [], h=4, windows=0)
