"""Recurrent PPO: a policy learns by reward, with the time that each action took told to it.

    A_t = sum_k (lambda g)^k delta_(t+k),   delta_t = r_t + g_t V_(t+1) - V_t,   g_t = gamma^(dt_t / period)
    loss = -min(rho A, clip(rho, 1 - c, 1 + c) A) + v (V - A_t - V_t)^2 - e entropy,   rho = pi(a) / pi_then(a)

Roll-outs run by streams, without torch. They are learned from in pieces of `length` steps, each from the state that stood there; where
an episode begins inside one the state is reset (`first=`), so no episode sees the one before, in roll-outs and in learning. An episode
that was cut by its time limit goes on in the value of what it saw last.
Sources: Schulman et al. 2017, Proximal Policy Optimization; Schulman et al. 2016, GAE; gamma^dt: Doya 2000.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import TauflowError
from ..network import Network
from .policy import FIRST_SPREAD, density, draw, policy, told
from .world import World

Array = NDArray[Any]
RECENT = 100  # episodes that the mean return is of


class LearningError(TauflowError, ValueError):
    """Settings under which nothing can be learned."""


@dataclass(frozen=True)
class PPO:
    """The settings; those of the paper where no other is named."""

    steps: int = 128  # of each copy before every update
    length: int = 32  # of a piece that is learned from
    epochs: int = 4
    minibatches: int = 4
    lr: float = 2.5e-3  # falls to zero
    gamma: float = 0.99  # for one period
    lam: float = 0.95
    clip: float = 0.2
    value: float = 0.5
    entropy: float = 0.005
    norm: float = 0.5

    def __post_init__(self) -> None:
        if self.steps % self.length:
            raise LearningError(f"steps is {self.steps}, expected a multiple of length = {self.length}")


@dataclass(frozen=True)
class Point:
    """Where learning stands after so many steps of all copies: CPU seconds and the mean return of the last episodes."""

    steps: int
    seconds: float
    mean: float
    episodes: int


@dataclass
class Learned:
    """policy: the network. curve: a point an update. solved: the first at which the world counts as solved, or None."""

    policy: Network
    curve: list[Point] = field(default_factory=list)
    solved: Point | None = None
    log_spread: Tensor | None = None

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(point) for point in self.curve])


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
        self.rows = net.eval().stream(rows=world.n)
        self.seen = world.reset()
        self.last = np.zeros((world.n, len(world.actions)), np.float32)
        self.gap = np.full(world.n, world.period, np.float32)
        self.begins = np.ones(world.n, dtype=bool)
        self.total = np.zeros(world.n)
        self.returns: list[float] = []

    def value(self, x: Array, gap: Array) -> Array:
        """Of what is seen, without moving on."""
        kept = self.rows.state
        found: Array = self.rows(x, gap)[:, -1]
        self.rows.state = kept
        return found

    def walk(self, net: Network, log_spread: Array | None, settings: PPO) -> Batch:
        world, n, steps = self.world, self.world.n, settings.steps
        self.rows.refresh(net)
        x = np.empty((steps, n, len(world.shown) + len(world.actions)), np.float32)
        dt, log_pi, value, reward, follows, took = np.zeros((6, steps, n), np.float32)
        first, over = np.empty((2, steps, n), dtype=bool)
        action = (
            np.empty((steps, n, len(world.actions)), np.float32) if world.continuous else np.empty((steps, n), np.int64)
        )
        states = np.empty((steps // settings.length, n, self.rows.state_size), np.float32)
        for t in range(steps):
            if t % settings.length == 0:
                states[t // settings.length] = self.rows.state
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


def advantages(batch: Batch, gamma: float, lam: float) -> Array:
    """A_t of the equation above, (steps, n)."""
    found, running, after = np.empty_like(batch.value), np.zeros_like(batch.beyond), batch.beyond
    discount = gamma**batch.took
    for t in reversed(range(len(found))):
        after = np.where(batch.over[t], batch.follows[t], after)
        delta = batch.reward[t] + discount[t] * after - batch.value[t]
        running = delta + discount[t] * lam * np.where(batch.over[t], 0, running)
        found[t], after = running, batch.value[t]
    return found


def update(
    net: Network, log_spread: Tensor | None, optimiser: Any, batch: Batch, settings: PPO, rng: np.random.Generator
) -> None:
    """Some epochs over one roll-out."""
    gain = advantages(batch, settings.gamma, settings.lam)
    back = gain + batch.value
    gain = (gain - gain.mean()) / (gain.std() + 1e-8)
    length = settings.length

    def pieces(values: Array) -> Tensor:
        """(steps, n, ...) -> (pieces, length, ...)"""
        cut = values.reshape(len(values) // length, length, *values.shape[1:]).swapaxes(1, 2)
        return torch.from_numpy(np.ascontiguousarray(cut.reshape(-1, length, *values.shape[2:])))

    names = ("x", "dt", "first", "action", "log_pi")
    x, dt, first, action, then = (pieces(getattr(batch, name)) for name in names)
    gains, backs = pieces(gain), pieces(back)
    state = torch.from_numpy(batch.states.reshape(-1, batch.states.shape[2]))
    parameters = [*net.parameters(), *([] if log_spread is None else [log_spread])]
    for _ in range(settings.epochs):
        for some in torch.from_numpy(rng.permutation(len(x))).chunk(settings.minibatches):
            answers, _ = net(x[some], dt[some], None, state[some], first=first[some])
            log_pi, entropy = density(answers[..., :-1], action[some], log_spread)
            ratio, gained = (log_pi - then[some]).exp(), gains[some]
            clipped = ratio.clamp(1 - settings.clip, 1 + settings.clip)
            loss = -torch.minimum(ratio * gained, clipped * gained).mean() - settings.entropy * entropy.mean()
            loss = loss + settings.value * (answers[..., -1] - backs[some]).square().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, settings.norm)
            optimiser.step()


def ppo(
    world: World,
    net: Network | None = None,
    *,
    core: Any = "cfc",
    units: Any = 32,
    steps: int = 100_000,
    seed: int = 0,
    tell_dt: bool = True,
    settings: PPO | None = None,
    minutes: float | None = None,
    progress: Callable[[Point], None] | None = None,
    **changes: Any,
) -> Learned:
    """Learn to act in a world by reward, for so many steps of all its copies together, or minutes of CPU time.

    net: a policy to go on from (after imitation, say); else a new one of `core` and `units`. tell_dt=False hides the time that actions
    took. changes: of the settings, `lr=1e-3`.
    """
    chosen = replace(settings or PPO(), **changes)
    updates = steps // (world.n * chosen.steps)
    if updates < 1:
        raise LearningError(
            f"steps is {steps}, but one update takes {world.n * chosen.steps}: {world.n} copies x {chosen.steps}"
        )
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    made = policy(world, core, units) if net is None else net
    log_spread = torch.full((len(world.actions),), FIRST_SPREAD, requires_grad=True) if world.continuous else None
    optimiser = torch.optim.Adam(
        [*made.parameters(), *([] if log_spread is None else [log_spread])], lr=chosen.lr, eps=1e-5
    )
    learned, began = Learned(made, log_spread=log_spread), time.process_time()
    rollout = Rollout(world, made, rng, tell_dt)
    for done in range(updates):
        for group in optimiser.param_groups:
            group["lr"] = chosen.lr * (1 - done / updates)
        batch = rollout.walk(made, None if log_spread is None else log_spread.detach().numpy(), chosen)
        made.train()
        update(made, log_spread, optimiser, batch, chosen, rng)
        made.eval()
        recent = rollout.returns[-RECENT:]
        mean = float(np.mean(recent)) if recent else float("nan")
        point = Point((done + 1) * world.n * chosen.steps, time.process_time() - began, mean, len(rollout.returns))
        learned.curve.append(point)
        if learned.solved is None and world.solved is not None and len(recent) == RECENT and mean >= world.solved:
            learned.solved = point
        if progress is not None:
            progress(point)
        if minutes is not None and point.seconds > 60 * minutes:
            break
    return learned
