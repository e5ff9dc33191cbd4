"""Drivers: one small static encoder for camera and LiDAR, a core of equal size behind it, taught by imitation in all weathers.

    camera -> 4 convolutions -> 32 numbers    LiDAR -> 16    speed, what works, last action: 5    -> core -> steer, speed

The hybrid of the primer's chapter 7: static eyes, a liquid core that remembers and knows how much time has passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from ... import Network, agents, imitate
from ...agents import Expert, Trouble, World
from ...errors import TauflowError
from . import camera, lidar
from .world import PIXELS, ROWS, TRAINING, Drive, careful

PARAMETERS = 17_000  # 12,000 of them the encoder's
SMOOTH = {"activation": "silu"}  # ReLUs die here: one channel of the last 16 was left after a training
EYES: dict[str, Any] = {
    "name": "sensors",
    "each": [
        {
            "inputs": PIXELS,
            "name": "images",
            "shape": [1, ROWS, camera.SIZE],
            "filters": [6, 12, 16, 16],
            "units": 32,
            **SMOOTH,
        },
        {"inputs": lidar.BEAMS, "name": "dense", "units": 16, **SMOOTH},
        {"inputs": 5},
    ],
}
CELLS: dict[str, dict[str, Any]] = {  # time constants in periods of 50 ms
    "cfc": {"core": {"name": "cfc", "backbone_units": 32}, "tau": (0.5, 20.0)},
    "wired_cfc": {"core": "wired_cfc", "tau": (0.5, 20.0)},
    "gated_ltc": {"core": "gated_ltc", "tau": (1.0, 20.0)},
    "ltc": {"core": "ltc"},
    "ctrnn": {"core": "ctrnn", "tau": (1.0, 10.0)},
    "gru": {"core": "gru"},
    "lstm": {"core": "lstm"},
    "mlp": {"core": {"name": "window_mlp", "steps": 1}},
    "window_mlp": {"core": {"name": "window_mlp", "steps": 4}},
}
LIQUID = ("cfc", "wired_cfc", "gated_ltc", "ltc", "ctrnn")
RATES = Trouble(period=0.08, jitter=6**0.5)  # 5 to 30 frames a second
MIX = (
    Trouble(),
    RATES,
    Trouble(period=0.08, jitter=6**0.5, lost=0.3, delay=(0.0, 0.1)),
    Trouble(lost=0.5),
)


@dataclass(frozen=True)
class Settings:
    """How long is taught; the usual, and what takes seconds."""

    copies: int = 24
    steps: int = 300
    tracks: int = 12
    rounds: int = 8
    epochs: tuple[int, int] = (8, 4)
    length: int = 40
    batch: int = 12
    lr: float = 3e-3
    noise: tuple[float, float] = (0.15, 0.05)


QUICK = Settings(copies=4, steps=40, tracks=1, rounds=1, epochs=(2, 1), length=20)


@dataclass(frozen=True)
class Driver:
    """A taught network; seconds of CPU that it took, simulation included; whole: whether the time sufficed."""

    name: str
    seed: int
    net: Network
    seconds: float
    whole: bool = True

    @property
    def kind(self) -> str:
        return "liquid" if self.name in LIQUID else "static"

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.net.parameters() if p.requires_grad)


@dataclass(frozen=True)
class School:
    """Where drivers are taught, by whom, under which troubles, and with which eyes."""

    world: World
    expert: Expert
    mix: tuple[Trouble, ...] = MIX
    eyes: dict[str, Any] = field(default_factory=lambda: EYES)


def school(settings: Settings, seed: int = 0, engine: str = "numpy") -> School:
    """Our own tracks, in all weathers."""
    world = Drive(settings.copies, seed, weather=TRAINING, tracks=settings.tracks, limit=2000, engine=engine)
    return School(world, careful)


def network(cell: str, at: School, parameters: int = PARAMETERS) -> Network:
    """An untaught driver of this size."""
    if cell not in CELLS:
        raise TauflowError(f"no driver is called {cell!r}, expected some of {', '.join(CELLS)}")
    pattern = agents.pupil(at.world, "ctrnn", 1, encoder=at.eyes, scale=None)
    period = at.world.period * at.world.nominal
    parts = {"encoder": at.eyes, "scale": None, "period": period, **CELLS[cell]}
    return Network.of_size(parameters, pattern.input_names, pattern.target_names, parts.pop("core"), **parts)


def teach(
    cell: str,
    seed: int = 0,
    settings: Settings | None = None,
    *,
    at: School | None = None,
    minutes: float | None = None,
    progress: Callable[[agents.Round], None] | None = None,
) -> Driver:
    """Train one driver, on our own tracks unless another school is given; the same seed gives the same bits, unless its minutes are up
    before it is done."""
    chosen, began = settings or Settings(), time.process_time()
    torch.manual_seed(seed)
    at = at or school(chosen, seed)
    made = imitate(
        network(cell, at), at.world, at.expert, chosen.rounds, mix=at.mix, steps=chosen.steps, epochs=chosen.epochs,
        length=chosen.length, batch=chosen.batch, lr=chosen.lr, noise=chosen.noise, seed=seed, minutes=minutes, progress=progress,
    )  # fmt: skip
    return Driver(cell, seed, made.policy, time.process_time() - began, made.whole)
