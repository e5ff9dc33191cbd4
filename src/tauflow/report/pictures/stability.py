"""Pictures of what is proved, and the card of stability: four panels under the five lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from . import motion

Ink = Mapping[str, str]
WIDE = 118  # characters of a line on the card


def bounds(figure: Figure, found: Any, ink: Ink) -> None:
    ranges(figure.add_subplot(), found, ink)


def ranges(axes: Axes, found: Any, ink: Ink, unit: str = "") -> None:
    """Each neuron's time constants from fastest to slowest, slow ones on top; without such, the boxes of the states."""
    known = [layer for layer in found.layers if layer.slowest is not None]
    finite = [layer for layer in known if np.isfinite(layer.slowest).all() and layer.slowest.max() < 1e9]
    if finite:
        fast, slow = (np.concatenate([getattr(layer, name) for layer in finite]) for name in ("fastest", "slowest"))
        order = np.argsort(slow)
        places = np.arange(len(order))
        low = np.maximum(fast[order], slow[order] * 1e-4)
        axes.hlines(places, low, slow[order], color=ink["liquid1"], linewidth=max(1.0, min(4.0, 90 / len(order))))
        axes.plot(slow[order], places, "|", color=ink["liquid1"])
        axes.set_xscale("log")
        motion.plain_ticks(axes.xaxis)
        axes.set_xlabel(f"time constant, {unit or 'in the unit of dt'}")
        axes.set_title("How long each neuron can remember, whatever comes in", loc="left")
    else:
        boxes = [layer for layer in found.layers if layer.low is not None]
        low, high = (
            np.concatenate([getattr(layer, name) for layer in boxes] or [np.zeros(0)]) for name in ("low", "high")
        )
        axes.hlines(
            np.arange(len(low)), low, high, color=ink["liquid1"], linewidth=max(1.0, min(4.0, 90 / max(len(low), 1)))
        )
        axes.set_xlabel("state")
        axes.set_title(
            "Between which values each state stays" if len(low) else "Nothing is known of its states", loc="left"
        )
    axes.set_ylabel("neuron")
    axes.yaxis.set_major_locator(MaxNLocator("auto", integer=True))
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")


def card(figure: Figure, found: Any, ink: Ink) -> None:
    """The lines, then memories, two starts, steps, and the ranges of the time constants."""
    parts: Any = figure.subfigures(2, 1, height_ratios=[1.15, 3])
    text, drawn = parts
    lines = [(what, textwrap.wrap(line, WIDE)) for what, line in found.lines]
    count = sum(len(wrapped) for _, wrapped in lines)
    at = 0
    for what, wrapped in lines:
        for number, part in enumerate(wrapped):
            height = 0.96 - 0.94 * at / max(count, 7)
            if number == 0:
                text.text(0.01, height, what, weight="bold", va="top", color=ink["ink"])
            text.text(0.1, height, part, va="top", color=ink["ink"])
            at += 1
    axes = drawn.subplots(2, 2).ravel()
    if found.spectrum is not None:
        motion.memories(axes[0], found.spectrum, ink, found.unit)
    if found.meeting is not None:
        exponent = None if found.spectrum is None else float(found.spectrum.exponents[0])
        motion.starts(axes[1], found.meeting, ink, found.unit, exponent)
    if found.steps is not None:
        motion.margin(axes[2], found.steps, ink, found.unit, found.gaps)
    ranges(axes[3], found.bounds, ink, found.unit)
    missing = {
        0: (found.spectrum, "Memories: give data"),
        1: (found.meeting, "Two starts: give data"),
        2: (found.steps, "Steps"),
    }
    for number, (has, title) in missing.items():
        if has is None:
            axes[number].set_axis_off()
            why = dict(found.lines)[{0: "forgets", 1: "forgets", 2: "steps"}[number]]
            axes[number].set_title(title, loc="left")
            axes[number].text(0, 0.9, "\n".join(textwrap.wrap(why, 60)), va="top", color=ink["muted"])
