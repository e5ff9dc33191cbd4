"""Policies of one size, taught by recurrent PPO in one task: a world, what it hides, and for how many frames an action is held.

The first cell has 32 units; every other gets as many as make it as large. The readout is the same for all: it sees state and input.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from ... import Network, agents
from ...agents import Learned, Point, World
from ...errors import TauflowError

UNITS = 32
CELLS: dict[str, Any] = {  # time constants in frames
    "cfc": {"name": "cfc", "backbone_units": 32, "tau": (1.0, 10.0)},
    "gated_ltc": {"name": "gated_ltc", "tau": (1.0, 30.0)},
    "ltc": "ltc",
    "ctrnn": {"name": "ctrnn", "tau": (1.0, 10.0)},
    "gru": "gru",
    "lstm": "lstm",
    "mlp": {"name": "window_mlp", "steps": 1},
    "window_mlp": {"name": "window_mlp", "steps": 4},
}
LIQUID = ("cfc", "gated_ltc", "ltc", "ctrnn")
STEPS = {"CartPole-v1": 100_000, "Pendulum-v1": 300_000}  # that learning takes
USUAL = 200_000  # where nothing is known
HELD = 1.6  # times as many where actions are held for a random number of frames


@dataclass(frozen=True)
class Task:
    """world: a name. hide: numbers of what is seen and left out; None: the velocities. skip: (fewest, most) frames an action is held."""

    world: str
    hide: tuple[int, ...] | None = None
    skip: tuple[int, int] = (1, 1)
    steps: int | None = None
    copies: int = 16

    def make(self, n: int, seed: int, skip: tuple[int, int] | None = None) -> World:
        """n copies; skip instead of the task's own."""
        hidden = agents.WORLDS[self.world].unseen if self.hide is None and self.world in agents.WORLDS else self.hide
        return agents.make(self.world, n, seed, skip or self.skip, hidden or ())

    @property
    def budget(self) -> int:
        """Steps of all copies together."""
        usual = STEPS.get(self.world, USUAL)
        return self.steps or int(usual * HELD if self.held else usual)

    @property
    def held(self) -> bool:
        return self.skip[1] > 1


@dataclass(frozen=True, eq=False)
class Agent:
    """A taught policy. told: whether it was told how long its actions took."""

    cell: str
    seed: int
    learned: Learned
    told: bool = True
    world: World = field(repr=False, default=None)  # type: ignore[assignment]

    @property
    def name(self) -> str:
        return self.cell if self.told else f"{self.cell}, dt not told"

    @property
    def net(self) -> Network:
        return self.learned.policy

    @property
    def kind(self) -> str:
        return "liquid" if self.cell in LIQUID else "static"

    @property
    def said(self) -> str:
        """How learning went, in a line."""
        end, solved = self.learned.curve[-1], self.learned.solved
        goal = "" if solved is None else f", solved after {solved.steps:,} steps and {solved.seconds:.1f} s of CPU"
        short = "" if self.learned.whole else "; its minutes were up before it had all its steps: --minutes"
        return f"{say(end)}{goal}{short}"

    @property
    def parameters(self) -> int:
        return sum(p.numel() for p in self.net.parameters() if p.requires_grad)


def variants(cells: list[str], task: Task) -> list[tuple[str, bool]]:
    """(cell, whether dt is told) of every policy: where actions are held for a random time, each cell with and without."""
    unknown = [name for name in cells if name not in CELLS]
    if unknown or not cells:
        raise TauflowError(f"no policy is called {unknown or 'nothing'}, expected some of {', '.join(CELLS)}")
    return [(cell, told) for cell in dict.fromkeys(cells) for told in ((True, False) if task.held else (True,))]


def network(world: World, cell: str, like: str) -> Network:
    """An untaught policy as large as one of 32 units of the cell `like`."""
    first = agents.policy(world, CELLS[like], UNITS)
    if cell == like:
        return first
    return agents.policy(world, CELLS[cell], parameters=sum(p.numel() for p in first.parameters()))


def teach(
    task: Task,
    cell: str,
    seed: int = 0,
    *,
    like: str | None = None,
    told: bool = True,
    net: Network | None = None,
    minutes: float | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[Point], None] | None = None,
) -> Agent:
    """Train one policy; the same seed gives the same bits. net: where to go on from, which itself is left as it is."""
    world = task.make(task.copies, seed)
    torch.manual_seed(seed)
    start = network(world, cell, like or cell) if net is None else copy.deepcopy(net)
    learned = agents.ppo(
        world,
        start,
        steps=task.budget,
        seed=seed,
        tell_dt=told,
        minutes=minutes,
        checkpoint=checkpoint,
        progress=progress,
    )
    return Agent(cell, seed, learned, told, world)


def say(point: Point) -> str:
    """Where a run stands, in a line."""
    return f"{point.steps:,} steps, {point.steps / max(point.seconds, 1e-9):,.0f} a second, return {point.mean:.1f}"
