"""Certificates of what is put together of cells, by composition.

    Stack            layer k reads the outputs of layer k - 1, whose largest is known where its state is bounded
    Bidirectional    both cells read x
    Network          the core reads the encoded input: |u| <= through(|x|), part by part
    Committee        the members side by side

Where every cell has an interval of its own, it holds whatever the input. Where one needs its input to be bounded, `bound(x_bound)`
carries the largest size from part to part, and says no by name at a part of which none is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ... import network as parts
from ...cells import Cell
from ...cells.ltc import LTC
from ...cells.made import PACKAGE
from ...network import Committee, Network
from ...sequence import Bidirectional, Recurrent, Stack
from .certificate import AnalysisError, Certificate


def certify_stack(stack: Stack, of: Callable[[nn.Module], Certificate]) -> Certificate:
    """A Stack by its layers."""
    layers = list(stack.layers)
    found = [of(layer) for layer in layers]

    def reach(x_bound: float, h0: float) -> float:
        largest = h0
        for layer, one in zip(layers, found, strict=True):
            bound = one.bound(x_bound, h0)
            largest, x_bound = max(largest, bound), shown(layer, bound)
        return largest

    return side_by_side("layer", found, reach)


def certify_both(both: Bidirectional, of: Callable[[nn.Module], Certificate]) -> Certificate:
    """A Bidirectional by its two cells."""
    found = [of(both.ahead), of(both.back)]
    return side_by_side("direction", found, lambda x, h0: max(one.bound(x, h0) for one in found))


def certify_committee(committee: Committee, of: Callable[[nn.Module], Certificate]) -> Certificate:
    """A Committee by its members."""
    found = [of(member) for member in committee.members]
    return side_by_side("member", found, lambda x, h0: max(one.bound(x, h0) for one in found))


def certify_network(network: Network, of: Callable[[nn.Module], Certificate]) -> Certificate:
    """A Network by its core; `beside` says what of it is not certified."""
    beside = tuple(what for place, part in network.parts().items() if (what := unspoken(place, part)))
    core = network.core
    if not isinstance(core, (Recurrent, Stack, Bidirectional)):
        what = type(core).__name__
        return Certificate(False, f"not certified: no bound is known for the state of a {what} as core", beside=beside)
    found = of(core)
    where = (
        "whatever the input" if found.low is not None else "for inputs within the bound that `bound(x_bound)` is given"
    )
    reason = f"the core, {where}: {found.reason}" if found.certified else found.reason
    return Certificate(
        found.certified, reason, found.low, found.high, found.q,
        reach=lambda x_bound, h0: found.bound(encoded(network, x_bound), h0), beside=beside,
    )  # fmt: skip


def unspoken(place: str, part: nn.Module) -> str | None:
    """What of this part's numbers a certificate of the core leaves open."""
    if place == "missing" and isinstance(part, parts.Missing):
        return "missing: the values carried on are as large as the readings, and the time since they were known grows"
    if place == "pool" and isinstance(part, parts.Pool) and set(part.kinds) & {"mean", "attention"}:
        return f"pool: the sums that {part.name} remembers grow with the samples"
    if not type(part).__module__.startswith(PACKAGE):
        return f"{place}: {type(part).__name__} is a module of your own"
    return None


def side_by_side(what: str, found: Sequence[Certificate], reach: Callable[[float, float], float]) -> Certificate:
    """Certified where all are."""
    beside = tuple(f"{what} {number}: {each}" for number, one in enumerate(found, start=1) for each in one.beside)
    for number, one in enumerate(found, start=1):
        if not one.certified:
            return Certificate(False, f"{one.reason} ({what} {number})", beside=beside)
    reason = "; ".join(f"{what} {number}: {one.reason}" for number, one in enumerate(found, start=1))
    low, high = joined([one.low for one in found]), joined([one.high for one in found])
    return Certificate(True, reason, low, high, reach=reach, beside=beside)


def joined(parts_of: Sequence[Tensor | None]) -> Tensor | None:
    known = [part for part in parts_of if part is not None]
    return torch.cat(known) if len(known) == len(parts_of) else None


@torch.no_grad()
def shown(layer: nn.Module, bound: float) -> float:
    """The largest output of a layer whose states are within +-bound."""
    if isinstance(layer, Bidirectional):
        return max(shown(layer.ahead, bound), shown(layer.back, bound))
    cell = layer.cell if isinstance(layer, Recurrent) else layer
    written = next(base for base in type(cell).__mro__ if "output" in vars(base))
    if not isinstance(cell, Cell) or not written.__module__.startswith(PACKAGE):
        raise AnalysisError(
            f"there is no bound: {type(cell).__name__} has an output of its own, of which none is known"
        )
    if isinstance(cell, LTC):
        w, b = cell.output_w.double().abs(), cell.output_b.double().abs()
        return float((w * bound + b).max())
    return bound  # the state, or some of it


@torch.no_grad()
def encoded(network: Network, x_bound: float) -> float:
    """The largest number that the core reads for readings within +-x_bound."""
    for place in ("scale", "missing", "waves", "encoder"):
        part = getattr(network, place)
        if part is not None:
            x_bound = through(place, part, x_bound)
    return x_bound


def through(place: str, part: nn.Module, bound: float) -> float:
    """The largest output of a part for inputs within +-bound."""
    if type(part) is parts.Scale:
        return float(((bound + part.mean.double().abs()) / part.width.double().abs()).max())
    if type(part) is parts.Tokens:
        return float(part.table.weight.double().abs().max())
    if type(part) is parts.Dense:
        for layer in part.layers:
            if isinstance(layer, nn.Linear):
                z = float((layer.weight.double().abs().sum(dim=1) * bound + layer.bias.double().abs()).max())
                bound = part.sigma.lipschitz * z + abs(float(part.sigma(torch.zeros((), dtype=torch.float64))))
        return bound
    why = "it tells the time, which has none" if place in ("missing", "waves") else "none is known of it"
    raise AnalysisError(f"there is no bound through the {place}, a {type(part).__name__}: {why}")
