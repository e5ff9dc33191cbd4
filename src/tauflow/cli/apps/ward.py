"""tauflow ward: who will die, from irregular records of intensive care."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...cli.busy import busy
from ...cli.options import ASKED, TRAINING, Quiet, Seed, View, option
from ...cli.output import tell
from .ecg import HtmlPage, Numbers, QuickRun, Seeds, chosen
from .scored import Kept, check, finish


def ward(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]", help="PhysioNet 2012: set-a.tar.gz and Outcomes-a.txt; none: a simulated ward."
        ),
    ] = None,
    models: Annotated[
        str,
        option(
            "With commas: liquid, line, gru_d, lstm, attention, boosting, logistic, liquid + boosting.",
            ASKED,
            metavar="NAMES",
            shown=True,
        ),
    ] = "liquid,line,boosting,logistic,liquid + boosting",
    fold: Annotated[int | None, option("This fold alone, 1 to 5.", ASKED, min=1, max=5, metavar="K")] = None,
    seeds: Seeds = 1,
    seed: Seed = 0,
    minutes: Annotated[
        float | None, option("Of CPU for one model of one fold, at most.", TRAINING, min=0.01, metavar="M")
    ] = None,
    quick: QuickRun = False,
    page: HtmlPage = None,
    json: Numbers = None,
    save: Kept = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Tell who will die in hospital from the first 48 hours in intensive care, on stays never seen: five folds.

    What was measured and when, dt in hours, goes into a liquid network whose readout is solved; beside it stand that readout without
    the network's states, gradient boosting, logistic regression, GRU-D, LSTM, attention, and the mean of liquid and boosting. AUROC with
    a 95 % interval over stays, calibration, one stay explained, the risk over its hours. Needs the extra sklearn. Not a medical device.

    Example: [bold]tauflow ward physionet2012/ --page ward.html[/bold]
    """
    from ...apps.ward import MODELS, QUICK, Recipe, study
    from ...apps.ward import page as made
    from ...apps.ward.sources import gather

    names = chosen(models, MODELS)
    check(names, page, json, save)
    stays, source = gather(folder, quick=quick)
    tell([source if folder else f"no folder was given: {source}"], quiet)
    recipe, folds = (QUICK, 2) if quick else (Recipe(), 5)
    how: dict[str, Any] = {"folds": folds, "only": fold, "recipe": recipe, "minutes": minutes}
    with busy(f"learning from {source}", quiet):
        found = study(
            stays, names, range(seed, seed + seeds), source, lambda text: tell([text], quiet), **how
        )  # fmt: skip
    finish(found, "ward", made, page, json, save, view)
