"""`read_sequences`: a long table, one row a sequence and time, as `Sequences` and their labels.

    id     time   pulse   lactate   age   died
    7      0.0    88                64    0
    7      1.5            2.1       64    0

The channels are all columns that are not named otherwise; a column named in `static` is one number (or word) a sequence and
enters once; NaN, an empty cell, is "not measured". A target that is the same in all rows of a sequence is a label of the sequence,
else one of each row. The table is read by the rules of `read_table`, whose other arguments are taken too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DataError
from .read.table import open_by, read_table
from .reading import Names, Reading
from .sequences import Array, Sequences
from .series import NANOSECONDS, Schema, Table


@dataclass(frozen=True, eq=False)
class LongTable:
    """The sequences of a table, its labels (one a sequence; `every`: one a row; or None), their groups, and how it was read."""

    sequences: Sequences
    target: str | None
    labels: list[Any] | None
    every: bool
    groups: Array | None
    schema: Schema
    notes: tuple[str, ...]


def read_sequences(
    source: Any,
    *,
    id: str | None = None,  # noqa: A002
    time: str | None = None,
    target: str | None = None,
    channels: Names = None,
    static: Names = (),
    groups: str | None = None,
    schema: Schema | None = None,
    **reading: Any,
) -> LongTable:
    """Read a file or a frame; `schema` is that of an earlier table of the same kind, whose columns are then taken.

    groups: a column that is one value a sequence and says what belongs together, such as the patient of several stays.

    >>> visits = {"patient": [7, 7, 9], "hour": [0.0, 1.5, 0.0], "pulse": [88, None, 70], "died": [0, 0, 1]}
    >>> table = tauflow.data.read_sequences(visits, id="patient", time="hour", target="died", time_unit="number")  # a LongTable
    >>> table.sequences.names, [values.shape for values in table.sequences.values], [int(label) for label in table.labels]
    (('pulse',), [(2, 1), (1, 1)], [0, 1])
    """
    if schema is None:
        if id is None:
            raise DataError("a long table needs the column that says which sequence a row belongs to: id=")
        fixed = {*_names(id), *_names(time), *_names(static), *_names(target), *_names(groups)}
        if channels is None:
            names = open_by(source, Reading(**{key: reading.get(key) for key in ("delimiter", "decimal")})).names
            default = () if time is not None else ("ds",)
            channels = [name for name in names if name not in fixed and name not in default]
        table = read_table(source, id=id, time=time, target=channels, static=static, **reading)
    else:
        table = read_table(source, schema=schema, **reading)
        id, time = schema.id, schema.time  # noqa: A001
    block, static_names = _static(table)
    sequences = Sequences(
        tuple(one.y for one in table.series),
        tuple(_time(one.time) for one in table.series),
        block,
        table.schema.targets,
        static_names,
        "table",
        tuple(_id(one.id, table.schema) for one in table.series),
        tuple(one.time for one in table.series),
    )
    notes = tuple(note for note in table.notes if not note.startswith("not used"))
    labels, every = (None, False) if target is None else _labels(source, table, target, reading)
    together = None
    if groups is not None:
        known, changing = _labels(source, table, groups, reading)
        if changing:
            raise DataError(f"{groups!r} changes within a sequence, but a group is one value a sequence")
        together = np.array(known)
    return LongTable(sequences, target, labels, every, together, table.schema, notes)


def _labels(source: Any, table: Table, target: str, reading: dict[str, Any]) -> tuple[list[Any], bool]:
    """The labels: one a sequence, or an array of each sequence's rows."""
    schema = table.schema
    found = read_table(source, id=schema.id, time=schema.time, target=schema.targets[:1], past=[target], **reading)
    words = found.schema.categories.get(target)
    rows = [one.past[:, 0] for one in found.series]
    for one, labels in zip(found.series, rows, strict=True):
        if np.isnan(labels).any():
            raise DataError(
                f"{target!r} is missing in {np.isnan(labels).sum()} rows of {one.id!r}: every row needs its label"
            )
    every = any((labels != labels[0]).any() for labels in rows)
    if words is not None:
        named = [np.array([words[int(code)] for code in labels], dtype=object) for labels in rows]
    else:
        whole = all((labels == np.rint(labels)).all() for labels in rows)
        named = [labels.astype(np.int64) if whole else labels for labels in rows]
    return (named if every else [labels[0] for labels in named]), every


def _static(table: Table) -> tuple[Array | None, tuple[str, ...] | None]:
    """Numbers as they are; a word becomes a column for each that the schema knows."""
    columns, names = list[Array](), list[str]()
    for number, name in enumerate(table.schema.static):
        values = np.array([one.static[number] for one in table.series])
        words = table.schema.categories.get(name)
        if words is None:
            columns.append(values)
            names.append(name)
        else:
            columns += [(values == code).astype(float) for code in range(len(words))]
            names += [f"{name}={word}" for word in words]
    return (np.stack(columns, axis=1), tuple(names)) if columns else (None, None)


def _time(time: Array) -> Array:
    return (time - time[0]) / NANOSECONDS if time.dtype == np.int64 else time.astype(np.float64)


def _id(text: str, schema: Schema) -> Any:
    return int(text) if schema.id_kind == "integer" else float(text) if schema.id_kind == "number" else text


def _names(given: Names) -> Sequence[str]:
    """The names in an argument, which may hold several with commas between them."""
    if given is None:
        return []
    return [given, *[part.strip() for part in given.split(",")]] if isinstance(given, str) else list(given)
