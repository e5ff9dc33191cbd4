"""tauflow explain: which inputs moved an answer, when, and why the network is stable."""

from __future__ import annotations

import json as jsons
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.options import ASKED, COLUMNS, OUTPUT, READING, Import, Seed, View, asks, import_cells, option, rereading
from ...cli.output import Format, emit, plain
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType


@asks(columns=rereading)
def explain(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A network, a forecaster, a classifier or a regressor that was saved."),
    ],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A table with the columns that it reads.")],
    columns: dict[str, Any] = {},  # noqa: B006 (filled by the bundle)
    row: Annotated[
        int,
        option(
            "Which answer: a row of the table, from 0 or -1 for the last; of a classifier a sequence.",
            ASKED,
            "--row",
            metavar="N",
            shown=True,
        ),
    ] = -1,
    step: Annotated[
        int | None, option("Of a forecaster: how many steps ahead (default: 1).", ASKED, min=1, metavar="N")
    ] = None,
    target: Annotated[str | None, option("Which target, output, class or column of y.", ASKED, metavar="NAME")] = None,
    series: Annotated[str | None, option("The series to look at (default: the longest).", ASKED, metavar="ID")] = None,
    rows: Annotated[int, option("So many rows up to it.", ASKED, min=20, metavar="N", shown=True)] = 1000,
    truth: Annotated[
        str | None, option("Of a network: the column that it should answer.", COLUMNS, metavar="NAME")
    ] = None,
    time: Annotated[str | None, option("When (default: ds, or the only time stamps).", COLUMNS, metavar="NAME")] = None,
    id: Annotated[  # noqa: A002
        str | None, option("Which series (default: unique_id, or one series).", COLUMNS, metavar="NAME")
    ] = None,
    unit: Annotated[
        str,
        option(
            "What a network's dt counts, for tables with stamps: s, min, h, d.", READING, metavar="UNIT", shown=True
        ),
    ] = "s",
    page: Annotated[Path | None, option("Write all of it as one page: out.html.", OUTPUT, metavar="FILE")] = None,
    json: Annotated[Path | None, option("Write all numbers: out.json.", OUTPUT, "--json", metavar="FILE")] = None,
    imports: Import = None,
    seed: Seed = 0,
    view: View = None,
) -> None:
    """Say why an answer is what it is: what moved it, when, and by how much, in its own unit.

    The parts add up to the difference from a usual answer. The page shows them on one time axis, with the card of stability and the
    wiring below. The model is read and never changed.

    Example: [bold]tauflow explain model.tau data.csv --row 120 --page why.html[/bold]
    """
    for file in (page, json):
        if file is not None:
            check_output(file)
    import_cells(imports)
    from ...estimators.explaining.understanding import understand
    from ...estimators.looking import opened

    given = {**columns, **{name: value for name, value in (("time", time), ("id", id)) if value is not None}}
    with busy("explaining"):
        found = understand(
            opened(model), data, given, row=row, series=series, unit=unit, rows=rows, truth=truth, seed=seed, step=step, target=target,
            whole=page is not None or json is not None,
        )  # fmt: skip
    if page is not None:
        from ...report.understanding import understanding_page

        understanding_page(found, page, model=model.name, data=data.name)
    if json is not None:
        text = jsons.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False, default=str)
        write_bytes_atomically(json, text.encode())
    why: Any = found.answer
    emit(view, Format.json, lambda screen: _table(why), why.frame, why.to_dict)


def _table(why: Any) -> Sequence[RenderableType]:
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(overflow="fold")
    for what, line in why.lines:
        grid.add_row(Text(plain(what)), Text(plain(line)))
    shares = Grid(box=None, padding=(0, 2))
    shares.add_column("part")
    shares.add_column("share", justify="right")
    for name, share in zip(why.names, why.share.tolist(), strict=True):
        shares.add_row(Text(plain(name)), f"{share:+.4g}")
    return [grid, Text(""), shares]
