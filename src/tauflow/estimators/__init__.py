"""Estimators: where data and models meet. `Forecaster` forecasts, `Classifier` and `Regressor` answer for sequences, `compare` compares."""

from __future__ import annotations

from .anomalies import Anomalies, AnomalyDetector
from .backtesting import Backtest, Scores, backtest
from .comparing.compare import CELLS, compare
from .comparing.results import Comparison, Example, Part, Row
from .comparing.split import test_start
from .comparing.trial import Progress
from .forecaster import Forecaster, Tested
from .online import OnlineForecaster, OnlineSettings
from .sequences import Classifier, Regressor
from .settings import BASELINES, ForecastError, Settings
from .tuning import Trial, Tuning, tune

__all__ = [
    "BASELINES",
    "CELLS",
    "Anomalies",
    "AnomalyDetector",
    "Backtest",
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
    "Scores",
    "Settings",
    "Tested",
    "Trial",
    "Tuning",
    "backtest",
    "compare",
    "test_start",
    "tune",
]  # fmt: skip
