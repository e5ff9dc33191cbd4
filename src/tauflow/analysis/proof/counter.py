"""Is a network that is not certified unstable? Two states that stay apart under one input are a counter-example.

    opposite and random starts, an input that stands still, time to forget and as much again: do any two states stay apart?

None found proves nothing. One that is found shows that the start is not forgotten: two states of rest, a cycle, chaos, or two states
of a neuron that never leaks. `worst_found` looks for the Jacobian that contracts least, in the norm of the bound: from below, what
`bounds` says from above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...drawing import Colours, Drawn
from ...network.parts.scale import Scale
from ..motion import Motion
from .bounds import bounds
from .certificate import AnalysisError
from .rates import time_constants

STARTS, STEPS, MOST = 4, 300, 3000
APART = 1e-3  # of the box of the states
STAYS = 0.99  # of the distance is left after as much time again
CLIMBS = 60

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class CounterExample(Drawn):
    """Under the input x (inputs,) that stands still, starts that end in the states first and second (state,), after `time`.

    distance   between them at half of that time and then, against the box of the states
    """

    x: Array
    first: Array
    second: Array
    time: float
    distance: tuple[float, float]

    pixels = (440, 240)

    def frame(self) -> Any:
        """A line a state."""
        import pandas as pd

        return pd.DataFrame({"first": self.first, "second": self.second})

    def draw(self, figure: Any, colours: Colours) -> None:
        """Where the two starts ended, neuron by neuron."""
        axes = figure.add_subplot()
        places = np.arange(len(self.first))
        axes.vlines(places, self.first, self.second, color=colours["grid"], linewidth=1)
        for values, colour, name in ((self.first, "liquid1", "one start"), (self.second, "static1", "another")):
            axes.plot(places, values, "o", markersize=4, color=colours[colour], label=name)
        axes.set_xlabel("neuron")
        axes.set_ylabel("state in the end")
        axes.legend()

    @property
    def reason(self) -> str:
        """In a sentence."""
        x = ", ".join(f"{value:.3g}" for value in self.x[:6]) + (", ..." if len(self.x) > 6 else "")
        return (
            f"it does not forget: under the input ({x}) two starts are still {100 * self.distance[1]:.0f} % of their box apart "
            f"after {self.time:.4g} of time"
        )


@torch.no_grad()
def counter_example(
    model: nn.Module, x: Any = None, dt: float | None = None, *, tries: int = 16, seed: int = 0
) -> CounterExample | None:
    """Two states that do not come together, or None where none were found.

    x: inputs to try, (tries, inputs), say of data; unless given, they are drawn around the mean of what the network was measured on,
    the first being the mean itself. dt: the gap of the steps, one unless given.

    >>> cell = tauflow.CTRNN(1, 1, tau=1.0)
    >>> _ = cell.W.data.fill_(3.0)
    >>> found = tauflow.analysis.counter_example(cell)  # a CounterExample
    >>> np.sort([found.first, found.second], axis=0).round(1).tolist()
    [[-1.0], [1.0]]
    """
    motion = Motion(model)
    gap = motion.period if dt is None else float(dt)
    inputs = _drawn(motion, tries, seed) if x is None else torch.as_tensor(x).double()
    if inputs.ndim != 2:
        raise AnalysisError(f"x has shape {tuple(inputs.shape)}, expected (tries, inputs)")
    row = [motion.read(each.expand(64, -1), gap) for each in inputs]
    u = torch.stack([each.u[-1] for each in row]).repeat_interleave(2 * STARTS, dim=0)
    t = row[0].dt[-1].expand(len(u))
    steps = _steps(motion, float(t[0]))
    if steps is None:
        return None
    h = _starts(motion, len(inputs), seed)
    groups, before = _run(motion, u, t, h, steps)
    groups, after = _run(motion, u, t, groups.flatten(0, 1), steps)
    far = torch.where(torch.isfinite(after) & (after > STAYS * before), after, 0)  # not on their way
    place, other = divmod(int(far.argmax()), 2 * STARTS)
    if far[place, other] < APART:
        return None
    first, second = groups[place, [0, other]].numpy()
    at = float(before[place, other]), float(after[place, other])
    return CounterExample(inputs[place].numpy(), first, second, 2 * steps * gap, at)


def _steps(motion: Motion, gap: float) -> int | None:
    """Of half a run: ten times the slowest time constant; None where a network is too slow to wait for."""
    constants = [found[1].max() for layer in motion.layers if (found := time_constants(layer.cell)) is not None]
    slow = min(max((float(each) for each in constants), default=0.0), 1e9)
    slow = 0.0 if slow == 1e9 else slow  # a gate that may close for good
    wanted = int(10 * slow / gap) + 1
    return None if wanted > MOST else max(STEPS, wanted)


def _run(motion: Motion, u: Tensor, t: Tensor, h: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """States (inputs, starts, state), and how far each is from the first, against the box."""
    low, high = box(motion)
    groups = motion.held(u, t, h, steps).unflatten(0, (-1, 2 * STARTS))
    return groups, (groups[:, :1] - groups).norm(dim=2) / (high - low).norm()


def _drawn(motion: Motion, tries: int, seed: int) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    network = motion.network
    count = motion.layers[0].inputs if network is None else network.inputs
    z = 2 * torch.randn(tries, count, generator=made, dtype=torch.float64)
    z[0] = 0
    scale = None if network is None else network.scale
    return z * scale.width + scale.mean if isinstance(scale, Scale) else z


def _starts(motion: Motion, inputs: int, seed: int) -> Tensor:
    """Corners of the box and their opposites, or of a cube of two where there is no box."""
    made = torch.Generator().manual_seed(seed + 1)
    low, high = box(motion)
    side = torch.rand(STARTS, motion.state_size, generator=made, dtype=torch.float64) < 0.5
    side[0] = False
    corners = torch.where(side, low, high)
    return torch.cat([corners, low + high - corners]).repeat(inputs, 1)


def box(motion: Motion) -> tuple[Tensor, Tensor]:
    """The hull of all layers, (low, high), each (state,); within two of zero where a cell has none."""
    low, high = [], []
    for layer in motion.layers:
        hull = layer.cell.hull()
        wide = torch.full((layer.state_size,), 2.0, dtype=torch.float64)
        low.append(-wide if hull is None else hull[0].double())
        high.append(wide if hull is None else hull[1].double())
    return torch.cat(low), torch.cat(high)


def worst_found(model: nn.Module, *, draws: int = 256, seed: int = 0) -> tuple[float, float]:
    """(the proved rate, the smallest rate that was found) of one leak cell, in the norm of the bound, per unit of dt.

    Inputs and states are drawn, then climb the gradient of the logarithmic norm. The truth lies between the two.

    >>> proved, found = tauflow.analysis.worst_found(tauflow.CTRNN(1, 3), draws=4)
    >>> proved <= found + 1e-6
    True
    """
    motion, (layer, *more) = Motion(model), bounds(model).layers
    if more or layer.rate is None or layer.weights is None:
        raise AnalysisError(
            "the worst Jacobian is looked for in one cell that has a bound: give a CTRNN, GatedLTC, LTC or GRUODE"
        )
    made = torch.Generator().manual_seed(seed)
    low, high = box(motion)
    cell: Any = motion.layers[0].cell
    d = torch.from_numpy(layer.weights)
    wild = 10 ** torch.empty(draws, 1, dtype=torch.float64).uniform_(-1, 1.5, generator=made)
    u = (wild * torch.randn(draws, cell.inputs, generator=made, dtype=torch.float64)).requires_grad_()
    place = torch.randn(draws, motion.state_size, generator=made, dtype=torch.float64).requires_grad_()
    climb, worst = torch.optim.Adam([u, place], lr=0.1), -np.inf
    for _ in range(CLIMBS):
        h = low + (high - low) * torch.sigmoid(2 * place)
        mu = _log_norm(_jacobians(motion, u, h), layer.norm, d)
        worst = max(worst, float(mu.detach().max()))
        climb.zero_grad()
        (-mu.sum()).backward()
        climb.step()
    return layer.rate, -worst / motion.period


def _jacobians(motion: Motion, u: Tensor, h: Tensor) -> Tensor:
    """Of the flow, through which gradients pass."""
    flow = torch.func.vmap(torch.func.jacrev(lambda v, s: motion.flow(v[None], s[None])[0], argnums=1))
    found: Tensor = flow(u, h)
    return found


def _log_norm(J: Tensor, norm: str, d: Tensor) -> Tensor:
    scaled = J * d[None, None, :] / d[None, :, None]
    if norm == "2-norm":
        mu: Tensor = torch.linalg.eigvalsh((scaled + scaled.mT) / 2)[:, -1]
    else:
        own = scaled.diagonal(dim1=1, dim2=2)
        mu = (own + scaled.abs().sum(dim=2) - own.abs()).amax(dim=1)
    return mu
