"""What a training run tells while it goes on. Derive from `Callback` and write the methods you need.

A callback sees numbers and the model, not the loop; it reads the model and leaves it as it is, or no run could be
resumed. Epochs and steps are counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from .history import History


@dataclass(frozen=True)
class Step:
    """One batch is done. The gradient's norm is that before clipping; the last chunk's, if time is cut."""

    epoch: int
    step: int
    loss: float
    gradient_norm: float
    lr: float
    model: nn.Module = field(repr=False)


@dataclass(frozen=True)
class Epoch:
    """One epoch is done: the mean loss of its samples, the validation if any, the best epoch so far.

    `judged` is what the validation's number is called: "validation", or "validation auroc" and the like. The model is
    in train mode; `training.evaluate` and `training.answers` switch to eval mode and back.
    """

    epoch: int
    train: float
    validation: float | None
    best_epoch: int
    lr: float
    seconds: float
    judged: str
    model: nn.Module = field(repr=False)


class Callback:
    """Does nothing at all. A method that returns True ends the training after the epoch is closed.

    >>> class Enough(tauflow.training.Callback):
    ...     def on_epoch(self, epoch):  # an Epoch; on_step is given a Step
    ...         return epoch.train < 1e9
    >>> source = tauflow.training.ArraySource(torch.ones(4, 5, 1), torch.ones(4, 5, 1))
    >>> tauflow.fit(tauflow.Network(1, 1, units=2), source, epochs=9, callbacks=[Enough()], progress=False).message
    'stopped at epoch 1: a callback asked for it'
    """

    def on_step(self, step: Step) -> bool | None:
        """After every batch."""
        return None

    def on_epoch(self, epoch: Epoch) -> bool | None:
        """After every epoch and its validation."""
        return None

    def on_end(self, history: History) -> None:
        """At the end, with the final weights in the model; not after an error."""
