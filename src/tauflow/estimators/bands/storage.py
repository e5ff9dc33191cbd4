"""Bands as numbers and JSON, and back; what is read is checked against the model before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...errors import ModelFileError
from ...windows.encoder import Encoder
from ..settings import Settings
from .bands import Bands
from .calibration import FAR, MOST_SCORES, NEWEST, Calibration
from .net import ShapeNet
from .shapes import SHAPES
from .sight import width

PREFIX = "bands."
UNKNOWN = 1e9  # a score that is not known: a model file holds finite numbers only


@dataclass(frozen=True)
class BandState:
    """The JSON of bands: native time after which rows are new, how many scores are kept, is there a network?"""

    until: int | float
    scores: int
    network: bool


def capture(bands: Bands) -> tuple[BandState, dict[str, Tensor]]:
    """(JSON, tensors)."""
    kept = bands.calibration
    u = np.where(np.isfinite(kept.u), kept.u.clip(-FAR, FAR), UNKNOWN).astype(np.float32)
    tensors = {"sizes": bands.sizes, "typical": kept.typical, "u": u, "total": kept.total, "weight": kept.weight}
    found = {PREFIX + name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in tensors.items()}
    if bands.network is not None:
        found |= {f"{PREFIX}network.{name}": value for name, value in bands.network.state_dict().items()}
    return BandState(bands.until, len(u), bands.network is not None), found


def restore(state: BandState, tensors: Mapping[str, Tensor], settings: Settings, encoder: Encoder) -> Bands:
    """The bands of a model with these settings and encoder; ModelFileError where they do not fit."""
    if settings.bands is None:
        raise ModelFileError("bands is there, but settings.bands is null")
    shape, targets, ids = SHAPES[settings.bands], len(encoder.schema.targets), len(encoder.targets)
    most = max(NEWEST, MOST_SCORES)
    if not 0 <= state.scores <= most or not abs(state.until) < 2**63:
        raise ModelFileError(f"bands.scores is {state.scores}, expected up to {most}; bands.until a native time")
    expected: dict[str, tuple[tuple[int, ...], torch.dtype]] = {
        "sizes": ((targets,), torch.float64),
        "typical": ((encoder.h, targets), torch.float64),
        "u": ((state.scores, encoder.h, targets), torch.float32),
        "total": ((ids, targets), torch.float64),
        "weight": ((ids, targets), torch.float64),
    }
    network = ShapeNet(width(encoder), shape.raws) if state.network else None
    if network is not None:
        expected |= {f"network.{name}": (tuple(one.shape), one.dtype) for name, one in network.state_dict().items()}
    found = {name.removeprefix(PREFIX): value for name, value in tensors.items() if name.startswith(PREFIX)}
    if odd := sorted(set(found) ^ set(expected)):
        raise ModelFileError(f"bands: {odd[0]} is missing or unknown, expected exactly {', '.join(expected)}")
    for name, (size, kind) in expected.items():
        if found[name].shape != size or found[name].dtype != kind:
            raise ModelFileError(
                f"{PREFIX}{name} is {found[name].dtype} {tuple(found[name].shape)}, expected {kind} {size}"
            )
    for name in ("sizes", "typical", "weight"):
        if not bool((found[name] > 0).all()):
            raise ModelFileError(f"{PREFIX}{name} holds {found[name].min():g}, expected numbers above 0")
    if not bool((found["total"] >= 0).all()):
        raise ModelFileError(f"{PREFIX}total holds {found['total'].min():g}, expected numbers from 0 on")
    if network is not None:
        own = {name.removeprefix("network."): value for name, value in found.items() if name.startswith("network.")}
        if not bool((own["spread"] > 0).all()):
            raise ModelFileError(f"{PREFIX}network.spread holds {own['spread'].min():g}, expected numbers above 0")
        network.load_state_dict(own)
        network.requires_grad_(False).eval()
    numbers = {name: found[name].numpy() for name in ("typical", "u", "total", "weight")}
    u = np.where(numbers["u"] > 10 * FAR, np.float32(np.nan), numbers["u"])
    kept = Calibration(numbers["typical"], u, numbers["total"], numbers["weight"])
    return Bands(settings.bands, encoder, network, found["sizes"].numpy(), tuple(encoder.targets), state.until, kept)
