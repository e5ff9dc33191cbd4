"""The pictures of results: `figure(result)` for matplotlib, `html(result)` for a notebook, `svg(result)` for a page.

A picture is a function draw(figure, result, ink), found by the name of the result's class; ink names the colours. On a page the
colours are stand-ins that `report.figures` turns into the page's own, so that one picture serves light and dark.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ...errors import TauflowError
from .. import figures
from . import motion, record, rest, stability, training

LIGHT = {
    "ink": "#17191c", "muted": "#5f6368", "grid": "#e6e5e0", "shade": "#f1f0ec",
    "liquid1": "#1f6fd0", "liquid2": "#0d8a64", "liquid3": "#8b35c9", "liquid4": "#0b8fa6", "static1": "#d1541c",
}  # fmt: skip
DPI = 144

Draw = Callable[[Figure, Any, Mapping[str, str]], None]

DRAWS: dict[str, tuple[Draw, tuple[int, int]]] = {  # class -> (how it is drawn, its size in CSS pixels)
    "Spectrum": (motion.spectrum, (440, 260)),
    "Meeting": (motion.meeting, (440, 260)),
    "StepMargin": (motion.step_margin, (440, 260)),
    "SpeedTable": (motion.speed_table, (960, 270)),
    "Bounds": (stability.bounds, (440, 320)),
    "Stability": (stability.card, (960, 620)),
    "FixedPoints": (rest.fixed_points, (440, 300)),
    "Bifurcation": (rest.bifurcation, (440, 300)),
    "Cycles": (rest.cycles, (440, 280)),
    "Portrait": (rest.portrait, (440, 400)),
    "Record": (record.record, (960, 620)),
    "GradientHealth": (training.gradient_health, (440, 300)),
}


def figure(result: Any) -> Figure:
    """The picture as a matplotlib Figure of its own, without pyplot."""
    made = _drawn(result, LIGHT)
    made.set_dpi(DPI)
    FigureCanvasAgg(made)
    return made


def svg(result: Any) -> str:
    """The picture as an <svg> element in the colours of the page around it."""
    made = _drawn(result, figures.STAND_IN)
    FigureCanvasSVG(made)
    with mpl.rc_context(figures.STYLE):
        return figures._svg(made)


def html(result: Any) -> str:
    """For a notebook: what it says in words, where it says something, and its picture."""
    words = getattr(result, "sentence", None) or getattr(result, "reason", None) or ""
    lines = [f"<b>{escape(what)}</b> {escape(line)}" for what, line in getattr(result, "lines", ())]
    text = "<br>".join(lines) or escape(str(words))
    picture = svg(result)
    for name, colour in LIGHT.items():
        picture = picture.replace(f"var(--{name})", colour)
    _, (width, _) = DRAWS[type(result).__name__]
    return f'<div style="max-width:{width}px;background:#fff;color:#17191c"><p>{text}</p>{picture}</div>'


def _drawn(result: Any, ink: Mapping[str, str]) -> Figure:
    name = type(result).__name__
    if name not in DRAWS:
        raise TauflowError(f"there is no picture of a {name}; there are those of {', '.join(DRAWS)}")
    draw, (width, height) = DRAWS[name]
    style = {key: _coloured(value, ink) for key, value in figures.STYLE.items()}
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(style)
        made = Figure(figsize=(width / 72, height / 72), layout="constrained")
        draw(made, result, ink)
    return made


def _coloured(value: Any, ink: Mapping[str, str]) -> Any:
    """A colour of the page's style in this ink."""
    named = {stand_in: name for name, stand_in in figures.STAND_IN.items()}
    return ink[named[value]] if isinstance(value, str) and value in named else value
