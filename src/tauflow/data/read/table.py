"""`read_table`: a file or a frame in, a `Table` of series out; read right, or refused with the row and the column.

A row that repeats an (id, time) with equal values in every column used is merged; with other values it is an error
unless `duplicates` says "first", "last" or "mean" (of what is observed; text keeps the last). Rows out of time order
are sorted and counted, or refused with unsorted="error". NaN and the usual words for it are missing values; infinity
is refused. Naive stamps are localised when `zone` is given; stamps with an offset become UTC. Nothing is resampled.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..reading import Decimal, Names, Reading
from ..series import Duplicates, Schema, Table
from .assemble import Rows, merge_duplicates, order_rows, split
from .chunk import Chunk
from .frames import FrameSource
from .ids import Ids, are_whole, joined_ids
from .names import Roles, find_roles
from .notes import value_notes
from .opening import open_source
from .plain import Fields
from .text import TextSource
from .times.column import PLAIN, Times
from .times.parts import Parts, moment_parts
from .times.zones import check_clock, known_zone, localise
from .values import Values

Array = NDArray[Any]
Source = TextSource | FrameSource


def read_table(
    source: Any,
    *,
    id: str | None = None,  # noqa: A002
    time: str | None = None,
    target: Names = None,
    past: Names = (),
    future: Names = (),
    static: Names = (),
    duplicates: Duplicates | None = None,
    unsorted: Literal["sort", "error"] | None = None,
    time_unit: str | None = None,
    zone: str | None = None,
    dayfirst: bool | None = None,
    decimal: Decimal | None = None,
    delimiter: str | None = None,
    schema: Schema | None = None,
) -> Table:
    """Read a CSV or Parquet file, a data frame (pandas, polars, pyarrow, ...) or a dict of arrays.

    id, time, target  names; default unique_id, ds, y, or the only column that can be it; no id = one series.
                time="Date,Time" or "year,month,day", id="shop,item" when it stands in several columns together
    past, future, static  exogenous columns: known up to now, known ahead, one value per id; none unless named
    duplicates  "error" (the default), "last", "first", "mean"; unsorted  "sort" (the default), "error"
    time_unit   "s", "ms", "us", "ns" when the time column is an epoch; "excel", "YYYY", "YYYYMM", "YYYYWW", ... when
                its numbers are dates; "number" when they are plain numbers
    zone        the clock of naive stamps, such as "Europe/Berlin"
    dayfirst, decimal, delimiter  only for a text whose rows leave them open
    schema      of an earlier table: read as that one was, with its names, clock and categories; the target columns
                may be absent

    >>> rows = {"shop": ["a", "a", "b"], "ds": ["2024-05-01", "2024-05-02", "2024-05-02"], "y": [3, 4, 9]}
    >>> table = tauflow.read_table(rows, id="shop")  # a Table of two Series
    >>> table.series[0].y.tolist(), table.schema.targets
    ([[3.0], [4.0]], ('y',))
    >>> tauflow.read_table({"ds": ["2024-05-01", "soon"], "y": [3, 4]})
    Traceback (most recent call last):
        ...
    tauflow.errors.DataError: row 1: 'soon' is no time stamp that can be read; write YYYY-MM-DD HH:MM:SS
    """
    reading = Reading(
        id, time, target, past, future, static, duplicates, unsorted, time_unit, zone, dayfirst, decimal, delimiter,
        schema,
    )  # fmt: skip
    return read(source, reading)


def read(source: Any, reading: Reading) -> Table:
    """`read_table` of a `Reading`."""
    reading = reading.settled()
    found = open_by(source, reading)
    roles = find_roles(found.sample(), found.label, found.repeated(), reading)
    rows = read_rows(found, roles, reading)
    notes = list(rows.notes)
    rows = merge_duplicates(order_rows(rows, reading.unsorted or "sort", notes), reading.duplicates or "error", notes)
    notes += value_notes(rows)
    unused = [name for name in found.names if name not in roles.used]
    if unused and reading.schema is None:
        shown = ", ".join(unused[:12]) + (", ..." if len(unused) > 12 else "")
        notes.append(f"not used: {shown}; name them in past=, future= or static= to use them")
    return Table(split(rows), rows.schema, tuple(notes))


def open_by(source: Any, reading: Reading) -> Source:
    """The source, its fields parted as the reading says, or as its schema remembers where the names are then found."""
    schema = reading.schema
    if reading.delimiter is None and schema is not None and schema.delimiter is not None:
        try:
            found = open_source(source, schema.delimiter)
        except DataError:
            return open_source(source)
        if schema.time in found.names:
            return found
    found = open_source(source, reading.delimiter)
    sample = found.sample()
    if sample and all(len(chunk.values) == 0 for chunk in sample.values()):
        raise DataError(f"{found.label} has names but no rows")
    return found


def read_rows(source: Source, roles: Roles, reading: Reading, failures: dict[str, str] | None = None) -> Rows:
    """Every used column whole and typed, in the order of the source's rows.

    A value column that can't be read raises, or is left out and explained in `failures` when that is given.
    """
    schema = reading.schema
    known = dict(schema.categories) if schema is not None else {}
    ids = Ids(roles.id) if roles.id is not None else None
    times = _times(source, roles, reading)
    fallback = source.decimal or (schema.decimal if schema is not None else None)
    values = {
        name: Values(name, reading.decimal, source.dots_unclear, text=name not in roles.targets, known=known.get(name))
        for name in roles.values
        if name in source.names
    }
    sinks: dict[str, Any] = {roles.id: ids} if roles.id is not None and not roles.id_parts else {}
    sinks |= Parts(roles.id_parts, joined_ids, ids).sinks() if roles.id_parts else {}
    sinks |= moment_parts(roles.parts, times).sinks() if roles.parts else {roles.time: times}
    sinks |= values if failures is None else {name: Guard(column, failures) for name, column in values.items()}
    count = source.read(sinks)
    if count == 0:
        raise DataError(f"{source.label} has names but no rows")
    codes, id_names = ids.finish() if ids is not None else (np.broadcast_to(np.int32(0), count), ("",))
    stamps = times.finish(fallback, source.where)
    kind = times.kind or "timestamp"
    if schema is not None and kind != schema.kind:
        raise DataError(f"time in column '{roles.time}' is a {kind}; the schema has a {schema.kind}")
    notes = list(times.notes)
    if roles.parts and reading.time is None and schema is None:
        notes.append(f"time is read from the columns {', '.join(roles.parts)} together")
    zone = reading.zone
    if kind == "timestamp":
        stamps, zone = _to_utc(stamps, times, codes, reading, source, notes)
    elif zone is not None:
        raise DataError(f"zone='{zone}' was given, but column '{roles.time}' holds plain numbers; give time_unit= too")
    columns = _finish_values(values, source, roles, count, failures, notes, fallback)
    _refuse_infinite(columns, codes, id_names, source, failures)
    categories = known | {name: column.categories for name, column in values.items() if column.categories is not None}
    made = Schema(
        roles.id, roles.time, roles.targets, roles.past, roles.future, roles.static, kind, zone, categories,
        times.unit, times.utc if kind == "timestamp" else None, times.code, times.dayfirst,
        reading.decimal or fallback, reading.delimiter or (schema.delimiter if schema is not None else None),
        _id_kind(ids, id_names, source), reading.duplicates or "error", reading.unsorted or "sort",
    )  # fmt: skip
    return Rows(codes, id_names, stamps, columns, made, notes)


def _times(source: Source, roles: Roles, reading: Reading) -> Times:
    schema = reading.schema
    remembered = (PLAIN if schema.kind == "number" else schema.code) if schema is not None else None
    return Times(roles.time, reading.time_unit, reading.dayfirst, reading.decimal, source.dots_unclear, remembered)


def _id_kind(ids: Ids | None, names: tuple[str, ...], source: Source) -> Literal["text", "integer", "number"]:
    """A frame says what its ids are; of a file they are whole numbers where every one is written as one: 12, not 012."""
    if ids is None or not isinstance(source, TextSource):
        return "text" if ids is None else ids.kind
    return "integer" if are_whole(names) else "text"


class Guard:
    """A value column that stops at its first error and explains it, so that the others can be read."""

    def __init__(self, column: Values, failures: dict[str, str]) -> None:
        self.column, self.failures = column, failures

    def feed(self, chunk: Chunk | Fields) -> None:
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
    decimal: Decimal | None,
) -> dict[str, Array]:
    columns: dict[str, Array] = {}
    for name in roles.values:
        if name not in values:
            columns[name] = np.full(count, np.nan)
            notes.append(f"no column '{name}': its values count as missing")
        elif failures is None:
            columns[name] = values[name].finish(decimal)
        elif name not in failures:
            try:
                columns[name] = values[name].finish(decimal)
            except DataError as error:
                failures[name] = str(error)
        if name in values:
            notes += _column_notes(values[name])
    return columns


def _to_utc(
    stamps: Array, times: Times, codes: Array, reading: Reading, source: Source, notes: list[str]
) -> tuple[Array, str | None]:
    """Nanoseconds UTC and the name of the clock that the stamps were on."""
    zone = known_zone(reading.zone) if reading.zone is not None else None
    schema = reading.schema
    if schema is not None:
        check_clock(bool(times.utc), schema, zone, f"column '{times.name}'")
        zone = zone or schema.zone
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
    if column.percent:
        notes.append(f"'{column.name}' is written in per cent: 12% is read as 12")
    if column.flags:
        notes.append(f"'{column.name}' is true or false: read as 1 and 0")
    if column.grouped:
        notes.append(f"{column.grouped:,} values of '{column.name}' had grouped thousands")
    if column.unseen:
        notes.append(
            f"{column.unseen:,} values of '{column.name}' are categories not seen before: they count as none of the known ones"
        )
    return notes


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
