"""tauflow ward: who will die, from irregular records of intensive care."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.command import command_line
from ...cli.options import ASKED, OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import Format, emit, plain, tell
from ...files import check_output, write_bytes_atomically
from .ecg import chosen

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.ward import Study


def ward(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]", help="PhysioNet 2012: set-a.tar.gz and Outcomes-a.txt; none: a simulated ward."
        ),
    ] = None,
    models: Annotated[
        str,
        option(
            "With commas: liquid, gru_d, lstm, attention, boosting, logistic, liquid + boosting.",
            ASKED,
            metavar="NAMES",
            shown=True,
        ),
    ] = "liquid,boosting,logistic,liquid + boosting",
    fold: Annotated[int | None, option("This fold alone, 1 to 5.", ASKED, min=1, max=5, metavar="K")] = None,
    seeds: Annotated[int, option("How many seeds each.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    minutes: Annotated[
        float | None, option("Of CPU for one model of one fold, at most.", TRAINING, min=0.01, metavar="M")
    ] = None,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Tell who will die in hospital from the first 48 hours in intensive care, on stays never seen: five folds.

    What was measured and when goes into a committee of liquid networks, dt in hours; beside it stand gradient boosting and logistic
    regression on summaries, GRU-D, LSTM, attention, and the mean of liquid and boosting. AUROC with a 95 % interval over stays,
    calibration, one stay explained, the risk over its hours. Needs the extra sklearn. Not a medical device.

    Example: [bold]tauflow ward physionet2012/ --page ward.html[/bold]
    """
    for path in (page, json):
        if path is not None:
            check_output(path)
    from ...apps.ward import MODELS, QUICK, Recipe, study
    from ...apps.ward.sources import gather

    names = chosen(models, MODELS)
    stays, source = gather(folder, quick=quick)
    tell([source if folder else f"no folder was given: {source}"], quiet)
    recipe, folds = (QUICK, 2) if quick else (Recipe(), 5)
    how: dict[str, Any] = {"folds": folds, "only": fold, "recipe": recipe, "minutes": minutes}
    found = study(
        stays, names, range(seed, seed + seeds), source, lambda text: tell([text], quiet), **how
    )  # fmt: skip
    if page is not None:
        from ...apps.ward.page import page as made_page

        given: dict[str, str | int | float | bool | None] = {
            "models": models, "fold": fold, "seeds": seeds, "seed": seed, "minutes": minutes, "quick": quick or None, "page": str(page),
        }  # fmt: skip
        words = {name: value for name, value in given.items() if value is not None}
        made_page(found, command_line("ward", [str(folder)] if folder else [], words)).write(page)
    rows = found.rows("ward", {"data": source, "protocol": found.protocol})
    if json is not None:
        write_bytes_atomically(json, writing.dumps(rows, indent=1).encode())
    emit(view, Format.csv, lambda screen: table(found), found.frame, lambda: rows)


def table(found: Study) -> Sequence[RenderableType]:
    """A line a model, and who leads."""
    from rich.table import Table
    from rich.text import Text

    from ...apps.ward.page import compared

    columns, rows = compared(found)
    grid = Table(title=f"{found.source}: {found.protocol}", title_justify="left")
    grid.add_column(columns[0], style="cyan", no_wrap=True)
    for name in columns[1:]:
        grid.add_column(name, justify="right")
    for cells in rows:
        grid.add_row(*(Text(plain(text)) for text in cells))
    return [grid, Text(found.sentence())]
