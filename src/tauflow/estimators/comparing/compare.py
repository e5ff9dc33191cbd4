"""compare: liquid and static networks and the trivial baselines on the same windows, with the same budget, on one test part.

The test part is the end of the table. Everything is learned on the rows before it: scales, rhythms, weights, and the round that is
kept, which the last `validation` part of those rows chooses. Recurrent networks get as many neurons as bring the network's
parameters to those of one around an LSTM with `units` neurons. Each model and seed is one job of one thread; jobs run side by side,
and their numbers do not depend on how many do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Literal

import numpy as np

from ...data import Table
from .. import metrics
from ..peers.names import PEERS, SEEDLESS, TRIVIAL
from ..reading import as_table, last_known_time, refuse_unknown, shown_times
from ..settings import BASELINES, EPOCHS, ForecastError, Settings, periods
from ..tables import before
from .examples import by_id, examples
from .matching import matched
from .pool import run
from .results import Comparison, Part, Row, joined, overall, verdict
from .split import test_start
from .trial import Band, Failure, Job, Progress, Result

CELLS = ("cfc", "gated_ltc", "ctrnn", "lstm", "gru", "ridge", "seasonal_naive", "persistence")
OWN = ("cells", "h", "test", "seeds", "jobs", "units", "context", "epochs", "season", "match_parameters", "options",
       "progress", "forecaster", "windows")  # fmt: skip


def compare(
    data: Any,
    cells: Sequence[str] = CELLS,
    *,
    h: int = 24,
    test: Any = 0.2,
    seeds: Sequence[int] = (0,),
    jobs: int | Literal["auto"] = "auto",
    units: int = 32,
    context: int = 48,
    epochs: int = EPOCHS,
    season: Literal["auto"] | float | Sequence[float] | None = "auto",
    match_parameters: bool = True,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Callable[[Progress], None] | None = None,
    forecaster: Mapping[str, Any] | None = None,
    windows: int = 1,
    **columns: Any,
) -> Comparison:
    """Train and test every model of `cells`; ridge, the seasonal naive and the last value are always among them.

    cells     cells of `tauflow.cells.names()`, and peers (`estimators.peers.PEERS`): auto_ets, lightgbm, nhits, tcn, ...
    data      a path, a frame or a Table; `columns` are `read_table`'s arguments (target=, time=, ...)
    test      the part at the end that is only tested on: a fraction, a length such as "90D", or a time stamp
    seeds     each network is trained once per seed; the table shows mean and spread
    jobs      processes side by side; "auto" is one per core
    options   per cell, more of its own arguments, say {"ctrnn": {"solver": "etd2rk"}}; `forecaster`: more of Forecaster's
    windows   cut-offs: the test part in so many pieces of equal time, each tested by models that learned from all rows before it;
              the table shows the mean over them and the spread, `Comparison.tried` each

    >>> t, told = np.arange(150), []
    >>> table = {"ds": np.datetime64("2024-01-01") + t, "y": np.sin(t / 4)}
    >>> found = tauflow.compare(table, ["ridge"], h=3, context=12, jobs=1, progress=told.append)  # a Comparison, told by Progress
    >>> found.rows[0].model, sorted(row.model for row in found.rows)  # a Row a model, the best first
    ('ridge', ['persistence', 'ridge', 'seasonal_naive'])
    >>> found.parts[0].target, found.parts[0].examples[0].moment  # a Part a target; an Example of its forecasts
    ('y', 'best')
    """
    refuse_unknown("compare", columns, OWN)
    table = as_table(data, columns)
    start = test_start(table, test)
    names = list(dict.fromkeys([*cells, *BASELINES]))
    if not seeds:
        raise ForecastError("seeds is empty, expected at least one whole number")
    if isinstance(windows, bool) or not isinstance(windows, int) or windows < 1:
        raise ForecastError(f"windows is {windows!r}, expected a whole number of cut-offs >= 1")
    common = {"h": h, "units": units, "context": context, "epochs": epochs, **(forecaster or {})}
    asked = periods(season)

    def tried(table: Table, start: float, window: int) -> Comparison:
        def told(news: Progress) -> None:
            if progress is not None:
                progress(replace(news, window=window, windows=windows))

        work = []
        for name in names:
            for seed in seeds[:1] if name in (*BASELINES, *SEEDLESS) else seeds:
                settings = Settings(cell=name, season=asked, seed=seed, **common)
                work.append(Job(table, settings, dict((options or {}).get(name, {})), start))
        if match_parameters:
            work = matched(work, before(table, start))
        found = run(work, jobs, told)
        failures = [one for one in found if isinstance(one, Failure)]
        results = [one for one in found if isinstance(one, Result)]
        if not results:
            raise failures[0].error  # what none of them can do is the table's or the question's
        return _collect(table, start, results, failures)

    if windows == 1:
        return tried(table, start, 1)
    end = last_known_time(table)
    ends = [start + (end - start) * (k + 1) / windows for k in range(windows - 1)]
    whole = table.series[0].time.dtype == np.int64
    starts = [start, *(int(one) for one in ends)] if whole else [start, *ends]
    pieces = [before(table, stop) for stop in starts[1:]] + [table]
    return joined([tried(*one, k + 1) for k, one in enumerate(zip(pieces, starts, strict=True))])


def _collect(table: Table, start: float, results: list[Result], failures: Sequence[Failure]) -> Comparison:
    by_model: dict[str, list[Result]] = {}
    for result in results:
        by_model.setdefault(result.settings.cell, []).append(result)
    first = results[0].backtest
    encoder, settings = first.encoder, results[0].settings
    train = before(table, start)
    known = [series.time[-1] for series in table.series]
    new = [series.id for series in table.series if series.id not in encoder.targets]
    if new:
        shown = ", ".join(new[:5]) + (", ..." if len(new) > 5 else "")
        table_notes = (*table.notes, f"{len(new)} series begin in the test part and were not tested: {shown}")
    else:
        table_notes = table.notes
    scores = metrics.by_target(first.truth, first.forecast, results[0].mase_scale, table.schema.targets)
    undefined = [score.why for score in scores if score.why is not None]
    notes = dict.fromkeys(
        [*table_notes, *_left_out(failures, by_model), *(note for one in results for note in one.notes), *undefined]
    )
    parts = tuple(_part(table, k, by_model, settings.context) for k in range(len(table.schema.targets)))
    rows = parts[0].rows if len(parts) == 1 else overall(parts)
    return Comparison(
        rows=rows,
        parts=parts,
        target=", ".join(table.schema.targets),
        h=settings.h,
        step=_duration(encoder.step, table.schema.kind),
        test_start=str(shown_times(np.array([start], table.series[0].time.dtype), table.schema)[0]),
        test_end=str(shown_times(np.array([max(known)]), table.schema)[0]),
        train_rows=sum(len(series) for series in train.series),
        forecasts=len(first.origins),
        context=settings.context,
        curves={name: found[0].curves for name, found in by_model.items() if found[0].curves is not None},
        time_constants={
            name: found[0].time_constants for name, found in by_model.items() if found[0].time_constants is not None
        },
        notes=tuple(notes),
        verdict=verdict(rows, len(first.origins), len(parts)),
        fingerprint=table.fingerprint,
    )


def _left_out(failures: Sequence[Failure], by_model: Mapping[str, list[Result]]) -> list[str]:
    """A note for each model, or seed of one, that is not in the table."""
    return [
        f"{failure.settings.cell} is left out{f' with seed {failure.settings.seed}' if failure.settings.cell in by_model else ''}: "
        f"{failure.error}"
        for failure in failures
    ]


def _part(table: Table, k: int, by_model: Mapping[str, list[Result]], context: int) -> Part:
    """All models on the k-th target, in its own units."""
    rows = sorted((_row(found, k) for found in by_model.values()), key=lambda row: (not np.isfinite(row.mae), row.mae))
    return Part(
        target=table.schema.targets[k],
        rows=tuple(rows),
        by_horizon={
            name: np.mean(
                [metrics.mae_by_step(r.backtest.truth[..., k], r.backtest.forecast[..., k]) for r in found], axis=0
            )
            for name, found in by_model.items()
        },
        examples=examples(table, k, {name: found[0].backtest for name, found in by_model.items()}, rows, context),
        by_id=by_id(table, k, {name: [one.backtest for one in found] for name, found in by_model.items()}),
    )


def _scores(result: Result, k: int) -> tuple[float, float, float]:
    """MAE, RMSE and MASE of the k-th target."""
    truth, forecast = (array[..., k : k + 1] for array in (result.backtest.truth, result.backtest.forecast))
    naive = result.mase_scale[:, k : k + 1]
    return metrics.mae(truth, forecast), metrics.rmse(truth, forecast), metrics.mase(truth, forecast, naive)


def _row(found: list[Result], k: int) -> Row:
    scores = np.array([_scores(result, k) for result in found])
    mean = scores.mean(axis=0)
    spread = scores.std(axis=0, ddof=1) if len(found) > 1 else np.full(3, np.nan)
    stream = [result.microseconds for result in found if result.microseconds is not None]
    first = found[0]
    return Row(
        model=first.settings.cell,
        kind=_kind(first.settings.cell),
        units=None if first.settings.cell in (*BASELINES, *PEERS) else first.settings.units,
        mae=mean[0], mae_std=spread[0], rmse=mean[1], rmse_std=spread[1], mase=mean[2], mase_std=spread[2],
        seeds=len(found),
        parameters=first.parameters,
        seconds=float(np.mean([result.seconds for result in found])),
        microseconds=float(np.median(stream)) if stream else None,
        **_bands([result.bands[k] for result in found if result.bands]),
    )  # fmt: skip


def _bands(found: list[Band]) -> dict[str, float]:
    """The means of their scores."""
    names = [field.name for field in fields(Band)]
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in names} if found else {}


def _kind(name: str) -> Literal["liquid", "static", "trivial"]:
    if name in PEERS:
        return "trivial" if name in TRIVIAL else "static"
    if name == "ridge":
        return "static"
    if name in BASELINES:
        return "trivial"
    from ...cells import get

    return "liquid" if get(name).liquid else "static"


def _duration(step: float, kind: str) -> str:
    """A step in words: 3.6e12 -> "1 h"."""
    if kind == "number":
        return f"{step:.15g}"
    seconds = step / 1e9
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds:.4g} s"
