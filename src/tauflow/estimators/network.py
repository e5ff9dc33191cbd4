"""The forecasting network around a recurrent cell: the same for liquid and static cells, so that only the cell differs.

    s = LayerNorm(Recurrent(cell)(x, dt, mask) at the origin)                 the summary of the context
    y(query) = O silu(P s + Q query) + V query                                one answer per query, per target

V starts as the one seasonal or last value that forecasts best on the training part, so the network learns corrections to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import losses
from ..cells import Cell
from ..data.series import Array
from ..sequence import Recurrent
from ..windows.encoder import Encoder
from ..windows.windows import Windows


class ForecastNet(nn.Module):
    """x (B, context, inputs), dt, mask (B, context), query (B, h, queries) -> (B, h, targets), scaled."""

    def __init__(self, cell: Cell, encoder: Encoder, hidden: int = 64) -> None:
        super().__init__()
        targets = len(encoder.schema.targets)
        self.recurrent = Recurrent(cell)
        self.norm = nn.LayerNorm(cell.outputs)
        self.state = nn.Linear(cell.outputs, hidden)
        self.query = nn.Linear(encoder.queries, hidden, bias=False)
        self.answer = nn.Linear(hidden, targets)
        self.skip = nn.Linear(encoder.queries, targets, bias=False)
        with torch.no_grad():
            self.skip.weight.zero_()
            self.answer.weight.mul_(0.1)
            for target, column in enumerate(anchor_columns(encoder)):
                self.skip.weight[target, column] = 1.0

    def forward(self, x: Tensor, dt: Tensor, mask: Tensor, query: Tensor) -> Tensor:
        y, _ = self.recurrent(x, dt, mask)
        return self.read(y[:, -1], query)

    def read(self, y: Tensor, query: Tensor) -> Tensor:
        """The answers (B, h, targets) to queries (B, h, queries) from the cell's output (B, outputs) at the origin."""
        answer: Tensor = self.answer(self.hidden(y, query)) + self.skip(query)
        return answer

    def hidden(self, y: Tensor, query: Tensor) -> Tensor:
        """What the answers are a linear map of, beside the query: silu(P s + Q query), (B, h, hidden)."""
        return F.silu(self.state(self.norm(y))[:, None, :] + self.query(query))


def anchor_columns(encoder: Encoder) -> list[int]:
    """Per target, which column of a query holds its best naive forecast."""
    first, width = encoder.queries - 2 * encoder.anchors, len(encoder.lags) + 1
    return [first + target * width + lag for target, lag in enumerate(encoder.base)]


@dataclass(frozen=True, eq=False)
class WindowBatch:
    """A batch of windows as tensors; `target` (B, h, targets) is NaN where no row is known."""

    x: Tensor
    dt: Tensor
    mask: Tensor
    query: Tensor
    target: Tensor


@dataclass(frozen=True)
class WindowSource:
    """Training batches: `steps` an epoch, cut from one shuffled pass over the windows after the other."""

    windows: Windows
    batch_size: int
    steps: int
    seed: int
    _kept: dict[int, Array] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return self.steps

    def fingerprint(self) -> dict[str, Any]:
        """All that the batches depend on, for a checkpoint."""
        return {**_what(self.windows), "batch_size": self.batch_size, "steps": self.steps, "seed": self.seed}

    def batches(self, epoch: int) -> Iterator[WindowBatch]:
        for step in range(epoch * self.steps, (epoch + 1) * self.steps):
            yield tensors(self.windows.batch(self._chosen(step)))

    def _chosen(self, step: int) -> Array:
        """Which windows a batch holds: the next ones of this pass, then the first of the next."""
        count = len(self.windows)
        wanted = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        turn = wanted // count
        orders = {one: self._order(one) for one in range(int(turn[0]), int(turn[-1]) + 1)}
        self._kept.clear()
        self._kept.update(orders)
        return np.concatenate([order[wanted[turn == one] % count] for one, order in orders.items()])

    def _order(self, turn: int) -> Array:
        """The order of the windows in a pass, drawn once and kept while its batches are asked for."""
        if turn in self._kept:
            return self._kept[turn]
        order = np.random.default_rng([self.seed, turn]).permutation(len(self.windows))
        return order.astype(np.int32 if len(order) < 2**31 else np.int64)


@dataclass(frozen=True)
class AllWindows:
    """Batches for judging: up to `most` windows, evenly spread, the same every time."""

    windows: Windows
    batch_size: int = 512
    most: int = 2000

    def __len__(self) -> int:
        return -(-min(len(self.windows), self.most) // self.batch_size)

    def fingerprint(self) -> dict[str, Any]:
        """As WindowSource."""
        return {**_what(self.windows), "batch_size": self.batch_size, "most": self.most}

    def batches(self, epoch: int) -> Iterator[WindowBatch]:
        count = min(len(self.windows), self.most)
        chosen = np.linspace(0, len(self.windows) - 1, count).astype(int)
        for start in range(0, count, self.batch_size):
            yield tensors(self.windows.batch(chosen[start : start + self.batch_size]))


def _what(windows: Windows) -> dict[str, Any]:
    series = [vars(one) for one in windows.table.series]
    return {"table": series, "encoder": windows.encoder, "context": windows.context, "origins": windows.origins}


def tensors(batch: dict[str, Array]) -> WindowBatch:
    """The arrays of `Windows.batch` as tensors."""
    return WindowBatch(*(torch.from_numpy(batch[name]) for name in ("x", "dt", "mask", "query", "target")))


@dataclass(frozen=True)
class WindowObjective:
    """The loss over the known targets of a batch."""

    loss: str

    def __call__(self, model: nn.Module, batch: WindowBatch) -> Tensor:
        output = model(batch.x, batch.dt, batch.mask, batch.query)
        return losses.get(self.loss)(output, batch.target, torch.isfinite(batch.target))
