"""Made-up domains, for a first look without data: five kinds of series, uneven gaps, each in its own unit of time.

    pulse     s     how fast a beat is, three rates          house   h    what comes first in a day, two bumps in two orders
    bearing   ms    how fast a knock dies away, three rates  river   d    a flood that rises fast and falls slowly, or the reverse
    stride    s     two feet: in step, in turn, one limps

A period is the mean gap; gaps are 0.5 to 1.5 of it. Noise of half the signal's spread lies on everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...training import Batch
from .sets import Domain

Array = NDArray[Any]
STEPS, LEARN, TEST, NOISE = 30, 60, 200, 0.5
Draw = Callable[[Array, Array, np.random.Generator], Array]


def pulse(t: Array, k: Array, rng: np.random.Generator) -> Array:
    rate = np.array([0.07, 0.13, 0.22])[k]
    beat = (rate * t + rng.uniform(size=k.shape)) % 1
    return np.asarray(np.exp(-((beat - 0.5) ** 2) / 0.02)[..., None])


def house(t: Array, k: Array, rng: np.random.Generator) -> Array:
    first, gap = rng.uniform(4, 8, k.shape), rng.uniform(9, 14, k.shape)
    high, low = (np.exp(-((t - at) ** 2) / 4) for at in (first + gap * k, first + gap * (1 - k)))
    return np.asarray((high + 0.4 * low)[..., None])


def bearing(t: Array, k: Array, rng: np.random.Generator) -> Array:
    after = t - rng.uniform(3, 8, k.shape)
    tau = np.array([2.0, 5.0, 12.0])[k]
    return np.asarray((np.where(after > 0, np.exp(-np.maximum(after, 0) / tau), 0) * np.cos(1.3 * after))[..., None])


def river(t: Array, k: Array, rng: np.random.Generator) -> Array:
    after = t - rng.uniform(10, 18, k.shape)
    up, down = np.where(k == 0, 1.0, 5.0), np.where(k == 0, 5.0, 1.0)
    return np.asarray(np.exp(-np.abs(after) / np.where(after < 0, up, down))[..., None])


def stride(t: Array, k: Array, rng: np.random.Generator) -> Array:
    at = rng.uniform(0.12, 0.16, k.shape) * t + rng.uniform(size=k.shape)
    left, right = np.sin(2 * np.pi * at), np.sin(2 * np.pi * (at + 0.5 * (k == 1)))
    return np.stack([left, np.where(k == 2, 0.4, 1) * right], axis=-1)


KINDS: dict[str, tuple[str, float, int, Draw, str]] = {
    "pulse": ("s", 0.08, 3, pulse, "how fast a pulse is"),
    "house": ("h", 0.8, 2, house, "which of two bumps comes first"),
    "bearing": ("ms", 2.0, 3, bearing, "how fast a knock dies away"),
    "river": ("d", 1.0, 2, river, "whether a flood rises or falls fast"),
    "stride": ("s", 0.05, 3, stride, "two feet: in step, in turn, limping"),
}


def made_up(seed: int = 0, learn: int = LEARN, test: int = TEST) -> list[Domain]:
    """All five; the seed of the series, not of a network."""
    made = []
    for number, (name, (unit, period, classes, draw, about)) in enumerate(KINDS.items()):
        parts = [_batch(draw, classes, period, count, [seed, number, part]) for part, count in enumerate((learn, test))]
        made.append(Domain(name, about, unit, classes, parts[0], parts[1]))
    return made


def _batch(draw: Draw, classes: int, period: float, count: int, seed: list[int]) -> Batch:
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    gaps = rng.uniform(0.5, 1.5, (count, STEPS))
    x = draw(gaps.cumsum(axis=1), y[:, None], rng)
    x = x + NOISE * x.std() * rng.normal(size=x.shape)
    seen, dt = (torch.as_tensor(values, dtype=torch.float32) for values in (x, gaps * period))
    return Batch(seen, torch.as_tensor(y), dt)
