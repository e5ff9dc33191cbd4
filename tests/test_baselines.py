"""Ridge, the naive forecasts and the metrics: what they compute, by hand, and the tables that are hard on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tauflow.errors import DataError
from tauflow.estimators import Forecaster, compare, metrics


def fit(cell: str, data, h: int, context: int = 6, **columns):
    return Forecaster(cell, h=h, context=context).fit(data, progress=False, **columns)


def waves(rows: int = 240) -> pd.DataFrame:
    t = np.arange(rows)
    y = 50 + 10 * np.sin(t * 2 * np.pi / 24) + np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"ds": pd.date_range("2021-01-01", periods=rows, freq="h"), "y": y})


def every_other(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(y=frame["y"].where(np.arange(len(frame)) % 2 == 0))


def three_a_day(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["ds"].dt.hour.isin([9, 10, 11])]


def two_in_turn(frame: pd.DataFrame) -> pd.DataFrame:
    odd = np.arange(len(frame)) % 2 == 1
    return frame.assign(z=(3 * frame["y"]).where(odd), y=frame["y"].where(~odd))


@pytest.mark.parametrize("shape", [every_other, three_a_day])
@pytest.mark.parametrize("h", [3, 6])
def test_ridge_answers_a_step_that_was_never_known_as_the_nearest_that_was(shape, h):
    model = fit("ridge", shape(waves()), h)
    assert model.predict()["y"].between(20, 80).all()
    assert "never known in training" in model.predictor.notes[0]
    weights = model.predictor.weights
    like = 1 if shape is not three_a_day else 0
    assert np.array_equal(weights[0, :, 0], weights[like, :, 0])


def test_targets_measured_in_turn_are_each_learned_where_they_are_known():
    model = fit("ridge", two_in_turn(waves()), 3, target=["y", "z"])
    forecast = model.predict()
    assert not model.predictor.notes
    assert forecast["y"].between(20, 80).all() and forecast["z"].between(60, 240).all()


def test_compare_says_what_ridge_borrowed():
    found = compare(every_other(waves()), ("ridge",), h=3, test=0.2, jobs=1, context=6)
    assert any("never known in training" in note for note in found.notes)


def test_ridge_refuses_where_no_step_was_ever_known():
    with pytest.raises(DataError, match=r"'y' is never known 1 to 1 steps after .* use a larger h"):
        fit("ridge", every_other(waves()), 1)


def test_targets_known_together_share_their_equations_and_apart_they_learn_as_alone():
    frame = waves().assign(z=lambda f: 100 - f["y"])
    holes = frame.assign(z=frame["z"].where(np.arange(len(frame)) % 5 > 0))
    alone = fit("ridge", holes, 2, target=["y", "z"])
    assert np.isfinite(alone.predictor.weights).all() and not alone.predictor.notes
    assert (alone.predict()["y"] + alone.predict()["z"]).between(92, 108).all()


@pytest.mark.parametrize("cell", ["ridge", "seasonal_naive", "persistence", "ctrnn"])
def test_a_constant_target_is_forecast_without_a_warning(cell):
    model = Forecaster(cell, h=4, context=6, epochs=1, steps=2).fit(waves().assign(y=7.0), progress=False)
    assert model.predict()["y"].tolist() == pytest.approx([7.0] * 4, abs=1e-3 if cell != "ctrnn" else 0.5)


def test_compare_of_a_constant_target_has_no_mase():
    found = compare(waves().assign(y=7.0), ("ridge",), h=4, test=0.2, jobs=1, context=6)
    assert all(np.isnan(row.mase) and row.mae < 1e-3 for row in found.rows)


@pytest.mark.parametrize("value", [1e308, -1e308, np.finfo(float).max])
@pytest.mark.parametrize("column", ["y", "x"])
@pytest.mark.parametrize("row", [50, -1])  # learned from, and only judged by
def test_a_value_near_the_limit_of_floats_is_named(value, column, row):
    frame = waves().assign(x=1.0)
    frame.loc[frame.index[row], column] = value
    with pytest.raises(DataError, match=rf"'{column}' holds .*e.308"):
        fit("seasonal_naive", frame, 3, past=["x"])


def test_large_values_that_can_be_computed_with_are_computed_with():
    for factor in (1e250, 1e-250):
        forecast = fit("ridge", waves().assign(y=lambda f, factor=factor: f["y"] * factor), 3).predict()["y"]
        assert (forecast / factor).between(30, 70).all()


TRUTH = np.array([[[1.0, 100.0], [2.0, np.nan]], [[4.0, 300.0], [np.nan, 400.0]]])  # (2 forecasts, h = 2, 2 targets)
FORECAST = np.array([[[2.0, 110.0], [4.0, 0.0]], [[1.0, 300.0], [9.0, 380.0]]])
NAIVE = np.array([[1.0, 10.0], [3.0, 40.0]])  # another id, another scale


def test_metrics_by_hand():
    y, f = TRUTH[..., :1], FORECAST[..., :1]  # errors 1, 2, 3
    assert metrics.mae(y, f) == 2.0
    assert metrics.rmse(y, f) == pytest.approx(np.sqrt(14 / 3))
    assert metrics.mase(y, f, NAIVE[:, :1]) == pytest.approx((1 / 1 + 2 / 1 + 3 / 3) / 3)
    assert metrics.mae_by_step(y[..., 0], f[..., 0]).tolist() == [2.0, 2.0]


def test_each_target_has_its_own_score_and_the_verdict_their_mean():
    one, two = metrics.by_target(TRUTH, FORECAST, NAIVE, ("a", "b"))
    assert (one.target, one.mae, one.why) == ("a", 2.0, None)
    assert (two.target, two.mae, two.why) == ("b", 10.0, None)  # 10, 0, 20
    assert two.mase == pytest.approx((1 + 0 + 0.5) / 3)
    assert metrics.scaled((one, two)) == pytest.approx((4 / 3 + 0.5) / 2)


def test_what_has_no_meaning_is_nan_with_a_reason():
    (constant,) = metrics.by_target(TRUTH[..., :1], FORECAST[..., :1], np.zeros((2, 1)), ("a",))
    assert np.isnan(constant.mase) and "constant" in constant.why and constant.mae == 2.0
    (untried,) = metrics.by_target(TRUTH[..., :1], FORECAST[..., :1], np.full((2, 1), np.nan), ("a",))
    assert "could not be tried" in untried.why
    (unknown,) = metrics.by_target(TRUTH[..., :1] * np.nan, FORECAST[..., :1], NAIVE[:, :1], ("a",))
    assert np.isnan([unknown.mae, unknown.rmse, unknown.mase]).all() and "no value is known" in unknown.why
    assert np.isnan(metrics.scaled((constant, unknown)))
    assert np.isnan(metrics.mae_by_step(np.array([[1.0, np.nan]]), np.array([[2.0, 2.0]]))).tolist() == [False, True]


@pytest.mark.parametrize(
    ("zone", "change"),
    [("Europe/Berlin", "2021-03-28"), ("Europe/Berlin", "2021-10-31"), ("America/Chicago", "2021-03-14")],
)
@pytest.mark.parametrize("h", [24, 48])
def test_opening_hours_stay_where_they_are_on_the_day_after_a_clock_change(zone, change, h):
    """Ridge corrects the value of the same local hour: without noise there is nothing to correct."""
    stamps = pd.date_range(pd.Timestamp(change) - pd.Timedelta("50D"), pd.Timestamp(change), freq="h", tz=zone)
    model = fit("ridge", pd.DataFrame({"ds": stamps, "y": open_hours(stamps)}), h, context=48)
    forecast = model.predict()
    np.testing.assert_allclose(forecast["y"], open_hours(forecast["ds"].dt), atol=0.01)


def open_hours(stamps) -> np.ndarray:
    return np.where((stamps.hour >= 8) & (stamps.hour < 18), 10.0, 1.0)
