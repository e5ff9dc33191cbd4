"""Which gaps one step can cross: its error against a fine solution, on the states and inputs of given data.

    error(dt) = rms over samples of |step(u_t, dt, h_(t-1)) - exact| / rms of |h|          exact: 64 substeps of order two

A leak's state is only exact while drive and rate stand still; over a long gap they do not. The rms goes over samples and neurons.
`reference_error` is how far 64 substeps are from 32, on the same scale: what the truth itself is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import solvers
from ..errors import StepSizeError
from .motion import Motion
from .proof.certificate import AnalysisError

FINE = 64
SAMPLES = 512  # of the data, evenly spread over it
GRID = 25  # gaps, evenly spread in the logarithm
TRIED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class StepMargin:
    """Errors (n,) of one step, relative to the states, at the gaps dt (n,), in the unit of the data.

    largest           the longest gap within the tolerance; infinite where every gap tried is; zero where none is
    share             of the data's gaps, how many are longer
    substeps          of the cells, so that the longest gap of the data is within it; None where 64 are not enough
    reference_error   of the truth itself, at its largest
    """

    dt: Array
    error: Array
    tolerance: float
    largest: float
    share: float
    substeps: int | None
    reference_error: float

    def frame(self) -> Any:
        """A line a gap; `within` says whether it keeps the tolerance."""
        import pandas as pd

        return pd.DataFrame({"dt": self.dt, "error": self.error, "within": self.error <= self.tolerance})


def step_margin(model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, tolerance: float = 0.01) -> StepMargin:
    """Of a Network, Recurrent, Stack or cell of leaks, along one row of data, x (time, inputs). Other cells have no such error."""
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
    at, scale = row.u[chosen], states.square().mean().sqrt()
    if not scale > 0:
        raise AnalysisError("every state is zero, so an error has no scale: give data that move the network")
    longest = float(gaps.max())
    grid = torch.logspace(np.log10(min(float(gaps.min()), longest / 100)), np.log10(longest), GRID, dtype=torch.float64)
    grid[-1] = longest
    measured = partial(_error, motion, at, before, scale)
    errors = np.array([measured(gap, None) for gap in grid])
    trust = max(_trust(motion, at, before, scale, gap) for gap in (grid[0], grid[-1]))
    largest = _crossing(grid.numpy(), errors, tolerance)
    own = motion.leaks[0].substeps
    enough = (m for m in TRIED if measured(grid[-1], m) <= tolerance)
    return StepMargin(
        grid.numpy() * motion.period,
        errors,
        tolerance,
        largest * motion.period,
        float((gaps > largest).double().mean()),
        next(enough, None) if errors[-1] > tolerance else own,
        trust,
    )


def _error(motion: Motion, u: Tensor, h: Tensor, scale: Tensor, gap: Tensor, substeps: int | None) -> float:
    """Relative error of one step over `gap`, infinite where an explicit solver refuses it. substeps None: the cells' own."""
    try:
        took = _cross(motion, u, h, gap, substeps, None)
    except StepSizeError:
        return float("inf")
    return float((took - _cross(motion, u, h, gap, FINE, "exponential_midpoint")).square().mean().sqrt() / scale)


def _trust(motion: Motion, u: Tensor, h: Tensor, scale: Tensor, gap: Tensor) -> float:
    fine, half = (_cross(motion, u, h, gap, many, "exponential_midpoint") for many in (FINE, FINE // 2))
    return float((fine - half).square().mean().sqrt() / scale)


@torch.no_grad()
def _cross(motion: Motion, u: Tensor, h: Tensor, gap: Tensor, substeps: int | None, solver: str | None) -> Tensor:
    """One step of every layer over the gap; what a layer reads is the new output of the one below, as in a Stack."""
    found = []
    for cell, before in zip(motion.leaks or (), h.split(motion.sizes, dim=1), strict=True):
        leak = partial(cell.leak, cell.project(u))
        t = gap.expand(len(h), 1)
        after = solvers.integrate(solver or cell.solver, leak, before, t, substeps or cell.substeps)
        found.append(after)
        u = cell.output(after)
    return torch.cat(found, dim=1)


def _crossing(gaps: Array, errors: Array, tolerance: float) -> float:
    """The gap at which the error first passes the tolerance, straight in the logarithm between two gaps."""
    beyond = np.flatnonzero(~(errors <= tolerance))
    if not len(beyond):
        return float("inf")
    first = int(beyond[0])
    if first == 0:
        return 0.0
    low, high = errors[first - 1], errors[first]
    if not np.isfinite(high) or low <= 0:
        return float(gaps[first - 1])
    share = np.log(tolerance / low) / np.log(high / low)
    return float(gaps[first - 1] * (gaps[first] / gaps[first - 1]) ** share)
