"""What a network corrects: the answers that are there before it, for every window at once.

last        the last known value
seasonal    the seasonal or last value that forecasts best on the training part
linear      the linear base; training windows by the maps of the other folds, so that its errors there are as large as elsewhere
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...data.series import Array
from ...windows.windows import Windows
from ..baselines import Persistence, SeasonalNaive
from ..linear import LinearBase

STARTS = ("last", "seasonal", "linear")
PIECE = 1000  # windows answered at a time


@dataclass(frozen=True, eq=False)
class Started:
    """Windows, and their answers (N, h, targets) by the name of the start."""

    windows: Windows
    answers: dict[str, Array]


def simple(base: LinearBase) -> dict[str, Persistence | SeasonalNaive | LinearBase]:
    """The starts by name; all look at the batch of a window."""
    return {"last": Persistence(base.layout.encoder), "seasonal": SeasonalNaive(base.layout.encoder), "linear": base}


def started(windows: Windows, base: LinearBase, at: float) -> Started:
    """The starts of windows of the table that the base was fitted on; those from native time `at` on by the map of all folds."""
    asked = replace(windows, reach=base.reach)
    when = windows.rows.time[windows.rows.start[windows.origins[:, 0]] + windows.origins[:, 1]].astype(np.float64)
    rules = simple(base)
    found: dict[str, list[Array]] = {name: [] for name in STARTS}
    for part in np.array_split(np.arange(len(windows)), max(1, -(-len(windows) // PIECE))):
        batch = asked.batch(part)
        for name in ("last", "seasonal"):
            found[name].append(rules[name].predict(batch))
        found["linear"].append(base.honest(batch, when[part], at))
    return Started(windows, {name: np.concatenate(parts).astype(np.float32) for name, parts in found.items()})


def thinned(windows: Windows, most: int) -> Windows:
    """Up to `most` windows, spread evenly over time; where there are many series, each gets as many as the others, or all it has."""
    if len(windows) <= most:
        return windows
    number = windows.origins[:, 0]
    names, counts = np.unique(number, return_counts=True)
    quota = _quota(counts, most)
    chosen = [
        first + np.unique(np.linspace(0, count - 1, min(count, quota)).astype(int))
        for first, count in zip(np.searchsorted(number, names), counts, strict=True)
    ]
    return replace(windows, origins=windows.origins[np.concatenate(chosen)])


def _quota(counts: Array, most: int) -> int:
    """The largest number a series that keeps the sum of min(count, quota) within `most`; one at least."""
    low, high = 1, int(counts.max())
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if np.minimum(counts, middle).sum() <= most else (low, middle - 1)
    return low
