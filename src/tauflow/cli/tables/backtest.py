"""tauflow backtest: how good a model, and its bands, would have been at several moments of the past."""

from __future__ import annotations

import json as plain_json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.options import (
    ASKED,
    OUTPUT,
    TRAINING,
    Horizon,
    Import,
    Quiet,
    Seed,
    Table,
    View,
    asks,
    cell_options,
    import_cells,
    named,
    option,
    reading,
    training,
)
from ...cli.output import TYPED, Format, chosen, complain, emit, plain, tell
from ...files import check_output

if TYPE_CHECKING:
    from rich.console import Console

DROPPED = ("pinball", "values", "CRPS", "width")  # where the terminal is narrow, this one first


@asks(columns=reading, training=training)
def backtest(
    file: Table,
    columns: dict[str, Any],
    training: dict[str, Any],
    cell: Annotated[
        str, option("cfc, gated_ltc, ltc, ctrnn, lstm, gru, ridge, ...", TRAINING, metavar="NAME", shown=True)
    ] = "cfc",
    horizon: Horizon = 24,
    windows: Annotated[int, option("How many cut-offs.", ASKED, min=1, metavar="N", shown=True)] = 4,
    step: Annotated[
        int | None, option("Steps from one cut-off to the next (default: --horizon).", ASKED, min=1, metavar="STEPS")
    ] = None,
    refit: Annotated[
        bool, option("Learn anew at every cut-off, not only at the first.", TRAINING, "--refit/--no-refit", metavar="")
    ] = False,
    level: Annotated[
        float, option("The band that is scored, in percent.", ASKED, metavar="PERCENT", shown=True)
    ] = 90.0,
    seed: Seed = 0,
    options: Annotated[
        list[str] | None,
        option(
            "More of the cell's arguments: solver=etd2rk; may be given again.",
            TRAINING,
            "--option",
            metavar="NAME=VALUE",
        ),
    ] = None,
    page: Annotated[Path | None, option("Also write a page with figures.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Also write all scores.", OUTPUT, metavar="JSON")] = None,
    output: Annotated[
        Path | None,
        option("Also write every forecast beside what came, as CSV.", OUTPUT, "--output", "-o", metavar="CSV"),
    ] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """How good would the model, and its bands, have been? Fits before a cut-off, forecasts what came after it, and goes on.

    Cut-offs are moments of time, counted back from the last row: where rows are uneven a window holds fewer or more of them.
    Prints, over all and for each cut-off, the MAE, the share of values within the band (coverage), its width, the interval
    score, CRPS and pinball loss. Into a pipe it prints CSV.

    Example: [bold]tauflow backtest traffic.csv --target volume --horizon 24 --windows 4 --step 24 --page backtest.html[/bold]
    """
    given = [path for path in (page, json, output) if path is not None]
    for path in given:
        check_output(path, [file])
    if len({path.resolve() for path in given}) < len(given):
        raise typer.BadParameter("--page, --json and --output name one file twice; give each its own")
    import_cells(own)
    from ...data import read_table

    table = read_table(file, **named(columns, file))
    from ...estimators import Forecaster
    from ...estimators import backtest as tested

    model = Forecaster(cell=cell, h=horizon, seed=seed, options=cell_options(options), **training)
    tell(table.notes, quiet)
    found = tested(
        model, table, n_windows=windows, step_size=step, refit=refit, level=level,
        progress=None if quiet else lambda done, of: complain(f"cut-off {done} of {of}: done"),
    )  # fmt: skip
    if page is not None:
        found.save(page, TYPED.get())
    from ...files import write_bytes_atomically

    if json is not None:
        text = plain_json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        write_bytes_atomically(json, text.encode() + b"\n")
    if output is not None:
        write_bytes_atomically(output, found.frame().to_csv(index=False, lineterminator="\n").encode())
    shown = chosen(view, Format.csv)
    new = [note for note in found.notes if note not in set(table.notes)]
    emit(shown, shown, lambda screen: _view(screen, found), found.to_frame, found.to_dict)
    tell(new, quiet)
    if not quiet:
        if shown is not Format.table:
            complain(found.sentence)
        if page is not None:
            complain(f"the page is {page.resolve()}")


def _view(screen: Console, found: Any) -> list[Any]:
    from rich.measure import Measurement
    from rich.padding import Padding
    from rich.text import Text

    from ...report.backtest import texts

    parts: list[Any] = []
    for target in found.targets:
        titles, rows = texts(found, target)
        columns = dict(zip(titles, zip(*rows, strict=True), strict=True))
        if len(found.targets) > 1:
            parts.append(Text(f"  {plain(target)}", style="cyan"))
        for title in ("", *DROPPED):
            columns.pop(title, None)
            grid = _grid(columns)
            if Measurement.get(screen, screen.options.update(max_width=10_000), grid).maximum <= screen.width:
                break
        parts.append(grid)
    return [*parts, Padding(Text(plain(found.sentence), style="bold"), (0, 2))]


def _grid(columns: Mapping[str, Sequence[str]]) -> Any:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
    for title in columns:
        grid.add_column(title, justify="left" if title == "after" else "right", no_wrap=True)
    for place, row in enumerate(zip(*columns.values(), strict=True)):
        grid.add_row(*(Text(plain(cell)) for cell in row), style="" if place else "bold")
    return grid
