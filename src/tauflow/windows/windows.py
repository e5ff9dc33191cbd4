"""Windows: what a forecaster sees at an origin, and what it is asked.

    origin   a row of a series; everything up to it is known, nothing after it
    context  the last rows up to the origin: x (rows, features), dt in units of the typical gap, mask for missing history
    history  the targets at even lags before the origin (see `history`), for models that read further back than the context
    query    a moment after the origin, described by `queries`
    target   the value at the query, scaled; NaN where no row stands within half a step of it

No row is made up: a gap is a longer dt. A batch is made when it is asked for, all series at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..data.series import Array, Table
from .encoder import Encoder
from .history import age, history
from .queries import fill_exogenous, queries
from .rows import PART, Rows, rows_of


@dataclass(frozen=True, eq=False)
class Windows:
    """Origins of a table, seen through an encoder: `batch(index)` gives arrays for some of them."""

    table: Table
    encoder: Encoder
    context: int
    origins: Array  # (N, 2): series number, row
    rows: Rows
    reach: int = 0  # lags of `history`; 0 = no model asks for them

    def __len__(self) -> int:
        return len(self.origins)

    def batch(self, index: Array, time: Array | None = None) -> dict[str, Array]:
        """x (B, context, inputs), dt, mask (B, context), query (B, h, queries), time (B, h), target (B, h, targets) with NaN.

        With a reach also history (B, reach, targets) and age (B, targets). The queries stand 1..h strides after the origins, moved
        to the rows found there; or at `time` (B, h), without targets.
        """
        number = self.origins[index, 0].astype(np.int64)
        origin = self.rows.start[number] + self.origins[index, 1]
        if time is None:
            time, target = self._truth(number, self.encoder.moments.ahead(self.rows.time[origin], self.encoder.h))
        else:
            target = np.full((*time.shape, len(self.encoder.schema.targets)), np.nan, np.float32)
        query = queries(self.encoder, self.rows, number, origin, time)
        seen = self._contexts(number, origin) | self._past(number, origin)
        return seen | {"query": query, "time": time, "target": target}

    def _past(self, number: Array, origin: Array) -> dict[str, Array]:
        if not self.reach:
            return {}
        past = history(self.encoder, self.rows, number, origin, self.reach)
        return {"history": past, "age": age(self.rows, self.encoder, origin)}

    def _contexts(self, number: Array, origin: Array) -> dict[str, Array]:
        rows, encoder = self.rows, self.encoder
        start = rows.start[number][:, None]
        row = origin[:, None] - np.arange(self.context)[::-1]  # (B, context)
        mask = row >= start
        row = np.maximum(row, start)
        x = np.empty((*row.shape, encoder.inputs), np.float32)
        y, others = rows.seen(row), rows.exogenous[row]
        column = y.shape[-1]
        x[..., :column] = np.nan_to_num(y)
        schema = encoder.schema
        column = fill_exogenous(x, column, encoder, others, (*schema.past, *schema.future))
        for part in (np.isfinite(y), np.isfinite(others), rows.change[row], rows.static[number][:, None, :]):
            x[..., column : column + part.shape[-1]] = part
            column += part.shape[-1]
        x[..., column:] = encoder.calendar.columns(rows.time[row])
        gap = (rows.time[row] - rows.time[row - 1]) / encoder.step
        dt = np.where(row > start, gap, 1.0).astype(np.float32)
        x[~mask] = 0
        return {"x": x, "dt": dt, "mask": mask}

    def _truth(self, number: Array, time: Array) -> tuple[Array, Array]:
        """(time, target): each query moved to the row that stands within half a step of it, and that row's scaled values."""
        row, found = self.rows.nearest(number[:, None], time, 0.499 * self.encoder.step)
        target = np.where(found[..., None], self.rows.z[row], np.float32(np.nan))
        return np.where(found, self.rows.time[row], time), target


def windows(
    table: Table,
    encoder: Encoder,
    context: int,
    start: float | None = None,
    end: float | None = None,
    reach: int = 0,
) -> Windows:
    """Every row as an origin that has a known target after it, whose queries lie in [start, end) of native time.

    An id without a learned scale has no origins: a scale from its own rows would look at those after the origin.
    """
    rows = rows_of(table.series, encoder)
    return Windows(table, encoder, context, _origins(table, encoder, rows, start, end), rows, reach)


def divided(table: Table, encoder: Encoder, context: int, at: float) -> tuple[Windows, Windows]:
    """(the windows whose queries lie before a moment, those whose origins lie at or after it), on the same rows."""
    before = windows(table, encoder, context, end=at)
    return before, replace(before, origins=_origins(table, encoder, before.rows, at, None))


def _origins(table: Table, encoder: Encoder, rows: Rows, start: float | None, end: float | None) -> Array:
    found = [np.zeros((0, 2), np.int32)]
    for number, series in enumerate(table.series):
        if series.id not in encoder.targets:
            continue
        begin, stop = rows.start[number], rows.start[number + 1]
        last = rows.last[stop - 1].max() if stop > begin else -1
        for first in range(begin, stop, PART):
            here = slice(first, min(first + PART, stop))
            fits = np.isfinite(rows.z[here]).any(axis=1) & (np.arange(here.start, here.stop) < last)
            if start is not None:
                fits &= rows.time[here] >= start
            if end is not None:
                fits &= encoder.stride.whole(rows.time[here], np.array(encoder.h), encoder.schema.zone) < end
            row = np.nonzero(fits)[0] + first - begin
            found.append(np.stack([np.full(len(row), number), row], axis=1).astype(np.int32))
    return np.concatenate(found)


def answered(found: Windows) -> Windows:
    """The origins that have a known target within their horizon: of the others nothing can be learned."""
    encoder, rows = found.encoder, found.rows
    time = rows.time[rows.start[found.origins[:, 0]] + found.origins[:, 1]]
    first, last = (encoder.stride.whole(time, np.array(count), encoder.schema.zone) for count in (1, encoder.h))
    keep = np.zeros(len(time), bool)
    for number in np.unique(found.origins[:, 0]).tolist():
        here = slice(*np.searchsorted(found.origins[:, 0], [number, number + 1]))
        own = slice(rows.start[number], rows.start[number + 1])
        known = rows.time[own][np.isfinite(rows.z[own]).any(axis=1)]
        following = np.searchsorted(known, first[here] - 0.499 * encoder.step)
        keep[here] = following < np.searchsorted(known, last[here] + 0.499 * encoder.step, side="right")
    return replace(found, origins=found.origins[keep])


def mostly_full(found: Windows) -> Windows:
    """Without the origins whose context reaches back before the start of a series, if these are less than a tenth.

    A batch without a mask runs on the fastest kernels; where history is short, the short contexts are needed.
    """
    full = found.origins[:, 1] >= found.context - 1
    return replace(found, origins=found.origins[full]) if full.mean() > 0.9 else found


def window_set(table: Table, encoder: Encoder, context: int, origins: Array, reach: int = 0) -> Windows:
    """Windows at chosen origins (N, 2): series number, row."""
    return Windows(table, encoder, context, origins, rows_of(table.series, encoder), reach)
