"""How the states of rest move, appear and vanish while one input goes from low to high: the bifurcation diagram.

At each value the states of rest are looked for anew, the ones found before among the starts, so that a branch is followed and a new
one is met. A change of their number, or of a state's stability, is a bifurcation; it lies between two values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...drawing import Drawn
from ..motion import Motion
from ..proof.certificate import AnalysisError
from .fixed_points import fixed_points

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Bifurcation(Drawn):
    """A line a state of rest: value (n,) of the input, states (n, state), growth or factor as `fixed_points` has it, stable (n,).

    shown (n,)    the answer of a network at rest there, or the state along its main direction; `axis` says which
    changes       (low, high, states before, states after) of each bifurcation that was crossed; states as (stable, unstable)
    """

    picture, pixels = "rest.bifurcation", (440, 300)

    name: str
    axis: str
    value: Array
    states: Array
    growth: Array
    factor: Array
    stable: NDArray[np.bool_]
    shown: Array
    changes: tuple[tuple[float, float, tuple[int, int], tuple[int, int]], ...]

    def frame(self) -> Any:
        """A line a state of rest."""
        import pandas as pd

        columns = {name: getattr(self, name) for name in ("stable", "growth", "factor", "shown")}
        return pd.DataFrame({self.name: self.value} | columns)


def bifurcation(
    model: nn.Module,
    x: Any,
    along: int | str,
    values: Sequence[float] | Array,
    dt: float | None = None,
    *,
    starts: int = 64,
    seed: int = 0,
) -> Bifurcation:
    """Of x (inputs,), while its input `along`, a number or a name, takes the values; each other input stands still.

    >>> cell = tauflow.CTRNN(1, 1, tau=1.0)
    >>> _ = cell.W.data.fill_(3.0), cell.U.data.fill_(1.0), cell.b.data.zero_()
    >>> found = tauflow.analysis.bifurcation(cell, torch.zeros(1), along=0, values=[0.0, 1.0, 2.0, 3.0], starts=16)
    >>> found.changes  # low, high, states before and after, (stable, unstable); a Bifurcation
    ((1.0, 2.0, (2, 1), (1, 0)),)
    """
    motion = Motion(model)
    names = motion.network.input_names if motion.network is not None else [f"x{i}" for i in range(len(x))]
    number = names.index(along) if along in names else along
    if not isinstance(number, int) or not 0 <= number < len(x):
        raise AnalysisError(f"along is {along!r}, expected an input: one of {', '.join(names)}")
    if len(values) < 2 or not np.isfinite(values).all():
        raise AnalysisError(f"values is {values!r}, expected two or more numbers")
    lines, met, counts = [], None, []
    for value in values:
        at = torch.as_tensor(x).double().clone()
        at[number] = float(value)
        found = fixed_points(motion.model, at, dt, starts=starts, states=met, seed=seed)
        met = found.states
        counts.append((int(found.stable.sum()), int((~found.stable).sum())))
        lines += [
            (float(value), found.states[k], found.growth[k], found.factor[k], found.stable[k])
            for k in range(len(found.states))
        ]
    columns = [np.array([line[k] for line in lines]) for k in range(5)]
    states = columns[1].reshape(len(lines), motion.state_size)
    shown, axis = _shown(motion, states)
    changes = tuple(
        (float(values[k]), float(values[k + 1]), counts[k], counts[k + 1])
        for k in range(len(counts) - 1)
        if counts[k] != counts[k + 1]
    )
    return Bifurcation(
        names[number], axis, columns[0], states, columns[2], columns[3], columns[4].astype(bool), shown, changes
    )


@torch.no_grad()
def _shown(motion: Motion, states: Array) -> tuple[Array, str]:
    """One number a state to draw: the first answer, where state and answer belong together, or the main direction."""
    network = motion.network
    if network is not None and network.pool is None and network.static == 0 and not network.sees_input and len(states):
        h = torch.from_numpy(states).split(motion.sizes, dim=1)[-1]
        y = network.head(network.readout(motion.layers[-1].cell.output(h)[:, None], h.new_empty(len(h), 1, 0), None))
        return y[:, 0, 0].numpy(), network.output_names[0]
    if not len(states):
        return np.empty(0), "state"
    middle = states - states.mean(axis=0)
    direction = np.linalg.svd(middle, full_matrices=False)[2][0]
    return states @ direction, "state along its main direction"
