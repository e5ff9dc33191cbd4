"""The picture of a forecast: a panel for each series and target, the rows before it, the forecast, and its band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

Ink = Mapping[str, str]


def panels(figure: Figure, found: Any, ink: Ink) -> None:
    """`found.panels`: name, unit, time and value of the rows before, time and value of the forecast, its band or None."""
    columns = min(2, len(found.panels))
    grid = figure.subplots(-(-len(found.panels) // columns), columns, squeeze=False)
    for axes in grid.flat[len(found.panels) :]:
        axes.set_visible(False)
    for axes, one in zip(grid.flat, found.panels, strict=False):
        axes.plot(one.before, one.values, color=ink["ink"], linewidth=1.3, marker="o", markersize=2)
        if one.band is not None:
            axes.fill_between(one.ahead, *one.band, color=ink["liquid1"], alpha=0.2, linewidth=0)
        axes.plot(one.ahead, one.forecast, color=ink["liquid1"], marker="o", markersize=2)
        axes.axvline(one.before[-1], color=ink["muted"], linewidth=1, linestyle=(0, (3, 3)))
        if np.issubdtype(one.ahead.dtype, np.datetime64):
            locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.set_ylabel(one.target[:24])
        axes.set_title(one.name)
    axes = grid.flat[0]
    band = "" if found.level is None else f", {found.level:g} % band"
    axes.annotate(f"forecast{band}", (0.02, 0.97), xycoords="axes fraction", color=ink["liquid1"], va="top")
