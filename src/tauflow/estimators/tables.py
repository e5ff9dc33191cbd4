"""Between the tables that people have and the arrays that models see: cutting, continuing, and writing forecasts down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..data import Schema, Series, Table
from ..data.series import UNSEEN, Array
from ..errors import DataError
from ..windows.rows import nearest
from .bands import Asked
from .reading import shown_ids, shown_times


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


def unseen(table: Table, categories: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A note for each text column that holds categories which are not among `categories`."""
    notes = []
    for name, names in table.schema.categories.items():
        kind, column = _place(table.schema, name)
        codes = np.concatenate([np.atleast_2d(getattr(series, kind))[:, column] for series in table.series])
        new = [code for code, known in enumerate(names) if known not in categories.get(name, ())]
        if count := int(np.isin(codes, new).sum()):
            notes.append(f"{count:,} values of '{name}' are categories not seen before: they count as one of their own")
    return notes


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


def forecast_frame(
    table: Table, ids: list[str], time: Array, forecast: Array, asked: Asked | None = None, values: Array | None = None
) -> pd.DataFrame:
    """One row per id and time: time (ids, h) native, forecast (ids, h, targets), values (ids, h, targets, probabilities)."""
    schema = table.schema
    columns: dict[str, Any] = {}
    if schema.id is not None:
        columns[schema.id] = np.repeat(shown_ids(ids, schema), time.shape[1])
    columns[schema.time] = shown_times(time.reshape(-1), schema)
    for number, name in enumerate(schema.targets):
        columns[name] = forecast[:, :, number].reshape(-1)
        if asked is not None and values is not None:
            found = asked.named(name, values[:, :, number])
            columns |= {column: one.reshape(-1) for column, one in found.items()}
    return pd.DataFrame(columns)
