"""The online form: a liquid forecaster of the volatility that learns on from every test row after it has answered for it.

    frozen   as it was before the test          online   the frozen one, its level and its readout, as each did lately

Each forecast is made before its truth is known. A drift is a row at which the frozen model's errors have risen for good, by the test of
Page and Hinkley (`tauflow.OnlineForecaster`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ...estimators import Forecaster
from . import skill
from .nets import Effort
from .seen import Array, Seen

MOST_LEARN, MOST_TEST = 12_000, 6_000  # rows; the newest of the first, the oldest of the others


@dataclass(frozen=True, eq=False)
class Online:
    """Over the test rows, each (n,): when, the volatility that came, and what was said of it; drifts: when errors rose."""

    stamps: Array
    truth: Array
    frozen: Array
    online: Array
    har: Array
    last: Array
    drifts: Array
    shares: dict[str, float]
    seconds: float

    def scores(self) -> list[tuple[str, str, float]]:
        """(name, kind, R2) of each, on the same rows."""
        each = (("persistence", "baseline"), ("HAR", "baseline"), ("frozen", "liquid"), ("online", "liquid"))
        said = {"persistence": self.last, "HAR": self.har, "frozen": self.frozen, "online": self.online}
        return [(name, kind, skill.r2(self.truth, said[name])) for name, kind in each]

    def lead(self) -> Array:
        """By how much the squared error of the frozen one is larger, summed over time."""
        return np.asarray(np.cumsum((self.truth - self.frozen) ** 2 - (self.truth - self.online) ** 2))


def learn_on(seen: Seen, har: Array, effort: Effort, seed: int) -> Online:
    """Fit on what was learned from and chosen with, then meet the test rows one by one; har: its answers (T-1,)."""
    began = time.process_time()
    stamps = seen.prices.stamps[1:].astype("M8[ns]")
    frame = pd.DataFrame({"ds": stamps, "v": seen.moved})
    start = seen.test.start
    quick = effort.updates < 100
    history = frame[max(0, start - (1_000 if quick else MOST_LEARN)) : start]
    future = frame[start : start + (100 if quick else MOST_TEST)]
    epochs, steps = (1, 4) if quick else (4, 50)
    model = Forecaster(
        "gated_ltc",
        h=1,
        units=16,
        context=24,
        loss="mse",
        presets="fast",
        bands=None,
        epochs=epochs,
        steps=steps,
        seed=seed,
    )
    model.fit(history, time="ds", target="v", progress=False)
    learner = model.online(history)
    told = learner.replay(future)
    rows = np.searchsorted(stamps, told["ds"].to_numpy().astype("M8[ns]"))
    drifts = np.asarray(learner.drift_times).astype("M8[ns]")
    return Online(
        stamps[rows], told["v"].to_numpy(), told["v-frozen"].to_numpy(), told["v-online"].to_numpy(), har[rows], seen.now[rows],
        drifts, dict(learner.shares), time.process_time() - began,
    )  # fmt: skip
