"""What a comparison shows: moments at their best and worst, the series that are served badly, and whose data it was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tauflow.data import read_table
from tauflow.estimators.comparing.examples import MOMENTS, by_id, examples, leaders


def table(series: int = 2, rows: int = 40) -> Any:
    frame = pd.DataFrame(
        {
            "id": np.repeat([f"s{k}" for k in range(series)], rows),
            "ds": np.tile(pd.date_range("2024", periods=rows, freq="h"), series),
            "y": np.arange(series * rows, dtype=float),
        }
    )
    return read_table(frame, target="y", id="id", time="ds")


def made(errors: np.ndarray, number: np.ndarray) -> Any:
    """Forecasts that miss the truth by `errors` (N, h)."""
    truth = np.ones((*errors.shape, 1))
    origins = np.stack([number, 10 + np.arange(len(number)) % 20], axis=1)
    time = np.zeros(errors.shape, np.int64)
    return SimpleNamespace(origins=origins, time=time, truth=truth, forecast=truth + errors[..., None], values=None)


def row(model: str, kind: str, mae: float) -> Any:
    return SimpleNamespace(model=model, kind=kind, mae=mae)


ROWS = (
    row("gru", "static", 1.0),
    row("cfc", "liquid", 2.0),
    row("persistence", "trivial", 3.0),
    row("seasonal_naive", "trivial", 4.0),
)


def test_the_best_of_each_kind_leads_and_the_seasonal_rule_stands_for_rules() -> None:
    assert leaders(ROWS) == ["cfc", "gru", "seasonal_naive"]
    assert leaders([row("cfc", "liquid", np.nan), row("persistence", "trivial", 3.0)]) == ["persistence"]


def test_moments_are_the_least_the_median_and_the_largest_error_of_the_model_itself() -> None:
    random = np.random.default_rng(0)
    number = np.repeat([0, 1], 15)
    errors = {name: random.exponential(size=(30, 3)) for name in ("cfc", "gru", "seasonal_naive")}
    found = examples(table(), 0, {name: made(one, number) for name, one in errors.items()}, ROWS, 8)
    assert len(found) == 2 * 3 * 3
    for one in found:
        mine = np.sort(errors[one.model][number == int(one.id[1:])].mean(axis=1))
        told = np.abs(one.forecasts[one.model] - 1).mean()
        assert told == pytest.approx(dict(zip(MOMENTS, (mine[0], mine[7], mine[-1]), strict=True))[one.moment])
        assert set(one.forecasts) == set(errors) and len(one.actual) == one.origin + 3 == 11


def test_of_many_series_the_worst_two_the_typical_and_the_best_are_shown() -> None:
    number = np.repeat(np.arange(9), 3)
    errors = np.repeat(np.array([5, 3, 8, 1, 9, 2, 7, 4, 6.0]), 3)[:, None] * np.ones((1, 2))
    found = examples(table(9), 0, {"cfc": made(errors, number)}, ROWS[1:2], 8)
    assert list(dict.fromkeys(one.id for one in found)) == ["s4", "s2", "s0", "s3"]


def test_a_single_forecast_is_shown_once_and_none_is_no_error() -> None:
    one = {"cfc": made(np.ones((1, 2)), np.array([0]))}
    assert [found.moment for found in examples(table(1), 0, one, ROWS[1:2], 8)] == ["worst"]
    unknown = made(np.ones((3, 2)), np.zeros(3, int))
    unknown.truth[:] = np.nan
    assert examples(table(1), 0, {"cfc": unknown}, ROWS[1:2], 8) == ()


def test_errors_by_id_are_means_over_forecasts_and_seeds() -> None:
    number = np.array([1, 0, 1, 0])
    seeds = [made(np.array([[1.0], [2.0], [3.0], [np.nan]]), number), made(np.full((4, 1), 4.0), number)]
    assert by_id(table(), 0, {"cfc": seeds}) == {
        "s0": {"cfc": pytest.approx(10 / 3)},
        "s1": {"cfc": pytest.approx(3.0)},
    }


@pytest.mark.parametrize("change", ["value", "time", "name", "id"])
def test_the_fingerprint_is_of_all_that_was_read(change: str) -> None:
    frame = pd.DataFrame({"id": "a", "ds": pd.date_range("2024", periods=20, freq="h"), "y": np.arange(20.0)})
    first = read_table(frame, target="y", id="id", time="ds").fingerprint
    assert first == read_table(frame.copy(), target="y", id="id", time="ds").fingerprint and len(first) == 16
    target = "y"
    if change == "value":
        frame.loc[3, "y"] += 1e-12
    elif change == "time":
        frame.loc[19, "ds"] += pd.Timedelta("1s")
    elif change == "id":
        frame["id"] = "b"
    else:
        frame, target = frame.rename(columns={"y": "z"}), "z"
    assert read_table(frame, target=target, id="id", time="ds").fingerprint != first
