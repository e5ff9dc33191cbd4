"""One job of a comparison: train one model with one seed on one thread, and test it on the rows after the cut."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ... import metrics
from ...data import Table
from ...data.series import Array
from ...errors import DataError, NonFiniteError, StateOverflowError, StepSizeError, TrainingError
from ...training import Callback
from ...training.callbacks import Epoch, Step
from ..backtesting.results import GRID
from ..bands.asked import ends_of
from ..forecaster import Forecaster, Tested
from ..learned import Blend
from ..peers.names import PEERS
from ..settings import ForecastError, Settings
from ..streaming import stream_time
from ..tables import before
from .results import LEVEL

UNFIT = (
    DataError,
    NonFiniteError,
    StateOverflowError,
    StepSizeError,
    TrainingError,
)  # of a table, not of what was asked


@dataclass(frozen=True)
class Progress:
    """Where one job stands; `done` when its test is over; `window` of `windows` cut-offs, from 1."""

    model: str
    seed: int
    epoch: int
    epochs: int
    loss: float | None
    validation: float | None
    done: bool = False
    window: int = 1
    windows: int = 1


@dataclass(frozen=True, eq=False)
class Job:
    """One model and seed, with all that a process needs to train and test it."""

    table: Table
    settings: Settings
    options: dict[str, Any]
    start: float


@dataclass(frozen=True)
class Band:
    """How good the band of `LEVEL` percent was, and all quantiles together."""

    coverage: float
    width: float
    interval_score: float
    crps: float
    pinball: float


@dataclass(frozen=True, eq=False)
class Result:
    """What a job found."""

    settings: Settings
    backtest: Tested
    mase_scale: Array  # (N, targets) in the units of the table
    parameters: int
    seconds: float
    microseconds: float | None
    curves: tuple[Array, Array] | None
    time_constants: Array | None
    notes: tuple[str, ...]
    bands: tuple[Band, ...] = ()  # of each target; none for a model without bands


@dataclass(frozen=True, eq=False)
class Failure:
    """Why a job has no result: this model can learn nothing from this table, others may."""

    settings: Settings
    error: Exception


class StoppedError(Exception):
    """Ends a job in its process when the comparison was interrupted."""


def alone(job: Job, tell: Callable[[Progress], None], stopped: Callable[[], bool] = lambda: False) -> Result | Failure:
    """Train and test one model on one thread; StoppedError as soon as `stopped` says so."""
    settings = job.settings
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _test(job, tell, stopped)
    except UNFIT as error:
        tell(Progress(settings.cell, settings.seed, settings.epochs, settings.epochs, None, None, done=True))
        return Failure(settings, error)
    finally:
        torch.set_num_threads(threads)


def _test(job: Job, tell: Callable[[Progress], None], stopped: Callable[[], bool]) -> Result:
    settings = job.settings
    season = "auto" if settings.season is None else settings.season
    if settings.cell in PEERS:
        return _test_peer(job, tell, stopped)
    model = Forecaster(**{**settings.__dict__, "season": season}, options=job.options)
    began = time.process_time()
    model.fit(before(job.table, job.start), progress=False, callbacks=(_Tell(settings, tell, stopped),))
    seconds = time.process_time() - began
    backtest = model.tested(job.table, job.start, probabilities=() if model.bands is None else GRID)
    history = model.history
    ended = [] if history is None or history.stopped == "finished" else [f"{settings.cell}: {history.message}"]
    result = Result(
        settings=settings,
        backtest=_light(backtest),
        bands=banded(backtest),
        mase_scale=naive_error(job.table, backtest),
        parameters=model.parameters,
        seconds=seconds,
        microseconds=stream_time(model.predictor.network, settings.h) if isinstance(model.predictor, Blend) else None,
        curves=None if history is None else (np.array(history.train), np.array(history.validation)),
        time_constants=model.time_constants(),
        notes=(*model.notes, *ended),
    )
    tell(Progress(settings.cell, settings.seed, settings.epochs, settings.epochs, None, None, done=True))
    return result


def _light(backtest: Tested) -> Tested:
    """With the ends of the band of `LEVEL` alone: a pool has to carry it."""
    if backtest.values is None:
        return backtest
    ends = ends_of(LEVEL)
    return replace(backtest, values=backtest.values[..., [GRID.index(one) for one in ends]], probabilities=ends)


def banded(backtest: Tested) -> tuple[Band, ...]:
    """The scores of the bands of each target."""
    if backtest.values is None:
        return ()
    low, high = (GRID.index(one) for one in ends_of(LEVEL))
    found = []
    for k in range(backtest.truth.shape[2]):
        truth, values = backtest.truth[..., k], backtest.values[:, :, k]
        ends = values[..., low], values[..., high]
        found.append(
            Band(
                metrics.covered(*ends, truth),
                metrics.width(*ends, truth),
                metrics.interval_score(*ends, truth, LEVEL),
                metrics.crps(values, truth, GRID),
                metrics.pinball(values, truth, GRID),
            )
        )
    return tuple(found)


def _test_peer(job: Job, tell: Callable[[Progress], None], stopped: Callable[[], bool]) -> Result:
    """As `_test`, of a model that stands in tables only."""
    from ..peers.peer import Peer

    settings = job.settings
    if job.options:
        raise ForecastError(f"{settings.cell} has no options, but {', '.join(job.options)} was given: leave it out")
    began = time.process_time()
    peer = Peer(settings).fit(before(job.table, job.start), (_Tell(settings, tell, stopped),))
    seconds = time.process_time() - began
    backtest = peer.tested(job.table, job.start)
    history = peer.history
    tell(Progress(settings.cell, settings.seed, settings.epochs, settings.epochs, None, None, done=True))
    return Result(
        settings=settings,
        backtest=backtest,
        mase_scale=naive_error(job.table, backtest),
        parameters=peer.parameters,
        seconds=seconds,
        microseconds=None,
        curves=None if history is None else (np.array(history.train), np.array(history.validation)),
        time_constants=None,
        notes=peer.notes,
    )


class _Tell(Callback):
    """Passes each round on to the progress of the comparison."""

    def __init__(self, settings: Settings, tell: Callable[[Progress], None], stopped: Callable[[], bool]) -> None:
        self.settings, self.tell, self.stopped = settings, tell, stopped

    def on_step(self, step: Step) -> bool:
        if self.stopped():
            raise StoppedError
        return False

    def on_epoch(self, epoch: Epoch) -> bool:
        settings = self.settings
        self.tell(Progress(settings.cell, settings.seed, epoch.epoch, settings.epochs, epoch.train, epoch.validation))
        return False


def naive_error(table: Table, backtest: Tested) -> Array:
    """(N, targets): MAE of the best naive forecast on the training part, in units, for the id of each origin."""
    encoder = backtest.encoder
    errors = np.full((len(table.series), len(table.schema.targets)), np.nan)
    for number, series in enumerate(table.series):
        if series.id in encoder.error:
            errors[number] = encoder.error[series.id] * encoder.scale_of(series).scale
    return errors[backtest.origins[:, 0]]
