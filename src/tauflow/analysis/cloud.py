"""The cloud of eigenvalues along data: how each direction of the state would move, were the moment to last.

    leaks          eigenvalues of d flow / d h                 other cells    log(eigenvalues of d step / d h) / dt

real   how fast it dies (left of zero) or grows, 1 / time        imaginary   how fast it turns, radians per unit of time

A moment does not last, so what lies right of zero at times is not yet unstable: the exponents of `spectrum` are the mean that counts.
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
from .proof.certificate import AnalysisError

SAMPLES = 100
SMALLEST = 1e-12  # of an eigenvalue of a step: what it forgets wholly

Array = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Eigenvalues(Drawn):
    """values (samples, state), complex, in 1 / the unit of dt; time (samples,): when."""

    picture, pixels = "motion.eigenvalues", (440, 300)

    values: Array
    time: NDArray[np.float64]

    @property
    def right(self) -> float:
        """The share of the moments at which some direction grows."""
        return float((self.values.real > 0).any(axis=1).mean())

    @property
    def sentence(self) -> str:
        """What is seen."""
        slowest = float(self.values.real.max())
        grows = (
            f"at {100 * self.right:.0f} % of the moments some direction grows"
            if self.right
            else "every direction dies at every moment"
        )
        return f"{grows}; the rightmost eigenvalue is {slowest:.3g} per unit of time"

    def frame(self) -> Any:
        """A line an eigenvalue."""
        import pandas as pd

        time = np.repeat(self.time, self.values.shape[1])
        return pd.DataFrame({"time": time, "real": self.values.real.ravel(), "imaginary": self.values.imag.ravel()})


@torch.no_grad()
def eigenvalues(model: nn.Module, x: Any, dt: Any = None, mask: Any = None, *, samples: int = SAMPLES) -> Eigenvalues:
    """Of a Network, Recurrent, Stack or cell at samples spread over one row of data, x (time, inputs).

    >>> cell = tauflow.CTRNN(1, 2, tau=(2.0, 4.0))
    >>> _ = cell.W.data.zero_()
    >>> found = tauflow.analysis.eigenvalues(cell, torch.zeros(5, 1))  # Eigenvalues
    >>> found.values.shape, np.sort(found.values[0].real).round(4).tolist()
    ((5, 2), [-0.5, -0.25])
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise AnalysisError(f"samples is {samples!r}, expected a whole number >= 1")
    motion = Motion(model)
    row = motion.read(x, dt, mask)
    moves = torch.arange(len(row.dt)) if motion.leaks is not None else (row.dt > 0).nonzero()[:, 0]
    if not len(moves):
        raise AnalysisError("dt is zero everywhere: no time passes in which a state could move")
    chosen = moves[torch.linspace(0, len(moves) - 1, min(samples, len(moves))).long()]
    states = motion.states(row)
    before = torch.cat([motion.initial_state()[None], states[:-1]])[chosen]
    if motion.leaks is not None:
        values = torch.linalg.eigvals(motion.flow_jacobians(row.u[chosen], before)) / motion.period
    else:
        steps = torch.linalg.eigvals(motion.jacobians(row.u[chosen], row.dt[chosen], before))
        size = steps.abs().clamp(min=SMALLEST)
        values = torch.complex(size.log(), steps.angle()) / row.gaps[chosen][:, None]
    return Eigenvalues(values.numpy(), row.gaps.cumsum(dim=0)[chosen].numpy())
