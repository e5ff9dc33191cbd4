"""As many neurons for each network as bring its parameters to those of one around an LSTM: sizes that can be compared."""

from __future__ import annotations

from typing import Any

import torch

from ...data import Table
from ...windows.encoder import Encoder
from ...windows.learn import learn
from ..network import ForecastNet
from ..peers.names import PEERS
from ..settings import BASELINES, Settings, build_cell
from .trial import Job


def matched(work: list[Job], known: Table) -> list[Job]:
    """The jobs with the number of neurons at which each network has about as many parameters as the LSTM with `units`."""
    if not any(_sized(job) for job in work):
        return work
    settings = work[0].settings
    encoder = learn(known, settings.h, None, settings.season)
    wanted = parameters(_with(settings, cell="lstm"), {}, encoder)
    units = {job.settings.cell: _units_for(job.settings, job.options, encoder, wanted) for job in work if _sized(job)}
    return [
        Job(job.table, _with(job.settings, units=units.get(job.settings.cell, settings.units)), job.options, job.start)
        for job in work
    ]


def _units_for(settings: Settings, options: dict[str, Any], encoder: Encoder, wanted: int) -> int:
    """The number of neurons whose parameters come closest to `wanted`."""
    low, high = 1, 2
    while parameters(_with(settings, units=high), options, encoder) < wanted and high < 4096:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high) if parameters(_with(settings, units=middle), options, encoder) < wanted else (low, middle)
        )
    return min((low, high), key=lambda n: abs(parameters(_with(settings, units=n), options, encoder) - wanted))


def _sized(job: Job) -> bool:
    """Does the number of units say how large the model is?"""
    name = job.settings.cell
    return name not in BASELINES and (name not in PEERS or name in ("nhits", "tcn", "transformer"))


def parameters(settings: Settings, options: dict[str, Any], encoder: Encoder) -> int:
    with torch.device("meta"):
        if settings.cell in PEERS:
            from ..peers.neural import network as made

            peer = made(settings.cell, encoder, settings.context, settings.units)
            return sum(parameter.numel() for parameter in peer.parameters())
        network = ForecastNet(build_cell(settings, options, encoder.inputs), encoder)
    return sum(parameter.numel() for parameter in network.parameters())


def _with(settings: Settings, **changes: Any) -> Settings:
    return Settings(**{**settings.__dict__, **changes})
