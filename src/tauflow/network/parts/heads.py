"""Heads: what the last numbers mean, and what it costs when they are wrong.

    values      y = mean + width a                                             loss mse, mae or huber, of y / width
    quantiles   q_1 < q_2 < ..., distances softplus(a): they never cross      loss pinball
    normal      mean, deviation = softplus(a) > 0                              loss -log N(y; mean, deviation)
    student     mean, scale > 0, degrees of freedom > 2                        loss -log t(y; ...)
    classes     log p = a - log sum exp a                                      loss cross-entropy
    actions     low + (high - low) sigmoid(a)                                  loss mse, of the range

    a (batch, time, inputs) -> y (batch, time, outputs); several columns: all of the first kind, then all of the next

The first four learn the scale of their targets, so answers and targets are in the user's units while the loss is in units of
the targets' spread. Sources: Koenker and Bassett 1978 (pinball), Lange et al. 1989 (Student's t), Szegedy et al. 2016 (smoothing).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from ... import losses
from ...errors import ShapeError
from ...ops.graph import Graph
from .part import NetworkError, Part, check_count
from .scale import Scale

LEAST = 1e-4  # of a deviation, in units of the targets' spread


class Head(Part, ABC):
    """`columns` answers from `inputs` numbers, as `outputs` numbers: blocks of columns, each block with a name."""

    place: ClassVar[str] = "head"

    def __init__(self, columns: int, blocks: Sequence[str]) -> None:
        super().__init__()
        self.columns, self.names = check_count("outputs", columns), tuple(blocks)
        self.inputs = self.outputs = columns * len(self.names)

    @abstractmethod
    def forward(self, a: Tensor) -> Tensor:
        """The answers (..., outputs) from the readout's numbers (..., inputs)."""

    @abstractmethod
    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        """The mean loss of answers y (..., outputs), a scalar; target (..., columns), mask and weight as in `losses`."""

    @abstractmethod
    def lower(self, graph: Graph, source: int) -> int:
        """The head as steps."""

    def measure(self, target: Tensor) -> None:
        """Learn from the training targets (samples, columns) what is no weight: their scale, how often a class comes."""

    def average(self, ys: Tensor) -> Tensor:
        """The answer of several networks, (members, ..., outputs) -> (..., outputs)."""
        return ys.mean(dim=0)

    averaging: ClassVar[str] = "mean"


class Scaled(Head):
    """A head whose answers are in the units of its targets."""

    def __init__(self, columns: int, blocks: Sequence[str]) -> None:
        super().__init__(columns, blocks)
        self.scale = Scale(columns)

    def measure(self, target: Tensor) -> None:
        self.scale.measure(target)

    def scaled(self, target: Tensor) -> Tensor:
        """Targets (..., columns) in units of their spread."""
        if target.shape[-1:] != (self.columns,):
            raise ShapeError(
                f"target has shape {tuple(target.shape)}, expected (..., {self.columns}), the columns last"
            )
        scaled: Tensor = self.scale(target)
        return scaled

    def blocks(self, y: Tensor) -> tuple[Tensor, ...]:
        """y (..., outputs) block by block, each (..., columns)."""
        return tuple(y.split(self.columns, dim=-1))

    def back(self, graph: Graph, source: int, moved: Sequence[bool]) -> int:
        """Into the units of the targets, as a step; moved: which blocks have a mean to add."""
        w, b = self.scale.width, self.scale.mean
        rest = torch.ones_like(w) if len(moved) < len(self.names) else w[:0]
        widths = torch.cat([w] * len(moved) + [rest])
        means = torch.cat([b if move else torch.zeros_like(b) for move in moved] + [torch.zeros_like(rest)])
        return graph.add("affine", source, self.outputs, (widths, means))


class Values(Scaled):
    """One number a column.

    >>> head = tauflow.network.Values(1)
    >>> head.measure(torch.tensor([[10.0], [20.0], [30.0]]))  # the training targets
    >>> head(torch.tensor([[0.0], [1.0]])).tolist()  # the mean, and one deviation above it
    [[20.0], [30.0]]
    """

    name: ClassVar[str] = "values"

    def __init__(self, columns: int, loss: str = "mse") -> None:
        super().__init__(columns, ("",))
        self.kind = losses.get(loss)

    def forward(self, a: Tensor) -> Tensor:
        return self.scale.back(a)

    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        value: Tensor = self.kind(self.scale(y), self.scaled(target), mask, weight)
        return value

    def lower(self, graph: Graph, source: int) -> int:
        return self.back(graph, source, [True])


class Quantiles(Scaled):
    """The `levels` of every column, rising: the middle one is free, the others lie softplus(a) apart.

    >>> head = tauflow.network.Quantiles(1, levels=(0.1, 0.5, 0.9))
    >>> low, middle, high = head(torch.randn(100, 3)).unbind(dim=-1)
    >>> bool(((low <= middle) & (middle <= high)).all())  # whatever the network says
    True
    >>> tauflow.Network(3, ["load"], head="quantiles").output_names
    ['load q0.1', 'load q0.5', 'load q0.9']
    """

    name: ClassVar[str] = "quantiles"

    def __init__(self, columns: int, levels: Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        self.pinball = losses.quantile(levels)
        super().__init__(columns, [f"q{level:g}" for level in levels])
        self.middle = len(self.names) // 2

    def forward(self, a: Tensor) -> Tensor:
        parts = self.blocks(a)
        steps = [F.softplus(part) for part in parts]
        found = [parts[self.middle]]
        for step in steps[self.middle + 1 :]:
            found.append(found[-1] + step)
        for step in reversed(steps[: self.middle]):
            found.insert(0, found[0] - step)
        return torch.cat([self.scale.back(part) for part in found], dim=-1)

    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        levels = torch.stack([self.scale(part) for part in self.blocks(y)], dim=-1)  # (..., columns, levels)
        return self.pinball(levels, self.scaled(target), mask, weight)

    def lower(self, graph: Graph, source: int) -> int:
        rising = graph.add("quantiles", source, self.outputs, columns=self.columns, middle=self.middle)
        return self.back(graph, rising, [True] * len(self.names))


class Normal(Scaled):
    """Mean and deviation of every column.

    >>> network = tauflow.Network(3, ["load"], head="normal")
    >>> answer, state = network(torch.randn(4, 10, 3))
    >>> answer.shape, network.output_names
    (torch.Size([4, 10, 2]), ['load mean', 'load deviation'])
    """

    name: ClassVar[str] = "normal"

    def __init__(self, columns: int) -> None:
        super().__init__(columns, ("mean", "deviation"))

    def forward(self, a: Tensor) -> Tensor:
        mean, spread = self.blocks(a)
        return torch.cat([self.scale.back(mean), (F.softplus(spread) + LEAST) * self.scale.width], dim=-1)

    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        def entries(y: Tensor, z: Tensor) -> Tensor:
            mean, deviation = self.blocks(y)
            deviation = deviation / self.scale.width
            far: Tensor = (z - self.scale(mean)) / deviation
            return 0.5 * far.square() + deviation.log() + 0.5 * math.log(2 * math.pi)

        return losses.mean_of(entries, y, self.scaled(target), mask, weight)

    def average(self, ys: Tensor) -> Tensor:
        """Mean and deviation of the mixture."""
        mean, deviation = self.blocks(ys)
        of_all = mean.mean(dim=0)
        variance = (deviation.square() + (mean - of_all).square()).mean(dim=0)
        return torch.cat([of_all, variance.sqrt()], dim=-1)

    averaging: ClassVar[str] = "normal"

    def lower(self, graph: Graph, source: int) -> int:
        positive = graph.add("positive", source, self.outputs, first=self.columns, least=[LEAST] * self.columns)
        return self.back(graph, positive, [True, False])


class Student(Scaled):
    """Location, scale and degrees of freedom of every column, for targets with far outliers.

    >>> tauflow.Network(3, ["load"], head="student").output_names
    ['load location', 'load scale', 'load freedom']
    """

    name: ClassVar[str] = "student"

    def __init__(self, columns: int) -> None:
        super().__init__(columns, ("location", "scale", "freedom"))

    def forward(self, a: Tensor) -> Tensor:
        location, spread, freedom = self.blocks(a)
        positive = (F.softplus(spread) + LEAST) * self.scale.width
        return torch.cat([self.scale.back(location), positive, F.softplus(freedom) + 2.0], dim=-1)

    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        def entries(y: Tensor, z: Tensor) -> Tensor:
            location, spread, n = self.blocks(y)
            spread = spread / self.scale.width
            far = ((z - self.scale(location)) / spread).square() / n
            constant = torch.lgamma((n + 1) / 2) - torch.lgamma(n / 2) - 0.5 * (n * math.pi).log()
            return (n + 1) / 2 * torch.log1p(far) + spread.log() - constant

        return losses.mean_of(entries, y, self.scaled(target), mask, weight)

    def lower(self, graph: Graph, source: int) -> int:
        least = [LEAST] * self.columns + [2.0] * self.columns
        return self.back(
            graph, graph.add("positive", source, self.outputs, first=self.columns, least=least), [True, False]
        )


class Classes(Head):
    """The log-probability of every class; targets are class numbers, without an axis for the classes.

    weight: what a sample of each class counts, (classes), or "balanced": samples / (classes * samples of the class)
    smoothing: this share of the target is spread over all classes

    >>> network = tauflow.Network(3, ["sit", "walk", "run"], pool="mean", head={"name": "classes", "weight": "balanced"})
    >>> answer, state = network(torch.randn(4, 20, 3))  # log-probabilities
    >>> answer.shape, [round(p, 3) for p in answer.exp().sum(dim=1).tolist()]
    (torch.Size([4, 3]), [1.0, 1.0, 1.0, 1.0])
    """

    name: ClassVar[str] = "classes"
    averaging: ClassVar[str] = "log"

    weights: Tensor

    def __init__(self, columns: int, weight: str | Sequence[float] | None = None, smoothing: float = 0.0) -> None:
        super().__init__(columns, ("",))
        if columns < 2:
            raise NetworkError(f"outputs is {columns}, expected at least 2 classes")
        if not 0 <= smoothing < 1:
            raise NetworkError(f"smoothing is {smoothing!r}, expected a share in [0, 1)")
        given = [1.0] * columns if weight is None or isinstance(weight, str) else [float(one) for one in weight]
        if (isinstance(weight, str) and weight != "balanced") or len(given) != columns or min(given) < 0:
            raise NetworkError(f"weight is {weight!r}, expected 'balanced' or {columns} numbers >= 0")
        self.balanced, self.smoothing = weight == "balanced", smoothing
        self.register_buffer("weights", torch.tensor(given))

    @torch.no_grad()
    def measure(self, target: Tensor) -> None:
        if self.balanced:
            self.weights.copy_(torch.tensor(losses.balanced(target, self.columns)))

    def forward(self, a: Tensor) -> Tensor:
        y: Tensor = F.log_softmax(a, dim=-1)
        return y

    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        return losses.of_classes(y, target, mask, weight, self.weights, self.smoothing)

    def average(self, ys: Tensor) -> Tensor:
        """log of the mean probability."""
        return torch.logsumexp(ys, dim=0) - math.log(len(ys))

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("log_softmax", source, self.outputs)


class Actions(Head):
    """Numbers that stay within their limits; low and high a number, or one for each column.

    >>> head = tauflow.network.Actions(2, low=[-1.0, 0.0], high=[1.0, 10.0])
    >>> head(torch.tensor([[0.0, 0.0], [-99.0, 99.0]])).tolist()  # in the middle; at the limits
    [[0.0, 5.0], [-1.0, 10.0]]
    """

    name: ClassVar[str] = "actions"

    low: Tensor
    high: Tensor

    def __init__(self, columns: int, low: float | Sequence[float] = -1.0, high: float | Sequence[float] = 1.0) -> None:
        super().__init__(columns, ("",))
        limits = [_limits("low", low, columns), _limits("high", high, columns)]
        if not all(least < most for least, most in zip(*limits, strict=True)):
            raise NetworkError(f"low is {low!r} and high {high!r}, expected low < high")
        for name, values in zip(("low", "high"), limits, strict=True):
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, a: Tensor) -> Tensor:
        return torch.lerp(self.low.expand_as(a), self.high.expand_as(a), torch.sigmoid(a))

    def loss(self, y: Tensor, target: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
        span = (self.high - self.low) / 2
        return losses.mse(y / span, target / span, mask, weight)

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("squash", source, self.outputs, (self.low, self.high))


def _limits(name: str, limit: float | Sequence[float], columns: int) -> list[float]:
    limits = [float(limit)] * columns if isinstance(limit, (int, float)) else [float(one) for one in limit]
    if len(limits) != columns:
        raise NetworkError(f"{name} has {len(limits)} limits, expected a number or {columns} of them")
    return limits
