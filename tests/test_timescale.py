"""Time constants from data whose correlation times are known."""

from __future__ import annotations

import numpy as np
import pytest

from tauflow.errors import DataError
from tauflow.network import suggest_tau


def relaxing(tau: float, samples: int, seed: int, gaps: np.ndarray) -> np.ndarray:
    """An Ornstein-Uhlenbeck process: its correlation falls as exp(-lag/tau), however uneven the gaps."""
    rng = np.random.default_rng(seed)
    keep = np.exp(-gaps / tau)
    x = np.empty(samples)
    x[0] = rng.normal()
    for k in range(1, samples):
        x[k] = keep[k] * x[k - 1] + np.sqrt(1 - keep[k] ** 2) * rng.normal()
    return x


@pytest.mark.parametrize("uneven", [False, True])
@pytest.mark.parametrize("unit", [1.0, 3600.0])
def test_the_correlation_time_is_that_of_the_process(uneven, unit):
    rng = np.random.default_rng(0)
    gaps = rng.exponential(1.0, 40_000) if uneven else np.ones(40_000)
    x = np.stack([relaxing(8.0, len(gaps), 1, gaps), relaxing(60.0, len(gaps), 2, gaps)], axis=1)
    found = suggest_tau(x, unit * gaps)
    np.testing.assert_allclose(found.correlation, [8 * unit, 60 * unit], rtol=0.25)
    low, high = found.correlation  # two inputs: no time of another lies between
    assert found.shortest == pytest.approx(max(found.gap, low / 3)) and found.longest == pytest.approx(3 * high)


def test_a_sequence_is_no_shorter_than_its_time_constants_and_a_gap_no_longer():
    x = np.stack([relaxing(500.0, 200, seed, np.ones(200)) for seed in range(20)])[:, :, None]
    found = suggest_tau(x)
    assert found.longest == found.length / 3 == 199 / 3 and found.gap == 1.0 and found.shortest >= 1.0
    noise = np.random.default_rng(0).normal(size=(20, 200, 1))
    assert suggest_tau(noise).correlation[0] == 1.0


def test_missing_values_masks_rows_of_any_length_and_constants_are_taken():
    x = np.stack([relaxing(10.0, 5000, 0, np.ones(5000)), np.full(5000, 3.0)], axis=1)
    whole = suggest_tau(x)
    assert np.isnan(whole.correlation[1])
    holes = x.copy()
    holes[::3, 0] = np.nan
    assert suggest_tau(holes).correlation[0] == pytest.approx(whole.correlation[0], rel=0.2)
    mask = np.arange(5000) % 2 == 0
    thinned = suggest_tau(x, np.full(5000, 0.5), mask)
    assert thinned.gap == 0.5 and thinned.correlation[0] == pytest.approx(
        whole.correlation[0] / 4, rel=0.3
    )  # half as many, dt a half
    parts = suggest_tau([x[:3000], x[3000:4500], x[4500:]])
    assert parts.length == 1499 and parts.correlation[0] == pytest.approx(whole.correlation[0], rel=0.2)
    assert len(whole.frame()) == 2


@pytest.mark.parametrize(
    ("x", "dt", "said"),
    [
        (np.zeros((50, 1)), None, "no input changes"),
        (np.ones((50, 1)), np.zeros(50), "no time passes"),
        (np.zeros((2, 5, 1)), np.ones((3, 5)), "2 rows of x, but 3"),
        (np.zeros(5), None, "expected \\(time, inputs\\)"),
        (np.zeros((5, 1)), np.ones(4), "expected \\(5,\\)"),
    ],
)
def test_what_can_not_be_answered_is_refused(x, dt, said):
    with pytest.raises(DataError, match=said):
        suggest_tau(x, dt)
