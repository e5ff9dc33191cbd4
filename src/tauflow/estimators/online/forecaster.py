"""A forecaster that is fed rows as they come: it forecasts after each, and learns from what came of its forecasts.

    online = model.online(history)
    online.learn_one({"ds": "2018-10-01 08:00", "y": 5310})      one row, or learn(frame): many
    online.predict_one()                                         the next h steps, from all rows so far

The states adapt always: each forecast reads the last `context` rows anew, so it is that of `Forecaster.predict` on a table with these
rows. What is learned beside that, and how much of it counts, is `Learner`. Each forecast waits for the rows that it was about, at
most until its last moment has passed, and the rows that no forecast looks at fall off, so memory is bounded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from ...data import Table
from ...data.series import Array
from ...errors import DataError
from ...windows.windows import window_set, windows
from ..ahead import read_ahead, refuse_unmet, unknown_ahead, with_ahead
from ..bands import Asked
from ..learned import Blend
from ..questions import askable, moments
from ..reading import READING, another_table, refuse_unknown, shown_ids, shown_times
from ..settings import ForecastError
from ..tables import forecast_frame, recoded
from .bands import OnlineBands
from .deep import DeepLearner
from .features import seen
from .learner import Forecast, Learner
from .least_squares import gram
from .rows import appended, reach, trimmed
from .settings import OnlineSettings

if TYPE_CHECKING:
    from ..forecaster import Forecaster

NAMES = ("frozen", "level", "readout", "all")
MOST_KNOWN = 500  # origins of the history that G is learned from
MOST_DRIFTS = 100
PART = 512  # origins answered at a time


@dataclass(frozen=True, eq=False)
class Judged:
    """A forecast beside its truth: native times, scaled values (targets,)."""

    name: str
    cutoff: Any
    time: Any
    truth: Array
    frozen: Array
    online: Array


class OnlineForecaster:
    """What `Forecaster.online` gives. `shares` says how much each way of answering counts now, `errors` how each did lately.

    >>> t = np.arange(140)
    >>> old, new = ({"ds": np.datetime64("2024-01-01") + days, "y": 10 + np.sin(days / 4)} for days in (t[:120], t[120:]))
    >>> online = tauflow.Forecaster("ridge", h=3, context=12).fit(old, progress=False).online()
    >>> online.learn(new)
    OnlineForecaster(Forecaster(cell='ridge', h=3, fitted), weights='readout', 20 rows since)
    >>> online.predict()["ds"].dt.strftime("%m-%d").tolist()  # the three days after the last that was learned
    ['05-20', '05-21', '05-22']
    """

    def __init__(self, model: Forecaster, history: Table, settings: OnlineSettings) -> None:
        encoder, predictor = model._fitted()
        if model.settings.strategy != "direct":
            raise ForecastError(
                "strategy is 'recursive', but only forecasts of all steps at once learn on: fit with 'direct'"
            )
        if settings.weights == "all" and not isinstance(predictor, Blend):
            raise ForecastError(f"weights is 'all', but {model.settings.cell} is no network: use weights='readout'")
        self.model, self.settings, self.encoder = model, settings, encoder
        self.table = replace(
            history, series=tuple(one for one in history.series if one.id in encoder.targets), notes=()
        )
        if not self.table.series:
            raise DataError("history has no series that the model learned, expected rows of one of its ids")
        known = self._known(self.table)
        names = [series.id for series in self.table.series]
        self.learner = Learner(
            settings, gram(known), encoder.h, len(encoder.schema.targets), names, settings.weights == "all"
        )
        self.deep = None
        if settings.weights == "all" and isinstance(predictor, Blend):
            self.deep = DeepLearner(predictor, settings, model.settings.context, model.settings.loss)
        self.bands = None if model.bands is None else OnlineBands(model.bands, model, self.table)
        self.waiting: dict[str, list[Forecast]] = {name: [] for name in names}
        self.rows, self.rollbacks = 0, 0
        self._record: list[Judged] | None = None
        self.drifts: list[Any] = []  # native times at which the errors rose for good; the last MOST_DRIFTS
        last, _ = askable(self.table, encoder, None, np.inf)
        self._read(self.table, last, learn=False)

    def __repr__(self) -> str:
        return f"OnlineForecaster({self.model!r}, weights={self.settings.weights!r}, {self.rows:,} rows since)"

    @property
    def shares(self) -> dict[str, float]:
        """How much of an answer is the frozen model's, and how much that of each way of learning on; sum 1."""
        return dict(zip(NAMES, self.learner.guard.weights.tolist(), strict=False))

    @property
    def errors(self) -> dict[str, float]:
        """The mean absolute error lately (about `recent` rows) of each way and of what was answered, in scaled units."""
        guard = self.learner.guard
        found = np.append(guard.loss, guard.given) / max(guard.rows, 1e-300)
        return dict(zip([*NAMES[: len(guard.loss)], "answered"], found.tolist(), strict=True))

    @property
    def drift_times(self) -> Any:
        """When the errors of the frozen model rose for good, as the table shows times."""
        kind = self.table.series[0].time.dtype
        return shown_times(np.array(self.drifts, kind), self.encoder.schema)

    def learn_one(self, row: Mapping[str, Any], **columns: Any) -> Self:
        """One row as {column: value}: the time, the id if there are several, targets, past and future columns; see `learn`."""
        return self.learn(pd.DataFrame([dict(row)]), **columns)

    def learn(self, data: Any, **columns: Any) -> Self:
        """Rows that have come: a path, a frame or a Table, read as the table of `fit` was; `columns` as in `Forecaster.predict`.

        Row by row in the order of time: each judges the forecasts that were made of it, what is learned learns from it, and a forecast
        is made after it. DataError where a row is not later than the last of its series, or is of a series that was not there.
        """
        refuse_unknown("learn", columns, ())
        schema = self.encoder.schema
        table = recoded(another_table(data, schema, columns), schema.categories)
        before = {series.id: len(series) for series in self.table.series}
        whole = appended(self.table, table)
        self._read(whole, _known_rows(whole, before), learn=True)
        self.rows += sum(len(series) for series in table.series)
        kept = reach(
            self.encoder, max(self.model.settings.context, self.model.reach), self.settings.memory if self.deep else 0
        )
        self.table = trimmed(whole, self.encoder, kept)
        return self

    def replay(self, data: Any, **columns: Any) -> Any:
        """Learn from the rows as `learn` does, and tell how each forecast did that was made before its truth was known.

        A frame with a row for each series, `cutoff` (the row after which it was made) and moment: of each target the truth, under its
        own name, and the forecasts `target-frozen` and `target-online`, in the units of the table.
        """
        self._record = []
        try:
            self.learn(data, **columns)
            return self._replayed(self._record)
        finally:
            self._record = None

    def predict_one(self, id: Any = None, future: Any = None, **columns: Any) -> dict[str, Array]:  # noqa: A002
        """{time column: (h,), target: (h,), ...}: the next h steps of one series, by name where there are several."""
        names = [series.id for series in self.table.series]
        if id is None and len(names) > 1:
            raise ForecastError(
                f"id is None, but there are {len(names)} series: name one, such as id={names[0]!r}, or use predict()"
            )
        if id is not None and str(id) not in names:
            raise ForecastError(
                f"id is {id!r}, expected one of {', '.join(map(repr, names[:5]))}{', ...' if len(names) > 5 else ''}"
            )
        frame = self._frame(future, columns, names[0] if id is None else str(id))
        return {name: frame[name].to_numpy() for name in (self.encoder.schema.time, *self.encoder.schema.targets)}

    def predict(self, future: Any = None, *, level: Any = None, quantiles: Any = None, **columns: Any) -> Any:
        """The next h steps of every series, as the frame of `Forecaster.predict`; `future`, `level` and `quantiles` as there.

        Bands follow the errors of what was answered, row by row.
        """
        return self._frame(future, columns, None, Asked.of(level, quantiles))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model file: the frozen model, what was learned since, the last rows and the forecasts that wait."""
        from .storage import write

        write(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> OnlineForecaster:
        """Go on where `save` was called, to the same numbers; ModelFileError for anything else."""
        from .storage import read

        return read(path)

    def _frame(self, future: Any, columns: dict[str, Any], only: str | None, asked: Asked | None = None) -> Any:
        refuse_unknown("predict", columns, ("future", "level", "quantiles"))
        if asked and self.bands is None:
            raise ForecastError(
                "level or quantiles was given, but this model has no bands: fit it anew with bands='conformal'"
            )
        if future is None and columns:
            raise DataError(
                f"{', '.join(columns)} was given, but there is no table to read with it: predict(future=...)"
            )
        table = self.table
        if only is not None:
            table = replace(table, series=tuple(series for series in table.series if series.id == only))
        ahead = None
        if future is not None:
            reading = {name: value for name, value in columns.items() if name in READING}
            ahead = read_ahead(future, table.schema, reading)
            table = with_ahead(table, ahead)
        origins, notes = askable(table, self.encoder, None, np.inf)
        time = moments(table, self.encoder, origins, self.encoder.h, np.inf)
        if ahead is not None:
            refuse_unmet(ahead, table, origins, time, self.encoder.step)
        notes += unknown_ahead(table, origins, time, self.encoder.step)
        found = window_set(table, self.encoder, self.model.settings.context, origins, self.model.reach)
        names = [(table.series[number].id, table.series[number].time[row]) for number, row in origins]
        forecasts = [self._forecast(*name, part) for name, part in zip(names, self._parts(found, time), strict=True)]
        scaled = np.stack([one.given for one in forecasts])
        values = None
        if asked and self.bands is not None:
            p = asked.probabilities
            drawn = [
                self.bands.values(table.series[n], one.given, one.numbers, p)
                for (n, _), one in zip(origins, forecasts, strict=True)
            ]
            values = self.bands.bands.rounded(self.model._to_units(table, origins, np.stack(drawn)))
        names_of = [table.series[n].id for n, _ in origins]
        frame = forecast_frame(table, names_of, time, self.model._to_units(table, origins, scaled), asked, values)
        frame.attrs["notes"] = notes
        return frame

    def _read(self, table: Table, origins: Array, learn: bool) -> None:
        """Rows (number, row) with a known target, in the order of time: judge, learn, forecast."""
        if len(origins) == 0:
            return
        found = window_set(table, self.encoder, self.model.settings.context, origins, self.model.reach)
        place = found.rows.start[origins[:, 0]] + origins[:, 1]
        time = self.encoder.moments.ahead(found.rows.time[place], self.encoder.h)
        for (number, _), row, part in zip(origins, place, self._parts(found, time), strict=True):
            name, now = table.series[number].id, found.rows.time[row].item()
            if learn:
                self._learn(table, name, now, found.rows.z[row].astype(float))
            made = self._forecast(name, now, part)
            if self.bands is not None:
                made = replace(made, place=self.bands.place())
            self.waiting[name] = [*self.waiting[name], made][-4 * self.encoder.h :]

    def _learn(self, table: Table, name: str, now: float, truth: Array) -> None:
        waiting = self.waiting[name]
        if not waiting:
            return
        away = np.abs(np.stack([one.time for one in waiting]) - now)  # (forecasts, h)
        step = away.argmin(axis=1)
        met = away[np.arange(len(waiting)), step] <= 0.499 * self.encoder.step
        asked = [one for one, meets in zip(waiting, met, strict=True) if meets]
        if self._record is not None:
            for one, k in zip(asked, step[met], strict=True):
                self._record.append(Judged(name, one.origin, now, truth, one.answers[0, k], one.given[k]))
        if self.bands is not None and asked:
            series = next(one for one in table.series if one.id == name)
            given, numbers = (
                np.stack([getattr(one, part)[k] for one, k in zip(asked, step[met], strict=True)])
                for part in ("given", "numbers")
            )
            scale, places = np.stack([one.scale for one in asked]), np.array([one.place for one in asked])
            self.bands.learn(series, given, numbers, scale, places, step[met], truth)
        told = self.learner.learn(name, asked, step[met], truth)
        self.waiting[name] = [one for one in waiting if one.time[-1] > now]
        if told.drift:
            self.drifts = [*self.drifts, now][-MOST_DRIFTS:]
        if told.tripped:
            self.rollbacks += 1
        if self.deep is not None:
            if told.tripped:
                self.deep.forget()
            self.deep.learn(table, self.encoder, now)

    def _forecast(self, name: str, origin: Any, part: tuple[Array, Array, Array, dict[str, Array], Array]) -> Forecast:
        """The forecast of one origin by what is known now; part: its times, frozen answer, features and window."""
        time, frozen, features, window, numbers = part
        deep = None if self.deep is None else self.deep.answer(window)[0]
        answers = self.learner.answers(name, frozen, features, deep)
        scale = np.ones(frozen.shape[1]) if self.bands is None else self.bands.scale(name)
        return Forecast(origin, time, features, answers, self.learner.mixed(answers), numbers, scale, -1)

    def _replayed(self, record: list[Judged]) -> Any:
        """The record in the units of the table, a row for each forecast of each moment."""
        schema, series = self.encoder.schema, {one.id: one for one in self.table.series}
        kind = self.table.series[0].time.dtype
        columns: dict[str, Any] = {}
        if schema.id is not None:
            columns[schema.id] = shown_ids([one.name for one in record], schema)
        columns[schema.time] = shown_times(np.array([one.time for one in record], kind), schema)
        columns["cutoff"] = shown_times(np.array([one.cutoff for one in record], kind), schema)
        scales = {name: self.encoder.scale_of(one) for name, one in series.items()}
        for part, suffix in (("truth", ""), ("frozen", "-frozen"), ("online", "-online")):
            units = [scales[one.name].invert(getattr(one, part)) for one in record]
            for k, target in enumerate(schema.targets):
                columns[target + suffix] = np.array([values[k] for values in units], float)
        return pd.DataFrame(columns)

    def _parts(self, found: Any, time: Array) -> Any:
        """Per origin its time, frozen answer, features and window; computed for many at once."""
        for first in range(0, len(found), PART):
            index = np.arange(first, min(first + PART, len(found)))
            batch = found.batch(index, time[index])
            frozen, features = seen(self.model._fitted()[1], batch)
            numbers = np.zeros((*frozen.shape, 0)) if self.bands is None else self.bands.bands.described(batch, frozen)
            for k in range(len(index)):
                yield (
                    time[index[k]],
                    frozen[k],
                    features[k],
                    {name: values[k : k + 1] for name, values in batch.items()},
                    numbers[k],
                )

    def _known(self, table: Table) -> Array:
        """Features of forecasts within the history, (origins, h, width)."""
        found = windows(table, self.encoder, self.model.settings.context, reach=self.model.reach)
        if len(found) == 0:
            raise DataError("history has too few rows, expected more than the horizon with known targets")
        index = np.unique(np.linspace(0, len(found) - 1, min(MOST_KNOWN, len(found))).astype(int))
        return np.concatenate(
            [
                seen(self.model._fitted()[1], found.batch(part))[1]
                for part in np.array_split(index, -(-len(index) // PART))
            ]
        )


def _known_rows(table: Table, before: Mapping[str, int]) -> Array:
    """(series number, row) of the rows from number `before` on that have a known target, in the order of time."""
    rows: list[tuple[float, int, int]] = []
    for number, series in enumerate(table.series):
        known = np.nonzero(np.isfinite(series.y[before[series.id] :]).any(axis=1))[0] + before[series.id]
        rows += [(series.time[row].item(), number, int(row)) for row in known]
    return np.array([(number, row) for _, number, row in sorted(rows)], np.int64).reshape(-1, 2)
