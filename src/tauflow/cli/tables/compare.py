"""tauflow compare: liquid and static models on the same windows of a table, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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
    import_cells,
    named,
    option,
    options_by_cell,
    reading,
    training,
)
from ...cli.tables.comparison import Watch, show, write
from ...files import check_output

OWN = {"units", "context", "epochs", "season"}  # what compare takes by itself
DEFAULT = "cfc,gated_ltc,ctrnn,lstm,gru"
Cells = Annotated[
    str,
    option(
        "Which models: cells, and auto_ets, auto_theta, lightgbm, nlinear, dlinear, nhits, tcn, transformer, drift; ridge and "
        "two trivial rules always are.",
        TRAINING,
        "--cells",
        "--models",
        metavar="NAMES",
        shown=True,
    ),
]
Seeds = Annotated[int, option("Seeds for each model, to see the spread.", TRAINING, min=1, metavar="N", shown=True)]


@asks(columns=reading, training=training)
def compare(
    file: Table,
    columns: dict[str, Any],
    training: dict[str, Any],
    cells: Cells = DEFAULT,
    horizon: Horizon = 24,
    test: Annotated[
        str,
        option(
            "The last part, held out: 0.2 of the rows, 90D, or from 2018-04-01 on.", ASKED, metavar="PART", shown=True
        ),
    ] = "0.2",
    windows: Annotated[
        int,
        option(
            "Cut-offs: the test part in so many pieces, models anew before each.", ASKED, min=1, metavar="N", shown=True
        ),
    ] = 1,
    seeds: Seeds = 1,
    seed: Seed = 0,
    options: Annotated[
        list[str] | None,
        option(
            "More of a cell's arguments: ctrnn.solver=etd2rk; may be given again.",
            TRAINING,
            "--option",
            metavar="CELL.NAME=VALUE",
        ),
    ] = None,
    page: Annotated[Path | None, option("Also write a page with figures.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Also write all numbers.", OUTPUT, metavar="JSON")] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Which model forecasts this table best? Trains all on the same windows, tests them on the last part of the time.

    Prints errors in the units of the target (MAE, RMSE), the MASE (below 1 beats the naive rules), the number of
    parameters, seconds of training, and microseconds from one new row to its forecast. Networks get about as many parameters as
    an LSTM of --units neurons. Into a pipe it prints CSV.

    Example: [bold]tauflow compare traffic.csv --target volume --past temperature --horizon 24 --test 90D --seeds 3
    --page traffic.html[/bold]
    """
    for path in (page, json):
        if path is not None:
            check_output(path, [file])
    if page is not None and json is not None and page.resolve() == json.resolve():
        raise typer.BadParameter("--page and --json name one file; give each its own")
    models = chosen(cells)
    of_cells = options_by_cell(options, models)
    import_cells(own)
    from ...data import read_table

    table = read_table(file, **named(columns, file))
    from ... import estimators

    with Watch(models, seeds, quiet, table.notes, windows) as watch:
        found = estimators.compare(
            table,
            models,
            h=horizon,
            test=part(test),
            windows=windows,
            seeds=range(seed, seed + seeds),
            progress=watch.told,
            options=of_cells,
            forecaster={name: training.pop(name) for name in set(training) - OWN},
            **training,
        )
    write(found, page, json)
    show(found, view, quiet, page, table.notes)


def chosen(names: str) -> tuple[str, ...]:
    """The models named, each once."""
    given = tuple(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    if not given:
        raise typer.BadParameter("--cells is empty; give at least one model, such as cfc")
    return given


def part(text: str) -> float | str:
    """A share of the rows where it is a number, else a length or a moment of time."""
    try:
        return float(text)
    except ValueError:
        return text
