"""A training run: `Run` while it goes on, all of it that a checkpoint needs; `History` when it is over.

Epochs and steps are counted from 0 inside, from 1 in what people read. A step is one batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..drawing import Colours, Drawn
from .settings import SettingsError

BETTER: dict[str, Callable[[float], float]] = {"min": float, "max": lambda value: -value, "zero": abs}  # less is better


@dataclass(frozen=True)
class History(Drawn):
    """One number an epoch in `train`, `validation` (empty without one) and `lr`; losses are sample means.

    `metric`: what `validation` holds, "loss" or the name of a metric. `notes`: what the data are found to be like.
    `stopped`: "finished", "early", "interrupted", "time" or "callback"; `message` says it in a line.
    `best_epoch` counts from 1; `restored` says whether its weights are the ones in the model now.
    """

    train: tuple[float, ...]
    validation: tuple[float, ...]
    lr: tuple[float, ...]
    seconds: float
    best_epoch: int | None
    restored: bool
    stopped: str
    message: str
    metric: str = "loss"
    notes: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        return len(self.train)

    def frame(self) -> Any:
        """A line an epoch."""
        import pandas as pd

        columns = {"epoch": range(1, self.epochs + 1), "train": self.train, "lr": self.lr}
        if self.validation:
            columns[f"validation {self.metric}" if self.metric != "loss" else "validation"] = self.validation
        return pd.DataFrame(columns)

    def draw(self, figure: Any, colours: Colours) -> None:
        """The training loss and the validation over the epochs, the best one marked; a metric has an axis of its own."""
        from matplotlib.ticker import MaxNLocator  # matplotlib loads on first use

        epochs = range(1, self.epochs + 1)
        marker = "o" if self.epochs == 1 else None
        apart = self.metric != "loss" and len(self.validation) > 0
        first, *more = [figure.add_subplot(1, 1 + apart, 1 + k) for k in range(1 + apart)]
        first.plot(epochs, self.train, color=colours["liquid1"], label="training loss", marker=marker)
        judged = more[0] if more else first
        if self.validation:
            name = f"validation {self.metric}"
            judged.plot(epochs, self.validation, color=colours["static1"], label=name, marker=marker)
        if self.best_epoch is not None:
            values = self.validation or self.train
            at = (self.best_epoch, values[self.best_epoch - 1])
            judged.plot(*at, "o", color=colours["ink"], markersize=5)
            judged.annotate(
                f"best, {at[1]:.4g}", at, (0, 8), textcoords="offset points", ha="center", color=colours["ink"]
            )
        for axes in (first, *more):
            axes.set_xlabel("epoch")
            axes.set_ylabel("loss" if axes is first else self.metric)
            axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
            axes.legend()


@dataclass
class Place:
    """Where a run stands. `epoch` whole epochs are done, and `step` batches of the next."""

    epoch: int = 0
    step: int = 0
    updates: int = 0
    loss_sum: float = 0.0  # over the samples of this epoch so far
    samples: int = 0
    first_norm: float = 0.0  # the largest gradient norm of the first updates
    steps: int = 0  # all batches so far
    last_loss: float | None = None
    last_lr: float = 0.0
    seconds: float = 0.0
    stopped: str = ""
    best_epoch: int | None = None  # counted from 0


@dataclass
class Run(Place):
    """A place, with the weights and the history that belong to it."""

    best: dict[str, Tensor] = field(default_factory=dict)  # weights of the best epoch, at first the initial ones
    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    lr: list[float] = field(default_factory=list)
    metric: str = "loss"
    mode: str = "min"  # what of the validation is best, a key of BETTER
    notes: tuple[str, ...] = ()

    def record(self, loss: float, samples: int, lr: float) -> None:
        """One step is done."""
        self.step += 1
        self.steps += 1
        self.loss_sum += loss * samples
        self.samples += samples
        self.last_loss, self.last_lr = loss, lr

    def close_epoch(self, model: nn.Module, validation: float | None) -> None:
        """One epoch is done; its weights are kept if none were better."""
        if self.samples == 0:
            raise SettingsError("the source gave no batch in this epoch")
        self.train.append(self.loss_sum / self.samples)
        self.lr.append(self.last_lr)
        if validation is not None:
            self.validation.append(validation)
        watched = self.watched()
        if self.best_epoch is None or watched[-1] < watched[self.best_epoch]:
            self.best_epoch, self.best = self.epoch, copy_weights(model)
        self.epoch, self.step, self.loss_sum, self.samples = self.epoch + 1, 0, 0.0, 0

    def watched(self) -> list[float]:
        """A number an epoch, the less the better."""
        return [BETTER[self.mode](value) for value in self.validation] or self.train

    def waited(self) -> int:
        """Epochs since the best one."""
        return self.epoch - 1 - (self.best_epoch or 0) if self.epoch else 0

    def restores(self) -> str:
        """What `best` holds, in words."""
        return "the initial weights" if self.best_epoch is None else f"weights of epoch {self.best_epoch + 1}"

    def judged(self) -> str:
        """What the validation's numbers are called."""
        return "validation" if self.metric == "loss" else f"validation {self.metric}"

    def close(self, restored: bool) -> History:
        watched = self.judged() if self.validation else "the training loss"
        reason = {
            "finished": "all epochs done",
            "early": f"{watched} has not improved for {self.waited()}",
            "interrupted": "interrupted",
            "time": "the time budget is used up",
            "callback": "a callback asked for it",
        }[self.stopped]
        end = f"; {self.restores()} restored" if restored else ""
        return History(
            train=tuple(self.train),
            validation=tuple(self.validation),
            lr=tuple(self.lr),
            seconds=self.seconds,
            best_epoch=None if self.best_epoch is None else self.best_epoch + 1,
            restored=restored,
            stopped=self.stopped,
            message=f"stopped at epoch {self.epoch}: {reason}{end}",
            metric=self.metric,
            notes=self.notes,
        )


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """Parameters and saved buffers, copied."""
    return {name: value.detach().clone() for name, value in model.state_dict().items() if isinstance(value, Tensor)}


@torch.no_grad()
def restore_weights(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Write `weights` back into the model's own tensors, bit for bit."""
    own = model.state_dict()
    for name, value in weights.items():
        own[name].copy_(value)
