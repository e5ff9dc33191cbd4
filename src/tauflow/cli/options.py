"""Options that several commands share, in bundles: one function a bundle, whose arguments are the options.

`@asks(columns=reading)` gives a command all options of `reading`; it receives what `reading` returns as its argument
`columns`. A comma in a column option separates names, unless the table has a column of that very name.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
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
) -> dict[str, Any]:
    """Arguments of `Forecaster`."""
    return {
        "units": units, "context": context, "epochs": epochs, "season": _season(season), "strategy": strategy,
        "validation": validation,
    }  # fmt: skip


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
