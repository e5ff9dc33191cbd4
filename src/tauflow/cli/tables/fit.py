"""tauflow fit: train one model on a table and write it to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cli.command import command_line
from ...cli.options import (
    OUTPUT,
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
from ...cli.output import Format, emit, plain, tell, to_copy
from ...files import check_output


@asks(columns=reading, training=training)
def fit(
    file: Table,
    output: Annotated[Path, option("Where the model goes.", OUTPUT, "--output", "-o", metavar="MODEL")],
    columns: dict[str, Any],
    training: dict[str, Any],
    cell: Annotated[
        str, option("cfc, gated_ltc, ltc, ctrnn, lstm, gru, ridge, ...", TRAINING, metavar="NAME", shown=True)
    ] = "cfc",
    horizon: Horizon = 24,
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
    checkpoint: Annotated[
        Path | None,
        option("Keep the training there as it goes on; if the file is there, go on from it.", TRAINING, metavar="FILE"),
    ] = None,
    resume: Annotated[
        bool | None, option("With --checkpoint: begin anew instead.", TRAINING, "--resume/--no-resume", metavar="")
    ] = None,
    time_limit: Annotated[
        float | None, option("Seconds that the training may take, about.", TRAINING, min=0.1, metavar="SECONDS")
    ] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Train one model on all rows of a table and save it.

    Times may be uneven and values may be missing: gaps are told to the network, nothing is filled in. The model file
    holds numbers and names only, and is written whole or not at all.

    Example: [bold]tauflow fit traffic.csv --target volume --past temperature,rain --future holiday --horizon 24
    -o traffic.tau[/bold]
    """
    check_output(output, [file])
    if checkpoint is not None:
        check_output(checkpoint, [file, output])
    elif resume is not None:
        raise typer.BadParameter(
            f"{'--resume' if resume else '--no-resume'} needs --checkpoint and the file to go on from"
        )
    import_cells(own)
    from ...data import read_table

    table = read_table(file, **named(columns, file))
    from ...estimators import Forecaster

    model = Forecaster(cell=cell, h=horizon, seed=seed, options=cell_options(options), **training)
    model.fit(table, progress=not quiet, checkpoint=checkpoint, resume=resume is not False, time_limit=time_limit)
    model.save(output)
    tell(model.notes, quiet)
    facts = {"model": str(output), "cell": cell, "horizon": horizon, "parameters": model.parameters}
    if model.history is not None and model.history.message:
        facts["training"] = model.history.message
    facts["next"] = command_line("predict", [output, file], {"import": [str(one) for one in own or ()]})
    ahead = table.schema.future
    emit(view, Format.json, lambda screen: _told(facts, ahead), lambda: _frame(facts), lambda: facts)


def _told(facts: dict[str, Any], ahead: tuple[str, ...]) -> list[Any]:
    from rich.text import Text

    learned = f"{plain(facts['cell'])}, {facts['parameters']:,} parameters, forecasts {facts['horizon']} steps"
    told = [Text(f"saved {plain(facts['model'])}: {learned}"), Text("next, run:", style="cyan"), to_copy(facts["next"])]
    if ahead:
        told.append(Text(f"with --future and a table of what is known ahead: {plain(', '.join(ahead))}", style="dim"))
    return told


def _frame(facts: dict[str, Any]) -> Any:
    import pandas as pd

    return pd.DataFrame([facts])
