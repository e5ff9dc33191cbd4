"""One answer of a model to one row of data, as a function that can be asked again: in float64, on a copy.

ask(x (batch, time, inputs), dt (batch, time), mask (batch, time) or None, at) -> (batch,)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .. import validate
from ..cells import Cell
from ..errors import ShapeError, TauflowError
from ..network import Network
from ..sequence import Bidirectional, Recurrent, Stack, copy_of

Ask = Callable[[Tensor, Tensor, Tensor | None, int], Tensor]


class ExplanationError(TauflowError, ValueError):
    """A question that has no answer: an output or a sample that does not exist, a baseline that is not known.

    >>> network = tauflow.Network(2, 1, units=4)
    >>> tauflow.explain.integrated_gradients(network, torch.rand(6, 2), output=1)
    Traceback (most recent call last):
        ...
    tauflow.explain.question.ExplanationError: output is 1, expected a whole number from -1 to 0
    """


@dataclass(frozen=True, eq=False)
class Question:
    """x (time, inputs), dt (time,) in the unit of the data, the real samples alone; `at` the sample whose answer is asked."""

    ask: Ask
    x: Tensor
    dt: Tensor
    at: int
    names: tuple[str, ...]
    mean: Tensor | None  # of the training data, (inputs,)
    knows_missing: bool  # may x hold NaN


def still_of(model: nn.Module) -> Network | Recurrent | Stack | Bidirectional:
    """A copy in float64 that learns nothing."""
    given = Recurrent(model) if isinstance(model, Cell) else model
    if not isinstance(given, (Network, Recurrent, Stack, Bidirectional)):
        raise ExplanationError(f"can't explain a {type(model).__name__}, expected a Network, Recurrent, Stack or cell")
    return copy_of(given).double().eval().requires_grad_(False)


def question(model: nn.Module, x: Any, dt: Any, mask: Any, static: Any, output: int, at: int) -> Question:
    """Of a Network, Recurrent, Stack, Bidirectional or cell."""
    still = still_of(model)
    x = torch.as_tensor(x).detach().double()
    if x.ndim != 2 or not len(x):
        raise ShapeError(
            f"x has shape {tuple(x.shape)}, expected one row of data, (time, inputs), of at least one sample"
        )
    if dt is None:
        dt = still.period if isinstance(still, Network) else 1.0
    dt = torch.as_tensor(dt).detach().double()
    dt = dt.expand(len(x)) if dt.ndim == 0 else dt
    real = validate.as_mask(None if mask is None else torch.as_tensor(mask)[None], 1, len(x), x.device)
    if real is not None:
        x, dt = x[real[0]], dt[real[0]]  # a masked sample changes nothing
    names = still.input_names if isinstance(still, Network) else None
    mean = still.scale.mean if isinstance(still, Network) and still.scale is not None and bool(still.measured) else None
    knows = isinstance(still, Network) and still.missing is not None
    pooled = isinstance(still, Network) and still.pool is not None
    number = _place("output", output, still.outputs)
    entered = None if static is None else torch.as_tensor(static).detach().double()

    def ask(rows: Tensor, gaps: Tensor, which: Tensor | None, last: int) -> Tensor:
        options = {} if entered is None else {"static": entered.reshape(1, -1).expand(len(rows), -1)}
        if pooled:  # had the data ended there
            rows, gaps = rows[:, : last + 1], gaps[:, : last + 1]
            which = None if which is None else which[:, : last + 1]
        y, _ = still(rows, gaps, which, **options)
        value: Tensor = y[:, number] if y.ndim == 2 else y[:, last, number]
        return value

    labels = tuple(names) if names else tuple(f"x{i}" for i in range(x.shape[1]))
    return Question(ask, x, dt, _place("at", at, len(x)), labels, mean, knows)


def _place(name: str, given: int, count: int) -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not -count <= given < count:
        raise ExplanationError(f"{name} is {given!r}, expected a whole number from {-count} to {count - 1}")
    return given % count
