"""What is trained for and what is reported: a loss, and a score over a whole set.

    output (batch, time, outputs)    y (batch, time, outputs) numbers, or classes (batch, time), or one class a sequence (batch,)
    mask   (batch, time) True = real; a sequence's class is read off at its last real step

Accuracy is in per cent; F1 is that of class 1, over all steps together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Metric:
    name: str
    unit: str
    higher: bool  # whether more is better
    loss: Callable[[Tensor, Tensor], Tensor]  # of entries (n, outputs) and targets (n, outputs) or (n,)
    score: Callable[[Tensor, Tensor], float]
    perfect: float = 0.0

    def better(self, one: float, other: float) -> bool:
        return one > other if self.higher else one < other

    @property
    def worst(self) -> float:
        return float("-inf") if self.higher else float("inf")


def entries(output: Tensor, y: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """What counts of output and target: one row a real step, or a sequence's last real step."""
    if y.ndim == 1:
        last = torch.full_like(y, output.shape[1]) if mask is None else mask.sum(dim=1)
        return output[torch.arange(len(y)), last - 1], y
    if mask is None:
        return output.flatten(0, 1), y.flatten(0, 1)
    return output[mask], y[mask]


def mse(output: Tensor, y: Tensor) -> float:
    """The mean over entries and features, in float64."""
    return float((output.double() - y.double()).square().mean())


def accuracy(output: Tensor, y: Tensor) -> float:
    return 100 * float((output.argmax(dim=1) == y).double().mean())


def f1(output: Tensor, y: Tensor) -> float:
    """2 tp / (2 tp + fp + fn); 0 where nothing of class 1 was found or there."""
    said, true = output.argmax(dim=1) == 1, y == 1
    hit, missed = int((said & true).sum()), int((said != true).sum())
    return 2 * hit / (2 * hit + missed) if hit else 0.0


def ozone_loss(output: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy with weight 1.6 on ozone days and 0.1 on others, as published."""
    each = F.cross_entropy(output, y, reduction="none")
    return (each * (1.5 * y + 0.1)).mean()


MSE = Metric("MSE", "", False, F.mse_loss, mse)
ACCURACY = Metric("accuracy", "%", True, F.cross_entropy, accuracy, perfect=100.0)
F1 = Metric("F1", "", True, ozone_loss, f1, perfect=1.0)
