"""What a clock and a calendar say of a moment: the part of a series' rhythm that needs no data.

    day   sin and cos of 2 pi k (time of day), k = 1..4        for rows closer than 12 hours
    week  one column a weekday                                  for rows closer than 4 days
    year  sin and cos of 2 pi k (time of year), k = 1..2        when the training part spans 18 months

The clock is the local one of `zone`, so that 8 in the morning is 8 in the morning on both sides of a change to summer time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.clock import DAY, wall_clock
from ..data.series import Array, Schema
from ..data.stride import Months, Stride, Weekdays

WEEK = 7 * DAY
YEAR = int(365.25 * DAY)
MONDAY = 4 * DAY  # 1970-01-05, in nanoseconds


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
            column = _waves(out, column, (local % DAY) / DAY, 4)
        if self.week:
            out[..., column : column + 7] = ((local - MONDAY) // DAY % 7)[..., None] == np.arange(7)
            column += 7
        if self.year:
            _waves(out, column, (local % YEAR) / YEAR, 2)
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


def _waves(out: Array, column: int, phase: Array, count: int) -> int:
    """Fill in sin and cos of the phase and its multiples; the next free column."""
    for k in range(1, count + 1):
        for wave in (np.sin, np.cos):
            out[..., column] = wave(2 * np.pi * k * phase)
            column += 1
    return column
