"""A forecast explained: what the past of the target, the calendar, other columns and the gaps did to it, row by row of its context."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...data import Table
from ...data.series import Array, Series
from ...errors import DataError
from ...explain import Explanation, ExplanationError, Ranking, Shares, Story, WhatIf
from ...explain.shares import ordered, shared
from ...windows.windows import Windows, window_set, windows
from ..learned import Blend
from ..tables import refuse_missing_columns
from .owners import Columns, cells_of, columns_of

if TYPE_CHECKING:
    from ..forecaster import Forecaster

UNITS = (("d", 86400e9), ("h", 3600e9), ("min", 60e9), ("s", 1e9), ("ms", 1e6))  # nanoseconds


def explained(
    model: Forecaster, table: Table, *, row: int, step: int, target: str | None, series: str | None, seed: int
) -> Shares:
    """See `Forecaster.explain`."""
    encoder, predictor = model._fitted()
    refuse_missing_columns(table, encoder.schema)
    h = model.settings.h if model.settings.strategy == "direct" else 1
    step = _whole(
        "step",
        step,
        1,
        h,
        " (strategy='recursive' feeds its forecasts back: the first step alone is an answer to the data)" * (h == 1),
    )
    which = _target(encoder.schema.targets, target)
    one = _series(table, series)
    origin = _origin(one, row)
    columns = columns_of(encoder)
    ahead = encoder.moments.ahead(one.time[origin : origin + 1], h)  # (1, h) native
    short, at = _cut(one, origin, model)
    found = window_set(
        replace(table, series=(short,)), encoder, model.settings.context, np.array([[0, at]]), model.reach
    )
    batch = found.batch(np.array([0]), ahead[:, step - 1 : step])
    cells = cells_of(found, columns, batch)
    scale = encoder.scale_of(one)
    center, width = float(scale.center[which]), float(scale.scale[which])

    def ask(shown: Array) -> Array:
        answers = predictor.predict(cells.batch(batch, shown))[:, 0, which]
        return np.asarray(answers, np.float64) * width + center

    used = np.unique(cells.column)
    share, spread, base, answer = shared(ask, np.searchsorted(used, cells.column), seed=seed)
    names = [_called(columns.names[c], encoder.schema.targets) for c in used]
    total = np.array([share[cells.column == c].sum() for c in used])
    unit, size = _unit(encoder.step, encoder.schema.kind)
    clock = _Clock(one, short, at, ahead, step, unit, size)
    told = _story(model, found, batch, columns, cells, share, (base, answer), clock, which)
    name = encoder.schema.targets[which]
    subject = f"{name}, {step} {'step' if step == 1 else 'steps'} after {_when(one.time[origin], encoder.schema.kind)}"
    return ordered(
        names, total, spread, subject=subject, about="what it says of a series that stays at its usual level, at any hour", base=base,
        answer=answer, story=told, what_if=_what_if(model, table, short, at, ahead[:, step - 1 : step], which, scale),
    )  # fmt: skip


def ranked(model: Forecaster, table: Table, *, start: float | None, most: int, rounds: int, seed: int) -> Ranking:
    """See `Forecaster.ranking`."""
    encoder, predictor = model._fitted()
    h = model.settings.h if model.settings.strategy == "direct" else 1
    found = windows(table, replace(encoder, h=h), model.settings.context, start=start, reach=model.reach)
    if len(found) < 2:
        raise DataError(
            "the table has fewer than two rows with known targets after them, expected a history to rank columns on"
        )
    rounds = _whole("rounds", rounds, 1, 1000)
    batch = found.batch(np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).astype(int)))
    columns = columns_of(encoder)
    used = [
        c
        for c in range(len(columns.names))
        if (columns.x == c).any() or (columns.query == c).any() or c == columns.gaps
    ]
    known = np.isfinite(batch["target"])
    if not known.any():
        raise DataError("no target is known after any row, so there is nothing to be judged by")

    def judged(one: dict[str, Array]) -> float:
        answers = [
            predictor.predict({name: values[k : k + 512] for name, values in one.items()})
            for k in range(0, len(known), 512)
        ]
        return float(np.abs(np.concatenate(answers) - batch["target"])[known].mean())

    made, base = np.random.default_rng(seed), judged(batch)
    grown = np.zeros((rounds, len(used)))
    for number in range(rounds):
        order = made.permutation(len(known))
        other = np.empty(len(order), dtype=np.int64)
        other[order] = np.roll(order, 1)
        for k, column in enumerate(used):
            grown[number, k] = judged(_exchanged(batch, columns, column, other, len(encoder.schema.targets))) - base
    mean = grown.mean(axis=0)
    spread = grown.std(axis=0, ddof=1) if rounds > 1 else np.zeros(len(used))
    order = np.argsort(-mean, kind="stable")
    names = tuple(_called(columns.names[used[k]], encoder.schema.targets) for k in order)
    return Ranking(names, mean[order], spread[order], base, rounds)


def _exchanged(batch: dict[str, Array], columns: Columns, column: int, other: Array, targets: int) -> dict[str, Array]:
    """Windows whose column comes from another window, whole."""
    found = dict(batch)
    for name, owner in (("x", columns.x), ("query", columns.query)):
        found[name] = np.where(owner == column, batch[name][other], batch[name])
    if "history" in batch and column < targets:
        found["history"] = batch["history"].copy()
        found["history"][:, :, column] = batch["history"][other][:, :, column]
    if column == columns.gaps:
        found |= {name: batch[name][other] for name in ("dt", "age") if name in batch}
    return found


class _Clock:
    """The time axis of a story: the rows of the context, then the moments of the forecast, counted from the origin."""

    def __init__(self, one: Series, short: Series, at: int, ahead: Array, step: int, unit: str, size: float) -> None:
        self.one, self.short, self.at, self.ahead, self.step = one, short, at, ahead[0], step
        self.unit, self.size = unit, size

    def axis(self, context: int) -> tuple[Array, Array]:
        """(time (real rows + h,), the rows of the series (real rows,))."""
        rows = np.arange(max(0, self.at - context + 1), self.at + 1)
        native = np.concatenate([self.short.time[rows], self.ahead]).astype(np.float64)
        return (native - float(self.short.time[self.at])) / self.size, rows

    def truth(self, which: int, tolerance: float) -> Array:
        """(h,): what came, NaN where no row stands near."""
        found = np.full(len(self.ahead), np.nan)
        for k, when in enumerate(self.ahead):
            near = int(np.searchsorted(self.one.time, when - tolerance))
            if near < len(self.one) and self.one.time[near] <= when + tolerance:
                found[k] = self.one.y[near, which]
        return found


def _story(
    model: Forecaster, found: Windows, batch: dict[str, Array], columns: Columns, cells: Any, share: Array, ends: tuple[float, float],
    clock: _Clock, which: int,
) -> Story:  # fmt: skip
    encoder, predictor = model._fitted()
    schema, context = encoder.schema, batch["x"].shape[1]
    time, rows = clock.axis(context)
    past, ahead = len(rows), len(clock.ahead)
    names = list(columns.names[:-1])  # the gaps have a row of their own
    moved = np.zeros((context + ahead, len(columns.names)))
    at = context + clock.step - 1
    np.add.at(moved, (np.where(cells.row == context, at, cells.row), cells.column), share)
    moved = moved[context - past :]
    seen = np.full((past + ahead, len(names)), np.nan)
    one = clock.short
    seen[:past, : columns.calendar] = np.concatenate([one.y, one.past, one.future], axis=1)[rows]
    kept = [j for j in range(len(names)) if np.isfinite(seen[:, j]).any() or moved[:, j].any()]
    why = Explanation(
        tuple(names[j] for j in kept), time, seen[:, kept], moved[:, kept], moved[:, columns.gaps], *ends,
        float(share.sum()) - (ends[1] - ends[0]), 0, past + clock.step - 1,
    )  # fmt: skip
    answer = np.full(past + ahead, np.nan)
    whole = replace(found, encoder=replace(encoder, h=len(clock.ahead)))
    every = whole.batch(np.array([0]), clock.ahead[None])
    scale = encoder.scale_of(clock.one)
    answer[past:] = predictor.predict(every)[0, :, which] * scale.scale[which] + scale.center[which]
    truth = np.concatenate([one.y[rows, which], clock.truth(which, 0.499 * encoder.step)])
    return Story(
        why,
        schema.targets[which],
        answer,
        truth,
        _tau(predictor, batch, past, ahead, encoder.step / clock.size),
        clock.unit,
    )


@torch.no_grad()
def _tau(predictor: Any, batch: Mapping[str, Array], past: int, ahead: int, period: float) -> Array | None:
    """The time constants of the first network's neurons at each row, in the unit of the axis."""
    if not isinstance(predictor, Blend):
        return None
    x, dt, mask = (torch.from_numpy(np.ascontiguousarray(batch[name])) for name in ("x", "dt", "mask"))
    record = predictor.network.recurrent.trace(x, dt, mask)
    if record.tau is None:
        return None
    tau = record.tau[0].double().numpy()[-past:] * period
    return np.concatenate([tau, np.full((ahead, tau.shape[1]), np.nan)])


def _what_if(model: Forecaster, table: Table, one: Series, at: int, when: Array, which: int, scale: Any) -> WhatIf:
    """Each column missing, or a tenth higher, at the origin; a column known ahead at the moment asked about."""
    encoder, predictor = model._fitted()
    schema = encoder.schema
    names, edited = [], [one]
    near = int(np.abs(one.time - when[0, 0]).argmin())
    ahead = near if abs(one.time[near] - when[0, 0]) <= encoder.step / 2 else at
    for part, columns, place in (
        ("y", schema.targets, at),
        ("past", schema.past, at),
        ("future", schema.future, ahead),
    ):
        for k, name in enumerate(columns):
            if name in schema.categories or not np.isfinite(getattr(one, part)[place, k]):
                continue
            names.append(name)
            for change in (lambda value: np.nan, lambda value: 1.1 * value):
                values = getattr(one, part).copy()
                values[place, k] = change(values[place, k])
                edited.append(replace(one, **{part: values}))
    origins = np.array([[number, at] for number in range(len(edited))])
    found = window_set(replace(table, series=tuple(edited)), encoder, model.settings.context, origins, model.reach)
    batch = found.batch(np.arange(len(edited)), np.repeat(when, len(edited), axis=0))
    answers = np.asarray(predictor.predict(batch), np.float64)[:, 0, which] * scale.scale[which] + scale.center[which]
    change = (answers[1:] - answers[0]).reshape(-1, 2)
    return WhatIf(tuple(names), float(answers[0]), change[:, 0], change[:, 1], 0.1, 1)


def _cut(one: Series, origin: int, model: Forecaster) -> tuple[Series, int]:
    """The rows that a forecast from the origin looks at, and the place of the origin among them."""
    encoder = model._fitted()[0]
    context = max(origin - model.settings.context, 0)
    reach = (model.reach + max(encoder.lags, default=0.0) + 2) * encoder.stride.mean
    first = min(context, int(np.searchsorted(one.time, min(one.time[context], one.time[origin] - reach) - reach)))
    last = int(np.searchsorted(one.time, one.time[origin] + (encoder.h + 1) * encoder.stride.mean)) + 1
    here = slice(first, max(last, origin + 1))
    return replace(
        one, time=one.time[here], y=one.y[here], past=one.past[here], future=one.future[here]
    ), origin - first


def _series(table: Table, name: str | None) -> Series:
    if name is None:
        return max(table.series, key=len)
    found = [one for one in table.series if one.id == str(name)]
    if not found:
        raise DataError(f"no series is called {name!r}; there are {', '.join(one.id for one in table.series[:8])}")
    return found[0]


def _origin(one: Series, row: int) -> int:
    known = np.asarray(np.isfinite(one.y).any(axis=1))
    if not known.any():
        raise DataError(f"series {one.id!r} has no known target value, expected at least one to forecast from")
    rows = int(np.flatnonzero(known)[-1]) + 1
    if isinstance(row, bool) or not isinstance(row, int) or not -rows <= row < rows:
        raise ExplanationError(
            f"row is {row!r}, expected a whole number from {-rows} to {rows - 1}: the row that the forecast starts from"
        )
    at = row % rows
    if not known[: at + 1].any():
        raise ExplanationError(
            f"row is {row}, but no target is known up to it: the first known one stands in row {int(known.argmax())}"
        )
    return at


def _target(targets: tuple[str, ...], name: str | None) -> int:
    if name is None:
        return 0
    if name not in targets:
        raise ExplanationError(f"target is {name!r}, expected one of {', '.join(targets)}")
    return targets.index(name)


def _whole(name: str, given: Any, least: int, most: int, more: str = "") -> int:
    if isinstance(given, bool) or not isinstance(given, int) or not least <= given <= most:
        raise ExplanationError(f"{name} is {given!r}, expected a whole number from {least} to {most}{more}")
    return given


def _called(name: str, targets: tuple[str, ...]) -> str:
    return f"past {name}" if name in targets else name


def _unit(step: float, kind: str) -> tuple[str, float]:
    """The unit in which a step is one or more, and how long it is; a step is the unit where time is a plain number."""
    if kind != "timestamp":
        return "", 1.0
    return next(((name, size) for name, size in UNITS if step >= size * 0.999), UNITS[-1])


def _when(time: Any, kind: str) -> str:
    if kind != "timestamp":
        return f"{float(time):,.10g}"
    return str(np.datetime64(int(time), "ns").astype("datetime64[s]")).replace("T", " ").removesuffix(":00")
