"""compare: liquid and static networks and the trivial baselines on the same windows, with the same budget, on one test part.

The test part is the end of the table. Everything is learned on the rows before it: scales, rhythms, weights, and the round that is
kept, which the last `validation` part of those rows chooses. Recurrent networks get as many neurons as bring the network's
parameters to those of one around an LSTM with `units` neurons. Each model and seed is one job of one thread; jobs run side by side,
and their numbers do not depend on how many do.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ..data import Table
from ..data.series import Array
from ..training import Callback
from ..training.callbacks import Epoch, Step
from ..windows.encoder import Encoder
from ..windows.learn import learn
from . import metrics
from .baselines import Ridge
from .comparison import Comparison, Example, Row, verdict
from .forecaster import Backtest, Forecaster
from .network import ForecastNet
from .settings import BASELINES, ForecastError, Settings, build_cell
from .split import test_start
from .tables import as_table, before, shown_times

CELLS = ("cfc", "gated_ltc", "ctrnn", "lstm", "gru", "ridge", "seasonal_naive", "persistence")


@dataclass(frozen=True)
class Progress:
    """Where one job stands; `done` when its test is over."""

    model: str
    seed: int
    epoch: int
    epochs: int
    loss: float | None
    validation: float | None
    done: bool = False


@dataclass(frozen=True, eq=False)
class Job:
    """One model and seed, with all that a process needs to train and test it."""

    table: Table
    settings: Settings
    options: dict[str, Any]
    start: float


@dataclass(frozen=True, eq=False)
class Result:
    """What a job found."""

    settings: Settings
    backtest: Backtest
    mase_scale: Array  # (N, targets) in the units of the table
    parameters: int
    seconds: float
    microseconds: float | None
    curves: tuple[Array, Array] | None
    time_constants: Array | None
    note: str | None


def compare(
    data: Any,
    cells: Sequence[str] = CELLS,
    *,
    h: int = 24,
    test: float | str = 0.2,
    seeds: Sequence[int] = (0,),
    jobs: int | Literal["auto"] = "auto",
    units: int = 32,
    context: int = 48,
    epochs: int = 12,
    season: Literal["auto"] | Sequence[float] | None = "auto",
    match_parameters: bool = True,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Callable[[Progress], None] | None = None,
    forecaster: Mapping[str, Any] | None = None,
    **columns: Any,
) -> Comparison:
    """Train and test every model of `cells`; ridge, the seasonal naive and the last value are always among them.

    data      a path, a frame or a Table; `columns` are `read_table`'s arguments (target=, time=, ...)
    test      the part at the end that is only tested on: a fraction, a length such as "90D", or a time stamp
    seeds     each network is trained once per seed; the table shows mean and spread
    jobs      processes side by side; "auto" is one per core
    options   per cell, more of its own arguments, say {"ctrnn": {"solver": "etd2rk"}}; `forecaster`: more of Forecaster's
    """
    table = as_table(data, columns)
    start = test_start(table, test)
    names = list(dict.fromkeys([*cells, *BASELINES]))
    common = {"h": h, "units": units, "context": context, "epochs": epochs, **(forecaster or {})}
    periods = None if season == "auto" else tuple(float(period) for period in season or ())
    work = []
    for name in names:
        for seed in seeds if name not in BASELINES else seeds[:1]:
            settings = Settings(cell=name, season=periods, seed=seed, **common)
            work.append(Job(table, settings, dict((options or {}).get(name, {})), start))
    if not seeds:
        raise ForecastError("seeds is empty, expected at least one whole number")
    if match_parameters:
        work = matched(work, before(table, start))
    results = _run(work, jobs, progress)
    return _collect(table, start, results)


def matched(work: list[Job], known: Table) -> list[Job]:
    """The jobs with the number of neurons at which each network has about as many parameters as the LSTM with `units`."""
    if not any(job.settings.cell not in BASELINES for job in work):
        return work
    settings = work[0].settings
    encoder = learn(known, settings.h, None, settings.season)
    wanted = _parameters(_with(settings, cell="lstm"), {}, encoder)
    units = {
        job.settings.cell: _units_for(job.settings, job.options, encoder, wanted)
        for job in work
        if job.settings.cell not in BASELINES
    }
    return [
        Job(job.table, _with(job.settings, units=units.get(job.settings.cell, settings.units)), job.options, job.start)
        for job in work
    ]


def _units_for(settings: Settings, options: dict[str, Any], encoder: Encoder, wanted: int) -> int:
    """The number of neurons whose parameters come closest to `wanted`."""
    low, high = 1, 2
    while _parameters(_with(settings, units=high), options, encoder) < wanted and high < 4096:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if _parameters(_with(settings, units=middle), options, encoder) < wanted else (low, middle)
        )
    return min((low, high), key=lambda n: abs(_parameters(_with(settings, units=n), options, encoder) - wanted))


def _parameters(settings: Settings, options: dict[str, Any], encoder: Encoder) -> int:
    with torch.device("meta"):
        network = ForecastNet(build_cell(settings, options, encoder.inputs), encoder)
    return sum(parameter.numel() for parameter in network.parameters())


def _with(settings: Settings, **changes: Any) -> Settings:
    return Settings(**{**settings.__dict__, **changes})


class StoppedError(Exception):
    """Ends a job in its process when the comparison was interrupted."""


def _run(work: list[Job], jobs: int | str, progress: Callable[[Progress], None] | None) -> list[Result]:
    """The results in the order of the jobs."""
    count = min(len(work), (os.cpu_count() or 1) if jobs == "auto" else int(jobs))
    tell = progress or (lambda _: None)
    if count <= 1:
        return [_alone(job, tell) for job in work]
    context = multiprocessing.get_context("spawn")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(count, mp_context=context, initializer=_enter, initargs=(told, stop)) as pool:
        order = sorted(range(len(work)), key=lambda number: work[number].settings.cell in BASELINES)  # long ones first
        with _without_interrupts():  # Ctrl-C reaches every process of a terminal; only this one is to answer it
            futures = {number: pool.submit(_in_process, work[number]) for number in order}
        waiting = set(futures.values())
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
                _drain(told, tell)
                for future in done:
                    future.result()
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)  # waits: a process that has just started still needs what this one holds
            raise
        _drain(told, tell)
        return [futures[number].result() for number in range(len(work))]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Hold SIGINT back; processes that start meanwhile never get it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _drain(told: Any, tell: Callable[[Progress], None]) -> None:
    while True:
        try:
            tell(told.get_nowait())
        except queue.Empty:
            return


_process: dict[str, Any] = {}  # in a process of the pool: where to tell progress, and whether to stop


def _enter(told: Any, stop: Any) -> None:
    _process.update(told=told, stop=stop)


def _in_process(job: Job) -> Result:
    return _alone(job, _process["told"].put)


def _alone(job: Job, tell: Callable[[Progress], None]) -> Result:
    """Train and test one model on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _test(job, tell)
    finally:
        torch.set_num_threads(threads)


def _test(job: Job, tell: Callable[[Progress], None]) -> Result:
    settings = job.settings
    season = "auto" if settings.season is None else settings.season
    model = Forecaster(**{**settings.__dict__, "season": season}, options=job.options)
    began = time.process_time()
    model.fit(job.table, until=job.start, progress=False, callbacks=(_Tell(settings, tell),))
    seconds = time.process_time() - began
    backtest = model.backtest(job.table, job.start)
    history = model.history
    result = Result(
        settings=settings,
        backtest=backtest,
        mase_scale=_naive_error(job.table, backtest),
        parameters=model.parameters,
        seconds=seconds,
        microseconds=_stream_time(model),
        curves=None if history is None else (np.array(history.train), np.array(history.validation)),
        time_constants=model.time_constants(),
        note=_note(model),
    )
    tell(Progress(settings.cell, settings.seed, settings.epochs, settings.epochs, None, None, done=True))
    return result


def _note(model: Forecaster) -> str | None:
    if isinstance(model.predictor, Ridge):
        return "; ".join(model.predictor.notes) or None
    history = model.history
    return None if history is None or history.stopped == "finished" else f"{model.settings.cell}: {history.message}"


class _Tell(Callback):
    """Passes each round on to the progress of the comparison."""

    def __init__(self, settings: Settings, tell: Callable[[Progress], None]) -> None:
        self.settings, self.tell = settings, tell

    def on_step(self, step: Step) -> bool:
        if _process and _process["stop"].is_set():
            raise StoppedError
        return False

    def on_epoch(self, epoch: Epoch) -> bool:
        settings = self.settings
        self.tell(Progress(settings.cell, settings.seed, epoch.epoch, settings.epochs, epoch.train, epoch.validation))
        return False


def _naive_error(table: Table, backtest: Backtest) -> Array:
    """(N, targets): MAE of the best naive forecast on the training part, in units, for the id of each origin."""
    encoder = backtest.encoder
    errors = np.full((len(table.series), len(table.schema.targets)), np.nan)
    for number, series in enumerate(table.series):
        if series.id in encoder.error:
            errors[number] = encoder.error[series.id] * encoder.scale_of(series).scale
    return errors[backtest.origins[:, 0]]


@torch.no_grad()
def _stream_time(model: Forecaster, steps: int = 300) -> float | None:
    """Median microseconds of one streamed step: one new row in, the state moved on; None for models without a state."""
    predictor = model.predictor
    if not isinstance(predictor, ForecastNet):
        return None
    recurrent = predictor.recurrent
    x, dt, state = torch.zeros(1, recurrent.inputs), torch.ones(1), recurrent.initial_state(1)
    took = []
    for _ in range(steps):
        began = time.perf_counter_ns()
        _, state = recurrent.step(x, dt, state)
        took.append(time.perf_counter_ns() - began)
    return float(np.median(took[steps // 10 :])) / 1000


def _collect(table: Table, start: float, results: list[Result]) -> Comparison:
    by_model: dict[str, list[Result]] = {}
    for result in results:
        by_model.setdefault(result.settings.cell, []).append(result)
    rows = tuple(sorted((_row(found) for found in by_model.values()), key=lambda row: row.mae))
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
    notes = [*table_notes, *(result.note for result in results if result.note)]
    return Comparison(
        rows=rows,
        target=", ".join(table.schema.targets),
        h=settings.h,
        step=_duration(encoder.step, table.schema.kind),
        test_start=str(shown_times(np.array([start], table.series[0].time.dtype), table.schema)[0]),
        test_end=str(shown_times(np.array([max(known)]), table.schema)[0]),
        train_rows=sum(len(series) for series in train.series),
        forecasts=len(first.origins),
        context=settings.context,
        by_horizon={
            name: np.mean(
                [metrics.mae_by_step(r.backtest.truth[..., 0], r.backtest.forecast[..., 0]) for r in found], axis=0
            )
            for name, found in by_model.items()
        },
        curves={name: found[0].curves for name, found in by_model.items() if found[0].curves is not None},
        time_constants={
            name: found[0].time_constants for name, found in by_model.items() if found[0].time_constants is not None
        },
        examples=_examples(table, {name: found[0].backtest for name, found in by_model.items()}, settings.context),
        notes=tuple(notes),
        verdict=verdict(rows),
    )


def _row(found: list[Result]) -> Row:
    scores = np.array(
        [
            [
                metrics.mae(result.backtest.truth, result.backtest.forecast),
                metrics.rmse(result.backtest.truth, result.backtest.forecast),
                metrics.mase(result.backtest.truth, result.backtest.forecast, result.mase_scale),
            ]
            for result in found
        ]
    )
    mean = scores.mean(axis=0)
    spread = scores.std(axis=0, ddof=1) if len(found) > 1 else np.full(3, np.nan)
    stream = [result.microseconds for result in found if result.microseconds is not None]
    first = found[0]
    return Row(
        model=first.settings.cell,
        kind=_kind(first.settings.cell),
        units=None if first.settings.cell in BASELINES else first.settings.units,
        mae=mean[0], mae_std=spread[0], rmse=mean[1], rmse_std=spread[1], mase=mean[2], mase_std=spread[2],
        seeds=len(found),
        parameters=first.parameters,
        seconds=float(np.mean([result.seconds for result in found])),
        microseconds=float(np.median(stream)) if stream else None,
    )  # fmt: skip


def _kind(name: str) -> Literal["liquid", "static", "trivial"]:
    if name == "ridge":
        return "static"
    if name in BASELINES:
        return "trivial"
    from ..cells import get

    return "liquid" if get(name).liquid else "static"


def _examples(table: Table, backtests: Mapping[str, Backtest], context: int) -> tuple[Example, ...]:
    """Four forecasts, evenly spread over the test part, of the first target."""
    first = next(iter(backtests.values()))
    complete = np.nonzero(np.isfinite(first.truth[..., 0]).all(axis=1))[0]
    pool = complete if len(complete) >= 4 else np.arange(len(first.origins))
    chosen = pool[np.unique(np.linspace(0.1 * len(pool), 0.9 * (len(pool) - 1), 4).astype(int))] if len(pool) else []
    found = []
    for n in chosen:
        number, row = first.origins[n]
        series = table.series[number]
        begin = max(0, row + 1 - context)
        times = np.concatenate([series.time[begin : row + 1], first.time[n]])
        actual = np.concatenate([series.y[begin : row + 1, 0], first.truth[n, :, 0]])
        forecasts = {name: backtest.forecast[n, :, 0] for name, backtest in backtests.items()}
        stamps = times.astype("datetime64[ns]") if times.dtype == np.int64 else times
        found.append(Example(series.id, stamps, actual, int(row + 1 - begin), forecasts))
    return tuple(found)


def _duration(step: float, kind: str) -> str:
    """A step in words: 3.6e12 -> "1 h"."""
    if kind == "number":
        return f"{step:g}"
    seconds = step / 1e9
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds:.4g} s"
