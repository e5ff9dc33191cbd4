"""The room of Optuna: a study in a journal file, what it asks to be tried, and what it is told. Nobody else imports it.

A journal is a file to which lines are added, so that processes can share it and a kill at any moment loses no trial but those that ran;
SQLite, which locks up under parallel writers, is never used. `Journal.opened` holds the file for one tuning alone, mends what a kill left
(half a line, a lock), and puts the trials that were cut back into the queue.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...errors import MissingExtraError
from ..settings import ForecastError
from .results import State, Trial
from .space import Choice, Range, Whole, parted, space
from .trial import Outcome, Question

NAME = "tauflow"
ENOUGH_TO_PRUNE, FIRST_ROUNDS = 5, 2
MOST_REPEATS = 20  # proposals in a row that were tried before


def optuna() -> Any:
    """The package, silent."""
    try:
        import optuna as found
    except ImportError:
        raise MissingExtraError('tuning needs optuna: pip install "tauflow[tune]"') from None
    found.logging.set_verbosity(found.logging.ERROR)
    return found


class Journal:
    """The study in one file, as one process sees it."""

    def __init__(self, path: Path, seed: int) -> None:
        self.optuna = optuna()
        from optuna.storages.journal import JournalFileBackend, JournalStorage

        self.study = self.optuna.create_study(
            study_name=NAME,
            storage=JournalStorage(JournalFileBackend(str(path))),
            load_if_exists=True,
            pruner=self.optuna.pruners.MedianPruner(ENOUGH_TO_PRUNE, FIRST_ROUNDS),
        )
        before = len(self._all())  # what was drawn before is not drawn again
        self.study.sampler = self.optuna.samplers.TPESampler(seed=(seed + 1000 * before) % 2**32)

    @staticmethod
    @contextmanager
    def opened(path: Path, question: Mapping[str, Any], cells: tuple[str, ...], seed: int) -> Iterator[Journal]:
        """The journal for this tuning alone; ForecastError where another one uses it, or it is about something else."""
        optuna()
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ForecastError(
                    f"{path} is in use by another tuning: wait for it, or give this one a journal of its own"
                ) from None
            _mend(file, path)
            try:
                journal = Journal(path, seed)
            except (ValueError, KeyError, TypeError) as error:
                raise ForecastError(f"{path} is a damaged journal: {error}; begin another one") from None
            journal._claim(path, question)
            if not journal._all():
                for cell in cells:
                    journal.study.enqueue_trial({"cell": cell}, user_attrs={"default": True})
            journal.cut_what_runs()
            yield journal
        finally:
            os.close(file)  # and with it the lock

    def _claim(self, path: Path, question: Mapping[str, Any]) -> None:
        asked, before = json.loads(json.dumps(question)), self.study.user_attrs.get("question")
        if before is None:
            self.study.set_user_attr("question", asked)
            return
        if differs := [name for name in asked if asked[name] != before.get(name)]:
            raise ForecastError(
                f"{path} holds a tuning with another {', '.join(differs)}: go on with the same call, or give this one a journal "
                "of its own"
            )

    def cut_what_runs(self) -> None:
        """Trials of a process that has ended: cut, and to be tried again."""
        for one in self._all():
            if one.state.name == "RUNNING":
                self._again(one)

    def ask(self, cells: tuple[str, ...], question: Question) -> Asked | None:
        """What to try next; None where nothing new is proposed any more. What was tried before is not tried again."""
        for _ in range(MOST_REPEATS):
            asked = self._ask(cells, question)
            known = next((one for one in self._begun() if _same(one, asked)), None)
            if known is None:
                return asked
            asked.repeat(known)
        return None

    def _ask(self, cells: tuple[str, ...], question: Question) -> Asked:
        trial = self.study.ask()
        cell = str(trial.suggest_categorical("cell", list(cells)))
        if trial.user_attrs.get("default"):
            return Asked(self, trial, cell, {})
        stays = {*question.fixed, *question.options.get(cell, {})}
        ranges = {name: one for name, one in space(cell).items() if name not in stays}
        return Asked(self, trial, cell, {name: _suggest(trial, cell, name, one) for name, one in ranges.items()})

    def counted(self) -> int:
        """Trials that are done or under way; those that were cut are tried again and don't count."""
        return sum(one.state.name == "RUNNING" or _trial(one).state != "cut" for one in self._begun())

    def trial(self, number: int) -> Trial:
        return _trial(self._all()[number])

    def trials(self) -> tuple[Trial, ...]:
        """All that began, in their order."""
        return tuple(_trial(one) for one in self._begun())

    def _all(self) -> list[Any]:
        return list(self.study.get_trials(deepcopy=False))

    def _begun(self) -> list[Any]:
        return [one for one in self._all() if one.state.name != "WAITING" and "repeats" not in one.user_attrs]

    def _again(self, one: Any) -> None:
        self.study.tell(one.number, state=self.optuna.trial.TrialState.FAIL)
        default = {"default": True} if one.user_attrs.get("default") else {}
        self.study.enqueue_trial(dict(one.params), user_attrs=default)


class Asked:
    """One trial that was asked for: what to try, and where to tell how it goes."""

    def __init__(self, journal: Journal, trial: Any, cell: str, values: dict[str, Any]) -> None:
        self.journal, self.trial, self.cell, self.values = journal, trial, cell, values
        self.number = int(trial.number)
        trial.set_user_attr("cell", cell)
        trial.set_user_attr("values", values)

    @property
    def parted(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """(settings of the forecaster, arguments of the cell)."""
        return parted(self.values)

    def hopeless(self, step: int, value: float) -> bool:
        """Tell a round's validation loss; is it worse than the median of the others by then?"""
        self.trial.report(value, step)
        return bool(self.trial.should_prune())

    def tell(self, outcome: Outcome) -> None:
        """It was judged, or could not be."""
        for name, value in (("seconds", outcome.seconds), ("parameters", outcome.parameters), ("why", outcome.why)):
            self.trial.set_user_attr(name, value)
        if outcome.error is None:
            self.journal.study.tell(self.trial, state=self.journal.optuna.trial.TrialState.FAIL)
        else:
            self.journal.study.tell(self.trial, outcome.error)

    def prune(self, seconds: float) -> None:
        """It was stopped early."""
        self.trial.set_user_attr("seconds", seconds)
        self.journal.study.tell(self.trial, state=self.journal.optuna.trial.TrialState.PRUNED)

    def repeat(self, known: Any) -> None:
        """It is what another was: the same is told of it, and it is not counted."""
        self.trial.set_user_attr("repeats", known.number)
        if known.state.name == "COMPLETE":
            self.journal.study.tell(self.trial, known.value)
        else:
            self.journal.study.tell(self.trial, state=self.journal.optuna.trial.TrialState.FAIL)

    def cut(self) -> None:
        """It ends unfinished, and is put back into the queue."""
        self.journal._again(self.journal._all()[self.number])


def _same(one: Any, asked: Asked) -> bool:
    """Is a trial that has begun, and was not cut, the same settings?"""
    about = one.user_attrs
    if one.number == asked.number or (about.get("cell"), about.get("values")) != (asked.cell, asked.values):
        return False
    return one.state.name == "RUNNING" or _trial(one).state != "cut"


def _suggest(trial: Any, cell: str, name: str, one: Range) -> Any:
    """A value; its name carries the cell, as the same name has another range elsewhere."""
    place = f"{cell}.{name}"
    if isinstance(one, Choice):
        return trial.suggest_categorical(place, list(one.values))
    if isinstance(one, Whole):
        return trial.suggest_int(place, one.low, one.high, log=True)
    return float(f"{trial.suggest_float(place, one.low, one.high, log=True):.3g}")


def _trial(one: Any) -> Trial:
    about = one.user_attrs
    states: dict[str, State] = {"COMPLETE": "done", "PRUNED": "pruned"}
    return Trial(
        number=one.number,
        cell=str(about.get("cell", "")),
        values=dict(about.get("values", {})),
        state=states.get(one.state.name, "failed" if about.get("why") else "cut"),
        error=one.value if one.state.name == "COMPLETE" else None,
        curve=tuple(one.intermediate_values[step] for step in sorted(one.intermediate_values)),
        seconds=about.get("seconds"),
        parameters=about.get("parameters"),
        why=about.get("why", ""),
    )


def _mend(file: int, path: Path) -> None:
    """Take away what a killed process left: its lock, and a line that it did not end."""
    for left in path.parent.glob(f"{path.name}.lock*"):
        left.unlink(missing_ok=True)
    text = os.pread(file, os.fstat(file).st_size, 0)
    if text and not text.startswith(b'{"op_code"'):
        raise ForecastError(f"{path} is no journal of a tuning: it starts with {text[:20]!r}; name another file")
    whole = text.rfind(b"\n") + 1
    if whole < len(text):
        os.ftruncate(file, whole)
