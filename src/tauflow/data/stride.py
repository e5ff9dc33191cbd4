"""How rows follow one another: a step of the calendar where the stamps show one, else the median gap.

    Even       the same length each time: seconds to weeks, or a plain number
    Clock      the same length on the clock of a zone: 00:00 is followed by 00:00, whatever summer time does
    Months     so many months: on the same day, or the last one, or the first or last business day
    Weekdays   a day on those days of the week that have rows, Monday after Friday

`whole(time, count, zone)` is the moment `count` strides after each time (count < 0: before it). A calendar is believed when nine
rows in ten and more stand on it; months and days that are missing do not matter, they are gaps. See `find_stride`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .clock import DAY, NANOSECONDS, moment_of, offsets, wall_clock

Array = NDArray[Any]
ENOUGH = 0.95  # of the rows
MONDAY = 4  # 1970-01-05, in days
NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ENDS = {-1: "last business day", -2: "first business day"}  # what Months.day can be beside a day


@dataclass(frozen=True)
class Even:
    """`size` in native time; numbers as time are rounded to `decimals`, so that 20 and 0.1 make 20.1."""

    size: float = 1.0
    decimals: int | None = None
    unit: Literal["even"] = "even"

    @property
    def mean(self) -> float:
        """The length of a stride on average, in native time."""
        return self.size

    def whole(self, time: Array, count: Array, zone: str | None) -> Array:
        if time.dtype == np.int64:
            return np.asarray(time + count * int(self.size))
        moment = time + count * self.size
        return np.asarray(moment if self.decimals is None else np.round(moment, self.decimals))

    def describe(self, zone: str | None) -> str:
        return "always the same"


@dataclass(frozen=True)
class Clock:
    """`size` in nanoseconds on the wall; `phase` what the clock shows at rows, within `size`, None where rows differ."""

    size: int
    phase: int | None = None
    unit: Literal["clock"] = "clock"

    @property
    def mean(self) -> float:
        """The length of a stride on average, in nanoseconds."""
        return self.size

    def whole(self, time: Array, count: Array, zone: str | None) -> Array:
        local = self._shown(time, zone) + count * self.size
        return moment_of(local, zone, local - (wall_clock(time, zone) - time))

    def _shown(self, time: Array, zone: str | None) -> Array:
        """The wall clock, 00:00 on a day that began at 01:00 since the clock skipped an hour."""
        local = wall_clock(time, zone)
        if self.phase is None or zone is None:
            return local
        skipped = offsets(time, zone) - offsets(time - 1, zone)
        late = (skipped > 0) & ((local - skipped - self.phase) % self.size == 0)
        return np.where(late, local - skipped, local)

    def describe(self, zone: str | None) -> str:
        return f"on the clock of {zone}"


@dataclass(frozen=True)
class Months:
    """`months` at a time. `day`: 0 the day of the row itself; 29 to 31 that day or the last of a shorter month; or of `ENDS`."""

    months: int
    day: int = 0
    unit: Literal["month"] = "month"

    @property
    def mean(self) -> float:
        """The length of a stride on average, in nanoseconds."""
        return self.months * 365.2425 / 12 * DAY

    def whole(self, time: Array, count: Array, zone: str | None) -> Array:
        local = wall_clock(time, zone)
        date, clock = local // DAY, local % DAY
        month, day = _month(date)
        later = month + count * self.months
        wanted = np.minimum(day, _length(later))
        if self.day:
            wanted = np.where(_stands(self.day, month, day), _day_of(self.day, later), wanted)
        there = (_first(later) + wanted - 1) * DAY + clock
        return moment_of(there, zone, there - (local - time))

    def describe(self, zone: str | None) -> str:
        if self.day in ENDS:
            return f"on the {ENDS[self.day]} of the month"
        return {0: "on the same day", 31: "on the last day of the month"}.get(
            self.day, f"on day {self.day} or the last of the month"
        )


@dataclass(frozen=True)
class Weekdays:
    """One day at a time, on the days of `week`, which begins on Monday: 1111100 are business days."""

    week: str = "1111100"
    unit: Literal["weekday"] = "weekday"

    @property
    def mean(self) -> float:
        """The length of a stride on average, in nanoseconds."""
        return 7 * DAY / self.days

    @property
    def days(self) -> int:
        """How many of a week."""
        return self.week.count("1")

    def whole(self, time: Array, count: Array, zone: str | None) -> Array:
        local = wall_clock(time, zone)
        date, clock = _dates(local), local % DAY
        count = np.broadcast_to(count, np.broadcast_shapes(date.shape, np.shape(count)))
        date = np.broadcast_to(date, count.shape)
        there = np.where(
            count < 0,
            np.busday_offset(date, count, roll="forward", weekmask=self.week),
            np.busday_offset(date, count, roll="backward", weekmask=self.week),
        )
        there = np.where(count == 0, date, there).astype(np.int64) * DAY + clock
        return moment_of(there, zone, there - (local - time))

    def describe(self, zone: str | None) -> str:
        on = [name for name, flag in zip(NAMES, self.week, strict=True) if flag == "1"]
        off = [name for name, flag in zip(NAMES, self.week, strict=True) if flag == "0"]
        together = self.week.strip("0").count("0") == 0
        return f"{on[0]} to {on[-1]}" if together else f"without {' and '.join(off)}"


Stride = Even | Clock | Months | Weekdays


def find_stride(times: Sequence[Array], zone: str | None) -> Stride:
    """The stride of series, each with its times (T,), int64 nanoseconds UTC or float64; at least one has two rows."""
    times = [time for time in times if len(time) > 1]
    size = float(np.median(np.concatenate([np.diff(time) for time in times])))
    if times[0].dtype != np.int64:
        return _decimal(times, size)
    local = [wall_clock(time, zone) for time in times]
    if size >= 27 * DAY and (months := _months(local)) is not None:
        return months
    wall = float(np.median(np.concatenate([np.diff(shown) for shown in local])))
    if 0.9 * DAY <= size <= 1.1 * DAY and (weekdays := _weekdays(local)) is not None:
        return weekdays
    if zone in (None, "UTC") or wall < 3600 * NANOSECONDS:
        return Even(size)
    on_wall = _share_on_grid(local, int(wall))
    if on_wall >= ENOUGH and (wall % DAY == 0 or on_wall > _share_on_grid(times, int(size))):
        return Clock(int(wall), _phase(local, int(wall)))
    return Even(size)


def describe_step(times: Sequence[Array], zone: str | None) -> str:
    """In words, which step a forecaster takes on these rows, and why: "1 month, on the last day of the month"."""
    times = [time for time in times if len(time) > 1]
    if not times:
        return "unknown: no series has two rows"
    stride = find_stride(times, zone)
    if isinstance(stride, Months):
        return f"{_many(stride.months, 'month')}, {stride.describe(zone)}"
    if isinstance(stride, Weekdays):
        return f"1 day, {stride.describe(zone)}"
    number = times[0].dtype != np.int64
    length = f"{stride.size:.15g}" if number else _length_in_words(stride.size)
    if isinstance(stride, Clock):
        return f"{length} {stride.describe(zone)}"
    gaps = np.concatenate([np.diff(time) for time in times])
    apart = float((np.abs(gaps - stride.size) > 1e-6 * stride.size).mean())
    return f"{length}, the median gap" + (f"; {apart:.0%} of the gaps differ from it" if apart >= 0.005 else "")


def _decimal(times: Sequence[Array], size: float) -> Even:
    """The step and the number of decimals of times that are written with up to 9."""
    every = np.concatenate(times)
    most = float(np.abs(every).max())
    for decimals in range(10):
        written = most * 10**decimals < 2**52 and np.abs(np.round(every, decimals) - every).max() <= 1e-15 * most
        if written and round(size, decimals) > 0:
            return Even(round(size, decimals), decimals)
    return Even(size)


def _months(local: Sequence[Array]) -> Months | None:
    dates = [_month(shown // DAY) for shown in local]
    apart = np.concatenate([np.diff(month) for month, _ in dates])
    size = int(np.median(apart))
    if size < 1 or (apart % size == 0).mean() < ENOUGH or (apart < 1).any():
        return None
    latest = int(max(day.max() for _, day in dates))
    shares = [_explained(rule, dates) for rule in (0, latest, *ENDS)]
    best = int(np.argmax(shares))
    return Months(size, (0, latest, *ENDS)[best]) if shares[best] >= ENOUGH else None


def _explained(rule: int, dates: Sequence[tuple[Array, Array]]) -> float:
    """The share of rows that stand on the usual day of their series, or where the rule says."""
    rows = sum(len(day) for _, day in dates)
    usual = [int(np.bincount(day).max()) for _, day in dates]
    ruled = [int(_stands(rule, month, day).sum()) if rule else 0 for month, day in dates]
    return sum(map(max, usual, ruled)) / rows


def _weekdays(local: Sequence[Array]) -> Weekdays | None:
    """The days of the week that have rows, if chance can't have left the others out."""
    seen, there = np.zeros(7), np.zeros(7)
    for shown in local:
        date = shown // DAY
        if len(np.unique(date)) < ENOUGH * len(date):
            return None
        seen += np.bincount((date - MONDAY) % 7, minlength=7)
        there += np.bincount((np.arange(date[0], date[-1] + 1) - MONDAY) % 7, minlength=7)
    share = seen / np.maximum(there, 1)
    on = share > 0.05
    if on.all() or on.sum() < 2:
        return None
    missing = max(1 - float(seen[on].sum() / there[on].sum()), 0.02)
    return Weekdays("".join("1" if day else "0" for day in on)) if missing ** there[~on].sum() < 1e-3 else None


def _share_on_grid(times: Sequence[Array], size: int) -> float:
    """Rows that stand a whole number of steps from the usual phase of their series."""
    found = sum(int(np.unique(time % size, return_counts=True)[1].max()) for time in times)
    return found / sum(len(time) for time in times)


def _phase(local: Sequence[Array], size: int) -> int | None:
    phases, counts = np.unique(np.concatenate(local) % size, return_counts=True)
    return int(phases[counts.argmax()]) if counts.max() >= ENOUGH * counts.sum() else None


def _month(date: Array) -> tuple[Array, Array]:
    """(months since 1970, day of the month from 1) of days since 1970."""
    month = date.astype("M8[D]").astype("M8[M]").astype(np.int64)
    return month, date - _first(month) + 1


def _first(month: Array) -> Array:
    """Days since 1970 of the first of a month."""
    return np.asarray(month.astype("M8[M]").astype("M8[D]").astype(np.int64))


def _length(month: Array) -> Array:
    return _first(month + 1) - _first(month)


def _dates(local: Array) -> Array:
    return np.asarray((local // DAY).astype("M8[D]"))


def _day_of(rule: int, month: Array) -> Array:
    """The day of the month, from 1, that a rule of `Months.day` means."""
    if rule > 0:
        return np.minimum(rule, _length(month))
    if rule == -1:
        return _roll(_first(month + 1) - 1, "backward") - _first(month) + 1
    return _roll(_first(month), "forward") - _first(month) + 1


def _roll(date: Array, roll: Literal["forward", "backward"]) -> Array:
    return np.asarray(np.busday_offset(date.astype("M8[D]"), 0, roll=roll).astype(np.int64))


def _stands(rule: int, month: Array, day: Array) -> Array:
    """Is it a day that the rule means? With 29 to 31 only at the end of a month, where it says more than the day itself."""
    on = day == _day_of(rule, month)
    return np.asarray(on & (day >= 28) if rule > 0 else on)


def _many(count: int, name: str) -> str:
    if name == "month" and count % 12 == 0:
        return _many(count // 12, "year")
    return f"1 {name}" if count == 1 else f"{count} {name}s"


def _length_in_words(nanoseconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "us")):
        if nanoseconds >= size * NANOSECONDS:
            return f"{nanoseconds / (size * NANOSECONDS):.4g} {unit}"
    return f"{nanoseconds:.4g} ns"
