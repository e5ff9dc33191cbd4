"""What can be proved of a network's states, time constants and contraction, for every input: bounds, not measurements.

    |h - h'| <= k exp(-rate t) |h(0) - h'(0)|        for any two starts under the same input, in the norm that is named

if the logarithmic norm of d(flow)/dh stays below -rate; see norms.py for the norms, rates.py for the proofs cell by cell, factors.py
for steps. A cascade contracts when each of its layers does, in the end as slowly as its slowest (Lohmiller and Slotine 1998, section
3.4). A bound that is not met proves nothing: "not certified" is not "unstable", and `counter_example` looks for two states that stay
apart.

An exponential step forgets as exp(-dt rate), so the bounds of the time constants hold for it as they are; a semi-implicit one as
1/(1 + dt rate), so its own are dt / log(1 + dt/tau).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...cells import Cell
from ...cells.ctrnn import CTRNN
from ...drawing import Drawn
from ..motion import Motion
from .certificate import AnalysisError
from .factors import Factor, factor_of
from .norms import best_of_max_norm, best_of_two_norm
from .rates import BOXES, ROWS, leaks, time_constants

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """Of one cell; arrays (units,), times in the unit of dt, None where nothing is known.

    low, high            the box that no state leaves
    fastest, slowest     the bounds of its time constants
    rate                 how fast two states come together at least, per unit of dt; <= 0 certifies nothing
    norm, weights        in which norm, and the weights d of that norm
    gain                 how strongly neurons drive each other, against their leak, in the max norm; below one certifies
    """

    cell: str
    low: Array | None
    high: Array | None
    fastest: Array | None
    slowest: Array | None
    rate: float | None
    norm: str
    weights: Array | None
    gain: float | None = None


@dataclass(frozen=True, eq=False)
class Bounds(Drawn):
    """`layers` from the first to the last; `rate` is that of the whole cascade, None where a layer has no bound."""

    picture, pixels = "stability.bounds", (440, 320)

    layers: tuple[LayerBounds, ...]
    rate: float | None

    @property
    def certified(self) -> bool:
        """Whether it is proved that the network forgets its start, under every input. False does not mean unstable."""
        return self.rate is not None and self.rate > 0

    @property
    def bounded(self) -> bool:
        """Whether every layer has a box that no state leaves."""
        return all(layer.low is not None for layer in self.layers)

    @property
    def reason(self) -> str:
        """In a sentence."""
        unknown = [layer.cell for layer in self.layers if layer.rate is None]
        if unknown:
            return f"not certified: no rate of contraction is known for {', '.join(unknown)}; look at its spectrum"
        if self.certified:
            return f"certified: any two states come together, in the end at {self.rate:.4g} per unit of time or faster"
        return f"not certified: the bound is {self.rate:.4g}, which proves nothing either way; look at its spectrum"

    def frame(self) -> Any:
        """A line a neuron."""
        import pandas as pd

        columns = ("low", "high", "fastest", "slowest")
        tables = []
        for number, layer in enumerate(self.layers):
            known = {name: values for name in columns if (values := getattr(layer, name)) is not None}
            if known:
                tables.append(pd.DataFrame({"layer": number, "cell": layer.cell} | known))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["layer", "cell", *columns])


def bounds(model: nn.Module, dt: float | None = None) -> Bounds:
    """Of a Network, Recurrent, Stack or cell, for every input and every gap, of the equation itself (a fine step).

    dt: the time constants are those of steps of this length, as the solver takes them.

    >>> cell = tauflow.CTRNN(1, 2, tau=4.0)
    >>> _ = cell.W.data.zero_()
    >>> found = tauflow.analysis.bounds(cell)  # Bounds, with LayerBounds in found.layers
    >>> found.certified, round(found.rate, 4), found.layers[0].slowest.round(4).tolist()
    (True, 0.25, [4.0, 4.0])
    """
    motion = Motion(model)
    if dt is not None and not 0 < dt < np.inf:
        raise AnalysisError(f"dt is {dt}, expected a finite gap > 0")
    layers = tuple(_of_layer(layer.cell, motion.period, dt) for layer in motion.layers)
    rates = [layer.rate for layer in layers]
    return Bounds(
        layers, None if any(rate is None for rate in rates) else min(rate for rate in rates if rate is not None)
    )


def step_factor(model: nn.Module, dt: float) -> float:
    """By which factor two states come together at least in one step of dt; above one they may part. See factors.py for the cells.

    In a norm with weights of its own for each dt: for steps of that dt over and over. For a cascade, that of its slowest layer.

    >>> cell = tauflow.CTRNN(1, 2, tau=4.0)
    >>> _ = cell.W.data.zero_()
    >>> round(tauflow.analysis.step_factor(cell, dt=4.0), 4)  # exp(-dt / tau)
    0.3679
    """
    return max(found[0] for found in step_factors(model, dt))


def step_factors(model: nn.Module, dt: float) -> list[Factor]:
    """(factor, norm, weights) of every layer."""
    motion = Motion(model)
    if not 0 <= dt < np.inf:
        raise AnalysisError(f"dt is {dt}, expected a finite gap >= 0")
    return [factor_of(layer.cell, dt / motion.period) for layer in motion.layers]


def _of_layer(cell: Any, period: float, dt: float | None) -> LayerBounds:
    hull, times = cell.hull(), time_constants(cell)
    low, high = (None, None) if hull is None else (each.numpy() for each in hull)
    fastest, slowest = (None, None) if times is None else (_in_steps(cell, each, period, dt) for each in times)
    if cell.same_as() not in ROWS or (hull is None and cell.same_as() is not CTRNN):  # the others count on their box
        return LayerBounds(cell.name, low, high, fastest, slowest, None, "none", None)
    rows, leak = ROWS[cell.same_as()](cell), leaks(cell)
    worst, weights = best_of_max_norm(rows, cell.state_size)
    gain = None if leak is None else float((rows(weights) / leak + 1).max())
    norm = "max norm" if bool((weights == 1).all()) else "max norm with weights"
    if cell.same_as() in BOXES:
        box = BOXES[cell.same_as()](cell)
        two, d = best_of_two_norm(box.log_norm, box.M)
        if two < worst:
            worst, norm, weights = two, "2-norm", d
    return LayerBounds(cell.name, low, high, fastest, slowest, -worst / period, norm, weights.numpy(), gain)


def _in_steps(cell: Cell, tau: torch.Tensor, period: float, dt: float | None) -> Array:
    """Time constants in the unit of dt, of the equation or of the solver's own steps."""
    if dt is not None and getattr(cell, "solver", "") == "semi_implicit":
        gap = dt / period / getattr(cell, "substeps", 1)
        tau = torch.where(tau > 0, gap / torch.log1p(gap / tau), 0.0)
    constants: Array = tau.numpy() * period
    return constants
