"""What forecasts from windows: a baseline or a network, before it has learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..windows.encoder import Encoder
from .baselines import Persistence, SeasonalNaive
from .linear import LinearBase
from .network import ForecastNet
from .settings import BASELINES, Settings, build_cell

Predictor = Persistence | LinearBase | ForecastNet


def empty(settings: Settings, options: Mapping[str, Any], encoder: Encoder) -> Predictor:
    """The predictor that the settings mean; a network's weights are drawn from their seed."""
    if settings.cell == "ridge":
        return LinearBase(encoder, settings.context)
    if settings.cell in BASELINES:
        return (SeasonalNaive if settings.cell == "seasonal_naive" else Persistence)(encoder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return ForecastNet(build_cell(settings, options, encoder.inputs), encoder)
