"""The record of a run of a whole network: what its core read and did at every sample; see `ops.record`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from .. import validate
from ..ops.record import Layer, Record, layers_of_run, stamps
from . import core as cores
from .parts.part import NetworkError

if TYPE_CHECKING:
    from .network import Network

__all__ = ["Layer", "Record", "trace"]


@torch.no_grad()
def trace(network: Network, x: Any, dt: Any, mask: Any, state: Any, static: Any) -> Record:
    """See Network.trace."""
    layers = cores.layers_of(network.core)
    if layers is None:
        raise NetworkError(
            f"a {type(network.core).__name__} has no state at every sample: trace a Recurrent or a Stack of cells"
        )
    was = network.training
    network.eval()
    try:
        answer, _ = network.prefixes(x, dt, mask, state, static=static)
        x, t, mask = network._checked(x, dt, mask)
        carried, h, _ = validate.as_state(state, network.initial_state(len(x))).split(network.sizes, dim=1)
        u, _ = network.encode(x, t, mask, carried)
        if mask is not None:
            u = torch.where(mask[:, :, None], u, 0)
        period = float(network.period)
        found = layers_of_run(layers, u, t, mask, h, period)
    finally:
        network.train(was)
    return Record(stamps(t, mask) * period, answer, u, mask, found, tuple(network.output_names))
