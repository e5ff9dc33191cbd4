"""A track from above as a drawing, with the lines that drivers took, and a ring wherever a wheel touched the white line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .track import LANE, LINE, SIDE, Track

Array = NDArray[Any]
EDGE = 8.0  # m around the track
MOST_RINGS = 40


def birdseye(track: Track, lines: Mapping[str, tuple[Array, Array]], colours: Mapping[str, str]) -> str:
    """An SVG in metres. lines: name -> where a car was (steps, 2), and whether a wheel touched then, bool (steps,)."""
    parts = []
    for c in track.crossings:
        side = np.stack([track.p[c] - SIDE * track.normal[c], track.p[c] + SIDE * track.normal[c]])
        parts.append(line(side, "var(--grid)", LANE))
    closed = np.concatenate([track.p[::2], track.p[:1]])
    parts += [line(closed, "var(--muted)", LANE + 2 * LINE), line(closed, "var(--grid)", LANE)]
    starts = np.flatnonzero(track.wet & ~np.roll(track.wet, 1))
    for start in starts:
        many = int(np.argmin(np.roll(track.wet, -start))) or len(track.p)
        wet = track.p[(start + np.arange(many)) % len(track.p)]
        parts.append(line(wet, "var(--liquid4)", 0.8 * LANE, "0.25"))
    return above(track.p, parts, lines, colours)


def above(
    road: Array, ground: Sequence[str], lines: Mapping[str, tuple[Array, Array]], colours: Mapping[str, str]
) -> str:
    """The same on any ground: road (n, 2), points that must be in the picture; ground: parts of an SVG in metres, north is up."""
    low, high = road.min(axis=0) - EDGE, road.max(axis=0) + EDGE
    frame = f"{low[0]:.0f} {-high[1]:.0f} {high[0] - low[0]:.0f} {high[1] - low[1]:.0f}"
    label = "a track from above, with the lines that drivers took"
    parts = [f'<svg viewBox="{frame}" role="img" aria-label="{label}">', *ground]
    for name, (place, touched) in lines.items():
        colour = f"var(--{colours[name]})"
        parts.append(line(place, colour, 0.45, "0.9", "1.8 1.2" if colours[name].startswith("static") else ""))
        rings = np.flatnonzero(touched & ~np.roll(touched, 1))[:MOST_RINGS]
        parts += [
            f'<circle cx="{x:.1f}" cy="{-y:.1f}" r="1.3" fill="none" stroke="{colour}" stroke-width="0.4"/>'
            for x, y in place[rings]
        ]
        if len(place):
            x, y = place[-1]
            parts.append(f'<circle cx="{x:.1f}" cy="{-y:.1f}" r="0.9" fill="{colour}"/>')
    return "".join(parts) + "</svg>"


def line(points: Array, colour: str, width: float, opacity: str = "1", dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    moves = " ".join(f"{x:.1f},{-y:.1f}" for x, y in points)
    return f'<polyline points="{moves}" fill="none" stroke="{colour}" stroke-width="{width:g}" opacity="{opacity}"{dashed}/>'
