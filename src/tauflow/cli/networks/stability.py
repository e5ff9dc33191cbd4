"""tauflow stability: why a network is stable, in five lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.options import ASKED, COLUMNS, OUTPUT, READING, Import, Seed, View, asks, import_cells, option, rereading
from ...cli.output import Format, emit, plain
from ...files import check_output

if TYPE_CHECKING:
    from rich.console import RenderableType


@asks(columns=rereading)
def stability(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A network or a forecaster that was saved.")],
    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="A table to measure on: the network's inputs, one row a time.")
    ] = None,
    columns: dict[str, Any] = {},  # noqa: B006 (filled by the bundle)
    time: Annotated[str | None, option("When (default: ds, or the only time stamps).", COLUMNS, metavar="NAME")] = None,
    id: Annotated[  # noqa: A002
        str | None, option("Which series (default: unique_id, or one series).", COLUMNS, metavar="NAME")
    ] = None,
    series: Annotated[str | None, option("The series to look at (default: the longest).", ASKED, metavar="ID")] = None,
    rows: Annotated[int, option("The last rows of it.", ASKED, min=20, metavar="N", shown=True)] = 1000,
    unit: Annotated[
        str,
        option(
            "What the network's dt counts, for tables with stamps: s, min, h, d.", READING, metavar="UNIT", shown=True
        ),
    ] = "s",
    page: Annotated[
        Path | None,
        option("Write it as a page, with the speed curve and the wiring: out.html.", OUTPUT, metavar="FILE"),
    ] = None,
    plot: Annotated[Path | None, option("Draw the card: card.png, .svg or .pdf.", OUTPUT, metavar="FILE")] = None,
    json: Annotated[bool, option("The lines and their numbers as JSON.", OUTPUT, "--json", metavar="")] = False,
    imports: Import = None,
    seed: Seed = 0,
    view: View = None,
) -> None:
    """Say why a network is stable: what bounds it, how fast it forgets, what is proved, which gaps its steps cross, its speed.

    Without a table it says what holds for every input; with one it measures along its last rows. Nothing is changed. Into a
    pipe it prints JSON.

    Example: [bold]tauflow stability model.tau data.csv --plot card.png[/bold]
    """
    for file in (plot, page):
        if file is not None:
            check_output(file)
    import_cells(imports)
    from ... import analysis
    from ...estimators.looking import looked_at, opened

    given = {**columns, **{name: value for name, value in (("time", time), ("id", id)) if value is not None}}
    if page is not None:
        from ...estimators.explaining.understanding import understand
        from ...report.understanding import understanding_page

        with busy("writing the page"):
            whole = understand(opened(model), data, given, answer=False, series=series, unit=unit, rows=rows, seed=seed)
        understanding_page(whole, page, model=model.name, data="" if data is None else data.name)
    seen = looked_at(opened(model), data, given, series=series, unit=unit, rows=rows)
    with busy("looking for what bounds it"):
        found = analysis.stability(seen.model, seen.x, seen.dt, seen.mask, unit=seen.unit, seed=seed)
    if plot is not None:
        found.plot().savefig(plot)
    emit(Format.json if json else view, Format.json, lambda screen: _table(found.lines), found.frame, found.to_dict)


def _table(lines: Sequence[tuple[str, str]]) -> Sequence[RenderableType]:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for what, line in lines:
        grid.add_row(Text(plain(what)), Text(plain(line)))
    return [grid]
