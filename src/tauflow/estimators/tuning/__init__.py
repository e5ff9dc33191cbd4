"""Tuning: settings tried side by side on the rows before the test part. START with `space.py`, then `tune.py`."""

from __future__ import annotations

from .results import Trial, Tuning
from .tune import CELLS, tune

__all__ = ["CELLS", "Trial", "Tuning", "tune"]
