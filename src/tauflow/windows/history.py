"""The targets' past at even lags: what each was 0, 1, 2, ... strides before an origin, for models that are linear in it.

Between two known values lies a straight line; from the last known value to the origin that value; before the first value the first.
So a weight for "seven strides ago" means the same after a gap, no window is thrown away for rows that are missing, and on rows without
gaps nothing is made up at all. Nothing after the origin is looked at.
"""

from __future__ import annotations

import numpy as np

from ..data.series import Array
from .encoder import Encoder
from .rows import Rows


def history(encoder: Encoder, rows: Rows, number: Array, origin: Array, length: int) -> Array:
    """(N, length, targets) float32, scaled: the targets 0..length - 1 strides before rows `origin` (N,) of series `number` (N,)."""
    wanted = encoder.moments.stride.whole(rows.time[origin][:, None], -np.arange(length), encoder.schema.zone)
    before = np.maximum(origin[:, None] - np.arange(length), rows.start[number][:, None])  # right where rows are even
    away = rows.time[before] != wanted
    if away.any():
        place, lag = np.nonzero(away)
        before[place, lag] = rows.at_or_before(number[place], wanted[place, lag], origin[place])
    after = np.where(away, before + 1, before).clip(max=len(rows.time) - 1)
    out = np.empty((*before.shape, rows.z.shape[1]), np.float32)
    for target in range(rows.z.shape[1]):
        low = rows.last[before, target]  # -1: none so far
        high = np.minimum(rows.following[after, target], rows.last[origin, target][:, None])
        low = np.where(low < 0, high, low)
        out[..., target] = rows.seen(low, target)
        apart = (high > low) & (low >= 0)
        if apart.any():
            begin, end = rows.time[low[apart]], rows.time[high[apart]]
            part = ((wanted[apart] - begin) / (end - begin)).clip(0, 1)
            here = out[..., target]
            here[apart] += part * (rows.seen(high[apart], target) - here[apart])
    return np.nan_to_num(out)


def age(rows: Rows, encoder: Encoder, origin: Array) -> Array:
    """(N, targets) float32: strides since each target was last known; 0 where it never was."""
    last = rows.last[origin]
    passed = (rows.time[origin][:, None] - rows.time[last]) / encoder.step
    return np.where(last < 0, 0.0, passed).astype(np.float32)
