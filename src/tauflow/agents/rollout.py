"""A roll-out: n copies of a world walk with a policy, by streams, without torch, and all that is learned from is written down.

An episode that is over is followed by another, whose stream is reset. One that was cut by its time limit goes on in the value of
what it saw last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Network
from .chance import place_of, put
from .policy import draw, told
from .streams import side_by_side
from .world import World

Array = NDArray[Any]
KEPT = ("seen", "last", "gap", "begins", "total")


@dataclass(frozen=True, eq=False)
class Batch:
    """A roll-out, every array (steps, n, ...); states (pieces of time, n, state) stood before each piece."""

    x: Array
    dt: Array
    first: Array
    action: Array
    log_pi: Array
    value: Array
    reward: Array
    follows: Array  # the value of what an episode that was cut saw last, else 0
    over: Array
    took: Array
    states: Array
    beyond: Array  # (n,) the value of what comes after


class Rollout:
    """Walks n copies of a world with a policy, and goes on where it stood."""

    def __init__(self, world: World, net: Network, rng: np.random.Generator, tell_dt: bool) -> None:
        self.world, self.rng, self.tell_dt = world, rng, tell_dt
        self.rows = side_by_side(net, world.n)
        self.seen = world.reset()
        self.last = np.zeros((world.n, len(world.actions)), np.float32)
        self.gap = np.full(world.n, world.period, np.float32)
        self.begins = np.ones(world.n, dtype=bool)
        self.total = np.zeros(world.n)
        self.returns: list[float] = []

    def kept(self) -> dict[str, Array]:
        """All that the rest of the walk depends on, by name."""
        own = {name: np.array(getattr(self, name)) for name in KEPT}
        own |= {"state": self.rows.state, "returns": np.array(self.returns), "rng": place_of(self.rng)}
        return own | {f"world.{name}": value for name, value in self.world.kept().items()}

    def go_on(self, kept: dict[str, Array]) -> None:
        """From where `kept` said."""
        for name in KEPT:
            setattr(self, name, np.array(kept[name]))
        self.rows.state, self.returns = kept["state"], kept["returns"].tolist()
        put(self.rng, kept["rng"])
        self.world.go_on({name[6:]: value for name, value in kept.items() if name.startswith("world.")})

    def value(self, x: Array, gap: Array) -> Array:
        """Of what is seen, without moving on."""
        kept = self.rows.state
        found: Array = self.rows(x, gap)[:, -1]
        self.rows.state = kept
        return found

    def walk(self, net: Network, log_spread: Array | None, steps: int, length: int) -> Batch:
        """So many steps of every copy; states are written down every `length` steps."""
        world, n = self.world, self.world.n
        self.rows.refresh(net)
        x = np.empty((steps, n, len(world.shown) + len(world.actions)), np.float32)
        dt, log_pi, value, reward, follows, took = np.zeros((6, steps, n), np.float32)
        first, over = np.empty((2, steps, n), dtype=bool)
        many = world.continuous
        action = np.empty((steps, n, len(world.actions)), np.float32) if many else np.empty((steps, n), np.int64)
        states = np.empty((steps // length, n, self.rows.state_size), np.float32)
        for t in range(steps):
            if t % length == 0:
                states[t // length] = self.rows.state
            x[t], dt[t], first[t] = np.concatenate([self.seen, self.last], axis=1), self.gap, self.begins
            answers = self.rows(x[t], dt[t])
            value[t] = answers[:, -1]
            action[t], log_pi[t] = draw(answers[:, :-1], log_spread, self.rng)
            step = world.step(action[t])
            self.total += step.reward
            self.last = told(action[t], world)
            self.gap = step.dt if self.tell_dt else np.full(n, world.period, np.float32)
            if step.cut.any():
                beyond = self.value(np.concatenate([step.last, self.last], axis=1), self.gap)
                follows[t] = np.where(step.cut, beyond, 0)
            reward[t], over[t], took[t] = step.reward * world.reward_scale, step.over, step.dt / world.period
            self.seen, self.begins = step.seen, step.over
            if step.over.any():
                self.returns += self.total[step.over].tolist()
                self.total[step.over], self.last[step.over], self.gap[step.over] = 0.0, 0.0, world.period
                self.rows.reset(step.over)
        beyond = self.value(np.concatenate([self.seen, self.last], axis=1), self.gap)
        return Batch(x, dt, first, action, log_pi, value, reward, follows, over, took, states, beyond)
