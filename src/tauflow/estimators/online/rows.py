"""The last rows of each series, as many as the next forecast looks at: what comes is appended, what is too old falls off.

Kept are the context, the longest season and the horizon, so the memory that a stream takes does not grow with its length.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...data import Series, Table
from ...errors import DataError
from ...windows.encoder import Encoder
from ..reading import shown_times

ROOM = 2  # so many times what is kept before the oldest falls off


def reach(encoder: Encoder, context: int, memory: float) -> int:
    """How many rows back a forecast looks, with the horizon and the rows that weights are learned from."""
    return context + int(np.ceil(max(encoder.lags, default=0.0))) + 2 * encoder.h + int(memory) + 2


def appended(known: Table, new: Table) -> Table:
    """`known` with the rows of `new` behind its own; DataError where they are not later, or of another series."""
    coming = {series.id: series for series in new.series}
    strangers = [name for name in coming if name not in {series.id for series in known.series}]
    if strangers:
        raise DataError(
            f"series {strangers[0]!r} is not among those that the model learned and was given a history of: fit it with that series"
        )
    joined = []
    for series in known.series:
        rows = coming.get(series.id)
        if rows is None or not len(rows):
            joined.append(series)
            continue
        if len(series) and rows.time[0] <= series.time[-1]:
            first, last = shown_times(np.array([rows.time[0], series.time[-1]]), known.schema)
            raise DataError(
                f"a row at {first} comes after the row at {last}{_of(series)}: give rows in the order of their time, each once"
            )
        parts = {
            name: np.concatenate([getattr(series, name), getattr(rows, name)])
            for name in ("time", "y", "past", "future")
        }
        joined.append(Series(series.id, static=series.static, **parts))
    return replace(known, series=tuple(joined))


def trimmed(table: Table, encoder: Encoder, rows: int) -> Table:
    """Without the rows that no forecast looks at any more."""
    span = rows * encoder.stride.mean
    return replace(table, series=tuple(_trimmed(series, span, rows) for series in table.series))


def _trimmed(series: Series, span: float, rows: int) -> Series:
    """Both long enough in time for the seasons and long enough in rows for the context, and never ROOM times as long."""
    if len(series) <= ROOM * rows:
        return series
    by_time = len(series) - int(np.searchsorted(series.time, series.time[-1] - span))
    keep = slice(len(series) - min(max(rows, by_time), ROOM * rows), None)
    return Series(series.id, series.time[keep], series.y[keep], series.past[keep], series.future[keep], series.static)


def _of(series: Series) -> str:
    return f" of series {series.id!r}" if series.id else ""
