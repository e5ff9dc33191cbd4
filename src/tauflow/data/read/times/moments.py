"""`parse_times`: moments that a caller gives (times, until, start) read by the rules that the table was read by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ...series import Schema
from ..chunk import Chunk, as_text
from .column import PLAIN, Times
from .zones import localise

Array = NDArray[Any]
CERTAIN_NANOSECONDS = 1e15  # no code and no epoch in s or ms is as large


def parse_times(values: str | Sequence[Any] | Array | Any, schema: Schema, what: str = "times") -> Array:
    """One or many moments as the table counts them, (n,), in the order given.

    int64 nanoseconds, UTC where the table's are; float64 where its time is a plain number. Text, datetimes, an array,
    an index or a column; numbers count in the table's unit, and whole numbers beyond 1e15 are nanoseconds. Stamps are
    on the table's clock: with an offset where its rows have one, without where they have none.

    >>> schema = tauflow.read_table({"ds": ["2018-10-01", "2018-10-02"], "y": [3, 4]}).schema
    >>> tauflow.data.parse_times("2018-10-02", schema).tolist()
    [1538438400000000000]
    >>> tauflow.data.parse_times("2018-10-02T00:00+02:00", schema)
    Traceback (most recent call last):
        ...
    tauflow.errors.DataError: times: '2018-10-02T00:00+02:00' has an offset, the stamps of the table have none; leave it out
    """
    chunk = _chunk(values, what)
    if len(chunk.values) == 0:
        return np.empty(0, dtype=np.int64 if schema.kind == "timestamp" else np.float64)
    if schema.kind == "timestamp" and schema.time_unit in (None, "ns") and _are_nanoseconds(chunk.values):
        return chunk.values.astype(np.int64)
    written_as_stamps = chunk.values.dtype.kind == "M" or (chunk.is_text and not _numeric(chunk))
    times = Times(schema.time, _unit(schema, written_as_stamps), schema.dayfirst, schema.decimal, False)
    try:
        times.feed(chunk)
        found = times.finish(schema.decimal, chunk.where)
    except DataError as error:
        raise DataError(_in_words_of(error, chunk, what)) from None
    kind = times.kind or "timestamp"
    if kind != schema.kind:
        shown = as_text(chunk.tokens()[0]) if kind == "number" else "a stamp"
        wanted = "plain numbers" if schema.kind == "number" else "time stamps"
        raise DataError(f"{what} has {shown}; expected what column '{schema.time}' holds, {wanted}")
    if kind == "number":
        return found.astype(np.float64)
    return _on_the_clock(found, times, schema, chunk, what)


def _chunk(values: Any, what: str) -> Chunk:
    from ..frames import column_chunk

    if isinstance(values, str | bytes) or np.ndim(values) == 0:
        values = [values]
    many = len(values) > 1
    return column_chunk(values, lambda row: f"{what}[{row}]" if many else what)


def _are_nanoseconds(values: Array) -> bool:
    if values.dtype.kind not in "iuf":
        return False
    return bool((np.abs(values.astype(np.float64)) > CERTAIN_NANOSECONDS).all() and (values == np.floor(values)).all())


def _numeric(chunk: Chunk) -> bool:
    from .column import starts_as_number

    return starts_as_number(chunk.values)


def _unit(schema: Schema, written_as_stamps: bool) -> str | None:
    if written_as_stamps:
        return None
    return PLAIN if schema.kind == "number" else schema.time_unit or schema.code


def _in_words_of(error: DataError, chunk: Chunk, what: str) -> str:
    text = str(error)
    if "no row tells" in text or "may stand in two" in text:
        return f"{what}: '{as_text(chunk.tokens()[0])}' could be two dates, and the table does not tell which; write YYYY-MM-DD"
    return text if text.startswith(what) else f"{what}: {text}"


def _on_the_clock(found: Array, times: Times, schema: Schema, chunk: Chunk, what: str) -> Array:
    """Moments with an offset as they are, others on the clock of the table's zone; refused where the two don't meet."""
    first = as_text(chunk.tokens()[0])
    if times.utc:
        if schema.aware is False and schema.zone is None:
            raise DataError(f"{what}: '{first}' has an offset, the stamps of the table have none; leave it out")
        return found
    if schema.aware:
        raise DataError(
            f"{what}: '{first}' has no offset, the stamps of the table have one; write it behind, such as "
            f"2018-10-02T08:00+02:00, or Z for UTC"
        )
    if schema.zone is None:
        return found
    return localise(found, np.arange(len(found)), schema.zone, chunk.where)[0]
