"""Pictures of where a network rests, what it turns around, and how that changes along an input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

Ink = Mapping[str, str]
MOST = 5  # lines


def fixed_points(figure: Figure, found: Any, ink: Ink) -> None:
    """The states of rest in the plane of their two main directions, as large as many starts ended there."""
    axes = figure.add_subplot()
    states, middle = found.states, found.states.mean(axis=0) if len(found.states) else 0
    plane = np.zeros((len(states), 2))
    if len(states) > 1:
        directions = np.linalg.svd(states - middle, full_matrices=False)[2][:2]
        plane[:, : len(directions)] = (states - middle) @ directions.T
    size = 30 + 200 * found.hits / max(found.hits.max(initial=1), 1)
    for holds, colour, filled in ((True, "liquid1", True), (False, "static1", False)):
        here = found.stable == holds
        axes.scatter(
            plane[here, 0], plane[here, 1], s=size[here], edgecolor=ink[colour], facecolor=ink[colour] if filled else "none",
            linewidths=1.5, alpha=0.9,
        )  # fmt: skip
    axes.set_xlabel("state along its main direction")
    axes.set_ylabel("along the second")
    axes.grid(True)
    axes.margins(0.15)
    axes.set_title(
        f"{int(found.stable.sum())} states hold (filled), {int((~found.stable).sum())} do not (rings)", loc="left"
    )


def bifurcation(figure: Figure, found: Any, ink: Ink) -> None:
    """States of rest over the input: dots that hold, rings that do not; bifurcations shaded."""
    axes = figure.add_subplot()
    for low, high, *_ in found.changes:
        axes.axvspan(low, high, color=ink["shade"], linewidth=0)
    axes.plot(found.value[found.stable], found.shown[found.stable], "o", markersize=4, color=ink["liquid1"])
    axes.plot(
        found.value[~found.stable],
        found.shown[~found.stable],
        "o",
        markersize=4,
        markerfacecolor="none",
        color=ink["static1"],
    )
    axes.set_xlabel(f"input {found.name}")
    axes.set_ylabel(f"at rest: {found.axis}")
    count = len(found.changes)
    said = f"{count} bifurcation{'s' * (count > 1)} (shaded): dots hold, rings do not"
    axes.set_title(said if count else "No bifurcation: one kind of rest throughout", loc="left")


def cycles(figure: Figure, found: Any, ink: Ink) -> None:
    """Each motion over time, along the direction in which it moves the most."""
    axes = figure.add_subplot()
    colours = ("liquid1", "static1", "liquid2", "liquid3", "liquid4")
    for k, turn in enumerate(found.turns[:MOST]):
        period = found.period[k]
        steps = len(turn) if np.isnan(period) else min(len(turn), int(4 * period / found.gap) + 2)
        part = turn[:steps] - turn.mean(axis=0)
        along = part @ np.linalg.svd(part, full_matrices=False)[2][0]
        time = found.gap * np.arange(steps)
        axes.plot(time, along, color=ink[colours[k]])
        label = "does not come back" if np.isnan(period) else f"period {period:.3g}"
        axes.annotate(
            label, (time[-1], along[-1]), (4, 0), textcoords="offset points", va="center", color=ink[colours[k]]
        )
    axes.set_xlabel("time, in the unit of dt")
    axes.set_ylabel("state along its main direction")
    count = len(found.turns)
    said = f"{count} motion{'s' * (count > 1)} without rest" if count else "Every start comes to rest"
    axes.set_title(said, loc="left")


def portrait(figure: Figure, found: Any, ink: Ink) -> None:
    """Arrows, paths from their starts, and the states of rest."""
    axes = figure.add_subplot()
    length = np.linalg.norm(found.arrows, axis=2, keepdims=True)
    arrows = found.arrows / np.maximum(length, 1e-12)
    axes.quiver(
        found.grid[..., 0],
        found.grid[..., 1],
        arrows[..., 0],
        arrows[..., 1],
        color=ink["grid"],
        angles="xy",
        width=0.004,
    )
    for path in found.paths:
        axes.plot(path[:, 0], path[:, 1], color=ink["muted"], linewidth=0.9, alpha=0.8)
        axes.plot(*path[0], ".", color=ink["muted"], markersize=4)
    holds = found.stable
    axes.plot(found.points[holds, 0], found.points[holds, 1], "o", color=ink["liquid1"], markersize=8)
    axes.plot(
        found.points[~holds, 0],
        found.points[~holds, 1],
        "o",
        color=ink["static1"],
        markerfacecolor="none",
        markersize=8,
    )
    axes.set_xlabel(f"main direction ({100 * found.explained[0]:.0f} % of the motion)")
    axes.set_ylabel(f"second ({100 * found.explained[1]:.0f} %)")
    axes.grid(False)
    axes.set_title(
        f"Where the states go: {int(holds.sum())} states hold (filled), {int((~holds).sum())} do not", loc="left"
    )
