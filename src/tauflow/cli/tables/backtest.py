"""tauflow backtest: how good a model, and its bands, would have been at several moments of the past."""

from __future__ import annotations

from typing import Annotated, Any

from ...cli.options import (
    ASKED,
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
from ...cli.output import complain, tell
from ...cli.tables.scores import Figures, Forecasts, Level, Scores, check_places, show, write


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
    level: Level = 90.0,
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
    page: Figures = None,
    json: Scores = None,
    output: Forecasts = None,
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
    check_places({"page": page, "json": json, "output": output}, [file])
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
    write(found, page, json, output)
    show(found, view, quiet, page)
    tell([note for note in found.notes if note not in set(table.notes)], quiet)
