"""Estimators: where data and models meet. `Forecaster` forecasts, `Classifier` and `Regressor` answer for sequences, `compare` compares."""

from __future__ import annotations

from .comparing.compare import CELLS, compare
from .comparing.results import Comparison, Example, Part, Row
from .comparing.trial import Progress
from .forecaster import Backtest, Forecaster
from .sequences import Classifier, Regressor
from .settings import BASELINES, ForecastError, Settings

__all__ = [
    "BASELINES", "CELLS", "Backtest", "Classifier", "Comparison", "Example", "ForecastError", "Forecaster", "Part", "Progress",
    "Regressor", "Row", "Settings", "compare",
]  # fmt: skip
