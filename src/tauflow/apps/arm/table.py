"""How well policies move the arm: under each disturbance, beside the expert and the blind law, on paths and loads unseen in training.

error       mean |r - q| over joints and time, rad               worst       the largest of one arm's means
adaptation  s from a change of the load until the error, averaged over changes, is back within 1.2 times of where it then stays
roughness   mean |action - action before| from one 20 ms to the next
R2          of the load as the policy tells it, from 0.5 s after a change on
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...agents import Trouble, Walked, walk
from ..rows import row
from .train import AUXILIARY, LATE, Policy
from .world import LOADS, Arm, blind, carry, expert, straight

Array = NDArray[Any]
SEED = 424_242  # of the worlds that policies are judged in; training begins at multiples of 1000
CONDITIONS: dict[str, tuple[Trouble, tuple[float, float]]] = {
    "20 ms": (Trouble(), LOADS),
    "jitter 10-60 ms": (Trouble(jitter=3), LOADS),
    "always 60 ms": (Trouble(period=0.06), LOADS),
    "30 % lost": (Trouble(lost=0.3), LOADS),
    "delay 40 ms": (Trouble(delay=(0.04, 0.04)), LOADS),
    "jitter, 30 % lost, delay 20-40 ms": (LATE, LOADS),
    "4 kg": (Trouble(), (4.0, 4.0)),
    "all at once": (LATE, (4.0, 4.0)),
}
FIRST, LATEST = "20 ms", "jitter, 30 % lost, delay 20-40 ms"
SETTLED = 0.5  # s
EXPERT, BLIND = "expert", "blind expert"
STRAIGHT = "blind expert, no model"  # carries on what is late as it moved, without a model of the arm
LAWS = (EXPERT, BLIND, STRAIGHT)


@dataclass(frozen=True, eq=False)
class Run:
    """A walk, with the load and the seconds since it changed at each step, each (n, steps), and where the arms are, (n, steps, 3)."""

    walked: Walked
    load: Array
    since: Array
    q: Array
    touched: float  # share of arms that touched the obstacle

    @property
    def at(self) -> Array:
        """When each step of the first arm's first episode began, s."""
        later = np.flatnonzero(self.walked.first[0, 1:])
        steps = int(later[0]) + 1 if len(later) else self.load.shape[1]
        return np.concatenate([[0.0], np.cumsum(self.walked.took[0, : steps - 1])])

    @property
    def off(self) -> Array:
        """Mean |r - q| during each step, (n, steps)."""
        return np.asarray(-self.walked.reward / np.rint(self.walked.took / Arm.period))

    @property
    def error(self) -> float:
        return float(-self.walked.reward.sum() / (self.walked.took.sum() / Arm.period))

    @property
    def worst(self) -> float:
        return float((-self.walked.reward.sum(axis=1) / (self.walked.took.sum(axis=1) / Arm.period)).max())

    @property
    def told(self) -> Array:
        """The load that the policy tells, (n, steps) in kg; NaN where it wasn't asked."""
        return np.asarray(self.walked.answer[..., -1])

    @property
    def roughness(self) -> float:
        action, new = self.walked.action, self.walked.first
        return float(np.abs(np.diff(action, axis=1))[~new[:, 1:]].mean())

    @property
    def r2(self) -> float:
        chosen = (self.since >= SETTLED) & np.isfinite(self.since) & np.isfinite(self.told)
        load, told = self.load[chosen], self.told[chosen]
        if not chosen.any() or np.ptp(load) == 0:
            return float("nan")
        return float(1 - np.square(load - told).mean() / load.var())

    def after(self, values: Array, until: float = 1.0, width: float = 0.04) -> tuple[Array, Array]:
        """Mean of `values` (n, steps) over the time since a change, in bins: their middles in s, and the means."""
        edges = np.arange(0, until + width / 2, width)
        place = np.digitize(self.since, edges) - 1
        means = [np.nanmean(values[place == k]) if (place == k).any() else np.nan for k in range(len(edges) - 1)]
        return edges[:-1] + width / 2, np.array(means)

    @property
    def adaptation(self) -> float:
        at, off = self.after(self.off)
        late = off[(at > 0.7) & np.isfinite(off)]
        if not len(late):
            return float("nan")
        level = late.mean()
        above = at[off > 1.2 * level]
        return float(above.max() if len(above) else 0.0)


def run(
    actor: Policy | str,
    condition: str = FIRST,
    *,
    arms: int = 12,
    steps: int = 250,
    obstacle: bool = False,
    seed: int = SEED,
) -> Run:
    """One policy, or one of LAWS, under one condition."""
    trouble, loads = CONDITIONS[condition]
    world = Arm(arms, seed, loads=loads, obstacle=obstacle)
    met: list[tuple[Array, ...]] = []

    def watch(world: Arm) -> None:
        met.append((world.load, world.since, world.q.copy()))

    by = (expert if actor == EXPERT else None) if isinstance(actor, str) else actor.net
    walked = walk(
        world, steps, by, expert, base=blind if isinstance(actor, str) else actor.base, auxiliary=AUXILIARY, mix=[trouble],
        stamped=True, carry=straight if actor == STRAIGHT else carry, seed=seed, watch=watch,
    )  # fmt: skip
    load, since, q = (np.stack(each, axis=1) for each in zip(*met, strict=True))
    return Run(walked, load, since, q, float(world.touched.mean()))


def microseconds(net: Network, calls: int = 2000) -> float | None:
    """CPU time of one step of the whole network, streamed; the least of five rounds; None where no kernel runs it."""
    stream = net.stream()
    if stream.backend != "cpu":
        return None
    x = np.random.default_rng(0).normal(size=net.inputs).astype(np.float32)
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(calls // 5):
            stream(x, 0.02)
        rounds.append((time.process_time() - began) / (calls // 5) * 1e6)
    return min(rounds)


MEASURED = ("error", "worst", "roughness", "adaptation", "r2", "touched")


@dataclass(frozen=True)
class Score:
    """One policy of one seed under one condition."""

    policy: str
    kind: str  # liquid, static, law
    seed: int
    condition: str
    error: float = math.nan
    worst: float = math.nan
    roughness: float = math.nan
    adaptation: float = math.nan
    r2: float = math.nan
    touched: float = math.nan
    parameters: int = 0
    seconds: float = 0.0
    microseconds: float | None = None


@dataclass
class Judged:
    """Every score, and the runs of each policy's first seed at 20 ms and with late samples, for pictures."""

    scores: list[Score] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)
    late: dict[str, Run] = field(default_factory=dict)
    obstacle: bool = False

    @property
    def policies(self) -> list[str]:
        return list(dict.fromkeys(score.policy for score in self.scores))

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(score.condition for score in self.scores))

    def of(self, policy: str, condition: str = FIRST, what: str = "error") -> list[float]:
        """One number a seed."""
        found = [getattr(s, what) for s in self.scores if s.policy == policy and s.condition == condition]
        return [float("nan") if value is None else float(value) for value in found]

    def mean(self, policy: str, condition: str = FIRST, what: str = "error") -> float:
        return float(np.mean(self.of(policy, condition, what)))

    def relative(self, policy: str, condition: str = FIRST, to: str = BLIND) -> float:
        """The mean error against a law's under the same condition."""
        return self.mean(policy, condition) / self.mean(to, condition)

    def best(self, kind: str, condition: str = FIRST) -> str | None:
        """The policy of this kind with the least mean error."""
        some = [p for p in self.policies if any(s.policy == p and s.kind == kind for s in self.scores)]
        return min(some, key=lambda policy: self.mean(policy, condition), default=None)

    def sentence(self) -> str:
        """Who leads at 20 ms, in one sentence; level: apart by less than 5 %, or by no more than seeds are."""
        liquid, static = self.best("liquid"), self.best("static")
        if liquid is None or static is None:
            one = liquid or static
            return (
                ""
                if one is None
                else f"{one} errs {self.relative(one):.2f} times as much as a law that does not know the load."
            )
        first, second = sorted((liquid, static), key=self.mean)
        kinds = {liquid: "liquid", static: "static"}
        apart = self.mean(second) - self.mean(first)
        spread = max(float(np.std(self.of(policy))) for policy in kinds)
        told = {p: f"{p} ({kinds[p]}) {self.relative(p):.2f}" for p in kinds}
        if apart <= max(0.05 * self.mean(second), spread * (1 + 1e-9)):
            return f"Level, in units of the blind law's error: {told[first]}, {told[second]}."
        return f"{first} leads, in units of the blind law's error: {told[first]}, {told[second]}."

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(score) for score in self.scores])

    def rows(self) -> list[dict[str, Any]]:
        """One row a policy, condition and metric, as benchmarks keep them."""
        made = []
        for policy in self.policies:
            some = [s for s in self.scores if s.policy == policy]
            for condition in self.conditions:
                for metric in ("error", "worst", "roughness", "adaptation", "r2", "microseconds"):
                    values = np.array(self.of(policy, condition, metric))
                    if not np.isfinite(values).all():
                        continue
                    task = f"arm{' with obstacle' if self.obstacle else ''}, {condition}"
                    made.append(
                        row(
                            task,
                            policy,
                            some[0].kind,
                            metric,
                            values.tolist(),
                            parameters=some[0].parameters,
                            seconds=float(np.mean([s.seconds for s in some])),
                            settings={"condition": condition},
                        )
                    )
        return made


def judge(
    policies: Sequence[Policy],
    *,
    obstacle: bool = False,
    arms: int = 12,
    steps: int = 250,
    conditions: Sequence[str] = (),
) -> Judged:
    """The table: the laws and every policy, under every condition."""
    judged = Judged(obstacle=obstacle)
    each: list[tuple[Score, Policy | str]] = [(Score(law, "law", 0, ""), law) for law in LAWS]
    for p in policies:
        cost = Score(
            p.name, p.kind, p.seed, "", parameters=p.parameters, seconds=p.seconds, microseconds=microseconds(p.net)
        )
        each.append((cost, p))
    for blank, actor in each:
        for condition in conditions or CONDITIONS:
            found = run(actor, condition, arms=arms, steps=steps, obstacle=obstacle)
            if condition in (FIRST, LATEST):
                (judged.runs if condition == FIRST else judged.late).setdefault(blank.policy, found)
            measured = {name: getattr(found, name) for name in MEASURED}
            judged.scores.append(replace(blank, condition=condition, **measured))
    return judged
