"""tauflow market: returns beside the random walk, volatility beside HAR, prices beside their last one, and learning on."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ...cli.busy import busy
from ...cli.options import COLUMNS, OUTPUT, READING, TRAINING, Quiet, Seed, View, option
from ...cli.output import TYPED, Format, emit, plain, tell
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.market import Study


def market(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="A CSV or Parquet file, one row a time (default: the euro's daily rates)."
        ),
    ] = None,
    price: Annotated[
        str | None, option("The price (default: close; without a file a currency, USD).", COLUMNS, metavar="NAME")
    ] = None,
    time: Annotated[str | None, option("When (default: ds, or the only time stamps).", COLUMNS, metavar="NAME")] = None,
    high: Annotated[str | None, option("The highest price of the row's time.", COLUMNS, metavar="NAME")] = None,
    low: Annotated[str | None, option("The lowest.", COLUMNS, metavar="NAME")] = None,
    sort: Annotated[
        bool, option("Put rows that run from new to old in order of time.", READING, "--sort", metavar="")
    ] = False,
    levels: Annotated[
        bool,
        option(
            "Let networks learn prices as they stand too, as the primer's experiment does.",
            TRAINING,
            "--levels",
            metavar="",
        ),
    ] = False,
    seeds: Annotated[int, option("How many networks of each kind.", TRAINING, min=1, metavar="N", shown=True)] = 3,
    seed: Seed = 0,
    minutes: Annotated[
        float, option("A network may learn, at most.", TRAINING, min=0.001, metavar="M", shown=True)
    ] = 3.0,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    page: Annotated[Path | None, option("Write a page with every picture.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Ask a market four questions: its returns, its volatility, its prices, and whether learning on helps.

    Each has the simple answers of its field beside the networks: the random walk, HAR, boosting, the last price. Rows are cut by time,
    70 % to learn from, 10 % to choose with, 20 % to be tested on; weekends are long gaps. Nothing here is advice, and costs are not
    counted. About two minutes of CPU on 57,600 rows with one seed.

    Example: [bold]tauflow market prices.csv --time t --price close --high h --low l --page market.html[/bold]
    """
    for path in (page, json):
        if path is not None:
            check_output(path, [] if file is None else [file])
    if file is None and (time, high, low) != (None, None, None):
        raise TauflowError("--time, --high and --low name columns of a file, but none was given")
    from ...apps.market import QUICK, Effort, read_prices, shipped, study

    if file is None:
        prices = shipped(price or "USD")
    else:
        prices = read_prices(file, time=time, price=price or "close", high=high, low=low, sort=sort)
    effort = QUICK if quick else Effort(seconds=60 * minutes)
    with busy("asking the market", quiet):
        asked = study(
            prices, seeds=seeds, seed=seed, effort=effort, levels=levels, tell=lambda line: tell([line], quiet)
        )
    tell(asked.notes, quiet)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(asked.rows(), indent=1).encode())
    if page is not None:
        from ...apps.market.page import page as made_page

        made_page(asked, TYPED.get()).write(page)
    emit(view, Format.csv, lambda screen: _tables(asked), asked.frame, asked.rows)


def _tables(asked: Study) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(plain(asked.sentence()))]
    for name, columns, rows in asked.tables():
        grid = Table(title=name, title_justify="left", box=None)
        for k, column in enumerate(columns):
            grid.add_column(column, justify="right" if k else "left", style="cyan" if not k else None)
        for cells in rows:
            grid.add_row(*(Text(plain(cell)) for cell in cells))
        parts += [Text(""), grid]
    return parts
