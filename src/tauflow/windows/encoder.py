"""Encoder: how rows and questions become numbers, as `learn` found it on the rows before a moment and nothing else.

    stride     what follows a row: the calendar's next month, business day or local day, or the median gap later
    step       the typical gap between rows: the unit of dt
    lags       seasons, as the calendar shows them, each long enough to reach back past the origin from the farthest query
    shown      per text column the categories that have a column of their own
    ranking    per target, the lags and the last value in the order of their error on the training part

No row is made up: a missing value is a zero with its flag at zero, or for an anchor that of the next best lag.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..data.series import Array, Schema, Series
from ..data.stride import Stride
from .calendar import Calendar
from .moments import Moments
from .scaling import Scale, robust_scale


@dataclass(frozen=True, eq=False)
class Encoder:
    """How rows become numbers for a model. Times are native: int64 nanoseconds, or the table's own number."""

    schema: Schema
    step: float  # the typical gap between rows
    stride: Stride
    h: int  # the longest horizon, in strides
    calendar: Calendar
    lags: tuple[float, ...]  # seasonal lags in strides, all >= h
    targets: dict[str, Scale]  # per id
    exogenous: Scale  # past and future columns
    static: Scale
    shown: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # codes with a column of their own
    ranking: tuple[
        tuple[int, ...], ...
    ] = ()  # per target: the lags, last value included, by their error on the training part
    error: dict[str, Array] = field(
        default_factory=dict
    )  # per id and target: MAE of the best of them on the training part

    @cached_property
    def moments(self) -> Moments:
        """The moments ahead of a row and back from it."""
        return Moments(self.stride, self.step, self.schema.zone)

    @property
    def inputs(self) -> int:
        """Features of a context row."""
        schema = self.schema
        others = (*schema.past, *schema.future)
        flags = len(schema.targets) + len(others)
        return 2 * len(schema.targets) + flags + self._width(others) + self.statics + self.calendar.size

    @property
    def queries(self) -> int:
        """Features of a query."""
        future = self.schema.future
        return 2 + self.calendar.size + self._width(future) + len(future) + self.statics + 2 * self.anchors

    @property
    def numbers(self) -> int:
        """Targets and past and future columns that are no categories: the first features of a row."""
        schema = self.schema
        return len(schema.targets) + sum(name not in self.shown for name in (*schema.past, *schema.future))

    @property
    def statics(self) -> int:
        """Features of a series: a category has a flag "known" beside its columns."""
        return self._width(self.schema.static) + sum(name in self.shown for name in self.schema.static)

    @property
    def base(self) -> tuple[int, ...]:
        """Per target, the lag that alone forecasts best on the training part."""
        return tuple(order[0] for order in self.ranking)

    @property
    def anchors(self) -> int:
        """Seasonal and last values offered for all targets."""
        return len(self.schema.targets) * (len(self.lags) + 1)

    def _width(self, names: tuple[str, ...]) -> int:
        return sum(len(self.shown.get(name, (0,))) for name in names)

    def scale_of(self, series: Series) -> Scale:
        """The target scale of the id; an id that training never saw is scaled by its own known rows."""
        return self.targets.get(series.id) or robust_scale(series.y)
