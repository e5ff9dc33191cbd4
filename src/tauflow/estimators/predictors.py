"""What forecasts from windows: a rule, the linear base, or a blend with networks."""

from __future__ import annotations

from ..windows.encoder import Encoder
from .baselines import Persistence, SeasonalNaive
from .learned import Blend
from .linear import LinearBase
from .settings import BASELINES, Settings

Predictor = Persistence | LinearBase | Blend


def plain(settings: Settings, encoder: Encoder) -> Persistence | LinearBase:
    """The predictor of a baseline, before it has learned."""
    if settings.cell == "ridge":
        return LinearBase(encoder, settings.context)
    return (SeasonalNaive if settings.cell == "seasonal_naive" else Persistence)(encoder)


def is_network(settings: Settings) -> bool:
    """Is the model a cell's network, and no baseline?"""
    return settings.cell not in BASELINES
