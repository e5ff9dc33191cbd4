"""One function for every model: why is this the answer? A network is asked by integrated gradients, an estimator asks itself.

found = explain.explain(model, data, row=3)        found.sentence, found.plot(), found.frame(), found.story.plot(), found.what_if
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..network import Network
from .integrated import Explanation, IncompleteWarning, baseline_gaps, start_of
from .question import ExplanationError, Question, question
from .shares import Shares, ordered, shared
from .story import story
from .what_if import what_if
from .words import number


def explain(model: Any, data: Any = None, dt: Any = None, mask: Any = None, *, row: int = -1, **asked: Any) -> Shares:
    """The shares of what moved one answer, in its unit, with the story over time and what would have been.

    Forecaster                the forecast from row `row` of a table; step=, target=, series= as `Forecaster.explain` has them
    Classifier, Regressor     the answer to sequence `row`; target=, at= as their `explain` has them
    Network                   data (time, inputs), dt, mask: the answer at sample `row`; output=, static=, y= (the truth), unit= as `story`

    >>> network = tauflow.Network(["temp", "wind"], ["load"], units=4)
    >>> network.measure(tauflow.training.Batch(torch.rand(8, 6, 2)))  # as training does
    >>> found = tauflow.explain.explain(network, torch.rand(6, 2), row=3)  # Shares
    >>> sorted(found.names), [what for what, sentence in found.lines]
    (['gaps', 'temp', 'wind'], ['answer', 'when', 'what if'])
    >>> found.sentence
    'load after 4 is ...: ... what it says of inputs at their mean (...). It was moved by ...'
    """
    own = getattr(model, "explain", None)
    if callable(own):
        if dt is not None or mask is not None:
            raise ExplanationError(
                f"dt and mask are for a Network; a {type(model).__name__} reads its table: leave them out"
            )
        found: Shares = own(data, row=row, **asked)
        return found
    if not isinstance(model, Network):
        raise ExplanationError(
            f"can't explain a {type(model).__name__}: expected a Network, Forecaster, Classifier or Regressor; wrap a cell or "
            "a Recurrent in a Network, core=..."
        )
    return of_network(model, data, dt, mask, at=row, **asked)


def of_network(
    model: Network,
    x: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    at: int = -1,
    output: int = 0,
    static: Any = None,
    y: Any = None,
    unit: str = "",
) -> Shares:
    """The shares of its inputs and of the gaps, as integrated gradients give them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", IncompleteWarning)
        told = story(model, x, dt, mask, static=static, output=output, at=at, y=y, unit=unit)
    if not told.why.complete:  # the answer jumps on the way to the mean: parts are put in one by one instead
        told = replace(told, why=piecewise(question(model, x, dt, mask, static, output, at), told.why))
    why = told.why
    share = np.append(why.attribution.sum(axis=0), why.gap.sum())
    asked = what_if(model, x, dt, mask, static=static, output=output, at=at)
    when = f" after {number(float(why.time[why.at]), 6)} {unit}".rstrip()
    return ordered(
        (*why.names, "gaps"), share, np.zeros(len(share)), subject=f"{told.output}{when}", about="what it says of inputs at their mean",
        base=why.base, answer=why.answer, story=told, what_if=asked,
    )  # fmt: skip


@torch.no_grad()
def piecewise(asked: Question, why: Explanation) -> Explanation:
    """The same question by `shared`: exact sums where the answer jumps, coarse in time: the last sample, the one before, then 2, 4, ..."""
    last, (samples, inputs) = asked.at, asked.x.shape
    x0, dt0 = start_of(asked, None), baseline_gaps(asked, None)
    ago = np.clip(last - np.arange(samples), 0, None)
    piece = np.ceil(np.log2(ago + 1)).astype(int).max() - np.ceil(np.log2(ago + 1)).astype(int)  # in the order of time
    cells = [(j, p) for j in range(inputs + 1) for p in range(int(piece.max()) + 1)]
    places = [torch.from_numpy((piece == p) & (np.arange(samples) <= last)) for _, p in cells]

    def ask(shown: Any) -> Any:
        rows, gaps = x0.repeat(len(shown), 1, 1), dt0.repeat(len(shown), 1)
        for k, ((j, _), where) in enumerate(zip(cells, places, strict=True)):
            which = torch.from_numpy(shown[:, k])[:, None] & where
            if j < inputs:
                rows[:, :, j] = torch.where(which, asked.x[:, j], rows[:, :, j])
            else:
                gaps = torch.where(which, asked.dt, gaps)
        return asked.ask(rows, gaps, None, last).numpy()

    share, _, base, answer = shared(ask, np.array([j for j, _ in cells]))
    moved = np.zeros((samples, inputs + 1))
    for k, ((j, _), where) in enumerate(zip(cells, places, strict=True)):
        moved[where.numpy(), j] += share[k] / max(int(where.sum()), 1)
    return replace(
        why,
        attribution=moved[:, :-1],
        gap=moved[:, -1],
        base=base,
        answer=answer,
        error=float(moved.sum()) - (answer - base),
        nodes=0,
    )
