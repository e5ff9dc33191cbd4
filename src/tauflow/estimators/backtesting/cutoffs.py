"""Where a backtest cuts: moments of time, the same for every id, counted in steps back from the last known row.

    cutoff_i = end - (h + (n - 1 - i) step_size) steps       i = 0..n-1;  window i is asked about (cutoff_i, cutoff_i + h steps]

So rows that are missing, or uneven, make a window hold fewer or more rows, and never a longer time.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data import Table
from ...data.series import Array
from ...data.stride import Even, find_stride
from ...errors import DataError
from ...windows.moments import Moments
from ..reading import last_known_time, shown_times
from ..settings import ForecastError

MOST = 12  # windows that nobody asked for


@dataclass(frozen=True)
class Window:
    """Native times: rows up to and with `cutoff` are known, those after it and up to `end` are asked about."""

    cutoff: float
    end: float


def cutoffs(table: Table, h: int, n_windows: Any, step_size: Any) -> tuple[Window, ...]:
    """The windows in the order of time; DataError where the table is too short for them."""
    _check_whole(n_windows=n_windows, step_size=step_size)
    moments = _moments(table)
    end, step = _end(table), moments.step
    back = h + (n_windows - 1 - np.arange(n_windows)) * step_size
    cuts = [_back(moments, end, int(count)) for count in back]
    first = min(float(series.time[0]) for series in table.series if len(series))
    if cuts[0] <= first:
        raise DataError(
            f"{n_windows} windows of {h} steps, {step_size} apart, need more than the {(float(end[0]) - first) / step:,.0f} steps "
            "of the table: use fewer windows, or a smaller step_size or h"
        )
    return tuple(Window(cut, _back(moments, end, int(count) - h)) for cut, count in zip(cuts, back, strict=True))


def unseen_cutoffs(table: Table, h: int, n_windows: Any, step_size: Any, until: float | None) -> tuple[Window, ...]:
    """As `cutoffs`, none before native time `until`; n_windows=None: as many as that leaves room for, `MOST` at most."""
    _check_whole(step_size=step_size)
    end = _end(table)
    if n_windows is None:
        moments, least = _moments(table), -np.inf if until is None else until
        least = max(least, min(float(np.nextafter(series.time[0], np.inf)) for series in table.series if len(series)))
        room = (count for count in range(MOST, 1, -1) if _back(moments, end, h + (count - 1) * step_size) >= least)
        n_windows = next(room, 1)
    found = cutoffs(table, h, n_windows, step_size)
    if until is not None and found[0].cutoff < until:
        learned, last, cut = shown_times(np.array([until, end[0], found[0].cutoff], end.dtype), table.schema)
        raise DataError(
            f"the model learned from rows up to {learned}, and of {len(found)} window{'s' * (len(found) > 1)} of {h} steps before {last} "
            f"the first begins at {cut}, among them: give newer rows or fewer windows, or let backtest fit anew"
        )
    return found


def _check_whole(**counts: Any) -> None:
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
            raise ForecastError(f"{name} is {value!r}, expected a whole number >= 1")


def _moments(table: Table) -> Moments:
    steps = np.concatenate([np.diff(series.time) for series in table.series])
    if len(steps) == 0:
        raise DataError("the table has fewer than two rows in every series, expected a history")
    stride = find_stride([series.time for series in table.series], table.schema.zone)
    return Moments(stride, stride.mean if isinstance(stride, Even) else float(np.median(steps)), table.schema.zone)


def _end(table: Table) -> Array:
    return np.array([last_known_time(table)], table.series[0].time.dtype)


def _back(moments: Moments, end: Array, count: int) -> float:
    found = moments.stride.whole(end, np.array(-count), moments.zone)[0]
    return int(found) if end.dtype == np.int64 else float(found)
