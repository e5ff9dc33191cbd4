"""Three streams: rows to learn from, rows that come, and a shift in their middle.

traffic        one series, hourly, h 24: from the middle on a third of the lanes is closed, volume x 0.6, or a toll is lifted, + 1600
rates          USD, JPY, GBP daily, h 5: nothing is made up; JPY changes its unit, x 1.25, as the shift
half_cheetah   17 readings of a simulated robot, h 5: from the middle on one sensor is turned round and another reads 1.5 x + 0.5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tauflow import datasets, read_table
from tauflow.data import Series, Table
from tauflow.data.series import Array

from ..paper.data import Files
from ..paper.tasks import half_cheetah

COMING = 2400  # rows of a stream, the shift in its middle


@dataclass(frozen=True, eq=False)
class Stream:
    """One series of a table, cut: `known` to learn from, `coming` to be fed; `shifts` change the values from row `at` of `coming` on."""

    h: int
    known: Table
    coming: Table
    shifts: dict[str, Callable[[Array], Array]]

    @property
    def at(self) -> int:
        return len(self.coming.series[0]) // 2

    def shifted(self, name: str) -> Table:
        """What comes, with a shift by name; "none" is as it was recorded."""
        return self.coming if name == "none" else with_y(self.coming, self.shifts[name], self.at)

    def together(self, name: str, rows: int) -> Table:
        """Known rows and the first `rows` that come."""
        return joined(self.known, cut(self.shifted(name), 0, rows))

    def always(self, name: str) -> Table:
        """The known rows as if the shift had been there all along, and the rows before it too."""
        whole = joined(self.known, cut(self.coming, 0, self.at))
        return whole if name == "none" else with_y(whole, self.shifts[name], 0)


def traffic(files: Files) -> Stream:
    table = read_table(datasets.traffic()[["ds", "volume"]], target="volume", duplicates="first")
    rows = len(table.series[0])
    known = int(0.75 * rows)
    return Stream(
        24,
        cut(table, 0, known),
        cut(table, known, known + COMING),
        {"x 0.6": lambda y: 0.6 * y, "+ 1600": lambda y: y + 1600},
    )


def rates(files: Files) -> Stream:
    table = read_table(datasets.ecb_rates()[["ds", "USD", "JPY", "GBP"]], target=["USD", "JPY", "GBP"])
    known = len(table.series[0]) - COMING
    return Stream(
        5, cut(table, 0, known), cut(table, known, known + COMING), {"JPY x 1.25": lambda y: y * [1, 1.25, 1]}
    )


def half_cheetahs(files: Files) -> Stream:
    """The recordings one after the other, as one long one."""
    paths = files.get(half_cheetah.NAMES, half_cheetah.SHA256, half_cheetah.SOURCE)
    y = np.concatenate([np.load(path) for path in paths[:11]]).astype(float)
    frame = {"ds": np.arange(len(y), dtype=float), **{f"s{k}": y[:, k] for k in range(17)}}
    table = read_table(frame, target=[f"s{k}" for k in range(17)], time_unit="number")
    known = len(y) - COMING

    def changed(values: Array) -> Array:
        values = values.copy()
        values[:, 3], values[:, 10] = 1.5 * values[:, 3] + 0.5, -values[:, 10]
        return values

    return Stream(5, cut(table, 0, known), cut(table, known, known + COMING), {"two sensors": changed})


SETS = {"traffic": traffic, "rates": rates, "half_cheetah": half_cheetahs}


def cut(table: Table, first: int, end: int) -> Table:
    """Rows first..end of a table of one series."""
    one = table.series[0]
    here = slice(first, end)
    part = Series(one.id, one.time[here], one.y[here], one.past[here], one.future[here], one.static)
    return replace(table, series=(part,), notes=())


def joined(first: Table, second: Table) -> Table:
    a, b = first.series[0], second.series[0]
    parts = {name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("time", "y", "past", "future")}
    return replace(first, series=(Series(a.id, static=a.static, **parts),))


def with_y(table: Table, change: Callable[[Array], Array], at: int) -> Table:
    one = table.series[0]
    return replace(table, series=(replace(one, y=np.concatenate([one.y[:at], change(one.y[at:])])),))
