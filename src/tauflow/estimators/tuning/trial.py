"""One trial: a forecaster with these settings, trained on the first rows and judged on the rows after them.

    rows that are known   | training ... its own validation | judged |     the test part is not here at all
                                                            ^ start

The score is the mean MASE of the targets on the judged rows: it means the same whatever the loss, the context or the cell. While a trial
runs, its validation loss of each round is told, so that a hopeless one can be stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...data import Table
from ...training import Callback
from ...training.callbacks import Epoch, Step
from .. import metrics
from ..comparing.trial import UNFIT, naive_error
from ..forecaster import Forecaster
from ..tables import before


@dataclass(frozen=True, eq=False)
class Question:
    """What all trials have in common: the rows before the test part, from where on they are judged, and the settings that stay."""

    table: Table
    start: float
    fixed: Mapping[str, Any]
    options: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What a trial found; `error` None where it could not be tried, `why` says why."""

    error: float | None
    seconds: float
    parameters: int = 0
    why: str = ""


class PrunedError(Exception):
    """Ends a trial that is worse than the others were by then."""


class CutError(Exception):
    """Ends a trial for want of time; it may be tried again."""


def judge(
    question: Question,
    cell: str,
    settings: Mapping[str, Any],
    options: Mapping[str, Any],
    hopeless: Callable[[int, float], bool],
    over: Callable[[], bool],
) -> Outcome:
    """Train and judge on one thread. hopeless(round, validation loss) and over() are asked while it trains."""
    began, threads = time.process_time(), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = Forecaster(
            cell,
            **{"bands": None, **question.fixed, **settings},  # a trial is judged by its forecasts
            options={**question.options.get(cell, {}), **options},
        )
        watch = () if cell == "ridge" else (_Watch(hopeless, over),)
        model.fit(before(question.table, question.start), progress=False, callbacks=watch)
        found = model.tested(question.table, question.start)
        naive = naive_error(question.table, found)
        scores = [
            metrics.mase(found.truth[..., k : k + 1], found.forecast[..., k : k + 1], naive[:, k : k + 1])
            for k in range(len(question.table.schema.targets))
        ]
        error = float(np.mean(scores))
        seconds = time.process_time() - began
        if not np.isfinite(error):
            return Outcome(None, seconds, why="the judged rows have no MASE: their targets are constant or unknown")
        return Outcome(error, seconds, model.parameters)
    except UNFIT as error:
        return Outcome(None, time.process_time() - began, why=str(error))
    finally:
        torch.set_num_threads(threads)


class _Watch(Callback):
    """Counts the rounds of all trainings that the fit makes."""

    def __init__(self, hopeless: Callable[[int, float], bool], over: Callable[[], bool]) -> None:
        self.hopeless, self.over, self.rounds = hopeless, over, 0

    def on_step(self, step: Step) -> bool:
        if self.over():
            raise CutError
        return False

    def on_epoch(self, epoch: Epoch) -> bool:
        self.rounds += 1
        if epoch.validation is not None and self.hopeless(self.rounds, epoch.validation):
            raise PrunedError
        return False
