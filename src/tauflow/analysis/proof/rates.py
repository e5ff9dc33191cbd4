"""What bounds the Jacobian of a cell's flow for every input: rows for the max norm, and a box of matrices for the 2-norm.

    CTRNN     J = -1/tau + s W, 0 <= s <= L:                          row  -1/tau_i + L [max(W_ii, 0) + sum_(j != i) |W_ij| d_j/d_i]
    GatedLTC  J = -(1/tau + f) + f' (A - h) W, |A_i - h_i| <= |A_i| in the hull, f' = f (1 - f):
              row  -1/tau_i + max_f [-f + c_i f (1 - f)] = -1/tau_i + (c_i - 1)_+^2 / (4 c_i),
              c_i = |A_i| [(sign A_i W_ii)_+ + sum_(j != i) |W_ij| d_j/d_i]
              (f' = 1 - exp(-f) for softplus: c - 1 - log c past c = 1; f' <= 1 for relu: c)
              box: with s = f' |A - h| <= |A| f, -f <= -s/|A|, so J <= -1/tau + s (sign A W - 1/|A|), 0 <= s <= |A| max f'
    LTC       each synapse for itself, s its opening, |erev_ij - v_j| <= E_ij in the hull:
              row  [-gleak_j + sum_i w_ij max_s (-s + k_ij s (1 - s))] / cm_j = [-gleak_j + sum_i w_ij (k_ij - 1)_+^2 / (4 k_ij)] / cm_j,
              k_ij = |sigma_ij| E_ij d_i/d_j
    GRUODE    z = 1 - rate, |g - h| <= 2:  row  max_z (1 - z) [-1 + G_i + 2 z Z_i],  Z_i = sum |Wz_ij| d_j/d_i,
              G_i = sum_j |Wg_ij| max_r (r + r (1 - r) sum_k |Wr_jk| d_k/d_j) d_j/d_i; never below zero, since z may be one

The maxima are those of a parabola over [0, 1]; the synapses of an LTC's inputs only add to its rate.

Time constants, 1/rate, neuron by neuron (Hasani et al. 2021, theorem 1, with what each cell says of its rate):
    CTRNN tau    GatedLTC tau/(1 + tau max f) .. tau    LTC cm/(gleak + sum w) .. cm/gleak    GRUODE 1 ..
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...cells import Cell
from ...cells.ctrnn import CTRNN
from ...cells.gated_ltc import GatedLTC
from ...cells.gruode import GRUODE, SLOWEST
from ...cells.ltc import LTC
from .norms import Box, Rows

MONOTONE = ("tanh", "sigmoid", "relu", "softplus", "softsign", "lecun_tanh", "identity")  # slopes from 0 to L


def slopes(sigma: Any, units: int) -> tuple[Tensor, Tensor]:
    """(least, largest) slope of sigma, (units,) each."""
    high = torch.full((units,), float(sigma.lipschitz), dtype=torch.float64)
    return (torch.zeros_like(high) if sigma.name in MONOTONE else -high), high


def leaks(cell: Cell) -> Tensor | None:
    """The rate at which each neuron forgets by itself at least, (units,), in the cell's unit; None where it may stop."""
    constants = time_constants(cell)
    return None if constants is None or cell.same_as() is GRUODE else 1 / constants[1]


def time_constants(cell: Any) -> tuple[Tensor, Tensor] | None:
    """(fastest, slowest), each (units,), of 1/rate, in the cell's unit; None where nothing is known."""
    kind = cell.same_as()
    if kind is CTRNN:
        return cell.tau, cell.tau
    if kind is GatedLTC:
        top = cell.sigma.high
        return (1 / (1 / cell.tau + top) if top < float("inf") else torch.zeros_like(cell.tau)), cell.tau
    if kind is LTC:
        synapses = (cell.positive(cell.w) * cell.sparsity_mask).sum(dim=0)
        sensory = (cell.positive(cell.sensory_w) * cell.sensory_sparsity_mask).sum(dim=0)
        gleak, cm = cell.positive(cell.gleak) + cell.epsilon, cell.positive(cell.cm)
        return cm / (gleak + synapses + sensory), cm / gleak
    if kind is GRUODE:
        one = torch.ones(cell.units, dtype=torch.float64)
        return one, one / SLOWEST
    return None


def apart(W: Tensor, own: Tensor) -> Tensor:
    """|W| with another diagonal."""
    return torch.where(torch.eye(len(W), dtype=torch.bool), own, W.abs())


def _ctrnn(cell: Any) -> Rows:
    own = cell.W.clamp(min=0) if cell.sigma.name in MONOTONE else cell.W.abs()
    W = apart(cell.W, own)
    return lambda d: -1 / cell.tau + cell.sigma.lipschitz * (W @ d) / d


def _ctrnn_box(cell: Any) -> Box:
    return Box(torch.diag(-1 / cell.tau), cell.W, *slopes(cell.sigma, cell.units))


def _gated_ltc(cell: Any) -> Rows:
    W = apart(cell.W, (torch.sign(cell.A)[:, None] * cell.W).clamp(min=0))
    excess = _EXCESS[cell.sigma.name]
    return lambda d: -1 / cell.tau + excess(cell.A.abs() * (W @ d) / d)


def _gated_ltc_box(cell: Any) -> Box:
    A = cell.A.abs().clamp(min=1e-300)
    M = torch.sign(cell.A)[:, None] * cell.W
    if cell.sigma.name != "relu":
        M = M - torch.diag(1 / A)
    return Box(torch.diag(-1 / cell.tau), M, torch.zeros_like(A), A * cell.sigma.lipschitz)


def _ltc(cell: Any) -> Rows:
    low, high = cell.hull() or (torch.full((cell.units,), torch.nan),) * 2
    reach = torch.maximum((cell.erev - low).abs(), (cell.erev - high).abs())  # (source, target)
    w = cell.positive(cell.w) * cell.sparsity_mask
    gleak, cm = cell.positive(cell.gleak) + cell.epsilon, cell.positive(cell.cm)
    steep = cell.sigma.abs() * reach
    return lambda d: (-gleak + (w * parabola(steep * d[:, None] / d)).sum(dim=0)) / cm


def _gruode(cell: Any) -> Rows:
    W_r, W_z, W_g = cell.W.abs().split(cell.units)

    def rows(d: Tensor) -> Tensor:
        heard = 1 + parabola(
            (W_r @ d) / d
        )  # max over r of r + r (1 - r) c, which is that of -f + f (1 - f) c at f = 1 - r, plus one
        G, Z = (W_g @ (heard * d)) / d, (W_z @ d) / d
        a, b = G - 1, 2 * Z
        inside = (a + b).square() / (4 * b.clamp(min=1e-300))  # of rate (a + b (1 - rate)), where it is highest
        top = torch.where(a + b >= 2 * b, a, torch.where(a + b > 0, inside, 0))
        return top.clamp(min=0)

    return rows


def parabola(c: Tensor) -> Tensor:
    """max over 0 <= f <= 1 of -f + c f (1 - f)."""
    return torch.where(c > 1, (c - 1).square() / (4 * c.clamp(min=1)), 0)


def _softplus(c: Tensor) -> Tensor:
    """max over f >= 0 of -f + c (1 - exp(-f))."""
    c = c.clamp(min=1)
    return c - 1 - c.log()


_EXCESS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": parabola,
    "softplus": _softplus,
    "relu": lambda c: c,
}
ROWS: dict[type[Cell], Callable[[Any], Rows]] = {CTRNN: _ctrnn, GatedLTC: _gated_ltc, LTC: _ltc, GRUODE: _gruode}
BOXES: dict[type[Cell], Callable[[Any], Box]] = {CTRNN: _ctrnn_box, GatedLTC: _gated_ltc_box}
