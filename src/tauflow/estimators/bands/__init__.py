"""Bands around forecasts: a shape that looks at each question, and scores of forecasts that had not learned. Read `bands.py` first."""

from __future__ import annotations

from .asked import Asked
from .bands import Bands, Honest, honest_of, newest
from .forecasts import values_at, values_of
from .storage import BandState, capture, restore

__all__ = [
    "Asked",
    "BandState",
    "Bands",
    "Honest",
    "capture",
    "honest_of",
    "newest",
    "restore",
    "values_at",
    "values_of",
]
