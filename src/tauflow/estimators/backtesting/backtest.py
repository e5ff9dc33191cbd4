"""backtest: fit before a cut-off, forecast what came after it, and again at the next one.

Without refitting the model is that of the first cut-off, and later windows give it the rows that have come; with it every window (or
every k-th) is fitted anew. A row is asked about at its own time. Nothing after a cut-off is looked at, bands included. `as_fitted` asks
a model that has learned already, as it is, about rows that came after those it learned from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...data import Table
from ...data.series import Array
from ...errors import DataError
from ..bands import Asked
from ..forecaster import Forecaster
from ..questions import named
from ..reading import another_table, as_table, shown_ids, shown_times
from ..settings import ForecastError
from ..tables import before, last_known_row, upto
from .cutoffs import Window, cutoffs, unseen_cutoffs
from .results import GRID, Backtest, Course, scored

TOLD = Callable[[int, int], None]
UNKNOWN = "the model has no bands and so does not say until when it learned: these scores are honest only on rows that are newer"


@dataclass(frozen=True, eq=False)
class Asks:
    """The rows of one window: series number (n,), native time (n,), truth, forecast (n, targets), values (n, targets, probabilities)."""

    number: Array
    time: Array
    truth: Array
    forecast: Array
    values: Array | None


def backtest(
    model: Forecaster,
    data: Any,
    *,
    n_windows: int | None = None,
    step_size: int | None = None,
    refit: bool | int = False,
    as_fitted: bool = False,
    level: Any = 90,
    quantiles: Any = None,
    progress: TOLD | None = None,
    **columns: Any,
) -> Backtest:
    """Try a forecaster of these settings, or with as_fitted=True itself, at several cut-offs; the one that is given stays as it is.

    data       a path, a frame or a Table; `columns` are `read_table`'s arguments (target=, time=, ...)
    n_windows  how many cut-offs; the last lies h steps before the end. None: 4; with as_fitted as many as fit behind
               the rows that the model learned from, 12 at most
    step_size  steps from one cut-off to the next; None is h, so that windows follow each other
    refit      fit anew at every window, or at every k-th; False: once, before the first
    as_fitted  don't fit: the model, loaded from a file perhaps, forecasts as it is, of rows that it did not learn from
    level      bands in percent; the first is scored. `quantiles` beside them, as in `Forecaster.predict`
    progress   is told (windows done, of how many)

    >>> t = np.arange(160)
    >>> table = {"ds": np.datetime64("2024-01-01") + t, "y": np.sin(t / 4)}
    >>> model = tauflow.Forecaster("seasonal_naive", h=4, season=[25], context=30)
    >>> found = tauflow.estimators.backtest(model, table, n_windows=3)  # a Backtest
    >>> [(scores.window, scores.values) for scores in found.rows]  # each a Scores; None: all windows
    [(None, 12), (1, 4), (2, 4), (3, 4)]
    """
    if refit < 1 and refit is not False:
        raise ForecastError(f"refit is {refit!r}, expected True, False, or every how many windows")
    settings = model.settings
    asked = Asked.of(level, quantiles)
    if as_fitted and refit is not False:
        raise ForecastError(f"as_fitted and refit={refit!r} were given together: leave one of them out")
    table = another_table(data, model._fitted()[0].schema, columns) if as_fitted else as_table(data, columns)
    step_size = settings.h if step_size is None else step_size
    if as_fitted:
        found = unseen_cutoffs(
            table, settings.h, n_windows, step_size, None if model.bands is None else model.bands.until
        )
    else:
        found = cutoffs(table, settings.h, 4 if n_windows is None else n_windows, step_size)
    every = int(refit)
    banded = model.bands is not None if as_fitted else settings.bands is not None and settings.strategy == "direct"
    if asked and not banded and level is not None:
        asked = Asked.of(None, None)
    grid = Asked(asked.level, (*asked.quantiles, *GRID)) if banded else Asked()
    notes: dict[str, None] = dict.fromkeys(table.notes)
    if as_fitted and model.bands is None:
        notes[
            "the model has no bands and so does not say until when it learned: these scores are honest only on rows that are newer"
        ] = None
    parts, fits = [], 0
    fitted = model if as_fitted else None
    for number, window in enumerate(found):
        if fitted is None or (every and number % every == 0):
            fitted = Forecaster(**model.get_params()).fit(_known(table, window), progress=False)
            fits += 1
            notes |= dict.fromkeys(note for note in fitted.notes if note not in notes)
        asks, left = _asked(fitted, table, window, grid)
        notes |= dict.fromkeys(left)
        parts.append(asks)
        if progress is not None:
            progress(number + 1, len(found))
    if not sum(len(part.number) for part in parts):
        raise DataError("no window holds a row with a known target: use other windows")
    return _collected(model, table, found, parts, asked, grid, tuple(notes), fits, int(step_size))


def _known(table: Table, window: Window) -> Table:
    """What may be learned at a cut-off."""
    past = before(table, _after(window.cutoff))
    if not past.series:
        raise DataError("no row lies before the first cut-off: use fewer windows, or a smaller step_size or h")
    return past


def _asked(model: Forecaster, table: Table, window: Window, grid: Asked) -> tuple[Asks, list[str]]:
    """The forecasts of a window's rows with a known target, of every id that the model learned and that has a row before it."""
    encoder, _ = model._fitted()
    known = model._known_table(table, {})
    origins, times, truths, left, far = [], [], [], [], 0
    for number, series in enumerate(known.series):
        last = last_known_row(upto(series, int(np.searchsorted(series.time, window.cutoff, side="right")) - 1))
        rows = np.nonzero(
            (series.time > window.cutoff) & (series.time <= window.end) & np.isfinite(series.y).any(axis=1)
        )[0]
        if last < 0 or series.id not in encoder.targets:
            left += [series.id] if len(rows) else []
            continue
        offset = encoder.moments.offset(series.time[last], series.time[rows]) if len(rows) else np.zeros(0)
        far += int((offset > model.farthest).sum())
        rows = rows[offset <= model.farthest]
        if len(rows):
            origins.append([number, last])
            times.append(series.time[rows])
            truths.append(series.y[rows])
    notes = [f"not tested at a cut-off, for want of a known value before it: {named(left)}"] if left else []
    if far:
        cut = shown_times(np.array([window.cutoff], known.series[0].time.dtype), known.schema)[0]
        notes.append(
            f"{far} rows after {cut} lie more than {model.settings.h} steps from the last known row before it: not forecast"
        )
    targets = len(encoder.schema.targets)
    if not origins:
        empty = np.zeros((0, targets))
        return Asks(np.zeros(0, int), table.series[0].time[:0], empty, empty, None), notes
    most = max(len(time) for time in times)
    time = np.stack([np.concatenate([one, np.full(most - len(one), one[-1])]) for one in times])
    real = np.arange(most) < np.array([len(one) for one in times])[:, None]
    place = np.array(origins)
    forecast = model.answered(known, place, time)
    values = None
    if grid:
        values = model.values_at(known, place, time, grid.probabilities, window.cutoff)[real]
    each = np.repeat(place[:, 0], real.sum(axis=1))
    return Asks(each, time[real], np.concatenate(truths), forecast[real], values), notes


def _collected(
    model: Forecaster, table: Table, found: tuple[Window, ...], parts: list[Asks], asked: Asked, grid: Asked, notes: tuple[str, ...],
    fits: int, step_size: int,
) -> Backtest:  # fmt: skip
    schema, cell = table.schema, model.settings.cell
    window = np.repeat(np.arange(len(parts)), [len(part.number) for part in parts])
    number, time, truth, forecast = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("number", "time", "truth", "forecast")
    )
    some = [part.values for part in parts if part.values is not None]
    values = np.concatenate(some) if some else None
    kind = table.series[0].time.dtype
    cut = np.array([one.cutoff for one in found], kind)
    ids = np.array([series.id for series in table.series], object)[number]
    frame: dict[str, Any] = {}
    if schema.id is not None:
        frame[schema.id] = shown_ids(ids.tolist(), schema)
    frame[schema.time] = shown_times(time, schema)
    frame["cutoff"] = shown_times(cut[window], schema)
    for k, name in enumerate(schema.targets):
        column = cell if len(schema.targets) == 1 else f"{name}-{cell}"
        frame[name], frame[column] = truth[:, k], forecast[:, k]
        if values is not None:
            place = {p: n for n, p in enumerate(grid.probabilities)}
            frame |= {one: values[:, k, place[p]] for one, p in asked.columns(column).items()}
    data = pd.DataFrame(frame).iloc[np.lexsort((time, window, number))].reset_index(drop=True)
    course = Course(window, ids, time.astype("datetime64[ns]") if kind == np.int64 else time, truth, forecast, values)
    level = asked.level[0] if asked.level else None
    shown = [str(one) for one in shown_times(cut, schema)]
    rows = tuple(
        row
        for k, name in enumerate(schema.targets)
        for row in scored(course, k, name, shown, level, grid.probabilities)
    )
    return Backtest(
        cell=cell, h=model.settings.h, step_size=step_size, level=level, fits=fits, targets=schema.targets, cutoffs=tuple(shown),
        rows=rows, course=course, probabilities=grid.probabilities, notes=notes, data=data,
    )  # fmt: skip


def _after(time: float) -> float:
    return time + 1 if isinstance(time, int) else float(np.nextafter(time, np.inf))
