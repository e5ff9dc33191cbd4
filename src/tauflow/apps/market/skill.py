"""How good answers are, with intervals that know that neighbours in time are alike.

R2 = 1 - sum (y - p)^2 / sum (y - mean)^2          mean: of y in the tested rows
skill = 1 - sum (y - p)^2 / sum y^2                y a return: against the random walk, whose forecast is no change

block bootstrap: the tested rows are cut into blocks, so many blocks are drawn again with replacement, and the ratio is formed anew;
the interval is between the quantiles of 2,000 such draws. Source: Künsch 1989.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .seen import Array

DRAWS, SEED = 2000, 12345
FEWEST_BLOCKS = 20


@dataclass(frozen=True)
class Interval:
    value: float
    low: float
    high: float

    def __str__(self) -> str:
        value, low, high = (round(one, 4) + 0.0 for one in (self.value, self.low, self.high))  # no minus before a zero
        return f"{value:+.4f} [{low:+.4f}, {high:+.4f}]"

    @property
    def holds_zero(self) -> bool:
        return self.low <= 0 <= self.high


def r2(y: Array, p: Array) -> float:
    return float(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def skill(y: Array, p: Array) -> float:
    return float(1 - ((y - p) ** 2).sum() / (y**2).sum())


def bootstrapped(top: Array, bottom: Array, block: int, error: float = 0.05) -> tuple[float, float]:
    """The interval of sum top / sum bottom, each (n,); error: how often it may miss."""
    block = max(1, min(block, len(top) // FEWEST_BLOCKS))
    count = len(top) // block
    sums = [a[: count * block].reshape(count, block).sum(axis=1) for a in (top, bottom)]
    drawn = np.random.default_rng(SEED).integers(0, count, (DRAWS, count))
    ratio = sums[0][drawn].sum(axis=1) / np.maximum(sums[1][drawn].sum(axis=1), 1e-300)
    low, high = np.quantile(ratio, [error / 2, 1 - error / 2])
    return float(low), float(high)


def skill_of(y: Array, ps: Array, block: int, error: float = 0.05) -> Interval:
    """The skill of answers (seeds, n): the mean over the seeds, its interval over the rows."""
    loss = ((y - ps) ** 2).mean(axis=0)
    low, high = bootstrapped(y**2 - loss, y**2, block, error)
    return Interval(float((y**2 - loss).sum() / (y**2).sum()), low, high)


def direction_of(y: Array, ps: Array, block: int, error: float = 0.05) -> Interval | None:
    """The share of moves whose sign was right, of the rows that moved and about which something was said; None: of none."""
    moved = y != 0
    said = (ps != 0) & moved
    if not said.any():
        return None
    right = ((np.sign(ps) == np.sign(y)) & said).mean(axis=0)
    asked = said.mean(axis=0)
    low, high = bootstrapped(right, asked, block, error)
    return Interval(float(right.sum() / asked.sum()), low, high)
