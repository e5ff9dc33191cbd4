"""Every estimator tells of gaps that one step of its cells does not cross, and takes tau="auto"."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import tauflow

TOLD = "% of the gaps are longer than"


def sequences(gap: float) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(0)
    X = [3 * rng.normal(size=(25, 2)) for _ in range(30)]
    times = [np.cumsum(gap * rng.exponential(1.0, 25)) for _ in X]
    return X, times, np.array([int(x[-5:, 0].mean() > 0) for x in X])


@pytest.mark.parametrize("kind", [tauflow.Classifier, tauflow.Regressor])
@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("tau", [(0.3, 3.0), (1e4, 1e5)])
def test_classifiers_and_regressors_tell_of_gaps_that_are_too_long(
    kind: type, causal: bool, tau: tuple[float, float]
) -> None:
    X, times, y = sequences(1.0)
    y = y.astype(float) if kind is tauflow.Regressor else y
    model = kind("gated_ltc", units=6, members=1, epochs=1, causal=causal, tau=tau, beside=None).fit(X, y, times=times)
    assert any(TOLD in note for note in model.notes_) == (tau[0] < 1)


@pytest.mark.parametrize("tau", [(0.3, 3.0), (1e4, 1e5)])
def test_a_forecaster_tells_of_gaps_that_are_too_long(tau: tuple[float, float]) -> None:
    rng = np.random.default_rng(0)
    time = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(rng.exponential(1.0, 400)), unit="h")
    frame = pd.DataFrame({"ds": time, "y": np.cumsum(rng.normal(size=400))})
    settings = {"h": 2, "units": 4, "context": 12, "epochs": 1, "steps": 2, "presets": "fast"}
    model = tauflow.Forecaster("gated_ltc", **settings, options={"tau": tau}).fit(frame, target="y", progress=False)
    assert any(TOLD in note for note in model.notes) == (tau[0] < 1)


def test_time_constants_by_the_data_in_every_estimator() -> None:
    X, times, y = sequences(60.0)
    for kind in (tauflow.Classifier, tauflow.Regressor):
        model = kind("gated_ltc", units=6, members=1, epochs=1, causal=True, tau="auto").fit(
            X, y.astype(int), times=times
        )
        network = model.model_.committee.networks()[0]
        constants = network.core.cell.time_constants() * float(network.period)
        assert float(constants.min()) > 10 and float(constants.max()) < 60 * 25
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=300, freq="h"), "y": np.sin(np.arange(300) / 9)})
    settings = {"h": 2, "units": 4, "context": 12, "epochs": 1, "steps": 2, "presets": "fast"}
    model = tauflow.Forecaster("gated_ltc", **settings, options={"tau": "auto"}).fit(frame, target="y", progress=False)
    constants = model.time_constants()
    assert constants is not None and constants.min() > 0.5 and constants.max() <= 13
