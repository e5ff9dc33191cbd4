"""Jacobians of leaks by their equations: d step / d h, from the slopes of drive and rate.

    h' = h + a (drive / rate - h)       J = diag(1 - a) + diag(a / rate) D + diag(a' (drive / rate - h) - a drive / rate^2) R

    D, R (batch, n, n)   d drive / d h, d rate / d h            a' = d a / d rate, that of the solver's weight a
    CTRNN      D = sigma' W                                     R = 0
    GatedLTC   D = A sigma' W                                   R = sigma' W
    LTC        D_ji = w_ij sigma_ij s (1 - s) erev_ij / cm_j    R_ji = w_ij sigma_ij s (1 - s) / cm_j
    GRUODE     D = g R + rate (1 - g^2) W_g d(r h)/dh           R = -z (1 - z) W_z

A midpoint step takes D and R in the middle of the gap, times the Jacobian of the way there; euler and rk4 by their own formulas.
Other cells and solvers, and layers on top of each other, go by automatic differentiation, which costs n times as much.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..cells import Cell, LeakCell
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..cells.gruode import GRUODE
from ..cells.ltc import LTC
from ..ops import door
from ..solvers import LONGEST_DECAY

Slopes = tuple[Tensor, Tensor | None]  # D, and R where the rate depends on the state


def known(cell: Cell) -> bool:
    """Whether the equations here are those of the cell as it is now."""
    return type(cell).home in _SLOPES and door.changed(cell) is None


@torch.no_grad()
def flow_jacobian(cell: Any, x: Tensor, h: Tensor) -> Tensor:
    """d (drive - rate h) / d h, (batch, n, n)."""
    u = cell.project(x)
    return _flow(cell, u, h, cell.leak(u, h)[1])


@torch.no_grad()
def step_jacobian(cell: Any, x: Tensor, dt: Tensor, h: Tensor) -> Tensor | None:
    """d step / d h of x (batch, inputs), dt (batch,), h (batch, n): (batch, n, n); None for a solver without a formula here."""
    substep = _STEPS.get(cell.solver)
    if substep is None:
        return None
    u, t, whole = cell.project(x), dt[:, None] / cell.substeps, None
    for _ in range(cell.substeps):
        h, J = substep(cell, u, t, h)
        whole = J if whole is None else J @ whole
    return whole


def _slopes(cell: Any, u: Tensor, h: Tensor) -> Slopes:
    return _SLOPES[type(cell).home](cell, u, h)


def _slope_of(sigma: Any, z: Tensor) -> Tensor:
    with torch.enable_grad():
        at = z.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(sigma(at).sum(), at)
    return slope


def _ctrnn(cell: Any, u: Tensor, h: Tensor) -> Slopes:
    z = F.linear(h, cell.W) + F.linear(u, cell.U, cell.b)
    return _slope_of(cell.sigma, z)[:, :, None] * cell.W, None


def _gated_ltc(cell: Any, u: Tensor, h: Tensor) -> Slopes:
    R = _slope_of(cell.sigma, cell.preactivation(u, h))[:, :, None] * cell.W
    return cell.A[:, None] * R, R


def _ltc(cell: Any, u: Tensor, h: Tensor) -> Slopes:
    s = torch.sigmoid(cell.sigma * (h[:, :, None] - cell.mu))  # (batch, source, target)
    weight = cell.positive(cell.w) * cell.sparsity_mask * cell.sigma / cell.positive(cell.cm)
    R = weight * s * (1 - s)
    return (R * cell.erev).mT, R.mT


def _gruode(cell: Any, u: Tensor, h: Tensor) -> Slopes:
    n = cell.units
    W_r, W_z, W_g = cell.W.split(n)
    u_r, u_z, u_g = u.split(n, dim=1)
    r, z = torch.sigmoid(F.linear(h, W_r) + u_r), torch.sigmoid(F.linear(h, W_z) + u_z)
    g = torch.tanh(F.linear(r * h, W_g) + u_g)
    R = -(z * (1 - z))[:, :, None] * W_z
    of_rh = torch.diag_embed(r) + (h * r * (1 - r))[:, :, None] * W_r
    return g[:, :, None] * R + ((1 - z) * (1 - g.square()))[:, :, None] * (W_g @ of_rh), R


_SLOPES: dict[type[Cell], Callable[[Any, Tensor, Tensor], Slopes]] = {
    CTRNN: _ctrnn,
    GatedLTC: _gated_ltc,
    LTC: _ltc,
    GRUODE: _gruode,
}


def _flow(cell: LeakCell, u: Tensor, h: Tensor, rate: Tensor) -> Tensor:
    D, R = _slopes(cell, u, h)
    return D - torch.diag_embed(rate.expand_as(h)) - (0 if R is None else h[:, :, None] * R)


def _pulled(cell: Any, u: Tensor, t: Tensor, h: Tensor, at: Tensor, weight: Any) -> tuple[Tensor, Tensor, Tensor]:
    """h' of a step whose drive and rate are taken at `at`; the diagonal that h itself keeps, and d h' / d at."""
    drive, rate = cell.leak(u, at)
    D, R = _slopes(cell, u, at)
    a, by_rate = weight(t, rate)
    goal = drive / rate
    J = (a / rate)[:, :, None] * D
    if R is not None:
        J = J + (by_rate * (goal - h) - a * goal / rate)[:, :, None] * R
    return torch.lerp(h, goal, a), 1 - a, J


def _decay(t: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
    z = (t * rate).clamp(max=LONGEST_DECAY)
    return -torch.expm1(-z), t * torch.exp(-z)


def _implicit(t: Tensor, rate: Tensor) -> tuple[Tensor, Tensor]:
    r = (t * rate).clamp(max=1e30)
    return r / (1 + r), t / (1 + r).square()


def _one_point(cell: Any, u: Tensor, t: Tensor, h: Tensor, weight: Any) -> tuple[Tensor, Tensor]:
    new, keep, J = _pulled(cell, u, t, h, h, weight)
    return new, torch.diag_embed(keep) + J


def _midpoint(cell: Any, u: Tensor, t: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    middle, half = _one_point(cell, u, t / 2, h, _decay)
    new, keep, J = _pulled(cell, u, t, h, middle, _decay)
    return new, torch.diag_embed(keep) + J @ half


def _euler(cell: Any, u: Tensor, t: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    drive, rate = cell.leak(u, h)
    eye = torch.eye(h.shape[1], dtype=h.dtype)
    return h + t * (drive - rate * h), eye + t[:, :, None] * _flow(cell, u, h, rate)


def _rk4(cell: Any, u: Tensor, t: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    eye, gap = torch.eye(h.shape[1], dtype=h.dtype), t[:, :, None]

    def slope(v: Tensor) -> tuple[Tensor, Tensor]:
        drive, rate = cell.leak(u, v)
        return drive - rate * v, _flow(cell, u, v, rate)

    k1, J1 = slope(h)
    k2, J2 = slope(h + t / 2 * k1)
    J2 = J2 @ (eye + gap / 2 * J1)
    k3, J3 = slope(h + t / 2 * k2)
    J3 = J3 @ (eye + gap / 2 * J2)
    k4, J4 = slope(h + t * k3)
    J4 = J4 @ (eye + gap * J3)
    return h + t / 6 * (k1 + 2 * k2 + 2 * k3 + k4), eye + gap / 6 * (J1 + 2 * J2 + 2 * J3 + J4)


_STEPS: dict[str, Callable[[Any, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "exponential": partial(_one_point, weight=_decay),
    "semi_implicit": partial(_one_point, weight=_implicit),
    "exponential_midpoint": _midpoint,
    "euler": _euler,
    "rk4": _rk4,
}
