"""What learns no recurrence, as modules `forward(x, dt, mask) -> (batch, time, outputs)` that are fitted by closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tauflow.training import Batch

from ..paper.task import Split
from ..paper.train import score, target
from ..paper.trivial import log_gap
from .sets import Set

LAGS = (1, 2, 4, 8)
STRENGTHS = tuple(10.0**power for power in range(-8, 4))


class Persistence(nn.Module):
    """The next value is this one."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        return x[..., : self.outputs]


class Constant(nn.Module):
    """The same output always: the class that is most frequent in training, or a return of nothing."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        return self.value.expand(*x.shape[:2], -1)


class Ridge(nn.Module):
    """y = W [x_t, ..., x_{t-k+1}, log(1 + dt)] + b. Each of a window's first k - 1 rows, which see less, has a W and b of its own.

    Classes by least squares on 0 and 1.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()  # (k, inputs, outputs), (k, outputs)
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor, dt: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        lags = len(self.weight)
        step = torch.arange(x.shape[1]).clamp(max=lags - 1)
        seen = lagged(x, dt, lags)
        return (torch.einsum("bti,tio->bto", seen, self.weight[step]) + self.bias[step]).float()


def lagged(x: Tensor, dt: Tensor | None, lags: int) -> Tensor:
    """(batch, time, lags features + 1), float64; zeros before a window's first row."""
    past = F.pad(x, (0, 0, lags - 1, 0)).unfold(1, lags, 1).flatten(2)
    return torch.cat([past, log_gap(x, dt)], dim=2).double()


def ridge(of: Set, split: Split) -> nn.Module:
    """The number of rows is the one that scores best on validation."""
    fits = [fitted(of, split, lags) for lags in LAGS]
    return (max if of.metric.higher else min)(fits, key=lambda fit: score(fit, split.validation, of.metric))


def fitted(of: Set, split: Split, lags: int) -> Ridge:
    """Of each step's weights, strength and scale are those with the least squared error on validation."""
    (x, y), (x_valid, y_valid) = (pairs(of, data, lags) for data in (split.train, split.validation))
    width = x.flatten(0, 1).std(dim=0, correction=0)
    scales = (torch.ones_like(width), torch.where(width > 0, width, 1.0))
    chosen = []
    for step in range(lags):
        part = slice(step, None if step == lags - 1 else step + 1)
        seen, truth, seen_valid, aim = (side[:, part].flatten(0, 1) for side in (x, y, x_valid, y_valid))
        fits = [solve(seen, truth, scale, strength) for scale in scales for strength in STRENGTHS]
        chosen.append(min(fits, key=lambda fit: float((seen_valid @ fit[0] + fit[1] - aim).square().mean())))
    weight, bias = zip(*chosen, strict=True)
    return Ridge(torch.stack(weight), torch.stack(bias))


def pairs(of: Set, data: Batch, lags: int) -> tuple[Tensor, Tensor]:
    """Inputs (batch, time, ...) and targets, a class as 0 and 1; float64."""
    y = target(data)
    return lagged(data.x, data.dt, lags), (y if y.is_floating_point() else F.one_hot(y, of.outputs)).double()


def solve(x: Tensor, y: Tensor, scale: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Weights and bias of the least mean square with `strength` |W scale|^2; an input that never changes gets no weight."""
    middle, level = x.mean(dim=0), y.mean(dim=0)
    z = (x - middle) / scale
    z = z * (z.abs().amax(dim=0) > 1e-9)
    gram = z.T @ z / len(z) + strength * torch.eye(z.shape[1], dtype=z.dtype)
    weight = torch.linalg.solve(gram, z.T @ (y - level) / len(z)) / scale[:, None]
    return weight, level - middle @ weight


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
    """Numbers that were fitted: weights of rows that a window's beginning does not have are zero."""
    return sum(int((value != 0).sum()) for name, value in model.named_buffers() if name in ("weight", "bias"))


TITLES = {
    "persistence": "persistence",
    "season": "the same hour a week before",
    "random walk": "random walk: no return",
    "majority": "the most frequent class",
    "ridge": "ridge on the last rows",
}
