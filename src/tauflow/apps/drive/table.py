"""The table of drivers: every one under every disturbance, beside the expert, and who leads. The measures: see `trial`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ... import Network
from ..rows import row
from .train import Driver
from .trial import CONDITIONS, WHOLE, Actor, Condition, Run, microseconds, real_time, run
from .world import careful

EXPERT, TEACHER = "expert", "teacher"
MEASURED = {  # of a run: as rows name it, and times what
    "crash_free": ("crash-free [%]", 100.0),
    "off_lane": ("off the lane [%]", 100.0),
    "deviation": ("from the middle [m]", 1.0),
    "mean_speed": ("speed [m/s]", 1.0),
    "reach": ("until the first crash [m]", 1.0),
    "roughness": ("roughness", 1.0),
}


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
    """Every score; the runs of each driver's first seed under the first condition; the first driver of each name, for pictures; how
    fast the world runs, and its name."""

    scores: list[Score] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    nets: dict[str, Network] = field(default_factory=dict)
    real_time: float = math.nan
    world: str = "drive"

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

    def mean(self, driver: str, condition: str | None = None, what: str = "off_lane") -> float:
        """The mean over seeds, under the first condition unless another is named."""
        return float(np.mean(self.of(driver, condition or self.conditions[0], what)))

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
            d: f"{d} ({self.kind(d)}) {100 * np.mean(self.over_all(d)):.1f} % crash-free, "
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
        """One row a driver, condition and metric, as benchmarks keep them; what a step costs; and how many times faster than real time
        the world runs. Metrics of the racetrack bear its name."""
        made, where = [], "" if self.world == "drive" else f", {self.world}"

        def add(task: str, driver: str, metric: str, values: Sequence[float], **settings: str) -> None:
            some = [s for s in self.scores if s.driver == driver]
            made.append(
                row(
                    f"{self.world}, {task}", driver, some[0].kind, f"{metric}{where}", values, parameters=some[0].parameters,
                    seconds=float(np.mean([s.seconds for s in some])), settings=settings,
                )
            )  # fmt: skip

        if math.isfinite(self.real_time):
            made.append(row(f"{self.world}, cost", "world", "law", f"times real time{where}", [self.real_time]))
        for driver in self.drivers:
            for condition in self.conditions:
                for what, (metric, times) in MEASURED.items():
                    values = [times * value for value in self.of(driver, condition, what)]
                    add(condition, driver, metric, values, condition=condition)
            for what, metric in (("microseconds", "a step [µs]"), ("seconds", "training [CPU s]")):
                values = self.of(driver, self.conditions[0], what)
                if np.isfinite(values).all() and np.mean(values) > 0:
                    add("cost", driver, metric, values)
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
    """The table: the expert, the teacher and every driver, under every condition."""

    def drive(actor: Actor, condition: str) -> Run:
        long = steps if condition in WHOLE else max(steps // 2, 2)
        return run(actor, conditions[condition], cars=cars, steps=long, engine=engine)

    judged = Judged(real_time=real_time(cars, min(steps, 100)))
    return score(judged, drivers, list(conditions), drive, progress, laws={EXPERT: None, TEACHER: careful})


def score(
    judged: Judged,
    drivers: Sequence[Driver],
    conditions: Sequence[str],
    drive: Callable[[Actor, str], Run],
    progress: Callable[[str], None] | None = None,
    laws: Mapping[str, Actor] = MappingProxyType({EXPERT: None}),
) -> Judged:
    """Laws and every driver under every condition, added to a table; `drive` lets one of them, None is the world's expert."""
    each: list[tuple[Score, Actor]] = [(Score(name, "law", 0, ""), law) for name, law in laws.items()]
    for d in drivers:
        cost = microseconds(d.net)
        each.append(
            (Score(d.name, d.kind, d.seed, "", parameters=d.parameters, seconds=d.seconds, microseconds=cost), d.net)
        )
        judged.nets.setdefault(d.name, d.net)
    for blank, actor in each:
        if progress is not None:
            progress(blank.driver)
        for condition in conditions:
            found = drive(actor, condition)
            if condition == conditions[0]:
                judged.runs.setdefault(blank.driver, found)
            judged.scores.append(
                replace(blank, condition=condition, **{name: getattr(found, name) for name in MEASURED})
            )
    return judged
