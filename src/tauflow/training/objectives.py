"""How a batch becomes a loss.

    Objective    (model, batch) -> the loss of that batch, a scalar to make small
    supervised   the objective of a model with known targets; it can also cut long sequences (truncated BPTT)
    of_model     the same by the loss that the model brings; of a Multi, by that of the batch's kind

Source: Williams and Peng 1990 (truncated backpropagation through time).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from .. import losses
from ..errors import ShapeError
from ..losses import CrossEntropy, Loss, TimeIntegrated
from ..network import Multi
from .settings import SettingsError
from .sources import Batch, OfKind

Objective = Callable[[nn.Module, Any], Tensor]


def supervised(loss: Loss | TimeIntegrated | str) -> Supervised:
    """The objective loss(model(x, dt, mask), y): supervised("mse"), supervised(time_integrated("mae")).

    >>> objective = tauflow.training.supervised("mae")  # a Supervised
    >>> model = tauflow.Recurrent(tauflow.CTRNN(2, 3))
    >>> loss = objective(model, tauflow.training.Batch(torch.zeros(4, 5, 2), torch.zeros(4, 5, 3)))
    >>> loss.shape, loss.requires_grad
    (torch.Size([]), True)
    """
    return Supervised(losses.get(loss) if isinstance(loss, str) else loss)


def of_model(model: nn.Module) -> Objective:
    """The objective by the model's own loss(output, target, mask, weight), as a Network has it."""
    if isinstance(model, Multi):
        return by_kind
    loss: Any = getattr(model, "loss", None)
    if not callable(loss):
        raise SettingsError(
            f"there is no objective, and {type(model).__name__} has no loss of its own as a tauflow.Network has: "
            "try fit(model, source, objective=supervised('mse'))"
        )
    return Supervised(loss)


def by_kind(model: nn.Module, batch: OfKind) -> Tensor:
    """The balanced loss of a Multi on a batch of one kind."""
    if not isinstance(batch, OfKind):
        raise SettingsError(
            f"a batch is a {type(batch).__name__} and doesn't say of which kind it is: "
            "fit(multi, KindSource({'heart': ArraySource(x, y), ...}))"
        )
    multi: Any = model
    return Supervised(partial(multi.loss, batch.kind))(multi[batch.kind], batch.batch)


@dataclass(frozen=True)
class Supervised:
    """An objective for models of the contract (x, dt, mask, state) -> (output, state).

    The mask goes to the loss where the output has a time axis, (batch, time, ...). An output for the whole
    sample, (batch, outputs), has nothing masked. `static` and `first` of the batch go to models that take them.
    """

    loss: Loss | TimeIntegrated

    def __str__(self) -> str:
        return f"supervised({getattr(self.loss, '__qualname__', self.loss)})"

    def __call__(self, model: nn.Module, batch: Batch) -> Tensor:
        output, _ = read(model, batch)
        if isinstance(self.loss, TimeIntegrated):
            _check_unweighted(batch)
            return self.loss(output, _target(batch), _gaps(batch), batch.mask)
        return self._of(self.loss, output, batch, batch.mask if output.ndim > 2 else None)

    def truncated(self, model: nn.Module, batch: Batch, steps: int) -> Iterator[Tensor]:
        """One loss for every `steps` steps of time; the state is carried over, the gradient stops at the cut.

        The next chunk is computed when the next loss is asked for, so with the weights as they are by then. A
        chunk in which nothing counts moves no state and has no loss. An integral over time is the mean of what
        its chunks give.
        """
        target = _target(batch)
        if target.shape[:2] != batch.x.shape[:2]:
            raise ShapeError(
                f"y has shape {tuple(target.shape)}, but truncated training needs a target at every step, "
                f"{tuple(batch.x.shape[:2])} first: leave truncate=None to train on one target a sample"
            )
        measure = _measure(self.loss, batch)
        cuts = [(begin, begin + steps) for begin in range(0, batch.x.shape[1], steps)]
        cuts = [(begin, end) for begin, end in cuts if bool((measure[:, begin:end] > 0).any())]
        if not cuts:
            raise losses.LossError("no entry counts: the mask is False everywhere, or no time passes in the batch")
        state = None
        for begin, end in cuts:
            part = batch.steps(begin, end)
            output, state = read(model, part, state=state)
            if isinstance(self.loss, TimeIntegrated):
                yield self.loss.weighted(output, _target(part), measure[:, begin:end], part.mask) * len(cuts)
            else:
                yield self._of(self.loss, output, part, part.mask)
            state = state.detach()

    def answers(self, output: Tensor) -> Tensor:
        """What a metric judges: the output, or the log-probabilities that the cross-entropy makes of it."""
        scores = self.loss is losses.cross_entropy or isinstance(self.loss, CrossEntropy)
        return output.log_softmax(dim=-1) if scores else output

    @staticmethod
    def _of(loss: Loss, output: Tensor, batch: Batch, mask: Tensor | None) -> Tensor:
        if getattr(batch, "weight", None) is None:
            return loss(output, _target(batch), mask)
        return loss(output, _target(batch), mask, batch.weight)


def read(model: nn.Module, batch: Batch, **more: Any) -> Any:
    """model(x, dt, mask), with `static` and `first` where the batch has them."""
    check_batch(batch)
    extra = {name: part for name in ("static", "first") if (part := getattr(batch, name, None)) is not None}
    if extra:
        takes = inspect.signature(model.forward).parameters
        rest = any(one.kind is one.VAR_KEYWORD for one in takes.values())
        for name in extra:
            if name not in takes and not rest:
                raise SettingsError(
                    f"the batches have {name}, but {type(model).__name__} takes none: its forward has "
                    f"{', '.join(takes)}; leave {name} out, or train a model that takes it, as tauflow.Network"
                )
    return model(batch.x, dt=batch.dt, mask=batch.mask, **extra, **more)


def check_batch(batch: Any) -> None:
    """Refuse batches that do not say which of their parts is x."""
    if not hasattr(batch, "x"):
        kind = f"with {', '.join(map(str, batch))}" if isinstance(batch, dict) else f"of {len(batch)}"
        about = f" {kind}" if isinstance(batch, (dict, list, tuple)) else ""
        raise SettingsError(
            f"a batch is a {type(batch).__name__}{about}, expected a Batch: from a loader, tuples (x, y), (x, y, dt) or "
            "(x, y, dt, mask), or dicts with x, y, dt, mask, weight, static, first; or write an objective of your own"
        )


def _measure(loss: Loss | TimeIntegrated, batch: Batch) -> Tensor:
    """How much each step counts, (batch, time): its share of time in an integral, else its weight; 0 where masked."""
    if isinstance(loss, TimeIntegrated):
        _check_unweighted(batch)
        return losses.trapezoid_weights(_gaps(batch), batch.mask)
    ones = batch.x.new_ones(batch.x.shape[:2])
    if batch.mask is not None:
        ones = ones * batch.mask
    weight = getattr(batch, "weight", None)
    return ones if weight is None else ones * (weight[:, None] if weight.ndim == 1 else weight)


def _check_unweighted(batch: Batch) -> None:
    if getattr(batch, "weight", None) is not None:
        raise SettingsError("an integral over time weighs by time alone: leave weight out, or take the loss itself")


def _target(batch: Batch) -> Tensor:
    if batch.y is None:
        raise SettingsError("the batch has no y: supervised training needs targets")
    return batch.y


def _gaps(batch: Batch) -> Tensor:
    return batch.x.new_ones(batch.x.shape[:2]) if batch.dt is None else batch.dt
