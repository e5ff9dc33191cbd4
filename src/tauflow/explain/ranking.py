"""A global ranking of inputs by permutation: how much worse is the model when an input comes from another record?

    importance_j = loss(records with input j exchanged between them) - loss(records)

The whole course of an input is exchanged at once, so that it stays a course that exists: single values from elsewhere would be
unlike any data. Repeated over random exchanges; the spread is the standard deviation between them.
Source: Breiman 2001, Random Forests, section 10; Fisher, Rudin and Dominici 2019.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..drawing import Colours, Drawn
from ..errors import ShapeError
from ..network import Network
from .pictures import short
from .question import ExplanationError, still_of

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Ranking(Drawn):
    """importance, spread (inputs,): how much the loss grows; loss: as the data are. The first of `names` counts the most."""

    names: tuple[str, ...]
    importance: Any
    spread: Any
    loss: float
    rounds: int

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        return 520, 80 + 30 * len(self.names)

    def frame(self) -> Any:
        """A line an input, the most important first."""
        import pandas as pd

        return pd.DataFrame({"input": self.names, "importance": self.importance, "spread": self.spread})

    def draw(self, figure: Any, colours: Colours) -> None:
        axes = figure.add_subplot()
        rows = -np.arange(len(self.names), dtype=float)
        axes.axvline(0, color=colours["muted"], linewidth=1)
        axes.errorbar(self.importance, rows, xerr=self.spread, fmt="o", markersize=6, color=colours["liquid1"])
        axes.set_yticks(rows, [short(name) for name in self.names])
        axes.tick_params("y", labelcolor=colours["ink"])
        axes.set_xlabel(f"growth of the loss ({self.loss:.3g}) when the input comes from another record")


def ranking(model: Any, x: Any, y: Any = None, dt: Any = None, mask: Any = None, **asked: Any) -> Ranking:
    """Of whole records: a Network asked as `ranking_of`, or an estimator by its own `ranking`, ranking(model, X, y) or (model, table).

    >>> network = tauflow.Network(["temp", "wind"], ["load"], units=4)
    >>> found = tauflow.explain.ranking(network, torch.rand(8, 6, 2), torch.rand(8, 6, 1))  # a Ranking
    >>> sorted(found.names), found.importance.shape
    (['temp', 'wind'], (2,))
    """
    own = getattr(model, "ranking", None)
    if not callable(own):
        return ranking_of(model, x, y, dt, mask, **asked)
    if dt is not None or mask is not None:
        raise ExplanationError(
            f"dt and mask are for a Network; a {type(model).__name__} reads its own data: leave them out"
        )
    found: Ranking = own(x, **asked) if y is None else own(x, y, **asked)
    return found


@torch.no_grad()
def ranking_of(
    model: nn.Module,
    x: Any,
    y: Any,
    dt: Any = None,
    mask: Any = None,
    *,
    static: Any = None,
    loss: Loss | None = None,
    rounds: int = 10,
    seed: int = 0,
) -> Ranking:
    """Of whole records x (batch, time, inputs) with their targets y; loss(answers, y) unless given that of the network's head."""
    still = still_of(model)
    x = torch.as_tensor(x).detach().double()
    if x.ndim != 3 or len(x) < 2:
        raise ShapeError(f"x has shape {tuple(x.shape)}, expected (batch, time, inputs) with two records at least")
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 1:
        raise ExplanationError(f"rounds is {rounds!r}, expected a whole number >= 1")
    target = torch.as_tensor(y)
    target = target.double() if target.is_floating_point() else target
    given = None if dt is None else torch.as_tensor(dt).detach().double()
    real = None if mask is None else torch.as_tensor(mask)
    options = {} if static is None else {"static": torch.as_tensor(static).detach().double()}

    def judged(rows: Tensor) -> float:
        answer, _ = still(rows, given, real, **options)
        if loss is not None:
            return float(loss(answer, target))
        if not isinstance(still, Network):
            raise ExplanationError("this model has no loss of its own: give loss=, as in torch.nn.functional.mse_loss")
        per_step = real if real is not None and answer.ndim == 3 else None
        return float(still.loss(answer, target, per_step))

    made = np.random.default_rng(seed)
    base = judged(x)
    grown = np.zeros((rounds, x.shape[2]))
    for k in range(rounds):
        other = torch.from_numpy(_elsewhere(len(x), made))
        for j in range(x.shape[2]):
            rows = x.clone()
            rows[:, :, j] = x[other, :, j]
            grown[k, j] = judged(rows) - base
    names = getattr(still, "input_names", None) or [f"x{i}" for i in range(x.shape[2])]
    order = np.argsort(-grown.mean(axis=0), kind="stable")
    spread = grown.std(axis=0, ddof=1) if rounds > 1 else np.zeros(x.shape[2])
    return Ranking(tuple(names[j] for j in order), grown.mean(axis=0)[order], spread[order], base, rounds)


def _elsewhere(count: int, made: np.random.Generator) -> Any:
    """A random exchange in which nobody keeps the own: a cycle through all records in random order."""
    order = made.permutation(count)
    other = np.empty(count, dtype=np.int64)
    other[order] = np.roll(order, 1)
    return other
