"""The networks of this folder, trained as a forecaster's is: the same windows, rounds, updates, batches, loss and optimiser.

Each is a module that answers (B, h, targets), scaled, from x (B, context, inputs), mask (B, context) and query (B, h, queries).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ... import losses
from ...data.series import Array
from ...training import Callback, History
from ...training import fit as train
from ...windows.encoder import Encoder
from ...windows.windows import Windows
from ..settings import Settings
from .nets import MADE

RATE = 3e-3  # where the settings leave it open
JUDGED = 2000  # windows


@dataclass(frozen=True, eq=False)
class Batch:
    """As in `Windows.batch`."""

    x: Tensor
    mask: Tensor
    query: Tensor
    target: Tensor


@dataclass(frozen=True, eq=False)
class Source:
    """Batches of windows: `steps` an epoch in an order drawn for each, or, with steps None, the first to the last."""

    windows: Windows
    chosen: Array
    size: int
    steps: int | None
    seed: int = 0

    def __len__(self) -> int:
        return -(-len(self.chosen) // self.size) if self.steps is None else self.steps

    def batches(self, epoch: int) -> Iterator[Batch]:
        random = np.random.default_rng([self.seed, epoch])
        for step in range(len(self)):
            if self.steps is None:
                index = self.chosen[step * self.size : (step + 1) * self.size]
            else:
                index = random.choice(self.chosen, min(self.size, len(self.chosen)), replace=False)
            yield _batch(self.windows, index)


class Neural:
    """A network and its training."""

    def __init__(self, name: str, units: int) -> None:
        self.name, self.units = name, units
        self.network: nn.Module | None = None
        self.parameters = 0
        self.notes: tuple[str, ...] = ()

    def fit(self, training: Windows, judging: Windows, settings: Settings, callbacks: Sequence[Callback]) -> History:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = network(self.name, training.encoder, training.context, self.units)
        self.parameters = sum(parameter.numel() for parameter in self.network.parameters())
        size = min(settings.batch_size, max(8, len(training) // 16))
        judged = np.unique(np.linspace(0, len(judging) - 1, min(JUDGED, len(judging))).astype(int))
        history = train(
            self.network,
            Source(training, np.arange(len(training)), size, settings.steps_for(len(training)), settings.seed),
            objective=_Objective(settings.loss),
            validation=Source(judging, judged, 512, None),
            epochs=settings.epochs,
            optimizer="adamw",
            lr=settings.lr or RATE,
            weight_decay=1e-3,
            schedule="one_cycle",
            patience=settings.patience,
            seed=settings.seed,
            progress=False,
            callbacks=callbacks,
        )
        self.network.eval()
        return history

    @torch.no_grad()
    def predict(self, windows: Windows, index: Array) -> Array:
        """(B, h, targets)."""
        if self.network is None:
            raise RuntimeError("Neural.predict before fit")
        given = _batch(windows, index)
        return np.asarray(self.network(given.x, given.mask, given.query).double().numpy())


def network(name: str, encoder: Encoder, context: int, units: int) -> nn.Module:
    """An untrained network by name."""
    made: nn.Module = MADE[name](encoder, context, units)
    return made


@dataclass(frozen=True)
class _Objective:
    loss: str

    def __call__(self, model: Any, batch: Any) -> Tensor:
        output = model(batch.x, batch.mask, batch.query)
        return losses.get(self.loss)(output, batch.target, torch.isfinite(batch.target))


def _batch(windows: Windows, index: Array) -> Batch:
    found = windows.batch(index)
    return Batch(*(torch.from_numpy(found[name]) for name in ("x", "mask", "query", "target")))


def build(settings: Settings) -> Neural:
    return Neural(settings.cell, settings.units)
