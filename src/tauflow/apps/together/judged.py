"""What a study found: shares named rightly, by approach, domain and seed, in tables, rows and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows import row

Array = NDArray[Any]
ONE, HALF, MORE = "one core", "one core, half the numbers", "one core, more updates"
EACH, SMALL, LONG = "a network each", "a network each, as many numbers in all", "a network each, more updates"
LEARNED, RANDOM, SCRATCH = "learned core, frozen", "random core, frozen", "from scratch"
LEVEL = 0.5  # points of per cent: nearer than that nobody leads


WORTH = {1: "ahead of", 0: "level with", -1: "behind"}


def listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def sign(ours: Any, theirs: Any) -> int:
    """1 or -1 where ours are ahead or behind, seed by seed, by more than LEVEL and than the seeds differ; else 0."""
    apart = np.subtract(ours, theirs)
    return int(np.sign(apart.mean())) if abs(apart.mean()) > max(LEVEL, float(apart.std())) else 0


@dataclass(frozen=True, eq=False)
class Result:
    """One approach with one seed: per cent right by domain; numbers and seconds of CPU of all its networks."""

    model: str
    seed: int
    right: dict[str, float]
    numbers: int
    seconds: float
    units: int

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.right.values())))


@dataclass(frozen=True)
class Carried:
    """One core in one domain that it never saw: `used` series there were to learn from, of `count` asked for."""

    model: str
    seed: int
    domain: str
    used: int
    count: int
    right: float


@dataclass
class Judged:
    """domains: (name, what it is, unit of time); seen: those that the carried core was taught on; tau: of the first
    seed's one core, gaps: the median of each domain, both in its unit."""

    domains: list[tuple[str, str, str]]
    results: list[Result] = field(default_factory=list)
    carried: list[Carried] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    tau: dict[str, Array] = field(default_factory=dict)
    gaps: dict[str, float] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(one.model for one in self.results))

    @property
    def arms(self) -> list[str]:
        return list(dict.fromkeys(one.model for one in self.carried))

    @property
    def counts(self) -> list[int]:
        return list(dict.fromkeys(one.count for one in self.carried))

    @property
    def unseen(self) -> list[str]:
        return list(dict.fromkeys(one.domain for one in self.carried))

    def of(self, model: str) -> list[Result]:
        """A result a seed."""
        return [one for one in self.results if one.model == model]

    def values(self, model: str, domain: str = "") -> list[float]:
        """Per cent right of each seed: in a domain, or the mean over all."""
        return [one.right[domain] if domain else one.mean for one in self.of(model)]

    def mean(self, model: str, domain: str = "") -> float:
        return float(np.mean(self.values(model, domain)))

    def carries(self, arm: str, count: int, domain: str = "") -> list[float]:
        """Per cent right of each seed, in a domain never seen or the mean over all of them."""
        some = [one for one in self.carried if one.model == arm and one.count == count and domain in ("", one.domain)]
        seeds = dict.fromkeys(one.seed for one in some)
        return [float(np.mean([one.right for one in some if one.seed == seed])) for seed in seeds]

    def reached(self, arm: str, count: int, seed: int) -> float:
        some = [one.right for one in self.carried if (one.model, one.count, one.seed) == (arm, count, seed)]
        return float(np.mean(some))

    def best(self, *models: str) -> str:
        return max((model for model in models if model in self.models), key=self.mean)

    def sentence(self) -> str:
        """Who leads, and whether what was learned is worth anything elsewhere."""
        ours, theirs = self.best(ONE, HALF, MORE), self.best(EACH, SMALL, LONG)
        numbers = [self.of(model)[0].numbers for model in (ours, theirs)]
        mine = f"{ours} {self.mean(ours):.1f} % right on {len(self.domains)} sets with {numbers[0]:,} numbers"
        other = f"{theirs} {self.mean(theirs):.1f} % with {numbers[1]:,}"
        ahead = sign(self.values(ours), self.values(theirs))
        if not ahead:
            told = f"Level: {mine}, {other}."
        elif ahead < 0:
            told = f"Many networks lead: {other}, {mine}."
        else:
            told = f"One core leads: {mine}, the best of many networks, {other}."
        return f"{told} {self.about_carrying()}"

    def about_carrying(self) -> str:
        """The control, in one sentence."""
        told: dict[str, list[str]] = {}
        for count in self.counts:
            worth = WORTH[sign(self.carries(LEARNED, count), self.carries(RANDOM, count))]
            told.setdefault(worth, []).append(str(count))
        learned, random, scratch = (
            ", ".join(f"{np.mean(self.carries(arm, n)):.1f}" for n in self.counts) for arm in (LEARNED, RANDOM, SCRATCH)
        )
        found = ", ".join(f"{worth} a random one with {listed(counts)} series" for worth, counts in told.items())
        return (
            f"Frozen, in domains it never saw, the learned core is {found} ({learned} % against {random} %); "
            f"learning all from scratch gives {scratch} %."
        )

    def frame(self) -> Any:
        """A line an approach, seed and domain; of carried cores with the series that they learned from."""
        import pandas as pd

        whole = [
            {"model": r.model, "seed": r.seed, "domain": name, "series": None, "right": value, "numbers": r.numbers}
            for r in self.results
            for name, value in r.right.items()
        ]
        carried = [
            {"model": c.model, "seed": c.seed, "domain": c.domain, "series": c.used, "right": c.right, "numbers": None}
            for c in self.carried
        ]
        return pd.DataFrame([*whole, *carried])

    def rows(self) -> list[dict[str, Any]]:
        """As benchmarks keep them: a row an approach and domain, the mean over all first."""
        made = []
        for model in self.models:
            some = self.of(model)
            cost: dict[str, Any] = {
                "parameters": some[0].numbers,
                "seconds": float(np.mean([one.seconds for one in some])),
                "settings": {"units": some[0].units},
            }
            for name in ["", *(name for name, _, _ in self.domains)]:
                task = f"together, {name or 'mean'}"
                made.append(row(task, model, "liquid", "right", self.values(model, name), **cost))
        for arm in self.arms:
            for count in self.counts:
                settings = {"taught on": self.seen, "judged on": self.unseen}
                made += [
                    row(f"together, {f'{domain}, ' if domain else ''}{count} series", arm, "liquid", f"carried{' each' if domain else ''}",
                        self.carries(arm, count, domain), settings=settings)
                    for domain in ["", *self.unseen]
                ]  # fmt: skip
        return made
