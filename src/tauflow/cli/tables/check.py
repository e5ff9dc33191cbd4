"""tauflow check: what is in a table, and which command to run next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...cli.options import Table, View, asks, named, reading
from ...cli.output import Format, emit, plain, to_copy
from ...cli.speech import in_options

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from ...data import Check


@asks(columns=reading)
def check(file: Table, columns: dict[str, Any], view: View = None) -> None:
    """Look at a table before training on it: gaps, duplicates, missing and odd values, and what to run next.

    Nothing is changed or written. Into a pipe it prints JSON.

    Example: [bold]tauflow check traffic.csv[/bold]
    """
    import tauflow.data

    found = tauflow.data.check(file, **named(columns, file))
    emit(view, Format.json, lambda screen: _table(screen, found), lambda: _frame(found), found.to_dict)


def _table(screen: Console, found: Check) -> Sequence[RenderableType]:
    """Two columns; the command stands alone below, on a line of its own to copy."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for what, finding in found.rows()[:-1]:
        grid.add_row(Text(plain(what)), Text(plain(in_options(finding))))
    if not found.command:
        return [grid, Text(), Text("first:", style="cyan"), Text(plain(in_options(found.obstacle)))]
    return [grid, Text(), Text("next, run:", style="cyan"), to_copy(found.command)]


def _frame(found: Check) -> Any:
    import pandas as pd

    return pd.DataFrame([(what, in_options(finding)) for what, finding in found.rows()], columns=["what", "finding"])
