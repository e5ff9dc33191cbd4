"""Which series can be asked, and about which moments. One that can't be asked is left out with a note, and does not stop the others."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data import Table
from ..data.series import Array
from ..errors import DataError
from ..windows.encoder import Encoder
from .settings import ForecastError
from .tables import last_known_row


def askable(table: Table, encoder: Encoder, times: Array | None, farthest: float) -> tuple[Array, list[str]]:
    """Origins (series number, its last known row) of every series that can be asked about `times`, and notes on the others.

    times: native, sorted, or None for steps; farthest: how many steps ahead the model can look.
    """
    last = [last_known_row(series) for series in table.series]
    dead = [series.id for series, row in zip(table.series, last, strict=True) if row < 0]
    origins = np.array([[number, row] for number, row in enumerate(last) if row >= 0]).reshape(-1, 2)
    if len(origins) == 0:
        raise DataError(f"series {dead[0]!r} has no known target value, expected at least one to forecast from")
    notes = [f"not forecast for want of a known target value: {named(dead)}"] if dead else []
    new = [table.series[number].id for number, _ in origins if table.series[number].id not in encoder.targets]
    if new:
        notes.append(
            f"not in the table of fit: {named(new)}; forecast by what the others taught, their scale is that of their own rows"
        )
    if times is None:
        return origins, notes
    start = np.array([table.series[number].time[row] for number, row in origins])
    steps = encoder.moments.offset(start, times[-1])
    passed = times[0] <= start
    too_far = ~passed & (steps > farthest)
    if passed.all():
        raise ForecastError("times holds a moment at or before the last known row, expected times after it")
    if (passed | too_far).all():
        check_horizon(float(steps[~passed].min()), farthest)
    for those, why in (
        (passed, "times is not after their last row"),
        (too_far, "times is too far from their last row"),
    ):
        if those.any():
            notes.append(f"not forecast, {why}: {named([table.series[number].id for number in origins[those, 0]])}")
    return origins[~passed & ~too_far], notes


def moments(table: Table, encoder: Encoder, origins: Array, h: Any, farthest: float) -> Array:
    """The native times 1..h steps after each origin, (series, h)."""
    if isinstance(h, bool) or not isinstance(h, numbers.Integral) or h < 1:
        raise ForecastError(f"h is {h!r}, expected a whole number of steps >= 1")
    check_horizon(int(h), farthest)
    time = encoder.moments.ahead(np.array([table.series[n].time[row] for n, row in origins]), int(h))
    return time if time.dtype == np.int64 else _without_noise(time)


def check_horizon(steps: float, farthest: float) -> None:
    if steps > farthest:
        raise ForecastError(
            f"asked for {steps:.4g} steps ahead, but the model learned {int(farthest)}: "
            f"fit with h={int(np.ceil(steps))}, or strategy='recursive'"
        )


def silent(table: Table) -> list[str]:
    """A note on the series that teach nothing."""
    dead = [series.id for series in table.series if not np.isfinite(series.y).any()]
    return [f"not learned from for want of a known target value: {named(dead)}"] if dead else []


def named(ids: Sequence[str]) -> str:
    """How many series, and the first of them by name."""
    return f"{len(ids):,} series: {', '.join(ids[:5])}{', ...' if len(ids) > 5 else ''}"


def _without_noise(time: Array) -> Array:
    """Steps of 0.1 added up, without the rounding of the sums: 20.1, not 20.099999999999998."""
    noise = 4 * np.spacing(np.abs(time).max()) * time.shape[1]
    return np.round(time, int(np.floor(-np.log10(noise))))
