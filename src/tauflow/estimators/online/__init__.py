"""Learning on: a model that is fed rows as they come, adapts, and is guarded. READ `learner.py`, then `forecaster.py`."""

from __future__ import annotations

from .forecaster import OnlineForecaster
from .settings import OnlineSettings

__all__ = ["OnlineForecaster", "OnlineSettings"]
