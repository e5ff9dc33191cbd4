"""The pictures of docs/evidence.md, drawn from the rows alone: every model's score, its seeds, and what was published, a panel a split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from ..kernels.figure import GRID, INK, MUTED, save
from . import models
from .metrics import Metric
from .rows import Row
from .task import Task
from .titles import TITLES, title

COLOURS = {"liquid": "#1f6fd0", "static": "#d1541c", "trivial": INK, "": MUTED}
FAR = 4.0  # what is this many times as far from perfect as the median stands at the edge, with its figure
WIDE = 5.0  # errors that are this many times apart are drawn on a logarithmic axis


@dataclass(frozen=True)
class Mark:
    """A line of a panel: what we measured, what was published, or both."""

    label: str
    kind: str
    mean: float | None
    scores: Sequence[float] = ()
    published: float | None = None

    @property
    def place(self) -> float:
        value = self.published if self.mean is None else self.mean
        assert value is not None
        return value


def path(task: Task, folder: Path) -> Path:
    return folder / f"evidence-{task.name}.png"


Panels = list[tuple[str, list[Mark]]]


def panels_of(task: Task, kept: Sequence[Row]) -> Panels:
    """What there is to draw: each split with its lines."""
    splits = list(dict.fromkeys(row.split for row in kept))
    return [(split, marks(task, [row for row in kept if row.split == split], split)) for split in splits]


def digest(panels: Panels) -> str:
    """The picture's file carries it as the text `Drawn`, so that one that lags behind its rows can be told."""
    return hashlib.sha256(repr(panels).encode()).hexdigest()


def draw(task: Task, kept: Sequence[Row], file: Path) -> None:
    panels = panels_of(task, kept)
    heights = [0.23 * len(lines) + 0.75 for _, lines in panels]
    figure = Figure(figsize=(8.6, sum(heights) + 0.7), dpi=110, layout="constrained", facecolor="white")
    figure.suptitle(task.title, fontsize=13, color=INK, x=0.01, ha="left")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for one, (split, lines) in zip(axes, panels, strict=True):
        panel(one, lines, task.metric)
        one.set_title(f"split: {split}", fontsize=10, color=INK, loc="left")
    unit = f", {task.metric.unit}" if task.metric.unit else ""
    axes[-1].set_xlabel(
        f"test {task.metric.name}{unit} ({'more' if task.metric.higher else 'less'} is better)",
        fontsize=10,
        color=MUTED,
    )
    figure.legend(handles=legend(), loc="outside lower left", ncols=5, frameon=False, fontsize=9, labelcolor=INK)
    save(figure, file, Drawn=digest(panels))


def marks(task: Task, kept: Sequence[Row], split: str) -> list[Mark]:
    """The best first, each published figure on its model's line."""
    papers = task.published if split == task.published_split else ()
    said = {(one.model, one.recipe): one.mean for one in papers}
    found = []
    for row in kept:
        paper = said.pop((row.model, row.recipe), None)
        found.append(Mark(title(row), row.kind, row.mean, row.scores if len(row.seeds) > 1 else (), paper))
    for (model, _), mean in said.items():
        kind = models.kind(model) if model in TITLES else ""
        found.append(Mark(f"{TITLES.get(model, model)}, as published", kind, None, (), mean))
    return sorted(found, key=lambda mark: mark.place, reverse=task.metric.higher)


def panel(axes: Axes, lines: Sequence[Mark], metric: Metric) -> None:
    values = [value for mark in lines for value in (mark.mean, mark.published) if value is not None]
    edge = FAR * median(abs(metric.perfect - value) for value in values) or inf
    seen = [value for value in values if abs(metric.perfect - value) <= edge]
    for at, mark in enumerate(lines):
        colour = COLOURS[mark.kind]
        far = []
        for value, style in ((mark.mean, "o"), (mark.published, "D")):
            if value is None:
                continue
            hollow = style == "D"
            if abs(metric.perfect - value) > edge:
                far.append(f"{value:.3g}" + (" published" if hollow else ""))
                continue
            axes.plot(
                value, at, style, markersize=6, color=colour, markerfacecolor="white" if hollow else colour, zorder=3
            )
        if far:
            text = f"$\\leftarrow$ {', '.join(far)}" if metric.higher else f"{', '.join(far)} $\\rightarrow$"
            axes.annotate(
                text, (0.0 if metric.higher else 1.0, at), xycoords=("axes fraction", "data"),
                ha="left" if metric.higher else "right", va="center", fontsize=8.5, color=colour,
            )  # fmt: skip
        if mark.mean is not None and abs(metric.perfect - mark.mean) <= edge:
            axes.plot(
                mark.scores, [at] * len(mark.scores), "|", color=colour, markersize=8, alpha=0.55, markeredgewidth=1.2
            )
    if not metric.higher and max(seen) > WIDE * min(seen) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_yticks(range(len(lines)), [mark.label for mark in lines], fontsize=8.5, color=INK)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.grid(True, color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(color=GRID, labelcolor=MUTED, which="both", labelsize=9)
    axes.tick_params("y", length=0, labelcolor=INK, labelsize=8.5)


def legend() -> list[Line2D]:
    kinds = ("liquid", "static", "trivial")
    return [
        *(Line2D([], [], color=COLOURS[kind], label=kind, marker="o", linestyle="", markersize=6) for kind in kinds),
        Line2D([], [], color=MUTED, marker="|", linestyle="", markersize=8, label="a seed"),
        Line2D([], [], color=MUTED, marker="D", markerfacecolor="white", linestyle="", label="published"),
    ]
