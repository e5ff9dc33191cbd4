"""Learner: what is learned beside a frozen model, and how much of it is answered. It knows no tables: pairs of features and truths.

    answers   frozen | + level of the series | + readout's correction | another network's, where one learns too
    answer    their mean, by the guard's weights

A row brings the truth of forecasts made before it. It first judges them (guard, drift), then the level and the readout learn from it.
A model of one answer a sequence is the case h = 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data.series import Array
from .drift import PageHinkley
from .guard import Guard
from .least_squares import ForgettingLeastSquares
from .level import Level
from .settings import OnlineSettings

DEEP = 3  # the place of the network's answer


@dataclass(frozen=True, eq=False)
class Forecast:
    """One forecast that waits for its truth: what was asked, what every way answered, and what was given out."""

    origin: Any  # the native time of the row that it was made after
    time: Array  # (h,) native
    features: Array  # (h, width) float32
    answers: Array  # (answers, h, targets) scaled
    given: Array  # (h, targets) scaled
    numbers: Array  # (h, targets, numbers) what its band looks like; no numbers without bands
    scale: Array  # (targets,) of its id when it was made
    place: Any  # the row of its scores, -1 without


@dataclass(frozen=True)
class Told:
    """What a row did: did the guard send what was learned back, did the errors rise for good."""

    tripped: bool = False
    drift: bool = False


class Learner:
    """One level for each series, one readout, one guard and one alarm for all."""

    def __init__(
        self, settings: OnlineSettings, gram: Array, h: int, targets: int, series: Sequence[str], deep: bool
    ) -> None:
        self.settings, self.h, self.targets, self.series = settings, h, targets, tuple(series)
        rows = len(self.series)  # a row of each: what one row is to a single series
        self.ways = 1 if settings.weights is None else DEEP + deep
        self.levels = {name: Level(h, targets, settings.memory / 2) for name in self.series}
        self.readout = ForgettingLeastSquares(gram, targets, settings.memory * rows)
        self.guard = Guard(self.ways, settings.recent * rows, settings.margin)
        self.alarm = PageHinkley()

    def answers(self, name: str, frozen: Array, features: Array, deep: Array | None = None) -> Array:
        """(answers, h, targets) of the frozen answer (h, targets) and its features (h, width)."""
        if self.ways == 1:
            return frozen[None]
        found = [frozen, frozen + self.levels[name].value, frozen + features @ self.readout.W]
        return np.stack(found if deep is None else [*found, deep])

    def mixed(self, answers: Array) -> Array:
        """(h, targets): what is answered. A way without weight is left out, whatever it says."""
        weights = self.guard.weights
        chosen = weights > 0
        return np.asarray(np.tensordot(weights[chosen], answers[chosen], 1))

    def learn(self, name: str, forecasts: Sequence[Forecast], step: Array, truth: Array) -> Told:
        """The row of a series: truth (targets,), and the step 0..h-1 at which each forecast asked about it."""
        if not forecasts or not np.isfinite(truth).any():
            return Told()
        answers = np.stack([one.answers[:, k] for one, k in zip(forecasts, step, strict=True)], axis=1)
        given = np.stack([one.given[k] for one, k in zip(forecasts, step, strict=True)])
        errors = np.nanmean(np.abs(answers - truth), axis=(1, 2))
        tripped = self.guard.learn(errors, float(np.nanmean(np.abs(given - truth))))
        drift = self.alarm.seen(float(errors[0]))
        if self.ways > 1:
            lacked = truth - answers[0]  # (pairs, targets)
            features = np.stack([one.features[k] for one, k in zip(forecasts, step, strict=True)])
            if tripped:
                self.readout.forget()
            self.levels[name].learn(step, lacked)
            self.readout.learn(features, lacked)
        return Told(tripped, drift)
