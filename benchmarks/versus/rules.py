"""What learns no recurrence, as modules `forward(x, dt, mask) -> (batch, time, outputs)` that are fitted by closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..paper.models import with_gap
from ..paper.task import Split
from ..paper.train import score, target
from .sets import Set

LAGS = 8
STRENGTHS = tuple(10.0**power for power in range(-6, 4))


class Persistence(nn.Module):
    """The next value is this one."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        return x[..., : self.outputs]


class Constant(nn.Module):
    """The same output always: the class that is most frequent in training, or a return of nothing."""

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        return self.value.expand(*x.shape[:2], -1)


class Ridge(nn.Module):
    """y = W [x_t, ..., x_{t-7}, log(1 + dt)] + b; zeros before a window's first row. Classes by least squares on 0 and 1."""

    def __init__(self, centre: Tensor, width: Tensor, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        for name, value in (("centre", centre), ("width", width), ("weight", weight), ("bias", bias)):
            self.register_buffer(name, value)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        return ((lagged(x, dt) - self.centre) / self.width @ self.weight + self.bias).float()


def lagged(x: Tensor, dt: Tensor | None) -> Tensor:
    """(batch, time, LAGS features + 1), float64."""
    past = F.pad(x, (0, 0, LAGS - 1, 0)).unfold(1, LAGS, 1).flatten(2)
    return torch.cat([past, with_gap(x, dt)[..., -1:]], dim=2).double()


def ridge(of: Set, split: Split) -> nn.Module:
    """Its strength is the one that is best on validation."""
    x = lagged(split.train.x, split.train.dt).flatten(0, 1)
    y = target(split.train).flatten(0, 1)
    y = (F.one_hot(y, of.outputs) if y.ndim == 1 else y).double()
    centre, width, level = x.mean(dim=0), x.std(dim=0, correction=0), y.mean(dim=0)
    width = torch.where(width > 0, width, 1.0)
    z = (x - centre) / width
    gram, moment, ones = z.T @ z / len(z), z.T @ (y - level) / len(z), torch.eye(z.shape[1], dtype=torch.float64)
    fits = [Ridge(centre, width, torch.linalg.solve(gram + s * ones, moment), level) for s in STRENGTHS]
    return (max if of.metric.higher else min)(fits, key=lambda fit: score(fit, split.validation, of.metric))


def build(name: str, of: Set, split: Split) -> nn.Module:
    if name == "ridge":
        return ridge(of, split)
    if name == "persistence":
        return Persistence(of.outputs)
    if name == "random walk":
        return Constant(torch.zeros(of.outputs))
    assert name == "majority"
    most = target(split.train).flatten().mode().values
    return Constant(F.one_hot(most, of.outputs).float())


def count(model: nn.Module) -> int:
    """Numbers that were fitted."""
    return sum(value.numel() for name, value in model.named_buffers() if name in ("weight", "bias"))


TITLES = {
    "persistence": "persistence",
    "season": "the same hour a week before",
    "random walk": "random walk: no return",
    "majority": "the most frequent class",
    "ridge": f"ridge on {LAGS} rows",
}
