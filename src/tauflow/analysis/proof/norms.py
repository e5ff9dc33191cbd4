"""Norms in which states may come together, and the search for the one in which a bound is best.

    |v|_max,d = max_i |v_i| / d_i        |v|_2,d = |v / d|_2            weights d > 0, all ones at first

    mu(J) = lim (|1 + e J| - 1) / e, the logarithmic norm: two states of dh/dt = f(h) part at the rate mu(df/dh) at most
    max norm   max_i [J_ii + sum_(j != i) |J_ij| d_j / d_i]        2-norm   the largest eigenvalue of (K + K') / 2, K = J_ij d_j / d_i

A bound that is linear in the d of its row sums is best at Perron's vector. For a set of Jacobians  J = -diag(leak) + S M  with
low <= S <= high diagonal, centre c and radius r of that interval give, whatever S is,

    mu_2(J) <= largest eigenvalue of sym(-leak + c K) + |r K|_2,    |B + S M|_2 <= |B + c K|_2 + |r K|_2        K = M_ij d_j / d_i

Sources: Desoer and Vidyasagar 1975, chapter 2; Soderlind 2006.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

TINY = 1e-9  # keeps weights above zero where a matrix falls apart into blocks
ROUNDS = 60  # of the search for the weights of a 2-norm

# d (units,) -> a bound on the logarithmic norm (or the norm) of each row at its worst, (units,), in the max norm with weights d
Rows = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Box:
    """J = base + S M with diagonal S, low <= S <= high: base (units, units), M (units, units), low, high (units,)."""

    base: Tensor
    M: Tensor
    low: Tensor
    high: Tensor

    def log_norm(self, d: Tensor) -> Tensor:
        """A bound on mu_2 with weights d."""
        base, centre, spread = self._parts(d)
        whole = base + centre
        largest: Tensor = torch.linalg.eigvalsh((whole + whole.mT) / 2)[-1] + torch.linalg.matrix_norm(spread, 2)
        return largest

    def norm(self, d: Tensor) -> Tensor:
        """A bound on |J|_2 with weights d."""
        base, centre, spread = self._parts(d)
        largest: Tensor = torch.linalg.matrix_norm(base + centre, 2) + torch.linalg.matrix_norm(spread, 2)
        return largest

    def _parts(self, d: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        K, base = self.M * d / d[:, None], self.base * d / d[:, None]
        return base, ((self.low + self.high) / 2)[:, None] * K, ((self.high - self.low) / 2)[:, None] * K


def best_of_max_norm(rows: Rows, units: int) -> tuple[float, Tensor]:
    """(the bound, weights) of the best max norm that was found: ones, and weights under which the worst row is as good as was found.

    Power iteration: for rows that are linear, d (rows(d) + shift) is (M + shift) d, so d becomes Perron's vector, for which all
    rows are equal.
    """
    d = kept = torch.ones(units, dtype=torch.float64)
    norms = rows(d)
    if not bool(torch.isfinite(norms).all()):
        return float("inf"), kept
    shift, best = 2 * norms.abs().max() + TINY, norms.max()
    for _ in range(500):
        d = d * (norms + shift).clamp(min=1e-3 * float(shift))
        d = (d / d.max()).clamp(min=TINY)
        norms = rows(d)
        if norms.max() < best:
            best, kept = norms.max(), d
    return float(best), kept


def best_of_two_norm(bound: Callable[[Tensor], Tensor], M: Tensor) -> tuple[float, Tensor]:
    """(the bound, weights) of the best 2-norm that was found, from ones and from what makes |M| as symmetric as it gets."""
    best, kept = float("inf"), torch.ones(len(M), dtype=torch.float64)
    for start in (torch.zeros(len(M), dtype=torch.float64), _symmetric(M.abs())):
        value, d = _descended(bound, start)
        if value < best:
            best, kept = value, d
    return best, kept


def _descended(bound: Callable[[Tensor], Tensor], log_d: Tensor) -> tuple[float, Tensor]:
    best, kept = float("inf"), log_d
    with torch.enable_grad():
        at = log_d.clone().requires_grad_()
        search = torch.optim.Adam([at], lr=0.1)
        for _ in range(ROUNDS):
            value = bound(at.exp())
            if float(value.detach()) < best:
                best, kept = float(value.detach()), at.detach().clone()
            search.zero_grad()
            value.backward()
            if at.grad is None or not bool(torch.isfinite(at.grad).all()):
                break
            search.step()
    return best, (kept - kept.mean()).exp()


def _symmetric(M: Tensor) -> Tensor:
    """log sqrt(v / u) of Perron's right and left vectors v and u: the 2-norm of M with these weights is its spectral radius."""
    right = left = torch.ones(len(M), dtype=torch.float64)
    for _ in range(200):
        right, left = M @ right + TINY, M.mT @ left + TINY
        right, left = right / right.max(), left / left.max()
    return (right.log() - left.log()) / 2
