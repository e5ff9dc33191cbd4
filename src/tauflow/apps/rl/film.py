"""Agents as a moving drawing without a script: carts and pendulums, one drawing a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import Run

Array = NDArray[Any]
WIDTH, HEIGHT = 440.0, 118.0  # px of one agent's frame
FRAMES = 250  # drawn, at most
SECONDS = 10.0  # a film lasts at most


def film(world: str, runs: Mapping[str, Run], colours: Mapping[str, str]) -> dict[str, str]:
    """An SVG of each run's first episode in its first copy, in the page's colour of its name, all in one time; none where nobody
    knows how."""
    if world not in DRAWN:
        return {}
    longest = max(float(run.time[run.first, 0][-1]) for run in runs.values()) or 1.0
    shown, box = min(longest, SECONDS), f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img"'
    return {
        name: f'<svg {box} aria-label="{name} in {world}">'
        + DRAWN[world](run.time[run.first, 0], run.seen[run.first, 0], longest, shown, f"var(--{colours[name]})")
        + "</svg>"
        for name, run in runs.items()
    }


def _cart(time: Array, seen: Array, longest: float, shown: float, colour: str) -> str:
    """x in m, angle in rad from upright; the track is 4.8 m, the pole is drawn a metre long."""
    metre, ground = WIDTH / 5.2, HEIGHT - 14
    x = WIDTH / 2 + metre * seen[:, 0]
    top = np.stack([x + metre * np.sin(seen[:, 2]), ground - 12 - metre * np.cos(seen[:, 2])], axis=1)
    moves = [f"{a:.1f},{ground - 12:.1f} {b:.1f},{c:.1f}" for a, (b, c) in zip(x, top, strict=True)]
    left, right = WIDTH / 2 - 2.4 * metre, WIDTH / 2 + 2.4 * metre
    track = f'<line x1="{left:.0f}" x2="{right:.0f}" y1="{ground:.0f}" y2="{ground:.0f}" stroke="var(--grid)" stroke-width="3"/>'
    move = _animated(time, longest, shown)
    cart = (
        f'<rect y="{ground - 14:.0f}" width="40" height="12" rx="3" fill="{colour}" opacity="0.8" x="{x[0] - 20:.1f}">'
        f"{move('x', [f'{a - 20:.1f}' for a in x])}</rect>"
    )
    return track + cart + _rod(moves, move, colour)


def _pendulum(time: Array, seen: Array, longest: float, shown: float, colour: str) -> str:
    """cos and sin of the angle from upright."""
    arm, x, y = HEIGHT / 2 - 8, WIDTH / 2, HEIGHT / 2
    ends = np.stack([x - arm * seen[:, 1], y - arm * seen[:, 0]], axis=1)
    moves = [f"{x:.1f},{y:.1f} {a:.1f},{b:.1f}" for a, b in ends]
    pin = f'<circle cx="{x:.0f}" cy="{y:.0f}" r="5" fill="var(--ink)"/>'
    return _rod(moves, _animated(time, longest, shown), colour) + pin


def _rod(moves: Sequence[str], move: Callable[[str, Sequence[str]], str], colour: str) -> str:
    return (
        f'<polyline fill="none" stroke="{colour}" stroke-width="6" stroke-linecap="round" points="{moves[0]}">'
        f"{move('points', moves)}</polyline>"
    )


def _animated(time: Array, longest: float, shown: float) -> Callable[[str, Sequence[str]], str]:
    """(attribute, its value at each step) -> what moves it; one that is over before the others stays where it ended."""
    some = np.unique(np.linspace(0, len(time) - 1, min(len(time), FRAMES)).astype(int))
    times = time[some] / longest

    def move(what: str, values: Sequence[str]) -> str:
        kept = [values[k] for k in some]
        at = [f"{t:.4f}" for t in times]
        if times[-1] < 1:
            kept, at = [*kept, kept[-1]], [*at, "1"]
        return (
            f'<animate attributeName="{what}" dur="{shown:.2f}s" repeatCount="indefinite" keyTimes="{";".join(at)}" '
            f'values="{";".join(kept)}"/>'
        )

    return move


DRAWN: dict[str, Callable[[Array, Array, float, float, str], str]] = {"CartPole-v1": _cart, "Pendulum-v1": _pendulum}
