"""Metrics of bands against their integrals, and what counts in them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from tauflow import metrics
from tauflow.metrics import MetricError

RANDOM = np.random.default_rng(0)


def test_coverage_width_and_interval_score_are_counted_by_hand() -> None:
    low, high = np.array([0.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 1.0, 2.0])
    truth = np.array([0.5, 1.0, 1.5, -0.25])
    assert metrics.covered(low, high, truth) == 0.5  # the edge counts
    assert metrics.width(low, high, truth) == 1.25
    assert metrics.interval_score(low, high, truth, 90) == pytest.approx(1.25 + 20 * (0.5 + 0.25) / 4)
    assert metrics.interval_score(low, high, truth, 50) == pytest.approx(1.25 + 4 * (0.5 + 0.25) / 4)


def test_a_truth_that_is_unknown_or_masked_counts_nowhere() -> None:
    truth = RANDOM.normal(size=(40, 3))
    levels = (0.1, 0.5, 0.9)
    q = np.sort(RANDOM.normal(size=(40, 3, 3)), axis=-1)
    mask = RANDOM.random((40, 3)) < 0.6
    gone = np.where(mask, truth, np.nan)
    calls = {
        "covered": lambda y, m: metrics.covered(q[..., 0], q[..., 2], y, m),
        "width": lambda y, m: metrics.width(q[..., 0], q[..., 2], y, m),
        "score": lambda y, m: metrics.interval_score(q[..., 0], q[..., 2], y, 80, m),
        "pinball": lambda y, m: metrics.pinball(q, y, levels, m),
        "crps": lambda y, m: metrics.crps(q, y, levels, m),
        "normal": lambda y, m: metrics.crps_normal(q[..., 1], np.ones(1), y, m),
    }
    for name, call in calls.items():
        assert call(gone, None) == call(truth, mask) != call(truth, None), name
        assert np.isnan(call(np.full_like(truth, np.nan), None)), name


@pytest.mark.parametrize("y", [-2.0, 0.3, 4.0])
def test_crps_is_the_integral_of_the_squared_distance_of_distributions(y: float) -> None:
    m, s = 0.5, 1.7
    below = integrate.quad(lambda x: stats.norm.cdf(x, m, s) ** 2, -20, y)[0]
    above = integrate.quad(lambda x: (1 - stats.norm.cdf(x, m, s)) ** 2, y, 30)[0]
    closed = metrics.crps_normal(np.array([m]), np.array([s]), np.array([y]))
    assert closed == pytest.approx(below + above, abs=1e-7)
    levels = (np.arange(4000) + 0.5) / 4000
    q = stats.norm.ppf(levels, m, s)[None]
    assert metrics.crps(q, np.array([y]), levels.tolist()) == pytest.approx(closed, rel=2e-3)


def test_crps_of_a_single_number_is_its_absolute_error() -> None:
    truth, f = RANDOM.normal(size=50), RANDOM.normal(size=50)
    assert metrics.crps(f[:, None], truth, (0.5,)) == pytest.approx(np.abs(truth - f).mean())


def test_the_scores_are_least_at_the_true_band() -> None:
    truth = RANDOM.normal(size=200_000)
    right = stats.norm.ppf([0.05, 0.95])
    levels = (0.1, 0.3, 0.5, 0.7, 0.9)

    def score(width: float) -> tuple[float, float, float]:
        low, high = np.full(len(truth), width * right[0]), np.full(len(truth), width * right[1])
        q = np.broadcast_to(width * stats.norm.ppf(levels), (len(truth), 5))
        scored = metrics.interval_score(low, high, truth, 90)
        return scored, metrics.pinball(q, truth, levels), metrics.crps(q, truth, levels)

    for wrong in (0.8, 1.25):
        assert all(a < b for a, b in zip(score(1.0), score(wrong), strict=True))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: metrics.interval_score(np.zeros(2), np.ones(2), np.zeros(2), 0.9 * 1000), "percent"),
        (lambda: metrics.pinball(np.zeros((2, 2)), np.zeros(2), (0.9, 0.1)), "rising"),
        (lambda: metrics.pinball(np.zeros((2, 3)), np.zeros(2), (0.1, 0.9)), "one axis for the levels"),
        (lambda: metrics.covered(np.zeros(2), np.ones(2), np.zeros(2), np.ones(2)), "expected bool"),
        (lambda: metrics.crps_normal(np.zeros(2), np.zeros(2), np.zeros(2)), "above 0"),
    ],
)
def test_what_does_not_fit_is_named(call, said) -> None:
    with pytest.raises(MetricError, match=said):
        call()
