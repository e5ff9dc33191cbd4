"""Estimators: where data and models meet. `Forecaster` learns and forecasts, `compare` puts models side by side."""

from __future__ import annotations

from .compare import CELLS, Progress, compare
from .comparison import Comparison, Example, Row
from .forecaster import Backtest, Forecaster
from .settings import BASELINES, ForecastError, Settings

__all__ = [
    "BASELINES", "CELLS", "Backtest", "Comparison", "Example", "ForecastError", "Forecaster", "Progress", "Row", "Settings",
    "compare",
]  # fmt: skip
