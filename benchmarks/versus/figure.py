"""The pictures of docs/static-against-liquid.md, drawn from the rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..kernels.figure import GRID, INK, MUTED, save
from . import adapt, page, verdict
from .cuts import DISTURBANCES
from .job import Row
from .page import SHORT
from .sets import SETS, Set
from .verdict import Model

# Liquid: blue, green and violet; static: orange to brown; what is no network: black.
COLOURS = {
    "ltc": "#1f6fd0",
    "gated_ltc": "#0d8a64",
    "cfc": "#8b35c9",
    "ctrnn": "#0b8fa6",
    "hybrid": "#6f9bff",
    "lstm": "#d1541c",
    "lstm+dt": "#e89a4a",
    "gru": "#9a3412",
    "gru_d": "#c2847a",
    "tcn": "#b08900",
    "ridge": "#17191c",
}


def draw(found: dict[str, list[Row]], folder: Path) -> None:
    for name, rows in found.items():
        kept = [one for one in verdict.models(rows) if one.name in COLOURS]
        of = SETS[name]
        if not any(one.units for one in kept) or not of.shifted:
            continue
        if of.sizes:
            size(of, rows, folder / f"versus-{name}-size.png")
        convergence(of, kept, folder / f"versus-{name}-convergence.png")
        robustness(of, kept, folder / f"versus-{name}-robustness.png")
        adaptation(of, kept, folder / f"versus-{name}-adaptation.png")


def size(of: Set, rows: Sequence[Row], path: Path) -> None:
    figure, (left, right) = panels(of.title, 2)
    found = verdict.models(rows, None)
    for name in COLOURS:
        points = sorted((one for one in found if one.name == name and one.units), key=lambda one: one.units)
        if not points:
            continue
        ys = [one.of(lambda row: row.test)[0] for one in points]
        line(left, name, [one.parameters for one in points], ys)
        line(right, name, [one.of(page.cost)[0] for one in points], ys)
    for axes, label in ((left, "parameters"), (right, "us a step, one sequence")):
        axes.set_xscale("log")
        finish(axes, label, of)
    left.set_ylabel(f"test {of.metric.name}", fontsize=10, color=MUTED)
    finish_figure(figure, left, path)


def convergence(of: Set, kept: Sequence[Model], path: Path) -> None:
    figure, (left, right) = panels(of.title, 2)
    for one in (one for one in kept if one.units):
        ys = one.curve(lambda row: row.curve["validation"])
        seconds = one.curve(lambda row: row.curve["seconds"])
        line(left, one.name, range(1, len(ys) + 1), ys, False)
        line(right, one.name, [sum(seconds[: at + 1]) for at in range(len(ys))], ys, False)
    for axes, label in ((left, "epochs"), (right, "seconds of processor time")):
        axes.set_xscale("log")
        finish(axes, label, of)
    left.set_ylabel(f"validation {of.metric.name}", fontsize=10, color=MUTED)
    finish_figure(figure, left, path)


def robustness(of: Set, kept: Sequence[Model], path: Path) -> None:
    figure, axes = panels(of.title, len(DISTURBANCES))
    for one, (name, disturbance) in zip(axes, DISTURBANCES.items(), strict=False):
        for model in (model for model in kept if model.rows[0].robust):
            line(one, model.name, disturbance.levels, model.curve(partial(verdict.under, disturbance=name)))
        one.set_title(disturbance.title, fontsize=11, color=INK, loc="left")
        finish(one, disturbance.axis, of)
    finish_figure(figure, axes[0], path)


def adaptation(of: Set, kept: Sequence[Model], path: Path) -> None:
    figure, axes = panels(of.title, len(adapt.WAYS))
    titles = ("frozen weights", "the readout learns on", "all weights learn on")
    for one, way, title in zip(axes, adapt.WAYS, titles, strict=False):
        for model in (model for model in kept if way in model.rows[0].adapt):
            ys = smooth(model.curve(partial(verdict.learning, way=way)))
            half = len(ys) // 2
            line(one, model.name, [adapt.CHUNK * (at - half) for at in range(len(ys))], ys, False)
        one.axvline(0, color=MUTED, linewidth=1, linestyle=":")
        one.set_title(title, fontsize=11, color=INK, loc="left")
        finish(one, "rows since the shift", of)
    low, high = min(one.get_ylim()[0] for one in axes), max(one.get_ylim()[1] for one in axes)
    for one in axes:
        one.set_ylim(low, high)
    axes[0].set_ylabel("per cent wrong" if of.metric.higher else "squared error", fontsize=10, color=MUTED)
    finish_figure(figure, axes[0], path)


def smooth(ys: Sequence[float]) -> list[float]:
    """The mean of three chunks, apart before and after the shift."""
    half = len(ys) // 2
    return [
        sum(part) / len(part)
        for side in (ys[:half], ys[half:])
        for part in (side[max(0, at - 1) : at + 2] for at in range(len(side)))
    ]


def panels(title: str, count: int) -> tuple[Figure, list[Axes]]:
    columns = min(count, 3)
    rows = -(-count // columns)
    figure = Figure(figsize=(4.1 * columns, 0.9 + 3.3 * rows + 0.5), dpi=110, layout="constrained", facecolor="white")
    figure.suptitle(title, fontsize=13, color=INK, x=0.01, ha="left")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def line(axes: Axes, name: str, xs: Sequence[float], ys: Sequence[float], dots: bool = True) -> None:
    style = "--" if name == "ridge" else "-"
    axes.plot(
        xs, ys, style, marker="o" if dots else None, markersize=3.5, linewidth=1.5, color=COLOURS[name],
        label=SHORT[name],
    )  # fmt: skip


def finish(axes: Axes, label: str, of: Set) -> None:
    axes.set_xlabel(label, fontsize=10, color=MUTED)
    if not of.metric.higher:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:.2g}" if few(axes) else "")
    if axes.get_xscale() == "log":
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if value < 1000 else f"{value / 1000:g}k")
        axes.xaxis.set_minor_formatter("")
    axes.grid(True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(GRID)
    axes.tick_params(color=GRID, labelcolor=MUTED, which="both", labelsize=9)


def few(axes: Axes) -> bool:
    """Whether a logarithmic axis is too short for its powers of ten to be enough."""
    low, high = axes.get_ylim()
    return high / low < 12


def finish_figure(figure: Figure, first: Axes, path: Path) -> None:
    handles, labels = first.get_legend_handles_labels()
    columns = 6 if figure.get_figwidth() > 10 else 4
    figure.legend(handles, labels, loc="outside lower left", ncols=columns, frameon=False, fontsize=9.5, labelcolor=INK)
    save(figure, path)
