"""tauflow activity: what somebody does, from very uneven readings of a tag."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...cli.command import command_line
from ...cli.options import ASKED, OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import Format, emit, plain, tell
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically
from .ecg import chosen

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.activity import Study


def activity(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Trials such as d1p22F, or S1_Dataset.tar.gz; none: simulated trials."),
    ] = None,
    models: Annotated[
        str,
        option(
            "With commas: liquid, lstm, gru, boosting, logistic, liquid + boosting.", ASKED, metavar="NAMES", shown=True
        ),
    ] = "liquid,boosting,logistic,liquid + boosting",
    seeds: Annotated[int, option("How many seeds each.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    minutes: Annotated[float | None, option("Of CPU for one model, at most.", TRAINING, min=0.01, metavar="M")] = None,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    save: Annotated[Path | None, option("Save the liquid committee.", OUTPUT, metavar="FILE.tau")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Label every row of very uneven RFID readings, from the past alone, in trials never seen: sits, lies, walks.

    A passive tag on the chest answers when an antenna reaches it. A committee of liquid networks is told each gap in seconds; beside it
    stand gradient boosting and logistic regression on the same windows, LSTM, GRU, and the mean of liquid and boosting. Every fourth
    trial is held out whole. Needs the extra sklearn.

    Example: [bold]tauflow activity rfid/ --page activity.html[/bold]
    """
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    from ...apps.activity import MODELS, QUICK, Recipe, study
    from ...apps.activity.sources import gather

    names = chosen(models, MODELS)
    if save is not None and "liquid" not in names:
        raise TauflowError("--save keeps the liquid committee, but --models does not name liquid: add it")
    trials, source = gather(folder, quick=quick)
    tell([source if folder else f"no folder was given: {source}"], quiet)
    recipe = QUICK if quick else Recipe()
    found = study(
        trials,
        names,
        range(seed, seed + seeds),
        source,
        lambda text: tell([text], quiet),
        recipe=recipe,
        minutes=minutes,
    )
    if save is not None and found.kept is not None:
        from ... import save as store

        store(found.kept, save)
    if page is not None:
        from ...apps.activity.page import page as made_page

        given: dict[str, str | int | float | bool | None] = {
            "models": models, "seeds": seeds, "seed": seed, "minutes": minutes, "quick": quick or None, "page": str(page),
        }  # fmt: skip
        words = {name: value for name, value in given.items() if value is not None}
        made_page(found, command_line("activity", [str(folder)] if folder else [], words)).write(page)
    rows = found.rows("activity", {"data": source, "protocol": found.protocol})
    if json is not None:
        write_bytes_atomically(json, writing.dumps(rows, indent=1).encode())
    emit(view, Format.csv, lambda screen: table(found), found.frame, lambda: rows)


def table(found: Study) -> Sequence[RenderableType]:
    """A line a model, and who leads."""
    from rich.table import Table
    from rich.text import Text

    from ...apps.activity.page import compared

    columns, rows = compared(found)
    grid = Table(title=f"{found.source}: {found.protocol}", title_justify="left")
    grid.add_column(columns[0], style="cyan", no_wrap=True)
    for name in columns[1:]:
        grid.add_column(name, justify="right")
    for cells in rows:
        grid.add_row(*(Text(plain(text)) for text in cells))
    return [grid, Text(found.sentence())]
