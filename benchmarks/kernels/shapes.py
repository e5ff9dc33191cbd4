"""The sizes at which models are compared, and how much of everything is measured.

    batch B   time T, steps   inputs I   units H   outputs O > 0: an NCP wiring with that many motor neurons

A and B are dense, C follows a wiring, H128 is the size at which a CfC spends its time in matrix products.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor


class Shape(NamedTuple):
    batch: int
    time: int
    inputs: int
    units: int
    outputs: int = 0


SHAPES = {
    "A": Shape(32, 100, 8, 32),
    "B": Shape(64, 256, 16, 64),
    "C": Shape(16, 1000, 4, 19, 4),
    "H128": Shape(32, 100, 8, 128),
}


def data(shape: Shape, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """x (B, T, I) and uneven gaps dt (B, T) between 0.1 and 1.1."""
    x = torch.randn(shape.batch, shape.time, shape.inputs, dtype=dtype)
    return x, torch.rand(shape.batch, shape.time, dtype=dtype) + 0.1


@dataclass(frozen=True)
class Settings:
    """How much is measured; `quick` is a look, not a measurement."""

    quick: bool = False
    shapes: dict[str, Shape] = field(default_factory=lambda: dict(SHAPES))
    repeats: int = 9  # timed steps of a model; what takes seconds gets fewer, but two
    memory_shapes: tuple[str, ...] = ("A", "B", "C")
    memory_models: tuple[str, ...] = ()  # only these; all but the reference if empty
    thread_shapes: tuple[str, ...] = ("A", "B")
    thread_rounds: int = 3  # processes a setting
    scaling_batch: int = 16
    times: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 2048, 4096)
    units: tuple[int, ...] = (19, 32, 48, 64, 96, 128, 192, 256)
    sparsities: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9)
    calls: int = 100_000  # of a stream
    seconds: float = 4.0  # a slow stream gets fewer calls, as many as fit into this time


FULL = Settings()
QUICK = Settings(
    quick=True,
    shapes={"A": SHAPES["A"], "C": SHAPES["C"]._replace(time=100)},
    repeats=3,
    memory_shapes=("A",),
    memory_models=("drop-in.ltc", "kernel.ctrnn", "ncps.ltc", "torch.lstm"),
    thread_shapes=("A",),
    thread_rounds=1,
    scaling_batch=4,
    times=(32, 128, 512),
    units=(19, 64, 128),
    sparsities=(0.1, 0.5, 0.9),
    calls=2000,
    seconds=0.2,
)
