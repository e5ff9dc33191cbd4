"""What a clock and a calendar say of a moment: the part of a series' rhythm that needs no data.

    day   sin and cos of 2 pi k (time of day), k = 1..4        for rows closer than 12 hours
    week  one column a weekday                                  for rows closer than 4 days
    year  sin and cos of 2 pi k (time of year), k = 1..2        when the training part spans 18 months

The clock is the local one of `zone`, so that 8 in the morning is 8 in the morning on both sides of a change to summer time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..data.clock import DAY, wall_clock
from ..data.series import Array, Schema
from ..data.stride import Months, Stride, Weekdays

WEEK = 7 * DAY
YEAR = int(365.25 * DAY)
MONDAY = 4 * DAY  # 1970-01-05, in nanoseconds
HOUR, MINUTE = DAY // 24, DAY // 1440


@dataclass(frozen=True)
class Calendar:
    """Which rhythms to show, and on which clock; `columns(time)` is the matrix (T, features)."""

    day: bool = False
    week: bool = False
    year: bool = False
    zone: str | None = None

    @property
    def size(self) -> int:
        """How many columns."""
        return 8 * self.day + 7 * self.week + 4 * self.year

    def columns(self, time: Array) -> Array:
        """(..., features) float32 of int64 nanoseconds UTC; no columns when the time is a plain number."""
        out = np.empty((*time.shape, self.size), np.float32)
        if self.size == 0:
            return out
        local, column = wall_clock(time, self.zone), 0
        if self.day:
            out[..., :8] = _waves(local % DAY, DAY, MINUTE, 4)
            column = 8
        if self.week:
            out[..., column : column + 7] = np.eye(7, dtype=np.float32)[(local - MONDAY) // DAY % 7]
            column += 7
        if self.year:
            out[..., column:] = _waves(local % YEAR, YEAR, HOUR, 2)
        return out


def calendar_for(schema: Schema, step: float, span: float) -> Calendar:
    """The rhythms that rows `step` nanoseconds apart can show, within a training part of `span` nanoseconds."""
    if schema.kind == "number":
        return Calendar()
    return Calendar(
        day=step < DAY / 2 and span > 3 * DAY,
        week=step < 4 * DAY and span > 3 * WEEK,
        year=step < 0.6 * YEAR and span > 1.5 * YEAR,
        zone=schema.zone,
    )


def seasons(calendar: Calendar, stride: Stride) -> tuple[float, ...]:
    """The periods in strides at which rows repeat, shortest first: 12 months, 5 and 260 business days, 24 and 168 hours."""
    if isinstance(stride, Months):
        return (12 / stride.months,) if calendar.year else ()
    if isinstance(stride, Weekdays):
        return tuple(
            float(n) for n, on in ((stride.days, calendar.week), (52 * stride.days, calendar.year)) if on and n > 1
        )
    size = stride.size
    year = YEAR / size if size % WEEK else float(round(YEAR / size))
    shown = ((calendar.day, DAY / size), (calendar.week, WEEK / size), (calendar.year and size >= DAY / 2, year))
    return tuple(float(period) for repeats, period in shown if repeats)


def _waves(clock: Array, period: int, usual: int, count: int) -> Array:
    """(..., 2 count) sin and cos of the phase and its multiples; from a table where the clock shows whole `usual`."""
    place, rest = np.divmod(clock, usual)
    return _waves_of(clock, period, count) if rest.any() else _table(period, usual, count)[place]


@lru_cache(maxsize=4)
def _table(period: int, usual: int, count: int) -> Array:
    return _waves_of(np.arange(0, period, usual), period, count)


def _waves_of(clock: Array, period: int, count: int) -> Array:
    phase = clock / period
    waves = [wave(2 * np.pi * k * phase) for k in range(1, count + 1) for wave in (np.sin, np.cos)]
    return np.stack(waves, axis=-1).astype(np.float32)
