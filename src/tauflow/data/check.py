"""`check`: what is in a table, before anything is trained on it, and which command to run next.

It reads all columns, describes duplicates and disorder instead of refusing them, and explains a column that can't be
read. What makes time itself unreadable (no time column, a missing stamp, an unclear date) still raises a `DataError`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..data import advice
from .facts import ColumnFacts, column_facts, long_gaps
from .read.assemble import Duplicates, Rows, by_id, find_repeats, merge_duplicates, order_rows, steps_back
from .read.chunk import Chunk
from .read.names import Names, Roles, as_names, find_roles
from .read.notes import column_notes, gap_notes, rate_notes
from .read.numerals import Decimal
from .read.table import Options, Source, check_choice, make_options, open_source, read_rows
from .read.timestamps import show
from .season import seasons
from .series import NANOSECONDS, Schema

Array = NDArray[Any]


@dataclass(frozen=True)
class Check:
    """Facts about a table. Gaps are in seconds, or in units of a numeric time; counts are of rows."""

    source: str
    row_count: int
    id_count: int
    id: str | None
    time: str
    kind: str
    zone: str | None
    start: str
    end: str
    typical_gap: float
    long_gaps: int  # over 1.5 typical gaps
    longest_gap: float
    duplicates: int  # rows that repeat an (id, time)
    conflicts: int  # of these, rows that differ in some column
    unsorted: int  # rows that step back in time
    columns: Mapping[str, ColumnFacts]
    categories: Mapping[str, tuple[str, ...]]
    unreadable: Mapping[str, str]  # column: why
    targets: tuple[str, ...]  # what could be forecast, the likeliest first
    seasons: tuple[int, ...]  # of the first target, in typical gaps
    notes: tuple[str, ...]
    options: Mapping[str, Any]  # for read_table
    command: str

    @property
    def missing(self) -> dict[str, int]:
        """Missing values of the columns that have any."""
        return {name: fact.missing for name, fact in self.columns.items() if fact.missing}

    @property
    def constant(self) -> tuple[str, ...]:
        return tuple(name for name, fact in self.columns.items() if fact.constant)

    @property
    def outliers(self) -> dict[str, int]:
        """Values beyond 20 robust scales, and suspicious zeros, by column."""
        counts = {name: fact.outliers + fact.zeros for name, fact in self.columns.items()}
        return {name: count for name, count in counts.items() if count}

    def rows(self) -> list[tuple[str, str]]:
        """(what, finding), in the order to show them."""

        def gap(value: float) -> str:
            return advice.duration(value) if self.kind == "timestamp" else f"{value:g}"

        zone = f" ({self.zone})" if self.zone else ""
        repeats = f"{self.duplicates:,}, of which {self.conflicts:,} differ in some column"
        found = [
            ("table", Path(self.source).name),
            ("rows", f"{self.row_count:,}"),
            ("series", f"{self.id_count:,} by '{self.id}'" if self.id is not None else "1, no id column"),
            ("time", f"'{self.time}', {self.start} to {self.end}{zone}"),
            ("typical gap", gap(self.typical_gap)),
            ("longer gaps", f"{self.long_gaps:,}, the longest {gap(self.longest_gap)}" if self.long_gaps else "none"),
            ("duplicates", repeats if self.duplicates else "none"),
            ("out of order", f"{self.unsorted:,} rows step back in time" if self.unsorted else "none"),
            ("missing", ", ".join(f"{name} {count:,}" for name, count in self.missing.items()) or "none"),
            ("could be forecast", ", ".join(self.targets) or "no column of numbers"),
        ]
        if self.seasons:
            lags = ", ".join(f"{lag} steps ({gap(lag * self.typical_gap)})" for lag in self.seasons)
            found.append(("season", lags))
        found += [("unreadable", message) for message in self.unreadable.values()]
        found += [("note", note) for note in self.notes]
        return [*found, ("next", self.command)]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and texts, None for NaN: ready for JSON."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain


def check(
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
) -> Check:
    """Describe a table; the options are those of `read_table`, and the suggested ones start from them."""
    check_choice("duplicates", duplicates, ("error", "last", "first", "mean"))
    check_choice("unsorted", unsorted, ("sort", "error"))
    given = {
        "id": id, "time": time, "target": target, "past": past, "future": future, "static": static,
        "duplicates": duplicates, "time_unit": time_unit, "zone": zone, "dayfirst": dayfirst, "decimal": decimal,
        "delimiter": delimiter,
    }  # fmt: skip
    found = open_source(source, delimiter)
    sample = found.sample()
    taken = {id, time, *as_names(past), *as_names(future), *as_names(static), *found.repeated()}
    candidates = advice.likely_targets(sample, taken, time) if target is None and schema is None else target
    roles = find_roles(
        sample, found.label, found.repeated(), schema, id, time, candidates or None, past, future, static
    )
    label = str(source) if isinstance(source, str | Path) else "data.csv"
    options = make_options(time_unit, zone, dayfirst, decimal, schema)
    failures: dict[str, str] = {}
    rows = _read_all(found, sample, roles, options, failures)
    if candidates is not target:
        roles = dataclasses.replace(roles, targets=advice.useful_targets(roles, rows))
    return _describe(label, rows, roles, failures, sorted(found.repeated()), given)


def _read_all(
    found: Source, sample: Mapping[str, Chunk], roles: Roles, options: Options, failures: dict[str, str]
) -> Rows:
    """Every column but id and time, whatever its role."""
    others = tuple(n for n in sample if n not in (roles.id, roles.time) and n not in found.repeated())
    everything = dataclasses.replace(roles, targets=(), past=others, future=(), static=())
    return read_rows(found, everything, options, failures)


def _describe(
    label: str, rows: Rows, roles: Roles, failures: dict[str, str], repeated: list[str], given: dict[str, Any]
) -> Check:
    rows = by_id(rows)
    back = len(steps_back(rows))
    rows = order_rows(rows, "sort", [])
    repeats = find_repeats(rows)
    facts = {name: column_facts(column, name in rows.schema.categories) for name, column in rows.columns.items()}
    unique = merge_duplicates(rows, "last", [])
    gaps = _gaps(unique)
    typical = float(np.median(gaps)) if len(gaps) else float("nan")
    count, longest = long_gaps(gaps)
    season = _seasons(unique, roles.targets, typical)
    conflicts = repeats.conflicts if repeats is not None else 0
    notes = [
        *rows.notes,
        *(note for name, fact in facts.items() for note in column_notes(name, fact, rows.schema.categories.get(name))),
    ]
    notes += [*rate_notes(facts), *gap_notes(unique)]
    notes += [f"'{name}' stands more than once in the header: passed over" for name in repeated]
    options = advice.options(given, roles, rows, conflicts)
    return Check(
        source=label,
        row_count=len(rows.time),
        id_count=len(rows.ids),
        id=roles.id,
        time=roles.time,
        kind=rows.schema.kind,
        zone=rows.schema.zone,
        start=_show(rows, rows.time.min()),
        end=_show(rows, rows.time.max()),
        typical_gap=typical,
        long_gaps=count,
        longest_gap=longest,
        duplicates=repeats.total if repeats is not None else 0,
        conflicts=conflicts,
        unsorted=back,
        columns=facts,
        categories=dict(rows.schema.categories),
        unreadable=failures,
        targets=roles.targets,
        seasons=season,
        notes=tuple(notes),
        options=options,
        command=advice.command(label, options, season, len(unique.time)),
    )


def _show(rows: Rows, time: Any) -> str:
    return show(time) if rows.schema.kind == "timestamp" else f"{float(time):g}"


def _unit(rows: Rows) -> float:
    """Ticks of `time` per second, or per unit of a numeric time."""
    return float(NANOSECONDS) if rows.schema.kind == "timestamp" else 1.0


def _gaps(rows: Rows) -> Array:
    """Gaps within ids, rows in order and unique."""
    same = rows.codes[1:] == rows.codes[:-1]
    gaps: Array = np.diff(rows.time)[same] / _unit(rows)
    return gaps


def _seasons(rows: Rows, targets: tuple[str, ...], typical: float) -> tuple[int, ...]:
    """Of the first target, in the id with most rows."""
    if rows.schema.kind != "timestamp" or not targets or targets[0] not in rows.columns:
        return ()
    longest = int(np.bincount(rows.codes).argmax())
    start, end = np.searchsorted(rows.codes, [longest, longest + 1]).tolist()
    seconds = (rows.time[start:end] - rows.time[start]) / NANOSECONDS
    return seasons(seconds, rows.columns[targets[0]][start:end], typical)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
