"""By which factor two states come together at least in one step of dt, for every input: |h' - k'| <= factor |h - k|.

    CTRNN     J = 1 - a + a tau s W, 0 <= s <= L (exponential: a = 1 - exp(-dt/tau); semi_implicit: a = dt/(tau + dt))
              row  max(1 - a_i + a_i q_ii, a_i |q_ii| - 1 + a_i) + a_i sum_(j != i) |q_ij| d_j/d_i,   q = tau L W
    GatedLTC  exponential, r = 1/tau + f, a = 1 - exp(-dt r), |A - h| <= |A| in the hull:
              row  max_f exp(-dt r) + c_i f (1 - f) [a/(tau r^2) + dt exp(-dt r) f/r],   c_i = |A_i| sum |W_ij| d_j/d_i
    CfC       row  max over s, f1, f2 of (1 - s)(1 - f1^2) a_i + s (1 - f2^2) b_i + (f2 - f1) s (1 - s) g_i, where a, b, g are the row
              sums of |ff1|, |ff2|, |dt time_a + time_b| behind the backbone's |W| L: f1* = -min(1, s g/2a), f2* = min(1, (1 - s) g/2b);
              no_gate: a + b + g/4; pure: |A| exp(-dt |w_tau|) |ff1|
    WiredCfC  layer by layer, each element at its steepest
    RNN       |W| and its 2-norm      GRU  z + (1 - z) N + 2 z (1 - z) Z, one or more; GRU with decay: that, times exp(-dt/tau_j)

What remains to be maximised, over f or s in [0, 1], is done on intervals with every term at its worst end, so it is a bound still. The
best of the max norm and, where the Jacobians lie in a box, the 2-norm counts, each with weights found for this dt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...cells import Cell
from ...cells.cfc import CfC
from ...cells.ctrnn import CTRNN
from ...cells.gated_ltc import GatedLTC
from ...cells.rnn import GRU, RNN, DecayGRU
from ...cells.wired_cfc import NcpsWiredCfC, WiredCfC
from .cell import WEIGHTS
from .certificate import AnalysisError
from .norms import Box, Rows, best_of_max_norm, best_of_two_norm
from .rates import MONOTONE, slopes

PIECES = 256  # intervals of [0, 1]

Factor = tuple[float, str, Tensor]  # the factor, in which norm, the weights of that norm


def factor_of(cell: Cell, dt: float) -> Factor:
    """The best that is known of one step of dt, in the cell's unit; AnalysisError where nothing is."""
    kind, substeps = cell.same_as(), getattr(cell, "substeps", 1)
    rows = _ROWS[kind](cell, dt / substeps) if kind in _ROWS else None
    box = _BOXES[kind](cell, dt / substeps) if kind in _BOXES else None
    if rows is None:
        raise AnalysisError(
            f"no factor of a step is known for {_named(cell)}: there are CTRNN (exponential, exponential_midpoint, semi_implicit), "
            f"GatedLTC (exponential), CfC, WiredCfC, RNN and GRU; other leaks have bounds(model).rate"
        )
    best, weights = best_of_max_norm(rows, cell.state_size)
    norm = "max norm" if bool((weights == 1).all()) else "max norm with weights"
    if box is not None:
        two, d = best_of_two_norm(box.norm, box.M)
        if two < best:
            best, norm, weights = two, "2-norm", d
    return best**substeps, norm, weights


def _named(cell: Any) -> str:
    return type(cell).__name__ + (f" with solver={cell.solver!r}" if hasattr(cell, "solver") else "")


def _ctrnn(cell: Any, dt: float) -> Rows | None:
    if cell.solver not in WEIGHTS:
        return None
    weight, gap, rate = WEIGHTS[cell.solver], torch.tensor(dt, dtype=torch.float64), 1 / cell.tau
    q = cell.tau[:, None] * cell.sigma.lipschitz * cell.W
    a = weight(gap, rate)
    if cell.solver == "exponential_midpoint":  # sigma is taken where half a step has led
        half = weight(gap / 2, rate)
        to_middle = torch.diag(1 - half) + half[:, None] * q.abs()
        through = a[:, None] * (q.abs() @ to_middle)
        return lambda d: 1 - a + (through @ d) / d
    own = q.diagonal() if cell.sigma.name in MONOTONE else q.diagonal().abs()
    kept = torch.maximum(1 - a + a * own.clamp(min=0), a * own.abs() - (1 - a))
    others = q.abs() - torch.diag(q.diagonal().abs())
    return lambda d: kept + a * (others @ d) / d


def _ctrnn_box(cell: Any, dt: float) -> Box | None:
    if cell.solver not in WEIGHTS or cell.solver == "exponential_midpoint":
        return None
    a = WEIGHTS[cell.solver](torch.tensor(dt, dtype=torch.float64), 1 / cell.tau)
    return Box(torch.diag(1 - a), (a * cell.tau)[:, None] * cell.W, *slopes(cell.sigma, cell.units))


def _rnn(cell: Any, dt: float) -> Rows:
    return lambda d: (cell.weight_hh.abs() @ d) / d


def _rnn_box(cell: Any, dt: float) -> Box:
    one = torch.ones(cell.units, dtype=torch.float64)
    return Box(torch.zeros_like(cell.weight_hh), cell.weight_hh, 0 * one, one)


def _gated_ltc(cell: Any, dt: float) -> Rows | None:
    if cell.solver != "exponential" or cell.sigma.name != "sigmoid":
        return None
    f = torch.linspace(0, 1, PIECES + 1, dtype=torch.float64)[:, None]  # (pieces, 1)
    low, high, leak = f[:-1], f[1:], 1 / cell.tau
    slow, fast = leak + low, leak + high  # r at both ends
    keep = torch.exp(-dt * slow)
    steep = torch.where((low < 0.5) & (high > 0.5), 0.25, torch.maximum(low * (1 - low), high * (1 - high)))
    moved = -torch.expm1(-dt * slow) * leak / slow.square() + dt * keep * high / fast
    W = cell.W.abs()

    def rows(d: Tensor) -> Tensor:
        c = cell.A.abs() * (W @ d) / d
        worst: Tensor = (keep + c * steep * moved).amax(dim=0)
        return worst

    return rows


def _cfc(cell: Any, dt: float) -> Rows:
    behind = _backbone(cell)
    heads = {name: cell.weight(name) for name in ("ff1", "ff2", "time_a", "time_b") if hasattr(cell, name)}
    if cell.mode == "pure":
        M = (cell.A[0].abs() * torch.exp(-dt * cell.w_tau[0].abs()))[:, None] * (heads["ff1"].abs() @ behind)
        return lambda d: (M @ d) / d
    first, second = heads["ff1"].abs() @ behind, heads["ff2"].abs() @ behind
    gate = (dt * heads["time_a"] + heads["time_b"]).abs() @ behind
    if cell.mode == "no_gate":
        whole = first + second + gate / 4
        return lambda d: (whole @ d) / d
    return lambda d: _between(*((M @ d) / d for M in (first, second, gate)))


def _between(a: Tensor, b: Tensor, g: Tensor) -> Tensor:
    """max over s, f1, f2 of (1 - s)(1 - f1^2) a + s (1 - f2^2) b + (f2 - f1) s (1 - s) g, elementwise."""
    s = torch.linspace(0, 1, PIECES + 1, dtype=a.dtype)[:, None]
    low, high = s[:-1], s[1:]
    return ((1 - low) * _branch(a, high * g) + high * _branch(b, (1 - low) * g)).amax(dim=0)


def _branch(a: Tensor, g: Tensor) -> Tensor:
    """max over 0 <= f <= 1 of (1 - f^2) a + f g."""
    return torch.where(g < 2 * a, a + g.square() / (4 * a.clamp(min=1e-300)), g)


def _backbone(cell: Any) -> Tensor:
    """What a backbone makes at most of the state, (width, units)."""
    known = cell.inputs
    by_state = torch.cat([torch.zeros(known, cell.units), torch.eye(cell.units)]).double()
    for layer in cell.backbone:
        by_state = layer.weight.abs() @ by_state if isinstance(layer, nn.Linear) else _steepest(layer) * by_state
    return by_state


def _steepest(layer: Any) -> float:
    """Of a backbone's sigma."""
    return float(layer.sigma.lipschitz)


def _wired(cell: Any, dt: float) -> Rows | None:
    """Of a chain of layers: what each new state takes of the old ones, (units, units)."""
    if cell.mode == "pure":
        return None
    layers = [list(neurons) for neurons in cell.plan.layers]
    laid = [n for neurons in layers for n in neurons]
    whole = torch.zeros(cell.state_size, cell.state_size, dtype=torch.float64)
    below, width, place = torch.zeros(cell.inputs, cell.state_size, dtype=torch.float64), cell.inputs, 0
    for layer, neurons in zip(cell.layers(), layers, strict=True):
        gate = (dt * layer.weight("time_a") + layer.weight("time_b")).abs()
        first, second = layer.weight("ff1").abs(), layer.weight("ff2").abs()
        M = torch.maximum(first, second) + gate / 2 if cell.mode == "default" else first + second + gate / 4
        here = slice(place, place + len(neurons))
        below = M[:, :width] @ below
        below[:, here] += M[:, width:]
        whole[here], width, place = below, len(neurons), place + len(neurons)
    if isinstance(cell, WiredCfC):
        order = torch.tensor(laid).argsort()
        whole = whole[order][:, order]
    return lambda d: (whole @ d) / d


def _gru(cell: Any, dt: float) -> Rows:
    W_r, W_z, W_n = cell.weight_hh.abs().split(cell.units)
    most = W_n.sum(dim=1) + cell.bias_hh.abs()[2 * cell.units :]  # |W_n h + b_n| in the hull
    left = torch.exp(-dt / cell.tau) if isinstance(cell, DecayGRU) else torch.ones_like(most)
    z = torch.linspace(0, 1, PIECES + 1, dtype=torch.float64)[:, None]
    low, high = z[:-1], z[1:]

    def rows(d: Tensor) -> Tensor:
        e = left * d
        N, Z = (W_n @ e + most * (W_r @ e) / 4) / d, (W_z @ e) / d
        worst: Tensor = (high * left + (1 - low) * N + 2 * high * (1 - low) * Z).amax(dim=0)
        return worst

    return rows


_ROWS: dict[type[Cell], Callable[[Any, float], Rows | None]] = {
    CTRNN: _ctrnn,
    GatedLTC: _gated_ltc,
    CfC: _cfc,
    WiredCfC: _wired,
    NcpsWiredCfC: _wired,
    RNN: _rnn,
    GRU: _gru,
    DecayGRU: _gru,
}
_BOXES: dict[type[Cell], Callable[[Any, float], Box | None]] = {CTRNN: _ctrnn_box, RNN: _rnn_box}
