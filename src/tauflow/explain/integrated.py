"""Integrated gradients over time x input x gap: which sample, of which input, moved the answer, and how much of it was the gaps.

    a_tj = (x_tj - x'_tj) int_0^1 df/dx_tj ds        g_t = (dt_t - dt'_t) int_0^1 df/d(dt_t) ds
    along the straight path (x' + s (x - x'), dt' + s (dt - dt')), 0 <= s <= 1            sum a + sum g = f(x, dt) - f(x', dt')

    x', dt'   the baseline: the mean of the training data held throughout, at the median gap of the row; dt'=dt explains x alone

The integral is Gauss and Legendre's rule, exact for polynomials up to degree 2 nodes - 1. What the sums miss of the change is measured
at every call, `error`: beyond 1e-4 of the change the path is halved where they miss it, and if 16384 nodes (of more than 64 samples
fewer: 2^20 nodes times samples) do not do there is a warning. A value that is not measured (NaN) and a gap of zero stay as they are.

A mean is like no data: on the way from it a network may pass states that it never learned, and what it does there is attributed too.
Several rows of data as baselines, whose attributions are averaged, keep nearer to what it knows.
Sources: Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks, eq. 1; Erion et al. 2021, expected gradients.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..drawing import Colours, Drawn
from ..errors import ShapeError
from ..network import Network, Ranks
from ..sequence import copy_of
from . import words
from .pictures import attributions
from .question import ExplanationError, Question, question

NODES, MOST = 16, 16384
WORK = 2**20  # nodes times samples, at most, where that is less
COMPLETE = 1e-4  # of the change
AT_ONCE = 128  # nodes side by side

Array = NDArray[np.float64]


class IncompleteWarning(UserWarning):
    """The attributions do not add up to the change of the answer.

    >>> import warnings
    >>> cell = tauflow.CTRNN(1, 1)
    >>> _ = cell.W.data.zero_(), cell.U.data.fill_(1e18), cell.b.data.fill_(-5e17)  # jumps at a half
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error")
    ...     tauflow.explain.integrated_gradients(cell, torch.ones(1, 1), baseline=[0.0], nodes=512)
    Traceback (most recent call last):
        ...
    tauflow.explain.integrated.IncompleteWarning: the attributions miss the change of the answer (1.264) by ...
    """


@dataclass(frozen=True, eq=False)
class Explanation(Drawn):
    """What moved one answer: attribution (time, inputs) and gap (time,), in the unit of the answer; they add up to answer - base.

    time (time,)   stamps, from the sum of the gaps       base, answer   of the baseline, of the data       error   what is missing
    nodes          where along the path the gradient was taken       at   the sample whose answer it is
    """

    pixels = (640, 360)

    names: tuple[str, ...]
    time: Array
    x: Array
    attribution: Array
    gap: Array
    base: float
    answer: float
    error: float
    nodes: int
    at: int

    @property
    def change(self) -> float:
        return self.answer - self.base

    @property
    def complete(self) -> bool:
        """Whether the attributions add up to the change, within 1e-4 of it."""
        moved = float(np.abs(self.attribution).sum() + np.abs(self.gap).sum())
        return abs(self.error) <= COMPLETE * abs(self.change) + 1e-9 * moved

    def shares(self) -> dict[str, float]:
        """How much of all that moved, either way, was each input and the gaps; they add up to one."""
        sizes = dict(zip(self.names, np.abs(self.attribution).sum(axis=0).tolist(), strict=True))
        sizes["gap"] = float(np.abs(self.gap).sum())
        whole = sum(sizes.values()) or 1.0
        return {name: size / whole for name, size in sizes.items()}

    def words(self, unit: str = "") -> str:
        """What moved the answer, in a sentence; unit: that of the stamps, "s" or "h"."""
        return words.sentence(self.time, self.at, self.attribution, self.gap, self.names, self.change, unit)

    def draw(self, figure: Any, colours: Colours) -> None:
        """A row an input, those that moved the most on top, and the gaps' row; raised in one colour, lowered in another."""
        attributions(figure, colours, self.time, self.attribution, self.gap, self.names)

    def frame(self) -> Any:
        """A line a sample: its stamp, what each input moved, what its gap moved."""
        import pandas as pd

        columns = {name: self.attribution[:, i] for i, name in enumerate(self.names)}
        return pd.DataFrame({"time": self.time, **columns, "gap": self.gap})


def integrated_gradients(
    model: nn.Module,
    x: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    static: Any = None,
    output: int = 0,
    at: int = -1,
    baseline: Any = None,
    baseline_dt: Any = None,
    nodes: int = NODES,
) -> Explanation:
    """Of the answer `output` at the sample `at` to one row of data, x (time, inputs): a Network, Recurrent, Stack or cell.

    baseline: (inputs,) or (time, inputs); unless given, the mean that the network's scale has measured; or rows of data, (rows, time,
    inputs), over which the attributions are averaged. baseline_dt: (time,) or a number; unless given, the median gap. A masked sample
    is left out. Static features stay as they are.

    >>> cell = tauflow.CTRNN(2, 3)
    >>> _ = cell.U.data[:, 1].zero_()  # the second input is not wired
    >>> found = tauflow.explain.integrated_gradients(cell, torch.rand(6, 2), baseline=[0, 0], at=4)  # an Explanation
    >>> found.attribution.shape, found.complete, found.shares()["x1"]
    ((6, 2), True, 0.0)
    """
    if baseline is not None and np.ndim(baseline) == 3:
        if not len(baseline):
            raise ExplanationError("baseline has no rows, expected one at least")
        plain: dict[str, Any] = {
            "static": static,
            "output": output,
            "at": at,
            "baseline_dt": baseline_dt,
            "nodes": nodes,
        }
        return _averaged([integrated_gradients(model, x, dt, mask, baseline=one, **plain) for one in baseline])
    if isinstance(nodes, bool) or not isinstance(nodes, int) or nodes < 1:
        raise ExplanationError(f"nodes is {nodes!r}, expected a whole number >= 1")
    if isinstance(model, Network) and isinstance(model.scale, Ranks):
        options = {"static": static, "output": output, "at": at, "baseline_dt": baseline_dt, "nodes": nodes}
        return _in_ranks(model, model.scale, x, dt, mask, baseline, options)
    asked = question(model, x, dt, mask, static, output, at)
    x0, dt0 = start_of(asked, baseline), baseline_gaps(asked, baseline_dt)
    with torch.no_grad():
        answer, base = (float(asked.ask(a[None], b[None], None, asked.at)) for a, b in ((asked.x, asked.dt), (x0, dt0)))
    of_x, of_dt, taken = _along(asked, x0, dt0, nodes, answer - base)
    error = float(of_x.sum() + of_dt.sum()) - (answer - base)
    found = Explanation(
        asked.names,
        asked.dt.cumsum(dim=0).numpy(),
        asked.x.numpy(),
        of_x.numpy(),
        of_dt.numpy(),
        base,
        answer,
        error,
        taken,
        asked.at,
    )
    if not found.complete:
        warnings.warn(
            f"the attributions miss the change of the answer ({answer - base:.4g}) by {error:.2g} with {taken} nodes: "
            f"the answer jumps along the way to the baseline; try another baseline, or nodes={2 * nodes}",
            IncompleteWarning,
            stacklevel=2,
        )
    return found


def _in_ranks(
    model: Network, scale: Ranks, x: Any, dt: Any, mask: Any, baseline: Any, options: dict[str, Any]
) -> Explanation:
    """Along a path that is straight in ranks: one that is straight in readings has a kink at every knot."""
    inner, like = copy_of(model), scale.knots
    inner.scale = None
    read, start = (
        torch.as_tensor(part).detach().to(like) for part in (x, scale.mean if baseline is None else baseline)
    )
    found = integrated_gradients(inner, scale(read), dt, mask, baseline=scale(start), **options)
    real = slice(None) if mask is None else torch.as_tensor(mask)
    return replace(found, x=read.double()[real].numpy())


def _averaged(found: list[Explanation]) -> Explanation:
    """Of several baselines."""
    mean = {name: np.mean([getattr(one, name) for one in found], axis=0) for name in ("attribution", "gap")}
    base, error = (float(np.mean([getattr(one, name) for one in found])) for name in ("base", "error"))
    return replace(found[0], base=base, error=error, nodes=sum(one.nodes for one in found), **mean)


@dataclass(frozen=True, eq=False)
class Piece:
    """The path from a to b: its integrals, and what they miss of f(b) - f(a)."""

    a: float
    b: float
    of_x: Tensor
    of_dt: Tensor
    missed: float


def _along(asked: Question, x0: Tensor, dt0: Tensor, nodes: int, change: float) -> tuple[Tensor, Tensor, int]:
    """The integrals of all inputs and gaps, and how many nodes it took.

    What a piece of the path should add up to is known, f at its end less f at its start; so the pieces that miss it the most are
    halved, and only those, as often as needed: around the kink of a maximum, say.
    """
    pieces = _pieces(asked, x0, dt0, nodes, [(0.0, 1.0)])
    taken, most = nodes, max(8 * nodes, min(MOST, WORK // len(asked.dt)))
    while True:
        allowed = COMPLETE * abs(change) + 1e-9 * sum(float(p.of_x.abs().sum() + p.of_dt.abs().sum()) for p in pieces)
        worst = sorted(pieces, key=lambda piece: -abs(piece.missed))
        if sum(abs(piece.missed) for piece in pieces) <= allowed / 2 or taken + 2 * nodes > most:
            break
        split = [p for p in worst if abs(p.missed) > allowed / (4 * len(pieces))][
            : max((most - taken) // (2 * nodes), 1)
        ]
        kept = [p for p in pieces if p not in split]
        halves = [half for p in split for half in ((p.a, (p.a + p.b) / 2), ((p.a + p.b) / 2, p.b))]
        pieces = kept + _pieces(asked, x0, dt0, nodes, halves)
        taken += nodes * len(halves)
    return torch.stack([p.of_x for p in pieces]).sum(0), torch.stack([p.of_dt for p in pieces]).sum(0), taken


def _pieces(asked: Question, x0: Tensor, dt0: Tensor, nodes: int, ends: list[tuple[float, float]]) -> list[Piece]:
    """Several pieces of the path, side by side."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    a, b = torch.tensor(ends, dtype=torch.float64).T[..., None]  # each (pieces, 1)
    s = (a + (b - a) * torch.from_numpy((places + 1) / 2)).flatten()
    w = ((b - a) * torch.from_numpy(weights / 2)).flatten()
    far_x, far_dt = torch.nan_to_num(asked.x - x0), asked.dt - dt0
    by_x, by_dt = torch.empty(len(s), *far_x.shape, dtype=s.dtype), torch.empty(len(s), *far_dt.shape, dtype=s.dtype)
    for k in range(0, len(s), AT_ONCE):
        part = slice(k, k + AT_ONCE)
        rows = (x0 + s[part, None, None] * far_x).requires_grad_()
        gaps = (dt0 + s[part, None] * far_dt).requires_grad_()
        answers = asked.ask(rows, gaps, None, asked.at).sum()
        by_x[part], by_dt[part] = torch.autograd.grad(answers, [rows, gaps], materialize_grads=True)
    of_x = (w[:, None, None] * by_x).unflatten(0, (len(ends), nodes)).sum(dim=1)
    of_dt = (w[:, None] * by_dt).unflatten(0, (len(ends), nodes)).sum(dim=1)
    of_x, of_dt = torch.where(far_x == 0, 0, of_x * far_x), of_dt * far_dt
    with torch.no_grad():
        at_ends = torch.cat([a, b]).flatten()
        found = asked.ask(x0 + at_ends[:, None, None] * far_x, dt0 + at_ends[:, None] * far_dt, None, asked.at)
    missed = of_x.sum(dim=(1, 2)) + of_dt.sum(dim=1) - (found[len(ends) :] - found[: len(ends)])
    return [Piece(*pair, *each) for pair, *each in zip(ends, of_x, of_dt, missed.tolist(), strict=True)]


def start_of(asked: Question, given: Any) -> Tensor:
    """(time, inputs); NaN where the data have it."""
    if given is None and asked.mean is None:
        raise ExplanationError(
            "the mean of the training data is not known here: network.measure(batch) of a Network with a scale, which fit does, or ask "
            "integrated_gradients with baseline=x_train.mean(axis=0)"
        )
    x0 = asked.mean if given is None else torch.as_tensor(given).detach().double()
    if x0 is None or tuple(x0.shape) not in (tuple(asked.x.shape), tuple(asked.x.shape[1:])):
        shape = None if x0 is None else tuple(x0.shape)
        raise ShapeError(f"baseline has shape {shape}, expected (inputs,) or (time, inputs) = {tuple(asked.x.shape)}")
    return torch.where(torch.isnan(asked.x), asked.x, x0)


def baseline_gaps(asked: Question, given: Any) -> Tensor:
    """(time,); zero where the data have it, since a cell that is no flow jumps there."""
    moves = asked.dt > 0
    if given is None:
        given = asked.dt[moves].median() if bool(moves.any()) else 0.0
    dt0 = torch.as_tensor(given).detach().double()
    if dt0.ndim not in (0, 1) or (dt0.ndim == 1 and len(dt0) != len(asked.dt)) or not bool((dt0 >= 0).all()):
        raise ShapeError(f"baseline_dt is {given!r}, expected a gap >= 0 or {len(asked.dt)} of them")
    return torch.where(moves, dt0, 0.0)
