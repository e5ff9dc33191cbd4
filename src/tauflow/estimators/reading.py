"""What people hand over, read by the rules of `read_table` and on the clock of the table that the model learned from.

A table, a frame of what is known ahead, times to forecast, and the moments that cut a table all pass through here. Stamps without
an offset and stamps with one are two clocks: they meet only where a zone says which clock the first ones are on.
"""

from __future__ import annotations

import datetime as dt
import inspect
import numbers
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from ..data import Schema, Table, parse_times, read_table
from ..data.series import Array
from ..errors import DataError
from .settings import ArgumentError, Settings

UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
READING = frozenset({"duplicates", "unsorted", "time_unit", "zone", "dayfirst", "decimal", "delimiter"})
COLUMNS = frozenset(inspect.signature(read_table).parameters) - {"source", "schema"}
LENGTH = re.compile(r"\s*(?:[0-9]+(?:\.[0-9]+)?\s*[a-zA-Z]+\s*)+")  # 90D, 36 h, 1h30min
SECONDS = {
    "604800": ("w", "week", "weeks"),
    "86400": ("d", "day", "days"),
    "3600": ("h", "hr", "hour", "hours"),
    "60": ("m", "min", "minute", "minutes"),
    "1": ("s", "sec", "second", "seconds"),
    "1/1000": ("ms",),
    "1/1000000": ("us",),
    "1/1000000000": ("ns",),
}
OTHER_WORDS = {
    "h": ("n", "n_steps", "n_periods", "periods", "steps", "horizon", "fh", "prediction_length", "forecast_horizon"),
    "future": ("X", "X_df", "exog", "future_df", "futr_df", "future_covariates", "known_covariates"),
    "times": ("time_stamps", "timestamps", "dates", "index"),
    "cells": ("models", "model"),
    "cell": ("model",),
    "test": ("test_size", "split", "cutoff"),
    "until": ("test", "cutoff", "end"),
    "level": ("levels", "interval", "intervals", "alpha", "coverage", "prediction_intervals"),
    "quantiles": ("quantile", "quantile_levels", "num_samples"),
}


def refuse_unknown(call: str, given: Mapping[str, Any], own: tuple[str, ...]) -> None:
    """ArgumentError for a keyword that `call` would not look at; it has the keywords `own` beside those of `read_table`."""
    known = [*own, *sorted(COLUMNS)]
    for name in given:
        if name in COLUMNS:
            continue
        if right := [word for word in own if name in OTHER_WORDS.get(word, ())] or get_close_matches(name, known, n=1):
            hint = f"did you mean {right[0]}=?"
        elif any(name in (word, *OTHER_WORDS[word]) for word in ("level", "quantiles")):
            hint = "bands are asked of a fitted model: predict(level=[80, 95]) or predict(quantiles=[0.1, 0.9])"
        elif name in Settings.__dataclass_fields__ or any(name in OTHER_WORDS[word] for word in ("h", "cell")):
            word = next((word for word in ("h", "cell") if name in OTHER_WORDS[word]), name)
            hint = f"it is a setting: Forecaster({word}=...)"
        else:
            hint = f"it takes {', '.join(known)}"
        raise ArgumentError(f"{call}() knows no argument {name!r}: {hint}")


def as_table(data: Any, columns: Mapping[str, Any]) -> Table:
    """A `Table` as it is, anything else through `read_table` with `columns` as its arguments."""
    if not isinstance(data, Table):
        if isinstance(data, pd.Series):
            target = columns.get("target")
            data = data.to_frame(
                target if isinstance(target, str) else data.name if isinstance(data.name, str) else "y"
            )
        return read_table(data, **columns)
    if columns := {name: value for name, value in columns.items() if name != "schema"}:
        raise DataError(
            f"data is a Table, which knows its columns, but {', '.join(columns)} was given too: leave it out"
        )
    return data


def another_table(data: Any, schema: Schema, columns: Mapping[str, Any]) -> Table:
    """A second table of the kind that a model with `schema` learned from; refused where it is of another kind."""
    table = as_table(data, {**columns, "schema": schema})
    if isinstance(data, Table):
        for role in ("targets", "past", "future", "static"):
            ours, theirs = getattr(schema, role), getattr(table.schema, role)
            if ours != theirs:
                raise DataError(
                    f"the table has the {role} {', '.join(theirs) or 'none'}, but the model was fitted with "
                    f"{', '.join(ours) or 'none'}: read it with schema=model.encoder.schema"
                )
    refuse_other_clock(table.schema, schema, "the table", named="zone" in columns)
    return table


def refuse_other_clock(found: Schema, schema: Schema, what: str, named: bool) -> None:
    """DataError where stamps with an offset meet stamps without one; `named`: a zone was named for those without."""
    if found.kind != schema.kind:
        raise DataError(f"{what} has a {found.kind} as time, but the model was fitted on a {schema.kind}")
    if schema.kind == "number":
        return
    if schema.zone is None and found.zone is not None:
        raise DataError(
            f"{what} has stamps with an offset or a zone, but the model was fitted on stamps without one: write them as the "
            "model's clock shows them, without the offset, or fit again with zone="
        )
    if schema.aware and not found.aware and not named:
        raise DataError(
            f"{what} has stamps without an offset, but the model was fitted on stamps with one ({schema.zone}): write the "
            "offset, such as 2021-03-28 12:00+02:00, or say with zone= which clock they are on"
        )


def read_times(
    values: Any, schema: Schema, what: str = "times", zone: str | None = None, dayfirst: bool | None = None
) -> Array:
    """Moments as the table counts them, sorted, each once: int64 nanoseconds UTC, or its own numbers.

    Text, stamps, dates or numbers, one or many, or a frame with the time column; zone and dayfirst as in `read_table`.
    """
    if hasattr(values, "columns"):
        if schema.time not in values.columns:
            raise DataError(f"{what} is a frame without the column {schema.time!r}, expected the times there")
        values = values[schema.time]
    if isinstance(values, Iterator):
        values = list(values)
    if zone is not None:
        schema = replace(schema, zone=zone, aware=False)
    if dayfirst is not None:
        schema = replace(schema, dayfirst=dayfirst)
    try:
        found = np.unique(parse_times(values, schema, what))
    except DataError as error:
        raise DataError(f"{what} can't be read: {str(error).removeprefix(f'{what}: ')}") from None
    if len(found) == 0:
        raise DataError(f"{what} is empty, expected at least one time stamp")
    return found


def separated(text: str, schema: Schema) -> list[str]:
    """The time stamps of a text with commas between them; a comma that belongs to a stamp stays: Oct 2, 2018."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found: list[str] = []
    start = 0
    while start < len(parts):
        ends = [end for end in (start + 2, start + 3) if end <= len(parts)]
        whole = next((end for end in ends if _is_one(", ".join(parts[start:end]), schema)), start + 1)
        found.append(", ".join(parts[start:whole]))
        start = whole
    return found


def _is_one(text: str, schema: Schema) -> bool:
    try:
        return len(read_times([text], schema)) == 1
    except DataError as error:
        return "has an offset" in str(error) or "has no offset" in str(error)  # a stamp, if one that the model refuses


def moment(value: Any, table: Table, what: str) -> float:
    """A cut in native time: a stamp or a date, a length such as "90D" back from the last known row, or a number.

    A stamp without an offset is on the table's clock. A number is the table's own; for stamps it counts nanoseconds.
    """
    schema = table.schema
    if isinstance(value, str) and schema.kind == "number" and _reads_as_number(value):
        value = float(value)
    if is_number(value):
        return _counted(value, schema, what)
    if isinstance(value, (dt.timedelta, np.timedelta64)) or (isinstance(value, str) and LENGTH.fullmatch(value)):
        if schema.kind == "number":
            raise DataError(f"{what} is {value!r}, but the times are plain numbers, expected one of them")
        return int(last_known_time(table)) - _length(value, what)
    found = read_times([value], schema, what, zone=None if schema.time_unit is not None else schema.zone)[0]
    return float(found) if schema.kind == "number" else int(found)


def _length(value: Any, what: str) -> int:
    """Nanoseconds of a timedelta, or of a text such as 90D or 1h30min."""
    if not isinstance(value, str):
        return int(pd.Timedelta(value).value)
    seconds = Fraction(0)
    for count, unit in re.findall(r"([0-9.]+)\s*([a-zA-Z]+)", value):
        size = next((size for size, names in SECONDS.items() if (unit if unit == "M" else unit.lower()) in names), None)
        if size is None:
            raise DataError(
                f"{what} is {value!r}, expected a length in weeks, days, hours, minutes or seconds, such as '90D' or '36h', "
                "or a time stamp"
            )
        seconds += Fraction(count) * Fraction(size)
    return int(seconds * 10**9)


def _counted(value: Any, schema: Schema, what: str) -> float:
    """A number as native time. What is beyond 2262 as a count of the table's unit can only be the nanoseconds themselves."""
    if not np.isfinite(value):
        raise DataError(f"{what} is {value}, expected a moment")
    if schema.kind == "number":
        return float(value)
    whole = int(np.floor(value)) if isinstance(value, float | np.floating) else int(value)
    unit = UNIT[schema.time_unit or "ns"]
    return whole if abs(whole) * unit >= 2**63 else whole * unit + round(float(value - whole) * unit)


def is_number(value: Any) -> bool:
    """Is it a number, numpy's included? True and a timedelta64, which numpy counts among the integers, are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, (bool, np.timedelta64))


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def last_known_time(table: Table) -> float:
    """The last native time at which any series has a known target."""
    times = [series.time[np.isfinite(series.y).any(axis=1)] for series in table.series]
    ends = [known[-1] for known in times if len(known)]
    if not ends:
        raise DataError("the table has no known target value, expected a history to learn from")
    return max(ends)  # type: ignore[no-any-return]


def shown_times(time: Array, schema: Schema) -> Any:
    """Native times (N,) as the table shows them: stamps on its clock, epochs in its unit, or numbers."""
    if schema.kind == "number":
        return time
    if schema.time_unit is not None:
        whole, rest = np.divmod(time, UNIT[schema.time_unit])
        return whole + rest / UNIT[schema.time_unit] if rest.any() else whole
    stamps = pd.DatetimeIndex(pd.to_datetime(time, unit="ns"))
    return stamps if schema.zone is None else stamps.tz_localize("UTC").tz_convert(schema.zone)


def shown_ids(ids: list[str], schema: Schema) -> Array:
    """The names of series as the table holds them: whole numbers, numbers or text."""
    kinds: dict[str, Any] = {"integer": np.int64, "number": np.float64, "text": object}
    return np.array(ids, dtype=object).astype(kinds[schema.id_kind])
