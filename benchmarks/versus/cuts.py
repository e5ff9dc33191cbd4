"""Windows of recordings, and what disturbs a test: each disturbance has levels, the first of them none at all.

Rows that are lost leave a longer dt, in rows of the recording before the loss; the target of a row stays. What is drawn at random is the
same for every model and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tauflow.training import Batch

from ..paper.task import tensor, windows
from .sets import LENGTH, Data, Recording, Set

Keep = Callable[[int, np.random.Generator], NDArray[np.int64]]  # of so many rows, those that stay
MEAN_GAP = 4


@dataclass(frozen=True)
class Cut:
    """A batch of windows; rows before `begin` of each are not scored; `season` as in a recording."""

    batch: Batch
    begin: int = 0
    season: Tensor | None = None


def every(rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.arange(rows)


def share(kept: float) -> Keep:
    """Each row stays with this probability."""
    return lambda rows, rng: np.flatnonzero(rng.random(rows) < kept)


def each(step: int) -> Keep:
    return lambda rows, rng: np.arange(0, rows, step)


def gaps(spread: int) -> Keep:
    """Gaps of MEAN_GAP rows on average, drawn evenly from MEAN_GAP - spread to MEAN_GAP + spread."""

    def keep(rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
        places = np.cumsum(rng.integers(MEAN_GAP - spread, MEAN_GAP + spread + 1, rows // MEAN_GAP * 2))
        return places[places < rows]

    return keep


def cut(recordings: Iterable[Recording], stride: int, keep: Keep = every, seed: int = 0) -> Cut:
    """Windows of LENGTH rows that stayed, one every `stride` of them; a recording too short for one gives none."""
    rng = np.random.default_rng(seed)
    x, y, dt, season = [], [], [], []
    for one in recordings:
        kept = keep(len(one.x), rng)
        index = windows(len(kept), LENGTH, stride) if len(kept) > LENGTH else np.arange(min(len(kept), LENGTH))[None]
        if index.shape[1] < LENGTH:
            continue
        clock = np.cumsum(one.dt, dtype=np.float64)
        x.append(one.x[kept[index]])
        y.append(one.y[kept[index]])
        dt.append(np.diff(clock[kept], prepend=clock[kept[0]] - 1)[index])
        if one.season is not None:
            season.append(one.season[kept[index]])
    if not x:
        raise ValueError(f"no recording is left with {LENGTH} rows")
    batch = Batch(*(tensor(np.concatenate(part)) for part in (x, y, dt)))
    return Cut(batch, season=tensor(np.concatenate(season)) if season else None)


def noisy(of: Set, data: Data, level: float) -> Cut:
    """Gaussian noise on every input, `level` of its deviation in training."""
    found = cut(data.test, of.stride)
    width = torch.from_numpy(np.concatenate([one.x for one in data.train]).std(axis=0))
    noise = torch.randn(found.batch.x.shape, generator=torch.Generator().manual_seed(0))
    return Cut(Batch(found.batch.x + level * width * noise, found.batch.y, found.batch.dt), season=found.season)


def shifted(of: Set, data: Data, level: float) -> Cut:
    """The set's shift from the middle of every window on; scored from there."""
    assert data.shift is not None
    recordings = [Recording(*data.shift(one.x, one.y, level), one.dt, one.season) for one in data.test]
    before, after = cut(data.test, of.stride), cut(recordings, of.stride)
    late = torch.arange(LENGTH) >= LENGTH // 2
    x = torch.where(late[None, :, None], after.batch.x, before.batch.x)
    return Cut(Batch(x, after.batch.y, after.batch.dt), LENGTH // 2, after.season)


@dataclass(frozen=True)
class Disturbance:
    title: str
    axis: str
    levels: tuple[float, ...]
    cut: Callable[[Set, Data, float], Cut]


DISTURBANCES = {
    "noise": Disturbance("Noise on the inputs", "noise, in deviations of the input", (0, 0.05, 0.1, 0.2, 0.4, 0.8), noisy),
    "lost": Disturbance(
        "Lost samples", "share of samples lost", (0, 0.1, 0.3, 0.5, 0.7, 0.9),
        lambda of, data, level: cut(data.test, of.stride, share(1 - level) if level else every),
    ),
    "uneven": Disturbance(
        "Uneven gaps, the mean rate unchanged", f"gaps from {MEAN_GAP} - n to {MEAN_GAP} + n", (0, 1, 2, 3),
        lambda of, data, level: cut(data.test, of.stride, gaps(round(level))),
    ),
    "rate": Disturbance(
        "Another sampling rate", "every nth sample", (1, 2, 3, 4, 6, 8),
        lambda of, data, level: cut(data.test, of.stride, each(round(level))),
    ),
    "shift": Disturbance("A sudden shift", "size of the shift", (0, 0.5, 1, 1.5, 2), shifted),
}  # fmt: skip
