"""While a command works and has nothing to print: a line at the bottom of the terminal, what it does and for how long.

It changes in place, lets notes and warnings pass above it, and leaves nothing behind; where the error stream is no terminal there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..cli.output import console, plain

_RUNS: list[str] = []  # what is shown now: a line inside another one is not


@contextmanager
def busy(text: str, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """`with busy("teaching cfc") as now:` shows it; `now("teaching cfc, round 2")` says it anew, and the time goes on."""
    screen = console(stderr=True)
    if quiet or _RUNS or not screen.is_terminal or screen.is_dumb_terminal:
        yield lambda text: None
        return
    from rich.progress import Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    told = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True))
    clock = TimeElapsedColumn(table_column=Column(no_wrap=True, min_width=7))
    line = Progress(clock, told, console=screen, transient=True, redirect_stdout=False)
    _RUNS.append(text)
    try:
        with line:
            task = line.add_task(plain(text), total=None)
            yield lambda text: line.update(task, description=plain(text))
    finally:
        _RUNS.remove(text)
