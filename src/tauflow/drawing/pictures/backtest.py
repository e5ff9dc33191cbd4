"""The picture of a backtest: small panels, one a cut-off, each with truth, forecast and band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

Ink = Mapping[str, str]
MOST = 6  # panels


def windows(figure: Figure, found: Any, ink: Ink, target: int = 0, name: str | None = None) -> None:
    """Up to six cut-offs, evenly chosen, of one id (the first, unless it is named) and one target."""
    course, band = found.course, found.band(target)
    name = course.id[0] if name is None else name
    numbers = [n for n in range(len(found.cutoffs)) if ((course.window == n) & (course.id == name)).any()]
    numbers = [numbers[k] for k in np.unique(np.linspace(0, len(numbers) - 1, min(MOST, len(numbers))).astype(int))]
    columns = min(3, len(numbers))
    grid = figure.subplots(-(-len(numbers) // columns), columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(numbers) :]:
        axes.set_visible(False)
    for axes, number in zip(grid.flat, numbers, strict=False):
        here = np.nonzero((course.window == number) & (course.id == name))[0]
        here = here[np.argsort(course.time[here])]
        time = course.time[here]
        if band is not None:
            axes.fill_between(time, band[0][here], band[1][here], color=ink["liquid1"], alpha=0.18, linewidth=0)
        axes.plot(time, course.truth[here, target], color=ink["ink"], linewidth=1.3, marker="o", markersize=2)
        axes.plot(time, course.forecast[here, target], color=ink["liquid1"])
        if np.issubdtype(time.dtype, np.datetime64):
            locator = AutoDateLocator(minticks=3, maxticks=5)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.set_title(f"after {found.cutoffs[number][:16]}")
    for axes in grid[:, 0]:
        axes.set_ylabel(found.targets[target][:24])
    first = grid.flat[0]
    first.annotate("forecast", (0.02, 0.97), xycoords="axes fraction", color=ink["liquid1"], va="top")
    first.annotate("what came", (0.02, 0.88), xycoords="axes fraction", color=ink["ink"], va="top")
