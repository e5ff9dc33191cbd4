"""The level: for each series, step ahead and target the mean of what the frozen answer lacked lately.

    n <- keep n + 1    b <- keep b + e    correction = b / (n + PRIOR),   keep = 1 - 1 / memory

The simplest thing that can follow a shift, and the quickest: it needs a dozen rows where a map of a hundred weights needs a hundred.
"""

from __future__ import annotations

import numpy as np

from ...data.series import Array

PRIOR = 5.0  # rows


class Level:
    """`learn(step, e)` with the pairs of a row; `value` (h, targets) is added to the frozen answer."""

    def __init__(self, h: int, targets: int, memory: float) -> None:
        self.keep = 1 - 1 / memory
        self.n, self.b = np.zeros((h, targets)), np.zeros((h, targets))

    def learn(self, step: Array, e: Array) -> None:
        """step (pairs,) 0..h-1, each once; e (pairs, targets) with NaN for unknown."""
        known = np.isfinite(e)
        self.n[step] = np.where(known, self.keep * self.n[step] + 1, self.n[step])
        self.b[step] = np.where(known, self.keep * self.b[step] + np.nan_to_num(e), self.b[step])

    @property
    def value(self) -> Array:
        return np.asarray(self.b / (self.n + PRIOR))

    def forget(self) -> None:
        """Back to nothing learned."""
        self.n[...] = 0
        self.b[...] = 0
