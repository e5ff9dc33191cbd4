"""tauflow report: how good a saved model was on rows that came after those it learned from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cli.options import ASKED, Import, Quiet, Table, View, asks, import_cells, option, rereading
from ...cli.output import complain, tell
from ...cli.tables.scores import Figures, Forecasts, Level, Scores, check_places, show, write


@asks(reading=rereading)
def report(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that tauflow fit saved.")],
    file: Table,
    reading: dict[str, Any],
    windows: Annotated[
        int | None,
        option(
            "How many cut-offs (default: all behind the rows that it learned, 12 at most).", ASKED, min=1, metavar="N"
        ),
    ] = None,
    step: Annotated[
        int | None,
        option("Steps from one cut-off to the next (default: the model's horizon).", ASKED, min=1, metavar="STEPS"),
    ] = None,
    level: Level = 90.0,
    page: Figures = None,
    json: Scores = None,
    output: Forecasts = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """How good was a saved model, and its bands, on rows that came after those it learned from?

    Nothing is learned: the model forecasts from several moments as it is, and what came is held against it. The table holds its
    history and the newer rows. Prints what tauflow backtest prints, for this one model; rows that it learned from are refused.

    Example: [bold]tauflow report traffic.tau traffic.csv --page report.html[/bold]
    """
    check_places({"page": page, "json": json, "output": output}, [model, file])
    import_cells(own)
    from ...estimators import Forecaster, backtest

    forecaster = Forecaster.load(model)
    banded = forecaster.bands is not None
    found = backtest(
        forecaster, file, n_windows=windows, step_size=step, as_fitted=True, level=level if banded else None,
        progress=None if quiet else lambda done, of: complain(f"cut-off {done} of {of}: done"), **reading,
    )  # fmt: skip
    tell(found.notes, quiet)
    write(found, page, json, output)
    show(found, view, quiet, page)
