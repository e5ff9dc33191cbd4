"""Who is connected to whom, and how much passes through each connection right now: what the live page lights up.

    LTC         g = w sigmoid(sigma (v - mu))      the conductance of the synapse, which its sender opens
    others      |w s|                              the sender's signal times the weight; of cells with gates w is the root of the
                                                   sum of their squares, behind a backbone the product of the layers' |w|

A neuron and an input are numbered side by side as senders: inputs first, then neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...cells import Cell
from ...cells.cfc import CfC
from ...cells.ltc import LTC
from ...cells.mixed_memory import MixedMemory
from ...cells.rnn import StaticCell
from ...cells.wired_cfc import LayeredCfC
from ..numbers import Array

MOST = 300  # synapses drawn of a cell, the strongest


@dataclass(frozen=True, eq=False)
class Wires:
    """Synapses: source (inputs first), target, weight; `total` is how many there are in all. opens: of an LTC, (sigma, mu)."""

    source: Array
    target: Array
    weight: Array
    inhibits: Array
    total: int
    inputs: int
    opens: tuple[Array, Array] | None = None

    def lit(self, u: Array, h: Array) -> Array:
        """How much passes through each, 0..1 of what its weight lets through at most: of one, or of the largest signal now."""
        signal = np.concatenate([u, h[: self.source.max(initial=0) + 1]])[self.source]
        if self.opens is not None:
            sigma, mu = self.opens
            return np.asarray(1 / (1 + np.exp(-np.clip(sigma * (signal - mu), -60, 60))))
        size = np.abs(signal)
        return np.asarray(size / max(1.0, float(size.max(initial=0))))


@torch.no_grad()
def of(cell: Cell) -> Wires | None:
    """The synapses of a cell; None for one that does not say them."""
    if isinstance(cell, MixedMemory):
        return of(cell.cell)
    if isinstance(cell, LTC):
        return _of_ltc(cell)
    matrix = _matrix(cell)
    if matrix is None:
        return None
    weights, signs = matrix
    return _strongest(weights.double().numpy(force=True), signs.double().numpy(force=True), cell.inputs)


def _matrix(cell: Cell) -> tuple[Tensor, Tensor] | None:
    """(targets, inputs + units) of the sizes of weights, and of their signs."""
    if isinstance(cell, LayeredCfC):
        return _of_layers(cell)
    if isinstance(cell, CfC):
        return _of_cfc(cell)
    W, U = getattr(cell, "W", None), getattr(cell, "U", None)
    if isinstance(cell, StaticCell):
        both = torch.cat([cell.weight_ih[:, :-1], cell.weight_hh], dim=1)
    elif isinstance(W, Tensor) and isinstance(U, Tensor):
        both = torch.cat([U, W], dim=1)
    else:
        return None
    units = both.shape[1] - cell.inputs
    blocks = both.unflatten(0, (-1, units))  # (gates, units, inputs + units)
    return blocks.square().sum(dim=0).sqrt(), blocks[-1]


def _of_cfc(cell: CfC) -> tuple[Tensor, Tensor]:
    names = ["ff1"] if cell.mode == "pure" else ["ff1", "ff2"]
    heads = torch.stack([cell.weight(name) for name in names])
    size, sign = heads.square().sum(dim=0).sqrt(), heads[-1]
    for layer in reversed(cell.backbone):
        if isinstance(layer, torch.nn.Linear):
            size, sign = size @ layer.weight.abs(), sign @ layer.weight
    return size, sign


def _of_layers(cell: LayeredCfC) -> tuple[Tensor, Tensor]:
    """The layers' matrices in the places of their neurons."""
    made = [torch.zeros(cell.state_size, cell.inputs + cell.state_size) for _ in range(2)]
    below = torch.arange(cell.inputs)
    at = 0
    for layer, neurons in zip(cell.layers(), cell.plan.layers, strict=True):
        own = torch.tensor(list(neurons)) if hasattr(cell, "order") else torch.arange(at, at + len(neurons))
        columns = torch.cat([below, own + cell.inputs])
        for whole, part in zip(made, _of_cfc(layer), strict=True):
            whole[own[:, None], columns[None]] = part.to(whole)
        below, at = own + cell.inputs, at + len(neurons)
    return made[0], made[1]


def _of_ltc(cell: LTC) -> Wires:
    found: dict[str, list[Array]] = {name: [] for name in ("source", "target", "w", "erev", "sigma", "mu")}
    for prefix, first in (("sensory_", 0), ("", cell.inputs)):
        w = cell.positive(getattr(cell, prefix + "w")) * getattr(cell, prefix + "sparsity_mask")
        source, target = np.nonzero(w.numpy(force=True))
        found["source"].append(source + first)
        found["target"].append(target)
        found["w"].append(w.numpy(force=True)[source, target])
        for name in ("erev", "sigma", "mu"):
            found[name].append(getattr(cell, prefix + name).numpy(force=True)[source, target])
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    chosen = np.argsort(-whole["w"], kind="stable")[:MOST]
    kept = {name: values[chosen] for name, values in whole.items()}
    opens = (kept["sigma"].astype(float), kept["mu"].astype(float))
    return Wires(kept["source"], kept["target"], kept["w"], kept["erev"] < 0, len(whole["w"]), cell.inputs, opens)


def _strongest(size: Array, sign: Array, inputs: int) -> Wires:
    target, source = np.nonzero(size)
    weight = size[target, source]
    chosen = np.argsort(-weight, kind="stable")[:MOST]
    source, target = source[chosen], target[chosen]
    return Wires(source, target, weight[chosen], sign[target, source] < 0, len(weight), inputs)
