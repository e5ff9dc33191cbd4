"""The picture of a comparison: one dot a model, at its error, with its spread over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ..canvas import plain_numbers

Ink = Mapping[str, str]
COLOURS = {"liquid": "liquid1", "static": "static1", "trivial": "trivial1"}
WIDE = 3.0  # largest over least error from which the axis is logarithmic


def errors(figure: Figure, found: Any, ink: Ink) -> None:
    """Best first; of several targets the mean MASE, which has no unit."""
    rows = [row for row in found.rows if np.isfinite(row.mae)]
    name, of = (f"MAE, {found.target}", "mae") if rows else ("mean MASE", "mase")
    rows = rows or [row for row in found.rows if np.isfinite(row.mase)]
    axes = figure.add_subplot()
    for place, row in enumerate(rows):
        value, spread, colour = getattr(row, of), getattr(row, f"{of}_std"), ink[COLOURS[row.kind]]
        if np.isfinite(spread):
            axes.plot([value - spread, value + spread], [place, place], color=colour, linewidth=1.4)
        axes.plot(value, place, "o", color=colour, markersize=7)
        axes.annotate(f"{value:.4g}", (value, place), (8, 4), textcoords="offset points", color=ink["muted"])
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_color(ink[COLOURS[row.kind]])
    axes.set_ylim(len(rows) - 0.5, -0.7)
    values = [getattr(row, of) for row in rows if getattr(row, of) > 0]
    if values and max(values) > WIDE * min(values):
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 1.15, max(values) * 1.5)
        plain_numbers(axes.xaxis)
    else:
        axes.margins(x=0.15)
    axes.grid(False)
    axes.grid(True, axis="x")
    axes.set_xlabel(f"{name}: liquid, static and trivial models; lower is better")
