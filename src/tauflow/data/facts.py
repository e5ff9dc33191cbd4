"""Plain facts about one column of numbers or one run of time gaps: missing, constant, outlying, isolated zeros.

An outlier lies more than 20 robust scales from the median; the scale is the interquartile range / 1.349 (a normal
distribution's standard deviation). Where more than half of the values are equal that range is 0, and the median and
scale of the other values serve instead. Quantiles come from at most 50,000 evenly spaced values, counts from all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
LONG_GAP = 1.5  # times the typical gap
OUTLIER = 20.0  # robust scales
ZERO_SHARE = 0.01  # rarer zeros than this, far from all other values, are suspicious
SAMPLE = 50_000


@dataclass(frozen=True)
class ColumnFacts:
    """missing, distinct from constant, outliers and their furthest value, suspicious zeros."""

    observed: int
    missing: int
    low: float
    high: float
    constant: bool
    outliers: int
    furthest: float
    zeros: int


@dataclass(frozen=True)
class Facts:
    """One series: `typical_gap` and `longest_gap` in seconds, or in units of a numeric time."""

    id: str
    rows: int
    start: int | float
    end: int | float
    typical_gap: float
    long_gaps: int
    longest_gap: float
    columns: Mapping[str, ColumnFacts]


def long_gaps(gaps: Array) -> tuple[int, float]:
    """How many of the (T-1,) gaps exceed 1.5 typical ones, and the longest gap."""
    if len(gaps) == 0:
        return 0, 0.0
    return int((gaps > LONG_GAP * np.median(gaps)).sum()), float(gaps.max())


def column_facts(values: Array, categorical: bool = False) -> ColumnFacts:
    """Facts of one (T,) column, NaN = missing; category codes have no outliers."""
    gone = np.isnan(values)
    missing = int(gone.sum())
    seen = values[~gone] if missing else values
    if len(seen) == 0:
        return ColumnFacts(0, missing, float("nan"), float("nan"), False, 0, float("nan"), 0)
    low, high = float(seen.min()), float(seen.max())
    outliers, furthest, zeros = 0, float("nan"), 0
    if not categorical and low < high:
        center, scale = robust_scale(seen)
        if scale > 0:
            with np.errstate(over="ignore"):  # a bound beyond 1.8e308 excludes nothing
                outliers = int((seen < center - OUTLIER * scale).sum() + (seen > center + OUTLIER * scale).sum())
            if outliers:
                furthest = max(low, high, key=lambda value: abs(value / scale - center / scale))
        zeros = isolated_zeros(seen)
    return ColumnFacts(len(seen), missing, low, high, len(seen) > 1 and low == high, outliers, furthest, zeros)


def robust_scale(seen: Array) -> tuple[float, float]:
    """Median and IQR / 1.349 of finite values; of those unlike the median where more than half are equal."""
    sample = seen[:: -(-len(seen) // SAMPLE)]
    low, center, high = _quartiles(sample)
    if high == low:
        others = sample[sample != center]
        if len(others) < 10:
            return float(center), 0.0
        low, center, high = _quartiles(others)
    return float(center), float(high) / 1.349 - float(low) / 1.349


def _quartiles(sample: Array) -> Array:
    """Of values up to the limit of float64, whose differences would pass it."""
    small = 0.25 if np.abs(sample).max() > 1e300 else 1.0
    return np.asarray(np.percentile(sample * small, [25, 50, 75]) / small)


def isolated_zeros(seen: Array) -> int:
    """Zeros that stand for "no value": few, while all others keep away from 0 (a 0 K among air temperatures)."""
    zero = seen == 0
    count = int(zero.sum())
    if count == 0 or count > ZERO_SHARE * len(seen):
        return 0
    size = np.abs(seen[~zero])
    return count if float(size.min()) > 0.5 * float(np.median(size[:: -(-len(size) // SAMPLE)])) else 0
