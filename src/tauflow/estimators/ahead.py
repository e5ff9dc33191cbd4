"""What is known ahead: the rows of `future` joined to a table, and how much of the horizon they leave unknown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..data import Schema, Series, Table, read_table
from ..data.series import Array
from ..errors import DataError
from ..windows.rows import nearest
from .reading import refuse_other_clock, shown_times
from .tables import last_known_row, upto

OF_A_WHOLE_TABLE = re.compile("^no column |has no value at all$|is constant: ")  # notes that mean nothing of a few rows


def read_ahead(future: Any, schema: Schema, reading: Mapping[str, Any]) -> Table:
    """A frame with time, id and the future-known columns, as a table without targets."""
    if not schema.future:
        raise DataError(
            "future was given, but the model was fitted without future-known columns: fit with future= first"
        )
    known = {name: words for name, words in schema.categories.items() if name in schema.future}
    bare = replace(schema, past=(), static=(), categories=known)
    ahead = read_table(future, schema=bare, **reading)
    refuse_other_clock(ahead.schema, schema, "future", named="zone" in reading)
    return replace(ahead, notes=tuple(note for note in ahead.notes if not OF_A_WHOLE_TABLE.search(note)))


def with_ahead(table: Table, ahead: Table) -> Table:
    """The table continued by the rows of `ahead`; where both know a value, that of `ahead` counts."""
    rows = {series.id: series for series in ahead.series}
    unknown = [name for name in rows if name not in {series.id for series in table.series}]
    if unknown:
        raise DataError(f"future has rows of {unknown[0]!r}, which is not among the ids of the data")
    return replace(table, series=tuple(_continued(series, rows.get(series.id)) for series in table.series))


def _continued(series: Series, ahead: Series | None) -> Series:
    """The rows up to the last known target, then one for every later time of either."""
    last = last_known_row(series)
    if ahead is None or last < 0:
        return series
    known = upto(series, last)
    own, given = series.time > series.time[last], ahead.time > series.time[last]
    time = np.union1d(series.time[own], ahead.time[given])
    values = np.full((len(time), series.future.shape[1]), np.nan)
    for later, rows in ((series.time[own], series.future[own]), (ahead.time[given], ahead.future[given])):
        place = np.searchsorted(time, later)
        values[place] = np.where(np.isfinite(rows), rows, values[place])
    unknown = np.full((len(time), series.y.shape[1] + series.past.shape[1]), np.nan)
    y, past = np.split(unknown, [series.y.shape[1]], axis=1)
    return Series(
        series.id,
        np.concatenate([known.time, time]),
        np.concatenate([known.y, y]),
        np.concatenate([known.past, past]),
        np.concatenate([known.future, values]),
        series.static,
    )


def unknown_ahead(table: Table, origins: Array, time: Array, step: float) -> list[str]:
    """A note that counts, of the times asked for (series, h), those at which a future-known column has no value."""
    schema = table.schema
    if not schema.future:
        return []
    missing = np.zeros(len(schema.future), int)
    for (number, _), asked in zip(origins, time, strict=True):
        series = table.series[number]
        row, found = nearest(series.time, asked, step / 2)
        missing += (~found[:, None] | ~np.isfinite(series.future[row])).sum(axis=0)
    short = [
        f"'{name}' at {count:,} of {time.size:,}" for name, count in zip(schema.future, missing, strict=True) if count
    ]
    return [f"unknown ahead: {', '.join(short)} forecast times; give them in future="] if short else []


def refuse_unmet(ahead: Table, table: Table, origins: Array, time: Array, step: float) -> None:
    """DataError where no row of `ahead` stands at a time that is asked for: it would be ignored."""
    asked = {table.series[number].id: moments for (number, _), moments in zip(origins, time, strict=True)}
    for series in ahead.series:
        if series.id in asked and nearest(series.time, asked[series.id], step / 2)[1].any():
            return
    given = np.concatenate([series.time for series in ahead.series])
    first, last, begin, end = shown_times(np.array([given.min(), given.max(), time.min(), time.max()]), table.schema)
    raise DataError(
        f"future has {len(given):,} rows from {first} to {last}, but none at a time that is forecast, {begin} to {end}: give the "
        f"rows of these times"
    )
