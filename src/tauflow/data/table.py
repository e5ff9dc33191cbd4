"""`read_table`: a file or a frame in, a `Table` of series out; read right, or refused with the row and the column.

A row that repeats an (id, time) with equal values in every column used is merged; with other values it is an error
unless `duplicates` says "first", "last" or "mean" (of what is observed; text keeps the last). Rows out of time order
are sorted and counted, or refused with unsorted="error". NaN and the usual words for it are missing values; infinity
is refused. Naive stamps are localised when `zone` is given; stamps with an offset become UTC. Nothing is resampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tauflow.data.assemble import Duplicates, Rows, merge_duplicates, order_rows, split
from tauflow.data.chunk import Chunk
from tauflow.data.frames import FrameSource, frame_source, parquet_source
from tauflow.data.ids import Ids
from tauflow.data.names import Names, Roles, find_roles
from tauflow.data.notes import value_notes
from tauflow.data.numerals import Decimal
from tauflow.data.series import Schema, Table
from tauflow.data.text import TextSource
from tauflow.data.times import Times
from tauflow.data.timestamps import known_zone, localise
from tauflow.data.values import Values
from tauflow.errors import DataError

Array = NDArray[Any]
Source = TextSource | FrameSource


@dataclass(frozen=True)
class Options:
    """How to read, apart from which column is what."""

    time_unit: str | None = None
    zone: str | None = None
    dayfirst: bool | None = None
    decimal: Decimal | None = None
    schema: Schema | None = None


def read_table(
    source: Any,
    *,
    id: str | None = None,  # noqa: A002
    time: str | None = None,
    target: Names = None,
    past: Names = (),
    future: Names = (),
    static: Names = (),
    duplicates: Duplicates = "error",
    unsorted: Literal["sort", "error"] = "sort",
    time_unit: str | None = None,
    zone: str | None = None,
    dayfirst: bool | None = None,
    decimal: Decimal | None = None,
    delimiter: str | None = None,
    schema: Schema | None = None,
) -> Table:
    """Read a CSV or Parquet file, a data frame (pandas, polars, pyarrow, ...) or a dict of arrays.

    id, time, target  names; default unique_id, ds, y, or the only column that can be it; no id = one series
    past, future, static  exogenous columns: known up to now, known ahead, one value per id; none unless named
    duplicates  "error", "last", "first", "mean"; unsorted  "sort", "error"
    time_unit   "s", "ms", "us", "ns" when the time column is an epoch; without it a number is a plain number
    zone        the clock of naive stamps, such as "Europe/Berlin"
    dayfirst, decimal, delimiter  only for a text whose rows leave them open
    schema      of an earlier table: same names, zone and categories; the target columns may be absent
    """
    check_choice("duplicates", duplicates, ("error", "last", "first", "mean"))
    check_choice("unsorted", unsorted, ("sort", "error"))
    found = open_source(source, delimiter)
    roles = find_roles(found.sample(), found.label, found.repeated(), schema, id, time, target, past, future, static)
    rows = read_rows(found, roles, make_options(time_unit, zone, dayfirst, decimal, schema))
    notes = list(rows.notes)
    rows = merge_duplicates(order_rows(rows, unsorted, notes), duplicates, notes)
    notes += value_notes(rows)
    unused = [name for name in found.names if name not in roles.used]
    if unused and schema is None:
        shown = ", ".join(unused[:12]) + (", ..." if len(unused) > 12 else "")
        notes.append(f"not used: {shown}; name them in past=, future= or static= to use them")
    return Table(split(rows), rows.schema, tuple(notes))


def open_source(source: Any, delimiter: str | None = None) -> Source:
    """A path by what is in the file, anything else as a frame."""
    if not isinstance(source, str | Path):
        return frame_source(source)
    path = Path(source)
    try:
        with path.open("rb") as file:
            head = file.read(8)
    except OSError as error:
        raise DataError(f"{source} can't be opened: {error.strerror}") from None
    if head.startswith(b"PAR1"):
        return parquet_source(path)
    if head.startswith(b"PK\x03\x04"):
        raise DataError(f"{path.name} is a zip archive or an Excel workbook; save the table as CSV")
    if path.suffix in (".parquet", ".pq"):
        raise DataError(f"{path.name} is not a Parquet file, whatever its name says")
    return TextSource(path, delimiter)


def read_rows(source: Source, roles: Roles, options: Options, failures: dict[str, str] | None = None) -> Rows:
    """Every used column whole and typed, in the order of the source's rows.

    A value column that can't be read raises, or is left out and explained in `failures` when that is given.
    """
    schema, unclear = options.schema, source.dots_unclear
    known = dict(schema.categories) if schema is not None else {}
    ids = Ids(roles.id) if roles.id is not None else None
    times = Times(roles.time, options.time_unit, options.dayfirst, options.decimal, unclear)
    values = {
        name: Values(name, options.decimal, unclear, text=name not in roles.targets, known=known.get(name))
        for name in roles.values
        if name in source.names
    }
    sinks: dict[str, Any] = {**({roles.id: ids} if roles.id is not None else {}), roles.time: times}
    sinks |= values if failures is None else {name: Guard(column, failures) for name, column in values.items()}
    count = source.read(sinks)
    if count == 0:
        raise DataError(f"{source.label} has names but no rows")
    codes, id_names = ids.finish() if ids is not None else (np.broadcast_to(np.int32(0), count), ("",))
    stamps = times.finish(source.decimal, source.where)
    kind = times.kind or "timestamp"
    if schema is not None and kind != schema.kind:
        raise DataError(f"time in column '{roles.time}' is a {kind}; the schema has a {schema.kind}")
    notes = _clock_notes(stamps, times)
    zone = options.zone
    if kind == "timestamp":
        stamps, zone = _to_utc(stamps, times, codes, zone, source, notes)
    elif zone is not None:
        raise DataError(f"zone='{zone}' was given, but column '{roles.time}' holds plain numbers; give time_unit= too")
    columns = _finish_values(values, source, roles, count, failures, notes)
    _refuse_infinite(columns, codes, id_names, source, failures)
    categories = known | {name: column.categories for name, column in values.items() if column.categories is not None}
    made = Schema(
        roles.id, roles.time, roles.targets, roles.past, roles.future, roles.static,
        kind, zone, categories, options.time_unit,
    )  # fmt: skip
    return Rows(codes, id_names, stamps, columns, made, notes)


class Guard:
    """A value column that stops at its first error and explains it, so that the others can be read."""

    def __init__(self, column: Values, failures: dict[str, str]) -> None:
        self.column, self.failures = column, failures

    def feed(self, chunk: Chunk) -> None:
        if self.column.name not in self.failures:
            try:
                self.column.feed(chunk)
            except DataError as error:
                self.failures[self.column.name] = str(error)


def _finish_values(
    values: dict[str, Values],
    source: Source,
    roles: Roles,
    count: int,
    failures: dict[str, str] | None,
    notes: list[str],
) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for name in roles.values:
        if name not in values:
            columns[name] = np.full(count, np.nan)
            notes.append(f"no column '{name}': its values count as missing")
        elif failures is None:
            columns[name] = values[name].finish(source.decimal)
        elif name not in failures:
            try:
                columns[name] = values[name].finish(source.decimal)
            except DataError as error:
                failures[name] = str(error)
        if name in values:
            notes += _column_notes(values[name])
    return columns


def _to_utc(
    stamps: Array, times: Times, codes: Array, zone: str | None, source: Source, notes: list[str]
) -> tuple[Array, str | None]:
    """Nanoseconds UTC and the name of the clock that the stamps were on."""
    zone = known_zone(zone) if zone is not None else None
    if times.utc:
        return stamps, zone or times.zone or "UTC"
    if zone is None:
        return stamps, None
    utc, resolved = localise(stamps, codes, zone, source.where)
    if resolved:
        notes.append(f"{resolved:,} stamps fell in an hour that {zone} has twice: told apart by the order of the rows")
    return utc, zone


def _column_notes(column: Values) -> list[str]:
    notes = []
    if column.grouped:
        notes.append(f"{column.grouped:,} values of '{column.name}' had grouped thousands")
    if column.unseen:
        notes.append(
            f"{column.unseen:,} values of '{column.name}' are categories not seen before: they count as none of the known ones"
        )
    return notes


def _clock_notes(stamps: Array, times: Times) -> list[str]:
    unit = epoch_unit(stamps) if times.kind == "number" else None
    if unit:
        return [f"time looks like an epoch in {unit}: give time_unit='{unit}' to read it as one"]
    return ["time is written YYYYMMDD: read as dates"] if times.compact else []


def epoch_unit(time: Array) -> str | None:
    """The unit in which these numbers would be an epoch of the years 1973 to 2128."""
    low, high = float(time.min()), float(time.max())
    scales = {"s": 1e8, "ms": 1e11, "us": 1e14, "ns": 1e17}
    return next((unit for unit, least in scales.items() if low >= least and high < least * 50), None)


def _refuse_infinite(
    columns: dict[str, Array], codes: Array, ids: tuple[str, ...], source: Source, failures: dict[str, str] | None
) -> None:
    for name in list(columns):
        infinite = np.isinf(columns[name])
        if not infinite.any():
            continue
        row = int(infinite.argmax())
        who = f" (id '{ids[codes[row]]}')" if ids[codes[row]] else ""
        message = (
            f"{source.where(row)}{who}: column '{name}' is infinite or beyond 1.8e308; leave the field empty if the "
            f"value is not known"
        )
        if failures is None:
            raise DataError(message)
        failures[name] = message
        del columns[name]


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise DataError(f"{name} is {value!r}; expected one of {', '.join(choices)}")


def make_options(
    time_unit: str | None, zone: str | None, dayfirst: bool | None, decimal: Decimal | None, schema: Schema | None
) -> Options:
    if decimal not in (None, ".", ","):
        raise DataError(f"decimal is {decimal!r}; expected '.' or ','")
    if schema is not None:
        time_unit, zone = time_unit or schema.time_unit, zone or schema.zone
    return Options(time_unit, zone, dayfirst, decimal, schema)
