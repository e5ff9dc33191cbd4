"""The picture of a wiring: inputs and kinds of neurons as columns, a signal passes from left to right.

A synapse to the right is straight, one to the left is a bow; within a column they lead down on the right side
and up on the left, and a neuron's synapse onto itself is a ring.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from .canvas import shown

COLOURS = {"sensory": "#8c8c8c", "inter": "#4c78a8", "command": "#b279a2", "motor": "#f2a33c"}
EXCITES, INHIBITS = "#2a9d5c", "#d1495b"
Place = dict[tuple[bool, int], tuple[float, float]]  # (is an input, number) -> where it stands


def draw_wiring(synapses: NDArray[np.int8], sensory: NDArray[np.int8], types: tuple[str, ...]) -> Figure:
    """The figure; synapses (units, units) and sensory (inputs, units) hold polarities, types the kinds."""
    columns = {"sensory": list(range(len(sensory)))}
    for kind in (kind for kind in COLOURS if kind in types):
        columns[kind] = [neuron for neuron, its_kind in enumerate(types) if its_kind == kind]
    tallest = max(map(len, columns.values()))
    inches = 2.4 * len(columns) + 0.6, min(max(0.45 * tallest + 1.6, 3.6), 12)
    figure = Figure(figsize=inches, dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(-0.4, len(columns) - 0.6), ylim=(-tallest / 2 - 0.1, tallest / 2 + 0.6))
    axes.set_axis_off()
    place: Place = {
        (kind == "sensory", neuron): (float(column), (len(neurons) - 1) / 2 - row)
        for column, (kind, neurons) in enumerate(columns.items())
        for row, neuron in enumerate(neurons)
    }
    size = 260.0 if tallest <= 11 else max(2860 / tallest, 90)  # of a neuron, in square points
    _draw_synapses(axes, synapses, sensory, place, size)
    for column, (kind, neurons) in enumerate(columns.items()):
        title = f"{kind} ({len(neurons)})"
        axes.text(column, tallest / 2 + 0.2, title, ha="center", fontsize=11, color=COLOURS[kind])
        for neuron in neurons:
            x, y = place[kind == "sensory", neuron]
            axes.scatter(x, y, s=size, color=COLOURS[kind], edgecolor="white", linewidth=1.2, zorder=3)
            number = axes.text(x, y, str(neuron), color="white", fontsize=0.5 * size**0.5, zorder=4)
            number.set(ha="center", va="center_baseline")
    _draw_legend(figure, synapses, sensory)
    return shown(figure)


def _draw_synapses(
    axes: Axes, synapses: NDArray[np.int8], sensory: NDArray[np.int8], place: Place, size: float
) -> None:
    total = np.count_nonzero(synapses) + np.count_nonzero(sensory)
    alpha, width = min(0.9, max(0.15, 7 / total**0.5)), 1.3 if total < 200 else 0.8
    shift = size**0.5 / 190  # inches from a neuron's middle to the middle of its ring
    beside = axes.transData + ScaledTranslation(shift, shift, axes.figure.dpi_scale_trans)
    for is_input, matrix in ((True, sensory), (False, synapses)):
        for source, target in np.argwhere(matrix).tolist():
            colour = EXCITES if matrix[source, target] > 0 else INHIBITS
            start, end = place[is_input, source], place[False, target]
            if start == end:
                ring: dict[str, Any] = {"facecolor": "none", "edgecolor": colour, "linewidth": width}
                axes.scatter(*end, s=size / 3, transform=beside, zorder=2, **ring)
            else:
                axes.add_patch(_arrow(start, end, color=colour, alpha=alpha, lw=width))


def _arrow(start: tuple[float, float], end: tuple[float, float], **style: Any) -> FancyArrowPatch:
    bow = 0.0 if start[0] < end[0] else 0.2
    if start[0] == end[0]:
        bow = min(0.35, 2.0 / abs(start[1] - end[1]))  # a long way in a flat bow stays near its column
    style |= {"connectionstyle": f"arc3,rad={-bow}", "arrowstyle": "-|>", "mutation_scale": 8}
    return FancyArrowPatch(start, end, shrinkA=7, shrinkB=9, **style)


def _draw_legend(figure: Figure, synapses: NDArray[np.int8], sensory: NDArray[np.int8]) -> None:
    keys = [Line2D([], [], color=EXCITES, label="excites"), Line2D([], [], color=INHIBITS, label="inhibits")]
    if np.diag(synapses).any():
        ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": "#555555"}
        keys.append(Line2D([], [], ls="", label="onto itself", **ring))
    note = f"{np.count_nonzero(synapses)} synapses between neurons, {np.count_nonzero(sensory)} from inputs"
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False, title=note)


MOST_DRAWN = 150  # synapses; the weakest beyond them are left out


def draw_currents(figure: Figure, colours: Mapping[str, str], flow: Any) -> None:
    """A fitted network: `flow` has sources, inputs, outputs, types, and what each synapse carried (`explain.Flow`)."""
    columns = {"sensory": list(range(flow.inputs))}
    for kind in (kind for kind in COLOURS if kind in flow.types):
        columns[kind] = [neuron for neuron, its_kind in enumerate(flow.types) if its_kind == kind]
    tallest = max(map(len, columns.values()))
    place: Place = {
        (kind == "sensory", neuron): (float(column), (len(neurons) - 1) / 2 - row)
        for column, (kind, neurons) in enumerate(columns.items())
        for row, neuron in enumerate(neurons)
    }
    axes = figure.add_subplot()
    axes.set(xlim=(-0.75, len(columns) - 0.45), ylim=(-tallest / 2 - 0.2, tallest / 2 + 0.7))
    axes.set_axis_off()
    source, target = np.nonzero(flow.there)
    carried, mean = flow.amount[source, target], flow.mean[source, target]
    most = float(carried.max(initial=0)) or 1.0
    order = np.argsort(carried, kind="stable")[-MOST_DRAWN:]
    shift = ScaledTranslation(0.07, 0.07, axes.figure.dpi_scale_trans)
    paths, widths, shades = [], [], []
    for k in order:
        i, j, share = int(source[k]), int(target[k]), float(carried[k]) / most
        shade = to_rgba(colours["liquid1" if mean[k] > 0 else "static1"], 0.12 + 0.78 * share)
        width = 0.4 + 3.6 * share
        start, end = place[(True, i) if i < flow.inputs else (False, i - flow.inputs)], place[False, j]
        if start == end:
            ring: dict[str, Any] = {"facecolor": "none", "edgecolor": [shade], "linewidth": width}
            axes.scatter(*end, s=60, transform=axes.transData + shift, zorder=2, **ring)
        else:
            paths.append(Path([start, _bow(start, end, tallest), end], [Path.MOVETO, Path.CURVE3, Path.CURVE3]))
            widths.append(width)
            shades.append(shade)
    axes.add_collection(PathCollection(paths, facecolors="none", edgecolors=shades, linewidths=widths), autolim=False)
    for column, (kind, neurons) in enumerate(columns.items()):
        axes.text(column, tallest / 2 + 0.3, f"{kind} ({len(neurons)})", ha="center", color=colours["muted"])
        for neuron in neurons:
            x, y = place[kind == "sensory", neuron]
            axes.scatter(x, y, s=90, color=colours["ink"], edgecolor="none", zorder=3)
            if kind == "sensory":
                axes.text(x - 0.09, y, flow.sources[neuron], ha="right", va="center", color=colours["ink"], zorder=4)
            elif neuron in flow.outputs:
                axes.text(x + 0.09, y, flow.outputs[neuron], ha="left", va="center", color=colours["ink"], zorder=4)
            else:
                axes.text(
                    x, y + 0.2, str(neuron), ha="center", va="bottom", fontsize=9, color=colours["muted"], zorder=4
                )
    left_out = len(carried) - len(order)
    note = f"as thick as what they carried; blue raises, orange lowers{f'; the weakest {left_out} left out' if left_out else ''}"
    axes.set_title(f"{len(carried)} synapses, {note}")


def _bow(start: tuple[float, float], end: tuple[float, float], tallest: int) -> tuple[float, float]:
    """Where a synapse is drawn towards: straight to the right; up over a way back; within a column down on the right, up on the left."""
    x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    if start[0] < end[0]:
        return x, y
    if start[0] > end[0]:
        return x, y + 0.12 * tallest
    reach = 0.15 + 0.5 * abs(start[1] - end[1]) / tallest
    return (x + reach, y) if end[1] < start[1] else (x - reach, y)
