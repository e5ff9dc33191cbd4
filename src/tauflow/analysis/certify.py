"""What can be proved of a cell before it runs: is its state bounded, and how fast does it forget?

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

from ..cells import Cell
from ..cells.ctrnn import CTRNN
from ..errors import TauflowError
from ..solvers import BOUNDED, decay_weight


class AnalysisError(TauflowError, ValueError):
    """A question that this certificate does not answer."""


@dataclass(frozen=True)
class Certificate:
    """The answer of `certify`: `certified` says whether the state is bounded, `reason` why or why not.

    low, high (state,)   the interval that no state leaves, whatever the input; None where it depends on the input
    q                    the gain of the recurrent weights; below 1 the network forgets its start. None for other cells
    """

    certified: bool
    reason: str
    low: Tensor | None = None
    high: Tensor | None = None
    q: float | None = None
    law: _Law | None = None

    def bound(self, x_bound: float, h0: float = 0.0) -> float:
        """The largest |h| for inputs within +-x_bound and a start within +-h0."""
        if self.low is not None and self.high is not None:
            return max(h0, self.low.abs().max().item(), self.high.abs().max().item())
        if not self.certified or self.law is None:
            raise AnalysisError(f"there is no bound: {self.reason}")
        return max(h0, self.law.bound(x_bound))

    def contraction(self, dt: float) -> float:
        """The factor by which two states come closer at least in one step of dt; above 1 they may part."""
        if self.law is None:
            raise AnalysisError(f"no contraction factor is known for this cell: {self.reason}")
        return self.law.contraction(dt)


@dataclass(frozen=True)
class _Law:
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


def certify(cell: Cell) -> Certificate:
    """Is the state of `cell` bounded for every dt >= 0, and by what? "not certified" is not "unstable"."""
    hull = cell.hull()
    low, high = hull if hull is not None else (None, None)
    if isinstance(cell, CTRNN):
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
def _law(cell: CTRNN) -> _Law:
    """In float64, so that q is not rounded below one."""
    tau, W, U, b = (p.detach().double() for p in (cell.tau, cell.W, cell.U, cell.b))
    at_zero = cell.sigma(torch.zeros((), dtype=torch.float64)).abs().item()
    gain = tau * cell.sigma.lipschitz * W.abs().sum(dim=1)
    return _Law(tau, gain, U.abs().sum(dim=1), b.abs(), cell.sigma.lipschitz, at_zero, cell.solver, cell.substeps)


def time_constants(cell: Cell) -> Tensor:
    """The learned time constant of each neuron, (units,), in units of dt."""
    tau = cell.time_constants()
    if tau is None:
        raise AnalysisError(
            f"{type(cell).__name__} has no time constants: they belong to the liquid cells with a tau, as CTRNN"
        )
    return tau
