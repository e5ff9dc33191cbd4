"""Anomalies: values that a forecaster would not have believed, by its band. Read `detector.py` first."""

from __future__ import annotations

from .detector import AnomalyDetector
from .results import Anomalies

__all__ = ["Anomalies", "AnomalyDetector"]
