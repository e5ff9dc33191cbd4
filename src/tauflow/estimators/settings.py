"""What a forecaster was asked to be, checked when it is built, and the cell that this means."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import numpy as np

from .. import cells
from ..cells import Cell
from ..data import Table
from ..errors import TauflowError
from ..network import suggest_tau
from .peers.names import PEERS

BASELINES = ("persistence", "seasonal_naive", "ridge")
EPOCHS = 8  # rounds, unless asked for
STEPS, STEPS_WINDOWS, MOST_STEPS = 50, 15_000, 200  # updates a round for so many windows; at most
Kind = Literal["conformal", "quantiles", "normal", "student", "counts"]
BANDS: tuple[Kind, ...] = ("conformal", "quantiles", "normal", "student", "counts")
CHOICES = {
    "strategy": ("direct", "recursive"),
    "loss": ("mae", "mse", "huber"),
    "presets": ("fast", "balanced", "best"),
    "start": ("auto", "linear", "seasonal", "last"),
}


class ForecastError(TauflowError, ValueError):
    """A setting of a forecaster that does not fit, or a question that it was not trained to answer.

    >>> tauflow.Forecaster("cfc", h=0)
    Traceback (most recent call last):
        ...
    tauflow.estimators.settings.ForecastError: h is 0, expected a whole number >= 1
    """


class ArgumentError(TauflowError, TypeError):
    """A keyword that the call does not have; the message names the right one."""


@dataclass(frozen=True)
class Settings:
    """See `Forecaster`; `season` None means by the calendar, `lr` None that some are tried, `steps` None by the number of windows.

    >>> tauflow.estimators.Settings(h=6, units=8).context
    48
    >>> tauflow.estimators.Settings(strategy="magic")
    Traceback (most recent call last):
        ...
    tauflow.estimators.settings.ForecastError: strategy is 'magic', expected 'direct' or 'recursive'
    """

    cell: str = "cfc"
    h: int = 24
    units: int = 32
    context: int = 48
    season: tuple[float, ...] | None = None
    strategy: Literal["direct", "recursive"] = "direct"
    loss: str = "mae"
    epochs: int = EPOCHS
    steps: int | None = None
    batch_size: int = 64
    lr: float | None = None
    validation: float = 0.15
    patience: int | None = None
    seed: int = 0
    presets: Literal["fast", "balanced", "best"] = "balanced"
    start: Literal["auto", "linear", "seasonal", "last"] = "auto"
    bands: Kind | None = "conformal"

    def __post_init__(self) -> None:
        known = [*cells.names(), *BASELINES, *PEERS]
        if self.cell not in known:
            near = get_close_matches(str(self.cell), known, n=1)
            hint = f" did you mean {near[0]!r}?" if near else ""
            raise ForecastError(
                f"no model is called {self.cell!r};{hint} one of your own is registered first, cells.register(MyCell); there are "
                f"{', '.join(known)}"
            )
        for name in ("h", "units", "context", "epochs", "batch_size"):
            self._whole(name, 1)
        self._whole("seed", 0)
        for name in ("patience", "steps"):
            if getattr(self, name) is not None:
                self._whole(name, 1)
        for name, words in CHOICES.items():
            if getattr(self, name) not in words:
                raise ForecastError(
                    f"{name} is {getattr(self, name)!r}, expected {', '.join(map(repr, words[:-1]))} or {words[-1]!r}"
                )
        if self.bands is not None and self.bands not in BANDS:
            known_bands = ", ".join(map(repr, BANDS))
            raise ForecastError(f"bands is {self.bands!r}, expected {known_bands}, or None for forecasts without bands")
        if not 0 < self.validation <= 0.5:
            raise ForecastError(
                f"validation is {self.validation!r}, expected a part of the rows, above 0 and up to 0.5"
            )
        if self.lr is not None and not 0 < self.lr < 10:
            raise ForecastError(
                f"lr is {self.lr!r}, expected a learning rate above 0, such as 0.01, or None to try some"
            )
        if any(not 0 < period < float("inf") for period in self.season or ()):
            raise ForecastError(f"season is {self.season!r}, expected periods in steps, such as [24, 168]")

    def steps_for(self, windows: int) -> int:
        """Weight updates a round: what was asked for, or as many as so many windows are worth."""
        if self.steps is not None:
            return self.steps
        return round(min(STEPS * max(1.0, windows / STEPS_WINDOWS), MOST_STEPS))

    def _whole(self, name: str, least: int) -> None:
        """Refuse what is no whole number; numpy's becomes Python's, which a file can hold."""
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
            raise ForecastError(f"{name} is {value!r}, expected a whole number >= {least}")
        object.__setattr__(self, name, int(value))


def periods(season: Any) -> tuple[float, ...] | None:
    """The periods of `season` in steps: None for "auto", none for None, else one number or several."""
    if isinstance(season, str) and season == "auto":
        return None
    try:
        if isinstance(season, str | bool):
            raise TypeError
        found = () if season is None else (season,) if isinstance(season, numbers.Real) else tuple(season)
        return tuple(float(period) for period in found)
    except (TypeError, ValueError):
        raise ForecastError(
            f"season is {season!r}, expected 'auto', None, or periods in steps, such as 24 or [24, 168]"
        ) from None


def with_tau(settings: Settings, options: Mapping[str, Any], table: Table, step: float) -> Mapping[str, Any]:
    """The options with numbers in the place of tau="auto": by the correlation times of the table's targets, in steps.

    The longest is the context at most, since a window remembers nothing before it.
    """
    if not _auto(options):
        return options
    if settings.cell in BASELINES or "tau" not in inspect.signature(cells.get(settings.cell).__init__).parameters:
        raise ForecastError(f"tau='auto' was given, but {settings.cell} has no time constants: leave it out")
    rows = [series for series in table.series if len(series) > 1]
    gaps = [np.diff(series.time.astype(float), prepend=float(series.time[0])) / step for series in rows]
    found = suggest_tau([series.y for series in rows], gaps)
    longest = max(2.0, min(found.longest, float(settings.context)))
    return {**options, "tau": (min(found.shortest, longest / 2), longest)}


def _auto(options: Mapping[str, Any]) -> bool:
    tau = options.get("tau")
    return isinstance(tau, str) and tau == "auto"


def build_cell(settings: Settings, options: Mapping[str, Any], inputs: int) -> Cell:
    """The cell, with time constants from one step to half the context unless `options` say otherwise."""
    known = inspect.signature(cells.get(settings.cell).__init__).parameters
    scaled: dict[str, Any] = {}
    if "tau" in known:
        scaled["tau"] = (1.0, max(1.0, settings.context / 2))
    if "backbone_units" in known:
        scaled["backbone_units"] = settings.units
    return cells.build(settings.cell, inputs, settings.units, **{**scaled, **options})
