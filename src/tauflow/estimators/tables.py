"""Between the tables that people have and the arrays that models see: cutting, continuing, and writing forecasts down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..data import Schema, Series, Table, read_table
from ..data.series import UNSEEN, Array
from ..errors import DataError
from ..windows.rows import nearest

UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


def as_table(data: Any, columns: dict[str, Any]) -> Table:
    """A `Table` as it is, anything else through `read_table` with `columns` as its arguments."""
    if not isinstance(data, Table):
        return read_table(data, **columns)
    if columns:
        raise DataError(
            f"data is a Table, which knows its columns, but {', '.join(columns)} was given too: leave it out"
        )
    return data


def refuse_missing_columns(table: Table, schema: Schema) -> None:
    """A column that the model was fitted with and that has no value at all is a mistake, not a gap."""
    if not table.series:
        raise DataError("the table has no row, expected the history to forecast from")
    for names, kind in ((schema.targets, "y"), (schema.past, "past"), (schema.future, "future")):
        width = {getattr(series, kind).shape[1] for series in table.series}
        if width != {len(names)}:
            raise DataError(
                f"the table has {max(width)} {kind} columns, but the model was fitted with {len(names)}: {', '.join(names)}"
            )
        for column, name in enumerate(names):
            if not any(np.isfinite(getattr(series, kind)[:, column]).any() for series in table.series):
                raise DataError(f"the table has no value in column {name!r}, which the model was fitted with: add it")


def upto(series: Series, row: int) -> Series:
    """The series up to and with `row`."""
    end = row + 1
    return Series(series.id, series.time[:end], series.y[:end], series.past[:end], series.future[:end], series.static)


def before(table: Table, time: float) -> Table:
    """The rows of a table before a native time; ids that have none are left out."""
    parts = [upto(series, int(np.searchsorted(series.time, time)) - 1) for series in table.series]
    return replace(table, series=tuple(part for part in parts if len(part)))


def categories_of(table: Table) -> dict[str, tuple[str, ...]]:
    """The categories that the rows of a table hold, per text column, in the order of the table's own codes."""
    found = {}
    for name, names in table.schema.categories.items():
        kind, column = _place(table.schema, name)
        codes = np.concatenate([np.atleast_2d(getattr(series, kind))[:, column] for series in table.series])
        found[name] = tuple(names[code] for code in np.unique(codes[np.isfinite(codes)]).astype(int))
    return found


def recoded(table: Table, categories: Mapping[str, tuple[str, ...]]) -> Table:
    """The table with its text columns in the codes of `categories`; one that is not among them is `UNSEEN`, a missing one NaN.

    So a category that turns up after the cutoff changes no code before it.
    """
    if dict(table.schema.categories) == dict(categories):
        return table
    series = list(table.series)
    for name, names in table.schema.categories.items():
        kind, column = _place(table.schema, name)
        new = {known: float(code) for code, known in enumerate(categories.get(name, ()))}
        codes = np.array([new.get(one, UNSEEN) for one in names] + [np.nan])
        for number, one in enumerate(series):
            values = getattr(one, kind).copy()
            old = values[..., column]
            values[..., column] = codes[np.where(np.isfinite(old), old, len(names)).astype(int)]
            series[number] = replace(one, **{kind: values})
    return replace(table, series=tuple(series), schema=replace(table.schema, categories=dict(categories)))


def _place(schema: Schema, name: str) -> tuple[str, int]:
    """Which array of a series holds a column, and where in it."""
    for kind, names in (("past", schema.past), ("future", schema.future), ("static", schema.static)):
        if name in names:
            return kind, names.index(name)
    return "y", schema.targets.index(name)


def last_known_row(series: Series) -> int:
    """The last row with a known target; -1 for none."""
    rows = np.nonzero(np.isfinite(series.y).any(axis=1))[0]
    return int(rows[-1]) if len(rows) else -1


def append_row(series: Series, time: Any, y: Array | None, known_ahead: Series) -> Series:
    """The series with one more row: targets `y` (None = unknown), future columns as `known_ahead` has them at that time."""
    ahead = np.full(series.future.shape[1], np.nan)
    if len(ahead) and len(known_ahead):
        gap = float(series.time[-1] - series.time[-2]) if len(series) > 1 else np.inf
        index, found = nearest(known_ahead.time, np.array([time]), gap / 2)
        ahead = known_ahead.future[index[0]] if found[0] else ahead
    row = np.full(series.y.shape[1], np.nan) if y is None else y
    return Series(
        series.id,
        np.append(series.time, np.asarray(time, series.time.dtype)),
        np.vstack([series.y, row]),
        np.vstack([series.past, np.full(series.past.shape[1], np.nan)]),
        np.vstack([series.future, ahead]),
        series.static,
    )


def with_future(table: Table, future: Any) -> Table:
    """The table continued by the rows of `future`, a frame with time, id and the future-known columns."""
    schema = table.schema
    if not schema.future:
        raise DataError(
            "future was given, but the model was fitted without future-known columns: fit(..., future=[...])"
        )
    ahead = {series.id: series for series in read_table(future, schema=schema).series}
    unknown = [name for name in ahead if name not in {series.id for series in table.series}]
    if unknown:
        raise DataError(f"future has rows of {unknown[0]!r}, which is not among the ids of the data")
    return replace(table, series=tuple(_continued(series, ahead.get(series.id)) for series in table.series))


def _continued(series: Series, ahead: Series | None) -> Series:
    if ahead is None:
        return series
    series = upto(series, last_known_row(series))
    new = ahead.time > series.time[-1]
    parts = [np.concatenate([getattr(series, name), getattr(ahead, name)[new]]) for name in ("time", "past", "future")]
    unknown = np.full((int(new.sum()), series.y.shape[1]), np.nan)
    return Series(series.id, parts[0], np.concatenate([series.y, unknown]), parts[1], parts[2], series.static)


def native_times(times: Any, schema: Schema) -> Array:
    """Moments as the table counts them: int64 nanoseconds UTC, or its own numbers. Text, stamps, or a frame's time column."""
    if hasattr(times, "columns"):
        times = times[schema.time]
    try:
        if schema.kind == "number":
            return np.unique(np.asarray(times, dtype=np.float64))
        if schema.time_unit is not None:
            return np.unique(np.asarray(times, dtype=np.int64) * UNIT[schema.time_unit])
        stamps = pd.DatetimeIndex(pd.to_datetime(list(times), utc=False))
        if stamps.tz is None and schema.zone is not None:
            stamps = stamps.tz_localize(schema.zone)
        if stamps.hasnans:
            raise ValueError("one of them is missing")
        return np.unique(stamps.as_unit("ns").asi8)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"times can't be read as {schema.kind}s: {error}; expected what column {schema.time!r} holds"
        ) from None


def shown_times(time: Array, schema: Schema) -> Any:
    """Native times (N,) as the table shows them: stamps on its clock, epochs in its unit, or numbers."""
    if schema.kind == "number":
        return time
    if schema.time_unit is not None:
        return time // UNIT[schema.time_unit]
    stamps = pd.DatetimeIndex(pd.to_datetime(time, unit="ns"))
    return stamps if schema.zone is None else stamps.tz_localize("UTC").tz_convert(schema.zone)


def forecast_frame(table: Table, ids: list[str], time: Array, forecast: Array) -> pd.DataFrame:
    """One row per id and time: time (ids, h) native, forecast (ids, h, targets)."""
    schema = table.schema
    columns: dict[str, Any] = {}
    if schema.id is not None:
        columns[schema.id] = np.repeat(ids, time.shape[1])
    columns[schema.time] = shown_times(time.reshape(-1), schema)
    for number, name in enumerate(schema.targets):
        columns[name] = forecast[:, :, number].reshape(-1)
    return pd.DataFrame(columns)
