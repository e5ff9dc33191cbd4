"""What the rows say: means and spreads over seeds, areas under curves, and whether liquid leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from . import adapt
from .cuts import DISTURBANCES
from .job import Row
from .sets import UNITS

Value = tuple[float, float]  # mean and deviation over seeds
NEVER = float("inf")


@dataclass(frozen=True)
class Model:
    """The rows of one model and size, a row a seed."""

    name: str
    units: int
    rows: tuple[Row, ...]

    @property
    def kind(self) -> str:
        return self.rows[0].kind

    @property
    def parameters(self) -> int:
        return self.rows[0].parameters

    def of(self, what: Callable[[Row], float]) -> Value:
        values = [what(row) for row in self.rows]
        return fmean(values), stdev(values) if len(values) > 1 and NEVER not in values else 0.0

    def curve(self, what: Callable[[Row], Sequence[float]]) -> list[float]:
        """The mean of curves, as long as the shortest of them."""
        return [fmean(values) for values in zip(*map(what, self.rows), strict=False)]


def models(rows: Iterable[Row], units: int | None = UNITS) -> list[Model]:
    """Of one size, rules included, or of all sizes."""
    found: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        if units is None or row.units in (units, 0):
            found.setdefault((row.model, row.units), []).append(row)
    return [Model(name, size, tuple(kept)) for (name, size), kept in found.items()]


def under(row: Row, disturbance: str) -> list[float]:
    """The curve of a disturbance, a score at each of its levels."""
    return row.robust[disturbance]


def learning(row: Row, way: str) -> list[float]:
    """The error of every chunk of the stream."""
    errors: list[float] = row.adapt[way]
    return errors


def area(row: Row, disturbance: str) -> float:
    """The mean height of the curve over its levels: the area under it over its width."""
    levels = DISTURBANCES[disturbance].levels
    return float(np.trapezoid(row.robust[disturbance], levels)) / (levels[-1] - levels[0])


def after_shift(row: Row, way: str) -> float:
    return fmean(adapt.after(row.adapt[way]))


def reached(row: Row, level: float, higher: bool) -> tuple[float, float]:
    """Epochs and seconds of processor time until validation first was as good as `level`."""
    for epoch, value in enumerate(row.curve["validation"]):
        if (value >= level) if higher else (value <= level):
            return epoch + 1, sum(row.curve["seconds"][: epoch + 1])
    return NEVER, NEVER


def bar(found: Sequence[Model], higher: bool) -> float:
    """What half of the networks have reached at the end of their training, on validation."""
    ends = sorted(fmean(row.curve["validation"][-1] for row in one.rows) for one in found if one.units)
    return ends[(len(ends) - 1) // 2 if higher else len(ends) // 2]


@dataclass(frozen=True)
class Lead:
    """The best liquid model and the best other one by some measure; `beyond`: the two deviations together."""

    liquid: tuple[Model, Value]
    other: tuple[Model, Value]
    better: bool
    beyond: bool

    @property
    def word(self) -> str:
        return "no difference" if not self.beyond else "leads" if self.better else "loses"


def lead(found: Iterable[Model], what: Callable[[Row], float], higher: bool) -> Lead | None:
    """None where one side has no network yet. Models that lack the measure are left out by the caller."""
    pairs = [(one, one.of(what)) for one in found]
    if not {"liquid", "static"} <= {one.kind for one, _ in pairs}:
        return None
    sign = -1 if higher else 1
    liquid = min((p for p in pairs if p[0].kind == "liquid"), key=lambda p: sign * p[1][0])
    other = min((p for p in pairs if p[0].kind != "liquid"), key=lambda p: sign * p[1][0])
    apart = sign * (other[1][0] - liquid[1][0])
    return Lead(liquid, other, apart > 0, abs(apart) > liquid[1][1] + other[1][1])
