"""`check`: what is in a table, before anything is trained on it, and which command to run next.

It reads all columns, describes duplicates and disorder instead of refusing them, and explains a column that can't be
read. What makes time itself unreadable (no time column, a missing stamp, an unclear date) still raises a `DataError`.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..drawing import Colours, Drawn
from ..errors import DataError
from . import advice
from .facts import ColumnFacts, column_facts, long_gaps
from .read.assemble import Rows, by_id, find_repeats, merge_duplicates, order_rows, steps_back
from .read.names import Roles, find_roles
from .read.notes import column_notes, gap_notes, rate_notes
from .read.table import Source, open_by, read_rows
from .read.times.zones import show
from .reading import Reading, reading_of
from .season import seasons
from .series import LARGEST, NANOSECONDS
from .stride import describe_step

Array = NDArray[Any]
MOST_DRAWN = 40  # columns in a picture


@dataclass(frozen=True)
class Check(Drawn):
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
    step: str  # what a forecaster takes for one, and why
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
    obstacle: str  # what must be done before a command can run; empty when nothing must
    command: str  # what to run next; empty when there is an obstacle

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
            return advice.duration(value) if self.kind == "timestamp" else f"{value:.12g}"

        zone = f" ({self.zone})" if self.zone else ""
        repeats = f"{self.duplicates:,}, of which {self.conflicts:,} differ in some column"
        found = [
            ("table", Path(self.source).name),
            ("rows", f"{self.row_count:,}"),
            ("series", f"{self.id_count:,} by '{self.id}'" if self.id is not None else "1, no id column"),
            ("time", f"'{self.time}', {self.start} to {self.end}{zone}"),
            ("typical gap", gap(self.typical_gap)),
            ("step", self.step),
            ("longer gaps", f"{self.long_gaps:,}, the longest {gap(self.longest_gap)}" if self.long_gaps else "none"),
            ("duplicates", repeats if self.duplicates else "none"),
            ("out of order", f"{self.unsorted:,} rows step back in time" if self.unsorted else "none"),
            ("missing", ", ".join(f"{name} {count:,}" for name, count in self.missing.items()) or "none"),
            ("could be forecast", self._choice()),
        ]
        if self.seasons:
            lags = ", ".join(f"{lag} steps ({gap(lag * self.typical_gap)})" for lag in self.seasons)
            found.append(("season", lags))
        found += [("unreadable", message) for message in self.unreadable.values()]
        found += [("note", note) for note in self.notes]
        return [*found, ("next", self.command or self.obstacle)]

    @property
    def pixels(self) -> tuple[int, int]:  # type: ignore[override]
        return 560, 70 + 22 * min(len(self.columns), MOST_DRAWN)

    def frame(self) -> Any:
        """A line a column: its facts."""
        import pandas as pd

        return pd.DataFrame([{"column": name, **asdict(fact)} for name, fact in self.columns.items()])

    def _repr_html_(self) -> str:
        """The findings as a table, as a notebook shows it."""
        rows = "".join(
            f'<tr><th style="text-align: left">{html.escape(what)}</th><td style="text-align: left">{html.escape(found)}</td></tr>'
            for what, found in self.rows()
        )
        return f"<table>{rows}</table>"

    def draw(self, figure: Any, colours: Colours) -> None:
        """How much of each column is there, and what stands out in it."""
        axes = figure.add_subplot()
        shown = list(self.columns.items())[:MOST_DRAWN]
        for row, (_, fact) in enumerate(shown):
            share = 100 * fact.observed / max(fact.observed + fact.missing, 1)
            axes.plot([0, 100], [-row, -row], color=colours["grid"], linewidth=7, solid_capstyle="butt")
            axes.plot([0, share], [-row, -row], color=colours["liquid1"], linewidth=7, solid_capstyle="butt")
            odd = fact.outliers + fact.zeros
            said = "constant" if fact.constant else f"{odd:,} far out" if odd else ""
            axes.text(102, -row, said, va="center", color=colours["static1"])
        axes.set_yticks([-row for row in range(len(shown))], [name for name, _ in shown])
        axes.tick_params("y", labelcolor=colours["ink"])
        axes.grid(False)
        axes.set_xlim(0, 118)
        axes.set_xticks([0, 50, 100])
        axes.set_xlabel(f"% of {self.row_count:,} rows in which the column has a value")

    def _choice(self) -> str:
        if len(self.targets) < 2:
            return ", ".join(self.targets) or "no column of numbers"
        return f"{', '.join(self.targets)} (--target NAME chooses)"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, numbers and texts, None for NaN: ready for JSON."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def check(source: Any, **options: Any) -> Check:
    """Describe a table; the options are those of `read_table`, and the suggested ones start from them.

    >>> found = tauflow.check({"ds": ["2024-05-01", "2024-05-02", "2024-05-03", "2024-05-06"], "y": [3, None, 5, 4]})  # a Check
    >>> found.missing, found.long_gaps, found.longest_gap  # seconds
    ({'y': 1}, 1, 259200.0)
    >>> found.columns["y"]
    ColumnFacts(observed=3, missing=1, low=3.0, high=5.0, constant=False, outliers=0, furthest=nan, zeros=0)
    """
    given = reading_of(options)
    look = _Look(open_by(source, given), given.settled())
    rows, failures = look.all_columns()
    notes: list[str] = []
    if look.roles.id is None and (columns := advice.find_ids(rows)):
        look = _Look(look.source, replace(look.reading, id=",".join(columns)))
        rows, failures = look.all_columns()
        shown = " and ".join(f"'{name}'" for name in columns)
        notes.append(f"the rows of one time differ in {shown}: read as the id, give id='{','.join(columns)}'")
    for name, categories in list(rows.schema.categories.items()):
        if why := advice.with_units(name, categories):
            failures[name] = why
            del rows.columns[name]
    for name, column in list(rows.columns.items()):
        if (beyond := np.abs(column) > LARGEST).any():
            failures[name] = (
                f"column '{name}' has {column[beyond][0]:g}, too large to be computed with: divide the column"
            )
            del rows.columns[name]
    roles = look.roles
    for name in look.source.repeated():
        failures[name] = f"'{name}' stands more than once in the header: rename one of them"
    if not roles.targets:
        roles = replace(roles, targets=advice.likely_targets(rows, roles))
    label = str(source) if isinstance(source, str | os.PathLike) else "data.csv"
    return _describe(label, look, rows, roles, failures, notes, given)


@dataclass(frozen=True)
class _Look:
    """A source, and how it is read."""

    source: Source
    reading: Reading

    @property
    def roles(self) -> Roles:
        return find_roles(
            self.source.sample(), self.source.label, self.source.repeated(), self.reading, needs_target=False
        )

    def all_columns(self) -> tuple[Rows, dict[str, str]]:
        """Every column but id and time, whatever its role; and why some could not be read."""
        roles = self.roles
        failures: dict[str, str] = {}
        heads = {*roles.id_columns, *(roles.parts or (roles.time,)), *self.source.repeated()}
        others = tuple(name for name in self.source.names if name not in heads)
        everything = replace(roles, targets=(), past=others, future=(), static=())
        return read_rows(self.source, everything, self.reading, failures), failures

    def unit(self, rows: Rows) -> tuple[str | None, str | None]:
        """The unit of an epoch that was read as numbers, once it is proved that it can be read so; or why it can't."""
        unit = advice.likely_unit(rows)
        if unit is None or self.reading.time_unit is not None:
            return None, None
        alone = replace(self.roles, id=None, id_parts=(), targets=(), past=(), future=(), static=())
        try:
            read_rows(self.source, alone, replace(self.reading, time_unit=unit))
        except DataError as error:
            return None, f"time looks like an epoch in {unit}, but: {error}"
        return unit, None


def _describe(
    label: str,
    look: _Look,
    rows: Rows,
    roles: Roles,
    failures: dict[str, str],
    notes: list[str],
    given: Reading,
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
    unit, why_no_unit = look.unit(rows)
    notes = [
        *notes,
        *(note for note in rows.notes if why_no_unit is None or "time_unit=" not in note),
        *((why_no_unit,) if why_no_unit else ()),
        *(note for name, fact in facts.items() for note in column_notes(name, fact, rows.schema.categories.get(name))),
        *rate_notes(facts),
        *gap_notes(unique),
    ]
    lost = _lost_targets(rows, roles.targets, given)
    conflicts = repeats.conflicts if repeats is not None else 0
    options = advice.options(given, roles, rows, conflicts, unit)
    known = _known(unique, roles.targets)
    obstacle = advice.obstacle(roles.targets, rows, failures, known, lost)
    if not obstacle and known.sum() < advice.FEW_ROWS:
        notes.append(f"{known.sum()} rows are few: a comparison of them tells little")
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
        step=_step(unique),
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
        obstacle=obstacle,
        command="" if obstacle else advice.command(label, options, advice.horizon(season, int(known.max()))),
    )


def _known(unique: Rows, targets: tuple[str, ...]) -> Array:
    """(ids,) rows that have a value of the first target."""
    if not targets or targets[0] not in unique.columns:
        return np.bincount(unique.codes)
    return np.bincount(unique.codes[~np.isnan(unique.columns[targets[0]])], minlength=len(unique.ids))


def _lost_targets(rows: Rows, targets: tuple[str, ...], given: Reading) -> int:
    """Rows whose target a rule for repeated times would drop, where they are too many to drop unasked."""
    if given.duplicates not in (None, "error") or not targets or targets[0] not in rows.columns:
        return 0
    repeats = find_repeats(replace(rows, columns={targets[0]: rows.columns[targets[0]]}))
    lost = repeats.conflicts if repeats is not None else 0
    return lost if lost > max(1, advice.MOST_DROPPED * len(rows.time)) else 0


def _show(rows: Rows, time: Any) -> str:
    return show(time) if rows.schema.kind == "timestamp" else f"{float(time):.17g}"


def _unit(rows: Rows) -> float:
    """Ticks of `time` per second, or per unit of a numeric time."""
    return float(NANOSECONDS) if rows.schema.kind == "timestamp" else 1.0


def _gaps(rows: Rows) -> Array:
    """Gaps within ids, rows in order and unique."""
    same = rows.codes[1:] == rows.codes[:-1]
    gaps: Array = np.diff(rows.time)[same] / _unit(rows)
    return gaps


def _step(rows: Rows) -> str:
    parts = np.split(rows.time, np.nonzero(np.diff(rows.codes))[0] + 1)
    return describe_step(parts, rows.schema.zone)


def _seasons(rows: Rows, targets: tuple[str, ...], typical: float) -> tuple[int, ...]:
    """Of the first target, in the id with most rows."""
    first = targets[0] if targets else ""
    if rows.schema.kind != "timestamp" or first not in rows.columns or first in rows.schema.categories:
        return ()
    longest = int(np.bincount(rows.codes).argmax())
    start, end = np.searchsorted(rows.codes, [longest, longest + 1]).tolist()
    seconds = (rows.time[start:end] - rows.time[start]) / NANOSECONDS
    return seasons(seconds, rows.columns[first][start:end], typical)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
