"""Which bands are asked for, and what their columns are called (Nixtla's names).

level=[80, 95]          NAME-lo-95, NAME-lo-80, NAME-hi-80, NAME-hi-95       central bands, in percent
quantiles=[.1, .5]      NAME-q-10, NAME-q-50                                 the level in percent
"""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data.series import Array
from ..reading import is_number
from ..settings import ForecastError


@dataclass(frozen=True)
class Asked:
    """Levels in percent and quantiles between 0 and 1, each rising; `probabilities` are all that has to be known."""

    level: tuple[float, ...] = ()
    quantiles: tuple[float, ...] = ()

    @classmethod
    def of(cls, level: Any, quantiles: Any) -> Asked:
        return cls(_rising("level", level, 100.0), _rising("quantiles", quantiles, 1.0))

    def __bool__(self) -> bool:
        return bool(self.level or self.quantiles)

    @property
    def probabilities(self) -> tuple[float, ...]:
        """Rising, each once."""
        ends = [one for level in self.level for one in ends_of(level)]
        return tuple(sorted({*ends, *(_rounded(one) for one in self.quantiles)}))

    def columns(self, name: str) -> dict[str, float]:
        """Column -> the probability that stands in it, in the order of a table."""
        low = {f"{name}-lo-{shown(one)}": ends_of(one)[0] for one in reversed(self.level)}
        high = {f"{name}-hi-{shown(one)}": ends_of(one)[1] for one in self.level}
        return {**low, **high, **{f"{name}-q-{shown(100 * one)}": _rounded(one) for one in self.quantiles}}

    def named(self, name: str, values: Array) -> dict[str, Array]:
        """The columns of values (..., probabilities)."""
        place = {one: k for k, one in enumerate(self.probabilities)}
        return {column: values[..., place[p]] for column, p in self.columns(name).items()}


def ends_of(level: float) -> tuple[float, float]:
    """The probabilities at the ends of a central band."""
    return _rounded((100 - level) / 200), _rounded((100 + level) / 200)


def shown(percent: float) -> str:
    """80, 97.5: as people write it."""
    return f"{percent:.6g}"


def _rounded(probability: float) -> float:
    return round(probability, 10)


def _rising(name: str, given: Any, most: float) -> tuple[float, ...]:
    if given is None:
        return ()
    values: list[Any] = (
        [given] if isinstance(given, numbers.Real) else list(given) if isinstance(given, Iterable) else []
    )
    right = all(is_number(one) and 0 < one < most for one in values)
    if not values or isinstance(given, str) or not right:
        example = (
            "percent, such as level=[80, 95]" if most == 100 else "numbers between 0 and 1, such as [0.1, 0.5, 0.9]"
        )
        hint = "; 0.9 would be a band of 0.9 %" if most == 100 and right else ""
        raise ForecastError(f"{name} is {given!r}, expected {example}{hint}")
    if most == 100 and max(values) <= 1:
        raise ForecastError(f"level is {given!r}, which is less than 1 %: give percent, such as level=[80, 95]")
    return tuple(float(one) for one in np.unique(np.asarray(values, float)))
