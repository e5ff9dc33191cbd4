"""A forecast from members: the last value, the best seasonal one, the linear base, and networks that each correct one of these.

    f = sum_m w_m f_m        w (members, targets) >= 0, sum 1 for each target, chosen on validation

The first three members are the starts, in the order of `STARTS`; the networks follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...data.series import Array
from ...windows.encoder import Encoder
from ..linear import LinearBase
from ..network import ForecastNet, tensors
from ..settings import Settings, build_cell
from .plans import Way
from .starts import STARTS, simple


class Blend:
    """`ways` say what each network is and which start it corrects; `weights` (len(STARTS) + networks, targets)."""

    def __init__(self, base: LinearBase, networks: Sequence[ForecastNet], ways: Sequence[Way], weights: Array) -> None:
        self.base, self.networks, self.ways, self.weights = base, nn.ModuleList(networks).eval(), tuple(ways), weights

    @property
    def network(self) -> ForecastNet:
        """The first network: that of the cell that was asked for."""
        return next(one for one in self.networks if isinstance(one, ForecastNet))

    @property
    def reach(self) -> int:
        """How many strides back the history has to go."""
        return self.base.reach

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(p.numel() for p in self.networks.parameters()) + self.base.parameters

    def predict(self, batch: dict[str, Array]) -> Array:
        """(B, h, targets); a member without weight costs nothing."""
        rules = simple(self.base)
        counted = np.abs(self.weights).sum(axis=1) > 0
        wanted = {name for name, some in zip(STARTS, counted, strict=False) if some}
        wanted |= {way.start for way, some in zip(self.ways, counted[len(STARTS) :], strict=True) if some}
        found = {name: np.asarray(rules[name].predict(batch), np.float64) for name in STARTS if name in wanted}
        answer = np.zeros((*batch["query"].shape[:2], self.weights.shape[1]))
        for name, weight in zip(STARTS, self.weights, strict=False):
            if weight.any():
                answer += weight * found[name]
        for network, way, weight in zip(self.networks, self.ways, self.weights[len(STARTS) :], strict=True):
            if weight.any():
                answer += weight * corrected(network, batch, found[way.start])
        return answer


@torch.no_grad()
def corrected(network: nn.Module, batch: dict[str, Array], start: Array) -> Array:
    """The network's answers (B, h, targets), float64."""
    inputs = tensors(batch, start)
    answer: Tensor = network(inputs.x, inputs.dt, inputs.mask, inputs.query, inputs.start)
    return answer.double().numpy()


def built(settings: Settings, options: Mapping[str, Any], encoder: Encoder, way: Way) -> ForecastNet:
    """The network of a way before it has learned, drawn from the seed; `options` are those of the cell that was asked for."""
    own = options if way.cell == settings.cell else {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed + way.seed)
        return ForecastNet(build_cell(replace(settings, cell=way.cell), own, encoder.inputs), encoder)
