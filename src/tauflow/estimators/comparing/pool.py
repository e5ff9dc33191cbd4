"""Jobs side by side in processes that start afresh, tell how they get on, and stop when the comparison is interrupted."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ... import cells
from ..settings import BASELINES
from .trial import Failure, Job, Progress, Result, alone


def run(work: list[Job], jobs: int | str, progress: Callable[[Progress], None] | None) -> list[Result | Failure]:
    """The results in the order of the jobs."""
    count = min(len(work), (os.cpu_count() or 1) if jobs == "auto" else int(jobs))
    tell = progress or (lambda _: None)
    if count <= 1:
        return [alone(job, tell) for job in work]
    context = multiprocessing.get_context("spawn")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_enter, initargs=(told, stop, cells.IMPORTED)
    ) as pool:
        order = sorted(range(len(work)), key=lambda number: work[number].settings.cell in BASELINES)  # long ones first
        with without_interrupts():  # Ctrl-C reaches every process of a terminal; only this one is to answer it
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
def without_interrupts() -> Iterator[None]:
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


def _enter(told: Any, stop: Any, files: list[Path]) -> None:
    for file in files:
        cells.import_file(file)
    _process.update(told=told, stop=stop)


def _in_process(job: Job) -> Result | Failure:
    return alone(job, _process["told"].put, _process["stop"].is_set)
