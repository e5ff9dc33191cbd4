"""The figures of a comparison, as SVG text for a page (see `drawing.canvas`).

No name from the data is drawn: such names stand in the page, where they are escaped once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..drawing.canvas import FONT, HEIGHT, STAND_IN, canvas, svg

Array = NDArray[Any]
LIQUID = ("liquid1", "liquid2", "liquid3", "liquid4")
STATIC = ("static1", "static2", "static3", "static4")
TRIVIAL = ("trivial1", "trivial2", "trivial3")
DASHES = {"liquid": "-", "static": (0, (5, 1.6)), "trivial": (0, (1.2, 1.6))}


def colours(kinds: Mapping[str, str]) -> dict[str, str]:
    """model -> the name of its colour: the best of each kind (the first) gets that kind's first colour."""
    families = {"liquid": LIQUID, "static": STATIC}
    used: dict[str, int] = {}
    found = {}
    for model, kind in kinds.items():
        family = families.get(kind, TRIVIAL)
        found[model] = family[used.get(kind, 0) % len(family)]
        used[kind] = used.get(kind, 0) + 1
    return found


def forecast(
    times: Array,
    actual: Array,
    forecasts: Mapping[str, Array],
    kinds: Mapping[str, str],
    palette: Mapping[str, str],
    bands: Mapping[str, tuple[Array, Array]] | None = None,
) -> str:
    """(context + h) truth, and (h,) forecasts that begin where the shaded part begins; `bands`: model -> (h,) ends."""
    h = len(next(iter(forecasts.values()))) if forecasts else 0
    with canvas(HEIGHT) as (figure, axes):
        if h:
            start = times[-h - 1] if len(times) > h else times[0]
            axes.axvspan(start, times[-1], color=STAND_IN["shade"], linewidth=0)
        axes.plot(times, actual, color=STAND_IN["ink"], linewidth=1.3, marker="o", markersize=2)
        for model, (low, high) in (bands or {}).items():
            axes.fill_between(times[-h:], low, high, color=STAND_IN[palette[model]], alpha=0.18, linewidth=0)
        for model, values in forecasts.items():
            axes.plot(times[-h:], values, color=STAND_IN[palette[model]], linestyle=DASHES.get(kinds[model], "-"))
        if np.issubdtype(times.dtype, np.datetime64):
            locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.margins(x=0.01)
        return svg(figure)


def lines(
    curves: Mapping[str, Array],
    kinds: Mapping[str, str],
    palette: Mapping[str, str],
    labels: Mapping[str, str],
    x: str,
    y: str = "",
) -> str:
    """One line a model over 1, 2, 3 ..., each with its name at its end; what is not finite leaves a gap.

    Where one line lies far above the others the axis ends below it: `out_of_scale` names those.
    """
    curves = {model: values for model, values in curves.items() if model not in out_of_scale(curves)}
    with canvas(HEIGHT + 30) as (figure, axes):
        ends = {}
        for model, values in curves.items():
            position = np.arange(1, len(values) + 1)
            seen = np.isfinite(values)
            if not seen.any():
                continue
            marker = "o" if len(values) == 1 else ""
            style: dict[str, Any] = {"color": STAND_IN[palette[model]], "linestyle": DASHES.get(kinds[model], "-")}
            axes.plot(position, np.where(seen, values, np.nan), marker=marker, markersize=4, **style)
            ends[model] = (float(position[seen][-1]), float(values[seen][-1]))
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        _label_ends(axes, ends, palette, labels)
        return svg(figure)


def out_of_scale(curves: Mapping[str, Array]) -> list[str]:
    """Models whose last value is more than 2.5 times the least one: drawn too, they would flatten all others."""
    last = {model: values[np.isfinite(values)][-1] for model, values in curves.items() if np.isfinite(values).any()}
    return [model for model, value in last.items() if value > 2.5 * min(last.values())]


def strips(
    values: Mapping[str, Array], palette: Mapping[str, str], labels: Mapping[str, str], mark: float, marked: str, x: str
) -> str:
    """One row a model, one dot a neuron on a logarithmic axis, a bar at the median, a line at `mark`."""
    with canvas(max(HEIGHT + 30, 70 + 46 * len(values))) as (figure, axes):
        for row, (model, all_values) in enumerate(values.items()):
            seen = np.sort(all_values[np.isfinite(all_values) & (all_values > 0)])
            if len(seen) == 0:
                continue
            jitter = 0.26 * np.sin(np.arange(len(seen)) * 2.399963)  # the golden angle: even, and the same every time
            colour = STAND_IN[palette[model]]
            axes.scatter(seen, row + jitter, s=16, color=colour, alpha=0.8, linewidths=0)
            axes.vlines(float(np.median(seen)), row - 0.36, row + 0.36, color=colour, linewidth=2.5)
        axes.axvline(mark, color=STAND_IN["muted"], linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate(
            marked, (mark, 1), (4, 3), xycoords=("data", "axes fraction"), textcoords="offset points", size=FONT - 1,
            color=STAND_IN["muted"],
        )  # fmt: skip
        axes.set_xscale("log")
        axes.grid(False)
        axes.grid(True, axis="x")
        axes.set_yticks(range(len(values)), [labels[model] for model in values])
        axes.tick_params("y", labelcolor=STAND_IN["ink"])
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel(x)
        return svg(figure)


def _label_ends(
    axes: Axes, ends: Mapping[str, tuple[float, float]], palette: Mapping[str, str], labels: Mapping[str, str]
) -> None:
    """Names right of the last points, moved apart where they would cover each other."""
    if not ends:
        return
    low, high = axes.get_ylim()
    apart = (high - low) * 1.15 * FONT / (HEIGHT - 40)
    models = sorted(ends, key=lambda model: ends[model][1])
    heights = _moved_apart([ends[model][1] for model in models], apart)
    right = max(x for x, _ in ends.values())
    for model, height in zip(models, heights, strict=True):
        axes.annotate(
            labels[model], (right, height), (7, 0), textcoords="offset points", va="center", size=FONT,
            color=STAND_IN[palette[model]], annotation_clip=False,
        )  # fmt: skip
    axes.set_ylim(min(low, heights[0] - apart / 2), max(high, heights[-1] + apart / 2))


def _moved_apart(heights: Sequence[float], apart: float) -> list[float]:
    """Sorted heights, at least `apart` from each other and as near as that allows to where they were."""
    groups: list[tuple[float, int]] = []  # (centre, members)
    for height in heights:
        centre, members = height, 1
        while groups and centre - members * apart / 2 < groups[-1][0] + groups[-1][1] * apart / 2:
            before, count = groups.pop()
            centre, members = (before * count + centre * members) / (count + members), count + members
        groups.append((centre, members))
    return [centre + (k - (members - 1) / 2) * apart for centre, members in groups for k in range(members)]
