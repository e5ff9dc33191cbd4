"""The picture of a backtest: small panels, one a cut-off, each with truth, forecast and band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

Ink = Mapping[str, str]
MOST = 6  # panels


def windows(figure: Figure, found: Any, ink: Ink) -> None:
    """Up to six cut-offs, evenly chosen, of the first id and target."""
    numbers = shown(found)
    columns = min(3, len(numbers))
    grid = figure.subplots(-(-len(numbers) // columns), columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(numbers) :]:
        axes.set_visible(False)
    for axes, number in zip(grid.flat, numbers, strict=False):
        panel(axes, found, number, ink)
        axes.set_title(f"after {found.cutoffs[number][:16]}")
    for axes in grid[:, 0]:
        axes.set_ylabel(found.targets[0][:24])
    label(grid.flat[0], ink)


def shown(found: Any) -> list[int]:
    """The cut-offs that are drawn."""
    course = found.course
    numbers = [n for n in range(len(found.cutoffs)) if ((course.window == n) & (course.id == course.id[0])).any()]
    return [numbers[k] for k in np.unique(np.linspace(0, len(numbers) - 1, min(MOST, len(numbers))).astype(int))]


def panel(axes: Any, found: Any, number: int, ink: Ink) -> None:
    """One cut-off of the first id and target."""
    course, band = found.course, found.band(0)
    here = np.nonzero((course.window == number) & (course.id == course.id[0]))[0]
    here = here[np.argsort(course.time[here])]
    time = course.time[here]
    if band is not None:
        axes.fill_between(time, band[0][here], band[1][here], color=ink["liquid1"], alpha=0.18, linewidth=0)
    axes.plot(time, course.truth[here, 0], color=ink["ink"], linewidth=1.3, marker="o", markersize=2)
    axes.plot(time, course.forecast[here, 0], color=ink["liquid1"])
    if np.issubdtype(time.dtype, np.datetime64):
        locator = AutoDateLocator(minticks=3, maxticks=5)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def label(axes: Any, ink: Ink) -> None:
    """Which line is what."""
    axes.annotate("forecast", (0.02, 0.97), xycoords="axes fraction", color=ink["liquid1"], va="top")
    axes.annotate("what came", (0.02, 0.88), xycoords="axes fraction", color=ink["ink"], va="top")
