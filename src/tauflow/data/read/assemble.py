"""Typed columns to series: order by id and time, merge rows that repeat an (id, time), cut into one series per id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..series import Duplicates, Schema, Series
from .times.zones import show

Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """A table by columns, all of length n. `ids[codes[i]]` is the id of row i."""

    codes: Array  # (n,) int32
    ids: tuple[str, ...]
    time: Array  # (n,) int64 nanoseconds or float64
    columns: dict[str, Array]  # (n,) float64 each
    schema: Schema
    notes: list[str]

    def take(self, rows: Array) -> Rows:
        columns = {name: column[rows] for name, column in self.columns.items()}
        return replace(self, codes=self.codes[rows], time=self.time[rows], columns=columns)

    def place(self, row: int) -> str:
        """Id and time of a row, for a message."""
        time = show(self.time[row]) if self.schema.kind == "timestamp" else f"{self.time[row]:.17g}"
        name = self.ids[self.codes[row]]
        return f"id '{name}' at {time}" if name else f"at {time}"


def order_rows(rows: Rows, unsorted: Literal["sort", "error"], notes: list[str]) -> Rows:
    """Rows by id, then time; rows of equal (id, time) keep their order."""
    rows = by_id(rows)
    back = steps_back(rows)
    if len(back) == 0:
        return rows
    if unsorted == "error":
        raise DataError(
            f"{len(back):,} rows step back in time, the first {rows.place(int(back[0]))}; sort them, "
            f"or say unsorted='sort'"
        )
    notes.append(f"{len(back):,} rows stepped back in time: sorted")
    return rows.take(np.lexsort((rows.time, rows.codes)))


def by_id(rows: Rows) -> Rows:
    """Rows of one id together, in their order."""
    if bool((rows.codes[1:] >= rows.codes[:-1]).all()):
        return rows
    return rows.take(np.argsort(rows.codes, kind="stable"))


def steps_back(rows: Rows) -> Array:
    """Indices of rows earlier than the row before of the same id; rows are grouped by id."""
    return np.flatnonzero((rows.time[1:] < rows.time[:-1]) & (rows.codes[1:] == rows.codes[:-1])) + 1


@dataclass(frozen=True)
class Repeats:
    """Of ordered rows: which repeat the (id, time) of the row before, where each group starts, which groups differ."""

    repeat: Array  # (n,) bool
    first: Array  # (n,) index of the first row of the same (id, time)
    conflict: Array  # (n,) bool, repeats in a group whose rows differ in a column used

    @property
    def total(self) -> int:
        return int(self.repeat.sum())

    @property
    def conflicts(self) -> int:
        return int(self.conflict.sum())


def find_repeats(rows: Rows) -> Repeats | None:
    """None when every (id, time) stands once."""
    repeat = np.zeros(len(rows.time), dtype=bool)
    repeat[1:] = (rows.time[1:] == rows.time[:-1]) & (rows.codes[1:] == rows.codes[:-1])
    if not repeat.any():
        return None
    first = np.maximum.accumulate(np.where(repeat, 0, np.arange(len(repeat))))
    again = np.flatnonzero(repeat)
    differs = np.zeros(len(again), dtype=bool)
    for column in rows.columns.values():
        one, other = column[again], column[first[again]]
        differs |= (one != other) & ~(np.isnan(one) & np.isnan(other))
    groups = np.zeros(len(repeat), dtype=bool)
    groups[first[again[differs]]] = True
    return Repeats(repeat, first, repeat & groups[first])


def merge_duplicates(rows: Rows, rule: Duplicates, notes: list[str]) -> Rows:
    """One row per (id, time)."""
    repeats = find_repeats(rows)
    if repeats is None:
        return rows
    if repeats.conflicts and rule == "error":
        row = int(repeats.conflict.argmax())
        raise DataError(
            f"{repeats.conflicts:,} rows repeat an (id, time) with other values, the first {rows.place(row)}; "
            + ("is there an id column to name with id=? Otherwise " if rows.schema.id is None else "")
            + "say duplicates='last', 'first' or 'mean'"
        )
    equal = repeats.total - repeats.conflicts
    if equal:
        notes.append(f"{equal:,} duplicate timestamps with equal values: merged")
    if repeats.conflicts:
        kept = "took the mean" if rule == "mean" else f"kept the {rule}"
        notes.append(f"{repeats.conflicts:,} duplicate timestamps: {kept}")
    last = np.append(~repeats.repeat[1:], True)
    if rule == "mean" and repeats.conflicts:
        return _mean(rows, np.flatnonzero(~repeats.repeat), np.flatnonzero(last))
    return rows.take(np.flatnonzero(last if rule == "last" else ~repeats.repeat))


def _mean(rows: Rows, starts: Array, last: Array) -> Rows:
    """The mean of what is observed in each group; categories keep the last row's."""
    merged = rows.take(last)
    for name, column in rows.columns.items():
        if name in rows.schema.categories:
            continue
        size = np.add.reduceat((~np.isnan(column)).astype(np.float64), starts)
        share = np.nan_to_num(column) / np.repeat(np.maximum(size, 1), np.diff(np.append(starts, len(column))))
        merged.columns[name] = np.where(size > 0, np.add.reduceat(share, starts), np.nan)
    return merged


def split(rows: Rows) -> tuple[Series, ...]:
    """One series per id."""
    schema = rows.schema
    y, past, future, static = (
        _block(rows, names) for names in (schema.targets, schema.past, schema.future, schema.static)
    )
    bounds = np.searchsorted(rows.codes, np.arange(len(rows.ids) + 1))
    return tuple(
        Series(
            id=name,
            time=rows.time[a:b],
            y=y[a:b],
            past=past[a:b],
            future=future[a:b],
            static=_constant(name, static[a:b], schema.static),
        )
        for name, a, b in zip(rows.ids, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    )


def _block(rows: Rows, names: Sequence[str]) -> Array:
    """(n, names) float64."""
    if len(names) == 1:
        return rows.columns[names[0]].reshape(-1, 1)
    block = np.empty((len(rows.time), len(names)))
    for k, name in enumerate(names):
        block[:, k] = rows.columns[name]
    return block


def _constant(series: str, block: Array, names: Sequence[str]) -> Array:
    """(S,) the one value of each static column of a series; NaN where none is known."""
    found = np.full(len(names), np.nan)
    for k, name in enumerate(names):
        seen = block[:, k][~np.isnan(block[:, k])]
        if len(seen) and (seen != seen[0]).any():
            other = seen[(seen != seen[0]).argmax()]
            raise DataError(
                f"static column '{name}' changes within id '{series}' ({seen[0]:g}, then {other:g}); "
                f"name it in past= or future="
            )
        found[k] = seen[0] if len(seen) else np.nan
    return found
