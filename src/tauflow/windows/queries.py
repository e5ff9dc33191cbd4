"""Questions as numbers: what a model is told of a moment after an origin, from rows up to the origin and what is known ahead.

    offset     strides from the origin, over h, and log(1 + offset)
    calendar   of the moment asked about
    future     the columns known ahead at that moment, with their flags
    static     of the series
    anchors    per target the values one lag before the moment and the last known one, with their flags

A missing anchor is a value that the next best lag has, with its flag at zero. Only rows up to the origin are looked at: not even
that a row exists after it changes an anchor.
"""

from __future__ import annotations

import numpy as np

from ..data.series import Array
from .categories import one_hot
from .encoder import Encoder
from .rows import Rows


def queries(encoder: Encoder, rows: Rows, number: Array, origin: Array, time: Array) -> Array:
    """(N, H, queries) float32 of moments `time` (N, H) asked at rows `origin` (N,) of series `number` (N,)."""
    out = np.empty((*time.shape, encoder.queries), np.float32)
    offset = encoder.moments.offset(rows.time[origin][:, None], time)
    out[..., 0], out[..., 1] = offset / encoder.h, np.log1p(offset)
    column = 2 + encoder.calendar.size
    out[..., 2:column] = encoder.calendar.columns(time)
    if encoder.schema.future:
        ahead, found = rows.nearest(number[:, None], time, encoder.step / 2)
        first = len(encoder.schema.past)
        values = np.where(found[..., None], rows.exogenous[ahead, first:], np.nan)
        column = fill_exogenous(out, column, encoder, values, encoder.schema.future)
        out[..., column : column + values.shape[-1]] = np.isfinite(values)
        column += values.shape[-1]
    static = rows.static[number][:, None, :]
    out[..., column : column + static.shape[-1]] = static
    column += static.shape[-1]
    anchors, known = anchor_values(encoder, rows, number, origin, time)
    out[..., column : column + encoder.anchors] = anchors.reshape(*time.shape, -1)
    out[..., column + encoder.anchors :] = known.reshape(*time.shape, -1)
    return out


def fill_exogenous(out: Array, column: int, encoder: Encoder, values: Array, names: tuple[str, ...]) -> int:
    """Numbers of past or future columns (..., columns), then the columns of their categories; the next free column of `out`."""
    numbers = [k for k, name in enumerate(names) if name not in encoder.shown]
    out[..., column : column + len(numbers)] = np.nan_to_num(values[..., numbers])
    column += len(numbers)
    for k, name in enumerate(names):
        if name in encoder.shown:
            width = len(encoder.shown[name])
            out[..., column : column + width] = one_hot(values[..., k], width)
            column += width
    return column


def anchor_values(encoder: Encoder, rows: Rows, number: Array, origin: Array, time: Array) -> tuple[Array, Array]:
    """(values, known), each (N, H, targets, lags + 1): scaled values one lag before the query, and the last known one."""
    targets, lags = rows.z.shape[1], len(encoder.lags)
    values = np.empty((*time.shape, targets, lags + 1), rows.z.dtype)
    for k, lag in enumerate(encoder.lags):
        back = encoder.moments.back(time, lag)
        row, found = rows.nearest(number[:, None], back, encoder.step / 2, origin[:, None] + 1)
        values[..., k] = np.where(found[..., None], rows.seen(row), np.nan)
    for target in range(targets):
        values[:, :, target, -1] = rows.seen(rows.last[origin, target], target)[:, None]
    known = np.isfinite(values)
    for target in range(targets):
        here = values[:, :, target, :]  # (N, H, lags + 1), a view
        best = np.full(time.shape, np.nan, values.dtype)
        for k in encoder.ranking[target] if encoder.ranking else (lags,):
            best = np.where(np.isfinite(best), best, here[..., k])
        here[...] = np.where(np.isfinite(here), here, best[..., None])
    return np.nan_to_num(values), known
