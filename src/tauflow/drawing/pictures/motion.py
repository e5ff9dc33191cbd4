"""Pictures of how a network moves along its data: memories, two starts that meet, steps, speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

Ink = Mapping[str, str]
MANY = 1000  # dots that a picture shows


def spectrum(figure: Figure, found: Any, ink: Ink) -> None:
    memories(figure.add_subplot(), found, ink)


def meeting(figure: Figure, found: Any, ink: Ink) -> None:
    starts(figure.add_subplot(), found, ink)


def step_margin(figure: Figure, found: Any, ink: Ink) -> None:
    margin(figure.add_subplot(), found, ink)


def memories(axes: Axes, found: Any, ink: Ink, unit: str = "") -> None:
    """Bars, longest first; a growing direction has another colour."""
    memory, grows = found.memory, found.exponents > 0
    places = np.arange(1, len(memory) + 1)
    axes.bar(places, memory, color=[ink["static1"] if one else ink["liquid1"] for one in grows], width=0.8)
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    axes.set_xlabel("direction of the state, slowest first")
    axes.set_ylabel(_unit("memory", unit))
    if grows.any():
        title = f"It does not forget: {int(grows.sum())} directions grow"
    else:
        title = f"It forgets: the slowest memory is {float(f'{memory[0]:.3g}'):,.10g} {unit or 'of time'}"
    axes.set_title(title, loc="left")


def starts(axes: Axes, found: Any, ink: Ink, unit: str = "", exponent: float | None = None) -> None:
    """Distance over time on a logarithmic axis, with the slope of the largest exponent beside."""
    seen = found.distance > 1e-12
    axes.plot(found.time[seen], found.distance[seen], color=ink["liquid1"])
    axes.set_yscale("log")
    axes.set_xlabel(_unit("time", unit))
    axes.set_ylabel("distance, at the start 1")
    if exponent is not None and exponent < 0:
        line = np.exp(exponent * found.time)
        shown = line > max(found.distance[seen].min(), 1e-12)
        axes.plot(found.time[shown], line[shown], color=ink["muted"], linestyle=(0, (4, 3)), linewidth=1.2)
        axes.annotate("dashed: as the slowest memory says", (0.02, 0.06), xycoords="axes fraction", color=ink["muted"])
    left = found.distance[-1]
    axes.set_title(
        "Two opposite starts, the same data: " + ("they meet" if left < 1e-3 else f"{100 * left:.2g} % are left"),
        loc="left",
    )


def margin(axes: Axes, found: Any, ink: Ink, unit: str = "", gaps: Any = None) -> None:
    """The error of one step against the gap; where the data's own gaps lie below."""
    error = np.where(np.isfinite(found.error), found.error, np.nan)
    shown = error > 1e-12
    axes.plot(found.dt[shown], 100 * error[shown], color=ink["liquid1"], marker="o", markersize=3)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(100 * found.tolerance, color=ink["static1"], linewidth=1.2)
    axes.annotate(f"{100 * found.tolerance:g} %", (0.01, 100 * found.tolerance), (0, 3), xycoords=("axes fraction", "data"),
                  textcoords="offset points", color=ink["static1"])  # fmt: skip
    if gaps is not None:
        moved = np.asarray(gaps)[np.asarray(gaps) > 0]
        axes.plot(
            moved[:: max(1, len(moved) // 400)], np.full(len(moved[:: max(1, len(moved) // 400)]), 0.02), "|", color=ink["ink"],
            alpha=0.35, markersize=9, transform=axes.get_xaxis_transform(),
        )  # fmt: skip
        axes.annotate("your gaps", (0.99, 0.06), xycoords="axes fraction", ha="right", color=ink["muted"])
    axes.set_xlabel(_unit("gap", unit))
    axes.set_ylabel("error of one step, % of the state")
    title = (
        "One step crosses every gap"
        if found.share == 0
        else f"{100 * found.share:.2g} % of the gaps are too long for one step"
    )
    axes.set_title(title, loc="left")


def speed_table(figure: Figure, found: Any, ink: Ink) -> None:
    """Response, noise, forgetting and score side by side, the trained network marked."""
    panels = speed_panels(found)
    for number, (title, draw) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), number)
        draw(axes, ink)
        axes.set_title(title, loc="left", fontsize=10)


def speed_panels(found: Any, unit: str = "") -> list[tuple[str, Callable[[Axes, Ink], None]]]:
    """A title and a picture for each."""
    columns = [
        ("How slow: answer to a step", _unit("time until 90 %", unit), found.response, None, "log"),
        ("How nervous: noise let through", "noise gain", found.noise_gain, None, "linear"),
        (
            "How fast it forgets",
            f"largest exponent, 1 / {unit or 'time'}",
            found.exponent,
            found.exponent_error,
            "linear",
        ),
    ]
    if found.score_name:
        columns.append((f"How good: {found.score_name}, held out", found.score_name, found.score, None, "linear"))
    return [(title, partial(_speed_panel, found.speed, *rest)) for title, *rest in columns]


def _speed_panel(speed: Any, label: str, values: Any, error: Any, scale: str, axes: Axes, ink: Ink) -> None:
    seen = np.isfinite(values)
    axes.errorbar(
        speed[seen], values[seen], yerr=None if error is None else error[seen], color=ink["liquid1"], marker="o", markersize=4,
        elinewidth=1, capsize=2,
    )  # fmt: skip
    axes.axvline(1.0, color=ink["static1"], linewidth=1.2)
    axes.annotate("trained", (1.0, 0.98), (3, 0), xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
                  color=ink["static1"])  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale(scale if seen.any() and (values[seen] > 0).all() else "linear")
    axes.set_xlabel("speed of the network (1: as trained)")
    axes.set_ylabel(label)


def eigenvalues(figure: Figure, found: Any, ink: Ink) -> None:
    """A dot an eigenvalue at a moment; left of the line it dies, right of it it grows."""
    axes = figure.add_subplot()
    shown = found.values[:: -(-found.values.size // MANY)]
    real, turns = shown.real.ravel(), shown.imag.ravel()
    for which, colour, marker in ((real <= 0, "liquid1", "o"), (real > 0, "static1", "^")):
        axes.plot(real[which], turns[which], marker, color=ink[colour], markersize=3, alpha=0.4, markeredgewidth=0)
    axes.axvline(0, color=ink["muted"], linewidth=1)
    axes.set_xlabel("dies (left) or grows (right), 1 / time")
    axes.set_ylabel("turns, radians / time")
    axes.set_title("How each direction moves, moment by moment", loc="left")


def plain(value: float) -> str:
    """Three figures without an exponent."""
    return f"{float(f'{value:.3g}'):,.10g}"


def plain_ticks(axis: Any) -> None:
    """100 and 1,000 and not powers of ten; minor ticks without numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axis.set_minor_formatter("")


def _unit(what: str, unit: str) -> str:
    return f"{what}, {unit}" if unit else f"{what}, in the unit of dt"
