"""What models see of a row of a trial: the reading, and what the last seconds were like; the past alone.

    row        acceleration (3), tilt, antenna (4), RSSI, sine and cosine of the phase                             11
    window     over the last 2, 10 and 40 s: mean of the row, deviation of acceleration and tilt, log of the rows  3 x 16
    gap        log(1 + dt)                                                                                         1

dt in seconds is also told to the networks' time constants; a gap beyond a minute counts as a minute.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .trials import ANTENNAS, Trial

Array = NDArray[Any]
REACH = (2.0, 10.0, 40.0)  # s
LONGEST = 60.0  # s
BODY = 4  # columns of the row whose deviation counts: acceleration and tilt
ROW = BODY + ANTENNAS + 3
WIDTH = ROW + len(REACH) * (ROW + BODY + 1) + 1


@dataclass(frozen=True, eq=False)
class Seen:
    """x (rows, 60), dt (rows,) s, y (rows,) of a trial; raw: gaps as they were."""

    name: str
    x: Array
    dt: Array
    y: Array
    raw: Array


def seen(trial: Trial) -> Seen:
    """One trial as models see it."""
    tilt = np.arctan2(trial.acceleration[:, 0], trial.acceleration[:, 1])[:, None]
    antenna = np.eye(ANTENNAS)[trial.antenna]
    rssi, phase = (trial.signal[:, :1] + 60) / 5, trial.signal[:, 1:2]
    row = np.concatenate([trial.acceleration, tilt, antenna, rssi, np.sin(phase), np.cos(phase)], axis=1)
    gap = np.log1p(trial.dt)[:, None]
    x = np.concatenate([row, windows(row, trial.times), gap], axis=1).astype(np.float32)
    return Seen(trial.name, x, np.clip(trial.dt, 0, LONGEST).astype(np.float32), trial.label, trial.dt)


def windows(row: Array, times: Array) -> Array:
    """(rows, 11) -> (rows, 3 * 16): what the rows of the last seconds were like, the row itself among them."""
    sums = np.concatenate([np.zeros((1, row.shape[1])), np.cumsum(row, axis=0)])
    squares = np.concatenate([np.zeros((1, BODY)), np.cumsum(row[:, :BODY] ** 2, axis=0)])
    ends, found = np.arange(1, len(row) + 1), []
    for reach in REACH:
        first = np.searchsorted(times, times - reach)
        count = (ends - first)[:, None]
        mean = (sums[1:] - sums[first]) / count
        square = (squares[1:] - squares[first]) / count
        found += [mean, np.sqrt(np.maximum(square - mean[:, :BODY] ** 2, 0)), np.log(count)]
    return np.concatenate(found, axis=1)
