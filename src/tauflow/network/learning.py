"""What a network learns beside its weights: scales and periods from the data, its size, who learns how fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ..errors import DataError
from . import core as cores
from .parts.gap import Gap
from .parts.heads import Head
from .parts.history import History
from .parts.part import NetworkError
from .parts.ranks import Ranks
from .parts.scale import Scale
from .timescale import suggest_tau

if TYPE_CHECKING:
    from .network import Network

MOST_ROWS = 2000  # that correlation times are measured on
TIME = ("log_tau", "w_tau")  # the parameters that are time constants


@torch.no_grad()
def measure(network: Network, batches: Sequence[Any]) -> None:
    """See Network.measure."""
    if not batches:
        raise NetworkError("there is nothing to measure: give at least one batch")
    masks = [_real(batch) for batch in batches]
    if isinstance(network.scale, (Scale, Ranks)):
        network.scale.measure(torch.cat([batch.x[mask] for batch, mask in zip(batches, masks, strict=True)]))
    if isinstance(network.head, Head) and batches[0].y is not None:
        of_all = network.pool is not None  # one target a sequence
        targets = [batch.y if of_all else batch.y[mask] for batch, mask in zip(batches, masks, strict=True)]
        network.head.measure(torch.cat(targets))
    if network.static_scale is not None:
        network.static_scale.measure(torch.cat([batch.static for batch in batches]))
    measure_time(network, batches, masks)
    if isinstance(network.missing, History):
        scaled = [one.x if network.scale is None else network.scale(one.x) for one in batches]
        network.missing.measure(
            *((x, _gaps(network, one), real) for x, one, real in zip(scaled, batches, masks, strict=True))
        )
    if isinstance(network.waves, Gap):
        network.waves.measure(torch.cat([_gaps(network, one)[real] for one, real in zip(batches, masks, strict=True)]))
    network.measured.fill_(True)


def measure_time(network: Network, batches: Sequence[Any], masks: Sequence[Tensor]) -> None:
    """The period, and time constants by the data's own correlation times (see timescale.py), where they are "auto"."""
    gaps = [
        mask * (network.period if batch.dt is None else batch.dt) for batch, mask in zip(batches, masks, strict=True)
    ]
    moved = torch.cat([gap[gap > 0] for gap in gaps])
    if not moved.numel():
        return
    if network.auto_period:
        network.period.fill_(median(moved))
    if network.auto_tau:
        shortest, longest = tau_of(batches, gaps, masks)
        cores.retune(network.core, shortest / float(network.period), longest / float(network.period))


def tau_of(batches: Sequence[Any], gaps: Sequence[Tensor], masks: Sequence[Tensor]) -> tuple[float, float]:
    """(shortest, longest) time constant, by the correlation times of the inputs; by the gaps alone where nothing changes."""
    rows = [
        [part.numpy(force=True) for part in row]
        for batch, gap, mask in zip(batches, gaps, masks, strict=True)
        for row in zip(batch.x, gap, mask, strict=True)
    ][:MOST_ROWS]
    try:
        found = suggest_tau(*(list(part) for part in zip(*rows, strict=True)))
    except DataError:
        shortest = median(torch.cat([gap[gap > 0] for gap in gaps]))
        return shortest, max(median(torch.cat([gap.sum(dim=1) for gap in gaps])), 2 * shortest)
    return found.shortest, found.longest


def loss(network: Network, output: Tensor, target: Tensor, mask: Tensor | None, weight: Tensor | None) -> Tensor:
    """See Network.loss."""
    if not isinstance(network.head, Head):
        raise NetworkError("the head is a module of your own, which has no loss here: give fit an objective")
    return network.head.loss(output, target, mask, weight)


def groups(module: nn.Module, lr: float, time: float | None) -> list[dict[str, Any]]:
    """See Network.groups."""
    named = [
        (name.rpartition(".")[2], parameter) for name, parameter in module.named_parameters() if parameter.requires_grad
    ]
    slow = [parameter for name, parameter in named if name in TIME]
    rest = [parameter for name, parameter in named if name not in TIME]
    return [{"params": rest, "lr": lr}, *([{"params": slow, "lr": lr if time is None else time}] if slow else [])]


def of_size(make: Callable[[int], Network], parameters: int) -> Network:
    """The largest network that `make(units)` gives with at most so many parameters."""
    low, high = 1, 2
    while high <= 65536 and count(make(high)) <= parameters:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(make(middle)) <= parameters else (low, middle)
    made = make(low)
    if count(made) > parameters:
        raise NetworkError(
            f"one unit takes {count(made)} parameters with these parts, but only {parameters} are wanted"
        )
    return made


def count(module: nn.Module) -> int:
    """The number of parameters that learn."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def median(values: Tensor) -> float:
    return float(values.double().median())


def _gaps(network: Network, batch: Any) -> Tensor:
    """dt of a batch in periods, (batch, time)."""
    gaps: Tensor = batch.x.new_ones(batch.x.shape[:2]) if batch.dt is None else batch.dt / network.period
    return gaps


def _real(batch: Any) -> Tensor:
    """Which samples of a batch are real, (batch, time)."""
    mask = getattr(batch, "mask", None)
    return torch.ones(batch.x.shape[:2], dtype=torch.bool, device=batch.x.device) if mask is None else mask
