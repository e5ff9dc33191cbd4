"""How good a model is on a source: the mean loss of its batches, or a metric over all of it at once.

    evaluate    the mean loss over the samples
    answers     (answers, targets) of the whole source, masked steps left out
    Metric      function(answers, targets), never a mean over batches: an AUROC of ten samples at a time is another number

All in eval mode, without gradients, over the source's epoch 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import metrics
from ..errors import ShapeError
from .history import BETTER
from .objectives import Objective, Supervised, of_model, read
from .settings import SettingsError, check_sources, name_of
from .sources import Source, as_source

Array = NDArray[Any]


@dataclass(frozen=True)
class Metric:
    """function(answers, targets) -> a number, of which the "max", the "min" or what is nearest to "zero" is best."""

    name: str
    function: Callable[[Array, Array], float]
    mode: str

    def __call__(self, model: nn.Module, source: Source, objective: Objective) -> float:
        reading = objective.answers if isinstance(objective, Supervised) else None
        return float(self.function(*_gathered(model, source, reading)))


def metric_of(given: str | Callable[[Array, Array], float] | None, mode: str | None) -> Metric | None:
    """The metric called so, or the user's own function."""
    if mode is not None and (given is None or mode not in BETTER):
        raise SettingsError(f"mode is {mode!r}: it is one of {', '.join(map(repr, BETTER))}, and needs a metric")
    if given is None:
        return None
    if isinstance(given, str):
        function, known = metrics.get(given)
        return Metric(given, function, mode or known)
    if not callable(given):
        raise SettingsError(f"metric is {given!r}, expected a name ({', '.join(metrics.METRICS)}) or a function")
    if mode is None:
        raise SettingsError(f"metric is {name_of(given)}, a function of your own: say mode='max' or mode='min'")
    return Metric(name_of(given), given, mode)


def evaluate(model: nn.Module, source: Source, objective: Objective | None = None) -> float:
    """The mean loss of the samples; without an objective, by the model's own loss. SettingsError where the source gives no batch.

    >>> source = tauflow.training.ArraySource(torch.ones(4, 5, 1), torch.ones(4, 5, 1))
    >>> network = tauflow.Network(1, 1, units=2)
    >>> before = tauflow.training.evaluate(network, source)
    >>> history = tauflow.fit(network, source, epochs=5, progress=False)
    >>> tauflow.training.evaluate(network, source) < before
    True
    """
    source, objective = as_source(source), objective or of_model(model)
    total, count = 0.0, 0
    with judged(model):
        for batch in source.batches(0):
            total += float(objective(model, batch)) * samples(batch)
            count += samples(batch)
    if count == 0:
        raise SettingsError("the source gave no batch to evaluate on")
    return total / count


def answers(model: nn.Module, source: Source) -> tuple[Array, Array]:
    """(answers, targets) of a model under the contract (x, dt, mask, state) -> (output, state), in the source's order.

    answers (n, outputs): one row a sequence, or one a real step where the output has a time axis; targets (n, ...).

    >>> source = tauflow.training.ArraySource(torch.ones(4, 5, 2), torch.ones(4, 5, 1))
    >>> answers, targets = tauflow.training.answers(tauflow.Network(2, 1, units=2), source)
    >>> answers.shape, targets.shape  # 4 rows of 5 real steps
    ((20, 1), (20, 1))
    """
    source = as_source(source)
    check_sources(source=source)
    return _gathered(model, source, None)


def _gathered(model: nn.Module, source: Source, reading: Callable[[Tensor], Tensor] | None) -> tuple[Array, Array]:
    ys, targets = list[Array](), list[Array]()
    with judged(model):
        for batch in source.batches(0):
            y, _ = read(model, batch)
            target = getattr(batch, "y", None)
            if target is None:
                raise SettingsError("the batch has no y: there is nothing to compare the answers with")
            y = y if reading is None else reading(y)
            if y.ndim > 2:
                if target.shape[:2] != y.shape[:2]:
                    raise ShapeError(
                        f"y has shape {tuple(target.shape)}, but the model answers at every step, {tuple(y.shape)}: "
                        "give a target a step, or a model that answers once (a Network with a pool)"
                    )
                real = torch.ones(y.shape[:2], dtype=torch.bool, device=y.device) if batch.mask is None else batch.mask
                y, target = y[real], target[real]
            ys.append(y.cpu().numpy())
            targets.append(target.cpu().numpy())
    if not ys:
        raise SettingsError("the source gave no batch to judge")
    return np.concatenate(ys), np.concatenate(targets)


@contextmanager
def judged(model: nn.Module) -> Iterator[None]:
    """Eval mode, no gradients; then as before."""
    with modes(model), torch.no_grad():
        model.eval()
        yield


@contextmanager
def modes(model: nn.Module) -> Iterator[None]:
    """Every module's mode comes back."""
    was = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in was:
            module.training = training


def samples(batch: Any) -> int:
    """How many samples a batch holds, where it says so by an `x`; else each batch counts the same."""
    return len(batch.x) if hasattr(batch, "x") else 1
