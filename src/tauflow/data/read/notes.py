"""Sentences about a table's values: constant and oddly scaled columns, columns and ids observed at different rates."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..facts import OUTLIER, ColumnFacts, column_facts
from .assemble import Rows

Array = NDArray[Any]
RARE = 1 / 3  # of the rows of the column that is observed most
UNEVEN = 1.5  # between the typical gaps of two ids


def value_notes(rows: Rows) -> list[str]:
    """All of them, over all ids together."""
    schema = rows.schema
    facts = {
        name: column_facts(column, categorical=name in schema.categories)
        for name, column in rows.columns.items()
        if name not in schema.static
    }
    notes = [note for name, fact in facts.items() for note in column_notes(name, fact, schema.categories.get(name))]
    return notes + rate_notes(facts) + gap_notes(rows)


def column_notes(name: str, fact: ColumnFacts, categories: tuple[str, ...] | None = None) -> list[str]:
    notes = []
    if fact.observed == 0 and fact.missing:
        notes.append(f"'{name}' has no value at all")
    if fact.constant:
        value = f"{fact.low:g}" if categories is None or fact.low < 0 else f"'{categories[int(fact.low)]}'"
        notes.append(f"'{name}' is constant: {value} in every row")
    if fact.outliers:
        notes.append(
            f"'{name}' has {fact.outliers:,} values beyond {OUTLIER:g} robust scales, the furthest {fact.furthest:g}"
        )
    if fact.zeros:
        notes.append(f"'{name}' is exactly 0 in {fact.zeros:,} rows and far from 0 in all others: missing values?")
    return notes


def rate_notes(facts: dict[str, ColumnFacts]) -> list[str]:
    """Columns observed much more rarely than the fullest one."""
    most = max((fact.observed for fact in facts.values()), default=0)
    return [
        f"mixed rates: '{name}' is observed in 1 of {most / fact.observed:.1f} rows"
        for name, fact in facts.items()
        if 0 < fact.observed < RARE * most
    ]


def gap_notes(rows: Rows) -> list[str]:
    """Ids whose typical gaps differ. Rows are in order."""
    if len(rows.ids) < 2:
        return []
    bounds = np.searchsorted(rows.codes, np.arange(len(rows.ids) + 1)).tolist()
    typical = [
        (float(np.median(np.diff(rows.time[a:b]))), name)
        for name, a, b in zip(rows.ids, bounds[:-1], bounds[1:], strict=True)
        if b - a > 1
    ]
    if not typical or max(typical)[0] <= UNEVEN * min(typical)[0]:
        return []
    (low, fast), (high, slow) = min(typical), max(typical)
    unit = 1e9 if rows.schema.kind == "timestamp" else 1.0
    word = " s" if rows.schema.kind == "timestamp" else ""
    return [f"mixed rates: typical gap {low / unit:g}{word} for id '{fast}', {high / unit:g}{word} for id '{slow}'"]
