"""Options that several commands share, in bundles: one function a bundle, whose arguments are the options.

`@asks(columns=reading)` gives a command all options of `reading`; it receives what `reading` returns as its argument
`columns`. A comma in a column option separates names, unless the table has a column of that very name.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ..cli.output import Format

ASKED, COLUMNS, READING, TRAINING, OUTPUT = "What is asked", "Which column is what", "How to read", "Training", "Output"


def option(text: str, panel: str | None, *names: str, shown: bool = False, **settings: Any) -> Any:
    return typer.Option(*names, help=text, rich_help_panel=panel, show_default=shown, **settings)


Table = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file, one row a time (and id).")]
Horizon = Annotated[
    int, option("How many steps ahead; a step is the typical gap.", ASKED, min=1, metavar="STEPS", shown=True)
]
Seed = Annotated[int, option("The same seed gives the same numbers.", TRAINING, min=0, metavar="N", shown=True)]
View = Annotated[
    Format | None, option("How to print (default: a table on a terminal, not into a pipe).", OUTPUT, "--format")
]
Import = Annotated[
    list[Path] | None,
    option("Run a Python file that registers cells of your own.", TRAINING, "--import", metavar="FILE.py"),
]
Quiet = Annotated[bool, option("No progress and no notes.", OUTPUT, "--quiet", "-q", metavar="")]


def reading(
    target: Annotated[
        list[str] | None, option("What to forecast (default: y, or the only numbers).", COLUMNS, metavar="NAMES")
    ] = None,
    time: Annotated[str | None, option("When (default: ds, or the only time stamps).", COLUMNS, metavar="NAME")] = None,
    id: Annotated[  # noqa: A002
        str | None, option("Which series (default: unique_id, or one series).", COLUMNS, metavar="NAME")
    ] = None,
    past: Annotated[list[str] | None, option("Known up to now, such as weather.", COLUMNS, metavar="NAMES")] = None,
    future: Annotated[
        list[str] | None, option("Known ahead, such as holidays or prices.", COLUMNS, metavar="NAMES")
    ] = None,
    static: Annotated[
        list[str] | None, option("One value per series, such as its site.", COLUMNS, metavar="NAMES")
    ] = None,
    duplicates: Annotated[
        str, option("Rows that repeat a time: error, first, last, mean.", READING, metavar="RULE", shown=True)
    ] = "error",
    zone: Annotated[
        str | None, option("The clock of stamps without one, such as Europe/Berlin.", READING, metavar="ZONE")
    ] = None,
    dayfirst: Annotated[
        bool | None, option("Is 02/10/2012 the 2 October?", READING, "--dayfirst/--no-dayfirst", metavar="")
    ] = None,
    time_unit: Annotated[
        str | None,
        option("s, ms, us, ns when time counts from 1970; excel, YYYYMM, ...; number.", READING, metavar="UNIT"),
    ] = None,
    decimal: Annotated[str | None, option("The decimal mark, . or ,", READING, metavar="MARK")] = None,
    delimiter: Annotated[str | None, option("What separates fields, such as ';'", READING, metavar="MARK")] = None,
) -> dict[str, Any]:
    """Arguments of `read_table`."""
    return {
        "target": target or None, "time": time, "id": id, "past": past or (), "future": future or (),
        "static": static or (), "duplicates": duplicates, "zone": zone, "dayfirst": dayfirst,
        "time_unit": time_unit, "decimal": decimal, "delimiter": delimiter,
    }  # fmt: skip


def rereading(
    duplicates: Annotated[
        str | None, option("Rows that repeat a time: error, first, last, mean.", READING, metavar="RULE")
    ] = None,
    zone: Annotated[
        str | None, option("The clock of stamps without one, such as Europe/Berlin.", READING, metavar="ZONE")
    ] = None,
    dayfirst: Annotated[
        bool | None, option("Is 02/10/2012 the 2 October?", READING, "--dayfirst/--no-dayfirst", metavar="")
    ] = None,
    decimal: Annotated[str | None, option("The decimal mark, . or ,", READING, metavar="MARK")] = None,
    delimiter: Annotated[str | None, option("What separates fields, such as ';'", READING, metavar="MARK")] = None,
) -> dict[str, Any]:
    """Arguments of `read_table` for a second table, which is read as the first was unless these say otherwise."""
    how = {"duplicates": duplicates, "zone": zone, "dayfirst": dayfirst, "decimal": decimal, "delimiter": delimiter}
    return {name: value for name, value in how.items() if value is not None}


def training(
    units: Annotated[int, option("Neurons of the cell.", TRAINING, min=1, metavar="N", shown=True)] = 32,
    context: Annotated[
        int, option("Rows that a model sees before it forecasts.", TRAINING, min=1, metavar="ROWS", shown=True)
    ] = 48,
    epochs: Annotated[int, option("Rounds of training, at most.", TRAINING, min=1, metavar="N", shown=True)] = 8,
    season: Annotated[
        str, option("auto (day, week, year), none, or steps: 24,168.", TRAINING, metavar="STEPS", shown=True)
    ] = "auto",
    strategy: Annotated[
        str, option("direct: all steps at once; recursive: one after the other, any number.", TRAINING, shown=True)
    ] = "direct",
    validation: Annotated[
        float, option("The last part of the rows, which chooses the best round.", TRAINING, metavar="PART", shown=True)
    ] = 0.15,
    loss: Annotated[str | None, option("What is made small: mae, mse or huber.", TRAINING, metavar="NAME")] = None,
    lr: Annotated[float | None, option("The learning rate, such as 0.003.", TRAINING, metavar="RATE")] = None,
    patience: Annotated[
        int | None, option("Stop after so many rounds without a better one.", TRAINING, min=1, metavar="N")
    ] = None,
    steps: Annotated[int | None, option("Updates of the weights in a round.", TRAINING, min=1, metavar="N")] = None,
    batch_size: Annotated[int | None, option("Windows in an update.", TRAINING, min=1, metavar="N")] = None,
    presets: Annotated[
        str | None, option("How much is tried: fast, balanced or best.", TRAINING, metavar="NAME")
    ] = None,
    start: Annotated[
        str | None, option("What the network corrects: auto, linear, seasonal, last.", TRAINING, metavar="NAME")
    ] = None,
    bands: Annotated[
        str | None,
        option(
            "Shape of bands: conformal, quantiles, normal, student, counts; none: without.", TRAINING, metavar="NAME"
        ),
    ] = None,
) -> dict[str, Any]:
    """Arguments of `Forecaster`; those that were not given keep its own defaults."""
    given = {"loss": loss, "lr": lr, "patience": patience, "steps": steps, "batch_size": batch_size,
             "presets": presets, "start": start}  # fmt: skip
    banded = {"bands": None} if bands == "none" else {} if bands is None else {"bands": bands}
    return {
        "units": units, "context": context, "epochs": epochs, "season": _season(season), "strategy": strategy,
        "validation": validation, **{name: value for name, value in given.items() if value is not None}, **banded,
    }  # fmt: skip


def cell_options(texts: list[str] | None) -> dict[str, Any]:
    """`solver=etd2rk`, `tau=[1, 50]`: arguments of a cell by name; a value is JSON, or the text as it stands."""
    found: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"--option is '{text}'; expected NAME=VALUE, such as solver=etd2rk")
        if name.strip() in found:
            raise typer.BadParameter(f"--option {name.strip()} was given twice; leave one of them out")
        found[name.strip()] = _value(value.strip())
    return found


def options_by_cell(texts: list[str] | None, cells: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`ctrnn.solver=etd2rk`: per cell its arguments by name."""
    found: dict[str, dict[str, Any]] = {}
    for place, value in cell_options(texts).items():
        cell, dot, name = place.partition(".")
        if not dot or not name:
            raise typer.BadParameter(
                f"--option is '{place}=...'; expected CELL.NAME=VALUE, such as ctrnn.solver=etd2rk"
            )
        if cell not in cells:
            raise typer.BadParameter(f"--option {place} is for {cell}, which is not among --cells {','.join(cells)}")
        found.setdefault(cell, {})[name] = value
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def import_cells(files: list[Path] | None) -> None:
    """Make the cells of `--import` known; torch is loaded only where there are any."""
    for file in files or ():
        from .. import cells

        cells.import_file(file)


def asks(**bundles: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with the options of bundles beside its own."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [p for name, p in signature.parameters.items() if name not in bundles]
        shared = {name: inspect.signature(bundle, eval_str=True).parameters for name, bundle in bundles.items()}

        @functools.wraps(command)
        def run(**given: Any) -> None:
            made = {
                name: bundle(**{option: given.pop(option) for option in shared[name]})
                for name, bundle in bundles.items()
            }
            command(**given, **made)

        parameters = [*(p for options in shared.values() for p in options.values()), *own]
        keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
        run.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in keywords}
        del run.__wrapped__
        return run

    return decorate


def named(columns: dict[str, Any], file: Path) -> dict[str, Any]:
    """`columns` as they are: "a,b" is parted into two names where the table is read, and a pipe is read once."""
    del file
    return columns


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _season(text: str) -> Any:
    if text in ("auto", "none"):
        return None if text == "none" else "auto"
    try:
        return [float(part) for part in _split(text)]
    except ValueError:
        raise typer.BadParameter(f"--season is '{text}'; expected auto, none, or steps: 24,168") from None
