"""Estimators: where data and models meet. `Forecaster` forecasts, `Classifier` and `Regressor` answer for sequences, `compare` compares."""

from __future__ import annotations

from .comparing.compare import CELLS, compare
from .comparing.results import Comparison, Example, Part, Row
from .comparing.trial import Progress
from .forecaster import Forecaster, Tested
from .online import OnlineForecaster, OnlineSettings
from .sequences import Classifier, Regressor
from .settings import BASELINES, ForecastError, Settings
from .tuning import Trial, Tuning, tune

__all__ = [
    "BASELINES",
    "CELLS",
    "Classifier",
    "Comparison",
    "Example",
    "ForecastError",
    "Forecaster",
    "OnlineForecaster",
    "OnlineSettings",
    "Part",
    "Progress",
    "Regressor",
    "Row",
    "Settings",
    "Tested",
    "Trial",
    "Tuning",
    "compare",
    "tune",
]  # fmt: skip
