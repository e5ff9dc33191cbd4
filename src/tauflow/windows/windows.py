"""Windows: what a forecaster sees at an origin, and what it is asked.

    origin   a row of a series; everything up to it is known, nothing after it
    context  the last rows up to the origin: x (rows, features), dt in units of the typical gap, mask for missing history
    query    a moment after the origin, described by an `Encoder`
    target   the value at the query, scaled; NaN where no row stands within half a step of it

No row is made up: a gap is a longer dt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..data.series import Array, Series, Table
from .encoder import Encoder, nearest, steps_ahead

MEMORY = 2**29  # bytes


@dataclass(frozen=True, eq=False)
class Windows:
    """Origins of a table, seen through an encoder: `batch(index)` gives arrays for some of them."""

    table: Table
    encoder: Encoder
    context: int
    origins: Array  # (N, 2) int64: series number, row
    features: tuple[Array, ...]  # per series (T, inputs)
    gaps: tuple[Array, ...]  # per series (T,) float32, in steps; the first is 1
    answers: dict[str, Array] | None = None  # see `remembered`

    def __len__(self) -> int:
        return len(self.origins)

    def batch(self, index: Array, time: Array | None = None) -> dict[str, Array]:
        """x (B, context, inputs), dt, mask (B, context), query (B, h, queries), time (B, h), target (B, h, targets) with NaN.

        The queries stand 1..h steps after the origins, moved to the rows found there; or at `time` (B, h), without targets.
        """
        origins = self.origins[index]
        if time is None and self.answers is not None:
            return self._contexts(origins) | {name: values[index] for name, values in self.answers.items()}
        return self._contexts(origins) | self._questions(origins, time)

    def _contexts(self, origins: Array) -> dict[str, Array]:
        size = len(origins)
        x = np.zeros((size, self.context, self.encoder.inputs), np.float32)
        dt, mask = np.ones((size, self.context), np.float32), np.zeros((size, self.context), bool)
        for number in np.unique(origins[:, 0]):
            here = origins[:, 0] == number
            back = origins[here, 1][:, None] - np.arange(self.context)[::-1]  # (n, context)
            real = back >= 0
            x[here] = np.where(real[:, :, None], self.features[number][back.clip(0)], 0)
            dt[here], mask[here] = np.where(real, self.gaps[number][back.clip(0)], 1), real
        return {"x": x, "dt": dt, "mask": mask}

    def _questions(self, origins: Array, time: Array | None) -> dict[str, Array]:
        size, h = len(origins), self.encoder.h if time is None else time.shape[1]
        query = np.zeros((size, h, self.encoder.queries), np.float32)
        when = np.zeros((size, h), self.table.series[0].time.dtype)
        target = np.full((size, h, len(self.encoder.schema.targets)), np.nan, np.float32)
        for number in np.unique(origins[:, 0]):
            here = origins[:, 0] == number
            rows, series = origins[here, 1], self.table.series[number]
            if time is None:
                when[here], target[here] = self.truth(series, steps_ahead(series, rows, self.encoder.step, h))
            else:
                when[here] = time[here]
            query[here] = self.encoder.query(series, rows, when[here])
        return {"query": query, "time": when, "target": target}

    def remembered(self) -> Windows:
        """The same, with all questions and targets computed once, if they fit in `MEMORY`: a training asks each many times."""
        size = len(self) * self.encoder.h * (self.encoder.queries * 4 + 8)
        if size > MEMORY or len(self) == 0:
            return self
        parts = [self._questions(self.origins[k : k + 2048], None) for k in range(0, len(self), 2048)]
        return replace(self, answers={name: np.concatenate([part[name] for part in parts]) for name in parts[0]})

    def truth(self, series: Series, time: Array) -> tuple[Array, Array]:
        """(time, target): each query moved to the row that stands within half a step of it, and that row's scaled values."""
        index, found = nearest(series.time, time.reshape(-1), 0.499 * self.encoder.step)
        y = np.where(found[:, None], self.encoder.scale_of(series).apply(series.y)[index], np.nan)
        moved = np.where(found, series.time[index], time.reshape(-1))
        return moved.reshape(time.shape), y.reshape(*time.shape, -1)


def windows(
    table: Table, encoder: Encoder, context: int, start: float | None = None, end: float | None = None
) -> Windows:
    """Every row as an origin that has a known target after it, whose queries lie in [start, end) of native time.

    An id without a learned scale has no origins: a scale from its own rows would look at those after the origin.
    """
    origins = [np.zeros((0, 2), np.int64)]
    for number, series in enumerate(table.series):
        if series.id not in encoder.targets:
            continue
        known = np.asarray(np.isfinite(series.y).any(axis=1))
        rows = np.arange(len(series))
        left: Array = np.cumsum(known[::-1])[::-1] - known  # known rows after this one
        fits = (left > 0) & (np.cumsum(known) > 0) & known
        if start is not None:
            fits &= series.time >= start
        if end is not None:
            fits &= series.time + encoder.h * encoder.step < end
        origins.append(np.stack([np.full(fits.sum(), number), rows[fits]], axis=1))
    return window_set(table, encoder, context, np.concatenate(origins))


def mostly_full(found: Windows) -> Windows:
    """Without the origins whose context reaches back before the start of a series, if these are less than a tenth.

    A batch without a mask runs on the fastest kernels; where history is short, the short contexts are needed.
    """
    full = found.origins[:, 1] >= found.context - 1
    return replace(found, origins=found.origins[full]) if full.mean() > 0.9 else found


def window_set(table: Table, encoder: Encoder, context: int, origins: Array) -> Windows:
    """Windows at chosen origins (N, 2): series number, row."""
    features = tuple(encoder.rows(series) for series in table.series)
    gaps = tuple(
        np.concatenate([[1.0], np.diff(series.time) / encoder.step]).astype(np.float32) for series in table.series
    )
    return Windows(table, encoder, context, origins.astype(np.int64), features, gaps)
