"""Recurrent PPO: a policy learns by reward, with the time that each action took told to it.

    A_t = sum_k (lambda g)^k delta_(t+k),   delta_t = r_t + g_t V_(t+1) - V_t,   g_t = gamma^(dt_t / period)
    loss = -min(rho A, clip(rho, 1 - c, 1 + c) A) + v (V - A_t - V_t)^2 - e entropy,   rho = pi(a) / pi_then(a)

Roll-outs (see rollout.py) are learned from in pieces of `length` steps, each from the state that stood there; where an episode begins
inside one the state is reset (`first=`), so no episode sees the one before, in roll-outs and in learning.
Sources: Schulman et al. 2017, Proximal Policy Optimization; Schulman et al. 2016, GAE; gamma^dt: Doya 2000.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..network import Network
from .checkpoint import Checkpoint
from .policy import FIRST_SPREAD, LearningError, apart, check, density, policy
from .rollout import Batch, Rollout
from .world import World

Array = NDArray[Any]
RECENT = 100  # episodes that the mean return is of


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
    """policy: the network. curve: a point an update. solved: the first at which the world counts as solved, or None.
    whole: whether all steps were done. log_spread: of continuous actions, where they were drawn in learning."""

    policy: Network
    curve: list[Point] = field(default_factory=list)
    solved: Point | None = None
    whole: bool = True
    log_spread: Tensor | None = None

    def frame(self) -> Any:
        import pandas as pd

        return pd.DataFrame([vars(point) for point in self.curve])


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
    state = torch.from_numpy(batch.states).flatten(0, 1)
    parameters, keep = [*net.parameters(), *([] if log_spread is None else [log_spread])], apart(net)
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
            keep()
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
    checkpoint: str | os.PathLike[str] | None = None,
    progress: Callable[[Point], None] | None = None,
    **changes: Any,
) -> Learned:
    """Learn to act in a world by reward, for so many steps of all its copies together, or minutes of CPU time.

    net         a policy to go on from (after imitation, say); else a new one of `core` and `units`
    tell_dt     False hides the time that actions took
    minutes     of CPU that this call may take
    checkpoint  a file kept up to date after every update; if it is there, the run goes on from it and ends like one never stopped
    settings    instead of those that suit the world: the usual ones with `world.learning`
    changes     of the settings, `lr=1e-3`

    >>> world = tauflow.agents.make("CartPole-v1", n=4)
    >>> learned = tauflow.agents.ppo(world, units=8, steps=256, settings=tauflow.agents.PPO(steps=32, epochs=1))  # Learned
    >>> [point.steps for point in learned.curve]  # a Point an update
    [128, 256]
    """
    chosen = replace(PPO(**world.learning) if settings is None else settings, **changes)
    updates = steps // (world.n * chosen.steps)
    if updates < 1:
        raise LearningError(
            f"steps is {steps}, but one update takes {world.n * chosen.steps}: {world.n} copies x {chosen.steps}"
        )
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    made = policy(world, core, units) if net is None else net
    check(made, world)
    log_spread = torch.full((len(world.actions),), FIRST_SPREAD, requires_grad=True) if world.continuous else None
    parameters = [*made.parameters(), *([] if log_spread is None else [log_spread])]
    optimiser = torch.optim.Adam(parameters, lr=chosen.lr, eps=1e-5, fused=True)
    learned, began = Learned(made, log_spread=log_spread), time.process_time()
    rollout, before = Rollout(world, made, rng, tell_dt), 0.0
    run = {"world": type(world).__name__, "id": getattr(world, "id", ""), "copies": world.n, "seen": world.seen_names}
    run |= {"skip": list(world.skip), "steps": steps, "seed": seed, "tell_dt": tell_dt, "settings": vars(chosen)}
    file = None if checkpoint is None else Checkpoint(Path(checkpoint), made, log_spread, optimiser, rollout, run)
    if file is not None and file.path.exists():
        learned.curve = [Point(int(s), c, m, int(e)) for s, c, m, e in file.load().tolist()]
        before = learned.curve[-1].seconds
    for done in range(len(learned.curve), updates):
        for group in optimiser.param_groups:
            group["lr"] = chosen.lr * (1 - done / updates)
        spread = None if log_spread is None else log_spread.detach().numpy()
        batch = rollout.walk(made, spread, chosen.steps, chosen.length)
        made.train()
        update(made, log_spread, optimiser, batch, chosen, rng)
        made.eval()
        recent = rollout.returns[-RECENT:]
        took = time.process_time() - began
        mean = float(np.mean(recent)) if recent else float("nan")
        point = Point((done + 1) * world.n * chosen.steps, before + took, mean, len(rollout.returns))
        learned.curve.append(point)
        if file is not None:
            file.save(torch.tensor([tuple(vars(one).values()) for one in learned.curve], dtype=torch.float64))
        if progress is not None:
            progress(point)
        if minutes is not None and took > 60 * minutes:
            break
    learned.whole = len(learned.curve) == updates
    learned.solved = next((p for p in learned.curve if _solved(p, world.solved)), None)
    return learned


def _solved(point: Point, at: float | None) -> bool:
    return at is not None and point.episodes >= RECENT and point.mean >= at
