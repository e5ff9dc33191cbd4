"""What models see of a stay: a table of steps for networks, and summaries for whoever can't read sequences.

steps       a step for each 2 h in which something was measured, the last value of each variable, NaN where there is none; dt in hours
once        age, sex, height and unit (a column of 0 and 1 each) stand in the first step
summary     of each variable: how often, last, mean, least, greatest, first, deviation, last - first; and what is known once
score       a summary -> the normal score of its rank among the stays that are learned from, 0 where there is none (see network.Ranks)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...network import Ranks
from .stays import UNITS, VARIABLES, Stays

Array = NDArray[Any]
STEP, STEPS = 2.0, 24  # hours of a step; steps that are kept, the last ones
INPUTS = (*VARIABLES, "Age", "Gender", "Height", *UNITS)


@dataclass(frozen=True, eq=False)
class Seen:
    """x (n, steps, 44), dt and mask (n, steps), summary (n, 296 + 7), in raw units; y (n,) 1 = died."""

    x: Array
    dt: Array
    mask: Array
    summary: Array
    y: Array

    def part(self, index: Array) -> Seen:
        return Seen(**{name: value[index] for name, value in vars(self).items()})

    def __len__(self) -> int:
        return len(self.y)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """x with NaN, dt, mask, for a network."""
        return torch.from_numpy(self.x), torch.from_numpy(self.dt), torch.from_numpy(self.mask)


def seen(stays: Stays) -> Seen:
    """All that models see, before any scale."""
    rows = [steps(values, times) for values, times in zip(stays.values, stays.times, strict=True)]
    x, dt, mask = (np.stack(part) for part in zip(*rows, strict=True))
    unit = np.nan_to_num(stays.once[:, 3:], nan=0) == np.arange(1, len(UNITS) + 1)
    once = np.concatenate([stays.once[:, :3], unit], axis=1).astype(np.float32)
    begin = np.full((*x.shape[:2], once.shape[1]), np.nan, np.float32)
    begin[:, 0] = once
    summary = np.concatenate([np.stack([summarised(one) for one in stays.values]), once], axis=1)
    return Seen(np.concatenate([x, begin], axis=2), dt, mask, summary, stays.died.astype(np.int64))


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


def ranks_of(x: Array) -> Ranks:
    """The scale of columns (..., columns) of the learning part."""
    made = Ranks(x.shape[-1])
    made.measure(torch.from_numpy(x.reshape(-1, x.shape[-1])))
    return made


def scores(scale: Ranks, x: Array) -> Array:
    """Normal scores without NaN, and how far each is from the middle, side by side: both ends of a scale can be bad."""
    found = np.nan_to_num(scale(torch.from_numpy(x)).numpy())
    return np.concatenate([found, np.abs(found)], axis=-1)
