"""What a model that goes on learning was asked to do, checked when it is made."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any, Literal

from ..settings import ForecastError

Weights = Literal["readout", "all"]


@dataclass(frozen=True)
class OnlineSettings:
    """See `Forecaster.online`; `memory` and `recent` in rows of one series.

    >>> tauflow.estimators.OnlineSettings(memory=200)  # what model.online(memory=200) learns by
    OnlineSettings(weights='readout', memory=200, recent=72, margin=0.02, lr=0.0003)
    >>> tauflow.estimators.OnlineSettings(memory=0)
    Traceback (most recent call last):
        ...
    tauflow.estimators.settings.ForecastError: memory is 0, expected a number of rows from 10 to a million
    """

    weights: Weights | None = "readout"
    memory: float = 100
    recent: float = 72
    margin: float = 0.02
    lr: float = 3e-4

    def __post_init__(self) -> None:
        if self.weights not in (None, "readout", "all"):
            raise ForecastError(
                f"weights is {self.weights!r}, expected 'readout', 'all', or None, which learns nothing and only reads the rows"
            )
        for name, least in (("memory", 10), ("recent", 5)):
            if not _number(getattr(self, name)) or not least <= getattr(self, name) <= 1e6:
                raise ForecastError(
                    f"{name} is {getattr(self, name)!r}, expected a number of rows from {least} to a million"
                )
        if not _number(self.margin) or not 0 <= self.margin <= 1:
            raise ForecastError(
                f"margin is {self.margin!r}, expected how much worse than the frozen model is borne: a share from 0 to 1, "
                "such as 0.02"
            )
        if not _number(self.lr) or not 0 < self.lr < 1:
            raise ForecastError(f"lr is {self.lr!r}, expected a learning rate above 0, such as 0.0003")


def _number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Real) and math.isfinite(value)
