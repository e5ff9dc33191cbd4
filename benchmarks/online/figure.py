"""docs/online.png: the error over time on the streams that shift, frozen, learning on, and with a past that had the shift."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..kernels.figure import GRID, INK, MUTED, save
from .trial import Row

SHOWN = {
    "frozen": ("#d1541c", "frozen"),
    "readout": ("#1f6fd0", "readout learns on"),
    "always": ("#17191c", "trained on a past with the shift"),
}
PANELS = (
    ("traffic", "x 0.6", "traffic x 0.6", "hours"),
    ("traffic", "+ 1600", "traffic + 1600", "hours"),
    ("rates", "JPY x 1.25", "JPY x 1.25", "days"),
    ("half_cheetah", "two sensors", "two sensors of 17 changed", "frames"),
)


def draw(kept: Sequence[Row], folder: Path) -> None:
    panels = [
        panel
        for panel in PANELS
        if any(row.set == panel[0] and row.shift == panel[1] and row.model == "cfc" for row in kept)
    ]
    if not panels:
        return
    figure = Figure(figsize=(11, 2.9 * -(-len(panels) // 2)), layout="constrained")
    for place, (name, shift, title, unit) in enumerate(panels):
        axes = figure.add_subplot(-(-len(panels) // 2), 2, place + 1)
        group = [row for row in kept if row.set == name and row.shift == shift and row.model == "cfc"]
        for way, (colour, label) in SHOWN.items():
            curves = np.array(
                [[np.nan if v is None else v for v in row.curve] for row in group if row.way == way], float
            )
            if not len(curves):
                continue
            x = 50 * (np.arange(curves.shape[1]) + 0.5) - 25 * curves.shape[1]
            mean = curves.mean(axis=0)
            axes.plot(x, mean, color=colour, linewidth=1.8)
            axes.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, linewidth=0)
            axes.annotate(
                label,
                (x[-1], mean[-1]),
                (5, 0),
                textcoords="offset points",
                va="center",
                color=colour,
                size=8.5,
                annotation_clip=False,
            )
        axes.axvline(0, color=MUTED, linewidth=1, linestyle=(0, (3, 3)))
        axes.set_title(title, loc="left", color=INK, size=10)
        axes.set_xlabel(f"{unit} since the shift", color=MUTED)
        axes.set_ylabel("mean absolute error, scaled", color=MUTED)
        axes.set_ylim(bottom=0)
        axes.grid(True, axis="y", color=GRID)
        axes.spines[["top", "right"]].set_visible(False)
    save(figure, folder / "online.png")
