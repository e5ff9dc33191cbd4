"""What a command prints: a table on a terminal, CSV or JSON into a pipe, and one-line messages on the error stream."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tauflow.errors import TauflowError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended


class OutputError(TauflowError, OSError):
    """A file that can't be written where it was asked for."""


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


def emit(
    view: Format | None,
    piped: Format,
    table: Callable[[Console], Sequence[RenderableType]],
    frame: Callable[[], Any],
    data: Callable[[], Any],
) -> None:
    """Print one of three views: the one asked for, else a table on a terminal and `piped` elsewhere."""
    view = view or (Format.table if sys.stdout.isatty() else piped)
    if view is Format.csv:
        text = frame().to_csv(index=False, lineterminator="\n")
    elif view is Format.json:
        text = json.dumps(data(), indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    else:
        screen = console()
        with screen.capture() as captured:
            for part in table(screen):
                screen.print(part, crop=False)
        text = captured.get()
    write(text)


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


def check_output(path: Path) -> Path:
    """Refuse an output path before hours of work, not after them."""
    if path.is_dir():
        raise OutputError(f"{path} is a folder; give the name of a file, such as {path / 'out'}{path.suffix}")
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"there is no folder {folder}; make it first: mkdir -p {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"may not write into the folder {folder}; choose another")
    return path
