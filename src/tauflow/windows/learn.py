"""Learn an encoder from the rows of a table before a moment: step, seasons, scales, categories, and which lag forecasts best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..data.series import LARGEST, Schema, Series, Table
from ..data.stride import Even, find_stride
from ..errors import DataError
from .calendar import calendar_for, seasons
from .categories import shown_codes, truths, values
from .encoder import Encoder
from .ranking import ranked
from .rows import refuse_beyond
from .scaling import robust_scale


def learn(table: Table, h: int, until: float | None, season: tuple[float, ...] | None = None) -> Encoder:
    """The encoder of a table, from rows before `until` (native time). `season`: periods in strides; None = by the calendar."""
    known = [_before(series, until) for series in table.series]
    steps = np.concatenate([np.diff(series.time) for series in known]) if known else np.zeros(0)
    if len(steps) == 0:
        raise DataError("the training part has fewer than two rows in every series, expected a history: use more data")
    _refuse_beyond(known, table.schema)
    stride = find_stride([series.time for series in known], table.schema.zone)
    step = stride.mean if isinstance(stride, Even) else float(np.median(steps))
    span = max(float(series.time[-1] - series.time[0]) for series in known if len(series))
    calendar = calendar_for(table.schema, step, span)
    del steps
    exogenous = np.concatenate([np.concatenate([series.past, series.future], axis=1) for series in known])
    encoder = Encoder(
        schema=table.schema,
        step=step,
        stride=stride,
        h=h,
        calendar=calendar,
        lags=_lags(seasons(calendar, stride) if season is None else season, h, span / stride.mean),
        targets={series.id: robust_scale(series.y) for series in known if np.isfinite(series.y).any()},
        exogenous=robust_scale(exogenous),
        static=robust_scale(np.stack([series.static for series in table.series])),
        shown=_shown(known, table.schema),
    )
    return replace(encoder, **ranked(encoder, known))


def _before(series: Series, until: float | None) -> Series:
    if until is None:
        return series
    rows = int(np.searchsorted(series.time, until))
    return Series(
        series.id, series.time[:rows], series.y[:rows], series.past[:rows], series.future[:rows], series.static
    )


def _refuse_beyond(known: list[Series], schema: Schema) -> None:
    """Values whose spread would overflow are named."""
    for kind, names in (("y", schema.targets), ("past", schema.past), ("future", schema.future)):
        for series in known:
            refuse_beyond(np.abs(getattr(series, kind)) > LARGEST, getattr(series, kind), names, series.id)


def _shown(known: list[Series], schema: Schema) -> dict[str, tuple[int, ...]]:
    """Per text column, the categories of the training part that get a column; True and False are the numbers 1 and 0."""
    names = [name for name, words in schema.categories.items() if name not in schema.targets and not truths(words)]
    return {
        name: shown_codes(np.concatenate([np.atleast_1d(values(one, schema, name)) for one in known if len(one)]))
        for name in names
    }


def _lags(periods: tuple[float, ...], ahead: float, span: float) -> tuple[float, ...]:
    """For each period its first two multiples that reach back past the origin from the farthest query; seen twice in the span."""
    lags = set()
    for period in periods:
        first = int(np.ceil(ahead / period * (1 - 1e-9)))
        lags |= {multiple * period for multiple in (first, first + 1) if multiple * period <= (span + 1) / 2}
    return tuple(sorted(lags))
