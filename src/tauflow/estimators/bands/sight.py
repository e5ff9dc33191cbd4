"""What the shape of a band is told of a question, of one target at a time: all of it is known at the origin.

the query       its offset, calendar, what is known ahead, static values, the target's own anchors
the forecast    and what it adds to the last known value
the last rows   the last value, what the target gained over 1, 2, 4 and 8 known rows, and the logarithm of how much it moves, over 2 to 23
time            the gap before the origin, the mean gap, and how long ago the target was last known, in steps, as logarithms
"""

from __future__ import annotations

import numpy as np

from ...data.series import Array
from ...windows.encoder import Encoder

ROWS = 24
SHORT = (1, 2, 4, 8)
MOVES = (2, 6, 12, 23)
STILL = 0.02  # scaled; what moves less counts as still


def width(encoder: Encoder) -> int:
    """How many numbers of a question."""
    targets = len(encoder.schema.targets)
    own = encoder.queries - 2 * encoder.anchors + 2 * (len(encoder.lags) + 1)
    return own + 2 + 1 + len(SHORT) + len(MOVES) + 3 + (targets if targets > 1 else 0)


def sight(encoder: Encoder, batch: dict[str, Array], forecast: Array, target: int) -> Array:
    """(B, h, width) float32 of a batch of windows and scaled forecasts (B, h, targets)."""
    targets = len(encoder.schema.targets)
    query, f = batch["query"], forecast[..., target]
    first, each = encoder.queries - 2 * encoder.anchors, len(encoder.lags) + 1
    own = slice(first + target * each, first + (target + 1) * each)
    flags = slice(own.start + encoder.anchors, own.stop + encoder.anchors)
    rows, last = _last_rows(encoder, batch, target)
    parts = [query[..., :first], query[..., own], query[..., flags], f[..., None], (f - last[:, None])[..., None]]
    which = np.eye(targets, dtype=np.float32)[target] if targets > 1 else np.zeros(0, np.float32)
    shared = np.concatenate([rows, np.broadcast_to(which, (len(f), len(which)))], axis=1)
    parts.append(np.broadcast_to(shared[:, None], (*f.shape, shared.shape[1])))
    return np.concatenate(parts, axis=-1).astype(np.float32)


def _last_rows(encoder: Encoder, batch: dict[str, Array], target: int) -> tuple[Array, Array]:
    """(what is said of the rows (B, ...), the last known value (B,))."""
    schema = encoder.schema
    flag = len(schema.targets) + encoder._width((*schema.past, *schema.future)) + target
    x, dt, mask = (batch[name][:, -ROWS:] for name in ("x", "dt", "mask"))
    count = x.shape[1]
    known = (x[..., flag] > 0.5) & mask
    order = np.argsort(known, axis=1, kind="stable")  # the known ones last, in their order
    value = np.take_along_axis(x[..., target], order, 1)
    there = np.take_along_axis(known, order, 1)
    earliest = value[np.arange(len(value)), np.minimum(count - there.sum(axis=1), count - 1)]
    value = np.where(there, value, earliest[:, None])  # before the first known value: as it
    last = np.where(there[:, -1], value[:, -1], 0.0)
    value = np.where(there[:, -1:], value, 0.0)
    moves = np.abs(np.diff(value, axis=1)) if count > 1 else np.zeros((len(value), 1))
    gained = [last - value[:, max(count - 1 - n, 0)] for n in SHORT]
    moved = [np.log(STILL + moves[:, -n:].mean(axis=1)) for n in MOVES]
    passed = np.where(mask, dt, 0.0)
    after = np.cumsum(passed[:, ::-1], axis=1)[:, ::-1]  # time from before each row up to the origin
    newest = count - 1 - np.argmax(known[:, ::-1], axis=1)
    since = after[np.arange(len(x)), newest] - passed[np.arange(len(x)), newest]
    mean = passed.sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return np.stack([last, *gained, *moved, np.log1p(passed[:, -1]), np.log1p(mean), np.log1p(since)], axis=1), last
