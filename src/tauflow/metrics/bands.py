"""How good a band around a forecast is: does it hold what came, how wide is it, and what does it cost together.

    covered         the share of truths y with low <= y <= high; a band of level 90 should hold 90 %
    width           mean(high - low)
    interval score  mean(high - low + 2/a (low - y)+ + 2/a (y - high)+),  a = 1 - level/100: wide bands cost, misses cost more
    pinball         mean over levels p of max(p (y - q), (p - 1) (y - q))
    crps            2 int pinball_p dp, from quantiles by the width of each level's own part of 0..1; the MAE of a single number
    crps of N(m, s) s (z (2 Phi(z) - 1) + 2 phi(z) - 1/sqrt(pi)),  z = (y - m)/s

The last three are proper: on average none is better than the true distribution. All are in the units of the truth, arrays of any shape
that broadcast; a truth that is NaN, or False in `mask`, does not count. Where nothing counts the answer is NaN.
MetricError where levels or shapes do not fit.
Sources: Winkler 1972 (interval score); Gneiting and Raftery 2007 (CRPS, its closed form); Koenker and Bassett 1978 (pinball).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .answers import MetricError

Array = NDArray[Any]


def covered(low: Array, high: Array, truth: Array, mask: Array | None = None) -> float:
    """The share of truths within [low, high].

    >>> from tauflow import metrics
    >>> truth = np.array([0.5, 0.9, 0.2, 1.2, np.nan])  # what is not known does not count
    >>> metrics.covered(np.zeros(5), np.ones(5), truth)
    0.75
    """
    low, high, truth = (np.asarray(one, float) for one in (low, high, truth))
    return _mean((truth >= low) & (truth <= high), truth, mask)


def width(low: Array, high: Array, truth: Array, mask: Array | None = None) -> float:
    """The mean width of the band where the truth counts, so that it is of the same entries as `covered`.

    >>> from tauflow import metrics
    >>> metrics.width(low=np.array([0.0, 1.0]), high=np.array([1.0, 4.0]), truth=np.array([0.5, 2.0]))
    2.0
    """
    return _mean(np.asarray(high) - low, truth, mask)


def interval_score(low: Array, high: Array, truth: Array, level: float, mask: Array | None = None) -> float:
    """The interval score of a band of `level` percent; lower is better.

    >>> from tauflow import metrics
    >>> low, high = np.array([0.0]), np.array([1.0])
    >>> [round(metrics.interval_score(low, high, np.array([truth]), level=90), 3) for truth in (0.5, 1.1)]  # held, missed
    [1.0, 3.0]
    """
    if not 0 < level < 100:
        raise MetricError(f"level is {level!r}, expected percent between 0 and 100, such as 90")
    low, high, truth = (np.asarray(one, float) for one in (low, high, truth))
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return _mean(high - low + missed * 2 / (1 - level / 100), truth, mask)


def pinball(quantiles: Array, truth: Array, levels: Sequence[float], mask: Array | None = None) -> float:
    """The mean pinball loss of quantiles (..., levels) of truth (...).

    >>> from tauflow import metrics
    >>> quantiles = np.array([[0.0, 2.0, 4.0]])  # of one truth
    >>> round(metrics.pinball(quantiles, np.array([3.0]), levels=(0.1, 0.5, 0.9)), 3)
    0.3
    """
    return _mean(_pinballs(quantiles, truth, levels).mean(axis=-1), truth, mask)


def crps(quantiles: Array, truth: Array, levels: Sequence[float], mask: Array | None = None) -> float:
    """The continuous ranked probability score of quantiles (..., levels): the more levels, the nearer to the integral.

    >>> from tauflow import metrics
    >>> metrics.crps(np.array([[2.0]]), np.array([3.0]), levels=(0.5,))  # of a single number: its absolute error
    1.0
    >>> round(metrics.crps(np.array([[0.0, 2.0, 4.0]]), np.array([3.0]), levels=(0.1, 0.5, 0.9)), 3)
    0.64
    """
    middles = [0.0, *((low + high) / 2 for low, high in pairwise(levels)), 1.0]
    parts = np.diff(middles)
    return _mean(2 * (_pinballs(quantiles, truth, levels) * parts).sum(axis=-1), truth, mask)


def crps_normal(mean: Array, deviation: Array, truth: Array, mask: Array | None = None) -> float:
    """The CRPS of normal distributions, in closed form.

    >>> from tauflow import metrics
    >>> mean, truth = np.array([0.0]), np.array([0.0])
    >>> [round(metrics.crps_normal(mean, np.array([s]), truth), 3) for s in (1.0, 2.0)]  # right, but less sure of it
    [0.234, 0.467]
    """
    mean, deviation, truth = (np.asarray(one, float) for one in (mean, deviation, truth))
    if not (deviation > 0).all():
        raise MetricError(f"a deviation is {deviation.min()}, expected numbers above 0")
    z = (truth - mean) / deviation
    below = 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(z / math.sqrt(2)))
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return _mean(deviation * (z * (2 * below - 1) + 2 * density - 1 / math.sqrt(math.pi)), truth, mask)


def _pinballs(quantiles: Array, truth: Array, levels: Sequence[float]) -> Array:
    """(..., levels)."""
    quantiles, truth = np.asarray(quantiles, float), np.asarray(truth, float)
    if not levels or not all(low < high for low, high in pairwise([0.0, *levels, 1.0])):
        raise MetricError(f"levels are {tuple(levels)}, expected rising numbers between 0 and 1, like (0.1, 0.5, 0.9)")
    if quantiles.shape != (*truth.shape, len(levels)):
        raise MetricError(
            f"quantiles are {quantiles.shape} and truths {truth.shape}, expected {(*truth.shape, len(levels))}: "
            "the truth's shape and one axis for the levels"
        )
    p, error = np.asarray(levels, float), truth[..., None] - quantiles
    return np.asarray(np.maximum(p * error, (p - 1) * error))


def _mean(values: Any, truth: Array, mask: Array | None) -> float:
    """The mean of what counts, NaN for none."""
    values, counts = np.broadcast_arrays(np.asarray(values, float), np.isfinite(truth))
    if mask is not None:
        mask = np.asarray(mask)
        if mask.dtype != bool:
            raise MetricError(f"mask is {mask.dtype}, expected bool with True for the truths that count")
        values, counts, mask = np.broadcast_arrays(values, counts, mask)
        counts = counts & mask
    return float(values[counts].mean()) if counts.any() else float("nan")
