"""A camera of 64 x 64 pixels: where each pixel's ray meets the flat ground, the picture of the world is looked up, at its mip level.

    pixel -> ray (pitched down 0.3 rad, 75 degrees) -> ground (forward, left) of the car -> turned by its heading -> shade
    fog       shade + (HAZE - shade) (1 - exp(-density distance))
    exposure  gain = EXPOSED / mean, at most MOST_GAIN: dusk costs no light but brings up the noise; the dark stays dark

No renderer, no graphics card. Policies get the 48 rows from row TOP on; above is the sky alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .track import HALF, LEVELS, PIXELS

Array = NDArray[Any]
SIZE, TOP = 64, 16
FOCAL = SIZE / 2 / np.tan(np.radians(37.5))
HEIGHT, FORWARD = 1.4, 1.2  # m above the ground, before the rear axle
DOWN, LEVEL = 0.3 / np.hypot(0.3, 0.954), 0.954 / np.hypot(0.3, 0.954)  # sine and cosine of the pitch
FARTHEST = 60.0  # m
SKY, HAZE = 0.8, 0.62
EXPOSED, MOST_GAIN = 0.45, 6.0
CAR = (3.8, 1.7, 1.35)  # m: length, width and height of another car
BODY, WINDOW = 0.1, 0.5


def _ground() -> tuple[Array, Array, Array]:
    """Which pixels see the ground, (64, 64); of those: where, (pixels, 2), and from how far, (pixels,)."""
    right, up = np.meshgrid(np.arange(SIZE) + 0.5 - SIZE / 2, SIZE / 2 - np.arange(SIZE) - 0.5)
    right, up = right / FOCAL, up / FOCAL
    forward, rise = LEVEL + DOWN * up, -DOWN + LEVEL * up
    hits = rise < -HEIGHT / FARTHEST
    t = HEIGHT / -rise[hits]
    place = np.stack([FORWARD + t * forward[hits], -t * right[hits]], axis=1)
    return hits, place, t


HITS, PLACE, DISTANCE = _ground()
_COARSE = np.clip(np.log2(DISTANCE**1.5 * HEIGHT / FOCAL / (2 * HALF / PIXELS)), 0, LEVELS - 1).astype(int)
_WIDTHS = PIXELS // 2 ** np.arange(LEVELS)
_STARTS = np.concatenate([[0], np.cumsum(_WIDTHS**2)])[:-1]
WIDTH, START = _WIDTHS[_COARSE].astype(np.int32), _STARTS[_COARSE].astype(np.int32)
A_METRE = (WIDTH / (2 * HALF)).astype(np.float32)
ALL = int((_WIDTHS**2).sum())  # numbers of one track's picture
BLANK = np.broadcast_to(np.linspace(SKY, HAZE + 0.1, SIZE)[:, None], (SIZE, SIZE)).astype(np.float32)


def look(pictures: Array, at: Array, pose: Array, other: Array | None = None) -> Array:
    """What cars see in clear daylight, shades (n, 64, 64) from 0 to 1.

    pictures: of all tracks, one after the other; at (n,): which is whose; pose (n, 3): x, y, heading; other (n, 3): that of
    another car, NaN where there is none.
    """
    cos, sin = np.cos(pose[:, 2:], dtype=np.float32), np.sin(pose[:, 2:], dtype=np.float32)
    forward, left = PLACE.astype(np.float32).T
    x = (pose[:, :1].astype(np.float32) + HALF) + cos * forward - sin * left
    y = (pose[:, 1:2].astype(np.float32) + HALF) + sin * forward + cos * left
    column = np.clip((x * A_METRE).astype(np.int32), 0, WIDTH - 1)
    row = np.clip((y * A_METRE).astype(np.int32), 0, WIDTH - 1)
    index = row * WIDTH + column + START + (at * ALL)[:, None]
    shades = np.repeat(BLANK[None], len(pose), axis=0)
    shades[:, HITS] = pictures[index] * np.float32(1 / 255)
    if other is not None:
        for k in np.flatnonzero(np.isfinite(other[:, 0])):
            _paint(shades[k], seen_from(pose[k], other[k]))
    return shades


def seen_from(pose: Array, other: Array) -> Array:
    """Another pose, (3,), in the frame of this one."""
    cos, sin = np.cos(pose[2]), np.sin(pose[2])
    away = other[:2] - pose[:2]
    return np.array([cos * away[0] + sin * away[1], cos * away[1] - sin * away[0], other[2] - pose[2]])


def box(other: Array) -> Array:
    """The corners of other cars, (..., 4, 2), around their middles (..., 3): x, y, heading."""
    along, across = np.array([1, 1, -1, -1]) * CAR[0] / 2, np.array([1, -1, -1, 1]) * CAR[1] / 2
    cos, sin = np.cos(other[..., 2:]), np.sin(other[..., 2:])
    turned = np.stack([cos * along - sin * across, sin * along + cos * across], axis=-1)
    return np.asarray(other[..., None, :2] + turned)


def project(points: Array) -> Array:
    """Columns and rows (points, 2) of points (points, 3) before the car: forward, left, up."""
    away = points - [FORWARD, 0, HEIGHT]
    depth = LEVEL * away[:, 0] - DOWN * away[:, 2]
    rise = DOWN * away[:, 0] + LEVEL * away[:, 2]
    return np.stack([SIZE / 2 - FOCAL * away[:, 1] / depth, SIZE / 2 - FOCAL * rise / depth], axis=1)


def _paint(shade: Array, other: Array) -> None:
    """Another car as the rectangle that holds it: dark, its upper third a window."""
    if not FORWARD + CAR[0] / 2 + 0.5 < other[0] < FARTHEST:
        return
    corners = box(other)
    low, high = (project(np.column_stack([corners, np.full(4, up)])) for up in (0.25, CAR[2]))
    (left, _), (right, bottom) = low.min(axis=0), low.max(axis=0)
    top = high[:, 1].min()
    columns = slice(*np.clip(np.rint([left, right]), 0, SIZE).astype(int))
    rows = np.clip(np.rint([top, top + (bottom - top) / 3, bottom]), 0, SIZE).astype(int)
    shade[rows[0] : rows[2], columns] = BODY
    shade[rows[0] : rows[1], columns] = WINDOW


FAR = np.full((SIZE, SIZE), FARTHEST, np.float32)
FAR[HITS] = DISTANCE


def expose(shades: Array, light: Array, fog: Array, noise: Array) -> Array:
    """What the sensor makes of it: fog (n,) a metre, light (n,) as a share of the day's, noise as `shades`, then the exposure."""
    if fog.any():
        shades = HAZE + (shades - HAZE) * np.exp(-fog[:, None, None].astype(np.float32) * FAR)
    raw = np.clip(shades * light[:, None, None].astype(np.float32) + noise, 0, 1)
    gain = np.minimum(EXPOSED / np.maximum(raw.mean(axis=(1, 2)), 1e-3), MOST_GAIN).astype(np.float32)
    return np.asarray(np.clip(raw * gain[:, None, None], 0, 1))
