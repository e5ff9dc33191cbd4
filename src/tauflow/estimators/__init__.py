"""Estimators: where data and models meet. `Forecaster` learns and forecasts, `compare` puts models side by side."""

from __future__ import annotations

from .forecaster import Backtest, Forecaster
from .settings import BASELINES, ForecastError, Settings

__all__ = ["BASELINES", "Backtest", "ForecastError", "Forecaster", "Settings"]
