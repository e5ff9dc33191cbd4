"""What can be proved of one cell before it runs: is its state bounded, and how fast does it forget?

A step h' = (1 - a) h + a tau sigma(W h + U x + b), 0 <= a <= 1, is a convex combination for every dt >= 0. So

    bounded sigma     |h_i| stays within tau_i * range(sigma), for every W, U, x and dt
    any sigma, q < 1  |h| <= max(|h0|, max_i tau_i (|sigma(0)| + L |U x + b|_i) / (1 - q))
    any sigma         two states come closer by the factor max_i (1 - a_i) + a_i q_i at least, each step

    q_i = tau_i L sum_j |W_ij|,  q = max_i q_i,  L the steepest slope of sigma,  |.| the largest absolute value

Other cells are certified by their hull where they have one. Source: Lohmiller and Slotine 1998, in the max norm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ...cells import Cell
from ...cells.ctrnn import CTRNN
from ...cells.made import PACKAGE
from ...solvers import BOUNDED, decay_weight
from .certificate import AnalysisError, Certificate


@dataclass(frozen=True)
class Law:
    """Of a CTRNN: tau (units,), gain q_i (units,), and what sigma's input is without the state."""

    tau: Tensor
    gain: Tensor
    input_gain: Tensor  # sum_j |U_ij|
    bias: Tensor  # |b_i|
    lipschitz: float
    at_zero: float  # |sigma(0)|
    solver: str
    substeps: int

    def bound(self, x_bound: float) -> float:
        drive = self.at_zero + self.lipschitz * (self.input_gain * x_bound + self.bias)
        return ((self.tau * drive).max() / (1 - self.gain.max())).item()

    def contraction(self, dt: float) -> float:
        gap = torch.as_tensor(dt / self.substeps, dtype=self.tau.dtype)
        if not 0 <= gap < torch.inf:
            raise AnalysisError(f"dt is {dt}, expected a finite gap >= 0")
        weight = WEIGHTS[self.solver]
        middle = 1.0  # how far apart the states are where sigma is taken, against how far they were
        if self.solver == "exponential_midpoint":
            a = weight(gap / 2, 1 / self.tau)
            middle = float(((1 - a) + a * self.gain).max())
        a = weight(gap, 1 / self.tau)
        return float(((1 - a) + a * self.gain * middle).max()) ** self.substeps


def _semi_implicit_weight(dt: Tensor, rate: Tensor) -> Tensor:
    r = (dt * rate).clamp(max=1e30)
    return r / (1 + r)


WEIGHTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "exponential": decay_weight,
    "exponential_midpoint": decay_weight,
    "semi_implicit": _semi_implicit_weight,
}


def certify_cell(cell: Cell) -> Certificate:
    """See certify."""
    of_hull = next(base for base in type(cell).__mro__ if issubclass(base, Cell) and "hull" in vars(base))
    own = not type(cell).__module__.startswith(PACKAGE)
    if own and of_hull is not Cell and (changed := changed_since(cell, of_hull)) is not None:
        return Certificate(False, f"not certified: {type(cell).__name__} has a {changed} of its own, but no hull")
    hull = cell.hull()
    low, high = hull if hull is not None else (None, None)
    if isinstance(cell, CTRNN) and (not own or changed_since(cell, CTRNN) is None):
        return _certify_ctrnn(cell, low, high)
    if hull is not None:
        return Certificate(
            True, "each step keeps the state within an interval, for every input and every dt >= 0", low, high
        )
    solver = getattr(cell, "solver", None)
    if solver is not None and solver not in BOUNDED:
        return Certificate(
            False, f"not certified: the steps of {solver} are no convex combinations; try solver='exponential'"
        )
    return Certificate(False, f"not certified: no bound is known for the state of {type(cell).__name__}")


def _certify_ctrnn(cell: CTRNN, low: Tensor | None, high: Tensor | None) -> Certificate:
    if cell.solver not in BOUNDED:
        return Certificate(
            False, f"not certified: the steps of {cell.solver} are no convex combinations; try solver='exponential'"
        )
    law = _law(cell)
    q = law.gain.max().item()
    name = cell.sigma.name
    if low is not None:
        return Certificate(True, f"{name} is bounded, so |h| stays within tau times its range", low, high, q, law)
    if q < 1:
        return Certificate(
            True, f"{name} is unbounded, but q = {q:.4g} < 1: bounded for bounded inputs", None, None, q, law
        )
    reason = f"not certified: {name} is unbounded and q = {q:.4g} >= 1; try activation='tanh', or smaller W or tau"
    return Certificate(False, reason, None, None, q, law)


@torch.no_grad()
def _law(cell: CTRNN) -> Law:
    """In float64, so that q is not rounded below one."""
    tau, W, U, b = (p.detach().double() for p in (cell.tau, cell.W, cell.U, cell.b))
    at_zero = cell.sigma(torch.zeros((), dtype=torch.float64)).abs().item()
    gain = tau * cell.sigma.lipschitz * W.abs().sum(dim=1)
    return Law(tau, gain, U.abs().sum(dim=1), b.abs(), cell.sigma.lipschitz, at_zero, cell.solver, cell.substeps)


def changed_since(cell: Cell, base: type[Cell]) -> str | None:
    """The method by which this cell computes something else than `base`; None for no such."""
    return next((name for name in sorted(base.written) if type(cell).written.get(name) is not base.written[name]), None)


def time_constants(cell: Cell) -> Tensor:
    """The learned time constant of each neuron, (units,), in units of dt.

    >>> tauflow.analysis.time_constants(tauflow.CTRNN(2, 3, tau=(1.0, 9.0))).round(decimals=3).tolist()
    [1.0, 3.0, 9.0]
    """
    tau = cell.time_constants()
    if tau is None:
        raise AnalysisError(
            f"{type(cell).__name__} has no time constants: they belong to the liquid cells with a tau, as CTRNN"
        )
    return tau
