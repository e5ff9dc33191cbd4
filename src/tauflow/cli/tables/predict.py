"""tauflow predict: what a saved model expects after the last rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.options import (
    ASKED,
    OUTPUT,
    Import,
    Quiet,
    Table,
    View,
    asks,
    import_cells,
    option,
    rereading,
)
from ...cli.output import Format, chosen, plain, tell, text_of, write
from ...files import check_output

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MOST_ROWS = 200  # on a terminal


@asks(reading=rereading)
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that tauflow fit saved.")],
    file: Table,
    reading: dict[str, Any],
    horizon: Annotated[
        int | None, option("Steps ahead, up to what was learned (default: all).", ASKED, min=1, metavar="STEPS")
    ] = None,
    times: Annotated[
        list[str] | None, option("Forecast these times instead; may be given again.", ASKED, metavar="TIMES")
    ] = None,
    future: Annotated[
        Path | None, option("A table of the future-known columns: time (and id), holiday, ...", ASKED, metavar="FILE")
    ] = None,
    level: Annotated[
        str | None, option("Bands in percent, such as 80,95.", ASKED, "--level", metavar="PERCENTS")
    ] = None,
    quantiles: Annotated[
        str | None, option("Quantiles, such as .1,.5,.9.", ASKED, "--quantiles", metavar="NUMBERS")
    ] = None,
    output: Annotated[
        Path | None, option("Write the forecast there instead.", OUTPUT, "--output", "-o", metavar="FILE")
    ] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Forecast what comes after the last rows of a table, in its units: one row per id and time.

    The table has the columns that the model was fitted on; it may be newer and of another length. It is read as the
    first one was. Into a pipe or a file: CSV.

    Example: [bold]tauflow predict traffic.tau today.csv --future holidays.csv > forecast.csv[/bold]

    Example: [bold]tauflow predict traffic.tau today.csv --level 80,95 --quantiles .1,.5,.9[/bold]

    Example: [bold]tauflow predict traffic.tau today.csv --times "2018-10-01 08:00" --times "2018-10-01 17:30"[/bold]
    """
    if horizon is not None and times:
        raise typer.BadParameter("give --horizon or --times, not both")
    asked_bands = {"level": numbers("--level", level), "quantiles": numbers("--quantiles", quantiles)}
    if output is not None:
        check_output(output, [model, file, *([future] if future is not None else [])])
    import_cells(own)
    from ...estimators import Forecaster

    forecaster = Forecaster.load(model)
    asked = forecaster.separate_times(times) if times else None
    with busy("reading and forecasting", quiet):
        forecast = forecaster.predict(file, h=horizon, times=asked, future=future, **asked_bands, **reading)
    tell(forecast.attrs.get("notes", ()), quiet)
    schema = None if forecaster.encoder is None else forecaster.encoder.schema
    targets = len(forecast.columns) - (1 if schema is None or schema.id is None else 2)
    view = (view or Format.csv) if output is not None else chosen(view, Format.csv)
    text = text_of(view, lambda screen: _table(screen, forecast, targets), lambda: forecast, lambda: _records(forecast))
    if output is None:
        write(text)
    else:
        from ...files import write_bytes_atomically

        write_bytes_atomically(output, text.encode())


def numbers(option_: str, text: str | None) -> list[float] | None:
    """The numbers of an option, with commas between them."""
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise typer.BadParameter(f"{option_} is '{text}'; expected numbers with commas between them") from None


def _records(forecast: Any) -> list[dict[str, Any]]:
    """One dict a row for JSON: every digit, stamps as ISO 8601 to their last fraction, null for what is missing."""
    return [
        {name: _plain_value(value) for name, value in zip(forecast.columns, row, strict=True)}
        for row in forecast.itertuples(index=False)
    ]


def _plain_value(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and value != value else value


def _table(screen: Console, forecast: Any, targets: int) -> Sequence[RenderableType]:
    from rich import box
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
    numbers = [kind.kind in "fiu" for kind in forecast.dtypes]
    for name, is_number in zip(forecast.columns, numbers, strict=True):
        grid.add_column(Text(plain(name)), justify="right" if is_number else "left")
    keys = len(forecast.columns) - targets
    for row in forecast.head(MOST_ROWS).itertuples(index=False):
        key, values = row[:keys], row[keys:]
        grid.add_row(*(Text(plain(_digits(one))) for one in key), *(Text(f"{value:,.6g}") for value in values))
    left = len(forecast) - MOST_ROWS
    return [grid, Text(f"... {left:,} more rows: --format csv prints all", style="dim")] if left > 0 else [grid]


def _digits(value: Any) -> Any:
    """A number that says when, with all its digits: 1609680000, 20.1."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
