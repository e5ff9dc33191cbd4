"""The end of a command that scored models: model, page, numbers, and the table of who leads."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from ...cli.options import OUTPUT, option
from ...cli.output import TYPED, Format, emit, plain
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

Kept = Annotated[Path | None, option("Save what is liquid.", OUTPUT, metavar="FILE.tau")]


def check(names: Sequence[str], page: Path | None, json: Path | None, save: Path | None) -> None:
    """Refuse what would fail after the work: files that can't be written, what is to be saved but was not asked for."""
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    if save is not None and "liquid" not in names:
        raise TauflowError("--save keeps what is liquid, but --models does not name liquid: add it")


def finish(
    found: Any, task: str, made: Any, page: Path | None, json: Path | None, save: Path | None, view: Format | None
) -> None:
    """found: a study of `apps.scored.Scored`; made: the module of its page."""
    if save is not None and found.kept is not None:
        from ... import save as store

        store(found.kept, save)
    if page is not None:
        made.page(found, TYPED.get()).write(page)
    rows = found.rows(task, {"data": found.source, "protocol": found.protocol})
    if json is not None:
        write_bytes_atomically(json, writing.dumps(rows, indent=1).encode())
    emit(view, Format.csv, lambda screen: table(found, *made.compared(found)), found.frame, lambda: rows)


def table(found: Any, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Sequence[RenderableType]:
    """A line a model, and who leads."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=f"{found.source}: {found.protocol}", title_justify="left")
    grid.add_column(columns[0], style="cyan", no_wrap=True)
    for name in columns[1:]:
        grid.add_column(name, justify="right")
    for cells in rows:
        grid.add_row(*(Text(plain(text)) for text in cells))
    return [grid, Text(found.sentence())]
