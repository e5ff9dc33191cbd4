"""What forecasts from windows: a baseline or a network, before it has learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ..windows.encoder import Encoder
from .baselines import Persistence, Ridge, SeasonalNaive
from .network import ForecastNet
from .peers.names import PEERS
from .settings import BASELINES, ForecastError, Settings, build_cell

Predictor = Persistence | Ridge | ForecastNet


def empty(settings: Settings, options: Mapping[str, Any], encoder: Encoder) -> Predictor:
    """The predictor that the settings mean; a network's weights are drawn from their seed."""
    if settings.cell in PEERS:
        raise ForecastError(f"{settings.cell} stands in tables only: compare(data, cells=[..., {settings.cell!r}])")
    if options and settings.cell in BASELINES:
        raise ForecastError(f"{settings.cell} has no options, but {', '.join(options)} was given: leave it out")
    if settings.cell == "ridge":
        return Ridge(encoder)
    if settings.cell in BASELINES:
        return (SeasonalNaive if settings.cell == "seasonal_naive" else Persistence)(encoder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return ForecastNet(build_cell(settings, options, encoder.inputs), encoder)
