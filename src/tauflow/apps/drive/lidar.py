"""A LiDAR of 64 beams over 216 degrees: the distance to the nearest segment that each beam meets.

    r t = a + e u    =>    t = (a x e) / (r x e),    u = (a x r) / (r x e),    hit where t > 0 and 0 <= u <= 1

r a beam, a the begin and e the direction of a segment, all in the car's frame; x the cross product in the plane.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BEAMS, FARTHEST = 64, 25.0  # m
ANGLES = np.linspace(-0.6 * np.pi, 0.6 * np.pi, BEAMS)
RAYS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)
CROSS = np.stack([RAYS[:, 0], -RAYS[:, 1]], axis=1)  # r x e = CROSS . (e_y, e_x)


def measure(pose: Array, segments: Array) -> Array:
    """Distances (n, 64) in m, at most FARTHEST, from poses (n, 3) to segments (n, s, 4); a segment of NaN is none."""
    cos, sin = np.cos(pose[:, 2:]), np.sin(pose[:, 2:])

    def inside(x: Array, y: Array) -> tuple[Array, Array]:
        x, y = x - pose[:, :1], y - pose[:, 1:2]
        return (cos * x + sin * y).astype(np.float32), (cos * y - sin * x).astype(np.float32)

    ax, ay = inside(segments[..., 0], segments[..., 1])
    bx, by = inside(segments[..., 2], segments[..., 3])
    ex, ey = bx - ax, by - ay
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1 / (CROSS @ np.stack([ey, ex], axis=1))  # (n, beams, s)
        t = (ax * ey - ay * ex)[:, None] * inverse
        u = (-CROSS @ np.stack([ay, ax], axis=1)) * inverse
        met = (t > 0) & (u >= 0) & (u <= 1)
    return np.asarray(np.where(met, t, FARTHEST).min(axis=2).clip(max=FARTHEST))
