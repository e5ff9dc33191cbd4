"""Estimators: where data and models meet. `Forecaster` learns and forecasts, `compare` puts models side by side."""

from __future__ import annotations

from .comparing.compare import CELLS, compare
from .comparing.results import Comparison, Example, Part, Row
from .comparing.trial import Progress
from .forecaster import Backtest, Forecaster
from .online import OnlineForecaster, OnlineSettings
from .settings import BASELINES, ForecastError, Settings
from .tuning import Trial, Tuning, tune

__all__ = [
    "BASELINES", "CELLS", "Backtest", "Comparison", "Example", "ForecastError", "Forecaster", "OnlineForecaster",
    "OnlineSettings", "Part", "Progress", "Row", "Settings", "Trial", "Tuning", "compare", "tune",
]  # fmt: skip
