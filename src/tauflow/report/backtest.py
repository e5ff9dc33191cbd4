"""The page of a backtest: each cut-off's errors and bands, how they were at each, each id, and every number to save."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..drawing.canvas import Colours, page_svg
from ..drawing.pictures import backtest as pictures_of
from .page import Command, Download, Drawing, Fold, Grid, Page, Points, Section, Table, Terms
from .rows import NOTHING, decimals, number

MEANINGS = {
    "after": "The cut-off: rows up to it were known, those after it were asked about.",
    "values": "Values that came and could be compared.",
    "MAE": "Mean absolute error, in the units of the target.",
    "coverage": "The share of values within the band: as near to its level as possible, not more.",
    "width": "The mean width of the band, in the units of the target: narrower is better at the same coverage.",
    "interval score": "Width, and what misses cost (Winkler 1972): lower is better.",
    "CRPS": "How far the whole forecast distribution is from what came; for a single number it would be the MAE. Lower is better.",
    "pinball": "The mean quantile loss at .05, .10, ..., .95. Lower is better.",
}
FIELDS = {
    "MAE": "mae",
    "coverage": "coverage",
    "width": "width",
    "interval score": "interval_score",
    "CRPS": "crps",
    "pinball": "pinball",
}
WORST = 10  # ids
FITTED = {0: "before, and not again: the model as it was saved", 1: "once, before the first cut-off"}


class Backtest(Protocol):
    """What the page shows of `estimators.backtest`'s answer."""

    @property
    def cell(self) -> str: ...
    @property
    def h(self) -> int: ...
    @property
    def step_size(self) -> int: ...
    @property
    def level(self) -> float | None: ...
    @property
    def fits(self) -> int: ...
    @property
    def targets(self) -> tuple[str, ...]: ...
    @property
    def cutoffs(self) -> tuple[str, ...]: ...
    @property
    def rows(self) -> Sequence[Any]: ...
    @property
    def course(self) -> Any: ...
    @property
    def notes(self) -> Sequence[str]: ...
    @property
    def sentence(self) -> str: ...
    def band(self, target: int) -> Any: ...
    def frame(self) -> Any: ...
    def to_dict(self) -> dict[str, Any]: ...


def backtest_page(found: Backtest, path: str | os.PathLike[str] | None = None, command: str = "") -> str:
    """The page as text; with `path` also written there, whole or not at all. `command`: what made it."""
    several = len(found.targets) > 1
    tables = [
        table(found, target, f"{target}: over all and by cut-off" if several else "Over all and by cut-off")
        for target in found.targets
    ]
    band = f"; the band is to hold {found.level:g} %" if found.level is not None else ""
    ahead = f"{found.targets[0]}, {found.h} steps ahead{band}"
    pictures = [
        Drawing(f"After {found.cutoffs[n]}", ahead, page_svg(_panel(found, n))) for n in pictures_of.shown(found)
    ]
    if len(found.cutoffs) > 1:
        pictures += [
            Drawing(f"{title} at each cut-off", note, page_svg(_course(found, name, goal)))
            for title, name, note, goal in _courses(found)
        ]
    save = [
        Download("Every forecast as CSV", "backtest.csv", found.frame().to_csv(index=False, lineterminator="\n")),
        Download(
            "The scores as JSON",
            "backtest.json",
            json.dumps(found.to_dict(), indent=2, ensure_ascii=False, allow_nan=False),
        ),
    ]
    ids = _ids(found)
    page = Page(
        found.sentence,
        over=f"tauflow {'backtest' if found.fits else 'report'} · {', '.join(found.targets)}",
        facts={
            "model": found.cell.replace("_", " "),
            "asked about": f"{found.h} steps after each of {len(found.cutoffs)} cut-offs, {found.step_size} steps apart",
            "fitted": FITTED.get(found.fits, f"{found.fits} times"),
        },
        sections=[
            Section("Scores", [*tables, Terms(MEANINGS)]),
            Section(
                "Cut-offs", [Grid(pictures)], lead="Black is what came, blue what had been forecast, shaded its band."
            ),
            *([Section("Each id", [Fold("The worst first", [ids])])] if ids is not None else []),
            Section("To save", [*save, *([Command(command)] if command else [])]),
            *([Section("What was done to the data", [Points(found.notes)])] if found.notes else []),
        ],
    )
    if path is not None:
        page.write(path)
    return page.html()


def texts(found: Backtest, target: str) -> tuple[list[str], list[list[str]]]:
    """(columns, rows of texts) of one target: over all first, then each cut-off."""
    rows = [row for row in found.rows if row.target == target]
    shown = [title for title, name in FIELDS.items() if any(np.isfinite(getattr(row, name)) for row in rows)]
    places = {
        title: 3 if title == "coverage" else decimals(getattr(row, FIELDS[title]) for row in rows) for title in shown
    }
    cells = [
        [
            "all" if row.window is None else row.cutoff,
            f"{row.values:,}",
            *(
                _percent(row.coverage) if title == "coverage" else number(getattr(row, FIELDS[title]), places[title])
                for title in shown
            ),
        ]
        for row in rows
    ]
    return ["after", "values", *shown], cells


def table(found: Backtest, target: str, name: str) -> Table:
    columns, rows = texts(found, target)
    return Table(columns, rows, name=name, best=0, meanings=MEANINGS)


def _panel(found: Backtest, number: int) -> Any:
    def draw(figure: Any, palette: Colours) -> None:
        axes = figure.add_subplot()
        pictures_of.panel(axes, found, number, palette)
        axes.set_ylabel(found.targets[0][:24])

    return draw


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if np.isfinite(share) else NOTHING


def _courses(found: Backtest) -> list[tuple[str, str, str, float | None]]:
    """(title, field, note, goal) of what is drawn over the cut-offs."""
    drawn: list[tuple[str, str, str, float | None]] = [
        ("MAE", "mae", f"units of {found.targets[0]}, lower is better", None)
    ]
    if found.level is not None and any(np.isfinite(row.coverage) for row in found.rows):
        drawn.append(
            (
                "Coverage",
                "coverage",
                f"share of values within the {found.level:g} % band; the line is {found.level:g} %",
                found.level / 100,
            )
        )
        drawn.append(("Width", "width", f"units of {found.targets[0]}, of the {found.level:g} % band", None))
    return drawn


def _course(found: Backtest, name: str, goal: float | None) -> Any:
    rows = [row for row in found.rows if row.target == found.targets[0] and row.window is not None]

    def draw(figure: Any, palette: Colours) -> None:
        axes = figure.add_subplot()
        if goal is not None:
            axes.axhline(goal, color=palette["muted"], linewidth=1, linestyle=(0, (3, 3)))
        axes.plot([row.window for row in rows], [getattr(row, name) for row in rows], "o", color=palette["liquid1"])
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("cut-off")
        axes.set_ylabel("share" if name == "coverage" else found.targets[0][:24])
        if name == "coverage":
            axes.set_ylim(min(0.5, *(row.coverage for row in rows)) - 0.03, 1.03)
        else:
            axes.set_ylim(bottom=0)

    return draw


def _ids(found: Backtest) -> Table | None:
    """Each id's MAE and coverage on the first target, the worst ten; None where there is one id."""
    course = found.course
    names = np.unique(course.id)
    if len(names) < 2:
        return None
    band, target = found.band(0), found.targets[0]
    rows = []
    for name in names:
        here = (course.id == name) & np.isfinite(course.truth[:, 0])
        if not here.any():
            continue
        truth = course.truth[here, 0]
        error = float(np.abs(truth - course.forecast[here, 0]).mean())
        share = float("nan")
        if band is not None:
            share = float(((truth >= band[0][here]) & (truth <= band[1][here])).mean())
        rows.append((str(name), int(here.sum()), error, share))
    rows.sort(key=lambda row: -row[2])
    places = decimals(row[2] for row in rows)
    cells = [[name, f"{count:,}", number(error, places), _percent(share)] for name, count, error, share in rows[:WORST]]
    note = f"the worst {WORST} of {len(rows)} ids" if len(rows) > WORST else f"all {len(rows)} ids"
    return Table(["id", "values", "MAE", "coverage"], cells, name=target, note=note, meanings=MEANINGS)
