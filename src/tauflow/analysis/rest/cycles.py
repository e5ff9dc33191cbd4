"""What a network turns around under a constant input: states that come back and do not rest.

Starts are run forward until they have forgotten; those that still move are recorded, and

    period    the time after which a state comes nearest to where it was, by a parabola through three samples
    returns   how near every state is to itself a period later, against the size of the turn: a cycle comes back, chaos does not
    exponent  the largest Lyapunov exponent along the turn: about zero for a cycle, above zero for chaos
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
from ..spectrum import from_jacobians
from .fixed_points import random_starts

MOVES = 1e-6  # of its size, that a state moves in a step
SLOWS = 0.8  # of the early steps, that late ones are of a state on its way to rest
CLOSED = 0.05  # how near a cycle comes back, against its size
SAME = 0.05  # periods and sizes of one cycle differ by less

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cycles(Drawn):
    """Of each kind of motion that was found, the most frequent first; arrays (n,), time in the unit of dt.

    period     NaN for what does not come back         size      largest distance from the middle of the turn
    returns    see above                               exponent  with error, half of a 95 % interval
    turns      one recorded run each, (steps, state), `gap` of time between samples
    hits       starts that ended there                 resting   starts that came to rest
    """

    picture, pixels = "rest.cycles", (440, 280)

    period: Array
    size: Array
    returns: Array
    exponent: Array
    error: Array
    turns: tuple[Array, ...]
    hits: NDArray[np.int64]
    resting: int
    gap: float

    def frame(self) -> Any:
        """A line a motion."""
        import pandas as pd

        return pd.DataFrame(
            {name: getattr(self, name) for name in ("period", "size", "returns", "exponent", "error", "hits")}
        )


@torch.no_grad()
def cycles(
    model: nn.Module, x: Any, dt: float | None = None, *, starts: int = 32, steps: int = 2000, seed: int = 0
) -> Cycles:
    """Of a Network, Recurrent, Stack or cell whose input x (inputs,) stands still; `steps` of dt to settle, and as many to look at.

    >>> cell = tauflow.CTRNN(1, 2, tau=1.0)
    >>> cell.W.data = torch.tensor([[2.0, -2.0], [2.0, 2.0]])  # turns, and is held by tanh
    >>> found = tauflow.analysis.cycles(cell, torch.zeros(1), 0.1, starts=4, steps=300)  # Cycles
    >>> found.period.round(1).tolist(), found.hits.tolist(), found.resting
    ([7.5], [4], 0)
    """
    if starts < 1 or steps < 100:
        raise AnalysisError(f"starts is {starts} and steps {steps}, expected one or more, and 100 or more")
    motion = Motion(model)
    gap = motion.period if dt is None else float(dt)
    if not 0 < gap < np.inf:
        raise AnalysisError(f"dt is {dt}, expected a gap above zero")
    row = motion.read(torch.as_tensor(x).double().expand(64, -1), gap)
    u, t = row.u[-1:], row.dt[-1:]
    h = random_starts(motion, starts, seed)
    runs = [motion.held(u.expand(starts, -1), t.expand(starts), h, steps)]
    for _ in range(steps):
        runs.append(motion.step(u.expand(starts, -1), t.expand(starts), runs[-1]))
    path = torch.stack(runs, dim=1)  # (starts, steps + 1, state)
    moved = (path[:, 1:] - path[:, :-1]).norm(dim=2)
    quarter = steps // 4
    early, late = moved[:, :quarter].amax(dim=1), moved[:, -quarter:].amax(dim=1)
    moving = (late > MOVES * path.norm(dim=2).amax(dim=1).clamp(min=1e-12)) & (late > SLOWS * early)
    kinds: list[tuple[float, float, float, Tensor]] = []
    hits: list[int] = []
    for turn in path[moving]:
        period, returns = _period(turn)
        size = float((turn - (turn.amax(dim=0) + turn.amin(dim=0)) / 2).norm(dim=1).max())
        same = [k for k, kind in enumerate(kinds) if _alike(kind[0], kind[1], period * gap, size)]
        if same:
            hits[same[0]] += 1
        else:
            kinds.append((period * gap, size, returns, turn))
            hits.append(1)
    order = sorted(range(len(kinds)), key=lambda k: -hits[k])
    found = [_exponent(motion, u, t, kinds[k][3], gap) for k in order]
    length, width, back = (np.array([kinds[k][j] for k in order], dtype=float) for j in range(3))
    exponent, error = (np.array([each[j] for each in found], dtype=float) for j in range(2))
    turns, counts = tuple(kinds[k][3].numpy() for k in order), np.array([hits[k] for k in order], dtype=np.int64)
    return Cycles(length, width, back, exponent, error, turns, counts, int((~moving).sum()), gap)


def _alike(period: float, size: float, other: float, its_size: float) -> bool:
    both_open = np.isnan(period) and np.isnan(other)
    return bool((both_open or abs(period - other) <= SAME * period) and abs(size - its_size) <= SAME * size)


def _period(turn: Tensor) -> tuple[float, float]:
    """(steps after which the state is back, how near it comes against the size of the turn); NaN where it does not come back."""
    size = float((turn - turn.mean(dim=0)).norm(dim=1).max())
    far = (turn - turn[0]).norm(dim=1)
    away = (far > 0.5 * float(far.max())).nonzero()
    if not len(away):
        return float("nan"), float("inf")
    later = far[int(away[0]) :]
    back = [k for k in range(1, len(later) - 1) if later[k] <= later[k - 1] and later[k] < later[k + 1]]
    near = [k for k in back if later[k] < CLOSED * size + 0.6 * float((turn[1:] - turn[:-1]).norm(dim=1).max())]
    if not near:
        return float("nan"), float(later.min()) / size
    k = near[0]
    a, b, c = (float(later[k + side]) ** 2 for side in (-1, 0, 1))
    period = float(away[0]) + k + 0.5 * (a - c) / (a - 2 * b + c)
    whole, share = divmod(period, 1.0)
    after = torch.lerp(turn[int(whole) : -1], turn[int(whole) + 1 :], share)
    returns = float((after - turn[: len(after)]).norm(dim=1).mean()) / size
    return (period if returns < CLOSED else float("nan")), returns


def _exponent(motion: Motion, u: Tensor, t: Tensor, turn: Tensor, gap: float) -> tuple[float, float]:
    before = turn[:-1]
    J = motion.jacobians(u.expand(len(before), -1), t.expand(len(before)), before)
    found = from_jacobians(J.numpy(), np.full(len(before), gap), motion.state_size, 1, 0.0)
    return float(found.exponents[0]), float(found.error[0])
