"""Bands of a forecaster that learns on: every truth that comes is a score more, so they follow what the answers have become.

    a forecast is made     it remembers its shape and the scale of its id then, and takes a row of the pool
    its truth comes        u = z / scale goes into that row; the id's scale forgets a little and learns |z|

What is kept are the newest scores, as many as a calibration holds, so memory is bounded. See `estimators/bands`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...data import Series, Table
from ...data.series import Array
from ..bands import Bands
from ..bands.bands import Unit
from ..bands.calibration import FAR, MOST_OF_ROW, NEWEST, SMALLEST, learned, ranked
from ..bands.forecasts import Model, course_of


class OnlineBands:
    """pool (rows, h, targets) float32, used as a ring; `next` is the number of the row that comes next."""

    def __init__(self, bands: Bands, model: Model, history: Table) -> None:
        self.bands = bands
        course = course_of(bands, model, history)
        known = course.known(np.inf)
        most = max(NEWEST, len(bands.calibration.u))
        self.pool = np.full((most, *known.shape[1:]), np.nan, np.float32)
        self.pool[: len(known)] = known[-most:]
        self.next = min(len(known), most)
        self.total, self.weight = course.total, course.weight

    def scale(self, name: str) -> Array:
        """(targets,) of an id now."""
        number = self.bands.ids.index(name)
        return np.asarray(np.maximum(self.total[number] / self.weight[number], SMALLEST))

    def place(self) -> int:
        """A row for a new forecast."""
        self.pool[self.next % len(self.pool)] = np.nan
        self.next += 1
        return self.next - 1

    def learn(
        self, series: Series, given: Array, numbers: Array, scale: Array, places: Array, step: Array, truth: Array
    ) -> None:
        """A truth (targets,) of n forecasts: given (n, targets), their numbers, scales (n, targets), rows and steps."""
        unit = self.unit(series)
        z = self.bands.shape.score(unit.of(truth[None].repeat(len(given), 0)), unit.of(given), numbers).clip(-FAR, FAR)
        v = np.minimum(np.abs(z) / self.bands.calibration.typical[step], MOST_OF_ROW)
        known = np.isfinite(v)
        number = self.bands.ids.index(series.id)
        self.total[number], self.weight[number] = learned(
            self.total[number], self.weight[number], np.where(known, v, 0).sum(axis=0), known.sum(axis=0)
        )
        alive = places >= self.next - len(self.pool)
        self.pool[places[alive] % len(self.pool), step[alive]] = (z / scale)[alive]

    def values(self, series: Series, given: Array, numbers: Array, p: Sequence[float]) -> Array:
        """Scaled values (h, targets, probabilities) of a forecast (h, targets)."""
        table = ranked(self.pool, self.bands.calibration.typical, np.asarray(p))
        z = table * self.scale(series.id)[None, :, None]
        return self.bands.drawn(z, numbers, given, self.unit(series), p)

    def unit(self, series: Series) -> Unit:
        """What the scores of a series are in."""
        if not self.bands.shape.whole:
            return Unit(0.0, self.bands.sizes)
        scale = self.bands.encoder.scale_of(series)
        return Unit(-scale.center / scale.scale, 1 / scale.scale)
