"""tauflow tune: try settings on the rows before the test part, and print the best as a command and as Python."""

from __future__ import annotations

import json as plain_json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ...cli.command import command_line
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
)
from ...cli.output import Format, complain, emit, plain, tell, to_copy
from ...cli.output import chosen as view_of
from ...cli.tables.compare import chosen, part
from ...files import check_output

MOST_ROWS = 10  # of the table on a terminal


@asks(columns=reading)
def tune(
    file: Table,
    columns: dict[str, Any],
    cells: Annotated[
        str, option("Which cells are tried.", TRAINING, metavar="NAMES", shown=True)
    ] = "cfc,gated_ltc,ctrnn",
    horizon: Horizon = 24,
    trials: Annotated[int, option("How many settings are tried.", TRAINING, min=1, metavar="N", shown=True)] = 30,
    jobs: Annotated[
        int, option("Processes side by side, of one thread each.", TRAINING, min=1, metavar="N", shown=True)
    ] = 1,
    time_limit: Annotated[
        float | None,
        option("No trial begins after so many seconds; those that run are cut.", TRAINING, min=1, metavar="SECONDS"),
    ] = None,
    test: Annotated[
        str,
        option(
            "The last part, not looked at: 0.2 of the rows, 90D, a moment, none.", ASKED, metavar="PART", shown=True
        ),
    ] = "0.2",
    judged: Annotated[
        float, option("The last part of the rows before it, which judges.", TRAINING, metavar="PART", shown=True)
    ] = 0.2,
    seed: Seed = 0,
    epochs: Annotated[int | None, option("Rounds of training, at most.", TRAINING, min=1, metavar="N")] = None,
    steps: Annotated[int | None, option("Updates of the weights in a round.", TRAINING, min=1, metavar="N")] = None,
    loss: Annotated[str | None, option("What is made small: mae, mse or huber.", TRAINING, metavar="NAME")] = None,
    options: Annotated[
        list[str] | None,
        option(
            "A cell's argument that stays: ctrnn.solver=rk4; may be given again.",
            TRAINING,
            "--option",
            metavar="CELL.NAME=VALUE",
        ),
    ] = None,
    journal: Annotated[
        Path | None, option("Keep the trials there; if the file is there, go on from it.", OUTPUT, metavar="FILE")
    ] = None,
    page: Annotated[Path | None, option("Also write a page with the trials.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Also write all numbers.", OUTPUT, metavar="JSON")] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Which settings forecast this table best? Tries them on the rows before the test part, which it never looks at.

    Each trial trains on the first rows and is judged by its MASE on the rows after them; hopeless ones are stopped early. With
    --journal the same command goes on where a killed one stopped. Needs pip install "tauflow\\[tune]".

    Example: [bold]tauflow tune traffic.csv --target volume --trials 30 --jobs 2 --time-limit 300 --journal traffic.journal[/bold]
    """
    given = [path for path in (page, json) if path is not None]
    for path in given:
        check_output(path, [file, *([journal] if journal is not None else [])])
    if page is not None and json is not None and page.resolve() == json.resolve():
        raise typer.BadParameter("--page and --json name one file; give each its own")
    models = chosen(cells)
    of_cells = options_by_cell(options, models)
    import_cells(own)
    from ...data import read_table

    table = read_table(file, **named(columns, file))
    tell(table.notes, quiet)
    from ...estimators import tune as tuned

    fixed = {name: value for name, value in (("epochs", epochs), ("steps", steps), ("loss", loss)) if value is not None}
    found = tuned(
        table, models, h=horizon, trials=trials, jobs=jobs, time_limit=time_limit, judged=judged, seed=seed, journal=journal,
        test=None if test == "none" else part(test), options=of_cells, progress=None if quiet else _told, forecaster=fixed,
    )  # fmt: skip
    best = best_command(found, file, columns, own)
    if page is not None:
        from ...report.tuning import tuning_page

        tuning_page(found, page, best)
    told = {**found.to_dict(), "command": best}
    if json is not None:
        from ...files import write_bytes_atomically

        write_bytes_atomically(
            json, plain_json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"
        )
    shown = view_of(view, Format.json)
    emit(shown, shown, lambda screen: _view(found, best), found.to_frame, lambda: told)
    if not quiet:
        if shown is not Format.table:
            complain(found.verdict)
        if page is not None:
            complain(f"the page is {page.resolve()}")


def best_command(found: Any, file: Path, columns: Mapping[str, Any], own: list[Path] | None) -> str:
    """The command that trains the best settings on the table."""
    options: dict[str, Any] = {}
    for name, value in columns.items():
        if value not in (None, (), []) and not (name == "duplicates" and value == "error"):
            options[name] = value if isinstance(value, str | bool) else list(value)
    for name, value in found.settings.items():
        options["horizon" if name == "h" else name] = str(value)
    if found.cell_options:
        options["option"] = [f"{name}={_json(value)}" for name, value in found.cell_options.items()]
    if own:
        options["import"] = [str(one) for one in own]
    return f"{command_line('fit', [file], options)} -o {file.stem if file.stem.isidentifier() else 'model'}.tau"


def _json(value: Any) -> str:
    return value if isinstance(value, str) else plain_json.dumps(value)


def _told(trial: Any) -> None:
    """A line for a trial that has ended."""
    error = "" if trial.error is None else f" MASE {trial.error:.4g}"
    values = ", ".join(f"{name} {value}" for name, value in trial.values.items()) or "default settings"
    complain(f"trial {trial.number}, {trial.cell}, {trial.state}{error}: {trial.why or values}")


def _view(found: Any, best: str) -> list[Any]:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid(box=box.SIMPLE_HEAD, header_style="dim")
    for name in ("trial", "cell", "MASE", "tried"):
        grid.add_column(name, justify="right" if name in ("trial", "MASE") else "left")
    ranked = sorted(found.done, key=lambda one: (one.error, one.number))
    for one in ranked[:MOST_ROWS]:
        values = ", ".join(f"{name} {value}" for name, value in one.values.items()) or "default settings"
        grid.add_row(str(one.number), plain(one.cell), f"{one.error:.4f}", plain(values))
    more = len(found.trials) - len(ranked[:MOST_ROWS])
    return [
        grid,
        *(
            [Text(f"  ... {more:,} more trials, worse or not judged: --format csv prints all", style="dim")]
            if more
            else []
        ),
        Padding(Text(plain(found.verdict), style="bold"), (0, 2)),
        Text("train it, run:", style="cyan"),
        to_copy(best),
        Text("or in Python:", style="cyan"),
        to_copy(found.python),
    ]
