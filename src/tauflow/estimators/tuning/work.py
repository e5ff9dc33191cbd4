"""Trials one after the other in this process, or in several processes that share the journal."""

from __future__ import annotations

import multiprocessing
import queue
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import cells as known_cells
from ...errors import TauflowError
from ..comparing.pool import without_interrupts
from .results import Trial
from .study import Journal
from .trial import CutError, PrunedError, Question, judge

Tell = Callable[[Trial], None]


@dataclass(frozen=True, eq=False)
class Work:
    """What a process needs to take part."""

    path: Path
    question: Question
    cells: tuple[str, ...]
    trials: int
    deadline: float | None


def alone(
    work: Work, journal: Journal, tell: Tell, stopped: Callable[[], bool] = lambda: False, turn: Any = None
) -> None:
    """Try until there are enough trials or no time is left. turn: a lock around asking, where several processes ask."""

    def over() -> bool:
        return stopped() or (work.deadline is not None and time.time() > work.deadline)

    while not over():
        with turn or nullcontext():
            if journal.counted() >= work.trials:
                return
            asked = journal.ask(work.cells, work.question)
            if asked is None:
                return
        began = time.process_time()
        try:
            asked.tell(judge(work.question, asked.cell, *asked.parted, asked.hopeless, over))
        except PrunedError:
            asked.prune(time.process_time() - began)
        except BaseException as error:
            asked.cut()
            if not isinstance(error, CutError):
                raise
        tell(journal.trial(asked.number))


def side_by_side(work: Work, count: int, seed: int, tell: Tell) -> None:
    """The same in `count` processes that start afresh; each takes the next trial when it is done with one."""
    context = multiprocessing.get_context("spawn")
    told, stop, turn = context.Queue(), context.Event(), context.Lock()
    made = [
        context.Process(target=_process, args=(work, seed + 1 + k, told, stop, turn, known_cells.IMPORTED))
        for k in range(count)
    ]
    with without_interrupts():  # Ctrl-C reaches every process of a terminal; only this one is to answer it
        for one in made:
            one.start()
    try:
        while any(one.is_alive() for one in made):
            _drain(told, tell, 0.2)
    finally:
        stop.set()
        for one in made:
            while one.is_alive():
                _drain(told, tell, 0.05)
            one.join()
    _drain(told, tell, 0.05)
    if codes := [one.exitcode for one in made if one.exitcode]:
        raise TauflowError(
            f"a process of the tuning ended with code {codes[0]}: its message stands above; what is done is in the journal"
        )


def _process(work: Work, seed: int, told: Any, stop: Any, turn: Any, files: list[Path]) -> None:
    for file in files:
        known_cells.import_file(file)
    alone(work, Journal(work.path, seed), told.put, stop.is_set, turn)


def _drain(told: Any, tell: Tell, wait: float) -> None:
    """All that was told, and what is told within `wait` seconds."""
    try:
        while True:
            tell(told.get(timeout=wait))
    except queue.Empty:
        return
