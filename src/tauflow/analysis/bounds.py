"""What can be proved of a cell's time constants and of how fast two states come together, for every input: bounds, not measurements.

Time constants of a leak, 1/rate, neuron by neuron (Hasani et al. 2021, theorem 1, with what each cell says of its rate):

    CTRNN tau    GatedLTC tau/(1 + tau max f) .. tau    LTC cm/(gleak + sum w) .. cm/gleak    GRUODE 1 ..

An exponential step forgets as exp(-dt rate), so these hold for it as they are; a semi-implicit one as 1/(1 + dt rate), so its own are
dt / log(1 + dt/tau).

Contraction: |h - h'| <= k exp(-m t) |h(0) - h'(0)| for any two starts under the same input if the logarithmic norm of J = d(flow)/dh stays
below -m. In a max norm with weights d it is the largest of J_ii + sum_(j != i) |J_ij| d_j/d_i, so with every term at its worst

    CTRNN     J = -1/tau + s W, 0 <= s <= L:     -1/tau_i + L [max(W_ii, 0) + sum |W_ij| d_j/d_i]
    GatedLTC  J = -(1/tau + f) + f' (A - h) W, |A_i - h_i| <= |A_i| in the hull, f' = f (1 - f):
              -1/tau_i + max_f [-f + c_i f (1 - f)] = -1/tau_i + (c_i - 1)_+^2 / (4 c_i),
              c_i = |A_i| [(sign A_i W_ii)_+ + sum |W_ij| d_j/d_i]
              (f' = 1 - exp(-f) for softplus: c - 1 - log c past c = 1; f' <= 1 for relu: c)
    LTC       each synapse for itself, s its opening, |erev_ij - v_j| <= E_ij in the hull:
              [-gleak_j + sum_i w_ij max_s (-s + k_ij s (1 - s))] / cm_j = [-gleak_j + sum_i w_ij (k_ij - 1)_+^2 / (4 k_ij)] / cm_j,
              k_ij = |sigma_ij| E_ij d_i/d_j

The maxima are those of a parabola in f over [0, 1]; the synapses of the inputs only add to the rate. d is all ones, then Perron's vector of
the matrix of the bound, and the better of the two counts; CTRNN also has the 2-norm, -1/max tau + L |W|_2.

CfC is no flow; its step of dt has a factor instead, by the chain rule with every slope at its steepest:

    |dh'| <= [max(|ff1|, |ff2|) + |dt time_a + time_b| / 2] L |W_n| ... L |W_1| |dh|          (elementwise; 1/2 = |f2 - f1| s (1 - s))

whose spectral radius is the factor in the max norm with Perron's weights. A cascade contracts when each of its layers does, in the end as
slowly as its slowest (Lohmiller and Slotine 1998, section 3.4). A bound that is not met proves nothing: "not certified" is not "unstable".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..cells import Cell
from ..cells.cfc import CfC
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..cells.gruode import GRUODE, SLOWEST
from ..cells.ltc import LTC
from .certificate import AnalysisError
from .motion import Motion

Array = NDArray[np.float64]
TINY = 1e-9  # keeps Perron's weights above zero where a matrix falls apart into blocks
MONOTONE = ("tanh", "sigmoid", "relu", "softplus", "softsign", "lecun_tanh", "identity")  # slopes from 0 to L


@dataclass(frozen=True, eq=False)
class LayerBounds:
    """Of one cell; arrays (units,), times in the unit of dt, None where nothing is known.

    low, high            the box that no state leaves
    fastest, slowest     the bounds of its time constants
    rate                 how fast two states come together at least, per unit of dt; <= 0 certifies nothing
    norm, weights        in which norm, and the weights d of that norm
    """

    cell: str
    low: Array | None
    high: Array | None
    fastest: Array | None
    slowest: Array | None
    rate: float | None
    norm: str
    weights: Array | None


@dataclass(frozen=True, eq=False)
class Bounds:
    """`layers` from the first to the last; `rate` is that of the whole cascade, None where a layer has no bound."""

    layers: tuple[LayerBounds, ...]
    rate: float | None

    @property
    def certified(self) -> bool:
        """Whether it is proved that the network forgets its start, under every input. False does not mean unstable."""
        return self.rate is not None and self.rate > 0

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


def bounds(model: nn.Module) -> Bounds:
    """Of a Network, Recurrent, Stack or cell, for every input and every gap, of the equation itself (a fine step)."""
    motion = Motion(model)
    layers = tuple(_of_layer(layer.cell, motion.period) for layer in motion.layers)
    rates = [layer.rate for layer in layers]
    return Bounds(
        layers, None if any(rate is None for rate in rates) else min(rate for rate in rates if rate is not None)
    )


def step_factor(model: nn.Module, dt: float) -> float:
    """By which factor two states of a CfC or CTRNN come together at least in one step of dt; above one they may part.

    In a max norm with weights of its own for each dt: for steps of that dt over and over. For a cascade, that of its slowest layer.
    """
    motion = Motion(model)
    if not 0 <= dt < np.inf:
        raise AnalysisError(f"dt is {dt}, expected a finite gap >= 0")
    return max(_perron(_step_matrix(layer.cell, dt / motion.period))[0] for layer in motion.layers)


def _of_layer(cell: Cell, period: float) -> LayerBounds:
    hull, times = cell.hull(), _time_constants(cell)
    low, high = (None, None) if hull is None else (each.numpy() for each in hull)
    fastest, slowest = (None, None) if times is None else (each.numpy() * period for each in times)
    matrix = _RATES.get(cell.same_as())
    if matrix is None:
        return LayerBounds(cell.name, low, high, fastest, slowest, None, "none", None)
    rows = matrix(cell)
    found = [(*_in_max_norm(rows, weights), weights) for weights in _weights(rows, cell.state_size)]
    rate, norm, weights = max(found, key=lambda each: each[0])
    if isinstance(cell, CTRNN):
        two = float(1 / cell.tau.max() - cell.sigma.lipschitz * torch.linalg.matrix_norm(cell.W, 2))
        if two > rate:
            rate, norm, weights = two, "2-norm", torch.ones(cell.units, dtype=torch.float64)
    return LayerBounds(cell.name, low, high, fastest, slowest, rate / period, norm, weights.numpy())


def _time_constants(cell: Cell) -> tuple[Tensor, Tensor] | None:
    """(fastest, slowest), each (units,), of 1/rate, in the cell's unit."""
    kind = cell.same_as()
    if kind is CTRNN and isinstance(cell, CTRNN):
        return cell.tau, cell.tau
    if kind is GatedLTC and isinstance(cell, GatedLTC):
        top = cell.sigma.high
        return (1 / (1 / cell.tau + top) if top < np.inf else torch.zeros_like(cell.tau)), cell.tau
    if kind is LTC and isinstance(cell, LTC):
        synapses = (cell.positive(cell.w) * cell.sparsity_mask).sum(dim=0)
        sensory = (cell.positive(cell.sensory_w) * cell.sensory_sparsity_mask).sum(dim=0)
        gleak, cm = cell.positive(cell.gleak) + cell.epsilon, cell.positive(cell.cm)
        return cm / (gleak + synapses + sensory), cm / gleak
    if kind is GRUODE and isinstance(cell, GRUODE):
        one = torch.ones(cell.units, dtype=torch.float64)
        return one, one / SLOWEST
    return None


# d (units,) -> the logarithmic norm of each row at its worst, (units,), in the max norm with weights d
Rows = Callable[[Tensor], Tensor]


def _ctrnn(cell: Any) -> Rows:
    W = cell.W.abs()
    if cell.sigma.name in MONOTONE:
        W = torch.where(torch.eye(cell.units, dtype=torch.bool), cell.W.clamp(min=0), W)
    return lambda d: -1 / cell.tau + cell.sigma.lipschitz * (W @ d) / d


def _gated_ltc(cell: Any) -> Rows:
    own = torch.eye(cell.units, dtype=torch.bool)
    W = torch.where(own, (torch.sign(cell.A)[:, None] * cell.W).clamp(min=0), cell.W.abs())
    excess = _EXCESS[cell.sigma.name]
    return lambda d: -1 / cell.tau + excess(cell.A.abs() * (W @ d) / d)


def _ltc(cell: Any) -> Rows:
    low, high = cell.hull() or (torch.full((cell.units,), torch.nan),) * 2
    reach = torch.maximum((cell.erev - low).abs(), (cell.erev - high).abs())  # (source, target)
    w = cell.positive(cell.w) * cell.sparsity_mask
    gleak, cm = cell.positive(cell.gleak) + cell.epsilon, cell.positive(cell.cm)
    steep = cell.sigma.abs() * reach
    return lambda d: (-gleak + (w * _parabola(steep * d[:, None] / d)).sum(dim=0)) / cm


def _parabola(c: Tensor) -> Tensor:
    """max over 0 <= f <= 1 of -f + c f (1 - f)."""
    return torch.where(c > 1, (c - 1).square() / (4 * c.clamp(min=1)), 0)


def _softplus(c: Tensor) -> Tensor:
    """max over f >= 0 of -f + c (1 - exp(-f))."""
    c = c.clamp(min=1)
    return c - 1 - c.log()


_EXCESS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": _parabola,
    "softplus": _softplus,
    "relu": lambda c: c,
}
_RATES: dict[type[Cell], Callable[[Any], Rows]] = {CTRNN: _ctrnn, GatedLTC: _gated_ltc, LTC: _ltc}


def _in_max_norm(rows: Rows, d: Tensor) -> tuple[float, str]:
    return -float(rows(d).max()), "max norm" if bool((d == 1).all()) else "max norm with weights"


def _weights(rows: Rows, units: int) -> list[Tensor]:
    """Ones, and weights under which the worst row is as good as was found: a row's norm falls as its own weight grows.

    Power iteration: for a CTRNN d (rows(d) + shift) is (M + shift) d, so d becomes Perron's vector, for which all rows are equal.
    """
    ones = d = kept = torch.ones(units, dtype=torch.float64)
    norms = rows(d)
    shift, best = 2 * norms.abs().max(), norms.max()
    for _ in range(500):
        d = d * (norms + shift).clamp(min=1e-3 * float(shift))
        d = (d / d.max()).clamp(min=TINY)
        norms = rows(d)
        if norms.max() < best:
            best, kept = norms.max(), d
    return [ones, kept]


def _step_matrix(cell: Cell, dt: float) -> Tensor:
    """Elementwise bound of |d step / d h|, (units, units)."""
    kind = cell.same_as()
    if kind is CTRNN and isinstance(cell, CTRNN) and cell.solver == "exponential":
        a = -torch.expm1(-dt / cell.substeps / cell.tau)
        keep = torch.diag(1 - a)
        one = keep + (a * cell.tau * cell.sigma.lipschitz)[:, None] * cell.W.abs()
        crossed: Tensor = torch.linalg.matrix_power(one, cell.substeps)
        return crossed
    if kind is CfC and isinstance(cell, CfC) and cell.mode == "default":
        known = cell.inputs
        by_state = torch.cat([torch.zeros(known, cell.units), torch.eye(cell.units)]).double()
        for layer in cell.backbone:
            by_state = layer.weight.abs() @ by_state if isinstance(layer, nn.Linear) else _slope(layer) * by_state
        branch = torch.maximum(cell.weight("ff1").abs(), cell.weight("ff2").abs())
        gate = (dt * cell.weight("time_a") + cell.weight("time_b")).abs() / 2
        bound: Tensor = (branch + gate) @ by_state
        return bound
    raise AnalysisError(
        f"no factor of a step is known for {type(cell).__name__}: there are CTRNN with solver='exponential' and CfC in "
        "mode 'default'; other leaks have bounds(model).rate"
    )


def _slope(layer: Any) -> float:
    """The steepest of a backbone's sigma."""
    return float(layer.sigma.lipschitz)


def _perron(matrix: Tensor) -> tuple[float, Tensor]:
    """(the factor, weights d) of a matrix of numbers >= 0: max_i (M d)_i / d_i, which is its spectral radius for Perron's vector."""
    d = torch.ones(len(matrix), dtype=torch.float64)
    best, kept = float((matrix @ d / d).max()), d
    for _ in range(200):
        d = matrix @ d + TINY * d.max()
        d = d / d.max()
        now = float((matrix @ d / d).max())
        if now < best:
            best, kept = now, d
    return best, kept
