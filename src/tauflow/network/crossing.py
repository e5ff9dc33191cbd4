"""Which gaps one step of a leak's solver can cross: its error against a fine solution, on given states and inputs.

    error(dt) = rms of |step(u, dt, h) - exact| / rms of |h|            exact: 64 midpoint steps of dt/64

A leak's state is only exact while drive and rate stand still; over a long gap they do not. The rms goes over samples and neurons.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..cells import LeakCell
from ..errors import StepSizeError
from ..ops.record import states_of
from ..sequence import Recurrent

FINE = 64
TRIED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Crossing:
    """error (n,) at the gaps dt (n,), the longest gap within the tolerance, the substeps that the longest of all needs.

    largest is infinite where every gap is within, zero where none is; substeps is None where 64 are not enough.
    trust: how far 64 substeps are from 32, at its largest: what the truth itself is worth.
    """

    dt: Array
    error: Array
    largest: float
    substeps: int | None
    trust: float


def leaks_of(layers: Sequence[Recurrent] | None) -> list[LeakCell] | None:
    """The cells of layers that are leaks, all of them; None where one is none."""
    found = [layer.cell for layer in layers or () if isinstance(layer.cell, LeakCell)]
    return found if layers and len(found) == len(layers) else None


def grid_of(gaps: Tensor, count: int) -> Tensor:
    """`count` gaps up to the longest, even in the logarithm, from the shortest or a hundredth of the longest."""
    longest = gaps.max()
    grid = torch.logspace(
        float(torch.minimum(gaps.min(), longest / 100).log10()), float(longest.log10()), count, dtype=gaps.dtype
    )
    grid[-1] = longest
    return grid


@torch.no_grad()
def crossing(cells: Sequence[LeakCell], u: Tensor, h: Tensor, scale: float, grid: Tensor, tolerance: float) -> Crossing:
    """Of layers on top of each other: u (samples, width), h (samples, state) before the gap, scale the rms of states, grid (n,) of gaps."""
    count = len(grid)
    exact = [_cross(cells, u, h, gap, FINE, "exponential_midpoint") for gap in grid]

    def error(place: int, substeps: int | None) -> float:
        try:
            took = _cross(cells, u, h, grid[place], substeps, None)
        except StepSizeError:  # an explicit solver refuses it
            return float("inf")
        return float((took - exact[place]).square().mean().sqrt() / scale)

    errors = np.array([error(place, None) for place in range(count)])
    enough = (m for m in TRIED if error(count - 1, m) <= tolerance)
    substeps = next(enough, None) if errors[-1] > tolerance else cells[0].substeps
    half = [_cross(cells, u, h, grid[place], FINE // 2, "exponential_midpoint") for place in (0, -1)]
    trust = max(
        float((exact[place] - other).square().mean().sqrt() / scale) for place, other in zip((0, -1), half, strict=True)
    )
    return Crossing(grid.double().numpy(), errors, _largest(grid.double().numpy(), errors, tolerance), substeps, trust)


def _cross(
    cells: Sequence[LeakCell], u: Tensor, h: Tensor, gap: Tensor, substeps: int | None, solver: str | None
) -> Tensor:
    """One step of every layer over the gap, by the kernels; what a layer reads is the new output of the one below, as in a Stack."""
    found = []
    t = gap.expand(len(h), 1)
    for cell, before in zip(cells, h.split([cell.state_size for cell in cells], dim=1), strict=True):
        after = states_of(_layer(cell, substeps, solver), u[:, None], t, None, before)[:, 0]
        found.append(after)
        u = cell.output(after)
    return torch.cat(found, dim=1)


def _layer(cell: LeakCell, substeps: int | None, solver: str | None) -> Any:
    """The same weights, other steps."""
    same = copy.copy(cell)
    same.solver, same.substeps = solver or cell.solver, substeps or cell.substeps
    return Recurrent(same)


def _largest(gaps: Array, errors: Array, tolerance: float) -> float:
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
