"""All rows of a table as a model sees them, the series one after the other, so that a batch costs the same whoever it is drawn from.

    start      where each series begins; the rows of series s are start[s] to start[s + 1]
    z          scaled targets, NaN = missing; a model sees them clipped, forecasts are judged by them as they are
    last       the row of the last known target up to each row, -1 before the first
    change     what a target gained since one base lag before; 0 where either is missing
    exogenous  past and future columns, scaled and clipped; of a category its column (see `categories`); NaN = missing
    static     per series, ready as features

About 20 bytes a row and 4 a further column; everything else is made for a batch when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..data.series import LARGEST, Array, Series
from ..errors import DataError
from .categories import one_hot, slots
from .encoder import Encoder
from .scaling import CLIP, TARGET_CLIP

LARGEST_SCALED = 1e38  # a scaled value, float32
PART = 2**16  # rows worked on at a time


@dataclass(frozen=True, eq=False)
class Rows:
    """See the module; `rows_of` makes them."""

    start: Array  # (series + 1,) int64
    time: Array  # (rows,) native
    z: Array  # (rows, targets) float32
    last: Array  # (rows, targets) int32
    change: Array  # (rows, targets) float32
    exogenous: Array  # (rows, past + future) float32
    static: Array  # (series, features) float32

    def seen(self, row: Array, target: int | slice = slice(None)) -> Array:
        """Scaled targets as a model sees them; NaN where row is -1."""
        value = np.clip(self.z[row, target], -TARGET_CLIP, TARGET_CLIP)
        return np.where(row < 0, np.nan, value) if isinstance(target, int) else value

    @cached_property
    def following(self) -> Array:
        """(rows, targets): the row of the next known target from each row on, of any series; the last row where none is."""
        row = np.arange(len(self.time), dtype=self.last.dtype)[:, None]
        later = np.where(np.isnan(self.z), max(len(self.time) - 1, 0), row)
        return np.minimum.accumulate(later[::-1], axis=0)[::-1]

    def at_or_before(self, number: Array, wanted: Array, origin: Array) -> Array:
        """Of series `number` the last row at or before each wanted time, up to row `origin`; its first row where there is none."""
        row = _first(self.time, self.start[number], self.start[number + 1], wanted)
        row = np.minimum(row, origin)
        return np.maximum(np.where(self.time[row] > wanted, row - 1, row), self.start[number])

    def nearest(self, number: Array, wanted: Array, tolerance: float, end: Array | None = None) -> tuple[Array, Array]:
        """(row, found): of series `number` the row nearest to each wanted time, before row `end`, and if it is within the tolerance."""
        low, high = self.start[number], self.start[number + 1]
        last = (high if end is None else end) - 1
        after = np.minimum(_first(self.time, low, high, wanted), last)
        before = np.maximum(after - 1, low)
        earlier = np.abs(self.time[before] - wanted) <= np.abs(self.time[after] - wanted)
        row = np.where(earlier, before, after)
        return row, np.abs(self.time[row] - wanted) <= tolerance


def nearest(time: Array, wanted: Array, tolerance: float) -> tuple[Array, Array]:
    """(index, found): of one series the row nearest to each wanted time, and whether it lies within the tolerance."""
    after = np.searchsorted(time, wanted).clip(0, len(time) - 1)
    before = (after - 1).clip(0)
    index = np.where(np.abs(time[before] - wanted) <= np.abs(time[after] - wanted), before, after)
    return index, np.abs(time[index] - wanted) <= tolerance


def rows_of(series: Sequence[Series], encoder: Encoder, kind: type[np.floating] = np.float32) -> Rows:
    """The rows of some series; `kind` is the precision of z."""
    start = np.cumsum([0, *(len(one) for one in series)])
    count, schema = int(start[-1]), encoder.schema
    targets, others = len(schema.targets), len(schema.past) + len(schema.future)
    index = np.int32 if count < 2**31 else np.int64
    time = np.concatenate([one.time for one in series]) if series else np.zeros(0, np.int64)
    rows = Rows(
        start=start,
        time=time,
        z=np.empty((count, targets), kind),
        last=np.empty((count, targets), index),
        change=np.zeros((count, targets), np.float32),
        exogenous=np.empty((count, others), np.float32),
        static=_static(series, encoder),
    )
    for first, end in _groups(start):
        _fill(rows, series[first:end], first, encoder)
    return rows


def _groups(start: Array) -> Iterator[tuple[int, int]]:
    """Runs of series of about `PART` rows; a longer series alone."""
    first = 0
    while first < len(start) - 1:
        end = max(int(np.searchsorted(start, start[first] + PART, side="right")) - 1, first + 1)
        yield first, end
        first = end


def _fill(rows: Rows, series: Sequence[Series], first: int, encoder: Encoder) -> None:
    """The rows of a group of series that begins with number `first`, `PART` at a time."""
    begin, end = int(rows.start[first]), int(rows.start[first + len(series)])
    lengths = np.diff(rows.start[first : first + len(series) + 1])
    number = np.repeat(np.arange(len(series), dtype=rows.last.dtype), lengths)
    scales = [encoder.scale_of(one) for one in series]
    center, scale = (np.stack([getattr(one, name) for one in scales]) for name in ("center", "scale"))
    y, past, future = (_together([getattr(one, name) for one in series]) for name in ("y", "past", "future"))
    seen = np.empty(y.shape)
    for part in range(0, end - begin, PART):
        here = slice(part, min(part + PART, end - begin))
        n, there = number[here], slice(begin + here.start, begin + here.stop)
        _refuse_far(y[here], center[n], scale[n], series, n, encoder.schema.targets)
        z = (y[here] - center[n]) / scale[n]
        z[~np.isfinite(z)] = np.nan
        rows.z[there], seen[here] = z, np.clip(z, -TARGET_CLIP, TARGET_CLIP)
        other = np.concatenate([past[here], future[here]], axis=1)
        rows.exogenous[there] = _exogenous(other, encoder, series, n)
    _fill_last(rows, begin, end, np.repeat(rows.start[first : first + len(series)].astype(number.dtype), lengths))
    for target, base in enumerate(encoder.base):
        if base < len(encoder.lags):
            _fill_change(rows, seen[:, target], target, begin, first + number, encoder.lags[base], encoder)


def _together(parts: Sequence[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _fill_last(rows: Rows, begin: int, end: int, start: Array) -> None:
    here = slice(begin, end)
    row = np.arange(begin, end, dtype=rows.last.dtype)[:, None]
    np.maximum.accumulate(np.where(np.isnan(rows.z[here]), -1, row), axis=0, out=rows.last[here])
    rows.last[here][rows.last[here] < start[:, None]] = -1


def _fill_change(rows: Rows, seen: Array, target: int, begin: int, number: Array, lag: float, encoder: Encoder) -> None:
    for part in range(0, len(seen), PART):
        here = slice(part, min(part + PART, len(seen)))
        row = np.arange(begin + here.start, begin + here.stop)
        back = encoder.moments.back(rows.time[row], lag)
        there, found = rows.nearest(number[here], back, encoder.step / 2, row + 1)
        rows.change[row, target] = np.nan_to_num(np.where(found, seen[here] - seen[there - begin], 0.0))


def _exogenous(values: Array, encoder: Encoder, series: Sequence[Series], number: Array) -> Array:
    """Past and future columns scaled and clipped, categories as the numbers of their columns."""
    schema = encoder.schema
    names = (*schema.past, *schema.future)
    center, scale = encoder.exogenous.center, encoder.exogenous.scale
    _refuse_far(values, center, scale, series, number, names)
    scaled = ((values - center) / scale).clip(-CLIP, CLIP)
    for column, name in enumerate(names):
        if name in encoder.shown:
            scaled[:, column] = slots(values[:, column], encoder.shown[name])
    return np.where(np.isfinite(values), scaled, np.nan)


def _static(series: Sequence[Series], encoder: Encoder) -> Array:
    """(series, features): numbers, then per category its columns and the flag "known"."""
    schema = encoder.schema
    values = np.stack([one.static for one in series]) if series else np.zeros((0, len(schema.static)))
    scaled = np.nan_to_num(encoder.static.apply(values).clip(-CLIP, CLIP))
    numbers = [column for column, name in enumerate(schema.static) if name not in encoder.shown]
    parts = [scaled[:, numbers]]
    for column, name in enumerate(schema.static):
        if name in encoder.shown:
            slot = slots(values[:, column], encoder.shown[name])
            parts += [one_hot(slot, len(encoder.shown[name])), np.isfinite(slot)[:, None]]
    return np.concatenate(parts, axis=1).astype(np.float32)


def _refuse_far(
    values: Array, center: Array, scale: Array, series: Sequence[Series], number: Array, names: Sequence[str]
) -> None:
    """A value that would overflow on the way is named, not clipped."""
    room = np.minimum(LARGEST, LARGEST_SCALED * np.minimum(scale, 1e260))
    beyond = np.abs(values) > LARGEST
    beyond |= np.abs(np.where(beyond, 0.0, values) - center) > room
    if beyond.any():
        refuse_beyond(beyond, values, names, series[number[np.argwhere(beyond)[0, 0]]].id)


def refuse_beyond(beyond: Array, values: Array, names: Sequence[str], name: str) -> None:
    """Name the first of the values (rows, columns) that is marked; nothing if none is."""
    if not beyond.any():
        return
    row, column = np.argwhere(beyond)[0]
    raise DataError(
        f"{names[column]!r} holds {values[row, column]:g}{f' (id {name!r})' if name else ''}, too far from usual values "
        "to be computed with: drop the value, or divide the column"
    )


def _first(time: Array, low: Array, high: Array, wanted: Array) -> Array:
    """The first row in [low, high) at or after each wanted time; high where there is none. Time increases within a range."""
    if low.size and low.min() == low.max() and high.min() == high.max():
        first, end = int(low.flat[0]), int(high.flat[0])
        return np.asarray(first + np.searchsorted(time[first:end], wanted))
    row = np.broadcast_to(low, wanted.shape) - 1  # the last row known to be earlier
    for power in range(int((high - low).max(initial=0)).bit_length() - 1, -1, -1):
        next_ = row + (1 << power)
        earlier = (next_ < high) & (time.take(next_, mode="clip") < wanted)
        row = np.where(earlier, next_, row)
    return row + 1
