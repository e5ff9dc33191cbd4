"""Forecaster: from tables as people have them to forecasts, honest about time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import tauflow
from tauflow import cells, files
from tauflow.data import read_table
from tauflow.errors import DataError, ModelFileError, NotFittedError, TauflowError
from tauflow.estimators import BASELINES, Forecaster, ForecastError, metrics
from tauflow.estimators.network import ForecastNet
from tauflow.estimators.settings import Settings
from tauflow.windows.learn import learn
from tests.test_windows import HOUR, hourly

QUICK = {"h": 6, "units": 6, "context": 12, "epochs": 2, "steps": 6, "batch_size": 32}
MODELS = [*cells.names(), *BASELINES]


@pytest.fixture(scope="module")
def frame():
    return hourly(24 * 30)


@pytest.fixture(scope="module")
def fitted(frame):
    return Forecaster("gru", **QUICK).fit(frame, past=["temperature"], future=["holiday"], progress=False)


@pytest.mark.parametrize("cell", MODELS)
def test_every_model_forecasts_and_comes_back_from_its_file(cell, frame, tmp_path):
    model = Forecaster(cell, **QUICK).fit(frame, progress=False)
    forecast = model.predict()
    assert list(forecast.columns) == ["ds", "y"]
    assert len(forecast) == 6
    assert forecast["ds"].iloc[0] == frame["ds"].iloc[-1] + pd.Timedelta("1h")
    assert np.isfinite(forecast["y"]).all() and forecast["y"].between(0, 250).all()
    model.save(tmp_path / "model.tau")
    again = Forecaster.load(tmp_path / "model.tau")
    pd.testing.assert_frame_equal(again.predict(frame), forecast)
    assert again.settings == model.settings and again.parameters == model.parameters


def test_learning_beats_not_learning():
    """On a wave whose period no lag of the calendar has, a network must beat the last value by far."""
    t = np.arange(1500)
    frame = {"t": t.astype(float), "v": np.sin(2 * np.pi * t / 17.3)}
    table = read_table(frame, time="t", target="v")
    settings = {"h": 8, "context": 20, "epochs": 5, "steps": 40, "batch_size": 64}
    errors = {}
    for cell in ("cfc", "ctrnn", "persistence"):
        model = Forecaster(cell, units=12, **settings).fit(table, until=1200.0, progress=False)
        test = model.backtest(table, 1200.0)
        errors[cell] = metrics.mae(test.truth, test.forecast)
    assert errors["cfc"] < 0.2 * errors["persistence"]
    assert errors["ctrnn"] < 0.2 * errors["persistence"]


@pytest.mark.parametrize("cell", ["cfc", "ridge", "seasonal_naive"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_no_value_after_the_cutoff_changes_a_number(cell, strategy, frame):
    """Neither the fit nor a forecast: every value after the cutoff is replaced, and not a bit moves."""
    table = read_table(frame, past=["temperature"], future=["holiday"])
    series = table.series[0]
    row = len(series) - 150
    cut = float(series.time[row])
    y, past, future = series.y.copy(), series.past.copy(), series.future.copy()
    y[row:], past[row:] = -1e7, 1e7
    future_changed = future.copy()
    future_changed[row:] = 1e5
    poisoned = replace(table, series=(replace(series, y=y, past=past, future=future_changed),))
    one = Forecaster(cell, strategy=strategy, **QUICK).fit(table, until=cut, progress=False)
    two = Forecaster(cell, strategy=strategy, **QUICK).fit(poisoned, until=cut, progress=False)
    pd.testing.assert_frame_equal(one.predict(), two.predict(), check_exact=True)
    if one.history is not None:
        for a, b in zip(one.predictor.networks.parameters(), two.predictor.networks.parameters(), strict=True):
            assert torch.equal(a, b)
        assert one.history.validation == two.history.validation
    known_ahead = replace(table, series=(replace(series, y=y, past=past),))  # what is known ahead may be used
    first, second = one.backtest(table, cut - 50 * HOUR), one.backtest(known_ahead, cut - 50 * HOUR)
    same = min(sum(test.origins[:, 1] < row) for test in (first, second))
    assert same > 30
    assert np.array_equal(first.forecast[:same], second.forecast[:same])


def test_the_test_above_can_fail(frame):
    """A change before the cutoff does change the forecast."""
    table = read_table(frame)
    series = table.series[0]
    y = series.y.copy()
    y[-1] += 10
    one = Forecaster("ridge", **QUICK).fit(table, progress=False)
    assert not np.array_equal(one.predict()["y"], one.predict(replace(table, series=(replace(series, y=y),)))["y"])


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(frame):
    one, two, three = (Forecaster("cfc", seed=seed, **QUICK).fit(frame, progress=False) for seed in (3, 3, 4))
    assert one.predict()["y"].tolist() == two.predict()["y"].tolist()
    first, other = (model.predictor.network.state_dict() for model in (one, three))
    assert not any(torch.equal(first[name], other[name]) for name in ("state.weight", "query.weight"))


def test_fitting_leaves_the_random_numbers_of_the_caller_alone(frame):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    Forecaster("cfc", **QUICK).fit(frame, progress=False)
    assert torch.equal(torch.rand(3), expected)


def test_given_times_are_answered_at_those_times(fitted, frame):
    last = frame["ds"].iloc[-1]
    times = [last + pd.Timedelta(minutes=m) for m in (90, 20, 300)]
    forecast = fitted.predict(times=times)
    assert forecast["ds"].tolist() == sorted(times)
    text = fitted.predict(times=[str(time) for time in times])
    pd.testing.assert_frame_equal(text, forecast, check_dtype=False)
    whole = fitted.predict(times=[last + pd.Timedelta("2h")])["y"].iloc[0]
    assert whole == pytest.approx(fitted.predict()["y"].iloc[1], rel=1e-6)


def test_newer_rows_move_the_forecast_on(fitted, frame):
    shorter = frame.iloc[:-10]
    forecast = fitted.predict(shorter, h=3)
    assert len(forecast) == 3
    assert forecast["ds"].iloc[0] == shorter["ds"].iloc[-1] + pd.Timedelta("1h")


def test_what_is_known_ahead_is_used(fitted, frame):
    last = frame["ds"].iloc[-1]
    times = pd.date_range(last, periods=7, freq="h")[1:]
    answers = [
        fitted.predict(future=pd.DataFrame({"ds": times, "holiday": [value] * 6}))["y"].to_numpy()
        for value in (False, True)
    ]
    assert not np.allclose(*answers)
    with pytest.raises(DataError, match="without future-known columns"):
        Forecaster("persistence", **QUICK).fit(frame, progress=False).predict(future=frame)


def panel(frame: pd.DataFrame) -> pd.DataFrame:
    """Two series of very different size and spacing, with a static column."""
    one = frame.assign(unique_id="small", size=1.0)
    two = frame.iloc[::2].assign(unique_id="large", size=2.0, y=lambda f: f["y"] * 1e6)
    return pd.concat([one, two])


@pytest.mark.parametrize("cell", ["cfc", "ridge", "seasonal_naive"])
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_many_series_each_in_its_own_units(cell, strategy, frame):
    model = Forecaster(cell, strategy=strategy, **QUICK)
    model.fit(panel(frame), past=["temperature"], static=["size"], progress=False)
    forecast = model.predict()
    assert forecast.groupby("unique_id").size().to_dict() == {"large": 6, "small": 6}
    assert forecast.query("unique_id == 'small'")["y"].between(0, 250).all()
    assert forecast.query("unique_id == 'large'")["y"].between(1e7, 2.5e8).all()


def test_an_id_that_training_never_saw_is_scaled_by_its_own_rows(frame):
    model = Forecaster("gru", **QUICK).fit(panel(frame), progress=False)
    new = frame.assign(unique_id="new", y=lambda f: f["y"] * 1e-3)
    assert model.predict(new)["y"].between(0, 0.3).all()


def test_wide_targets(frame):
    wide = frame.assign(twice=lambda f: 2 * f["y"] + 5)
    for cell in ("ctrnn", "ridge", "seasonal_naive"):
        forecast = Forecaster(cell, **QUICK).fit(wide, target=["y", "twice"], progress=False).predict()
        assert list(forecast.columns) == ["ds", "y", "twice"]
        assert (forecast["twice"] - 2 * forecast["y"]).between(-40, 60).all()


def test_polars_in_and_zones_kept(frame):
    zoned = frame.assign(ds=frame["ds"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"))
    plain = Forecaster("ridge", **QUICK).fit(zoned, progress=False).predict()
    polars = Forecaster("ridge", **QUICK).fit(pl.from_pandas(zoned), progress=False).predict()
    assert plain["ds"].iloc[0] == zoned["ds"].iloc[-1] + pd.Timedelta("1h")
    assert str(plain["ds"].dt.tz) == "Europe/Berlin"
    np.testing.assert_array_equal(plain["y"], polars["y"])


def test_uneven_times_and_numbers_as_time():
    rng = np.random.default_rng(0)
    t = np.cumsum(rng.exponential(size=800))
    model = Forecaster("gated_ltc", season=[10], **QUICK)
    model.fit({"t": t, "v": np.sin(t / 3)}, time="t", target="v", progress=False)
    forecast = model.predict(times=[t[-1] + 0.5, t[-1] + 1.7])
    assert forecast["t"].tolist() == pytest.approx([t[-1] + 0.5, t[-1] + 1.7])
    assert np.isfinite(forecast["v"]).all()


def test_recursive_goes_beyond_its_training(frame):
    model = Forecaster("ridge", strategy="recursive", **QUICK).fit(frame, progress=False)
    forecast = model.predict(h=30)
    assert len(forecast) == 30 and forecast["y"].between(0, 250).all()


def test_constant_and_absurd_series_do_not_break_it(frame):
    for y in (np.full(len(frame), 7.0), np.where(np.arange(len(frame)) == 100, 1e30, frame["y"])):
        forecast = Forecaster("ctrnn", **QUICK).fit(frame.assign(y=y), progress=False).predict()
        assert np.isfinite(forecast["y"]).all()


def test_a_killed_fit_goes_on_where_it_stopped(frame, tmp_path):
    from tauflow.training import Callback

    class Stop(Callback):
        def on_epoch(self, epoch):
            return True

    whole = Forecaster("cfc", **QUICK).fit(frame, progress=False)
    part = Forecaster("cfc", **QUICK)
    part.fit(frame, progress=False, checkpoint=tmp_path / "run.tau", callbacks=[Stop()])
    assert part.history.stopped == "callback"
    part.fit(frame, progress=False, checkpoint=tmp_path / "run.tau")
    assert part.history.validation == whole.history.validation
    assert part.predict()["y"].tolist() == whole.predict()["y"].tolist()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cell": "cfx"}, "did you mean 'cfc'"),
        ({"h": 0}, "h is 0"),
        ({"h": 2.5}, "whole number"),
        ({"units": -1}, "units"),
        ({"strategy": "magic"}, "strategy"),
        ({"loss": "cross_entropy"}, "loss"),
        ({"validation": 0.0}, "validation"),
        ({"lr": -1.0}, "lr"),
        ({"season": [0]}, "season"),
        ({"season": True}, "season is True"),
        ({"patience": 0}, "patience"),
        ({"presets": "slow"}, "presets is 'slow', expected 'fast', 'balanced' or 'best'"),
        ({"start": "ridge"}, "start is 'ridge'"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, words):
    with pytest.raises(ForecastError, match=words):
        Forecaster(**settings)


def test_questions_that_it_cannot_answer_are_refused(fitted, frame, tmp_path):
    with pytest.raises(NotFittedError, match="fit"):
        Forecaster().predict()
    with pytest.raises(ForecastError, match="strategy='recursive'"):
        fitted.predict(h=7)
    with pytest.raises(ForecastError, match="at or before"):
        fitted.predict(times=[frame["ds"].iloc[-1]])
    with pytest.raises(DataError, match="times can't be read"):
        fitted.predict(times=["tomorrow-ish"])
    with pytest.raises(TauflowError):
        fitted.predict(frame.drop(columns=["temperature"]))
    with pytest.raises(DataError, match="a longer table"):
        Forecaster("cfc", h=24).fit(frame.iloc[:30], progress=False)
    with pytest.raises(DataError, match="use a smaller h"):
        Forecaster("cfc", h=100_000).fit(frame, progress=False)
    with pytest.raises(DataError, match="knows its columns"):
        Forecaster("cfc").fit(read_table(frame), target="y")
    fitted.save(tmp_path / "model.tau")
    with pytest.raises(DataError, match=r"predict\(data\)"):
        Forecaster.load(tmp_path / "model.tau").predict()


def test_a_file_that_is_no_forecaster_is_refused(fitted, tmp_path):
    fitted.save(tmp_path / "model.tau")
    file = files.read(tmp_path / "model.tau")
    changes = [
        ({**file.config, "extra": 1}, file.tensors),
        ({**file.config, "settings": {**file.config["settings"], "cell": "os.system"}}, file.tensors),
        ({**file.config, "settings": {**file.config["settings"], "units": 7}}, file.tensors),
        ({**file.config, "ranking": ["0"]}, file.tensors),
        (file.config, {name: t for name, t in file.tensors.items() if not name.startswith("target")}),
        (file.config, {name: t for name, t in file.tensors.items() if not name.startswith("weights")}),
    ]
    for config, tensors in changes:
        files.write(tmp_path / "other.tau", tensors, config, kind="forecaster")
        with pytest.raises((ModelFileError, ForecastError)):
            Forecaster.load(tmp_path / "other.tau")
    files.write(tmp_path / "other.tau", {}, {}, kind="model")
    with pytest.raises(ModelFileError):
        Forecaster.load(tmp_path / "other.tau")


def test_the_public_name():
    assert tauflow.Forecaster is Forecaster


def test_a_category_after_the_cutoff_changes_no_code_before_it(frame):
    weather = np.where(np.arange(len(frame)) % 3 == 0, "rain", "sun")
    later = weather.copy()
    later[-100:] = "a storm"  # first in the alphabet
    tables = [read_table(frame.assign(weather=values), past=["weather"], target="y") for values in (weather, later)]
    cut = float(tables[0].series[0].time[-100])
    one, two = (Forecaster("gru", **QUICK).fit(table, until=cut, progress=False) for table in tables)
    assert one.encoder.schema.categories == two.encoder.schema.categories == {"weather": ("rain", "sun")}
    pd.testing.assert_frame_equal(one.predict(), two.predict(), check_exact=True)
    start = cut - 60 * HOUR
    first, second = one.backtest(tables[0], start), two.backtest(tables[1], start)
    same = int((first.time[:, 0] < cut - HOUR).sum())
    assert same > 30
    assert np.array_equal(first.forecast[:same], second.forecast[:same])


def test_an_id_that_begins_in_the_test_part_is_not_tested(frame):
    """Its scale could only come from the rows under test."""
    table = read_table(pd.concat([frame.assign(unique_id="old"), frame.iloc[-80:].assign(unique_id="new")]))
    cut = float(table.series[1].time[-100])
    model = Forecaster("ridge", **QUICK).fit(table, until=cut, progress=False)
    tested = model.backtest(table, cut)
    assert {table.series[number].id for number in tested.origins[:, 0]} == {"old"}


def test_newer_rows_may_need_the_options_of_the_reader(fitted, frame):
    repeated = pd.concat([frame, frame.iloc[-1:].assign(y=120.0)])
    with pytest.raises(DataError, match="duplicates"):
        fitted.predict(repeated)
    assert len(fitted.predict(repeated, duplicates="last")) == 6


@pytest.mark.parametrize("targets", [["y"], ["y", "twice"]])
def test_a_network_begins_as_its_start(targets, frame):
    encoder = learn(read_table(frame.assign(twice=lambda f: 2 * f["y"]), target=targets), 6, None)
    network = ForecastNet(cells.build("gru", encoder.inputs, 4), encoder)
    x, dt, mask = torch.randn(5, 9, encoder.inputs), torch.rand(5, 9), torch.ones(5, 9, dtype=torch.bool)
    start = torch.randn(5, 6, len(targets))
    assert torch.equal(network(x, dt, mask, torch.randn(5, 6, encoder.queries), start), start)


@pytest.mark.parametrize(("windows", "steps"), [(8, 50), (15_000, 50), (30_000, 100), (10**6, 200)])
def test_many_windows_are_worth_more_updates(windows, steps):
    assert Settings().steps_for(windows) == steps
    assert Settings(steps=7).steps_for(windows) == 7


def test_the_updates_of_a_round_come_back_from_the_file(frame, tmp_path):
    model = Forecaster("ridge", h=6, context=12).fit(frame, progress=False)
    model.save(tmp_path / "m.tau")
    assert Forecaster.load(tmp_path / "m.tau").settings.steps is None
