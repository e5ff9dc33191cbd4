"""The page of a trial: the figures with their intervals by patient, who leads, patients worst first, and what went wrong, as strips."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Points, Section, Table
from .events import Counts
from .judged import Judged
from .records import Record

Array = NDArray[Any]
MOST = 5  # lines in one drawing
STRIPS, REACH = 10, (-2.0, 1.5)  # of each kind; s around what went wrong
WARNING = "Not a medical device: for research and teaching alone; no figure here says anything about a patient."
NAMES = {
    "sensitivity": "sensitivity",
    "ppv": "PPV",
    "f1": "F1",
    "false alarms an hour": "false alarms an hour",
    "delay [ms]": "delay, median",
    "delay 95 % [ms]": "delay, 95 %",
}


def written(metric: str, value: float) -> str:
    if value != value:
        return "–"
    return f"{value:.0f} ms" if "[ms]" in metric else f"{value:.1f}" if "hour" in metric else f"{value:.3f}"


def page(judged: Judged, command: str) -> Page:
    """The whole page."""
    first = judged.ours
    colours = colours_of(judged)
    shown = sorted(judged.models, key=lambda one: (one != first, -judged.mean(one)))[:MOST]
    counts = judged.of(first)[0].counts
    beats, hours = sum(c.hits + c.misses for c in counts), sum(c.hours for c in counts)
    facts = {
        "Data": judged.source,
        "Patients": f"{len(counts)}, {beats:,} ventricular beats in {hours:.1f} hours",
        "Protocol": judged.protocol,
    }
    if judged.task == "alarm":
        facts["A sample"] = f"{judged.of(first)[0].microseconds:.1f} µs, raw reading to probability"
    legend = Legend([(one, colours[one], kind(judged, one)) for one in shown])
    drawings = [_curves(judged, shown, colours)]
    if len(judged.conditions) > 1:
        drawings.append(_conditions(judged, _two(judged, shown), colours))
    missed, false = (_strips(judged, counts, which) for which in ("missed_at", "false_at"))
    models = [_models(judged, colours), *([_by_condition(judged, colours)] if len(judged.conditions) > 1 else [])]
    every = Download("Every number", f"{judged.task}.json", json.dumps(judged.rows(), indent=1))
    sections = [
        Section(
            "What it does on patients never seen",
            [_figures(judged, first), legend, Grid(drawings)],
            _lead(judged, first),
        ),
        Section("Beside other models", models),
        Section("Patients, worst first", [_patients(judged, first)]),
        *(
            [Section("Missed", [Grid(missed)], "Ventricular beats without an alarm, at the red line.")]
            if missed
            else []
        ),
        *(
            [Section("False alarms", [Grid(false)], "What was taken for a ventricular beat, at the red line.")]
            if false
            else []
        ),
        Section("How it was measured", [Points(notes(judged)), Command(command), every]),
    ]
    over = (
        "Ventricular beats, beat by beat"
        if judged.task == "beats"
        else "An alarm for ventricular beats from raw samples"
    )
    return Page(judged.sentence(), sections, over, facts, WARNING)


def notes(judged: Judged) -> list[str]:
    """How it was measured, in sentences."""
    shared = [
        "Intervals by patient: patients are drawn with replacement 2,000 times; the middle 95 % is told. With few patients it is wide.",
        f"{judged.protocol[0].upper() + judged.protocol[1:]}. No patient who judges has touched weights, scales or levels.",
    ]
    if judged.task == "beats":
        return [
            *shared,
            "One step a beat, dt = the RR interval in seconds; the R peaks are given. Answers use the past and half a second after R.",
        ]
    return [
        *shared,
        "Samples go into the network one by one, without a detector of R peaks. A hit begins from 0.05 s before to 0.6 s after R.",
        "Taught at 180 samples a second; the same weights answer at other rates and with samples lost; every network is told each gap.",
    ]


def _two(judged: Judged, shown: list[str]) -> list[str]:
    """The first model, and the first static one beside it or whatever stands next."""
    beside = [one for one in shown[1:] if kind(judged, one) == "static"] or shown[1:]
    return [shown[0], *beside[:1]]


def kind(judged: Judged, model: str) -> str:
    found = judged.of(model)[0].kind
    return found if found in ("liquid", "static") else "trivial"


def colours_of(judged: Judged) -> dict[str, str]:
    """Model -> the name of its colour on a page."""
    found: dict[str, str] = {}
    for some in ("liquid", "static", "trivial"):
        mine = [one for one in judged.models if kind(judged, one) == some]
        found |= {one: f"{some}{1 + k % 3}" for k, one in enumerate(mine)}
    return found


def _lead(judged: Judged, first: str) -> str:
    low, high = judged.interval(first, "sensitivity")
    return (
        f"Sensitivity {judged.mean(first, 'sensitivity'):.3f}, by patient {low:.3f} to {high:.3f}; "
        f"{judged.mean(first, 'false alarms an hour'):.1f} false alarms an hour."
    )


def _figures(judged: Judged, first: str) -> Table:
    metrics = [metric for metric in NAMES if judged.mean(first, metric) == judged.mean(first, metric)]
    metrics = [metric for metric in metrics if judged.task == "alarm" or "[ms]" not in metric]
    rows = []
    for metric in metrics:
        value, (low, high) = judged.of(first)[0].figure(metric), judged.interval(first, metric)
        each = judged.values(first, metric)
        spread = (
            f"{written(metric, float(np.mean(each)))} ± {written(metric, float(np.std(each)))}"
            if len(each) > 1
            else "–"
        )
        rows.append(
            (NAMES[metric], written(metric, value), f"{written(metric, low)} to {written(metric, high)}", spread)
        )
    return Table(
        ["figure", "value", "95 % by patient", "mean ± spread of seeds"],
        rows,
        f"the {first} network",
        "Value and interval: the first seed.",
    )


def _models(judged: Judged, colours: dict[str, str]) -> Table:
    order = sorted(judged.models, key=lambda one: -judged.mean(one))
    rows = []
    for one in order:
        some, each = judged.of(one), judged.values(one)
        spread = f" ± {np.std(each):.3f}" if len(each) > 1 else ""
        rows.append(
            (
                one,
                f"{np.mean(each):.3f}{spread}",
                *(written(m, judged.mean(one, m)) for m in ("sensitivity", "ppv", "false alarms an hour")),
                *((written("delay [ms]", judged.mean(one, "delay [ms]")),) if judged.task == "alarm" else ()),
                f"{some[0].parameters:,}" if some[0].parameters else "–",
                f"{np.mean([s.seconds for s in some]):.1f}",
            )
        )
    columns = [
        "model",
        "F1",
        "sensitivity",
        "PPV",
        "false alarms an hour",
        *(("delay",) if judged.task == "alarm" else ()),
        "parameters",
        "CPU [s]",
    ]
    note = "CPU: learning one of its networks; of the simple models, the model."
    return Table(
        columns,
        rows,
        "models, best first",
        note,
        colours=[colours[m] for m in order],
        kinds=[kind(judged, m) for m in order],
    )


def _by_condition(judged: Judged, colours: dict[str, str]) -> Table:
    columns = ["model", *judged.conditions]
    rows = [(one, *(f"{judged.mean(one, 'f1', c):.3f}" for c in judged.conditions)) for one in judged.models]
    return Table(
        columns,
        rows,
        "F1 at other rates and with samples lost",
        "The same weights and level everywhere.",
        colours=[colours[m] for m in judged.models],
        kinds=[kind(judged, m) for m in judged.models],
    )


def _patients(judged: Judged, first: str) -> Table:
    rows = []
    for c in judged.worst_first(first):
        beats = c.hits + c.misses
        rows.append(
            (
                c.name,
                f"{beats:,}",
                f"{c.hits / beats:.3f}" if beats else "–",
                f"{c.hits / (c.hits + c.false):.3f}" if c.hits + c.false else "–",
                f"{c.misses}",
                f"{c.false}",
                f"{c.false / c.hours:.1f}",
            )
        )
    return Table(
        ["patient", "ventricular beats", "sensitivity", "PPV", "missed", "false alarms", "false alarms an hour"],
        rows,
        f"the {first} network",
        "Most wrong in an hour first; the first seed.",
    )


def _curves(judged: Judged, shown: list[str], colours: dict[str, str]) -> Drawing:
    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for one in shown:
            curve, colour = judged.curves[one], named[colours[one]]
            axes.plot(np.maximum(curve.an_hour, 0.25), curve.sensitivity, color=colour, lw=1.4)
            axes.plot(max(curve.an_hour[curve.chosen], 0.25), curve.sensitivity[curve.chosen], "o", ms=5, color=colour)
        axes.set(xscale="log", xlabel="false alarms an hour (0 is drawn at 0.25)", ylabel="sensitivity")
        axes.set_ylim(top=1.02)

    return Drawing(
        "Sensitivity against false alarms", "dot: the level that was chosen without these patients", page_svg(draw)
    )


def _conditions(judged: Judged, models: list[str], colours: dict[str, str]) -> Drawing:
    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        at = np.arange(len(judged.conditions))
        for one in models:
            axes.plot(at, [judged.mean(one, "f1", c) for c in judged.conditions], "o-", color=named[colours[one]], ms=5)
        axes.set_xticks(at, [c.replace(", ", "\n").replace(" lost", "\nlost") for c in judged.conditions])
        axes.set(ylabel="F1", ylim=(0, 1.02))

    return Drawing("Other rates, samples lost", "taught at 180 Hz; the same weights", page_svg(draw))


def _strips(judged: Judged, counts: tuple[Counts, ...], which: str) -> list[Drawing]:
    """Ten at most: in turn from the patients, those with most of them first."""
    order = sorted(counts, key=lambda c: -len(getattr(c, which)))
    found: list[tuple[str, float]] = []
    for turn in range(STRIPS):
        for c in order:
            times = getattr(c, which)
            if turn < min(len(times), STRIPS) and len(found) < STRIPS:
                found.append((c.name, float(times[turn * len(times) // min(len(times), STRIPS)])))
    return [_strip(judged.records[name], at) for name, at in found]


def _strip(record: Record, at: float) -> Drawing:
    begin, end = np.searchsorted(record.times, [at + REACH[0], at + REACH[1]])
    near = (record.beats > at + REACH[0] + 0.1) & (record.beats < at + REACH[1] - 0.1)

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        t, x = record.times[begin:end] - at, record.signal[begin:end]
        axes.axvline(0, color=named["static4"], lw=1)
        axes.plot(t, x, color=named["ink"], lw=1)
        if len(x):
            top = float(x.max()) + 0.08 * float(np.ptp(x))
            for r, k in zip(record.beats[near] - at, record.kinds[near], strict=True):
                axes.text(r, top, k, ha="center", va="bottom", color=named["liquid1" if k == "V" else "muted"])
            axes.set_ylim(float(x.min()) - 0.05 * float(np.ptp(x)), top + 0.16 * float(np.ptp(x)))
        axes.set(xlim=REACH, xlabel="seconds", ylabel="mV")

    return Drawing(
        f"{record.name}, {int(at // 60)} min {at % 60:.1f} s",
        "letters: the beats as annotated",
        page_svg(draw, height=170),
    )
