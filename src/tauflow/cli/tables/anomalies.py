"""tauflow anomalies: which rows of a table are not what the rows before them lead one to expect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cli.options import (
    ASKED,
    OUTPUT,
    TRAINING,
    Import,
    Quiet,
    Seed,
    Table,
    View,
    asks,
    import_cells,
    named,
    option,
    reading,
)
from ...cli.output import TYPED, Format, chosen, complain, emit, plain, tell
from ...cli.tables.compare import part
from ...files import check_output

MOST_ROWS = 50  # on a terminal


@asks(columns=reading)
def anomalies(
    file: Table,
    columns: dict[str, Any],
    cell: Annotated[
        str, option("The forecaster: ridge, cfc, lstm, ...", TRAINING, metavar="NAME", shown=True)
    ] = "ridge",
    test: Annotated[
        str,
        option(
            "The last part, which is judged: 0.5 of the rows, 90D, or from 2018-04-01 on.",
            ASKED,
            metavar="PART",
            shown=True,
        ),
    ] = "0.5",
    alpha: Annotated[
        float, option("Which share of ordinary rows may be flagged.", ASKED, metavar="SHARE", shown=True)
    ] = 0.001,
    horizon: Annotated[
        int,
        option(
            "Steps that a forecast may go back, over gaps and anomalies.", ASKED, min=1, metavar="STEPS", shown=True
        ),
    ] = 4,
    context: Annotated[int, option("Rows that the forecaster sees.", TRAINING, min=1, metavar="ROWS", shown=True)] = 48,
    seed: Seed = 0,
    save: Annotated[Path | None, option("Also write the detector.", OUTPUT, metavar="MODEL")] = None,
    page: Annotated[Path | None, option("Also write a page with figures.", OUTPUT, metavar="HTML")] = None,
    output: Annotated[
        Path | None, option("Also write every judged row, as CSV.", OUTPUT, "--output", "-o", metavar="CSV")
    ] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Which rows are anomalies? Learns what is ordinary from the first part of a table, and judges each row after it.

    A row is judged by the band of its forecast from the rows before it, whatever time lies between; p is the share of ordinary
    errors that were as large. A row after a spike is not blamed for it. Into a pipe it prints the anomalies as CSV.

    Example: [bold]tauflow anomalies traffic.csv --target volume --test 180D --page anomalies.html -o judged.csv[/bold]
    """
    given = [path for path in (save, page, output) if path is not None]
    for path in given:
        check_output(path, [file])
    if len({path.resolve() for path in given}) < len(given):
        raise typer.BadParameter("--save, --page and --output name one file twice; give each its own")
    import_cells(own)
    from ...data import read_table

    table = read_table(file, **named(columns, file))
    tell(table.notes, quiet)
    from ...estimators import AnomalyDetector, test_start

    detector = AnomalyDetector(cell, h=horizon, alpha=alpha, context=context, seed=seed)
    detector.fit(table, until=test_start(table, part(test)), progress=not quiet)
    tell([note for note in detector.notes if note not in table.notes], quiet)
    found = detector.predict(table)
    if save is not None:
        detector.save(save)
    if page is not None:
        found.save(page, TYPED.get())
    if output is not None:
        from ...files import write_bytes_atomically

        write_bytes_atomically(output, found.frame().to_csv(index=False, lineterminator="\n").encode())
    shown = chosen(view, Format.csv)
    emit(shown, shown, lambda screen: _view(found), lambda: found.found, found.to_dict)
    if not quiet:
        if shown is not Format.table:
            complain(found.sentence)
        if page is not None:
            complain(f"the page is {page.resolve()}")


def _view(found: Any) -> list[Any]:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    from ...report.anomalies import texts

    parts: list[Any] = []
    for target in found.targets:
        columns, rows = texts(found, target)
        if not rows:
            continue
        grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
        for place, title in enumerate(columns):
            grid.add_column(Text(plain(title)), justify="right" if place >= len(columns) - 6 else "left")
        for row in rows[:MOST_ROWS]:
            grid.add_row(*(Text(plain(cell)) for cell in row))
        parts.append(grid)
        if len(rows) > MOST_ROWS:
            parts.append(Text(f"  ... {len(rows) - MOST_ROWS:,} more: --format csv prints all", style="dim"))
    return [*parts, Padding(Text(plain(found.sentence), style="bold"), (0, 2))]
