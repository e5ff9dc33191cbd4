"""Which seasons does a series have? A look at its autocorrelation, for a suggestion only; nothing is resampled for use.

r(k) is the correlation of a series with itself k typical gaps later, over pairs where both are observed, on a grid that
takes the nearest sample within half a gap, after a running mean over one period is taken off (a drift is no season).
A period of an hour, a day, a week or a year counts when r there is at least
0.3, exceeds r half a period later by 0.1, and exceeds r at the multiples of a shorter season in between by 0.05.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
PERIODS = (3600.0, 86_400.0, 604_800.0, 31_557_600.0)  # hour, day, week, year in seconds
LONGEST = 200_000  # grid points looked at, the latest ones


def seasons(seconds: Array, values: Array, typical_gap: float) -> tuple[int, ...]:
    """Season lengths in steps of the typical gap. seconds (T,) since any origin, values (T,), NaN = missing."""
    if not typical_gap > 0 or len(values) < 8:
        return ()
    grid = nearest_on_grid(seconds, values, typical_gap)
    found: list[int] = []
    for period in PERIODS:
        lag = round(period / typical_gap)
        if lag < 2 or len(grid) < 2 * lag + 8 or abs(period / typical_gap - lag) > 0.02 * lag:
            continue
        level = grid - running_mean(grid, lag)
        strength = autocorrelation(level, lag)
        between = list(range(found[-1], lag, found[-1])) if found else []
        rival = float(np.mean([autocorrelation(level, k) for k in between[1:6]])) if len(between) > 1 else -1.0
        if strength >= 0.3 and strength > autocorrelation(level, lag + lag // 2) + 0.1 and strength > rival + 0.05:
            found.append(lag)
    return tuple(found)


def nearest_on_grid(seconds: Array, values: Array, gap: float) -> Array:
    """(G,) the sample nearest to each grid point, NaN where none lies within half a gap."""
    start = max(float(seconds[0]), float(seconds[-1]) - LONGEST * gap)
    points = start + gap * np.arange(int((float(seconds[-1]) - start) / gap + 1.5))
    right = np.searchsorted(seconds, points).clip(1, max(len(seconds) - 1, 1))
    left = right - 1
    pick = np.where(points - seconds[left] <= seconds[right] - points, left, right)
    near = np.abs(seconds[pick] - points) <= 0.5 * gap
    grid: Array = np.where(near, values[pick], np.nan)
    return grid


def running_mean(grid: Array, width: int) -> Array:
    """(G,) the mean of what is observed within half a width on either side; NaN where nothing is."""
    sums = np.concatenate([[0.0], np.cumsum(np.nan_to_num(grid))])
    counts = np.concatenate([[0], np.cumsum(~np.isnan(grid))])
    start = (np.arange(len(grid)) - width // 2).clip(0)
    end = (start + width).clip(None, len(grid))
    size = counts[end] - counts[start]
    mean: Array = np.where(size > 0, (sums[end] - sums[start]) / np.maximum(size, 1), np.nan)
    return mean


def autocorrelation(grid: Array, lag: int) -> float:
    """Pearson's r between grid[t] and grid[t + lag] over the pairs observed; -1 where it has no meaning."""
    one, other = grid[:-lag], grid[lag:]
    both = ~np.isnan(one) & ~np.isnan(other)
    if both.sum() < 8:
        return -1.0
    one, other = one[both] - one[both].mean(), other[both] - other[both].mean()
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale > 0 and np.isfinite(scale) else -1.0
