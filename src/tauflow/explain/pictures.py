"""The pictures of an explanation. Time runs to the right, in the unit of the stamps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..drawing import Colours

Array = NDArray[np.float64]
ROWS = 6  # inputs that get a row of their own; the others share one
LABEL = 22  # characters of a name


def attributions(
    figure: Any, colours: Colours, time: Array, attribution: Array, gap: Array | None, names: tuple[str, ...]
) -> None:
    """A band a row: bars up for what raised the answer, down for what lowered it, all on one scale."""
    order = np.argsort(-np.abs(attribution).sum(axis=0), kind="stable")
    shown = [(names[i], attribution[:, i]) for i in order[:ROWS]]
    if len(order) > ROWS:
        shown.append((f"{len(order) - ROWS} others", attribution[:, order[ROWS:]].sum(axis=1)))
    if gap is not None:
        shown.append(("gap", gap))
    most = max((float(np.abs(values).max(initial=0)) for _, values in shown), default=0) or 1.0
    axes = figure.add_subplot()
    for row, (_, values) in enumerate(shown):
        heights = 0.46 * values / most
        for sign, colour in ((1, "liquid1"), (-1, "static1")):
            which = np.sign(values) == sign
            strokes(axes, time[which], -row, -row + heights[which], colours[colour], 2.0)
        axes.axhline(-row, color=colours["grid"], linewidth=0.8)
    axes.set_yticks([-row for row in range(len(shown))], [short(name) for name, _ in shown])
    axes.tick_params("y", labelcolor=colours["ink"])
    axes.grid(False)
    axes.set_ylim(-len(shown) + 0.45, 0.55)
    axes.set_xlabel("time, in the unit of the stamps")
    axes.set_title(f"moved the answer by up to {most:.2g} a sample: blue raised it, orange lowered it")


def strokes(axes: Any, time: Array, low: Any, high: Any, colour: str, width: float) -> None:
    """Upright lines, one path for all: a thousand elements of their own make a page slow and large."""
    x = np.repeat(time, 3)
    y = np.stack(np.broadcast_arrays(np.asarray(low, dtype=float), high, np.nan), axis=-1).ravel()
    axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="butt").pop().get_path().should_simplify = False


def dots(axes: Any, time: Array, value: Array, colour: str, width: float = 2.4) -> None:
    """Round dots, one path for all: lines without length whose ends are round."""
    step = 1e-5 * float(np.ptp(time) or 1.0)
    x = (time[:, None] + np.array([0.0, step, 0.0])).ravel()
    y = np.stack([value, value, np.full(len(value), np.nan)], axis=-1).ravel()
    axes.plot(x, y, color=colour, linewidth=width, solid_capstyle="round").pop().get_path().should_simplify = False


def short(name: str) -> str:
    return name if len(name) <= LABEL else f"{name[: LABEL - 1]}…"
