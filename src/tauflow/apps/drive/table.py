"""How well drivers keep the lane: under each disturbance, beside the expert, on tracks that training never saw.

off        share of the time with a wheel on the white line or beyond        deviation  mean |distance from the middle|, m
crash_free share of episodes without touching a guard rail or another car    reach      m until the first crash or the end, mean over cars
roughness  mean |steering - steering before| from one 50 ms to the next      speed      mean, m/s
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...agents import Trouble, walk
from ..rows import row
from .train import RATES, Driver
from .world import CLEAR, Drive, Weather, expert

Array = NDArray[Any]
SEED = 424_242  # of the tracks that drivers are judged on; training's seeds are small
BARE = Weather(traffic=0.0, crossings=0, wet=0)
Condition = tuple[Trouble, Weather]
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
FIRST, EXPERT = "20 Hz", "expert"
WHOLE = ("20 Hz", "10 Hz", "7 Hz")  # conditions that all the steps are driven in, the others in half of them
SHORT, OUTAGE = 750, (100, 400)  # frames of an episode in which a sensor dies; between which it does


@dataclass(frozen=True, eq=False)
class Run:
    """What happened, each (n, steps): where each car was (x, y), how far from the middle, whether a wheel touched in the step after,
    steering, and whether the episode ended after the step, by a crash; took: seconds; stretches: episodes in all."""

    place: Array
    off: Array
    touched: Array
    steer: Array
    speed: Array
    first: Array
    crash: Array
    took: Array
    frames_off: float
    tracks: tuple[int, ...]  # whose track each car was on at first

    @property
    def off_lane(self) -> float:
        return float(self.frames_off / np.rint(self.took.sum() / Drive.period))

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
    actor: Network | None, condition: Condition = CONDITIONS[FIRST], *, cars: int = 8, steps: int = 600, seed: int = SEED,
    engine: str = "numpy",
) -> Run:  # fmt: skip
    """A driver, or the expert (None), under one condition; where sensors die, in episodes of 7.5 s, each with one outage."""
    trouble, weather = condition
    dies = weather.dead_camera + weather.dead_lidar + weather.blackout > 0
    world = Drive(
        cars, seed, weather=weather, tracks=cars, limit=SHORT if dies else 10**9, outage=OUTAGE, engine=engine
    )
    seen: dict[str, list[Array]] = {name: [] for name in ("place", "off", "speed", "tracks")}

    def watch(world: Drive) -> None:
        for name, value in (("place", world.pose[:, :2]), ("off", world.off), ("speed", world.v), ("tracks", world.at)):
            seen[name].append(value.copy())

    walked = walk(world, steps, expert if actor is None else actor, expert, mix=[trouble], seed=seed, watch=watch)
    over = np.concatenate([walked.first[:, 1:], (world.count == 0)[:, None]], axis=1)
    place, off, speed, at = (np.stack(seen[name], axis=1) for name in seen)
    return Run(
        place, off, walked.reward < 0, walked.action[..., 0], speed, walked.first, over & (_frames(walked) < world.limit),
        walked.took, float(np.abs(walked.reward).sum()), tuple(int(k) for k in at[:, 0]),
    )  # fmt: skip


def _frames(walked: Any) -> Array:
    """Frames of the episode so far after each step, (n, steps)."""
    frames = np.rint(walked.took / Drive.period)
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


MEASURED = ("off_lane", "deviation", "crash_free", "reach", "roughness", "mean_speed")


@dataclass(frozen=True)
class Score:
    """One driver of one seed under one condition."""

    driver: str
    kind: str  # liquid, static, law
    seed: int
    condition: str
    off_lane: float = math.nan
    deviation: float = math.nan
    crash_free: float = math.nan
    reach: float = math.nan
    roughness: float = math.nan
    mean_speed: float = math.nan
    parameters: int = 0
    seconds: float = 0.0
    microseconds: float | None = None


@dataclass
class Judged:
    """Every score; the runs of each driver's first seed at 20 Hz; the first driver of each name, for pictures."""

    scores: list[Score] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    nets: dict[str, Network] = field(default_factory=dict)

    @property
    def drivers(self) -> list[str]:
        return list(dict.fromkeys(score.driver for score in self.scores))

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(score.condition for score in self.scores))

    def kind(self, driver: str) -> str:
        return next(s.kind for s in self.scores if s.driver == driver)

    def of(self, driver: str, condition: str, what: str) -> list[float]:
        """One number a seed."""
        found = [getattr(s, what) for s in self.scores if s.driver == driver and s.condition == condition]
        return [math.nan if value is None else float(value) for value in found]

    def mean(self, driver: str, condition: str = FIRST, what: str = "off_lane") -> float:
        return float(np.mean(self.of(driver, condition, what)))

    def over_all(self, driver: str, what: str = "crash_free") -> list[float]:
        """The mean over all conditions, one number a seed."""
        return [float(m) for m in np.mean([self.of(driver, c, what) for c in self.conditions], axis=0)]

    def ranked(self, kind: str) -> list[str]:
        """The drivers of this kind, the one that crashes least first; among equals, the one that touches the line least."""
        some = [d for d in self.drivers if self.kind(d) == kind]
        return sorted(some, key=lambda d: (-np.mean(self.over_all(d)), np.mean(self.over_all(d, "off_lane"))))

    def sentence(self) -> str:
        """Who leads, in one sentence: level, if the difference is within the spread of the seeds or 2 in 100."""
        best = [ranked[0] for kind in ("liquid", "static") if (ranked := self.ranked(kind))]
        told = {
            d: f"{d} ({self.kind(d)}) {100 * np.mean(self.over_all(d)):.0f} of 100 crash-free, "
            f"{100 * np.mean(self.over_all(d, 'off_lane')):.1f} % off the lane"
            for d in best
        }
        if len(best) < 2:
            return f"Over all conditions: {told[best[0]]}." if best else ""
        first, second = sorted(best, key=lambda d: -np.mean(self.over_all(d)))
        spread = max(0.02, float(np.std(self.over_all(first)) + np.std(self.over_all(second))))
        lead = np.mean(self.over_all(first)) - np.mean(self.over_all(second))
        words = f"{first} leads" if lead > spread else "Level"
        return f"{words}, over {len(self.conditions)} conditions: {told[first]}; {told[second]}."

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(score) for score in self.scores])

    def rows(self) -> list[dict[str, Any]]:
        """One row a driver, condition and metric, as benchmarks keep them."""
        made = []
        for driver in self.drivers:
            some = [s for s in self.scores if s.driver == driver]
            for condition in self.conditions:
                for metric in (*MEASURED, "microseconds"):
                    values = self.of(driver, condition, metric)
                    if np.isfinite(values).all():
                        made.append(
                            row(
                                f"drive, {condition}", driver, some[0].kind, metric, values,
                                parameters=some[0].parameters, seconds=float(np.mean([s.seconds for s in some])),
                                settings={"condition": condition},
                            )
                        )  # fmt: skip
        return made


def judge(
    drivers: Sequence[Driver],
    *,
    cars: int = 8,
    steps: int = 600,
    conditions: Mapping[str, Condition] = CONDITIONS,
    engine: str = "numpy",
    progress: Callable[[str], None] | None = None,
) -> Judged:
    """The table: the expert and every driver, under every condition."""
    judged = Judged()
    each: list[tuple[Score, Network | None]] = [(Score(EXPERT, "law", 0, ""), None)]
    for d in drivers:
        cost = microseconds(d.net)
        each.append(
            (Score(d.name, d.kind, d.seed, "", parameters=d.parameters, seconds=d.seconds, microseconds=cost), d.net)
        )
        judged.nets.setdefault(d.name, d.net)
    for blank, actor in each:
        if progress is not None:
            progress(blank.driver)
        for condition, what in conditions.items():
            long = steps if condition in WHOLE else max(steps // 2, 2)
            found = run(actor, what, cars=cars, steps=long, engine=engine)
            if condition == FIRST:
                judged.runs.setdefault(blank.driver, found)
            judged.scores.append(
                replace(blank, condition=condition, **{name: getattr(found, name) for name in MEASURED})
            )
    return judged
