"""What a command prints: a table on a terminal, CSV or JSON into a pipe, and one-line messages on the error stream."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from ..cli.speech import in_options

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended
TYPED = ContextVar("TYPED", default="")  # the command that runs, as it can be typed again


class Format(StrEnum):
    """How results are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def plain(text: object) -> str:
    """One printable line: a name from a file must not move the cursor or break the line."""
    words = " ".join(str(text).split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def complain(message: object) -> None:
    print(plain(message), file=sys.stderr, flush=True)


def console(stderr: bool = False) -> Console:
    """A console on the stream of now; rich looks at its width, at NO_COLOR and whether it is a terminal."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def tell(notes: Iterable[str], quiet: bool = False) -> None:
    """Notes, a line each, on the error stream: what was done to the data, and what it lacks."""
    if not quiet:
        for note in notes:
            complain(f"note: {in_options(note)}")


def emit(
    view: Format | None,
    piped: Format,
    table: Callable[[Console], Sequence[RenderableType]],
    frame: Callable[[], Any],
    data: Callable[[], Any],
) -> None:
    """Print one of three views: the one asked for, else a table on a terminal and `piped` elsewhere."""
    write(text_of(chosen(view, piped), table, frame, data))


def chosen(view: Format | None, piped: Format) -> Format:
    """The view asked for, else a table on a terminal and `piped` elsewhere."""
    return view or (Format.table if sys.stdout.isatty() else piped)


def text_of(
    view: Format,
    table: Callable[[Console], Sequence[RenderableType]],
    frame: Callable[[], Any],
    data: Callable[[], Any],
) -> str:
    """One of three views as text."""
    if view is Format.csv:
        return str(frame().to_csv(index=False, lineterminator="\n"))
    if view is Format.json:
        return json.dumps(data(), indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    screen = console()
    with screen.capture() as captured:
        for part in table(screen):
            screen.print(part, crop=False)
    return captured.get()


def write(text: str) -> None:
    """Print it all, or end without a word when what reads our output has gone (`| head`)."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at the end
        raise typer.Exit(BROKEN_PIPE) from None


def to_copy(command: str) -> RenderableType:
    """A command on one line, however narrow the terminal is."""
    from rich.console import Group
    from rich.text import Text

    return Group(Text(plain(command), style="bold", overflow="ignore", no_wrap=True))
