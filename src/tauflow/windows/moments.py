"""Which moments a forecaster asks about, and where it looks back to: strides of the calendar before and after a row.

ahead    1..h strides after a row
back     a lag before a moment; a lag of whole days is one on the local clock: 8 in the morning of another day
offset   how many strides lie between two moments, parts of one by the time that has passed
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.clock import DAY, moment_of, wall_clock
from ..data.series import Array
from ..data.stride import Even, Stride


@dataclass(frozen=True)
class Moments:
    """A stride on the clock of a zone; `step` is its typical length in native time."""

    stride: Stride
    step: float
    zone: str | None

    def ahead(self, time: Array, h: int) -> Array:
        """The moments 1..h strides after each time: (N,) -> (N, h), in native time."""
        return self.stride.whole(time[:, None], np.arange(1, h + 1)[None, :], self.zone)

    def back(self, time: Array, lag: float) -> Array:
        """The moments `lag` strides before each time, of any shape."""
        if not isinstance(self.stride, Even):
            whole = int(np.ceil(lag))
            part = int((whole - lag) * self.step)
            return np.asarray(self.stride.whole(time, np.array(-whole), self.zone) + part)
        if time.dtype != np.int64:
            return np.asarray(time - lag * self.step)
        length = round(lag * self.step)
        if self.zone is None or length % DAY:
            return np.asarray(time - length)
        return moment_of(wall_clock(time, self.zone) - length, self.zone, time - length)

    def offset(self, origin: Array, time: Array) -> Array:
        """Strides from origin to time, float64; exactly k for the k-th moment ahead. The two broadcast."""
        if isinstance(self.stride, Even):
            return np.asarray((time - origin) / self.step)
        origin, time = np.broadcast_arrays(origin, time)
        count = np.floor((time - origin) / self.stride.mean).astype(np.int64)
        reached = self.stride.whole(origin, count, self.zone)
        while (behind := reached > time).any():
            count = count - behind
            reached = self.stride.whole(origin, count, self.zone)
        following = self.stride.whole(origin, count + 1, self.zone)
        while (behind := following <= time).any():
            count = count + behind
            reached, following = (self.stride.whole(origin, count + more, self.zone) for more in (0, 1))
        return np.asarray(count + (time - reached) / (following - reached))
