"""The page of a study: AUROC with intervals, calibration, the risk over the hours of a stay, and one stay explained."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import Network
from ...drawing.canvas import Colours, page_svg
from ...report.page import Command, Download, Drawing, Grid, Legend, Page, Points, Say, Section, Table
from ..scored import kind_of
from .models import BOOSTING, BOTH, LINE, LIQUID, risk
from .seen import INPUTS, STEP, Seen
from .solved import read, shares
from .study import Study

Array = NDArray[Any]
WARNING = "Not a medical device: for research and teaching alone; no figure here says anything about a patient."
SHOWN, TENTHS, ROWS = 4, 10, 9  # lines of a drawing, groups of the calibration, variables of the explanation
FOLLOWED = 200  # stays of the first fold whose risk is followed over time


def page(found: Study, command: str) -> Page:
    """The whole page."""
    colours = colours_of(found)
    shown = [one for one in found.best_first() if one in (LIQUID, BOTH)]
    shown += [one for one in found.best_first() if one not in (LIQUID, BOTH, LINE)]
    shown = shown[:SHOWN]
    some = found.judged
    facts = {
        "Data": found.source,
        "Judged": f"{int(some.sum()):,} stays, of which {int(found.died[some].sum()):,} ended in death",
        "Protocol": f"{found.protocol}; every scale and weight from the other folds",
    }
    columns, rows = compared(found)
    order = found.best_first()
    table = Table(
        columns, rows, "models, best first",
        "Interval: the middle 95 % over draws of stays, the first seed. CPU: learning one of its folds.",
        colours=[colours[one] for one in order], kinds=[kind(one) for one in order],
    )  # fmt: skip
    legend = Legend([(one, colours[one], kind(one)) for one in shown])
    sections = [
        Section(
            "On stays never seen",
            [table, legend, Grid([_rates(found, shown, colours), _calibration(found, shown, colours)])],
            lead(found),
        )
    ]
    if found.kept is not None:
        sections.append(_hours(found, found.kept))
    every = Download(
        "Every number",
        "ward.json",
        json.dumps(found.rows("ward", {"data": found.source, "protocol": found.protocol}), indent=1),
    )
    sections.append(Section("How it was measured", [Points(notes(found)), Command(command), every]))
    return Page(
        found.sentence(), sections, "Who will die in hospital, told after 48 hours of intensive care", facts, WARNING
    )


def lead(found: Study) -> str:
    """How far the best liquid answer is from boosting, with its interval."""
    first = next((one for one in (BOTH, LIQUID) if one in found.models), None)
    if first is None or BOOSTING not in found.models:
        return ""
    apart = found.mean(first) - found.mean(BOOSTING)
    low, high = found.interval(first, beside=BOOSTING)
    sure = "for certain" if low > 0 or high < 0 else "within what chance gives"
    return f"{first} less boosting: {apart:+.3f} AUROC, {sure} [{low:+.3f}, {high:+.3f}], 95 % over stays."


def compared(found: Study) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: the models, best first."""
    rows = []
    for one in found.best_first():
        low, high = found.interval(one)
        each = found.folds(one)
        size = found.of(one)[0].parameters
        rows.append(
            [
                one,
                f"{found.mean(one):.3f}",
                f"{low:.3f} to {high:.3f}",
                f"{np.std(each):.3f}" if len(each) > 1 else "–",
                f"{found.mean(one, 'auprc'):.3f}",
                f"{found.mean(one, 'log_loss'):.3f}",
                f"{size:,}" if size else "–",
                f"{found.seconds(one):.1f}",
            ]
        )
    return ["model", "AUROC", "95 % over stays", "spread of folds", "AUPRC", "log loss", "parameters", "CPU [s]"], rows


def notes(found: Study) -> list[str]:
    """How it was measured, in sentences."""
    said = [
        "A stay is one patient's record and is held out whole; folds are drawn by chance with as many deaths in each.",
        f"A step for each {STEP:g} h in which something was measured: values carried on, what was measured now and how long ago; dt in h.",
        "Values become normal scores of their rank among the values of the learning part, so heavy tails do no harm.",
        "AUROC: the chance that a stay that ended in death has a higher risk than another.",
        f"AUPRC: the mean precision over the deaths; by chance {found.died.mean():.3f}.",
    ]
    if LINE in found.models:
        said.append(
            "line is the readout of the liquid network without its states: what the core adds is the difference."
        )
    if BOTH in found.models:
        said.append("liquid + boosting is the mean of the log-odds of the two, half and half; nothing is chosen.")
    return said


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


def _rates(found: Study, shown: list[str], colours: dict[str, str]) -> Drawing:
    """Deaths found against false alarms, all judged stays together."""
    died = found.died[found.judged]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=named["muted"], lw=0.8)
        for one in shown:
            order = np.argsort(-found.said[one][0, found.judged], kind="stable")
            hits, false = np.cumsum(died[order]) / died.sum(), np.cumsum(~died[order]) / (~died).sum()
            axes.plot(false, hits, color=named[colours[one]], lw=1.4)
        axes.set(
            xlabel="share of survivors who get an alarm", ylabel="share of deaths found", xlim=(0, 1), ylim=(0, 1.01)
        )

    return Drawing("Deaths found against false alarms", "at every level of risk; grey: chance", page_svg(draw))


def calibration(odds: Array, died: Array, groups: int = TENTHS) -> tuple[Array, Array]:
    """Mean risk and share of deaths of the stays, cut into groups of equal size by their risk."""
    order = np.argsort(odds, kind="stable")
    parts = np.array_split(order, groups)
    risk = 1 / (1 + np.exp(-odds))
    return np.array([risk[part].mean() for part in parts]), np.array([died[part].mean() for part in parts])


def _calibration(found: Study, shown: list[str], colours: dict[str, str]) -> Drawing:
    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        top = 0.0
        for one in shown:
            told, came = calibration(found.said[one][0, found.judged], found.died[found.judged])
            axes.plot(told, came, "o-", ms=4, lw=1.2, color=named[colours[one]])
            top = max(top, float(told.max()), float(came.max()))
        axes.plot([0, top], [0, top], color=named["muted"], lw=0.8)
        axes.set(xlabel="risk that was told", ylabel="share that died")

    return Drawing(
        "Is a risk of 30 % three in ten?", "ten groups of equal size by risk; grey: exactly as told", page_svg(draw)
    )


def _hours(found: Study, kept: Network) -> Section:
    """The risk over the hours, and why it is so for one stay; by the network that did not see the first judged fold."""
    first = min(one.fold for one in found.scores) - 1
    left = np.flatnonzero(found.fold == first)
    some = np.concatenate([left[found.died[left]][: FOLLOWED // 4], left[~found.died[left]][: FOLLOWED * 3 // 4]])
    lines = [_followed(found.seen.part(np.array([k])), kept) for k in some]
    died = found.died[some]
    number = int(some[died][np.argmax(found.said[LIQUID][0, some[died]])])
    hours, told = _followed(found.seen.part(np.array([number])), kept)

    def crowd(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        grid = np.arange(0, 48, STEP) + STEP
        held = np.stack([r[np.clip(np.searchsorted(h, grid, side="right") - 1, 0, len(h) - 1)] for h, r in lines])
        for value, colour, word, place in ((True, "liquid1", "died", "bottom"), (False, "trivial1", "lived", "top")):
            low, middle, high = np.quantile(held[died == value], [0.25, 0.5, 0.75], axis=0)
            axes.fill_between(grid, low, high, color=named[colour], alpha=0.25, lw=0)
            axes.plot(grid, middle, color=named[colour], lw=1.6)
            axes.text(grid[-1] + 0.6, middle[-1], word, va=place, color=named[colour])
        axes.set(xlabel="hours since admission", ylabel="risk", xlim=(0, 54), ylim=(0, None))

    def alone(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.step(hours, told, where="post", color=named["liquid1"], lw=1.6)
        axes.set(xlabel="hours since admission", ylabel="risk", xlim=(0, 49), ylim=(0, 1))

    name = found.stays.names[number]
    why, words = _why(found.seen.part(np.array([number])), found.seen.part(some), kept)
    drawings = [
        Drawing("Risk over the hours", f"median and middle half of {len(some)} stays never seen", page_svg(crowd)),
        Drawing(f"Stay {name}", "it ended in death, and of those has the highest risk of its fold", page_svg(alone)),
        why,
    ]
    return Section(
        "The hours of a stay",
        [Grid(drawings), Say(words)],
        "After every step the liquid network tells the risk from what came so far.",
    )


def _followed(one: Seen, kept: Network) -> tuple[Array, Array]:
    """Hours and risk after each step of a stay."""
    real = int(one.mask[0].sum())
    return np.cumsum(one.dt[0, :real]), risk(kept, one)


def _why(one: Seen, others: Seen, kept: Network) -> tuple[Drawing, str]:
    """What each input adds to the log-odds of a stay beyond the mean of others."""
    moved = shares(kept, read(kept, *one.tensors())[0], read(kept, *others.tensors()).mean(dim=0)).numpy()
    names = [*INPUTS, "states of the core"]
    order = np.argsort(-np.abs(moved))[:ROWS][::-1]

    def draw(figure: Any, named: Colours) -> None:
        axes = figure.add_subplot()
        axes.barh(
            np.arange(len(order)), moved[order], color=[named["liquid1" if moved[k] > 0 else "trivial1"] for k in order]
        )
        axes.set_yticks(np.arange(len(order)), [names[k] for k in order])
        axes.axvline(0, color=named["ink"], lw=0.8)
        axes.set(xlabel="change of the log-odds")

    told = [f"{names[k]} {moved[k]:+.2f}" for k in order[::-1][:3]]
    words = (
        f"Beside the mean stay of its fold the log-odds of death are {moved.sum():+.2f}; most of it: {', '.join(told)}. "
        "The parts add up exactly, since the readout is a straight line."
    )
    return Drawing(
        "Why", "what each variable adds to the log-odds; to the right: raises the risk", page_svg(draw)
    ), words
