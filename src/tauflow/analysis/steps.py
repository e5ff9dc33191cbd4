"""Which gaps one step can cross: its error against a fine solution, on the states and inputs of given data.

    error(dt) = rms over samples of |step(u_t, dt, h_(t-1)) - exact| / rms of |h|          exact: 64 substeps of order two

A leak's state is only exact while drive and rate stand still; over a long gap they do not. The rms goes over samples and neurons.
`reference_error` is how far 64 substeps are from 32, on the same scale: what the truth itself is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..drawing import Drawn
from ..network.crossing import crossing, grid_of
from .motion import Motion
from .proof.certificate import AnalysisError

SAMPLES = 256  # of the data, evenly spread over it
GRID = 13  # gaps, evenly spread in the logarithm
LIMITS = {"euler": 1.0, "rk4": 2.78}  # dt rate, as solvers.py refuses

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StepMargin(Drawn):
    """Errors (n,) of one step, relative to the states, at the gaps dt (n,), in the unit of the data.

    largest           the longest gap within the tolerance; infinite where every gap tried is; zero where none is
    share             of the data's gaps, how many are longer
    substeps          of the cells, so that the longest gap of the data is within it; None where 64 are not enough
    reference_error   of the truth itself, at its largest
    limit             the longest gap at which an explicit solver keeps to its bound along these data (euler dt rate <= 1, rk4 2.78);
                      infinite for the solvers that keep it always
    """

    picture, pixels = "motion.step_margin", (440, 260)

    dt: Array
    error: Array
    tolerance: float
    largest: float
    share: float
    substeps: int | None
    reference_error: float
    limit: float = float("inf")

    def frame(self) -> Any:
        """A line a gap; `within` says whether it keeps the tolerance."""
        import pandas as pd

        return pd.DataFrame({"dt": self.dt, "error": self.error, "within": self.error <= self.tolerance})


def step_margin(model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, tolerance: float = 0.01) -> StepMargin:
    """Of a Network, Recurrent, Stack or cell of leaks, along one row of data, x (time, inputs). Other cells have no such error.

    >>> cell = tauflow.CTRNN(1, 2, tau=(1.0, 10.0), solver="euler")
    >>> found = tauflow.analysis.step_margin(cell, torch.tensor([[1.0], [-1.0]] * 10), 0.8)  # a StepMargin
    >>> found.share, found.largest < 0.8, round(found.limit, 4)  # all gaps are too long; euler is bounded up to tau
    (1.0, True, 1.0)
    """
    if not 0 < tolerance < np.inf:
        raise AnalysisError(f"tolerance is {tolerance}, expected a share of the state above zero, as 0.01")
    motion = Motion(model)
    if motion.leaks is None:
        raise AnalysisError(
            "only leaks (CTRNN, LTC, GatedLTC, GRUODE) approximate an equation; other cells are what their step is"
        )
    row = motion.read(x, dt, mask)
    gaps = row.dt[row.dt > 0]
    if not len(gaps):
        raise AnalysisError("dt is zero everywhere: there is no gap to cross")
    states = motion.states(row)
    chosen = torch.linspace(0, len(states) - 1, min(SAMPLES, len(states))).long()
    before = torch.cat([motion.initial_state()[None], states[:-1]])[chosen]
    at = row.u[chosen]
    if not states.square().mean() > 0:
        raise AnalysisError("every state is zero, so an error has no scale: give data that move the network")
    scale = float(states.square().mean().sqrt())
    found = crossing(motion.leaks, at, before, scale, grid_of(gaps, GRID), tolerance)
    return StepMargin(
        found.dt * motion.period,
        found.error,
        tolerance,
        found.largest * motion.period,
        float((gaps > found.largest).double().mean()),
        found.substeps,
        found.trust,
        _limit(motion, at, before) * motion.period,
    )


@torch.no_grad()
def _limit(motion: Motion, u: Tensor, h: Tensor) -> float:
    """The longest gap that an explicit solver takes at these states; rates change within a step, so rk4 may refuse shorter ones."""
    longest = float("inf")
    for cell, before in zip(motion.leaks or (), h.split(motion.sizes, dim=1), strict=True):
        if cell.solver in LIMITS:
            rate = cell.leak(cell.project(u), before)[1]
            longest = min(longest, LIMITS[cell.solver] * cell.substeps / float(rate.max()))
        u = cell.output(before)
    return longest
