"""How a car moves: a bicycle whose steering and speed lag behind what is asked, and whose tyres hold so much and no more.

    d delta/dt = (MOST_STEER steer - delta) / 0.15 s        dv/dt = (asked - v) / 0.6 s within -6 ... 3 m/s^2
    turn = v tan(delta) / 2.6 m, at most grip / v            dx/dt = v cos(heading), dy/dt = v sin(heading), d heading/dt = turn

grip is 8 m/s^2 on dry road and 2.6 on wet: beyond it the car goes straighter than its wheels point. Source: Rajamani 2012, Vehicle
Dynamics and Control, section 2.2. And how an expert drives who knows all of it (pure pursuit, Coulter 1992).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .track import LANE

Array = NDArray[Any]
BASE, WIDTH = 2.6, 1.7  # m: between the axles; of the car
MOST_STEER, FASTEST = 0.5, 12.0  # rad, m/s
STEER_LAG, SPEED_LAG, BRAKE, PULL = 0.15, 0.6, 6.0, 3.0
DRY, WET = 8.0, 2.6  # m/s^2
OFF = (LANE - WIDTH) / 2  # m from the middle, where a wheel is on the white line
COMFORT_DRY, COMFORT_WET, SOFT_BRAKE = 4.0, 1.3, 3.0  # m/s^2, of the expert
KEPT, KEPT_CAREFUL, CLOSING = 9.0, 12.0, 0.6  # m to the middle of the car ahead, of a careful one; 1/s
SEEN = 120  # stations ahead that the expert looks at


def move(pose: Array, v: Array, delta: Array, action: Array, grip: Array, h: float) -> tuple[Array, Array, Array]:
    """One step of h seconds: pose (n, 3), v and delta (n,), of action (n, 2): steer in [-1, 1], speed from 0 (-1) to FASTEST (1)."""
    steer, asked = np.clip(action[:, 0], -1, 1), (np.clip(action[:, 1], -1, 1) + 1) / 2 * FASTEST
    delta = delta + h / STEER_LAG * (MOST_STEER * steer - delta)
    v = np.maximum(v + h * np.clip((asked - v) / SPEED_LAG, -BRAKE, PULL), 0)
    most = grip / np.maximum(v, 0.1)
    turn = np.clip(v * np.tan(delta) / BASE, -most, most)
    middle = pose[:, 2] + h * turn / 2
    moved = np.stack([v * np.cos(middle), v * np.sin(middle), turn], axis=1)
    return pose + h * moved, v, delta


def most_speed(curvature: Array, wet: Array) -> Array:
    """How fast the expert passes each station, (m,) in m/s."""
    comfort = np.where(wet, COMFORT_WET, COMFORT_DRY)
    return np.minimum(np.sqrt(comfort / np.maximum(np.abs(curvature), 1e-3)), FASTEST)


def drive(
    pose: Array, v: Array, ahead: Array, limits: Array, step: float, gap: Array, other_v: Array, kept: float = KEPT
) -> Array:
    """The expert's actions (n, 2). ahead (n, SEEN, 2): the line from where each car is; limits (n, SEEN): `most_speed` there;
    step: m between stations; gap and other_v (n,): m to the middle of the car ahead, infinite where there is none, and its speed;
    kept: m that it is left."""
    rows = np.arange(len(pose))
    reach = np.clip(((2.5 + 0.45 * v) / step).astype(int), 0, SEEN - 1)
    to = ahead[rows, reach] - pose[:, :2]
    angle = np.arctan2(to[:, 1], to[:, 0]) - pose[:, 2]
    steer = np.arctan2(2 * BASE * np.sin(angle), np.hypot(to[:, 0], to[:, 1]))
    before = np.maximum(np.arange(SEEN) * step - 0.3 * v[:, None], 0)
    speed = np.sqrt(limits**2 + 2 * SOFT_BRAKE * before).min(axis=1)
    speed = np.minimum(speed, np.maximum(other_v + CLOSING * (gap - kept), 0))
    return np.stack([np.clip(steer / MOST_STEER, -1, 1), np.clip(speed / FASTEST, 0, 1) * 2 - 1], axis=1)
