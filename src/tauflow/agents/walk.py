"""A policy or an expert walks through a world, under the troubles that lie between them, and all of it is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Network
from .link import Carry, Link, Trouble
from .policy import LearningError, best, told
from .streams import side_by_side
from .world import World

Array = NDArray[Any]
Expert = Callable[[Any], Array]  # of the world: (n, actions) in [-1, 1], or (n,) whole numbers
Advice = Callable[[Any, Array], Array]  # of the world and of what `base` sees: actions as an expert's
Base = Callable[[Array], Array]  # of what is seen, (n, inputs) -> (n, actions)
Auxiliary = Mapping[str, Callable[[Any], Array]]  # name -> of the world -> (n,)


@dataclass(frozen=True, eq=False)
class Walked:
    """What n copies went through, every array (n, steps, ...): inputs x, the gap dt before them, whether they arrived (mask), where
    an episode begins (first), what the policy should answer (y) and answered, the action, what was earned, and the time it took."""

    x: Array
    dt: Array
    mask: Array
    first: Array
    y: Array
    answer: Array
    action: Array
    reward: Array
    took: Array


def walk(
    world: World,
    steps: int,
    actor: Network | Expert | None,
    expert: Expert,
    *,
    base: Base | None = None,
    auxiliary: Auxiliary | None = None,
    mix: Sequence[Trouble] = (Trouble(),),
    stamped: bool = False,
    carry: Carry | None = None,
    advice: Advice | None = None,
    noise: float = 0.0,
    seed: int = 0,
    watch: Callable[[Any], Any] | None = None,
) -> Walked:
    """So many steps of all copies, under the troubles of `mix`, with a policy, an expert or (None) `base` alone as the actor; see `Walked`.

    stamped: samples bear the time at which they were taken, and their age, in the world's unit, is seen last, by `base` too.
    carry: with `stamped`, a model of the world that carries what arrives late on to now, over the actions sent since, before `base` sees
    it (Smith 1957). The policy sees the sample itself, the action that went before it, and the time between stamps: what belongs together.
    advice: what the policy should answer, told from what `base` sees; unless given, it is what the expert does, who knows the world as it
    is: more than anybody can find out in late samples.
    noise: added to actions, (standard deviation), or for whole numbers the share drawn at random. watch: called before each step.

    >>> world = tauflow.agents.make("CartPole-v1", n=4)
    >>> lean = lambda world: (world.observe()[:, 2] > 0).astype(int)
    >>> walked = tauflow.agents.walk(world, 20, lean, lean, mix=[tauflow.agents.Trouble(jitter=3)])  # Walked
    >>> walked.x.shape, bool((walked.dt > 0).all())
    ((4, 20, 6), True)
    """
    if actor is None and base is None:
        raise LearningError("actor is None, which is base alone, but there is no base")
    if carry is not None and not stamped:
        raise LearningError("carry needs the age of what is late: stamped=True")
    rng = np.random.default_rng(seed)
    n, k, extra = world.n, len(world.actions), auxiliary or {}
    link, rows = Link(world, mix, rng), side_by_side(actor, n) if isinstance(actor, Network) else None
    period = np.float32(world.period * world.nominal)
    seen, last, first = world.reset(), np.zeros((n, k), np.float32), np.ones(n, dtype=bool)
    action = np.zeros((n, k), np.float32) if world.continuous else np.zeros(n, np.int64)
    gap, known, found = np.full(n, period), np.zeros(n), np.full((n, len(extra)), np.nan)
    kept: dict[str, list[Array]] = {name: [] for name in Walked.__dataclass_fields__}
    for _ in range(steps):
        if watch is not None:
            watch(world)
        arrived, mask = link.arrives(seen, first)
        now = arrived if carry is None else link.carried(arrived, carry, found)
        if stamped:
            arrived, now = (np.column_stack([each, link.age]).astype(np.float32) for each in (arrived, now))
        simple = np.zeros((n, k), np.float32) if base is None else np.asarray(base(now), np.float32)
        if carry is not None:  # time as the stamps tell it
            last, gap = link.before, np.where(first, period, link.stamp - known).astype(np.float32)
            known = np.where(mask, link.stamp, known)
        x = np.concatenate([arrived, last, *([] if base is None else [simple])], axis=1)
        wanted = _asked(expert, world) if advice is None else _asked(advice, world, now)
        y = wanted - simple if world.continuous else np.eye(k)[wanted]
        y = np.column_stack([y, *(of(world) for of in extra.values())]).astype(np.float32)
        if rows is not None:
            answer = rows(x, gap, mask)
            new = best(answer[:, :k] + simple, world.continuous)
            found = np.where(mask[:, None], answer[:, k : k + len(extra)], found)
        else:
            answer, new = np.full_like(y, np.nan), simple if actor is None else _asked(actor, world)
        action = _disturbed(np.where(mask[:, None] if world.continuous else mask, new, action), noise, world, rng)
        step = world.step(action, link.frames())
        link.passes(step.dt, told(action, world))
        for name, value in zip(kept, (x, gap, mask, first, y, answer, action, step.reward, step.dt), strict=True):
            kept[name].append(value)
        last = told(action, world)
        gap = np.where(mask, step.dt, gap + step.dt).astype(np.float32)
        seen, first = step.seen, step.over
        if first.any():
            last[first], gap[first], found[first] = 0, period, np.nan
            if rows is not None:
                rows.reset(first)
    return Walked(**{name: np.stack(values, axis=1) for name, values in kept.items()})


def _asked(expert: Any, world: World, *seen: Array) -> Array:
    """What the expert does, (n, actions) or (n,)."""
    said = np.asarray(expert(world, *seen))
    shape = (world.n, len(world.actions)) if world.continuous else (world.n,)
    if said.shape != shape or not np.isfinite(said).all():
        raise LearningError(
            f"the expert gives {said.shape}, expected finite actions {shape}, one row a copy of the world"
        )
    return said


def _disturbed(action: Array, noise: float, world: World, rng: np.random.Generator) -> Array:
    if world.continuous:
        return np.clip(action + noise * rng.standard_normal(action.shape), -1, 1).astype(np.float32)
    return np.where(rng.random(len(action)) < noise, rng.integers(0, len(world.actions), len(action)), action)
