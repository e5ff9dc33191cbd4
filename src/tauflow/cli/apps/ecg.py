"""tauflow ecg: ventricular beats, beat by beat, on patients never seen."""

from __future__ import annotations

import json as writing
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.command import command_line
from ...cli.options import ASKED, OUTPUT, READING, TRAINING, Quiet, Seed, View, option
from ...cli.output import Format, emit, plain, tell
from ...errors import TauflowError
from ...files import check_output, write_bytes_atomically

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ...apps.ecg import Judged

Records = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[RECORDS]", help="Folders or records of PhysioNet, or a CSV; none: simulated hearts."),
]
Events = Annotated[Path | None, option("Of a CSV: another with time and kind of each beat.", READING, metavar="CSV")]
Lead = Annotated[str | None, option("Name or number of the lead (default: the first).", READING, metavar="NAME")]
Gain = Annotated[float, option("Millivolts of one unit of the signal.", READING, metavar="MV", shown=True)]
Seeds = Annotated[int, option("How many seeds each.", TRAINING, min=1, metavar="N", shown=True)]
Minutes = Annotated[
    float | None, option("Of CPU for one model and one patient left out, at most.", TRAINING, min=0.01, metavar="M")
]
QuickRun = Annotated[
    bool, option("A few seconds, to see that it runs; the figures mean nothing.", TRAINING, "--quick", metavar="")
]
HtmlPage = Annotated[Path | None, option("Write a page.", OUTPUT, metavar="HTML")]
Numbers = Annotated[Path | None, option("Write every number.", OUTPUT, "--json", metavar="FILE")]


def ecg(
    records: Records = None,
    events: Events = None,
    lead: Lead = None,
    gain: Gain = 1.0,
    models: Annotated[
        str, option("With commas: liquid, lstm, gru, logistic, boosting, rr ratio.", ASKED, metavar="NAMES", shown=True)
    ] = "liquid,logistic,boosting,rr ratio",
    seeds: Seeds = 1,
    seed: Seed = 0,
    minutes: Minutes = None,
    quick: QuickRun = False,
    page: HtmlPage = None,
    json: Numbers = None,
    save: Annotated[
        Path | None, option("Save a committee learned from all patients.", OUTPUT, metavar="FILE.tau")
    ] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Find ventricular beats in an ECG whose beats are known: one step a beat, dt the RR interval, patients never seen.

    Every patient is left out in turn, models learn from the others and are judged on him; of the whole MIT-BIH database the patients of
    de Chazal teach and judge. Beside the liquid committee stand logistic regression, gradient boosting, a threshold on RR, LSTM and GRU.
    Without records it simulates hearts (McSharry 2003). Needs the extras ecg (for PhysioNet's files) and sklearn. Not a medical device.

    Example: [bold]tauflow ecg mitdb/ --seeds 3 --page ecg.html[/bold]
    """
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    from ...apps.ecg import BEAT_MODELS, trial_of_beats
    from ...apps.ecg.sources import gather

    names = chosen(models, BEAT_MODELS)
    read, source = gather(records or (), lead=lead, events=events, gain=gain, quick=quick)
    tell([f"no records were given: {source}"] if not records else [f"{source}"], quiet)
    how: dict[str, Any] = {"minutes": minutes, **({"epochs": 2, "members": 1} if quick else {})}
    with busy(f"learning from {source}", quiet):
        judged = trial_of_beats(read, names, range(seed, seed + seeds), source, lambda text: tell([text], quiet), **how)
    if save is not None:
        from ... import save as store
        from ...apps.ecg.beats import beats
        from ...apps.ecg.committee import learn

        with busy("learning from all patients, to be saved", quiet):
            made = learn("liquid", [beats(record) for record in read], seed, **how)
        if made.committee is not None:
            store(made.committee, save)
    options = {"models": models, "seeds": seeds, "seed": seed, "events": events, "lead": lead, "page": page}
    finish(judged, "ecg", [str(path) for path in records or ()], options, page, json, view)


def chosen(text: str, known: Sequence[str]) -> list[str]:
    """Names with commas, each known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise TauflowError(f"--models names {', '.join(unknown) or 'nothing'}, expected some of {', '.join(known)}")
    return names


def finish(
    judged: Judged, command: str, files: list[str], options: dict[str, Any], page: Path | None, json: Path | None, view: Format | None
) -> None:  # fmt: skip
    """Page, numbers and table of a trial."""
    if page is not None:
        from ...apps.ecg.page import page as made_page

        given = {
            name: value if isinstance(value, (int, float)) else str(value)
            for name, value in options.items()
            if value is not None
        }
        made_page(judged, command_line(command, files, given)).write(page)
    if json is not None:
        write_bytes_atomically(json, writing.dumps(judged.rows(), indent=1).encode())
    emit(view, Format.csv, lambda screen: table(judged), judged.frame, judged.rows)


def table(judged: Judged) -> Sequence[RenderableType]:
    """A line a model and condition, and who leads."""
    from rich.table import Table
    from rich.text import Text

    from ...apps.ecg.page import NAMES, written

    metrics = [m for m in NAMES if judged.task == "alarm" or "[ms]" not in m]
    grid = Table(title=f"{judged.source}: {judged.protocol}", title_justify="left")
    grid.add_column("model", style="cyan", no_wrap=True)
    if len(judged.conditions) > 1:
        grid.add_column("condition", no_wrap=True)
    for metric in metrics:
        grid.add_column(NAMES[metric], justify="right")
    grid.add_column("CPU s", justify="right")
    for model in judged.models:
        for condition in judged.conditions:
            some = judged.of(model, condition)
            shown = [written(m, judged.mean(model, m, condition)) for m in metrics]
            where = [condition] if len(judged.conditions) > 1 else []
            seconds = f"{sum(one.seconds for one in some) / len(some):.1f}"
            grid.add_row(*(Text(plain(text)) for text in (model, *where, *shown, seconds)))
    return [grid, Text(judged.sentence())]
