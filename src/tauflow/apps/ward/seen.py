"""What models see of a stay: a table of steps for networks, and summaries for whoever can't read sequences.

steps       a step for each 2 h in which something was measured, the last value of each variable, NaN where there is none; dt in hours
score       value -> normal score of its rank among the values of the learning part: heavy tails and odd units do no harm
            score(v) = Phi^-1(share of the learning values below v), within +-2.5
summary     of each variable: how often, last, mean, least, greatest, first, deviation, last - first; and what is known once

Scales come from the stays that are learned from, never from others.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .stays import UNITS, Stays

Array = NDArray[Any]
STEP, STEPS = 2.0, 24  # hours of a step; steps that are kept, the last ones
BOUND, KNOTS = 2.5, 65
EVEN = np.linspace(0.5 / KNOTS, 1 - 0.5 / KNOTS, KNOTS)
NORMAL = np.clip([NormalDist().inv_cdf(p) for p in EVEN], -BOUND, BOUND)


@dataclass(frozen=True, eq=False)
class Seen:
    """x (n, steps, 37), dt and mask (n, steps), once (n, 7), summary (n, 296 + 7), in raw units; y (n,) 1 = died."""

    x: Array
    dt: Array
    mask: Array
    once: Array
    summary: Array
    y: Array

    def part(self, index: Array) -> Seen:
        return Seen(**{name: value[index] for name, value in vars(self).items()})

    def __len__(self) -> int:
        return len(self.y)


def seen(stays: Stays) -> Seen:
    """All that models see, before any scale."""
    rows = [steps(values, times) for values, times in zip(stays.values, stays.times, strict=True)]
    x, dt, mask = (np.stack(part) for part in zip(*rows, strict=True))
    unit = np.nan_to_num(stays.once[:, 3:], nan=0) == np.arange(1, len(UNITS) + 1)
    once = np.concatenate([stays.once[:, :3], unit], axis=1).astype(np.float32)
    summary = np.concatenate([np.stack([summarised(one) for one in stays.values]), once], axis=1)
    return Seen(x, dt, mask, once, summary, stays.died.astype(np.int64))


def steps(values: Array, times: Array) -> tuple[Array, Array, Array]:
    """x (steps, 37), dt (steps,) in hours, mask (steps,): which are real, from the first on."""
    cells, place = np.unique(np.floor(times / STEP + 1e-6), return_inverse=True)
    x = np.full((len(cells), values.shape[1]), np.nan, np.float32)
    row, column = np.nonzero(np.isfinite(values))  # in the order of time, so the last value of a step stays
    x[place[row], column] = values[row, column]
    at = STEP * cells
    kept = min(len(cells), STEPS)
    dt = np.diff(at, prepend=-STEP)[-kept:]
    pad = STEPS - kept
    return (
        np.concatenate([x[-kept:], np.full((pad, x.shape[1]), np.nan, np.float32)]),
        np.concatenate([dt, np.zeros(pad)]).astype(np.float32),
        np.arange(STEPS) < kept,
    )


def summarised(values: Array) -> Array:
    """(stamps, 37) -> (37 * 8,), the figures of a variable side by side."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    filled = np.where(known, values, 0).astype(np.float64)
    shared = np.maximum(count, 1)
    mean = filled.sum(axis=0) / shared
    columns = np.arange(values.shape[1])
    first = values[known.argmax(axis=0), columns]
    last = values[len(values) - 1 - known[::-1].argmax(axis=0), columns]
    deviation = np.sqrt((np.where(known, values - mean, 0) ** 2).sum(axis=0) / shared)
    low, high = np.where(known, values, np.inf).min(axis=0), np.where(known, values, -np.inf).max(axis=0)
    figures = np.stack([last, mean, low, high, first, deviation, last - first], axis=1)
    figures = np.where(count[:, None] > 0, figures, np.nan)
    return np.concatenate([count[:, None], figures], axis=1).reshape(-1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Scores:
    """knots (columns, 65): evenly spaced quantiles of each column; a column that was never measured scores 0."""

    knots: Array

    def __call__(self, x: Array) -> Array:
        """x (..., columns) -> normal scores, NaN where x is."""
        out = np.full(x.shape, np.nan, np.float32)
        for k, knots in enumerate(self.knots):
            known = np.isfinite(x[..., k])
            if np.isfinite(knots[0]) and knots[0] < knots[-1]:
                # equal quantiles make a step; the mean of its two ends is the score of the middle rank
                v = x[..., k][known]
                below = _at(knots, v, "left")
                out[..., k][known] = (below + _at(knots, v, "right")) / 2
            else:
                out[..., k][known] = 0.0 if not np.isfinite(knots[0]) else np.sign(x[..., k][known] - knots[0])
        return out


def _at(knots: Array, v: Array, side: Any) -> Array:
    """Scores on the line through the knots; where several knots are equal, at the lowest or the highest of them."""
    place = np.searchsorted(knots, v, side=side)
    low = np.clip(place - 1, 0, KNOTS - 1)
    high = np.clip(place, 0, KNOTS - 1)
    width = knots[high] - knots[low]
    share = np.where(width > 0, (v - knots[low]) / np.where(width > 0, width, 1), 0.0 if side == "right" else 1.0)
    return np.asarray(NORMAL[low] + np.clip(share, 0, 1) * (NORMAL[high] - NORMAL[low]))


def learn_scores(x: Array) -> Scores:
    """From columns (..., columns) of the learning part."""
    flat = x.reshape(-1, x.shape[-1])
    knots = np.full((flat.shape[1], KNOTS), np.nan)
    for k in range(flat.shape[1]):
        known = flat[:, k][np.isfinite(flat[:, k])]
        if len(known):
            knots[k] = np.quantile(known.astype(np.float64), EVEN)
    return Scores(knots)


@dataclass(frozen=True, eq=False)
class Scaled:
    """Scores of steps, of what is known once, and of summaries; what is unknown once is the middle, 0."""

    steps: Scores
    once: Scores
    summary: Scores

    def tensors(self, some: Seen) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x with NaN, dt, mask, once, for a network."""
        return (
            torch.from_numpy(self.steps(some.x)),
            torch.from_numpy(some.dt),
            torch.from_numpy(some.mask),
            torch.from_numpy(self.known_once(some)),
        )

    def known_once(self, some: Seen) -> Array:
        """(n, 7): scores of age, sex and height, and 0 or 1 for each unit."""
        scores = np.nan_to_num(self.once(some.once[:, :3]))
        return np.concatenate([scores, some.once[:, 3:]], axis=1).astype(np.float32)

    def table(self, some: Seen) -> Array:
        """(n, 303) of summaries without NaN."""
        return np.nan_to_num(self.summary(some.summary))


def learn_scale(some: Seen) -> Scaled:
    return Scaled(learn_scores(some.x[some.mask]), learn_scores(some.once[:, :3]), learn_scores(some.summary))
