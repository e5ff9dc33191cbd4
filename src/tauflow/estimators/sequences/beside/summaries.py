"""Summaries: what a statistician would write down of a sequence; they stand beside the state, and a straight line on them is a rival.

    of each channel, over its measured samples:  how often log(1 + n), first, last, mean, deviation, least, most, slope
    a rectangle of at most 64 samples also:      the samples themselves

slope = sum (t - mean t)(x - mean x) / sum (t - mean t)^2. What was never measured is NaN here and the mean of the training data, 0, after
the scaling. `Running` gives the same numbers sample by sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ....data.sequences import Array, Sequences

NAMES = ("count", "first", "last", "mean", "deviation", "least", "most", "slope")
SHORT = 64  # samples of a rectangle that are features by themselves


def summaries(found: Sequences, gaps: list[Array]) -> Array:
    """(n, features) of sequences; gaps[i] (time_i,) since the sample before."""
    rows = []
    for values, dt in zip(found.values, gaps, strict=True):
        running = Running(found.channels)
        running.add_all(values, np.cumsum(dt))
        row = running.features()
        rows.append(np.concatenate([row, values[:, 0]]) if is_short(found) else row)
    return np.stack(rows)


def is_short(found: Sequences) -> bool:
    """Whether the samples themselves are features."""
    return found.kind == "rectangle" and len(found.values[0]) <= SHORT


class Running:
    """Sums of each channel, from which the summaries of what came so far are made."""

    def __init__(self, channels: int) -> None:
        self.count = np.zeros(channels)
        self.first, self.last = np.full(channels, np.nan), np.full(channels, np.nan)
        self.least, self.most = np.full(channels, np.inf), np.full(channels, -np.inf)
        self.sums = np.zeros((5, channels))  # of x, x^2, t, t^2, t x, each from the channel's first value and time
        self.start = np.zeros(channels)

    def add(self, x: Array, t: float) -> None:
        """One sample x (channels,) at time t."""
        self.add_all(x[None], np.array([t]))

    def add_all(self, x: Array, t: Array) -> None:
        """Samples x (time, channels) at times t (time,)."""
        known = ~np.isnan(x)
        some = known.any(axis=0)
        here, there = known.argmax(axis=0), len(x) - 1 - known[::-1].argmax(axis=0)
        columns = np.arange(x.shape[1])
        new = some & (self.count == 0)
        self.first = np.where(new, x[here, columns], self.first)
        self.start = np.where(new, t[here], self.start)
        self.last = np.where(some, x[there, columns], self.last)
        self.least = np.fmin(self.least, np.where(known, x, np.inf).min(axis=0))
        self.most = np.fmax(self.most, np.where(known, x, -np.inf).max(axis=0))
        far = np.where(known, x - np.where(np.isnan(self.first), 0, self.first), 0)
        when = np.where(known, t[:, None] - self.start, 0)
        self.sums = self.sums + np.stack([far, far**2, when, when**2, when * far]).sum(axis=1)
        self.count = self.count + known.sum(axis=0)

    def features(self) -> Array:
        """(8 * channels,) in the order of NAMES, channel after channel within each."""
        n = np.maximum(self.count, 1)
        far, square, when, when2, both = self.sums / n
        deviation = np.sqrt(np.maximum(square - far**2, 0))
        spread = when2 - when**2
        slope = np.where(
            spread > 1e-12 * np.maximum(when2, 1e-300), (both - when * far) / np.where(spread > 0, spread, 1), 0
        )
        never = self.count == 0
        told: list[Any] = [self.first, self.last, self.first + far, deviation, self.least, self.most, slope]
        return np.concatenate([np.log1p(self.count), *(np.where(never, np.nan, one) for one in told)])
