"""A table after reading: one `Series` per id, a `Schema` of names, and `notes` on what the reader did or saw.

time    (T,) int64 nanoseconds UTC (1970 = 0), or float64 when time is a plain number; strictly increasing
y       (T, targets) what is to be forecast; NaN = missing
past    (T, P) known up to now only
future  (T, F) known for the future too; rows after the last known y carry NaN in y
static  (S,) one number per id

A naive time stamp without a zone is counted as if it were UTC. Nothing is ever resampled: gaps stay gaps.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError, TimeError
from .facts import Facts, column_facts, long_gaps

Array = NDArray[Any]
Duplicates = Literal["error", "last", "first", "mean"]
NANOSECONDS = 1_000_000_000
LARGEST = 1e300  # a value; beyond, spreads and forecasts overflow
UNSEEN = -1.0  # the code of a category that the schema does not know


@dataclass(frozen=True)
class Schema:
    """The names of a table's columns and how they were read, for a second table of the same kind.

    `read_table(..., schema=)` reads by it and `parse_times` reads single moments by it. Every field is plain JSON. How
    the text was written (from `code` on) is no part of what the table means: two schemas may differ in it and be equal.

    >>> schema = tauflow.read_table({"day": ["01/02/2024", "13/02/2024"], "load": [3, 4]}, time="day", target="load").schema
    >>> schema.time, schema.targets, schema.dayfirst
    ('day', ('load',), True)
    >>> later = tauflow.read_table({"day": ["02/03/2024"], "load": [5]}, schema=schema)
    >>> later.series[0].time.astype("datetime64[ns]").astype("datetime64[D]").tolist()  # 2 March
    [datetime.date(2024, 3, 2)]
    """

    id: str | None
    time: str
    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    kind: Literal["timestamp", "number"] = "timestamp"
    zone: str | None = None  # IANA name of the stamps' clock; None = naive stamps
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # text column -> code 0, 1, ...
    time_unit: str | None = None  # "s", "ms", "us", "ns" when the time column is an epoch
    aware: bool | None = None  # did the stamps carry an offset or a zone? None where time is a plain number
    code: str | None = field(default=None, compare=False)  # "YYYYMM", "excel", ... when dates are written as numbers
    dayfirst: bool | None = field(default=None, compare=False)  # as proved or said; None where no date left it open
    decimal: Literal[".", ","] | None = field(default=None, compare=False)  # as proved or said
    delimiter: str | None = field(default=None, compare=False)  # as said
    id_kind: Literal["text", "integer", "number"] = field(
        default="text", compare=False
    )  # of ids, which a series holds as text
    duplicates: Duplicates = field(default="error", compare=False)
    unsorted: Literal["sort", "error"] = field(default="sort", compare=False)

    @property
    def values(self) -> tuple[str, ...]:
        """Every column that holds values: targets, past, future, static, in this order."""
        return (*self.targets, *self.past, *self.future, *self.static)


@dataclass(frozen=True, eq=False)
class Series:
    """One id's rows in order of time.

    >>> series, = tauflow.read_table({"ds": ["2024-05-01", "2024-05-02"], "y": [3, 4]}).series
    >>> series.time.dtype, series.gaps().tolist(), series.y.shape
    (dtype('int64'), [0.0, 86400.0], (2, 1))
    """

    id: str
    time: Array  # (T,)
    y: Array  # (T, targets)
    past: Array  # (T, P)
    future: Array  # (T, F)
    static: Array  # (S,)

    def __post_init__(self) -> None:
        rows = len(self.time)
        for name in ("y", "past", "future"):
            shape = getattr(self, name).shape
            if len(shape) != 2 or shape[0] != rows:
                raise ShapeError(
                    f"series '{self.id}': {name} has shape {shape}, but time has {rows} rows; "
                    f"expected ({rows}, columns)"
                )
        if not bool((self.time[1:] > self.time[:-1]).all()):
            raise TimeError(f"series '{self.id}': time must increase strictly; sort it and drop repeated times")

    def __len__(self) -> int:
        return len(self.time)

    def gaps(self) -> Array:
        """(T,) seconds, or units of a numeric time, since the previous row; 0 for the first row."""
        gaps = np.zeros(len(self.time))
        step = np.diff(self.time)
        gaps[1:] = step / NANOSECONDS if self.time.dtype == np.int64 else step
        return gaps

    def typical_gap(self) -> float:
        """The median gap; NaN when there are fewer than two rows."""
        return float(np.median(self.gaps()[1:])) if len(self.time) > 1 else float("nan")


@dataclass(frozen=True, eq=False)
class Table:
    """All series of one table, in the order of their ids.

    >>> table = tauflow.read_table({"time": [0.0, 1.0, 2.5], "y": [3, 4, 5]}, time_unit="number")
    >>> facts, = table.describe()  # one Facts a series
    >>> facts.rows, facts.typical_gap, len(table.fingerprint)
    (3, 1.25, 16)
    """

    series: tuple[Series, ...]
    schema: Schema
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.series)

    @property
    def fingerprint(self) -> str:
        """16 hex digits of the SHA-256 of all that was read: names of columns, ids, times and values, to the bit."""
        digest = hashlib.sha256(repr((self.schema.time, self.schema.values, dict(self.schema.categories))).encode())
        for one in self.series:
            digest.update(repr((one.id, len(one))).encode())
            for values in (one.time, one.y, one.past, one.future, one.static):
                digest.update(np.ascontiguousarray(values + 0.0 if values.dtype.kind == "f" else values).tobytes())
        return digest.hexdigest()[:16]

    def describe(self) -> list[Facts]:
        """What is in each series: rows, gaps, and per column missing, constant and outlying values."""
        names = (*self.schema.targets, *self.schema.past, *self.schema.future)
        found = []
        for one in self.series:
            gaps = one.gaps()
            count, longest = long_gaps(gaps[1:])
            block = np.concatenate([one.y, one.past, one.future], axis=1)  # (T, columns)
            found.append(
                Facts(
                    id=one.id,
                    rows=len(one),
                    start=one.time[0].item(),
                    end=one.time[-1].item(),
                    typical_gap=one.typical_gap(),
                    long_gaps=count,
                    longest_gap=longest,
                    columns={
                        name: column_facts(block[:, k], categorical=name in self.schema.categories)
                        for k, name in enumerate(names)
                    },
                )
            )
        return found
