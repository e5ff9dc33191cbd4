"""Where a network rests under a constant input, and which of these states hold.

    F(h) = 0,   F(h) = drive - rate h for leaks, step(h) - h for other cells          h <- h - s J^-1 F(h),   J = dF/dh

    s   halved until |F| falls: damped Newton, from many starts at once

A state holds (is stable) if all eigenvalues of the flow's Jacobian have a negative real part, those of the step's are below one in size.
Newton finds saddles as gladly as attractors, and from the middle of the cube of a large network only saddles: so half of the starts are
run forward first. That all are found can't be known; `hits` says how many starts ended in each. Source: Sussillo and Barak 2013.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...drawing import Drawn
from ..motion import Motion
from ..proof.certificate import AnalysisError
from ..proof.counter import box

FORWARD = 300  # steps that half of the starts are run
ITERATIONS, HALVINGS = 80, 12
RESTS = 1e-10  # |F| of a state that rests, against its size
SAME = 1e-5  # how near two states are one, against their size

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FixedPoints(Drawn):
    """States (n, state), the nearest to zero first, each with the residual |F| that is left there, the stated error.

    growth (n,)     largest real part of the flow's eigenvalues, per unit of dt; NaN for cells that are no leaks
    factor (n,)     largest size of the step's eigenvalues
    stable (n,)     growth < 0, or factor < 1 for cells that are no leaks
    hits (n,)       starts that ended here; lost: starts that ended nowhere
    """

    picture, pixels = "rest.fixed_points", (440, 300)

    states: Array
    residual: Array
    growth: Array
    factor: Array
    stable: NDArray[np.bool_]
    hits: NDArray[np.int64]
    lost: int

    def frame(self) -> Any:
        """A line a state."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("stable", "growth", "factor", "hits", "residual")}
        return pd.DataFrame(columns | {f"h{i}": self.states[:, i] for i in range(self.states.shape[1])})


def fixed_points(
    model: nn.Module, x: Any, dt: float | None = None, *, starts: int = 256, states: Any = None, seed: int = 0
) -> FixedPoints:
    """Of a Network, Recurrent, Stack or cell whose input x (inputs,) stands still; dt is the gap of its steps, one unless given.

    states (n, state): states that were met on data, as further starts. The same seed gives the same starts.

    >>> cell = tauflow.CTRNN(1, 1, tau=1.0)
    >>> _ = cell.W.data.fill_(3.0), cell.b.data.zero_()
    >>> found = tauflow.analysis.fixed_points(cell, torch.zeros(1))  # FixedPoints
    >>> abs(found.states).round(2).tolist(), found.stable.tolist()  # one at rest on each side
    ([[0.0], [0.99], [0.99]], [False, True, True])
    """
    if starts < 2:
        raise AnalysisError(f"starts is {starts}, expected 2 or more")
    motion = Motion(model)
    gap = motion.period if dt is None else float(dt)
    if not 0 < gap < np.inf:
        raise AnalysisError(f"dt is {dt}, expected a gap above zero")
    x = torch.as_tensor(x).double()
    row = motion.read(x.expand(64, -1), gap)  # as long as what stands before the core may look back
    u, t = row.u[-1], row.dt[-1]
    h = _starts(motion, u, t, starts, seed)
    if states is not None:
        h = torch.cat([h, torch.as_tensor(states).double()])
    h, residual = _newton(motion, u, t, h)
    scale = h.norm(dim=1).clamp(min=1.0)
    rests = residual <= RESTS * scale * max(1.0, motion.state_size**0.5)
    points, hits = _distinct(h[rests])
    return _judged(motion, u, t, points, hits, int((~rests).sum()))


def random_starts(motion: Motion, starts: int, seed: int) -> Tensor:
    """States all over the box, (starts, state)."""
    low, high = box(motion)
    made = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(starts, motion.state_size, generator=made, dtype=torch.float64)


def _starts(motion: Motion, u: Tensor, t: Tensor, starts: int, seed: int) -> Tensor:
    """Over the hull, where there is one; half of them then run forward."""
    h = random_starts(motion, starts, seed)
    run = h[: starts // 2]
    run = motion.held(u.expand(len(run), -1), t.expand(len(run)), run, FORWARD)
    return torch.cat([torch.where(torch.isfinite(run), run, h[: starts // 2]), h[starts // 2 :]])


def _residuals(motion: Motion, u: Tensor, t: Tensor, h: Tensor) -> Tensor:
    many = u.expand(len(h), -1)
    return motion.flow(many, h) if motion.leaks is not None else motion.step(many, t.expand(len(h)), h) - h


def _slopes(motion: Motion, u: Tensor, t: Tensor, h: Tensor) -> Tensor:
    many = u.expand(len(h), -1)
    if motion.leaks is not None:
        return motion.flow_jacobians(many, h)
    return motion.jacobians(many, t.expand(len(h)), h) - torch.eye(h.shape[1], dtype=h.dtype)


def _newton(motion: Motion, u: Tensor, t: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """All starts at once; what rests already stays."""
    F = _residuals(motion, u, t, h)
    for _ in range(ITERATIONS):
        moving = (F.norm(dim=1) > 1e-14).nonzero()[:, 0]
        if not len(moving):
            break
        at, value = h[moving], F[moving]
        J = _slopes(motion, u, t, at)
        towards = torch.linalg.lstsq(J, -value[:, :, None], driver="gelsd").solution[:, :, 0]
        size = torch.ones(len(at), 1, dtype=h.dtype)
        for _ in range(HALVINGS):
            new = _residuals(motion, u, t, at + size * towards)
            worse = ~(new.norm(dim=1) <= (1 - 1e-4 * size[:, 0]) * value.norm(dim=1))
            if not worse.any():
                break
            size[worse] /= 2
        better = ~worse
        if not better.any():
            break
        h[moving[better]], F[moving[better]] = (at + size * towards)[better], new[better]
    return h, F.norm(dim=1)


def _distinct(h: Tensor) -> tuple[Tensor, list[int]]:
    points: list[Tensor] = []
    hits: list[int] = []
    for state in h:
        near = [i for i, point in enumerate(points) if (state - point).norm() <= SAME * max(1.0, float(point.norm()))]
        if near:
            hits[near[0]] += 1
        else:
            points.append(state)
            hits.append(1)
    order = sorted(range(len(points)), key=lambda i: float(points[i].norm()))
    return torch.stack([points[i] for i in order]) if points else h[:0], [hits[i] for i in order]


def _judged(motion: Motion, u: Tensor, t: Tensor, points: Tensor, hits: list[int], lost: int) -> FixedPoints:
    count = len(points)
    growth, factor, residual = torch.full((count,), torch.nan), torch.zeros(count), torch.zeros(count)
    if count:
        many = u.expand(count, -1)
        residual = _residuals(motion, u, t, points).norm(dim=1)
        factor = torch.linalg.eigvals(motion.jacobians(many, t.expand(count), points)).abs().amax(dim=1)
        if motion.leaks is not None:
            growth = torch.linalg.eigvals(motion.flow_jacobians(many, points)).real.amax(dim=1) / motion.period
    stable = growth < 0 if motion.leaks is not None else factor < 1
    state, left, grows, shrinks = (each.double().numpy() for each in (points, residual, growth, factor))
    return FixedPoints(state, left, grows, shrinks, stable.numpy(), np.array(hits, dtype=np.int64), lost)
