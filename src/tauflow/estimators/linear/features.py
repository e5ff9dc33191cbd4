"""What the linear base sees of a window, for one target: columns that all steps share, and columns of each step's query.

    one      1                                                                          shared
    lags     the target 1, 2, ... strides before the origin, minus its last known value  shared
    row      the origin's row whole, and how long ago the target was last known          shared
    cross    the other columns in the last rows                                          shared
    query    the query with its anchors minus the last value, the time of day by weekday,
             and how far the moment lies from a whole step, by itself and times the slope    of each step

The last known value is subtracted, so a level that was never seen is no extrapolation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...data.series import Array
from ...windows.encoder import Encoder

CROSS_ROWS, CROSS_COLUMNS = 24, 240  # how far back the other columns are seen, at most
JITTER = 3


@dataclass(frozen=True)
class Layout:
    """Which columns are what: slices of a feature vector. `reach` lags are read, `cross` rows of the other columns."""

    encoder: Encoder
    context: int
    reach: int

    @property
    def others(self) -> int:
        """Columns of a row that are numbers, other than the target."""
        return self.encoder.numbers - 1

    @property
    def cross(self) -> int:
        """Rows of the other columns."""
        return min(CROSS_ROWS, self.context, CROSS_COLUMNS // self.others) if self.others else 0

    @property
    def clock(self) -> int:
        """Columns of the time of day by weekday."""
        return 56 if self.encoder.calendar.day and self.encoder.calendar.week else 0

    @property
    def groups(self) -> dict[str, slice]:
        """Where each group of columns stands."""
        sizes = {
            "one": 1,
            "lags": self.reach - 1,
            "row": self.encoder.inputs + 1,
            "cross": self.cross * self.others,
            "query": self.encoder.queries + self.clock + JITTER,
        }
        ends = np.cumsum([0, *sizes.values()]).tolist()
        return {name: slice(ends[n], ends[n + 1]) for n, name in enumerate(sizes)}

    @property
    def shared(self) -> int:
        """Columns that all steps share; they stand first."""
        return int(self.groups["query"].start)

    @property
    def width(self) -> int:
        """All columns."""
        return int(self.groups["query"].stop)

    def anchors(self, target: int) -> slice:
        """The columns of a query that hold a target's anchors, the last known value behind them."""
        width = len(self.encoder.lags) + 1
        first = self.encoder.queries - 2 * self.encoder.anchors + target * width
        return slice(first, first + width)


@dataclass(frozen=True, eq=False)
class Features:
    """last (B,) scaled, shared (B, shared), own (B, h, width - shared), all of one target; step (B, h): the nearest whole one, from 0."""

    last: Array
    shared: Array
    own: Array
    step: Array


def features(layout: Layout, batch: dict[str, Array], target: int) -> Features:
    """The columns of a batch of `Windows` that has a history."""
    encoder, past = layout.encoder, batch["history"]
    rows, last = len(past), past[:, 0, target]
    lags = past[:, 1 : layout.reach, target] - last[:, None]
    cross = np.delete(batch["x"][:, batch["x"].shape[1] - layout.cross :, : encoder.numbers], target, axis=2)
    age = np.log1p(batch["age"][:, target])[:, None]
    shared = np.concatenate(
        [np.ones((rows, 1)), lags, batch["x"][:, -1], age, cross.reshape(rows, -1)], axis=1, dtype=np.float32
    )
    query = batch["query"].copy()
    for other in range(past.shape[2]):
        query[:, :, layout.anchors(other)] -= past[:, :1, other, None]
    days = query[:, :, 2:10, None] * query[:, :, None, 10:17] if layout.clock else np.zeros((*query.shape[:2], 0, 0))
    offset = batch["query"][:, :, 0].astype(np.float64) * encoder.h
    step = np.rint(offset).clip(1, encoder.h)
    jitter = (offset - step)[..., None] * np.stack(
        [np.ones(rows), *(-lags[:, k] for k in range(min(2, lags.shape[1])))], 1
    )[:, None]
    jitter = np.pad(jitter, ((0, 0), (0, 0), (0, JITTER - jitter.shape[2])))
    own = np.concatenate([query, days.reshape(*query.shape[:2], -1), jitter], axis=2, dtype=np.float32)
    return Features(last, shared, own, step.astype(int) - 1)
