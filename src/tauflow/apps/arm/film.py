"""The arm as a moving drawing: every policy in one frame, the load as a ball whose volume is its mass, without a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import dynamics

Array = NDArray[Any]
SCALE, WIDTH, EDGE = 190.0, 440, 24  # px a metre; px
EACH = 4  # every fourth step is drawn


def on_paper(places: Array) -> Array:
    """Metres from the shoulder, (..., 2), as px, down is positive."""
    return np.asarray(SCALE * places * [1, -1])


def film(
    arms: Mapping[str, Array],
    colours: Mapping[str, str],
    path: Array,
    load: Array,
    step: float,
    sphere: Array | None = None,
) -> str:
    """An SVG. arms: name -> q (steps, 3), drawn in the page's colour of that name; path (steps, 2) the ball's reference in m;
    load (steps,) in kg; step: seconds between steps; sphere: the radius and the place of an obstacle, (3,)."""
    shown = np.arange(0, len(load), EACH)
    seconds = f"{len(load) * step:.2f}s"
    met = np.concatenate([np.zeros((1, 2)), on_paper(path), *(on_paper(dynamics.tip(q)) for q in arms.values())])
    (left, top), (right, low) = met.min(axis=0) - EDGE, met.max(axis=0) + EDGE
    left, width, top = min(left, (left + right - WIDTH) / 2), max(right - left, WIDTH), top - 20
    frame = f"{left:.0f} {top:.0f} {width:.0f} {low - top:.0f}"
    parts = [f'<svg viewBox="{frame}" role="img" aria-label="arms that follow a path, one a policy">']
    line = " ".join(f"{x:.0f},{y:.0f}" for x, y in on_paper(path[shown]))
    parts.append(f'<polyline points="{line}" fill="none" stroke="var(--grid)" stroke-width="2"/>')
    if sphere is not None:
        x, y = on_paper(sphere[1:])
        parts.append(
            f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{SCALE * sphere[0]:.0f}" fill="var(--static4)" opacity="0.6"/>'
        )
    for name, q in arms.items():
        places = on_paper(dynamics.joints(q[shown]))
        colour = f"var(--{colours[name]})"
        moves = [" ".join(f"{x:.0f},{y:.0f}" for x, y in one) for one in places]
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="4" stroke-linecap="round" stroke-linejoin="round" '
            f'opacity="0.75" points="{moves[0]}">{_animated("points", moves, seconds)}</polyline>'
        )
        size = 4 + 7 * np.cbrt(load[shown])
        parts.append(
            f'<circle fill="{colour}" opacity="0.55" cx="{places[0, 3, 0]:.0f}" cy="{places[0, 3, 1]:.0f}" r="{size[0]:.1f}">'
            + _animated("cx", [f"{x:.0f}" for x in places[:, 3, 0]], seconds)
            + _animated("cy", [f"{y:.0f}" for y in places[:, 3, 1]], seconds)
            + _animated("r", [f"{r:.1f}" for r in size], seconds)
            + "</circle>"
        )
    parts.append(_ticker(load, seconds, left + 8, top + 20))
    return "".join(parts) + "</svg>"


def _animated(what: str, values: Sequence[str], seconds: str) -> str:
    return f'<animate attributeName="{what}" dur="{seconds}" repeatCount="indefinite" values="{";".join(values)}"/>'


def _ticker(load: Array, seconds: str, x: float, y: float) -> str:
    """The mass in figures: one text a stretch, shown in its time."""
    starts = np.flatnonzero(np.diff(load, prepend=np.nan) != 0)
    ends, texts = [*starts[1:], len(load)], []
    for start, end in zip(starts, ends, strict=True):
        times = [t / len(load) for t in (start, end)]
        if start == 0:
            marks, values = ["0", f"{times[1]:.4f}"], ["1", "0"]
        else:
            marks, values = ["0", f"{times[0]:.4f}", f"{times[1]:.4f}"], ["0", "1", "0"]
        if end == len(load):
            marks, values = marks[:-1], values[:-1]
        shown = "1" if start == 0 else "0"
        animated = (
            f'<animate attributeName="opacity" calcMode="discrete" dur="{seconds}" repeatCount="indefinite" '
            f'keyTimes="{";".join(marks)}" values="{";".join(values)}"/>'
            if len(marks) > 1
            else ""
        )
        texts.append(
            f'<text x="{x:.0f}" y="{y:.0f}" fill="var(--ink)" font-size="15" opacity="{shown}">{load[start]:.2f} kg{animated}</text>'
        )
    return "".join(texts)
