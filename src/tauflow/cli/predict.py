"""tauflow predict: what a saved model expects after the last rows of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tauflow.cli.options import READING, Table, View, option
from tauflow.cli.output import Format, emit, plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MOST_ROWS = 200  # on a terminal


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that tauflow fit saved.")],
    file: Table,
    horizon: Annotated[
        int | None, option("Steps ahead, up to what was learned (default: all).", None, min=1, metavar="STEPS")
    ] = None,
    times: Annotated[
        list[str] | None, option("Forecast these times instead; may be given again.", None, metavar="TIMES")
    ] = None,
    future: Annotated[
        Path | None, option("A table of the future-known columns: time (and id), holiday, ...", None, metavar="FILE")
    ] = None,
    duplicates: Annotated[
        str, option("Rows that repeat a time: error, first, last, mean.", READING, metavar="RULE", shown=True)
    ] = "error",
    view: View = None,
) -> None:
    """Forecast what comes after the last rows of a table, in its units: one row per id and time.

    The table has the columns that the model was fitted on; it may be newer and of another length. Into a pipe:
    CSV.

    Example: [bold]tauflow predict traffic.tau today.csv --future holidays.csv > forecast.csv[/bold]

    Example: [bold]tauflow predict traffic.tau today.csv --times "2018-10-01 08:00" --times "2018-10-01 17:30"[/bold]
    """
    if horizon is not None and times:
        raise typer.BadParameter("give --horizon or --times, not both")
    from tauflow.data import read_table
    from tauflow.estimators import Forecaster

    forecaster = Forecaster.load(model)
    schema = forecaster.encoder.schema if forecaster.encoder is not None else None
    table = read_table(file, schema=schema, duplicates=duplicates)  # type: ignore[arg-type]
    asked = [part.strip() for text in times or () for part in text.split(",") if part.strip()]
    forecast = forecaster.predict(table, h=horizon, times=asked or None, future=future)
    emit(
        view,
        Format.csv,
        lambda screen: _table(screen, forecast),
        lambda: forecast,
        lambda: json.loads(forecast.to_json(orient="records", date_format="iso", date_unit="s")),
    )


def _table(screen: Console, forecast: Any) -> Sequence[RenderableType]:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
    numbers = [kind.kind in "fiu" for kind in forecast.dtypes]
    for name, is_number in zip(forecast.columns, numbers, strict=True):
        grid.add_column(Text(plain(name)), justify="right" if is_number else "left")
    for row in forecast.head(MOST_ROWS).itertuples(index=False):
        grid.add_row(*(Text(f"{value:,.6g}" if isinstance(value, float) else plain(value)) for value in row))
    left = len(forecast) - MOST_ROWS
    return [grid, Text(f"... {left:,} more rows: --format csv prints all", style="dim")] if left > 0 else [grid]
