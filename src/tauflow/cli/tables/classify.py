"""tauflow classify: a label for each sequence of a long table, or for each of its rows; fit, predict, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.command import command_line
from ...cli.options import (
    ASKED,
    COLUMNS,
    OUTPUT,
    TRAINING,
    Import,
    Quiet,
    Seed,
    View,
    asks,
    import_cells,
    option,
    rereading,
)
from ...cli.output import Format, chosen, emit, plain, tell, text_of, to_copy, write
from ...files import check_output

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Long = Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or Parquet file, one row a sequence and time.")]
Output = Annotated[Path, option("Where the model goes.", OUTPUT, "--output", "-o", metavar="MODEL")]
Target = Annotated[str, option("The column with the labels.", COLUMNS, "--target", "--label", metavar="NAME")]
MOST_ROWS = 40  # on a terminal


def main() -> None:
    """Label sequences of a long table, or each of their rows: stays, beats, gestures, machines.

    Example: [bold]tauflow classify compare stays.csv --id stay --time hours --label died[/bold]
    """


def columns(
    id: Annotated[str, option("Which sequence a row belongs to.", COLUMNS, metavar="NAME")],  # noqa: A002
    time: Annotated[str | None, option("When (default: ds, or the only time stamps).", COLUMNS, metavar="NAME")] = None,
    static: Annotated[
        list[str] | None, option("One value a sequence, such as an age.", COLUMNS, metavar="NAMES")
    ] = None,
    channels: Annotated[
        list[str] | None, option("What is measured (default: all other columns).", COLUMNS, metavar="NAMES")
    ] = None,
    groups: Annotated[
        str | None,
        option("Held out together: patients of these stays. One value a sequence.", COLUMNS, metavar="NAME"),
    ] = None,
) -> dict[str, Any]:
    """Arguments of `read_sequences`."""
    return {"id": id, "time": time, "static": static or (), "channels": channels, "groups": groups}


def learning(
    cell: Annotated[
        str, option("cfc, gated_ltc, ltc, ctrnn, lstm, gru, ...", TRAINING, metavar="NAME", shown=True)
    ] = "cfc",
    units: Annotated[int, option("Neurons of the cell.", TRAINING, min=1, metavar="N", shown=True)] = 32,
    members: Annotated[int, option("Networks that answer together.", TRAINING, min=1, metavar="N", shown=True)] = 3,
    causal: Annotated[
        bool, option("Answer from the past alone, so that it can stream.", TRAINING, "--causal", metavar="")
    ] = False,
    epochs: Annotated[
        int | None, option("Rounds of training (default: about 300 updates).", TRAINING, min=1, metavar="N")
    ] = None,
    time_limit: Annotated[
        float | None, option("Seconds that the networks may learn together.", TRAINING, metavar="SECONDS")
    ] = None,
) -> dict[str, Any]:
    """Arguments of `Classifier`."""
    return {
        "cell": cell, "units": units, "members": members, "causal": causal, "epochs": epochs, "time_limit": time_limit,
    }  # fmt: skip


@asks(columns=columns, reading=rereading, learning=learning)
def fit(
    file: Long,
    output: Output,
    target: Target,
    columns: dict[str, Any],
    reading: dict[str, Any],
    learning: dict[str, Any],
    seed: Seed = 0,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Learn the labels of sequences, or of rows, from a long table, and save the model.

    A label that is the same in all rows of a sequence is a label of the sequence. Times may be uneven, cells may be empty.

    Example: [bold]tauflow classify fit stays.csv --id stay --time hours --label died --static age -o ward.tau[/bold]
    """
    check_output(output, [file])
    import_cells(own)
    from ...data import read_sequences

    table = read_sequences(file, target=target, **columns, **reading)
    from ...estimators import Classifier

    model = Classifier(**learning, seed=seed)
    model.fit(table, progress=not quiet)
    model.save(output)
    tell(model.notes_, quiet)
    facts = {
        "model": str(output), "classes": [str(one) for one in model.classes_.tolist()], "sequences": len(table.sequences),
        "a label": "a row" if table.every else "a sequence", "held out": model.validation_,
        "next": command_line("classify predict", [output, file], {"import": [str(one) for one in own or ()]}),
    }  # fmt: skip
    emit(view, Format.json, lambda screen: _told(facts), lambda: _frame([facts]), lambda: facts)


@asks(reading=rereading)
def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model that tauflow classify fit saved.")],
    file: Long,
    reading: dict[str, Any],
    output: Annotated[
        Path | None, option("Write the answers there instead.", OUTPUT, "--output", "-o", metavar="FILE")
    ] = None,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Label the sequences of a long table, or its rows: the label and the probability of each class.

    Example: [bold]tauflow classify predict ward.tau today.csv > risk.csv[/bold]
    """
    if output is not None:
        check_output(output, [model, file])
    import_cells(own)
    from ...estimators import Classifier

    answers = Classifier.load(model).predict_table(file, **reading)
    view = (view or Format.csv) if output is not None else chosen(view, Format.csv)
    text = text_of(
        view, lambda screen: _answers(screen, answers), lambda: answers, lambda: answers.to_dict(orient="records")
    )
    if output is None:
        write(text)
    else:
        from ...files import write_bytes_atomically

        write_bytes_atomically(output, text.encode())


@asks(columns=columns, reading=rereading, learning=learning)
def compare(
    file: Long,
    target: Target,
    columns: dict[str, Any],
    reading: dict[str, Any],
    learning: dict[str, Any],
    models: Annotated[
        list[str] | None,
        option(
            "liquid, network, summaries, shapes, boosting, lstm, gru, ... (default: what fits).", ASKED, metavar="NAMES"
        ),
    ] = None,
    test: Annotated[float, option("The share of sequences that is tested.", ASKED, metavar="PART", shown=True)] = 0.25,
    seed: Seed = 0,
    own: Import = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Put the liquid model beside simple rivals and static networks: same sequences to learn from, same others to answer for.

    Whole groups are tested where there are some. Seconds are of the processor, for learning and answering.

    Example: [bold]tauflow classify compare stays.csv --id stay --time hours --label died[/bold]
    """
    import_cells(own)
    from ...data import read_sequences

    table = read_sequences(file, target=target, **columns, **reading)
    from ...estimators.sequences.tables import compared

    names = [part.strip() for one in models or () for part in one.split(",")]
    rows = compared(
        table, names or None, test, seed, None if quiet else (lambda row: tell([f"{row.model} is done"])), **learning
    )
    facts = [{"model": row.model, **row.scores, "seconds": row.seconds, "parameters": row.parameters} for row in rows]
    emit(view, Format.json, lambda screen: [_rows(facts)], lambda: _frame(facts), lambda: facts)


def _told(facts: dict[str, Any]) -> list[Any]:
    from rich.text import Text

    held = ", ".join(f"{name} {value:.3g}" for name, value in facts["held out"].items())
    learned = f"saved {facts['model']}: {', '.join(facts['classes'])}, {facts['a label']}, from {facts['sequences']} sequences"
    told = [Text(plain(learned)), *([Text(plain(f"held out: {held}"))] if held else [])]
    return [*told, Text("next, run:", style="cyan"), to_copy(facts["next"])]


def _rows(facts: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None)
    for name in facts[0]:
        table.add_column(name.replace("_", " "), justify="left" if name == "model" else "right")
    for row in facts:
        table.add_row(
            *(
                f"{value:,}" if isinstance(value, int) else f"{value:.3f}" if isinstance(value, float) else plain(value)
                for value in row.values()
            )
        )
    return table


def _answers(screen: Console, answers: Any) -> list[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None)
    for name in answers.columns:
        table.add_column(plain(name), justify="right")
    for row in answers.head(MOST_ROWS).itertuples(index=False):
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else plain(value) for value in row))
    rest = len(answers) - MOST_ROWS
    return [table, *([Text(f"and {rest:,} more rows: --format csv prints all", style="dim")] if rest > 0 else [])]


def _frame(facts: list[dict[str, Any]]) -> Any:
    import pandas as pd

    return pd.DataFrame(facts)
