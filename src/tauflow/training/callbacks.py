"""What a training run tells while it goes on. Derive from `Callback` and write the methods you need.

A callback sees numbers, not the loop; what it wants of the model it keeps itself. Epochs and steps are
counted from 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from .history import History


@dataclass(frozen=True)
class Step:
    """One batch is done. The gradient's norm is that before clipping; the last chunk's, if time is cut."""

    epoch: int
    step: int
    loss: float
    gradient_norm: float
    lr: float


@dataclass(frozen=True)
class Epoch:
    """One epoch is done: the mean loss of its samples, the validation loss if any, the best epoch so far."""

    epoch: int
    train: float
    validation: float | None
    best_epoch: int
    lr: float
    seconds: float


class Callback:
    """Does nothing at all. A method that returns True ends the training after the epoch is closed."""

    def on_step(self, step: Step) -> bool | None:
        """After every batch."""
        return None

    def on_epoch(self, epoch: Epoch) -> bool | None:
        """After every epoch and its validation."""
        return None

    def on_end(self, history: History) -> None:
        """At the end, with the final weights in the model; not after an error."""
