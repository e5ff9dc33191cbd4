"""Encoder: how rows and questions become numbers, learned on the rows before `until` and nothing else.

    step       the typical gap between rows: the unit of dt and of the horizon
    lags       seasons, as the calendar shows them, each long enough to reach back past the origin from the farthest query
    ranking    per target, the lags and the last value in the order of their error on the training part
    anchors    for a query: the values one lag before it, and the last known one

No row is made up: a missing value is a zero with its flag at zero, or for an anchor that of the next best lag.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..data.series import Array, Schema, Series, Table
from ..errors import DataError
from .calendar import Calendar, calendar_for, seasons
from .scaling import CLIP, TARGET_CLIP, Scale, robust_scale


@dataclass(frozen=True, eq=False)
class Encoder:
    """How rows become numbers for a model. Times are native: int64 nanoseconds, or the table's own number."""

    schema: Schema
    step: float  # the typical gap between rows
    h: int  # the longest horizon, in steps
    calendar: Calendar
    lags: tuple[float, ...]  # seasonal lags, all >= h * step, in native time
    targets: dict[str, Scale]  # per id
    exogenous: Scale  # past and future columns
    static: Scale
    ranking: tuple[
        tuple[int, ...], ...
    ] = ()  # per target: the lags, last value included, by their error on the training part
    error: dict[str, Array] = field(
        default_factory=dict
    )  # per id and target: MAE of the best of them on the training part

    @property
    def inputs(self) -> int:
        """Features of a context row."""
        schema = self.schema
        observed = len(schema.targets) + len(schema.past) + len(schema.future)
        return 2 * observed + len(schema.targets) + len(schema.static) + self._calendar_size

    @property
    def queries(self) -> int:
        """Features of a query."""
        schema = self.schema
        return 2 + self._calendar_size + 2 * len(schema.future) + len(schema.static) + 2 * self.anchors

    @property
    def base(self) -> tuple[int, ...]:
        """Per target, the lag that alone forecasts best on the training part."""
        return tuple(order[0] for order in self.ranking)

    @property
    def anchors(self) -> int:
        """Seasonal and last values offered for all targets."""
        return len(self.schema.targets) * (len(self.lags) + 1)

    @property
    def _calendar_size(self) -> int:
        return int(self.calendar.columns(np.zeros(1, np.int64)).shape[1])

    def scale_of(self, series: Series) -> Scale:
        """The target scale of the id; an id that training never saw is scaled by its own known rows."""
        return self.targets.get(series.id) or robust_scale(series.y)

    def seen(self, series: Series) -> Array:
        """The targets as a model sees their past, scaled and clipped, (T, targets)."""
        return np.clip(self.scale_of(series).apply(series.y), -TARGET_CLIP, TARGET_CLIP)

    def rows(self, series: Series) -> Array:
        """Features of every row, (T, inputs) float32: values with flags, change since last season, statics, calendar."""
        schema = self.schema
        exogenous = self.exogenous.apply(np.concatenate([series.past, series.future], axis=1)).clip(-CLIP, CLIP)
        values = np.concatenate([self.seen(series), exogenous], axis=1)
        known = np.isfinite(values)
        static = np.broadcast_to(self._static(series), (len(series), len(schema.static)))
        change = self._seasonal_change(series, values[:, : series.y.shape[1]])
        parts = [np.where(known, values, 0.0), known, change, static, self.calendar.columns(series.time)]
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _seasonal_change(self, series: Series, y: Array) -> Array:
        """y minus its value one base lag before, (T, targets); 0 where either is missing."""
        change = np.zeros_like(y)
        for target, base in enumerate(self.base):
            if base < len(self.lags):
                lag = self.lags[base]
                back = series.time - (int(lag) if series.time.dtype == np.int64 else lag)
                index, found = nearest(series.time, back, self.step / 2)
                change[:, target] = np.where(found, y[:, target] - y[index, target], 0.0)
        return np.nan_to_num(change)

    def _static(self, series: Series) -> Array:
        return np.asarray(np.nan_to_num(np.clip(self.static.apply(series.static), -CLIP, CLIP)))

    def query(self, series: Series, rows: Array, time: Array) -> Array:
        """Features of queries at `time` (N, H) for origins `rows` (N,): (N, H, queries) float32, of rows <= origin only.

        Future-known columns are looked up at the query's own time.
        """
        count, horizon = time.shape
        flat = time.reshape(-1)
        offset = ((time - series.time[rows][:, None]) / self.step)[:, :, None]
        parts = [offset / self.h, np.log1p(offset), self.calendar.columns(flat).reshape(count, horizon, -1)]
        if self.schema.future:
            index, found = nearest(series.time, flat, self.step / 2)
            scale = Scale(*(part[len(self.schema.past) :] for part in (self.exogenous.center, self.exogenous.scale)))
            values = np.where(found[:, None], scale.apply(series.future[index]).clip(-CLIP, CLIP), np.nan)
            known = np.isfinite(values)
            parts += [np.where(known, values, 0.0).reshape(count, horizon, -1), known.reshape(count, horizon, -1)]
        static = self._static(series)
        parts.append(np.broadcast_to(static, (count, horizon, len(static))))
        values, known = self.anchor_values(series, rows, time)
        parts += [values.reshape(count, horizon, -1), known.reshape(count, horizon, -1)]
        return np.concatenate(parts, axis=2).astype(np.float32)

    def anchor_values(self, series: Series, rows: Array, time: Array) -> tuple[Array, Array]:
        """(values, known), each (N, H, targets, lags + 1): scaled values one lag before the query, and the last known one.

        A missing value is replaced by that of the next best lag which has one; `known` says which were found.
        """
        y = self.seen(series)
        count, horizon = time.shape
        values = np.full((count, horizon, y.shape[1], len(self.lags) + 1), np.nan)
        for k, lag in enumerate(self.lags):
            back = time - int(lag) if time.dtype == np.int64 else time - lag
            index, found = nearest(series.time, back.reshape(-1), self.step / 2)
            found &= index <= np.repeat(rows, horizon)
            values[:, :, :, k] = np.where(found[:, None], y[index], np.nan).reshape(count, horizon, -1)
        values[:, :, :, -1] = last_known(y)[rows][:, None, :]
        known = np.isfinite(values)
        for target in range(y.shape[1]):
            here = values[:, :, target, :]  # (N, h, lags + 1), a view
            best = np.full((count, horizon), np.nan)
            for k in self.ranking[target] if self.ranking else (len(self.lags),):
                best = np.where(np.isfinite(best), best, here[:, :, k])
            here[...] = np.where(np.isfinite(here), here, best[:, :, None])
        return np.nan_to_num(values), known


def nearest(time: Array, wanted: Array, tolerance: float) -> tuple[Array, Array]:
    """(index, found): the row nearest to each wanted time, and whether it lies within the tolerance."""
    after = np.searchsorted(time, wanted).clip(0, len(time) - 1)
    before = (after - 1).clip(0)
    index = np.where(np.abs(time[before] - wanted) <= np.abs(time[after] - wanted), before, after)
    return index, np.abs(time[index] - wanted) <= tolerance


def last_known(y: Array) -> Array:
    """The last finite value up to each row, (T, targets); NaN before the first."""
    row = np.where(np.isfinite(y), np.arange(len(y))[:, None], -1)
    row = np.maximum.accumulate(row, axis=0)
    return np.where(row >= 0, np.take_along_axis(y, row.clip(0), axis=0), np.nan)


def steps_ahead(series: Series, rows: Array, step: float, h: int) -> Array:
    """The moments 1..h steps after the origins, (N, h), in native time."""
    exact = int(step) if series.time.dtype == np.int64 else step
    return np.asarray(series.time[rows][:, None] + np.arange(1, h + 1) * exact)


def learn(table: Table, h: int, until: float | None, season: tuple[float, ...] | None = None) -> Encoder:
    """The encoder of a table, from rows before `until` (native time). `season`: periods in steps; None = by the calendar."""
    known = [_before(series, until) for series in table.series]
    steps = np.concatenate([np.diff(series.time) for series in known]) if known else np.zeros(0)
    if len(steps) == 0:
        raise DataError("the training part has fewer than two rows in every series, expected a history: use more data")
    step = float(np.median(steps))
    span = max(float(series.time[-1] - series.time[0]) for series in known if len(series))
    calendar = calendar_for(table.schema, step, span)
    periods = [float(p) for p in seasons(calendar, step)] if season is None else [period * step for period in season]
    exogenous = np.concatenate([np.concatenate([series.past, series.future], axis=1) for series in known])
    encoder = Encoder(
        schema=table.schema,
        step=step,
        h=h,
        calendar=calendar,
        lags=_lags(periods, h * step, span),
        targets={series.id: robust_scale(series.y) for series in known if np.isfinite(series.y).any()},
        exogenous=robust_scale(exogenous),
        static=robust_scale(np.stack([series.static for series in table.series])),
    )
    return _ranked(encoder, known)


def _before(series: Series, until: float | None) -> Series:
    if until is None:
        return series
    rows = int(np.searchsorted(series.time, until))
    return Series(
        series.id, series.time[:rows], series.y[:rows], series.past[:rows], series.future[:rows], series.static
    )


def _lags(periods: list[float], ahead: float, span: float) -> tuple[float, ...]:
    """For each period its first two multiples that reach back past the origin from the farthest query; within the span."""
    lags = set()
    for period in periods:
        first = int(np.ceil(ahead / period * (1 - 1e-9)))
        lags |= {multiple * period for multiple in (first, first + 1) if multiple * period < span / 2}
    return tuple(sorted(lags))


def _ranked(encoder: Encoder, known: list[Series]) -> Encoder:
    """The encoder with its lags ranked by their error on the training part, and with the error that the best of them makes."""
    trials = [
        (series, *_naive_trial(encoder, series)) for series in known if series.id in encoder.targets and len(series) > 1
    ]
    if not trials:
        raise DataError("the training part has no known target, expected numbers in the target column")
    lags, targets = len(encoder.lags) + 1, len(encoder.schema.targets)
    errors = np.array(
        [
            [
                _mean(
                    np.concatenate(
                        [(np.abs(values - y[..., None]) / seen)[:, :, j, k].ravel() for _, y, values, seen in trials]
                    )
                )
                for k in range(lags)
            ]
            for j in range(targets)
        ]
    )
    ranking = tuple(
        tuple(np.argsort(np.where(np.isfinite(row), row, np.inf), kind="stable").tolist()) for row in errors
    )
    ranked = replace(encoder, ranking=ranking)
    chosen = {}
    for series, *_ in trials:
        y, values, _ = _naive_trial(ranked, series)
        chosen[series.id] = np.array(
            [_mean(np.abs(values[:, :, j, order[0]] - y[:, :, j])) for j, order in enumerate(ranking)]
        )
    return replace(ranked, error=chosen)


def _naive_trial(encoder: Encoder, series: Series) -> tuple[Array, Array, Array]:
    """Up to 2000 origins of a series: truth (N, h, targets), anchors (N, h, targets, lags + 1), and 1 where found, else NaN."""
    rows = np.unique(np.linspace(0, len(series) - 2, 2000).astype(int))
    time = steps_ahead(series, rows, encoder.step, encoder.h)
    index, found = nearest(series.time, time.reshape(-1), 0.499 * encoder.step)
    y = np.where(found[:, None], encoder.targets[series.id].apply(series.y)[index], np.nan)
    values, seen = encoder.anchor_values(series, rows, time)
    return y.reshape(*time.shape, -1), values, np.where(seen, 1.0, np.nan)


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else np.nan
