"""Estimators: where data and models meet. `Forecaster` learns and forecasts, `compare` puts models side by side."""

from __future__ import annotations

from .compare import CELLS, compare
from .forecaster import Backtest, Forecaster
from .results import Comparison, Example, Part, Row
from .settings import BASELINES, ForecastError, Settings
from .trial import Progress

__all__ = [
    "BASELINES", "CELLS", "Backtest", "Comparison", "Example", "ForecastError", "Forecaster", "Part", "Progress", "Row", "Settings",
    "compare",
]  # fmt: skip
