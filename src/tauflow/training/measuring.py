"""Before a network learns: its scales, period and time constants from the training data, and what there is to say of its time.

Measured once, on the batches of epoch 0, before anything depends on the weights: time constants drawn anew draw the weights
anew. A run that goes on from a checkpoint begins in the same way, and the file then brings what was measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..network import Multi
from ..network.core import cells_of
from .settings import SettingsError
from .sources import Batch, KindSource, Source

FAR = 10.0  # the median gap is far from the time constants by more than this factor


def measure(model: nn.Module, source: Source) -> tuple[str, ...]:
    """Measure what of a Network, a Committee or a Multi is not measured yet; notes for the user."""
    if isinstance(model, Multi):
        return _kinds(model, source)
    if not (hasattr(model, "measure") and isinstance(getattr(model, "measured", None), Tensor)):
        return ()
    networks: list[Any] = model.networks() if hasattr(model, "networks") else [model]  # type: ignore[operator]
    new = [network for network in networks if not bool(network.measured)]
    if new:
        batches = [_checked(network, batch) for network in new[:1] for batch in source.batches(0)]
        for network in new:
            network.measure(*batches)
    return _about_time(networks, source)


def _kinds(model: Multi, source: Source) -> tuple[str, ...]:
    """Each kind of a Multi by its own source."""
    if not isinstance(source, KindSource):
        raise SettingsError(
            f"a Multi learns from a {type(source).__name__}, expected KindSource({{'{model.kinds[0]}': ArraySource(x, y), ...}})"
        )
    return tuple(f"{kind}: {note}" for kind, inner in source.sources.items() for note in measure(model[kind], inner))


def _checked(network: Any, batch: Any) -> Batch:
    """What `measure` reads of a batch, if it can be read."""
    x = getattr(batch, "x", None)
    if x is None:
        raise SettingsError(
            f"the network is not measured, and a {type(batch).__name__} does not say which of its parts is x: give Batches, "
            "or call network.measure(batch, ...) before"
        )
    y = getattr(batch, "y", None)
    if y is not None and network.pool is None and y.shape[:2] != x.shape[:2]:
        raise SettingsError(
            f"y has shape {tuple(y.shape)}, but the network answers at every step of x, {tuple(x.shape[:2])} first: "
            "give it a pool, as pool='last', or call network.measure(batch, ...) before"
        )
    return Batch(x, y, *(getattr(batch, name, None) for name in ("dt", "mask", "weight", "static", "first")))


@torch.no_grad()
def _about_time(networks: list[Any], source: Source) -> tuple[str, ...]:
    """A sentence for each network all of whose time constants are far from the gaps of the data."""
    known = [(network, torch.cat(taus)) for network in networks if (taus := _time_constants(network))]
    if not known:
        return ()
    gaps = torch.cat([gap for batch in source.batches(0) for gap in _gaps(batch)] or [torch.empty(0)])
    middle = float(gaps.double().median()) if gaps.numel() else 0.0  # none that moves: each is one period
    notes = {}
    for network, tau in known:
        gap = middle / float(network.period) or 1.0
        shortest, longest = (float(edge) for edge in tau.aminmax())
        if not shortest / FAR <= gap <= longest * FAR:
            notes[
                f"the median gap is {gap:.3g} periods, far {'below' if gap < shortest else 'above'} every time constant "
                f"({shortest:.3g} to {longest:.3g}): give period=... or tau='auto'"
            ] = network
    return tuple(notes)


def _time_constants(network: Any) -> list[Tensor]:
    return [tau for cell in cells_of(network.core) if (tau := cell.time_constants()) is not None and tau.numel()]


def _gaps(batch: Any) -> list[Tensor]:
    """The gaps > 0 of the real samples, where the batch says them."""
    dt, mask = getattr(batch, "dt", None), getattr(batch, "mask", None)
    if dt is None:
        return []
    dt = dt if mask is None else dt[mask]
    return [dt[dt > 0]]
