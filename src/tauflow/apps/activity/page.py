"""The page of a study: who is confused with what, a trial as bands of truth and answers, time constants at work, accuracy by gap."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...drawing.canvas import Colours, page_svg
from ...report.page import Choice, Command, Download, Drawing, Grid, Legend, Page, Points, Section, Table
from ..scored import kind_of
from .models import BOTH, LIQUID
from .study import GAPS, Study, confusion, f1_of
from .trials import LABELS

Array = NDArray[Any]
SHOWN, TRIALS, NEURONS = 4, 3, 5
BANDS = ("liquid1", "static3", "liquid3", "static1")  # colour of each label


def page(found: Study, command: str) -> Page:
    """The whole page."""
    colours = colours_of(found)
    order = found.best_first()
    shown = [one for one in (LIQUID, BOTH) if one in order] + [one for one in order if one not in (LIQUID, BOTH)]
    shown = shown[:SHOWN]
    columns, rows = compared(found)
    facts = {
        "Data": found.source,
        "Judged": f"{len(found.truth):,} rows, {', '.join(f'{int((found.truth == k).sum()):,} {name}' for k, name in enumerate(LABELS))}",
        "Protocol": found.protocol,
    }
    table = Table(
        columns, rows, "models, best macro F1 first", "Interval: the middle 95 % over draws of trials, the first seed. CPU: learning it.",
        colours=[colours[one] for one in order], kinds=[kind(one) for one in order],
    )  # fmt: skip
    wrong = Choice("Model", {one: [_confused(found, one)] for one in shown})
    every = Download(
        "Every number", "activity.json", json.dumps(found.rows("activity", {"data": found.source}), indent=1)
    )
    sections = [
        Section("In trials never seen", [table]),
        Section("Who is taken for what", [wrong]),
        Section(
            "Trials as bands",
            [
                Legend([(name, BANDS[k], "liquid") for k, name in enumerate(LABELS)]),
                *(_bands(found, shown, k) for k in longest(found)),
            ],
            "Above the truth, below what each model says at every row from the past alone.",
        ),
        Section(
            "Uneven time",
            [
                Legend([(one, colours[one], kind(one)) for one in shown]),
                Grid([_gaps(found, shown, colours), *_taus(found)]),
            ],
        ),
        Section("How it was measured", [Points(notes(found)), Command(command), every]),
    ]
    return Page(found.sentence(), sections, "What somebody does, from a passive tag on the chest", facts)


def compared(found: Study) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: the models, best first."""
    rows = []
    for one in found.best_first():
        low, high = found.interval(one)
        each = found.values(one)
        size = found.of(one)[0].parameters
        rows.append(
            [
                one,
                f"{found.mean(one, 'accuracy'):.1%}",
                f"{found.mean(one):.3f}" + (f" ± {np.std(each):.3f}" if len(each) > 1 else ""),
                f"{low:.3f} to {high:.3f}",
                f"{found.mean(one, 'log_loss'):.3f}",
                f"{size:,}" if size else "–",
                f"{found.seconds(one):.1f}",
            ]
        )
    return ["model", "accuracy", "macro F1", "95 % over trials", "log loss", "parameters", "CPU [s]"], rows


def notes(found: Study) -> list[str]:
    """How it was measured, in sentences."""
    return [
        "Trials are held out whole, every fourth one; a person may have worn the tag in several trials.",
        "Models see a reading and what the last 2, 10 and 40 s were like, nothing that comes later; dt in seconds.",
        "Macro F1 is the mean of the F1 of the labels: walking, which is rare, counts as much as lying; the loss does alike.",
        f"Networks: {found.of(LIQUID)[0].parameters:,} numbers in the liquid committee."
        if LIQUID in found.models
        else "No network was asked.",
    ]


def kind(model: str) -> str:
    found = kind_of(model)
    return found if found in ("liquid", "static") else "trivial"


def colours_of(found: Study) -> dict[str, str]:
    """Model -> the name of its colour on a page."""
    colours: dict[str, str] = {}
    for some in ("liquid", "static", "trivial"):
        mine = [one for one in found.models if kind(one) == some]
        colours |= {one: f"{some}{1 + k % 3}" for k, one in enumerate(mine)}
    return colours


def longest(found: Study, count: int = TRIALS) -> list[int]:
    """Places of the held-out trials with the most labels, of those the longest."""
    return sorted(range(len(found.held)), key=lambda k: (-len(np.unique(found.held[k].y)), -len(found.held[k].y)))[
        :count
    ]


def _confused(found: Study, model: str) -> Table:
    counts = confusion(found.truth, found.said[model][0].argmax(axis=1))
    f1 = f1_of(counts)
    rows = [
        (name, *(f"{n:,}" for n in counts[k]), f"{f1[k]:.3f}" if f1[k] == f1[k] else "–")
        for k, name in enumerate(LABELS)
    ]
    return Table(
        ["truth", *(f"told: {name}" for name in LABELS), "F1"],
        rows,
        model,
        "Rows of the held-out trials; the first seed.",
    )


def _bands(found: Study, shown: list[str], number: int) -> Drawing:
    trial = found.held[number]
    at = np.cumsum(trial.raw) - trial.raw[0]
    lines = {"truth": trial.y, **{one: found.of_trial(one, number) for one in shown}}

    def draw_at(width: int) -> str:
        def draw(figure: Any, named: Colours) -> None:
            axes = figure.add_subplot()
            for row, label in enumerate(lines.values()):
                for code in range(len(LABELS)):
                    some = np.flatnonzero(label == code)
                    runs = np.split(some, np.flatnonzero(np.diff(some) > 1) + 1) if len(some) else []
                    spans = [(at[r[0]], max(at[min(r[-1] + 1, len(at) - 1)] - at[r[0]], 0.05)) for r in runs]
                    axes.broken_barh(spans, (-row - 0.4, 0.8), facecolors=named[BANDS[code]], lw=0)
            axes.set_yticks([-row for row in range(len(lines))], list(lines))
            axes.grid(False)
            axes.set(xlabel="seconds", xlim=(0, at[-1]))

        return page_svg(draw, width=width, height=60 + 28 * len(lines))

    return Drawing(
        f"Trial {trial.name}",
        f"{len(at):,} rows, the longest gap {trial.raw[1:].max():.0f} s",
        draw_at(900),
        wide=True,
        narrow=draw_at(440),
    )


def _gaps(found: Study, shown: list[str], colours: dict[str, str]) -> Drawing:
    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for one in shown:
            axes.plot(np.arange(len(GAPS) - 1), found.by_gap(one), "o-", ms=4, lw=1.4, color=named[colours[one]])
        words = [f"{low:g}–{high:g}" if high < np.inf else f"> {low:g}" for low, high in pairwise(GAPS)]
        axes.set_xticks(np.arange(len(GAPS) - 1), words)
        axes.set(xlabel="seconds since the row before", ylabel="share of right labels")

    return Drawing("After a gap", "the row behind a gap of that length", page_svg(draw))


def _taus(found: Study) -> list[Drawing]:
    """Time constants of some neurons of the first member along a trial, as they change with what is seen."""
    if found.kept is None:
        return []
    trial = found.held[longest(found, 1)[0]]
    record = found.kept.networks()[0].trace(torch.from_numpy(trial.x)[None], torch.from_numpy(trial.dt)[None])
    if record.layers[0].tau is None:
        return []
    tau = np.asarray(record.layers[0].tau[0])
    at = np.cumsum(trial.raw) - trial.raw[0]
    some = np.argsort(np.median(tau, axis=0))[np.linspace(0, tau.shape[1] - 1, NEURONS).astype(int)]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        for place, neuron in enumerate(some):
            axes.plot(at, tau[:, neuron], lw=0.9, color=named[f"liquid{1 + place % 4}"])
        edges = [0, *(np.flatnonzero(np.diff(trial.y)) + 1), len(at) - 1]
        for a, b in pairwise(edges):
            axes.axvspan(at[a], at[b], ymax=0.04, color=named[BANDS[trial.y[a]]], lw=0)
        axes.set(yscale="log", xlabel="seconds", ylabel="time constant, s", xlim=(0, at[-1]))

    return [
        Drawing(
            "Time constants at work",
            f"trial {trial.name}: {NEURONS} neurons of a member, quickest to slowest; band: the truth",
            page_svg(draw),
        )
    ]
