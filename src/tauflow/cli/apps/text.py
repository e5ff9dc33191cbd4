"""tauflow text: labels of texts, by a liquid network on words with TF-IDF beside it; answers for new ones, and token by token."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.options import COLUMNS, OUTPUT, TRAINING, Quiet, Seed, View, option
from ...cli.output import TYPED, Format, emit, plain, tell, write
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.text import Study

ANSWERS = "Answers of a saved model"
MOST_ROWS = 40  # on a terminal


def text(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="CSV, TSV or Parquet, or lines of a label and a text (default: film reviews, shipped).",
        ),
    ] = None,
    text: Annotated[str, option("The column with the texts.", COLUMNS, metavar="NAME", shown=True)] = "text",
    label: Annotated[
        str, option("The column with the labels.", COLUMNS, "--label", "--target", metavar="NAME", shown=True)
    ] = "label",
    choose: Annotated[
        Path | None, option("Texts that choose, instead of a tenth of FILE.", COLUMNS, metavar="FILE")
    ] = None,
    test: Annotated[
        Path | None, option("Texts that are tested, instead of a fifth of FILE.", COLUMNS, metavar="FILE")
    ] = None,
    cell: Annotated[
        str, option("gated_ltc, cfc, ctrnn, lstm, gru, ...", TRAINING, metavar="NAME", shown=True)
    ] = "gated_ltc",
    members: Annotated[int, option("Networks that answer together.", TRAINING, min=1, metavar="N", shown=True)] = 3,
    causal: Annotated[
        bool, option("Read from the past alone, so that it can stream.", TRAINING, "--causal", metavar="")
    ] = False,
    embeddings: Annotated[
        Path | None,
        option("Word vectors to begin with: lines of a word and its numbers (GloVe).", TRAINING, metavar="FILE"),
    ] = None,
    seeds: Annotated[int, option("How many times all is learned.", TRAINING, min=1, metavar="N", shown=True)] = 1,
    seed: Seed = 0,
    minutes: Annotated[
        float, option("A network may learn, at most.", TRAINING, min=0.001, metavar="M", shown=True)
    ] = 5.0,
    quick: Annotated[
        bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
    ] = False,
    save: Annotated[Path | None, option("Save the last model.", OUTPUT, metavar="FILE.tau")] = None,
    page: Annotated[Path | None, option("Write a page with coloured texts.", OUTPUT, metavar="HTML")] = None,
    json: Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")] = None,
    model: Annotated[
        Path | None, option("Answer for FILE with this model instead of learning.", ANSWERS, metavar="FILE.tau")
    ] = None,
    stream: Annotated[
        bool,
        option("With --model: read the standard input, answer after every token.", ANSWERS, "--stream", metavar=""),
    ] = False,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Learn to label texts, beside TF-IDF with logistic regression; or label new texts with a saved model.

    70 % of the texts are learned from, 10 % choose, 20 % are tested. The answer is that of TF-IDF and of networks together, each as
    much as the texts that choose say. Needs the extra sklearn to learn, not to answer. About a minute of CPU a network on 7,000 sentences.

    Example: [bold]tauflow text reviews.csv --text review --label stars --save stars.tau[/bold]

    Then: [bold]tauflow text new.csv --text review --model stars.tau[/bold]
    """
    if model is not None:
        _answer(model, file, text, stream, view)
        return
    if stream:
        raise TauflowError("--stream answers with a saved model: name it with --model")
    for path in (save, page, json):
        if path is not None:
            check_output(path, [] if file is None else [file])
    from ...apps.text import QUICK, Recipe, parted, read_texts, shipped, study

    found = shipped() if file is None else read_texts(file, text, label)
    others = [None if path is None else read_texts(path, text, label) for path in (choose, test)]
    learn, held, tested = parted(found, *others)
    recipe = replace(QUICK if quick else Recipe(seconds=60 * minutes), cell=cell, causal=causal)
    vectors = None if embeddings is None else str(embeddings)
    with busy(f"learning from {len(learn):,} texts", quiet):
        made = study(
            learn, held, tested, seeds=seeds, seed=seed, members=members, recipe=recipe, vectors=vectors,
            tell=lambda line: tell([line], quiet),
        )  # fmt: skip
    tell(made.model.notes, quiet)
    if save is not None:
        made.model.save(save)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(made.rows(), indent=1).encode())
    if page is not None:
        from ...apps.text.page import page as made_page

        made_page(made, TYPED.get()).write(page)
    emit(view, Format.csv, lambda screen: _tables(made), made.frame, made.rows)


def _answer(path: Path, file: Path | None, text: str, stream: bool, view: Format | None) -> None:
    """Labels and probabilities of a file's texts, or of what comes in."""
    import sys

    from ...apps.text import TextClassifier, read_texts

    model = TextClassifier.load(path)
    if stream:
        write("\t".join(["token", *model.classes]) + "\n")
        for line in sys.stdin:
            for word, p in model.stream().read(line):
                write("\t".join([word, *(f"{one:.4f}" for one in p)]) + "\n")
        return
    if file is None:
        raise TauflowError("--model answers for the texts of a FILE, or with --stream for those of the standard input")
    found = read_texts(file, text, labelled=False)
    answers = model.frame(found.texts)
    emit(view, Format.csv, lambda screen: _answers(answers), lambda: answers, lambda: answers.to_dict(orient="records"))


def _answers(answers: Any) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None)
    for column in answers.columns:
        grid.add_column(plain(column), justify="left" if column in ("text", "label") else "right")
    for row in answers.head(MOST_ROWS).itertuples(index=False):
        grid.add_row(*(Text(f"{cell:.3f}" if isinstance(cell, float) else plain(cell)) for cell in row))
    rest = len(answers) - MOST_ROWS
    return [grid, *([Text(f"and {rest:,} more: --format csv prints all", style="dim")] if rest > 0 else [])]


def _tables(made: Study) -> Sequence[RenderableType]:
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None)
    columns, rows = made.table()
    for k, column in enumerate(columns):
        grid.add_column(column, justify="right" if k else "left", style="cyan" if not k else None)
    for cells in rows:
        grid.add_row(*(Text(plain(cell)) for cell in cells))
    return [Text(plain(made.sentence())), Text(""), grid]
