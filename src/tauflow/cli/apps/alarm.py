"""tauflow alarm: an alarm for ventricular beats straight from raw samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from ...cli.apps.ecg import (
    Events,
    Gain,
    HtmlPage,
    Lead,
    Minutes,
    Numbers,
    QuickRun,
    Records,
    Seeds,
    chosen,
    finish,
)
from ...cli.busy import busy
from ...cli.options import ASKED, OUTPUT, Quiet, Seed, View, option
from ...cli.output import tell
from ...files import check_output


def alarm(
    records: Records = None,
    events: Events = None,
    lead: Lead = None,
    gain: Gain = 1.0,
    models: Annotated[
        str,
        option('With commas: liquid, lstm, gru, tcn, front, or "liquid + front".', ASKED, metavar="NAMES", shown=True),
    ] = "liquid + front,liquid,lstm,front",
    seeds: Seeds = 1,
    seed: Seed = 0,
    minutes: Minutes = None,
    quick: QuickRun = False,
    page: HtmlPage = None,
    json: Numbers = None,
    save: Annotated[
        Path | None,
        option("Save the first liquid alarm, learned from all patients, for watch.", OUTPUT, metavar="FILE.tau"),
    ] = None,
    view: View = None,
    quiet: Quiet = False,
) -> None:
    """Learn an alarm for ventricular beats from raw samples, without a detector of R peaks, sample by sample.

    Taught at 180 samples a second on what is unusual beside the patient's own past; judged on patients never seen, at a level that others
    never seen chose, also at 45, 180 and 360 samples a second and with samples lost. Beside it stand that front
    without a network, and the two together: the mean of their log-odds.
    Without records it simulates hearts. Of a CSV the events are the times of ventricular beats. Needs the extra ecg. Not a medical device.

    Example: [bold]tauflow alarm mitdb/ --page alarm.html --save alarm.tau[/bold]
    """
    for path in (page, json, save):
        if path is not None:
            check_output(path)
    from ...apps.ecg import ALARM_MODELS, QUICK, trial_of_alarms
    from ...apps.ecg.sources import gather
    from ...errors import TauflowError

    names = chosen(models, ALARM_MODELS)
    if save is not None and not any(name.startswith("liquid") for name in names):
        raise TauflowError("--save saves the liquid alarm, but --models does not name it")
    read, source = gather(records or (), lead=lead, events=events, gain=gain, quick=quick)
    tell([f"no records were given: {source}"] if not records else [source], quiet)
    with busy(f"learning from {source}", quiet):
        judged, made = trial_of_alarms(
            read, names, range(seed, seed + seeds), source, lambda text: tell([text], quiet), QUICK if quick else None, minutes,
            ["180 Hz", "45 Hz", "30 % lost"] if quick else [],
        )  # fmt: skip
    if save is not None and made is not None:
        from ... import save as store

        store(made, save)
    options = {
        "models": models,
        "seeds": seeds,
        "seed": seed,
        "events": events,
        "lead": lead,
        "page": page,
        "save": save,
    }
    finish(judged, "alarm", [str(path) for path in records or ()], options, page, json, view)
