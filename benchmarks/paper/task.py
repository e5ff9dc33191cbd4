"""What a task says: where its data comes from, how it is split, what was published, how we train, and what to beware of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tauflow.training import Batch

from .data import Files
from .metrics import Metric

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Split:
    """Three sets of sequences; `leaks` says how test rows reach the training, in a sentence, or is empty.

    rows: for each set which row of the recording every step is, (sequences, time), so that sharing can be tested.
    """

    name: str
    train: Batch
    validation: Batch
    test: Batch
    leaks: str = ""
    rows: tuple[NDArray[np.int64], ...] = ()


@dataclass(frozen=True)
class Settings:
    """How every model of a task is trained: the same budget, the same search of the learning rate on validation."""

    epochs: int
    batch: int = 16
    units: int = 32
    rates: tuple[float, ...] = (0.001, 0.003, 0.01, 0.03)
    clip: float | None = None
    schedule: str | None = None
    weight_decay: float = 0.0  # of matrices, decoupled (AdamW; with 0 it is Adam)
    growing: float = 0.0  # the share of the epochs over which sequences come in, the shortest first; 0: all at once
    search: float = 0.25  # the share of the epochs that a learning rate is tried for, with a seed of its own


@dataclass(frozen=True)
class Published:
    """A row of a paper's table; it stands beside our row of that model and recipe."""

    model: str
    mean: float
    std: float | None = None
    recipe: str = "paper"


@dataclass(frozen=True)
class Task:
    name: str
    title: str
    data: str
    protocol: str
    metric: Metric
    outputs: int
    settings: Settings
    load: Callable[[Files], Iterator[Split]]
    cells: tuple[str, ...]
    trivial: tuple[str, ...]
    published: tuple[Published, ...] = ()
    published_split: str = ""
    traps: str = ""
    tried: str = ""  # what helped, what did not: single runs while looking for a recipe, not kept as rows
    recipes: dict[str, Settings] = field(default_factory=dict)  # other ways to train; `settings` is called "paper"


def windows(rows: int, length: int, stride: int, end: int = 0) -> NDArray[np.int64]:
    """Which rows each window holds, (windows, length); it begins at 0, stride, ... below rows - length - end."""
    starts = np.arange(0, rows - length - end, stride)
    return starts[:, None] + np.arange(length)[None]


def tensor(values: NDArray[np.generic]) -> Tensor:
    """Classes as int64, numbers as float32."""
    kind = np.int64 if values.dtype.kind in "iub" else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, dtype=kind))


def from_rows(
    name: str, x: Array, y: NDArray[np.generic], parts: tuple[NDArray[np.int64], ...], leaks: str = ""
) -> Split:
    """The split whose train, validation and test windows hold these rows of x (rows, features) and y (rows, ...)."""
    train, validation, test = (Batch(tensor(x[index]), tensor(y[index])) for index in parts)
    return Split(name, train, validation, test, leaks, parts)


def standard(x: Array, rows: NDArray[np.int64] | slice) -> Array:
    """Every feature less its mean in those rows, over its deviation there; a constant one only less its mean."""
    part = x[rows].reshape(-1, x.shape[1]).astype(np.float64)
    width = part.std(axis=0)
    scaled: Array = ((x - part.mean(axis=0)) / np.where(width > 0, width, 1)).astype(np.float32)
    return scaled


def shuffled(count: int, seed: int) -> tuple[NDArray[np.int64], ...]:
    """Train, validation and test of the LTC paper's scripts: a permutation, its first 10 % validation, then 15 % test."""
    order = np.random.RandomState(seed).permutation(count)
    valid, test = int(0.1 * count), int(0.15 * count)
    return order[valid + test :], order[:valid], order[valid : valid + test]


def by_time(rows: int, length: int, stride: int) -> tuple[NDArray[np.int64], ...]:
    """Windows of three stretches of time that share no row: 75 % train, 10 % validation, 15 % test, the test last."""
    edges = (0, int(0.75 * rows), int(0.85 * rows), rows)
    return tuple(begin + windows(end - begin, length, stride) for begin, end in pairwise(edges))
