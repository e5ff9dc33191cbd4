"""One function for every model: why is this the answer? A network is asked by integrated gradients, an estimator asks itself.

found = explain.explain(model, data, row=3)        found.sentence, found.plot(), found.frame(), found.story.plot(), found.what_if
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..network import Network
from .question import ExplanationError
from .shares import Shares, ordered
from .story import story
from .what_if import what_if


def explain(model: Any, data: Any = None, dt: Any = None, mask: Any = None, *, row: int = -1, **asked: Any) -> Shares:
    """The shares of what moved one answer, in its unit, with the story over time and what would have been.

    Forecaster                the forecast from row `row` of a table; step=, target=, series= as `Forecaster.explain` has them
    Classifier, Regressor     the answer to sequence `row`; target=, at= as their `explain` has them
    Network                   data (time, inputs), dt, mask: the answer at sample `row`; output=, static=, y= (the truth), unit= as `story`
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
    told = story(model, x, dt, mask, static=static, output=output, at=at, y=y, unit=unit)
    why = told.why
    share = np.append(why.attribution.sum(axis=0), why.gap.sum())
    asked = what_if(model, x, dt, mask, static=static, output=output, at=at)
    when = f" after {why.time[why.at]:.4g} {unit}".rstrip()
    return ordered(
        (*why.names, "gaps"), share, np.zeros(len(share)), subject=f"{told.output}{when}", about="what it says of inputs at their mean",
        base=why.base, answer=why.answer, story=told, what_if=asked,
    )  # fmt: skip
