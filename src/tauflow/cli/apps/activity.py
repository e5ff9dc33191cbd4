"""tauflow activity: what somebody does, from very uneven readings of a tag."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...cli.busy import busy
from ...cli.options import ASKED, TRAINING, Quiet, Seed, View, option
from ...cli.output import tell
from .ecg import HtmlPage, Numbers, QuickRun, Seeds, chosen
from .scored import Kept, check, finish


def activity(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="Trials such as d1p22F, or S1_Dataset.tar.gz; none: simulated trials."),
    ] = None,
    models: Annotated[
        str,
        option(
            "With commas: liquid, lstm, gru, boosting, logistic, liquid + boosting.", ASKED, metavar="NAMES", shown=True
        ),
    ] = "liquid,boosting,logistic,liquid + boosting",
    seeds: Seeds = 1,
    seed: Seed = 0,
    minutes: Annotated[float | None, option("Of CPU for one model, at most.", TRAINING, min=0.01, metavar="M")] = None,
    quick: QuickRun = False,
    page: HtmlPage = None,
    json: Numbers = None,
    save: Kept = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Label every row of very uneven RFID readings, from the past alone, in trials never seen: sits, lies, walks.

    A passive tag on the chest answers when an antenna reaches it. A committee of liquid networks is told each gap in seconds; beside it
    stand gradient boosting and logistic regression on the same windows, LSTM, GRU, and the mean of liquid and boosting. Every fourth
    trial is held out whole. Needs the extra sklearn.

    Example: [bold]tauflow activity rfid/ --page activity.html[/bold]
    """
    from ...apps.activity import MODELS, QUICK, Recipe, study
    from ...apps.activity import page as made
    from ...apps.activity.sources import gather

    names = chosen(models, MODELS)
    check(names, page, json, save)
    trials, source = gather(folder, quick=quick)
    tell([source if folder else f"no folder was given: {source}"], quiet)
    recipe = QUICK if quick else Recipe()
    with busy(f"learning from {source}", quiet):
        found = study(
            trials,
            names,
            range(seed, seed + seeds),
            source,
            lambda text: tell([text], quiet),
            recipe=recipe,
            minutes=minutes,
        )
    finish(found, "activity", made, page, json, save, view)
