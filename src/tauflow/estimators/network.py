"""The forecasting network around a recurrent cell: the same for liquid and static cells, so that only the cell differs.

    s = LayerNorm(Recurrent(cell)(x, dt, mask) at the origin)                 the summary of the context
    y(query) = start(query) + O silu(P s + Q query + S start) + V query       one answer per query, per target

start is the answer that the network corrects (see `starts.py`); O and V are zero at first, so it begins as that. It has to see the start:
without S it could not tell by how much a large one is wrong.
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
    """x (B, context, inputs), dt, mask (B, context), query (B, h, queries), start (B, h, targets) -> (B, h, targets), scaled."""

    def __init__(self, cell: Cell, encoder: Encoder, hidden: int = 64) -> None:
        super().__init__()
        targets = len(encoder.schema.targets)
        self.recurrent = Recurrent(cell)
        self.norm = nn.LayerNorm(cell.outputs)
        self.state = nn.Linear(cell.outputs, hidden)
        self.query = nn.Linear(encoder.queries, hidden, bias=False)
        self.answer = nn.Linear(hidden, targets)
        self.seen = nn.Linear(targets, hidden, bias=False)
        self.skip = nn.Linear(encoder.queries, targets, bias=False)
        with torch.no_grad():
            for last in (self.answer.weight, self.answer.bias, self.skip.weight):
                last.zero_()

    def forward(self, x: Tensor, dt: Tensor, mask: Tensor, query: Tensor, start: Tensor) -> Tensor:
        y, _ = self.recurrent(x, dt, mask)
        return self.read(y[:, -1], query, start)

    def read(self, y: Tensor, query: Tensor, start: Tensor) -> Tensor:
        """The answers (B, h, targets) to queries (B, h, queries) from the cell's output (B, outputs) at the origin."""
        answer: Tensor = start + self.answer(self.hidden(y, query, start)) + self.skip(query)
        return answer

    def hidden(self, y: Tensor, query: Tensor, start: Tensor) -> Tensor:
        """What is added to the start is a linear map of this and of the query: silu(P s + Q query + S start), (B, h, hidden)."""
        return F.silu(self.state(self.norm(y))[:, None, :] + self.query(query) + self.seen(start))


def anchor_columns(encoder: Encoder) -> list[int]:
    """Per target, which column of a query holds its best naive forecast."""
    first, width = encoder.queries - 2 * encoder.anchors, len(encoder.lags) + 1
    return [first + target * width + lag for target, lag in enumerate(encoder.base)]


@dataclass(frozen=True, eq=False)
class WindowBatch:
    """A batch of windows as tensors; `target` (B, h, targets) is NaN where no row is known; `start` is what a network corrects."""

    x: Tensor
    dt: Tensor
    mask: Tensor
    query: Tensor
    target: Tensor
    start: Tensor


@dataclass(frozen=True, eq=False)
class WindowSource:
    """Training batches: `steps` an epoch, cut from one shuffled pass over the windows after the other; `start` (N, h, targets)."""

    windows: Windows
    start: Array
    batch_size: int
    steps: int
    seed: int
    _kept: dict[int, Array] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return self.steps

    def fingerprint(self) -> dict[str, Any]:
        """All that the batches depend on, for a checkpoint."""
        return {
            **_what(self.windows, self.start),
            "batch_size": self.batch_size,
            "steps": self.steps,
            "seed": self.seed,
        }

    def batches(self, epoch: int) -> Iterator[WindowBatch]:
        for step in range(epoch * self.steps, (epoch + 1) * self.steps):
            chosen = self._chosen(step)
            yield tensors(self.windows.batch(chosen), self.start[chosen])

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


@dataclass(frozen=True, eq=False)
class AllWindows:
    """Batches for judging: every window, the same every time; `start` (N, h, targets)."""

    windows: Windows
    start: Array
    batch_size: int = 512

    def __len__(self) -> int:
        return -(-len(self.windows) // self.batch_size)

    def fingerprint(self) -> dict[str, Any]:
        """As WindowSource."""
        return {**_what(self.windows, self.start), "batch_size": self.batch_size}

    def batches(self, epoch: int) -> Iterator[WindowBatch]:
        for first in range(0, len(self.windows), self.batch_size):
            here = np.arange(first, min(first + self.batch_size, len(self.windows)))
            yield tensors(self.windows.batch(here), self.start[here])


def _what(windows: Windows, start: Array) -> dict[str, Any]:
    series = [vars(one) for one in windows.table.series]
    what = {"table": series, "encoder": windows.encoder, "context": windows.context, "origins": windows.origins}
    return {**what, "start": start}


def tensors(batch: dict[str, Array], start: Array) -> WindowBatch:
    """The arrays of `Windows.batch` as tensors, and the answers to correct."""
    x, dt, mask, query, target = (torch.from_numpy(batch[name]) for name in ("x", "dt", "mask", "query", "target"))
    return WindowBatch(x, dt, mask, query, target, torch.from_numpy(np.ascontiguousarray(start, np.float32)))


@dataclass(frozen=True)
class WindowObjective:
    """The loss over the known targets of a batch."""

    loss: str

    def __call__(self, model: nn.Module, batch: WindowBatch) -> Tensor:
        output = model(batch.x, batch.dt, batch.mask, batch.query, batch.start)
        return losses.get(self.loss)(output, batch.target, torch.isfinite(batch.target))
