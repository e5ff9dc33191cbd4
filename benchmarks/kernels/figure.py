"""The pictures, drawn from the results alone: bars of a training step for the README, and how time grows, for the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Results = dict[str, Any]
# The colours of the report's light page: liquid, static and trivial.
COLOURS = {"tauflow": "#1f6fd0", "ncps": "#d1541c", "torch": "#8b8f94"}
INK, MUTED, GRID = "#17191c", "#5f6368", "#e6e5e0"
BARS = {
    "kernel.ctrnn": "tauflow CTRNN",
    "kernel.gated_ltc": "tauflow GatedLTC",
    "kernel.gruode": "tauflow GRUODE",
    "kernel.ltc": "tauflow LTC, midpoint step",
    "drop-in.ltc": "tauflow LTC, numbers of ncps",
    "kernel.cfc": "tauflow CfC",
    "kernel.wired_cfc": "tauflow wired CfC",
    "ncps.ltc": "ncps LTC",
    "ncps.cfc": "ncps CfC",
    "ncps.wired_cfc": "ncps wired CfC",
    "torch.lstm": "torch LSTM",
    "torch.gru": "torch GRU",
    "torch.rnn": "torch RNN",
}
SHOWN = ("A", "C")


def speed(results: Results, path: Path) -> None:
    """Horizontal bars on a logarithmic axis, the fastest on top; one panel a shape."""
    panels = [(key, bars(results["shapes"][key]["models"])) for key in SHOWN if key in results.get("shapes", {})]
    heights = [len(times) + 1.5 for _, times in panels]
    figure = Figure(figsize=(7.2, 1.2 + 0.36 * sum(heights)), dpi=150, layout="constrained", facecolor="white")
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)
    for (key, times), one in zip(panels, axes[:, 0], strict=True):
        draw_bars(one, times)
        one.set_title(describe(results["shapes"][key]["sizes"]), fontsize=12, color=INK, loc="left")
    figure.suptitle(
        f"One training step, forward and backward: CPU milliseconds, one thread\n{results['machine']['processor']}",
        fontsize=13, color=INK, x=0.01, ha="left",
    )  # fmt: skip
    save(figure, path)


def bars(models: dict[str, Any]) -> list[tuple[str, float]]:
    """(name, CPU ms), the fastest first."""
    found = [(name, models[name]["cpu_ms"]) for name in BARS if "cpu_ms" in models.get(name, {})]
    return sorted(found, key=lambda bar: bar[1])


def draw_bars(axes: Axes, times: list[tuple[str, float]]) -> None:
    rows, values = range(len(times)), [value for _, value in times]
    least, greatest = min(values), max(values)
    colours = [COLOURS[BARS[name].partition(" ")[0]] for name, _ in times]
    axes.barh(rows, values, color=colours, height=0.72)
    axes.set_xscale("log")
    axes.set_xlim(least / 2.5, greatest * 4)
    axes.set_ylim(len(times) - 0.4, -0.6)
    axes.set_yticks(rows, [BARS[name] for name, _ in times], fontsize=12, color=INK)
    axes.tick_params("y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter("")
    for row, value in zip(rows, values, strict=True):
        axes.text(
            value * 1.08, row, f"{value:.3g}" if value < 100 else f"{value:,.0f}", va="center", fontsize=12, color=INK
        )
    plain(axes)


def scaling(results: Results, path: Path) -> None:
    """Time against steps and against synapses, both axes logarithmic; the exponents stand beside the lines."""
    figure = Figure(figsize=(7.2, 7.6), dpi=150, layout="constrained", facecolor="white")
    panels = (("time", "steps in the sequence"), ("synapses", "synapses"))
    for one, (part, label) in zip(figure.subplots(2, 1), panels, strict=True):
        for number, (series, found) in enumerate(results["scaling"][part].items()):
            xs, ys = zip(*found["points"], strict=True)
            name = BARS.get(series, series)
            colour = COLOURS["torch"] if series.startswith("torch") else LINES[number % len(LINES)]
            one.plot(xs, ys, "o-", color=colour, markersize=4, label=f"{name}: exponent {found['exponent']:.2f}")
        one.set(xscale="log", yscale="log")
        one.set_xlabel(label, fontsize=11, color=MUTED)
        one.set_ylabel("CPU ms of a training step", fontsize=11, color=MUTED)
        for axis in (one.xaxis, one.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:g}")
            axis.set_minor_formatter("")
        one.legend(frameon=False, fontsize=10, labelcolor=INK)
        plain(one)
    save(figure, path)


LINES = ("#1f6fd0", "#0d8a64", "#8b35c9", "#0b8fa6")


def describe(sizes: list[int]) -> str:
    batch, steps, inputs, units, outputs = sizes
    wiring = f"NCP wiring, {units} units" if outputs else f"{units} units"
    return f"batch {batch}, {steps} steps, {inputs} inputs, {wiring}"


def plain(axes: Axes) -> None:
    axes.grid(True, axis="x" if axes.get_yscale() == "linear" else "both", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(GRID)
    axes.tick_params(color=GRID, labelcolor=MUTED, which="both")
    if axes.get_yscale() == "linear":
        axes.tick_params("y", labelcolor=INK)


def save(figure: Figure, path: Path, **said: str) -> None:
    """With `said` as texts of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None, **said})
