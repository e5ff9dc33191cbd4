"""Pruning: leave out what the answers do not need, with the loss measured before and after.

    importance_i = loss(network without neuron i) - loss(network)        synapses: the mean size of the current that they carry

The least important go first, as many as the loss allows (found by halving). What they told the others on average stays, as biases or
leaks (see `smaller`). Nothing is trained: `tauflow.fit` a few epochs more, if you wish.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...cells.ltc import LTC
from ...drawing import Colours, Drawn
from ...errors import ShapeError
from ...network import Network
from ...sequence import copy_of
from ..question import ExplanationError
from .smaller import cell_of, without_neurons, without_synapses

Loss = Callable[[Tensor, Tensor], Tensor]
Make = Callable[[list[int]], Network]  # a network with these parts alone


@dataclass(frozen=True, eq=False)
class Pruned(Drawn):
    """network: the smaller one. kept: which neurons, or how many synapses, are left. before, after: the loss on the data."""

    network: Network
    what: str
    kept: tuple[int, ...]
    of: int
    before: float
    after: float
    parameters: tuple[int, int]

    pixels = (440, 220)

    @property
    def sentence(self) -> str:
        return self.words()

    def frame(self) -> Any:
        """Two lines: before and after."""
        import pandas as pd

        counts = {"parts": (self.of, len(self.kept)), "parameters": self.parameters, "loss": (self.before, self.after)}
        return pd.DataFrame(counts, index=pd.Index(("before", "after"), name="network"))

    def draw(self, figure: Any, colours: Colours) -> None:
        """What is left, of all: parts, parameters, loss."""
        axes = figure.add_subplot()
        left = [
            len(self.kept) / max(self.of, 1),
            self.parameters[1] / max(self.parameters[0], 1),
            self.after / (self.before or 1.0),
        ]
        axes.barh(
            [0, -1, -2],
            [100 * share for share in left],
            height=0.6,
            color=[colours[name] for name in ("liquid1", "liquid1", "static1")],
        )
        axes.axvline(100, color=colours["muted"], linewidth=1, linestyle=(0, (3, 3)))
        axes.set_yticks([0, -1, -2], [self.what, "parameters", "loss"])
        axes.tick_params("y", labelcolor=colours["ink"])
        axes.grid(False)
        axes.set_xlabel("% of what it was before")

    def words(self) -> str:
        """What went and what it cost, in a sentence."""
        change = (
            "as good as before" if self.after <= self.before else f"{100 * (self.after / self.before - 1):.1f} % worse"
        )
        return (
            f"{self.of - len(self.kept)} of {self.of} {self.what} left out, {self.parameters[0]:,} parameters -> "
            f"{self.parameters[1]:,}: the loss is {change} ({self.before:.4g} -> {self.after:.4g})"
        )


@torch.no_grad()
def prune(
    network: Network,
    x: Any,
    y: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    static: Any = None,
    worse: float = 0.02,
    loss: Loss | None = None,
) -> Pruned:
    """A smaller network whose loss on x (batch, time, inputs), y is worse by a share of at most `worse`. Yours stays as it is.

    A network of LTC loses synapses, one of another cell neurons; give data that it was not trained on. loss(answers, y): that of the
    head unless given.

    >>> network, x = tauflow.Network(2, 1, "ctrnn", units=3), torch.rand(4, 6, 2)
    >>> found = tauflow.explain.prune(network, x, torch.rand(4, 6, 1), worse=0.5)  # Pruned
    >>> found.what, found.of, found.after <= 1.5 * found.before
    ('neurons', 3, True)
    """
    if not 0 <= worse < float("inf"):
        raise ExplanationError(f"worse is {worse!r}, expected a share >= 0: 0.02 lets the loss grow by 2 %")
    cell = cell_of(network)
    still = copy_of(network).double().eval()
    x = torch.as_tensor(x).detach().double()
    if x.ndim != 3 or 0 in x.shape:
        raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, time, inputs)")
    target = torch.as_tensor(y)
    target = target.double() if target.is_floating_point() else target
    gaps = None if dt is None else torch.as_tensor(dt).detach().double()
    real = None if mask is None else torch.as_tensor(mask)
    given = None if static is None else torch.as_tensor(static).detach().double()

    def judged(one: Network) -> float:
        answer, _ = one.eval()(x, gaps, real, static=given)
        return float(
            loss(answer, target) if loss is not None else one.loss(answer, target, real if answer.ndim == 3 else None)
        )

    before = judged(still)
    run = (still, x, gaps, real, given)
    of, make, importance = (
        _synapses(*run) if isinstance(cell, LTC) else _neurons(*run, lambda one: judged(one) - before)
    )
    order = np.argsort(importance, kind="stable").tolist()

    def left(gone: int) -> Network:
        return make(sorted(order[gone:]))

    allowed = before + worse * abs(before)
    low, high, best, after = 0, of - 1, still, before
    while low < high:
        gone = (low + high + 1) // 2
        less = left(gone)
        found = judged(less)
        if found <= allowed:
            low, best, after = gone, less, found
        else:
            high = gone - 1
    dtype = next(network.parameters()).dtype
    made = copy_of(network) if low == 0 else best.to(dtype).train(network.training)
    return Pruned(
        made, "synapses" if isinstance(cell, LTC) else "neurons", tuple(sorted(order[low:])), of, before, after,
        (_count(network), _count(made)),
    )  # fmt: skip


def _count(network: Network) -> int:
    """Parameters; of an LTC those of its synapses alone, not the places where there is none."""
    cell = cell_of(network)
    count = sum(parameter.numel() for parameter in network.parameters())
    if isinstance(cell, LTC):
        for prefix in ("", "sensory_"):
            mask = getattr(cell, f"{prefix}sparsity_mask")
            count -= 4 * int((mask == 0).sum())
    return count


def _neurons(
    still: Network, x: Tensor, dt: Any, mask: Any, static: Any, grown: Callable[[Network], float]
) -> tuple[int, Make, Any]:
    cell = cell_of(still)
    record = still.trace(x, dt, mask, static=static)
    shown = cell.output(record.layers[0].states.flatten(0, 1))
    mean = (shown if mask is None else shown[mask.flatten()]).mean(dim=0)

    def make(keep: list[int]) -> Network:
        return without_neurons(still, keep, mean)

    everyone = range(cell.outputs)
    importance = [grown(make([j for j in everyone if j != i])) for i in everyone] if len(everyone) > 1 else [0.0]
    return cell.outputs, make, importance


def _synapses(still: Network, x: Tensor, dt: Any, mask: Any, static: Any) -> tuple[int, Make, Any]:
    record = still.trace(x, dt, mask, static=static)
    found = record.layers[0].synapses()
    if found is None:
        raise ExplanationError("the record of this network has no synapses")
    real = slice(None) if mask is None else mask
    size = found.current[real].abs().flatten(0, -2).mean(dim=0)
    conductance = found.conductance[real].flatten(0, -2).mean(dim=0)
    units, inputs = int(still.core.cell.units), int(still.core.cell.inputs)
    source, target, sensory = (each.numpy() for each in (found.source, found.target, found.sensory))
    g, sensory_g = torch.zeros(units, units).double(), torch.zeros(inputs, units).double()
    g[source[~sensory], target[~sensory]] = conductance[~sensory]
    sensory_g[source[sensory], target[sensory]] = conductance[sensory]

    def make(keep: list[int]) -> Network:
        stays = np.zeros(len(source), dtype=bool)
        stays[keep] = True
        between, from_inputs = np.zeros((units, units), dtype=bool), np.zeros((inputs, units), dtype=bool)
        between[source[stays & ~sensory], target[stays & ~sensory]] = True
        from_inputs[source[stays & sensory], target[stays & sensory]] = True
        return without_synapses(still, between, from_inputs, g, sensory_g)

    return len(source), make, size.numpy()
