"""Which part of a window each of its numbers belongs to, and what that number is as usual.

    column   targets, past and future columns by name, "calendar", "series" (static columns), "gaps"
    cell     a column at a row of the context; what lies further back counts to its first row; of the moment asked about: a cell more

As usual: targets and columns at their median on the training part (0, scaled), no change, every hour and weekday alike, gaps of one
step. Flags say what was measured and stay; the moment asked about stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.series import Array
from ...windows.encoder import Encoder
from ...windows.windows import Windows

NOBODY = -1
PARTS = ("x", "query", "history", "dt", "age")  # of a batch, that a part may own


@dataclass(frozen=True, eq=False)
class Columns:
    """names of the columns; of x and of a query, the column of each feature (NOBODY: it stays) and its usual value."""

    names: tuple[str, ...]
    x: NDArray[np.int64]
    query: NDArray[np.int64]
    x_usual: Array
    query_usual: Array
    calendar: int
    series: int
    gaps: int


def columns_of(encoder: Encoder) -> Columns:
    """The order of features is that of `Windows` and of `queries`."""
    schema = encoder.schema
    others = (*schema.past, *schema.future)
    targets = len(schema.targets)
    names = (*schema.targets, *others, "calendar", "series", "gaps")
    calendar, series, gaps = (len(names) - k for k in (3, 2, 1))
    of_targets = list(range(targets))
    of_others, usual = _exogenous(encoder, others, targets)
    rhythm = _calendar(encoder)
    static, static_usual = [series] * encoder.statics, _static(encoder)
    flags = [NOBODY] * (targets + len(others))
    x = [*of_targets, *of_others, *flags, *of_targets, *static, *[calendar] * len(rhythm)]
    x_usual = [*[0.0] * targets, *usual, *[0.0] * (len(flags) + targets), *static_usual, *rhythm]
    first = targets + len(schema.past)
    of_future, future_usual = _exogenous(encoder, schema.future, first)
    lags = len(encoder.lags) + 1
    anchors = [target for target in of_targets for _ in range(lags)]
    query = [NOBODY, NOBODY, *[calendar] * len(rhythm), *of_future, *[NOBODY] * len(schema.future), *static, *anchors]
    query_usual = [0.0, 0.0, *rhythm, *future_usual, *[0.0] * len(schema.future), *static_usual, *[0.0] * len(anchors)]
    query, query_usual = [*query, *[NOBODY] * len(anchors)], [*query_usual, *[0.0] * len(anchors)]
    return Columns(
        names, np.array(x), np.array(query), np.array(x_usual, np.float32), np.array(query_usual, np.float32), calendar, series,
        gaps,
    )  # fmt: skip


def _exogenous(encoder: Encoder, names: tuple[str, ...], first: int) -> tuple[list[int], list[float]]:
    """Numbers first, then the columns of the categories, each category as likely as the others."""
    owners = [first + k for k, name in enumerate(names) if name not in encoder.shown]
    usual = [0.0] * len(owners)
    for k, name in enumerate(names):
        if name in encoder.shown:
            width = len(encoder.shown[name])
            owners += [first + k] * width
            usual += [1 / max(width, 1)] * width
    return owners, usual


def _calendar(encoder: Encoder) -> list[float]:
    """Waves have the mean zero; each weekday comes once in seven."""
    calendar = encoder.calendar
    return [0.0] * 8 * calendar.day + [1 / 7] * 7 * calendar.week + [0.0] * 4 * calendar.year


def _static(encoder: Encoder) -> list[float]:
    """Numbers, then per category its columns and the flag "known"."""
    names = encoder.schema.static
    usual = [0.0] * sum(name not in encoder.shown for name in names)
    for name in names:
        if name in encoder.shown:
            width = len(encoder.shown[name])
            usual += [*[1 / max(width, 1)] * width, 1.0]
    return usual


@dataclass(frozen=True, eq=False)
class Cells:
    """column, row (cells,): row len(context) is the moment asked about. owners: part of the batch -> the cell of each number."""

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    owners: dict[str, NDArray[np.int64]]
    seen: dict[str, Array]
    usual: dict[str, Array]

    def batch(self, rest: dict[str, Array], shown: NDArray[np.bool_]) -> dict[str, Array]:
        """Windows (n, ...), each number as it was where its cell is shown (n, cells), as usual elsewhere."""
        with_nobody = np.concatenate([shown, np.ones((len(shown), 1), dtype=bool)], axis=1)  # NOBODY, -1, is the last
        found = {name: np.repeat(values, len(shown), axis=0) for name, values in rest.items()}
        for name, owner in self.owners.items():
            found[name] = np.where(with_nobody[:, owner], self.seen[name], self.usual[name])
        return found


def cells_of(windows: Windows, columns: Columns, batch: dict[str, Array]) -> Cells:
    """Of one window with one moment asked about, (1, ...). A cell whose numbers are as usual anyway is none."""
    encoder, rows = windows.encoder, windows.rows
    context = batch["x"].shape[1]
    count = len(columns.names)
    number = windows.origins[:, 0].astype(np.int64)
    origin = rows.start[number] + windows.origins[:, 1]
    place = np.maximum(origin[0] - np.arange(context)[::-1], rows.start[number[0]])
    clock = rows.time[place]

    def cell(column: Array, at: Array) -> NDArray[np.int64]:
        return np.where(column == NOBODY, NOBODY, np.asarray(at) * count + column)

    def nearest(when: Array) -> NDArray[np.int64]:
        return np.clip(np.searchsorted(clock, when, side="right") - 1, 0, context - 1)

    at = np.arange(context)
    owners = {"x": cell(columns.x[None], at[:, None]), "dt": at * count + columns.gaps}
    owners["x"] = np.where(columns.x == columns.series, context * count + columns.series, owners["x"])
    query, lags = columns.query.copy(), len(encoder.lags) + 1
    asked = cell(query, np.full(len(query), context))
    first = encoder.queries - 2 * encoder.anchors
    for k in range(encoder.anchors):
        target, lag = divmod(k, lags)
        when = rows.time[np.maximum(rows.last[origin[0], target], 0)] if lag == lags - 1 else None
        if when is None:
            when = encoder.moments.back(batch["time"][:, 0], encoder.lags[lag])[0]
        asked[first + k] = nearest(np.array([when]))[0] * count + target
    owners["query"] = asked[None]
    seen = {name: batch[name][0] for name in ("x", "dt", "query")}
    usual = {
        "x": np.broadcast_to(columns.x_usual, seen["x"].shape), "dt": np.ones_like(seen["dt"]),
        "query": np.broadcast_to(columns.query_usual, seen["query"].shape),
    }  # fmt: skip
    if "history" in batch:
        back = encoder.moments.stride.whole(
            rows.time[origin][:, None], -np.arange(batch["history"].shape[1]), encoder.schema.zone
        )
        there = nearest(back[0])
        owners["history"] = there[:, None] * count + np.arange(batch["history"].shape[2])
        owners["age"] = np.full(batch["age"].shape[1], (context - 1) * count + columns.gaps)
        seen |= {name: batch[name][0] for name in ("history", "age")}
        usual |= {name: np.zeros_like(seen[name]) for name in ("history", "age")}
    owners["x"] = np.where(batch["mask"][0][:, None], owners["x"], NOBODY)
    owners["dt"] = np.where(batch["mask"][0], owners["dt"], NOBODY)
    return _kept(owners, seen, usual, count)


def _kept(owners: dict[str, Array], seen: dict[str, Array], usual: dict[str, Array], count: int) -> Cells:
    """Cells that have a number which is not as usual, numbered column after column, in time."""
    moved = [owner[(owner != NOBODY) & (seen[name] != usual[name])] for name, owner in owners.items()]
    found = np.unique(np.concatenate([one.ravel() for one in moved]))
    found = found[np.lexsort((found // count, found % count))]
    order = np.argsort(found)
    numbered = {}
    for name, owner in owners.items():
        place = np.searchsorted(found[order], owner).clip(max=max(len(found) - 1, 0))
        known = (found[order][place] == owner) if len(found) else np.zeros(owner.shape, dtype=bool)
        numbered[name] = np.where(known, order[place] if len(found) else 0, NOBODY)
    return Cells(found % count, found // count, numbered, seen, usual)
