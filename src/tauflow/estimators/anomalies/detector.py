"""AnomalyDetector: how unlikely each value is, given the rows before it and the time that has passed.

    d    how far the value lies from its forecast, in units of the band of its id, moment and steps ahead
    p    (1 + how many of n known distances are as large) / (1 + n)          a conformal p-value: of ordinary rows a share of p has it
    anomaly   p <= alpha

A row is forecast from the last known one before it, up to h steps back. What is far beyond all known distances is hidden from the rows
after it: these are forecast from the row before it, and not blamed for it, and it neither counts as a known distance nor widens a band.
Where more than h steps would have to be hidden nothing is: what lasts becomes ordinary. Rows that the forecaster learned from are not
judged. Source: Laxhammar and Falkman 2010 (conformal anomaly detection).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import pandas as pd

from ... import files
from ...data import Table
from ...data.series import Array
from ...errors import DataError, ModelFileError
from ...windows.windows import window_set, windows
from ..bands import Bands
from ..bands.calibration import Course
from ..forecaster import Forecaster
from ..reading import is_number, shown_ids, shown_times
from ..sequences.contract import not_fitted
from ..settings import ForecastError
from ..storage import encode
from .results import Anomalies

KIND = "anomaly-detector"
PART = 512
PASSES = 4
FAR = 1.5  # times the farthest known distance: such a row is hidden from what comes after it


@dataclass(frozen=True, eq=False)
class Judged:
    """Rows of a table: number (n,) of the series, row (n,); of each target (n, targets) p, score, forecast, low and high, scaled.

    beyond (n, targets): the distance over the farthest known one, 1 at least.
    """

    number: Array
    row: Array
    p: Array
    score: Array
    forecast: Array
    low: Array
    high: Array
    beyond: Array

    @property
    def far(self) -> Array:
        """(n,): rows far beyond all that is known."""
        return np.asarray((self.beyond > FAR).any(axis=1))


class AnomalyDetector:
    """Flags rows of a table whose values a forecaster would not have believed.

    cell       the forecaster's cell, or "ridge", "seasonal_naive", "persistence"
    h          steps that a forecast may go back: over gaps, and over anomalies
    alpha      which share of ordinary rows may be flagged, 0..0.5
    settings   more of `Forecaster`'s arguments (context=, season=, bands=, seed=, ...)

    >>> y = np.random.default_rng(0).normal(size=200)
    >>> y[150] = 99.0
    >>> table = {"ds": np.datetime64("2024-01-01") + np.arange(200), "y": y}
    >>> detector = tauflow.AnomalyDetector("ridge", context=12).fit(table, until="2024-05-20")  # 140 days
    >>> found = detector.predict(table)  # Anomalies
    >>> str(found.found["ds"][0]), float(found.found["y"][0])  # the least likely of what was found
    ('2024-05-30 00:00:00', 99.0)
    """

    def __init__(self, cell: str = "ridge", h: int = 4, alpha: float = 0.001, **settings: Any) -> None:
        if not is_number(alpha) or not 0 < alpha <= 0.5:
            raise ForecastError(
                f"alpha is {alpha!r}, expected the share of ordinary rows to flag, above 0 and up to 0.5"
            )
        if settings.get("bands", "conformal") is None:
            raise ForecastError("bands is None, but an anomaly is what lies outside them: leave it out")
        if settings.get("strategy", "direct") != "direct":
            raise ForecastError("strategy is 'recursive', which has no bands: leave it out")
        self.alpha = float(alpha)
        self.forecaster = Forecaster(cell, h=h, **settings)

    def __repr__(self) -> str:
        return f"AnomalyDetector({self.forecaster!r}, alpha={self.alpha:g})"

    @property
    def notes(self) -> tuple[str, ...]:
        """Of `fit`: what was done to the table, and how fine p-values can be."""
        bands = self.forecaster.bands
        if bands is None:
            return self.forecaster.notes
        least = 1 / (1 + int(np.isfinite(bands.calibration.u).any(axis=2).sum()))
        coarse = [
            f"alpha is {self.alpha:g}, but p-values begin at {least:.2g}: only what lies beyond all known is flagged"
        ]
        return (*self.forecaster.notes, *(coarse if least > self.alpha else []))

    def fit(self, data: Any, *, until: Any = None, progress: Any = False, **columns: Any) -> Self:
        """Learn what is ordinary from a table, or from its rows before `until`; as `Forecaster.fit`. A few anomalies in it do no harm."""
        self.forecaster.fit(data, until=until, progress=progress, **columns)
        return self

    def predict(self, data: Any, **columns: Any) -> Anomalies:
        """Judge the rows of a table after those of `fit`, each by the rows before it."""
        model = self.forecaster
        encoder, _ = model._fitted()
        bands = self._bands()
        table = model._known_table(data, columns)
        judged = self._judged(bands, table)
        schema, kind = encoder.schema, table.series[0].time.dtype
        names = np.array([series.id for series in table.series], object)[judged.number]
        time = np.array([table.series[n].time[row] for n, row in zip(judged.number, judged.row, strict=True)], kind)
        y = np.array([table.series[n].y[row] for n, row in zip(judged.number, judged.row, strict=True)])
        origins = np.stack([judged.number, judged.row], axis=1)
        forecast, low, high = (
            model._to_units(table, origins, one[:, None])[:, 0] for one in (judged.forecast, judged.low, judged.high)
        )
        low, high = bands.rounded(low), bands.rounded(high)
        frame: dict[str, Any] = {}
        if schema.id is not None:
            frame[schema.id] = shown_ids(names.tolist(), schema)
        frame[schema.time] = shown_times(time, schema)
        for k, target in enumerate(schema.targets):
            frame |= {
                target: y[:, k],
                f"{target}-expected": forecast[:, k],
                f"{target}-lo": low[:, k],
                f"{target}-hi": high[:, k],
            }
            frame |= {f"{target}-p": judged.p[:, k], f"{target}-score": judged.score[:, k]}
        flagged = np.asarray(judged.p <= self._limit(bands))
        frame["anomaly"] = flagged.any(axis=1)
        drawn = time.astype("datetime64[ns]") if kind == np.int64 else time
        return Anomalies(pd.DataFrame(frame), schema.targets, self.alpha, names, drawn, flagged, (*table.notes,))

    def score(self, data: Any, **columns: Any) -> Array:
        """(rows,): how unlikely each judged row is, that of its least likely target: -log10 p, and on beyond the farthest known one."""
        found = self.predict(data, **columns)
        scores = np.stack([found.frame()[f"{target}-score"] for target in found.targets], axis=1)
        known = np.isfinite(scores)
        return np.where(known.any(axis=1), np.where(known, scores, 0).max(axis=1), np.nan)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file."""
        model = self.forecaster
        tensors, config = encode(model.settings, model.made_with, *model._fitted(), self._bands())
        files.write(path, tensors, {"alpha": self.alpha, "forecaster": config}, kind=KIND)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> AnomalyDetector:
        """Read a file written by `save`; ModelFileError for anything else."""
        file = files.read(path, kind=KIND)
        try:
            if set(file.config) != {"alpha", "forecaster"}:
                raise ModelFileError(f"the config has {sorted(file.config)[:4]}, expected alpha and forecaster")
            found = cls(alpha=file.config["alpha"])
            found.forecaster = Forecaster.of(file.config["forecaster"], file.tensors)
            found._bands()
        except (ModelFileError, ForecastError, TypeError) as wrong:
            raise ModelFileError(f"{os.fspath(path)}: {wrong}") from None
        return found

    def _bands(self) -> Bands:
        self.forecaster._fitted()
        if self.forecaster.bands is None:
            raise not_fitted()("nothing in the validation part says what is ordinary: fit with more rows")
        return self.forecaster.bands

    def _limit(self, bands: Bands) -> float:
        """The largest p of an anomaly: alpha, or what lies beyond all known scores where these are too few for it."""
        return max(self.alpha, 1 / (1 + int(np.isfinite(bands.calibration.u).any(axis=2).sum())) * (1 + 1e-9))

    def _judged(self, bands: Bands, table: Table) -> Judged:
        """First by the scores of the fit alone; then, what is far beyond all of them hidden, by those of all rows, until it is the same."""
        first = found = self._pass(bands, table, Course(bands.calibration), None)
        hidden = found.far
        for _ in range(PASSES):
            clean = self._without(table, first, hidden)
            found = _merged(first, self._pass(bands, clean, self._course(bands, clean), table))
            before, hidden = hidden, found.far
            if np.array_equal(before, hidden):
                break
        return found

    def _without(self, table: Table, judged: Judged, flagged: Array) -> Table:
        """The table with the values of flagged rows unknown."""
        series = list(table.series)
        for number in np.unique(judged.number[flagged]):
            y = series[number].y.copy()
            y[judged.row[flagged & (judged.number == number)]] = np.nan
            series[number] = replace(series[number], y=y)
        return replace(table, series=tuple(series))

    def _course(self, bands: Bands, table: Table) -> Course:
        """Scales and scores from all rows after the fit."""
        model, encoder = self.forecaster, bands.encoder
        start = int(bands.until) + 1 if isinstance(bands.until, int) else float(np.nextafter(bands.until, np.inf))
        found = windows(table, encoder, model.context, start=start, reach=model.reach)
        if not len(found):
            return Course(bands.calibration)
        index = np.arange(len(found))
        answers = [model.scaled(found.batch(part)) for part in np.array_split(index, -(-len(index) // PART))]
        return Course(bands.calibration, bands.scored(found, index, np.concatenate(answers)))

    def _pass(self, bands: Bands, table: Table, course: Course, truths: Table | None) -> Judged:
        """Every row after the fit, from the last known one before it; `truths` has the values that `table` hides."""
        model, encoder = self.forecaster, bands.encoder
        origins, rows = [], []
        for number, (series, own) in enumerate(zip(table.series, (truths or table).series, strict=True)):
            if series.id not in encoder.targets:
                continue
            known = np.nonzero(np.isfinite(series.y).any(axis=1))[0]
            asked = np.nonzero(np.isfinite(own.y).any(axis=1) & (own.time > bands.until))[0]
            before = np.searchsorted(known, asked) - 1
            asked, before = asked[before >= 0], before[before >= 0]
            origin = known[before]
            near = (
                encoder.moments.offset(series.time[origin], series.time[asked]) <= model.farthest
                if len(asked)
                else asked > 0
            )
            origins.append(np.stack([np.full(near.sum(), number), origin[near]], axis=1))
            rows.append(asked[near])
        if not sum(map(len, rows)):
            raise DataError(
                "no row can be judged: expected known values after those of fit, and at most h steps after a known one"
            )
        place, row = np.concatenate(origins), np.concatenate(rows)
        shown = (truths or table).series
        time = np.array([shown[n].time[r] for n, r in zip(place[:, 0], row, strict=True)], shown[0].time.dtype)[:, None]
        found = window_set(table, encoder, model.context, place, model.reach)
        truth = window_set(truths or table, encoder, model.context, place).rows
        z, forecast, ends = [], [], []
        p = np.array([self.alpha / 2, 1 - self.alpha / 2])
        for part in np.array_split(np.arange(len(place)), -(-len(place) // PART)):
            batch = found.batch(part, time[part])
            answer = model.scaled(batch)
            value = truth.z[truth.start[place[part, 0]] + row[part]].astype(float)[:, None]
            z.append(bands.score(found, part, batch, answer, value)[:, 0])
            forecast.append(answer[:, 0])
            ends.append(bands.values(course, found, part, batch, answer, p.tolist())[:, 0])
        scores = np.concatenate(z)
        numbers = bands.numbers([table.series[n].id for n in place[:, 0]])
        at = found.rows.time[found.rows.start[place[:, 0]] + place[:, 1]]
        rare, distance, farthest = course.tails(numbers, at, encoder.moments.offset(at, time[:, 0]), scores)
        beyond = np.nan_to_num(np.maximum(distance / np.maximum(farthest, 1e-12), 1.0), nan=1.0)
        both = np.concatenate(ends)
        return Judged(
            place[:, 0],
            row,
            rare,
            -np.log10(rare) * beyond,
            np.concatenate(forecast),
            both[..., 0],
            both[..., 1],
            beyond,
        )


def _merged(first: Judged, again: Judged) -> Judged:
    """The rows of the first, as they were judged again where they could be."""
    same = {key: k for k, key in enumerate(zip(again.number.tolist(), again.row.tolist(), strict=True))}
    place = np.array([same.get(key, -1) for key in zip(first.number.tolist(), first.row.tolist(), strict=True)])
    use = (place >= 0)[:, None]
    names = ("p", "score", "forecast", "low", "high", "beyond")
    parts = {name: np.where(use, getattr(again, name)[place], getattr(first, name)) for name in names}
    return Judged(first.number, first.row, **parts)
