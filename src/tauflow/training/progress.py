"""Progress for the eye: a bar with loss, validation and time left on a terminal or in a notebook, lines elsewhere if wanted.

On a terminal it goes to the error stream, so that what a program prints can be piped; in a notebook one line of the cell's
output goes on changing. rich is loaded only when a terminal shows something.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from .callbacks import Callback, Epoch, Step
from .history import History

if TYPE_CHECKING:
    from rich.progress import Progress

Show = bool | Literal["auto"]


@contextmanager
def shown(show: Show, epochs: int, steps: int) -> Iterator[list[Lines | Bar | Cell]]:
    """The callbacks that show progress: none for False, none for "auto" where nobody watches."""
    if show is not False and (display := _notebook()) is not None:
        yield [Cell(display, epochs, steps)]
        return
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


class Cell(Callback):
    """A line of a notebook's output that goes on changing, and notes above it; `display` is IPython's module of that name."""

    def __init__(self, display: Any, epochs: int, steps: int) -> None:
        self.display, self.epochs, self.steps, self.notes, self.numbers = display, epochs, steps, "", ""
        self.handle = display.display(self._html(0.0), display_id=True)

    def _html(self, done: float) -> Any:
        bar = f'<progress max="{self.epochs}" value="{done:.3f}"></progress>'
        return self.display.HTML(f"{self.notes}{bar} round {int(done)}/{self.epochs} {escape(self.numbers)}")

    def note(self, text: str) -> None:
        self.notes += f"note: {escape(text)}<br>"

    def on_step(self, step: Step) -> None:
        if step.step % max(1, self.steps // 4) == 0:
            self.handle.update(self._html(step.epoch - 1 + step.step / self.steps))

    def on_epoch(self, epoch: Epoch) -> None:
        validation = "" if epoch.validation is None else f"  {epoch.judged} {epoch.validation:.4g}"
        left = epoch.seconds / epoch.epoch * (self.epochs - epoch.epoch)
        self.numbers = f"loss {epoch.train:.4g}{validation}  {left:.0f} s left"
        self.handle.update(self._html(epoch.epoch))

    def on_end(self, history: History) -> None:
        self.handle.update(self.display.HTML(f"{self.notes}{escape(history.message)}"))


def _notebook() -> Any:
    """IPython's display module where a notebook's kernel runs this, else None."""
    shell = sys.modules.get("IPython")
    kernel = None if shell is None else getattr(shell.get_ipython(), "kernel", None)
    return None if kernel is None else import_module("IPython.display")


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
