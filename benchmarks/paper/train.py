"""One run: train a network on a split from a seed, score it on validation and test after every epoch.

Nothing is chosen by the test scores: the epoch is the best on validation, and the last epoch's score is kept beside it. The learning
rate is that of the grid whose short run, from a seed that no row uses, is best on validation. Every model gets the same of all this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from time import process_time

import torch
from torch import Tensor, nn

from tauflow.errors import TrainingError
from tauflow.training import ArraySource, Batch, Callback, Epoch, fit

from . import models
from .metrics import Metric, entries
from .task import Settings, Split, Task

SEARCH_SEED = 1_000
CHUNK = 1_024  # sequences scored at a time

Say = Callable[[str], None]


@dataclass
class Scores(Callback):
    """After every epoch: both scores, and the seconds of processor time that training alone took."""

    model: nn.Module
    metric: Metric
    validation: Batch
    test: Batch | None
    said: Say
    validated: list[float] = field(default_factory=list)
    tested: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)  # of training
    began: float = field(default_factory=process_time)

    def on_epoch(self, epoch: Epoch) -> bool:
        self.seconds.append(process_time() - self.began)
        self.losses.append(epoch.train)
        self.validated.append(score(self.model, self.validation, self.metric))
        if self.test is not None:
            self.tested.append(score(self.model, self.test, self.metric))
        if epoch.epoch == 1 or epoch.epoch % 10 == 0:
            tested = f", test {self.tested[-1]:.4g}" if self.tested else ""
            self.said(f"epoch {epoch.epoch}: loss {epoch.train:.4g}, validation {self.validated[-1]:.4g}{tested}")
        self.began = process_time()
        return False

    @property
    def best(self) -> int:
        """The epoch, from 0, that is best on validation; the first of equals."""
        sign = -1 if self.metric.higher else 1
        return min(range(len(self.validated)), key=lambda epoch: sign * self.validated[epoch])


class Growing(ArraySource):
    """Batches from ever more of the sequences: the shortest (by the sum of their dt) first, all of them from epoch `full` on."""

    def __init__(self, data: Batch, full: float, batch_size: int, seed: int) -> None:
        assert data.dt is not None and data.mask is not None
        data = data.rows(torch.argsort((data.dt * data.mask).sum(dim=1), stable=True))
        super().__init__(data.x, data.y, data.dt, data.mask, batch_size=batch_size, seed=seed)
        self.full = full

    def batches(self, epoch: int) -> Iterator[Batch]:
        part = self.data.rows(slice(0, math.ceil(min(1.0, (epoch + 1) / self.full) * len(self.data))))
        return ArraySource(part.x, part.y, part.dt, part.mask, batch_size=self.batch_size, seed=self.seed).batches(
            epoch
        )


@dataclass(frozen=True)
class Outcome:
    """What one seed gave."""

    best: float
    last: float
    epoch: int  # from 1; 0 untrained
    seconds: float  # of processor time: the median over epochs, training alone
    parameters: int
    ended: str  # "", or why it ended early


def score(model: nn.Module, data: Batch, metric: Metric) -> float:
    """Of the whole set at once, in eval mode."""
    was, outputs, targets = model.training, [], []
    model.eval()
    with torch.no_grad():
        for begin in range(0, len(data), CHUNK):
            part = trimmed(data.rows(slice(begin, begin + CHUNK)))
            output, y = entries(model(part.x, part.dt), target(part), part.mask)
            outputs.append(output)
            targets.append(y)
    model.train(was)
    return metric.score(torch.cat(outputs), torch.cat(targets))


def target(batch: Batch) -> Tensor:
    assert batch.y is not None
    return batch.y


def trimmed(batch: Batch) -> Batch:
    """Without the steps that are padding in every sequence; what is per sequence stays."""
    if batch.mask is None:
        return batch
    steps = int(batch.mask.sum(dim=1).max())
    y = target(batch) if target(batch).ndim == 1 else target(batch)[:, :steps]
    return Batch(batch.x[:, :steps], y, None if batch.dt is None else batch.dt[:, :steps], batch.mask[:, :steps])


def objective(metric: Metric) -> Callable[[nn.Module, Batch], Tensor]:
    """The mask is not handed to the model: padding stands at the end, behind all that counts."""

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        batch = trimmed(batch)
        return metric.loss(*entries(model(batch.x, batch.dt), target(batch), batch.mask))

    return loss


def batches(data: Batch, settings: Settings, seed: int) -> ArraySource:
    if settings.growing:
        return Growing(data, settings.growing * settings.epochs, settings.batch, seed)
    return ArraySource(data.x, data.y, data.dt, data.mask, batch_size=settings.batch, seed=seed)


def untrained(task: Task, split: Split, name: str, settings: Settings, seed: int) -> nn.Module:
    """The network as drawn from the seed, its scales, if it has any, those of the training data."""
    model = models.build(name, split.train.x.shape[2], task.outputs, settings.units, seed)
    model.measure(split.train)
    return model


def train(
    task: Task, split: Split, name: str, settings: Settings, lr: float, seed: int, said: Say, test: bool = True
) -> Scores:
    """The scores of every epoch; a run that blows up keeps those of the epochs before."""
    model = untrained(task, split, name, settings, seed)
    scores = Scores(model, task.metric, split.validation, split.test if test else None, said)
    source = batches(split.train, settings, seed)
    try:
        fit(
            model, source, objective=objective(task.metric), epochs=settings.epochs, lr=lr, clip=settings.clip,
            optimizer="adamw", weight_decay=settings.weight_decay,
            schedule=settings.schedule, seed=seed, callbacks=[scores], progress=False,
        )  # fmt: skip
    except TrainingError as error:
        said(f"ended after {len(scores.validated)} epochs: {error}")
    return scores


def choose_rate(task: Task, split: Split, name: str, settings: Settings, said: Say) -> float:
    """The learning rate whose short run is best on validation."""
    if len(settings.rates) == 1:
        return settings.rates[0]
    short = replace(settings, epochs=max(1, round(settings.search * settings.epochs)))
    found: dict[float, float] = {}
    for lr in settings.rates:
        scores = train(task, split, name, short, lr, SEARCH_SEED, lambda _: None, test=False)
        found[lr] = scores.validated[scores.best] if scores.validated else task.metric.worst
        said(f"lr {lr:g}: validation {found[lr]:.4g} after {short.epochs} epochs")
    return (max if task.metric.higher else min)(found, key=lambda lr: found[lr])


def run(task: Task, split: Split, name: str, settings: Settings, lr: float, seed: int, said: Say) -> Outcome:
    scores = train(task, split, name, settings, lr, seed, said)
    if not scores.validated:
        raw = untrained(task, split, name, settings, seed)
        found = score(raw, split.test, task.metric)
        return Outcome(found, found, 0, 0.0, models.count(raw), "did not survive its first epoch, so untrained")
    ended = "" if len(scores.validated) == settings.epochs else f"blew up in epoch {len(scores.validated) + 1}"
    median = sorted(scores.seconds)[len(scores.seconds) // 2]
    return Outcome(
        scores.tested[scores.best], scores.tested[-1], scores.best + 1, median, models.count(scores.model), ended
    )
