"""Policies for the arm: networks of equal size, each on top of the blind law, taught by imitation with the load to be found.

The same readout for all: it sees the state and what comes in, since the torque that a load asks for is its mass times the arm's pose.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ... import Network, agents, imitate
from ...agents import Base, Trouble
from ...errors import TauflowError
from .world import Arm, advice, blind, carry, expert

PARAMETERS = 5000
READOUT = {"name": "skip", "units": 32}
CELLS: dict[str, dict[str, Any]] = {  # time constants in periods of 20 ms
    "cfc": {"core": {"name": "cfc", "backbone_units": 32}, "tau": (0.5, 20.0)},
    "gated_ltc": {"core": "gated_ltc", "tau": (1.0, 30.0)},
    "ltc": {"core": "ltc"},
    "ctrnn": {"core": "ctrnn", "tau": (1.0, 10.0)},
    "gru": {"core": "gru"},
    "lstm": {"core": "lstm"},
    "mlp": {"core": {"name": "window_mlp", "steps": 1}},
    "window_mlp": {"core": {"name": "window_mlp", "steps": 4}},
}
LIQUID = ("cfc", "gated_ltc", "ltc", "ctrnn")
MIX = (Trouble(), Trouble(jitter=3), Trouble(jitter=3, lost=0.3))
LATE = Trouble(jitter=3, lost=0.3, delay=(0.02, 0.04))
WAYS = {
    "": "on top of the blind law",
    "late": "late samples in its training too",
    "alone": "raw cloning, without the blind law",
}
AUXILIARY: dict[str, Callable[[Any], Any]] = {"load [kg]": lambda world: world.load}
WORST = 0.5  # rad: an episode of training ends where the arm is so far off


@dataclass(frozen=True)
class Settings:
    """How long is taught; the usual, and what takes seconds."""

    copies: int = 36
    steps: int = 300
    rounds: int = 6
    epochs: tuple[int, int] = (60, 24)
    length: int = 100
    weight: float = 2.0  # of the load, beside the torques


QUICK = Settings(copies=6, steps=100, rounds=1, epochs=(8, 4))


@dataclass(frozen=True)
class Policy:
    """A taught network; seconds of CPU that it took, simulation included; whole: whether the time sufficed; way: one of `WAYS`."""

    cell: str
    seed: int
    net: Network
    seconds: float
    whole: bool = True
    way: str = ""

    @property
    def name(self) -> str:
        return f"{self.cell}, {self.way}" if self.way else self.cell

    @property
    def base(self) -> Base | None:
        return None if self.way == "alone" else blind

    @property
    def kind(self) -> str:
        return "liquid" if self.cell in LIQUID else "static"

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.net.parameters() if p.requires_grad)


def network(cell: str, world: Arm, parameters: int = PARAMETERS, base: bool = True) -> Network:
    """An untaught policy of this size; base: is it to stand on top of a law?"""
    if cell not in CELLS:
        raise TauflowError(f"no policy is called {cell!r}, expected some of {', '.join(CELLS)}")
    pattern = agents.pupil(world, "ctrnn", 1, auxiliary=list(AUXILIARY), base=base, stamped=True)
    parts = {"readout": READOUT, "period": world.period * world.nominal, **CELLS[cell]}
    return Network.of_size(parameters, pattern.input_names, pattern.target_names, parts.pop("core"), **parts)


def teach(
    cell: str,
    seed: int = 0,
    settings: Settings | None = None,
    *,
    way: str = "",
    obstacle: bool = False,
    minutes: float | None = None,
    progress: Callable[[agents.Round], None] | None = None,
) -> Policy:
    """Train one policy in one of `WAYS`; the same seed gives the same bits, unless its minutes are up before it is done."""
    chosen, began = settings or Settings(), time.process_time()
    if way not in WAYS:
        raise TauflowError(f"way is {way!r}, expected one of {', '.join(map(repr, WAYS))}")
    torch.manual_seed(seed)
    base = None if way == "alone" else blind
    world = Arm(chosen.copies, 1000 * seed, obstacle=obstacle, worst=WORST)
    made = imitate(
        network(cell, world, base=base is not None), world, expert, chosen.rounds, base=base, auxiliary=AUXILIARY,
        weight=chosen.weight, mix=(*MIX, LATE) if way == "late" else MIX, stamped=True, carry=carry, advice=advice,
        steps=chosen.steps, epochs=chosen.epochs, length=chosen.length, seed=seed, minutes=minutes, progress=progress,
    )  # fmt: skip
    return Policy(cell, seed, made.policy, time.process_time() - began, made.whole, way)
