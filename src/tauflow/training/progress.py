"""Progress for the eye: a bar with loss, validation and time left on a terminal, lines elsewhere if wanted.

It goes to the error stream, so that what a program prints can be piped. rich is loaded only when something is
shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from .callbacks import Callback, Epoch, Step
from .history import History

if TYPE_CHECKING:
    from rich.progress import Progress

Show = bool | Literal["auto"]


@contextmanager
def shown(show: Show, epochs: int, steps: int) -> Iterator[list[Lines | Bar]]:
    """The callbacks that show progress: none for False, none for "auto" where nobody watches a terminal."""
    if show is False or (show == "auto" and not sys.stderr.isatty()):
        yield []
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield [Lines(epochs)]
        return
    columns = (
        TextColumn("epoch"),
        MofNCompleteColumn(),
        BarColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = Bar(progress, epochs, steps)
        yield [bar]
    if bar.message:
        console.print(bar.message, highlight=False)


class Bar(Callback):
    """A bar over all steps; the line of the end is printed when the bar is gone."""

    def __init__(self, progress: Progress, epochs: int, steps: int) -> None:
        self.progress, self.steps, self.validation, self.message = progress, steps, "", ""
        self.task = progress.add_task("", total=epochs, numbers="")

    def note(self, text: str) -> None:
        """Said at once, above the bar."""
        self.progress.console.print(f"note: {text}", highlight=False)

    def on_step(self, step: Step) -> None:
        done = step.epoch - 1 + step.step / self.steps
        self.progress.update(self.task, completed=done, numbers=f"loss {step.loss:.4g}{self.validation}")

    def on_epoch(self, epoch: Epoch) -> None:
        if epoch.validation is not None:
            self.validation = f"  {epoch.judged} {epoch.validation:.4g}"
        self.progress.update(self.task, completed=epoch.epoch, numbers=f"loss {epoch.train:.4g}{self.validation}")

    def on_end(self, history: History) -> None:
        self.message = history.message


class Lines(Callback):
    """A line an epoch, for a log."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def note(self, text: str) -> None:
        print(f"note: {text}", file=sys.stderr, flush=True)

    def on_epoch(self, epoch: Epoch) -> None:
        validation = "" if epoch.validation is None else f"  {epoch.judged} {epoch.validation:.4g}"
        left = epoch.seconds / epoch.epoch * (self.epochs - epoch.epoch)
        line = f"epoch {epoch.epoch}/{self.epochs}  loss {epoch.train:.4g}{validation}  {left:.0f} s left"
        print(line, file=sys.stderr, flush=True)

    def on_end(self, history: History) -> None:
        print(history.message, file=sys.stderr, flush=True)
