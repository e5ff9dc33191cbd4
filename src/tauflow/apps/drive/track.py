"""A closed track drawn by chance: its line, its picture from above, its guard rails, its crossings and wet stretches.

r(phi) = 25 m (1 + sum_k a_k cos(k phi + p_k)), k = 2..5     kept if its curves are wider than 6.5 m and it stays clear of itself
stations   points of the line, `step` metres apart: where (x, y), heading, curvature, and whether it is wet there
picture    shades of grey, 0 to 255, PIXELS a side over 90 m, with its halves, quarters, ... for what is far away (mip levels)
rails      segments 3.6 m beside the line, with gaps at crossings; the LiDAR alone sees them
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
HALF, PIXELS, LEVELS = 45.0, 1536, 5  # m from the middle to the edge of the world; of the picture; its mip levels
LANE, LINE, RAIL = 3.4, 0.18, 3.6  # m: between the white lines; their width; from the middle to a rail
TIGHTEST, SPACING = 6.5, 0.25  # m: the least radius; between stations
GRASS, ROAD, WHITE, WATER = 120, 72, 232, 34
SIDE, WET = 9.0, 12.0  # m: how far a crossing road goes to each side; the length of a wet stretch


@dataclass(frozen=True, eq=False)
class Track:
    """Stations (m, ...), the rails (segments, 4) from (x, y) to (x, y), the picture's mip levels one after the other."""

    p: Array  # (m, 2)
    heading: Array
    curvature: Array
    wet: Array  # bool
    crossings: Array  # stations
    rails: Array
    picture: Array  # uint8
    step: float

    @property
    def length(self) -> float:
        return len(self.p) * self.step

    @property
    def normal(self) -> Array:
        """To the left, (m, 2)."""
        return np.stack([-np.sin(self.heading), np.cos(self.heading)], axis=1)


@lru_cache(maxsize=64)
def track(seed: int, crossings: int = 2, wet: int = 3) -> Track:
    """The track of this seed, with so many crossings and wet stretches, fewer where it has no room for them."""
    rng = np.random.default_rng(seed)
    p, heading, curvature, step = _line(rng)
    m = len(p)
    chosen = _apart(rng, _straight(p, curvature, step), crossings, int(25 / step), m)
    soaked = np.zeros(m, dtype=bool)
    for start in _apart(rng, np.arange(m), wet, int(2 * WET / step), m):
        soaked[(start + np.arange(int(WET / step))) % m] = True
    normal = np.stack([-np.sin(heading), np.cos(heading)], axis=1)
    rails = _rails(p, normal, chosen, step)
    return Track(p, heading, curvature, soaked, chosen, rails, _picture(rng, p, normal, soaked, chosen, step), step)


def _line(rng: np.random.Generator) -> tuple[Array, Array, Array, float]:
    phi = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    while True:
        waves = [rng.uniform(0, 0.28 / (k - 1)) * np.cos(k * phi + rng.uniform(0, 2 * np.pi)) for k in range(2, 6)]
        r = 25 * (1 + sum(waves))
        p = np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1)
        if rng.random() < 0.5:
            p = p[::-1]
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.roll(p, -1, axis=0) - p, axis=1))])
        m = int(along[-1] / SPACING)
        at = np.linspace(0, along[-1], m, endpoint=False)
        closed = np.concatenate([p, p[:1]])
        p = np.stack([np.interp(at, along, closed[:, k]) for k in range(2)], axis=1)
        ahead = np.roll(p, -1, axis=0) - np.roll(p, 1, axis=0)
        heading = np.arctan2(ahead[:, 1], ahead[:, 0])
        turn = np.roll(heading, -2) - np.roll(heading, 2)
        step = along[-1] / m
        curvature = np.arctan2(np.sin(turn), np.cos(turn)) / (4 * step)
        curvature = np.convolve(np.concatenate([curvature[-4:], curvature, curvature[:4]]), np.ones(9) / 9, "valid")
        fits = 120 < along[-1] < 180 and np.abs(curvature).max() < 1 / TIGHTEST and np.abs(p).max() < HALF - 6
        if fits and _clear(p, step):
            return p, heading, curvature, float(step)


def _clear(p: Array, step: float) -> bool:
    """Whether stretches that are 20 m of road apart are 9 m apart in the plane."""
    few = p[::8]
    apart = np.linalg.norm(few[:, None] - few[None], axis=2)
    between = np.abs(np.subtract.outer(np.arange(len(few)), np.arange(len(few))))
    between = np.minimum(between, len(few) - between) * 8 * step
    return bool(apart[between > 20].min() > 9)


def _straight(p: Array, curvature: Array, step: float) -> Array:
    """Stations where another road may cross: no sharp curve, and nothing of this one within its reach to the sides."""
    m, near = len(p), int(SIDE / step)
    around = np.abs(np.arange(m)[:, None] - np.arange(m)[None, ::4])
    around = np.minimum(around, m - around)
    apart = np.linalg.norm(p[:, None] - p[None, ::4], axis=2)
    free = np.where(around > 2 * near, apart, np.inf).min(axis=1) > SIDE + RAIL
    sharp = np.abs(curvature)
    sharp = np.max([np.roll(sharp, k) for k in range(-16, 17, 4)], axis=0)
    return np.flatnonzero(free & (sharp < 0.06))


def _apart(rng: np.random.Generator, free: Array, many: int, distance: int, m: int) -> Array:
    """Up to so many stations of `free`, at least `distance` stations from each other."""
    chosen: list[int] = []
    for station in rng.permutation(free):
        gaps = [min(abs(station - other), m - abs(station - other)) for other in chosen]
        if len(chosen) < many and min(gaps, default=m) >= distance:
            chosen.append(int(station))
    return np.array(sorted(chosen), dtype=np.int64)


def _rails(p: Array, normal: Array, crossings: Array, step: float) -> Array:
    m, every = len(p), int(2 / step)
    ends = np.arange(0, m, every)
    begin, end = ends, np.roll(ends, -1)
    middle = (begin + every // 2) % m
    if len(crossings):
        away = np.abs(middle[:, None] - crossings[None])
        open_ = (np.minimum(away, m - away) * step < LANE / 2 + 1.2).any(axis=1)
        begin, end = begin[~open_], end[~open_]
    return np.concatenate([np.hstack([(p + side * RAIL * normal)[k] for k in (begin, end)]) for side in (-1, 1)])


def _picture(rng: np.random.Generator, p: Array, normal: Array, wet: Array, crossings: Array, step: float) -> Array:
    """All mip levels, (numbers,), row 0 at y = -HALF."""
    from PIL import Image, ImageDraw

    coarse = np.clip(GRASS + 16 * rng.standard_normal((PIXELS // 12, PIXELS // 12)), 0, 255).astype(np.uint8)
    made = Image.fromarray(coarse).resize((PIXELS, PIXELS), Image.Resampling.BILINEAR)
    drawing = ImageDraw.Draw(made)

    def pixels(metres: Array) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in (metres + HALF) * (PIXELS / (2 * HALF))]

    def road(points: Array, width: float, shade: int) -> None:
        across = width * PIXELS / (2 * HALF)
        drawing.line(pixels(points), fill=shade, width=round(across))
        for x, y in pixels(points[::2]):  # lines leave cracks in curves, discs fill them
            drawing.ellipse((x - across / 2, y - across / 2, x + across / 2, y + across / 2), fill=shade)

    closed = np.concatenate([p, p[:2]])
    sides = [np.stack([p[c] - SIDE * normal[c], p[c] + SIDE * normal[c]]) for c in crossings]
    for width, shade in ((LANE + 2 * LINE, WHITE), (LANE, ROAD)):
        road(closed, width, shade)
    for side in sides:  # the crossing road lies over the lines, its own end at the lane
        drawing.line(pixels(side), fill=WHITE, width=round((LANE + 2 * LINE) * PIXELS / (2 * HALF)))
        drawing.line(pixels(side), fill=ROAD, width=round(LANE * PIXELS / (2 * HALF)))
    for c in crossings:
        road(p[(c + np.arange(-12, 13)) % len(p)], LANE - 0.2, ROAD)
    starts = np.flatnonzero(wet & ~np.roll(wet, 1))
    for start in starts:
        many = int(np.argmin(np.roll(wet, -start))) or len(p)
        road(p[(start + np.arange(many)) % len(p)], LANE * 0.8, WATER)
    levels = [made if k == 0 else made.reduce(2**k) for k in range(LEVELS)]
    return np.concatenate([np.asarray(level).ravel() for level in levels])
