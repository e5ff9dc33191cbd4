"""tune: try settings on the rows before the test part, many side by side, and say which did best.

The end of the table, `test`, is cut off before anything is looked at. Of the rows before it the last `judged` part judges: each trial
trains on the rows before that part (and chooses its round by its own validation), and its score is its MASE there. The defaults of each
cell are tried first, so the best is never worse than they are there. A journal keeps every trial as soon as it ends; the same call
goes on where a killed one stopped, trials that were cut begin anew.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np

from ... import cells as known_cells
from ...data import Table
from ...files.digest import digest
from ..comparing.split import test_start
from ..reading import as_table, refuse_unknown, shown_times
from ..settings import BASELINES, ForecastError, Settings
from ..tables import before
from .results import Trial, Tuning
from .study import Journal
from .trial import Question
from .work import Work, alone, side_by_side

CELLS = ("cfc", "gated_ltc", "ctrnn")
OWN = (
    "cells",
    "h",
    "test",
    "trials",
    "jobs",
    "time_limit",
    "judged",
    "seed",
    "journal",
    "options",
    "progress",
    "forecaster",
)


def tune(
    data: Any,
    cells: Sequence[str] = CELLS,
    *,
    h: int = 24,
    trials: int = 30,
    jobs: int | Literal["auto"] = 1,
    time_limit: float | None = None,
    test: Any = 0.2,
    judged: float = 0.2,
    seed: int = 0,
    journal: str | os.PathLike[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Callable[[Trial], None] | None = None,
    forecaster: Mapping[str, Any] | None = None,
    **columns: Any,
) -> Tuning:
    """The settings of a Forecaster that forecast the rows before the test part best; needs `pip install "tauflow[tune]"`.

    data         a path, a frame or a Table; `columns` are `read_table`'s arguments (target=, time=, ...)
    cells        which cells are tried; what is tried for each stands in `tuning/space.py`
    trials       how many settings; a journal that holds some already counts them
    jobs         processes side by side, of one thread each; "auto" is one per core. With one, the same seed gives the same trials
    time_limit   seconds after which no trial begins and those that run are cut
    test         the part at the end that is not looked at: a fraction, a length such as "90D", or a time stamp; None: there is none
    judged       the last part of the rows before it, on which the trials are judged, 0..0.5
    journal      a file that keeps the trials; if it is there, the tuning goes on from it. None: nothing is kept
    options      per cell, arguments that stay as they are, say {"ctrnn": {"solver": "rk4"}}; `forecaster`: settings that do

    >>> t = np.arange(150)
    >>> table = {"ds": np.datetime64("2024-01-01") + t, "y": np.sin(t / 4)}
    >>> small = {"context": 12, "epochs": 1, "steps": 2}
    >>> found = tauflow.tune(table, ["ridge", "ctrnn"], h=3, trials=2, forecaster=small)  # a Tuning
    >>> [(trial.cell, trial.state) for trial in found.trials]  # each a Trial
    [('ridge', 'done'), ('ctrnn', 'done')]
    """
    refuse_unknown("tune", columns, OWN)
    fixed = {"h": h, "seed": seed, **(forecaster or {})}
    names, kept = tuple(dict.fromkeys(cells)), {name: dict(own) for name, own in (options or {}).items()}
    _check(names, trials, jobs, time_limit, fixed, kept)
    whole = as_table(data, columns)
    end = None if test is None else test_start(whole, test)
    table = whole if end is None else before(whole, end)
    question = Question(table, _start(table, judged), fixed, kept)
    about = {
        "table": digest([vars(series) for series in table.series]), "test": str(end), "judged": judged, "cells": list(names),
        "forecaster": {name: repr(value) for name, value in fixed.items()}, "options": repr(kept),
    }  # fmt: skip
    count = min((os.cpu_count() or 1) if jobs == "auto" else jobs, trials)
    with ExitStack() as stack:
        path = Path(journal if journal is not None else Path(stack.enter_context(TemporaryDirectory())) / "journal")
        study = stack.enter_context(Journal.opened(path, about, names, seed))
        deadline = None if time_limit is None else time.time() + time_limit
        tell = progress or (lambda _: None)
        if count <= 1:
            alone(Work(path, question, names, trials, deadline), study, tell)
        else:
            side_by_side(Work(path, question, names, trials, deadline), count, seed, tell)
            study.cut_what_runs()
        return _result(study.trials(), question, whole, end)


def _check(
    cells: tuple[str, ...],
    trials: Any,
    jobs: Any,
    time_limit: Any,
    fixed: Mapping[str, Any],
    options: Mapping[str, Any],
) -> None:
    if not cells:
        raise ForecastError("cells is empty, expected at least one cell, such as 'cfc'")
    for name in cells:
        if name not in known_cells.names() and name != "ridge":
            why = "learns nothing that could be tuned" if name in BASELINES else "is no cell"
            raise ForecastError(f"{name!r} {why}; there are {', '.join(known_cells.names())} and ridge")
    for name, value in (("trials", trials), *((("jobs", jobs),) if jobs != "auto" else ())):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ForecastError(f"{name} is {value!r}, expected a whole number >= 1")
    if time_limit is not None and (
        isinstance(time_limit, bool) or not isinstance(time_limit, int | float) or not time_limit > 0
    ):
        raise ForecastError(f"time_limit is {time_limit!r}, expected seconds above 0, or None")
    if unknown := [name for name in options if name not in cells]:
        raise ForecastError(f"options are given for {unknown[0]!r}, which is not among the cells {', '.join(cells)}")
    if "cell" in fixed:
        raise ForecastError("forecaster has the setting 'cell': name what is tried in cells=")
    Settings(**{"cell": cells[0], **{k: v for k, v in fixed.items() if k != "season"}})


def _start(table: Table, judged: Any) -> float:
    """From where on the trials are judged."""
    if isinstance(judged, bool) or not isinstance(judged, int | float) or not 0 < judged <= 0.5:
        raise ForecastError(f"judged is {judged!r}, expected a part of the rows, above 0 and up to 0.5")
    return test_start(table, float(judged))


def _result(trials: tuple[Trial, ...], question: Question, whole: Table, end: float | None) -> Tuning:
    if not any(one.state == "done" for one in trials):
        failed = next((one.why for one in trials if one.why), None)
        raise ForecastError(
            f"no trial could be judged: {failed}" if failed else "no trial ended in time: use a larger time_limit"
        )
    kind = whole.series[0].time.dtype
    moments = [
        str(shown_times(np.array([at], kind), whole.schema)[0]) for at in (question.start, end) if at is not None
    ]
    return Tuning(
        trials=trials, fixed=dict(question.fixed), options=dict(question.options), target=", ".join(whole.schema.targets),
        judged_from=moments[0], test_from=moments[1] if end is not None else "", notes=whole.notes,
        rows=sum(len(series) for series in question.table.series),
    )  # fmt: skip
