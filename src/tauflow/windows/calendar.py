"""What a clock and a calendar say of a moment: the part of a series' rhythm that needs no data.

    day   sin and cos of 2 pi k (time of day), k = 1..4        for rows closer than 12 hours
    week  one column a weekday                                  for rows closer than 4 days
    year  sin and cos of 2 pi k (time of year), k = 1..2        when the training part spans 18 months

The clock is the local one of `zone`, so that 8 in the morning is 8 in the morning on both sides of a change to summer time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.series import NANOSECONDS, Array, Schema

DAY = 86_400 * NANOSECONDS
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

    def columns(self, time: Array) -> Array:
        """(T, features) float32 of int64 nanoseconds UTC; no columns when the time is a plain number."""
        if not (self.day or self.week or self.year):
            return np.zeros((len(time), 0), np.float32)
        local = wall_clock(time, self.zone)
        parts = []
        if self.day:
            parts += _waves((local % DAY) / DAY, 4)
        if self.week:
            weekday = (local - MONDAY) // DAY % 7
            parts += [weekday == k for k in range(7)]
        if self.year:
            parts += _waves((local % YEAR) / YEAR, 2)
        return np.stack(parts, axis=1).astype(np.float32)


def calendar_for(schema: Schema, step: float, span: float) -> Calendar:
    """The rhythms that rows `step` nanoseconds apart can show, within a training part of `span` nanoseconds."""
    if schema.kind == "number":
        return Calendar()
    return Calendar(
        day=step < DAY / 2 and span > 3 * DAY,
        week=step < 4 * DAY and span > 3 * WEEK,
        year=step < YEAR / 8 and span > 1.5 * YEAR,
        zone=schema.zone,
    )


def seasons(calendar: Calendar, step: float) -> tuple[int, ...]:
    """The periods in nanoseconds at which rows `step` apart repeat, shortest first; a year is no whole number of hours."""
    shown = ((calendar.day, DAY), (calendar.week, WEEK), (calendar.year and step >= DAY / 2, YEAR))
    return tuple(period for repeats, period in shown if repeats)


def wall_clock(time: Array, zone: str | None) -> Array:
    """Nanoseconds that the local clock shows, from nanoseconds UTC."""
    if zone is None:
        return time
    stamps = pd.DatetimeIndex(pd.to_datetime(np.asarray(time), unit="ns", utc=True)).tz_convert(zone).tz_localize(None)
    return stamps.as_unit("ns").asi8


def _waves(phase: Array, count: int) -> list[Array]:
    return [wave(2 * np.pi * k * phase) for k in range(1, count + 1) for wave in (np.sin, np.cos)]
