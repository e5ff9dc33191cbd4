"""Two opposite starts under the same data: how far apart they are, sample by sample.

    distance_t = |h_t - k_t| / |h_0 - k_0|          h_0, k_0 opposite corners of the box of the states

What the largest Lyapunov exponent says of small differences, this shows of the largest one that there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..drawing import Drawn
from .motion import Motion
from .proof.counter import box

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Meeting(Drawn):
    """time (samples,) since the start, in the unit of dt, and distance (samples,), one at the start.

    halved, gone   the time after which it stays below a half, and below a thousandth; infinite where the data end before
    """

    picture, pixels = "motion.meeting", (440, 260)

    time: Array
    distance: Array

    def _below(self, share: float) -> float:
        above = np.flatnonzero(~(self.distance <= share))
        last = int(above[-1]) if len(above) else 0
        return float(self.time[last + 1]) if last + 1 < len(self.time) else float("inf")

    @property
    def halved(self) -> float:
        return self._below(0.5)

    @property
    def gone(self) -> float:
        return self._below(1e-3)

    def frame(self) -> Any:
        """A line a sample."""
        import pandas as pd

        return pd.DataFrame({"time": self.time, "distance": self.distance})


@torch.no_grad()
def meeting(model: nn.Module, x: Any, dt: Any = None, mask: Any = None) -> Meeting:
    """Of a Network, Recurrent, Stack or cell along one row of data, x (time, inputs).

    >>> cell = tauflow.CTRNN(1, 2, tau=2.0)
    >>> _ = cell.W.data.zero_()
    >>> found = tauflow.analysis.meeting(cell, torch.zeros(50, 1))  # a Meeting
    >>> found.halved, found.gone  # exp(-2 / 2) < 1 / 2, exp(-14 / 2) < 1 / 1000
    (2.0, 14.0)
    """
    motion = Motion(model)
    row = motion.read(x, dt, mask)
    low, high = box(motion)
    one, other = (motion.states(row, start) for start in (low, high))
    apart = (one - other).norm(dim=1) / (high - low).norm()
    time = np.concatenate([[0.0], row.gaps.numpy().cumsum()])
    return Meeting(time, np.concatenate([[1.0], apart.numpy()]))
