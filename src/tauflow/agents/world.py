"""A world to act in: n copies of a task side by side, each step told with the time that it took.

    seen = world.reset()                         (n, inputs)
    step = world.step(action)                    action (n,) whole numbers, or (n, actions) in [-1, 1]
    step.seen, step.reward, step.dt, ...         what is seen next, of a new episode where the last one is over

A subclass says what is seen, what an action does within one frame, and how an episode begins. `skip=(1, 4)` holds each action for a
random number of frames, drawn anew, and tells it in dt; `hide=(1, 3)` leaves observations out. An episode of `limit` frames is cut,
which is no end: what would have followed still counts (Pardo et al. 2018, Time Limits in Reinforcement Learning).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import TauflowError
from .chance import place_of, put

Array = NDArray[Any]


class WorldError(TauflowError, ValueError):
    """A world that does not exist, or that is asked for what it does not have.

    >>> tauflow.agents.make("CartPole-v1", n=2, hide=(7,))
    Traceback (most recent call last):
        ...
    tauflow.agents.world.WorldError: hide has 7, but 4 things are seen: x [m], v [m/s], angle [rad], turn [rad/s]
    """


@dataclass(frozen=True, eq=False)
class Step:
    """All (n, ...): seen next; reward; ended: the task is over, lost or won; cut: the time is up; last: what was seen before a new
    episode began; dt: the time that the action took."""

    seen: Array
    reward: Array
    ended: Array
    cut: Array
    last: Array
    dt: Array

    @property
    def over(self) -> Array:
        return self.ended | self.cut


class World(ABC):
    """n copies of a task.

    >>> class Echo(tauflow.agents.World):
    ...     names, spread, actions, limit = ("sign",), (1.0,), ("no", "yes"), 8
    ...     def fresh(self, which):
    ...         self.now = np.where(which, self.rng.integers(0, 2, self.n), getattr(self, "now", 0))
    ...     def frame(self, action, on):
    ...         return (action == self.now).astype(float), np.zeros(self.n, dtype=bool)
    ...     def observe(self):
    ...         return 2.0 * self.now[:, None] - 1
    >>> world = Echo(n=2)
    >>> seen = world.reset()
    >>> world.step((seen[:, 0] > 0).astype(int)).reward.tolist()  # of a Step
    [1.0, 1.0]
    """

    names: tuple[str, ...]  # of what is seen
    spread: tuple[float, ...]  # how large each is, about: what a policy divides by
    actions: tuple[str, ...]  # their names
    continuous: bool = False
    limit: int = 500  # frames
    period: float = 1.0  # the time of a frame
    nominal: int = 1  # frames that an action is held as a rule, where nothing else is said
    sensors: tuple[int, ...] | None = None  # of each of `names` the sensor that it comes from; None: each has its own
    solved: float | None = None  # the mean return of 100 episodes at which it counts as solved
    reward_scale: float = 1.0  # brings returns to about one
    unseen: tuple[
        int, ...
    ] = ()  # velocities, which a memory can find out: what is hidden where a memory is put to the test
    learning: Mapping[str, Any] = MappingProxyType(
        {}
    )  # settings of PPO that suit it, where they are not the usual ones

    def __init__(self, n: int, seed: int = 0, skip: tuple[int, int] = (1, 1), hide: Sequence[int] = ()) -> None:
        if not 1 <= skip[0] <= skip[1]:
            raise WorldError(f"skip is {skip!r}, expected (fewest, most) frames an action is held, 1 or more: (1, 4)")
        wrong = [k for k in hide if not 0 <= k < len(self.names)]
        if wrong:
            raise WorldError(f"hide has {wrong[0]}, but {len(self.names)} things are seen: {', '.join(self.names)}")
        self.shown = [k for k in range(len(self.names)) if k not in set(hide)]
        if not self.shown:
            raise WorldError("hide leaves nothing to see")
        self.n, self.rng, self.skip = n, np.random.default_rng(seed), skip
        self.count = np.zeros(n, dtype=np.int64)

    @abstractmethod
    def fresh(self, which: Array) -> None:
        """Begin an episode in the copies where `which` (n,) is True."""

    @abstractmethod
    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        """One frame in the copies where `on` (n,) is True: (reward, ended), each (n,)."""

    @abstractmethod
    def observe(self) -> Array:
        """What is there to see, (n, names)."""

    @property
    def seen_names(self) -> list[str]:
        return [self.names[k] for k in self.shown]

    @property
    def seen_sensors(self) -> list[int]:
        """Of each thing shown the sensor that it comes from, counted from 0."""
        of = range(len(self.names)) if self.sensors is None else self.sensors
        order = {sensor: k for k, sensor in enumerate(dict.fromkeys(of[k] for k in self.shown))}
        return [order[of[k]] for k in self.shown]

    @property
    def seen_spread(self) -> list[float]:
        return [self.spread[k] for k in self.shown]

    def reset(self) -> Array:
        self.count[:] = 0
        self.fresh(np.ones(self.n, dtype=bool))
        return self._seen()

    def step(self, action: Array, frames: Array | None = None) -> Step:
        """Act; frames (n,): how many each action is held, instead of a number drawn from `skip`."""
        if frames is None:
            frames = self.rng.integers(self.skip[0], self.skip[1] + 1, self.n)
        reward, ended, elapsed = np.zeros(self.n), np.zeros(self.n, dtype=bool), np.zeros(self.n)
        for k in range(int(frames.max())):
            on = (k < frames) & ~ended & (self.count < self.limit)
            earned, over = self.frame(action, on)
            reward += np.where(on, earned, 0.0)
            ended |= over & on
            self.count += on
            elapsed += on * self.frame_time()
        cut = (self.count >= self.limit) & ~ended
        last = self._seen()
        over = ended | cut
        if over.any():
            self.fresh(over)
            self.count[over] = 0
        return Step(self._seen(), reward.astype(np.float32), ended, cut, last, elapsed.astype(np.float32))

    def kept(self) -> dict[str, Array]:
        """All that its future depends on, by name: what a subclass holds in arrays, and the random numbers to come."""
        return {**{name: value.copy() for name, value in self._arrays().items()}, "rng": place_of(self.rng)}

    def go_on(self, kept: dict[str, Array]) -> None:
        """From where `kept` said."""
        put(self.rng, kept["rng"])
        for name in self._arrays():
            setattr(self, name, kept[name].copy())

    def _arrays(self) -> dict[str, Array]:
        return {name: value for name, value in vars(self).items() if isinstance(value, np.ndarray)}

    def frame_time(self) -> Any:
        """The time that the last frame took, a number or (n,)."""
        return self.period

    def _seen(self) -> Array:
        seen = self.observe()
        if len(self.shown) < len(self.names):
            seen = seen[:, self.shown]
        return np.array(seen, np.float32)  # a copy: what a world shows it may go on to change


class CartPole(World):
    """A pole on a cart, pushed left or right. Barto, Sutton and Anderson 1983, with gymnasium's numbers (CartPole-v1)."""

    id: ClassVar[str] = "CartPole-v1"
    names = ("x [m]", "v [m/s]", "angle [rad]", "turn [rad/s]")
    spread = (1.0, 1.0, 0.2, 1.0)
    actions = ("push left", "push right")
    limit, period, solved, reward_scale = 500, 0.02, 475.0, 0.05
    unseen = (1, 3)

    def fresh(self, which: Array) -> None:
        if not hasattr(self, "q"):
            self.q = np.zeros((self.n, 4))
        self.q[which] = self.rng.uniform(-0.05, 0.05, (int(which.sum()), 4))

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        x, v, angle, turn = self.q.T
        cos, sin = np.cos(angle), np.sin(angle)
        push = (np.where(action == 1, 10.0, -10.0) + 0.05 * turn**2 * sin) / 1.1
        spin = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
        pull = push - 0.05 * spin * cos / 1.1
        moved = np.stack([x + 0.02 * v, v + 0.02 * pull, angle + 0.02 * turn, turn + 0.02 * spin], axis=1)
        self.q = np.where(on[:, None], moved, self.q)
        return np.ones(self.n), (np.abs(self.q[:, 0]) > 2.4) | (np.abs(self.q[:, 2]) > 12 * 2 * np.pi / 360)

    def observe(self) -> Array:
        return self.q


class Pendulum(World):
    """A pendulum that is to be swung up and held, with a weak motor (Pendulum-v1)."""

    id: ClassVar[str] = "Pendulum-v1"
    names = ("cos", "sin", "turn [rad/s]")
    spread = (1.0, 1.0, 8.0)
    actions = ("torque / 2 Nm",)
    continuous = True
    limit, period, solved, reward_scale = 200, 0.05, -200.0, 0.02
    unseen = (2,)
    learning = MappingProxyType({"gamma": 0.95, "epochs": 8})  # a swing is over within 2 s

    def fresh(self, which: Array) -> None:
        if not hasattr(self, "q"):
            self.q = np.zeros((self.n, 2))
        self.q[which] = self.rng.uniform([-np.pi, -1], [np.pi, 1], (int(which.sum()), 2))

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        angle, turn = self.q.T
        torque = 2 * np.clip(action[:, 0], -1, 1)
        off = (angle + np.pi) % (2 * np.pi) - np.pi
        cost = off**2 + 0.1 * turn**2 + 0.001 * torque**2
        turn = np.clip(turn + (15 * np.sin(angle) + 3 * torque) * 0.05, -8, 8)
        self.q = np.where(on[:, None], np.stack([angle + 0.05 * turn, turn], axis=1), self.q)
        return -cost, np.zeros(self.n, dtype=bool)

    def observe(self) -> Array:
        return np.stack([np.cos(self.q[:, 0]), np.sin(self.q[:, 0]), self.q[:, 1]], axis=1)


class Recall(World):
    """Name the card that was shown four steps ago, of four kinds: RepeatPrevious of popgym, easy; +-1 / 48 for each.

    >>> world = tauflow.agents.make("RepeatPrevious", n=2)  # two copies of a Recall
    >>> world.actions, world.reset().shape
    (('name club', 'name diamond', 'name heart', 'name spade'), (2, 4))
    """

    id: ClassVar[str] = "RepeatPrevious"
    names = ("club", "diamond", "heart", "spade")
    spread = (1.0,) * 4
    actions = ("name club", "name diamond", "name heart", "name spade")
    limit, period, solved, reward_scale = 10_000, 1.0, 0.9, 1.0
    learning = MappingProxyType({"gamma": 0.5})  # no answer changes what follows
    cards, back = 52, 4

    def fresh(self, which: Array) -> None:
        if not hasattr(self, "deck"):
            self.deck = np.zeros((self.n, self.cards + 1), dtype=np.int64)
            self.at = np.zeros(self.n, dtype=np.int64)
        self.deck[which] = self.rng.integers(0, 4, (int(which.sum()), self.cards + 1))
        self.at[which] = 0

    def frame(self, action: Array, on: Array) -> tuple[Array, Array]:
        asked = self.at >= self.back
        right = action == self.deck[np.arange(self.n), np.maximum(self.at - self.back, 0)]
        self.at = self.at + on
        return np.where(asked, np.where(right, 1.0, -1.0) / (self.cards - self.back), 0.0), self.at >= self.cards

    def observe(self) -> Array:
        return np.eye(4)[self.deck[np.arange(self.n), self.at]]


WORLDS: dict[str, type[World]] = {world.id: world for world in (CartPole, Pendulum, Recall)}


def make(name: str, n: int, seed: int = 0, skip: tuple[int, int] = (1, 1), hide: Sequence[int] = ()) -> World:
    """One of ours by its name, else any environment of gymnasium.

    >>> world = tauflow.agents.make("CartPole-v1", n=3, skip=(1, 4), hide=(1, 3))  # a World, without its velocities
    >>> world.seen_names, world.reset().shape
    (['x [m]', 'angle [rad]'], (3, 2))
    """
    if name in WORLDS:
        return WORLDS[name](n, seed, skip, hide)
    from .gym import Gym

    return Gym(name, n, seed, skip, hide)
