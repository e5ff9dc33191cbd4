"""A trial: cars of one driver under one disturbance, on tracks that training never saw, and what is measured of it.

off        share of the time with a wheel on the white line or beyond        deviation  mean |distance from the middle|, m
crash_free share of episodes without hitting a guard rail or another car    reach      m until the first crash or the end, mean over cars
roughness  mean |steering - steering before| from one 50 ms to the next      speed      mean, m/s
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...agents import Expert, Trouble, World, walk
from .train import RATES
from .world import CLEAR, Drive, Weather, expert

Array = NDArray[Any]
SEED = 707_070  # of the tracks that drivers are judged on; training's seeds are small
BARE = Weather(traffic=0.0, crossings=0, wet=0)
Condition = tuple[Trouble, Weather]
Actor = Network | Expert | None  # None: the expert who is asked
CONDITIONS: dict[str, Condition] = {
    "20 Hz": (Trouble(), CLEAR),
    "10 Hz": (Trouble(period=0.1), CLEAR),
    "7 Hz": (Trouble(period=0.14), CLEAR),
    "5-30 Hz": (RATES, CLEAR),
    "60 % lost": (Trouble(lost=0.6), CLEAR),
    "0.1 s late": (Trouble(delay=(0.1, 0.1)), CLEAR),
    "bare track": (Trouble(), BARE),
    "crossings": (Trouble(), replace(BARE, crossings=4)),
    "wet": (Trouble(), replace(BARE, wet=6)),
    "car ahead": (Trouble(), replace(BARE, traffic=1.0)),
    "noise": (Trouble(), Weather(noise=(0.15, 0.15))),
    "fog": (Trouble(), Weather(fog=(0.1, 0.1))),
    "dusk": (Trouble(), Weather(light=(0.2, 0.2))),
    "dark": (Trouble(), Weather(light=(0.03, 0.03))),
    "camera dead": (Trouble(), Weather(dead_camera=1.0)),
    "LiDAR dead": (Trouble(), Weather(dead_lidar=1.0)),
    "both dead": (Trouble(), Weather(blackout=1.0)),
    "all at once": (
        Trouble(period=0.08, jitter=6**0.5, lost=0.3, delay=(0.05, 0.1)),
        Weather(fog=(0.05, 0.05), light=(0.2, 0.2), dead_camera=0.5, dead_lidar=0.5),
    ),
}
FIRST = "20 Hz"
WHOLE = ("20 Hz", "10 Hz", "7 Hz")  # conditions that all the steps are driven in, the others in half of them
SHORT, OUTAGE = 750, (100, 400)  # frames of an episode in which a sensor dies; between which it does


@dataclass(frozen=True, eq=False)
class Run:
    """What happened, each (n, steps): where a car was (n, steps, 2), how far from the middle, whether a wheel touched in the step that
    followed, what it steered, its speed, whether an episode began, whether it ended after the step by a crash, and the step's seconds.

    frames_off: of all cars with a wheel on the line; period: s of a frame; tracks: the one that each car was on at first."""

    place: Array
    off: Array
    touched: Array
    steer: Array
    speed: Array
    first: Array
    crash: Array
    took: Array
    frames_off: float
    period: float
    tracks: tuple[int, ...] = ()

    @property
    def off_lane(self) -> float:
        return float(self.frames_off / np.rint(self.took.sum() / self.period))

    @property
    def deviation(self) -> float:
        return float(np.abs(self.off).mean())

    @property
    def crash_free(self) -> float:
        return float(1 - self.crash.sum() / self.first.sum())

    @property
    def reach(self) -> float:
        metres = (self.speed * self.took).cumsum(axis=1)
        crashed = self.crash.any(axis=1)
        at = np.where(crashed, self.crash.argmax(axis=1), self.crash.shape[1] - 1)
        return float(metres[np.arange(len(metres)), at].mean())

    @property
    def mean_speed(self) -> float:
        return float((self.speed * self.took).sum() / self.took.sum())

    @property
    def roughness(self) -> float:
        return float(np.abs(np.diff(self.steer, axis=1))[~self.first[:, 1:]].mean())


def run(
    actor: Actor, condition: Condition = CONDITIONS[FIRST], *, cars: int = 8, steps: int = 600, seed: int = SEED,
    engine: str = "numpy",
) -> Run:  # fmt: skip
    """A driver, a law, or the expert (None), under one condition; where sensors die, in episodes of 7.5 s, each with one outage."""
    trouble, weather = condition
    dies = weather.dead_camera + weather.dead_lidar + weather.blackout > 0
    world = Drive(
        cars, seed, weather=weather, tracks=cars, limit=SHORT if dies else 10**9, outage=OUTAGE, engine=engine
    )
    return replace(drive_through(world, actor, expert, trouble, steps, seed), tracks=tuple(map(int, world.at_first)))


def drive_through(world: World, actor: Actor, teacher: Expert, trouble: Trouble, steps: int, seed: int = 0) -> Run:
    """A driver, or the expert (None), in a world of cars: one that has `pose`, `off`, `v` and earns -1 a frame with a wheel on a line."""
    seen: dict[str, list[Array]] = {name: [] for name in ("pose", "off", "v")}

    def watch(world: Any) -> None:
        for name, values in seen.items():
            values.append(getattr(world, name).copy())

    walked = walk(world, steps, teacher if actor is None else actor, teacher, mix=[trouble], seed=seed, watch=watch)
    over = np.concatenate([walked.first[:, 1:], (world.count == 0)[:, None]], axis=1)
    pose, off, speed = (np.stack(values, axis=1) for values in seen.values())
    crash = over & (_frames(walked, world.period) < world.limit)
    return Run(
        pose[..., :2], off, walked.reward < 0, walked.action[..., 0], speed, walked.first, crash, walked.took,
        float(np.abs(walked.reward).sum()), world.period,
    )  # fmt: skip


def _frames(walked: Any, period: float) -> Array:
    """Frames of the episode so far after each step, (n, steps)."""
    frames = np.rint(walked.took / period)
    total = frames.cumsum(axis=1)
    before = np.where(walked.first, total - frames, 0)
    return np.asarray(total - np.maximum.accumulate(before, axis=1))


def microseconds(net: Network, calls: int = 500) -> float | None:
    """CPU time of one step of the whole network, camera to steering, streamed; the least of five rounds; None: no kernel runs it."""
    stream = net.stream()
    if stream.backend != "cpu":
        return None
    x = np.random.default_rng(0).random(net.inputs, dtype=np.float32)
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(calls // 5):
            stream(x, 0.05)
        rounds.append((time.process_time() - began) / (calls // 5) * 1e6)
    return min(rounds)


def real_time(cars: int = 8, steps: int = 100) -> float:
    """Seconds of driving, camera, LiDAR, physics and the expert, in one second of CPU, at 20 Hz."""
    world = Drive(cars, SEED, tracks=cars)
    world.reset()
    began = time.process_time()
    for _ in range(steps):
        world.step(expert(world))
    return cars * steps * world.nominal * world.period / (time.process_time() - began)
