"""How well policies act without chance, in episodes that learning never saw, and what can be read from their states.

return     the mean of whole episodes, with actions held for as long as in training, for 1, 2, ... frames always, and for longer than ever
solved     steps and CPU seconds until the mean of the last 100 episodes of training reached what the world asks
R2         of each hidden thing, by a ridge from state and input, on copies of the world that the ridge did not see
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network, agents
from ...agents import World
from ..rows import row
from .train import Agent, Task

Array = NDArray[Any]
SEED = 424_242  # of the worlds that policies are judged in
EPISODES = 256  # the mean of 64 swings of a pendulum is uncertain by 15
RIDGE = 1e-3  # of the variance of each feature, which is one
BEYOND = 2  # frames more than ever held in training


@dataclass(frozen=True, eq=False)
class Run:
    """Episodes of n copies. returns (episodes,); seen, all that there is to see, hidden or not (steps, n, names); state (steps, n,
    state); time (steps, n): seconds since the episode began; action (steps, n) or (steps, n, actions)."""

    returns: Array
    seen: Array
    state: Array
    time: Array
    action: Array

    @property
    def first(self) -> slice:
        """The first episode of the first copy."""
        over = np.flatnonzero(np.diff(self.time[:, 0]) <= 0)
        return slice(0, int(over[0]) + 1 if len(over) else len(self.time))


def play(net: Network, world: World, episodes: int = EPISODES, tell_dt: bool = True) -> Run:
    """Let it act, and look on."""
    seen, state, time, did = list[Array](), list[Array](), list[Array](), list[Array]()

    def watch(world: World, states: Array, action: Array) -> None:
        seen.append(np.array(world.observe()))
        state.append(states)
        time.append(world.count * world.period)
        did.append(action)

    returns = agents.evaluate(net, world, episodes, tell_dt=tell_dt, watch=watch)
    return Run(returns, np.array(seen), np.array(state), np.array(time), np.array(did))


def decoded(run: Run, shown: Sequence[int], hidden: Sequence[int]) -> tuple[Array, Array]:
    """What a ridge on the first half of the copies reads of the hidden things, (steps, copies, hidden), and R2 on the other half."""
    features = np.concatenate([run.state, run.seen[..., list(shown)]], axis=2)
    half = max(features.shape[1] // 2, 1)
    known, target = features[:, :half].reshape(-1, features.shape[2]), run.seen[:, :half, list(hidden)]
    middle, width = known.mean(axis=0), known.std(axis=0) + 1e-9
    given = target.reshape(-1, len(hidden))
    z = (known - middle) / width
    weights = np.linalg.solve(z.T @ z + RIDGE * len(z) * np.eye(z.shape[1]), z.T @ (given - given.mean(axis=0)))
    told = (features - middle) / width @ weights + given.mean(axis=0)
    truth = run.seen[:, half:, list(hidden)]
    r2 = 1 - np.square(told[:, half:] - truth).mean(axis=(0, 1)) / truth.var(axis=(0, 1))
    return told, r2


@dataclass(frozen=True)
class Score:
    """One policy of one seed. returns: the name of how long actions were held -> the mean return; r2: hidden thing -> R2."""

    policy: str
    cell: str
    kind: str
    seed: int
    told: bool
    returns: dict[str, float]
    r2: dict[str, float]
    solved: agents.Point | None
    end: agents.Point
    parameters: int


@dataclass
class Judged:
    """Every score, in the order of training, and the runs of each policy's first seed as trained, for pictures."""

    task: Task
    agents: list[Agent] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.agents[0].world

    @property
    def policies(self) -> list[str]:
        return list(dict.fromkeys(score.policy for score in self.scores))

    @property
    def trained(self) -> str:
        """The name of how long actions were held in training."""
        return next(iter(holds(self.task)))

    @property
    def episodes(self) -> int:
        """That each policy was judged in."""
        return len(next(iter(self.runs.values())).returns)

    @property
    def hidden(self) -> list[str]:
        return [name for k, name in enumerate(self.world.names) if k not in self.world.shown]

    def of(self, policy: str) -> list[Score]:
        return [score for score in self.scores if score.policy == policy]

    def returns(self, policy: str, held: str | None = None) -> list[float]:
        """One number a seed."""
        return [score.returns[held or self.trained] for score in self.of(policy)]

    def mean(self, policy: str, held: str | None = None) -> float:
        return float(np.mean(self.returns(policy, held)))

    def solved(self, policy: str, what: str = "steps") -> float:
        """The mean number of steps, or `seconds` of CPU, until it was solved; NaN where a seed never did."""
        found = [getattr(s.solved, what) if s.solved is not None else math.nan for s in self.of(policy)]
        return float(np.mean(found))

    def best(self, kind: str, told: bool = True) -> str | None:
        """The policy of this kind that earns most, as trained; of two that earn the same, the one that was solved first."""
        some = [p for p in self.policies if self.of(p)[0].kind == kind and self.of(p)[0].told == told]

        def rank(policy: str) -> tuple[float, float]:
            steps = self.solved(policy)
            return round(self.mean(policy), 3), -steps if math.isfinite(steps) else -math.inf

        return max(some, key=rank, default=None)

    def level(self, one: str, other: str) -> bool:
        """Whether their returns differ by no more than the seeds of one do, or by 2 %."""
        spread = max(float(np.std(self.returns(policy))) for policy in (one, other))
        a, b = self.mean(one), self.mean(other)
        return abs(a - b) <= max(spread, 0.02 * max(abs(a), abs(b)))

    def sentence(self) -> str:
        """Who leads, in a sentence; where actions were held for a random time, what it is worth to be told how long."""
        liquid, static = self.best("liquid"), self.best("static")
        said = self._alone(liquid or static) if liquid is None or static is None else self._both(liquid, static)
        blind = [f"{self.of(p)[0].cell} {self.mean(p):.0f}" for p in self.policies if not self.of(p)[0].told]
        return f"{said} Not told how long their actions took: {', '.join(blind)}." if blind else said

    def _alone(self, policy: str | None) -> str:
        return "" if policy is None else f"{policy} earns {self.mean(policy):.4g}{self._speed(policy)}."

    def _both(self, liquid: str, static: str) -> str:
        kinds = {liquid: "liquid", static: "static"}
        first, second = sorted(kinds, key=self.mean, reverse=True)
        if not self.level(liquid, static):
            told = [f"{p} ({kinds[p]}) earns {self.mean(p):.4g}{self._speed(p)}" for p in (first, second)]
            return f"{first} leads: {told[0]}; {told[1]}."
        first, second = sorted(kinds, key=lambda p: (math.isnan(self.solved(p)), self.solved(p)))
        told = [f"{p} ({kinds[p]}) {self.mean(p):.4g}{self._speed(p)}" for p in (first, second)]
        return f"Level in what they earn: {told[0]}; {told[1]}."

    def _speed(self, policy: str) -> str:
        steps, seconds = self.solved(policy), self.solved(policy, "seconds")
        if math.isfinite(steps):
            return f", solved after {steps / 1000:.0f}k steps and {seconds:.{int(seconds < 10)}f} s of CPU"
        some, all_ = sum(s.solved is not None for s in self.of(policy)), len(self.of(policy))
        if self.world.solved is None:
            return ""
        return f", solved in training by {some} of {all_} seeds" if all_ > 1 else ", not solved in training"

    def metric(self, held: str) -> str:
        """What a return is called where numbers are kept."""
        return f"return, actions held {held} frames" if self.task.held else "return"

    def earned(self, agent: Agent) -> float:
        """The mean return of one seed, as trained."""
        return next(s for s in self.of(agent.name) if s.seed == agent.seed).returns[self.trained]

    @property
    def columns(self) -> list[str]:
        """Of the table, behind the policy's name."""
        return ["return", "solved at", "CPU s", "solved", *(["R2"] if self.hidden else []), "steps/s", "size"]

    def line(self, policy: str) -> list[str]:
        """Of the table: means over seeds, with the return's spread; solved at: where every seed was; R2: the least of what is hidden."""
        some, each = self.of(policy), self.returns(policy)
        steps, seconds = self.solved(policy), self.solved(policy, "seconds")
        r2 = min((float(np.mean([s.r2[name] for s in some])) for name in self.hidden), default=math.nan)
        return [
            f"{np.mean(each):.4g}{f' ± {np.std(each):.2g}' if len(each) > 1 else ''}",
            "–" if math.isnan(steps) else f"{steps / 1000:.0f}k",
            "–" if math.isnan(seconds) else f"{seconds:.1f}",
            f"{sum(s.solved is not None for s in some)} of {len(some)}",
            *([f"{r2:.2f}"] if self.hidden else []),
            f"{np.mean([s.end.steps / s.end.seconds for s in some]):,.0f}",
            f"{some[0].parameters:,}",
        ]

    @property
    def holds(self) -> list[str]:
        """How long actions were held where policies were judged: as in training first."""
        return list(holds(self.task))

    def held(self, policy: str) -> list[str]:
        """The mean return at each of `holds`."""
        return [f"{self.mean(policy, held):.4g}" for held in self.holds]

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame(
            {"policy": s.policy, "seed": s.seed, "parameters": s.parameters, "solved_steps": getattr(s.solved, "steps", None),
             "solved_seconds": getattr(s.solved, "seconds", None), "last_100": s.end.mean, "steps": s.end.steps,
             "seconds": s.end.seconds, **{self.metric(held): value for held, value in s.returns.items()},
             **{f"R2 of {name}": value for name, value in s.r2.items()}}
            for s in self.scores
        )  # fmt: skip

    def rows(self) -> list[dict[str, Any]]:
        """One row a policy and metric, as benchmarks keep them; what no number can be given for is left out."""
        made = []
        hidden = f", {', '.join(self.hidden)} hidden" if self.hidden else ""
        few, many = self.task.skip
        frames = f", held {few}-{many} frames" if self.task.held else ""
        for policy in self.policies:
            some = self.of(policy)
            each = {self.metric(held): self.returns(policy, held) for held in self.holds}
            each["mean of the last 100 episodes"] = [s.end.mean for s in some]
            each["steps a CPU second"] = [s.end.steps / s.end.seconds for s in some]
            if self.world.solved is not None:
                each["seeds solved"] = [float(s.solved is not None) for s in some]
            done = [s.solved for s in some if s.solved is not None]
            if len(done) == len(some):
                each["steps until solved"] = [float(point.steps) for point in done]
                each["CPU seconds until solved"] = [point.seconds for point in done]
            each |= {f"R2 of {name}": [s.r2[name] for s in some] for name in some[0].r2}
            for metric, values in each.items():
                if np.isfinite(values).all():
                    made.append(
                        row(
                            f"{self.task.world}{hidden}{frames}",
                            policy,
                            some[0].kind,
                            metric,
                            values,
                            parameters=some[0].parameters,
                            seconds=float(np.mean([s.end.seconds for s in some])),
                            settings={"skip": list(self.task.skip), "steps": self.task.budget},
                        )
                    )
        return made


def holds(task: Task) -> dict[str, tuple[int, int]]:
    """How long actions are held where policies are judged: as in training first."""
    if not task.held:
        return {"greedy": task.skip}
    low, high = task.skip
    always = {str(k): (k, k) for k in [*range(low, high + 1), high + BEYOND]}
    return {f"{low}-{high}": task.skip, **always}


def judge(task: Task, taught: Sequence[Agent], episodes: int = EPISODES) -> Judged:
    """The table."""
    judged = Judged(task, list(taught))
    for agent in taught:
        returns, r2 = dict[str, float](), dict[str, float]()
        for held, skip in holds(task).items():
            world = task.make(episodes, SEED, skip)
            run = play(agent.net, world, episodes, agent.told)
            returns[held] = float(run.returns.mean())
            hidden = [k for k in range(len(world.names)) if k not in world.shown]
            if held != judged.trained:
                continue
            judged.runs.setdefault(agent.name, run)
            if hidden:
                found = decoded(run, world.shown, hidden)[1]
                r2 = {world.names[k]: float(value) for k, value in zip(hidden, found, strict=True)}
        judged.scores.append(
            Score(
                agent.name, agent.cell, agent.kind, agent.seed, agent.told, returns, r2, agent.learned.solved, agent.learned.curve[-1],
                agent.parameters,
            )
        )  # fmt: skip
    return judged
