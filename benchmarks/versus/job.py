"""One model of one size from one seed: trained on the set as every other, then measured.

test            the score after the last epoch; nothing is chosen by it
curve           training loss, validation score and seconds of training after every epoch
us_per_step     one sequence of 256 steps, batch 1, one thread, forward alone: the median of several, over 256
robust          disturbance -> the score at each of its levels
adapt           way of learning on -> squared error (or share of errors) of every chunk of a stream that shifts halfway
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from tauflow.training import Batch

from ..paper import models
from ..paper.metrics import Metric
from ..paper.task import Split, Task
from ..paper.train import CHUNK, Say, choose_rate, target, train
from . import adapt, rules
from .cuts import DISTURBANCES, Cut, cut, share
from .sets import UNITS, Data, Set

STEPS, REPEATS = 256, 15
Curve = dict[str, list[float]]


@dataclass
class Row:
    """What results/versus/SET.json holds a list of."""

    model: str
    kind: str
    units: int
    seed: int
    lr: float
    parameters: int
    test: float
    us_per_step: float | None
    curve: Curve = field(default_factory=dict)
    robust: Curve = field(default_factory=dict)
    adapt: dict[str, Any] = field(default_factory=dict)
    ended: str = ""
    commit: str = ""
    machine: str = ""

    @property
    def key(self) -> tuple[str, int, int]:
        return self.model, self.units, self.seed


def split(of: Set, data: Data) -> Split:
    """Windows to learn from, some rows lost if the set says so; validation and test are whole."""
    kept = share(of.kept) if of.kept < 1 else None
    first = cut(data.train, of.stride, kept, seed=1) if kept else cut(data.train, of.stride)
    return Split(of.name, first.batch, cut(data.validation, of.stride).batch, cut(data.test, of.stride).batch)


def task(of: Set) -> Task:
    return Task(
        of.name, of.title, of.about, "", of.metric, of.outputs, of.settings, lambda files: iter(()), of.cells, of.rules
    )


def rate(of: Set, parts: Split, name: str, units: int, said: Say) -> float:
    """Chosen on validation, for every size anew, from a seed that no row uses."""
    return choose_rate(task(of), parts, name, replace(of.settings, units=units), said)


def network(of: Set, data: Data, parts: Split, name: str, units: int, lr: float, seed: int, said: Say) -> Row:
    scores = train(task(of), parts, name, replace(of.settings, units=units), lr, seed, said, test=False)
    model = scores.model.eval()
    row = Row(
        name, models.kind(name), units, seed, lr, models.count(model), score(model, cut(data.test, of.stride), of.metric),
        microseconds(model, parts.train.x.shape[2]),
        curve={"train": scores.losses, "validation": scores.validated, "seconds": scores.seconds},
        ended="" if len(scores.validated) == of.settings.epochs else f"blew up in epoch {len(scores.validated) + 1}",
    )  # fmt: skip
    if units == UNITS and of.shifted:
        row.robust = robustness(model, of, data)
        row.adapt = adapt.network(of, data, model, said)
    return row


def rule(of: Set, data: Data, parts: Split, name: str) -> Row:
    if name == "season":
        return Row(name, "trivial", 0, 0, 0.0, 0, of_season(cut(data.test, of.stride), of.metric), None)
    model = rules.build(name, of, parts)
    found = score(model, cut(data.test, of.stride), of.metric)
    row = Row(name, "trivial", 0, 0, 0.0, rules.count(model), found, None)
    if of.shifted:
        row.robust, row.adapt = robustness(model, of, data), adapt.frozen(of, data, model)
    return row


def robustness(model: nn.Module, of: Set, data: Data) -> Curve:
    return {
        name: [score(model, one.cut(of, data, level), of.metric) for level in one.levels]
        for name, one in DISTURBANCES.items()
    }


def score(model: nn.Module, on: Cut, metric: Metric) -> float:
    """Of all rows that count, at once."""
    with torch.no_grad():
        parts = [on.batch.rows(slice(at, at + CHUNK)) for at in range(0, len(on.batch), CHUNK)]
        output = torch.cat([model(part.x, part.dt) for part in parts])
    return metric.score(*late(output, target(on.batch), on.begin))


def of_season(on: Cut, metric: Metric) -> float:
    assert on.season is not None
    return metric.score(*late(on.season, target(on.batch), on.begin))


def late(output: Tensor, y: Tensor, begin: int) -> tuple[Tensor, Tensor]:
    return output[:, begin:].flatten(0, 1), y[:, begin:].flatten(0, 1)


def microseconds(model: nn.Module, inputs: int) -> float:
    data = Batch(torch.randn(1, STEPS, inputs), None, torch.ones(1, STEPS))
    took = []
    with torch.inference_mode():
        for _ in range(REPEATS):
            began = time.process_time()
            model(data.x, data.dt)
            took.append(time.process_time() - began)
    return 1e6 * statistics.median(took) / STEPS
