"""What lies between a world and its policy: uneven control periods, samples that are lost or late, sensors that stand still.

    Trouble(jitter=3)                   each action is held for another time: the usual one over or times 3 at most, log-uniform
    Trouble(period=0.06)                always this time
    Trouble(lost=0.3)                   so many samples never arrive: the policy isn't asked, the last action goes on
    Trouble(delay=(0.02, 0.04))         samples arrive so late, drawn anew each episode
    Trouble(frozen=0.05)                each sensor repeats its last value for this share of the time

A policy is told the time since the last sample that arrived, and where samples are stamped (`age`) how old the one at hand is; more it is
not told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .world import World, WorldError

Array = NDArray[Any]
# what was seen (n, inputs), the action that was held then (n, actions), for how long (n,), what the policy told of what is hidden
# (n, auxiliary), NaN where it has told nothing -> what is seen then
Carry = Callable[[Array, Array, Array, Array], Array]
KEPT = 8  # samples, for those that arrive late
FREEZE = 10  # samples that a sensor stands still for, on average


@dataclass(frozen=True)
class Trouble:
    """What happens to one copy of a world; times in the world's unit.

    >>> tauflow.agents.Trouble(jitter=3, lost=0.3)  # uneven periods, and three samples of ten are lost
    Trouble(jitter=3, period=None, lost=0.3, delay=(0.0, 0.0), frozen=0.0)
    >>> tauflow.agents.Trouble(lost=1)
    Traceback (most recent call last):
        ...
    tauflow.agents.world.WorldError: lost is 1, expected a share from 0 to below 1
    """

    jitter: float = 1.0
    period: float | None = None
    lost: float = 0.0
    delay: tuple[float, float] = (0.0, 0.0)
    frozen: float = 0.0

    def __post_init__(self) -> None:
        if self.jitter < 1:
            raise WorldError(f"jitter is {self.jitter}, expected the largest factor of the period, 1 or more")
        if self.period is not None and self.period <= 0:
            raise WorldError(f"period is {self.period}, expected a positive time")
        for name in ("lost", "frozen"):
            if not 0 <= getattr(self, name) < 1:
                raise WorldError(f"{name} is {getattr(self, name)}, expected a share from 0 to below 1")
        if not 0 <= self.delay[0] <= self.delay[1]:
            raise WorldError(f"delay is {self.delay}, expected (least, most), 0 or more")


def usual(world: World) -> tuple[Trouble, ...]:
    """The mix that a policy is trained in unless told otherwise: undisturbed, uneven, and everything at once.

    >>> world = tauflow.agents.make("CartPole-v1", n=3)
    >>> [(trouble.jitter, trouble.lost) for trouble in tauflow.agents.usual(world)]
    [(1.0, 0.0), (3, 0.0), (3, 0.3)]
    """
    period = world.period * world.nominal
    return Trouble(), Trouble(jitter=3), Trouble(jitter=3, lost=0.3, delay=(0.0, 2 * period), frozen=0.02)


class Link:
    """The troubles of n copies, dealt out in turn; every draw comes from one generator.

    >>> world = tauflow.agents.make("CartPole-v1", n=2)  # 0.02 s a frame
    >>> troubles = [tauflow.agents.Trouble(), tauflow.agents.Trouble(period=0.1)]
    >>> link = tauflow.agents.Link(world, troubles, np.random.default_rng(0))
    >>> link.frames().tolist()  # that the next action is held, of each copy
    [1, 5]
    >>> got, arrived = link.arrives(world.reset(), first=np.ones(2, dtype=bool))
    >>> arrived.tolist()
    [True, True]
    """

    def __init__(self, world: World, troubles: Sequence[Trouble], rng: np.random.Generator) -> None:
        if not troubles:
            raise WorldError("mix is empty, expected at least one Trouble: [Trouble()] for none")
        each = [troubles[k % len(troubles)] for k in range(world.n)]
        self.world, self.rng, n = world, rng, world.n
        nominal = np.array([world.nominal if t.period is None else t.period / world.period for t in each])
        self.nominal, self.jitter = np.maximum(nominal, 1.0), np.log([t.jitter for t in each])
        self.lost, self.frozen = np.array([t.lost for t in each]), np.array([t.frozen for t in each])
        self.least, self.most = np.array([t.delay for t in each]).T
        self.now, self.delay = np.zeros(n), np.zeros(n)
        self.stamps = np.full((KEPT, n), -np.inf)
        self.samples = np.zeros((KEPT, n, len(world.shown)), np.float32)
        self.sent = np.zeros((KEPT, n, len(world.actions)), np.float32)  # from each stamp to the next
        self.newest = np.zeros(n, dtype=np.int64)  # of those that have arrived
        self.before = np.zeros((n, len(world.actions)), np.float32)  # the action that went before its stamp
        self.sensor = np.array(world.seen_sensors)  # of each thing seen
        self.still = np.zeros((n, self.sensor.max() + 1), dtype=bool)
        self.stamp, self.age = np.zeros((2, n))  # of what arrived last; age: now less its stamp

    def frames(self) -> Array:
        """How many frames each copy holds its next action, (n,)."""
        factor = np.exp(self.rng.uniform(-1, 1, self.world.n) * self.jitter)
        held: Array = np.maximum(np.rint(self.nominal * factor), 1).astype(np.int64)
        return held

    def arrives(self, seen: Array, first: Array) -> tuple[Array, Array]:
        """Of what is seen (n, inputs) now: what the policy gets, (n, inputs), and whether anything arrives, bool (n,)."""
        n = self.world.n
        drawn, starts, ends = self.rng.random(n), *self.rng.random((2, *self.still.shape))
        self.delay = np.where(first, self.rng.uniform(self.least, self.most), self.delay)
        begins = starts < (self.frozen / (1 - self.frozen) / FREEZE)[:, None]
        self.still = np.where(self.still, ends >= 1 / FREEZE, begins) & ~first[:, None]
        if self.still.any():
            seen = np.where(self.still[:, self.sensor], self.samples[-1], seen)
        self.stamps, self.samples, self.sent = (np.roll(a, -1, axis=0) for a in (self.stamps, self.samples, self.sent))
        self.stamps[-1], self.samples[-1] = self.now, seen
        # an episode begins at rest: all that is older is as now
        self.stamps[:, first], self.samples[:, first], self.sent[:, first] = self.now[first], seen[first], 0
        old = self.stamps <= self.now - self.delay + 1e-9
        self.newest = np.where(old.any(axis=0), KEPT - 1 - old[::-1].argmax(axis=0), 0)
        self.before = np.where(self.newest[:, None] > 0, self.sent[self.newest - 1, np.arange(n)], 0)
        self.stamp = self.stamps[self.newest, np.arange(n)]
        self.age = self.now - self.stamp
        return self.samples[self.newest, np.arange(n)], (drawn >= self.lost) | first

    def carried(self, seen: Array, carry: Carry, told: Array) -> Array:
        """What arrived, (n, inputs), carried on from its stamp to now over the actions sent since; told (n, auxiliary)."""
        seen = seen.copy()
        for k in range(KEPT - 1):
            on = k >= self.newest
            on[on] = self.stamps[k + 1, on] > self.stamps[k, on]
            if on.any():
                seen[on] = carry(seen[on], self.sent[k, on], self.stamps[k + 1, on] - self.stamps[k, on], told[on])
        return seen

    def passes(self, dt: Array, action: Array) -> None:
        """Time goes on, (n,), while this action is held."""
        self.sent[-1] = action
        self.now = self.now + dt
