"""Simulated trials: somebody lies, sits on the bed, walks, sits on a chair; a tag on the chest answers when an antenna reaches it.

Each activity has a tilt of the trunk and an antenna that sees it best; walking swings. Gaps are short while an antenna reaches the tag and
long when the body hides it. It makes the command run without data; figures on it say nothing about people.
"""

from __future__ import annotations

import numpy as np

from .trials import LABELS, Trial

TILT = (0.15, 0.05, 1.45, 0.0)  # rad, of the trunk, by label
ANTENNA = (2, 0, 3, 1)  # which sees it best
STAYS = (12.0, 15.0, 40.0, 6.0)  # s, mean length of an activity
NEXT = {0: (2, 3), 1: (3,), 2: (0,), 3: (0, 1)}  # what may follow


def simulate(count: int = 24, seconds: float = 150.0) -> list[Trial]:
    """Trials of so many seconds; the same number gives the same trials."""
    return [_trial(number, seconds) for number in range(count)]


def _trial(number: int, seconds: float) -> Trial:
    rng = np.random.default_rng(number)
    gaps = np.where(
        rng.random(int(seconds * 4)) < 0.9,
        rng.exponential(0.12, int(seconds * 4)),
        rng.exponential(2.0, int(seconds * 4)),
    )
    times = np.cumsum(gaps + 0.025)
    times = times[times < seconds]
    label = np.zeros(len(times), int)
    now, until = int(rng.integers(0, 3)), 0.0
    for k, at in enumerate(times):
        if at >= until:
            now = int(rng.choice(NEXT[now])) if k else now
            until = at + STAYS[now] * rng.uniform(0.5, 1.5)
        label[k] = now
    own = 0.12 * rng.normal()
    swing = np.where(label == LABELS.index("walks"), 0.25, 0.03)
    tilt = np.take(TILT, label) + own + 0.1 * rng.normal(size=len(times))
    front = np.sin(tilt) + swing * rng.normal(size=len(times))
    up = np.cos(tilt) + swing * rng.normal(size=len(times))
    side = 0.1 * rng.normal(size=len(times)) + swing * np.sin(2 * np.pi * 1.8 * times)
    seen = rng.random(len(times)) < 0.7
    antenna = np.where(seen, np.take(ANTENNA, label), rng.integers(0, 4, len(times)))
    signal = np.stack(
        [-60 + 3 * rng.normal(size=len(times)), rng.uniform(0, 6.28, len(times)), 920 + rng.uniform(0, 6, len(times))],
        axis=1,
    )
    return Trial(
        f"d1p{number:02d}{'MF'[number % 2]}", times, np.stack([front, up, side], axis=1), antenna, signal, label
    )
