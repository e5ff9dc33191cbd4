"""A network without some of its neurons, or without some of its synapses: made anew, smaller, with the numbers that stay.

What a neuron that goes told the others on average is folded into their biases, b_j + sum_i W_ji mean_i. A synapse of an LTC that goes is
replaced by its mean conductance to its own potential, which is a leak: gleak' = gleak + g, vleak' = (gleak vleak + g erev) / gleak'.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ... import cells
from ...cells import Cell
from ...cells.ltc import LTC
from ...network import Network
from ...network.parts.readouts import Deep, Linear
from ...sequence import Recurrent, copy_of
from ...wirings import Wiring
from ..question import ExplanationError

BIAS = {"W": "b", "weight_hh": "bias_hh"}  # matrix -> where what it is told on average goes; else x.weight -> x.bias


def cell_of(network: Network) -> Cell:
    """The one cell of a network that can be made smaller."""
    if not isinstance(network, Network) or not isinstance(network.core, Recurrent):
        raise ExplanationError(
            f"can't prune a {type(getattr(network, 'core', network)).__name__}, expected a Network whose core is one cell: "
            "a Recurrent"
        )
    readout = network.readout
    if not isinstance(readout, (Linear, Deep)):
        raise ExplanationError(f"can't prune behind a readout of your own, a {type(readout).__name__}")
    cell: Cell = network.core.cell
    in_layers = cell.name.startswith("wired_cfc") or cell.state_size % cell.outputs != 0
    if (cell.name not in cells.REGISTRY or in_layers) and not isinstance(cell, LTC):
        raise ExplanationError(f"can't prune a {type(cell).__name__}: its neurons stand in layers of their own")
    return cell


def without_neurons(network: Network, keep: Sequence[int], mean: Tensor) -> Network:
    """The neurons in `keep` alone; mean (units,): what each of them shows on average."""
    cell = cell_of(network)
    units = cell.outputs
    options = cell.config() | {"units": len(keep)}
    less = cells.build(cell.name, **options).to(mean.dtype)
    kept = torch.tensor(list(keep))
    gone = torch.tensor([i for i in range(units) if i not in set(keep)], dtype=torch.long)
    own = dict(cell.named_parameters())
    for name, new in less.named_parameters():
        old = own[name].detach()
        with torch.no_grad():
            new.copy_(_cut(old, new.shape, units, kept))
    for name, old in own.items():
        bias = BIAS.get(name) or (name.removesuffix("weight") + "bias" if name.endswith(".weight") else "")
        if bias in own and old.ndim == 2 and old.shape[1] in (units, units + cell.inputs):
            told = old.detach()[:, old.shape[1] - units :][:, gone] @ mean[gone]
            if old.shape[1] != dict(less.named_parameters())[name].shape[1]:
                own_bias = dict(less.named_parameters())[bias]
                with torch.no_grad():
                    own_bias.add_(_cut(told, own_bias.shape, units, kept))
    for name, buffer in less.named_buffers():
        buffer.copy_(_cut(dict(cell.named_buffers())[name], buffer.shape, units, kept))
    return _around(network, less, kept, gone, mean)


def _cut(old: Tensor, shape: torch.Size, units: int, kept: Tensor) -> Tensor:
    """Along every axis that is shorter now: blocks of units, behind what is no neuron (the inputs)."""
    for axis, (was, now) in enumerate(zip(old.shape, shape, strict=True)):
        if was == now:
            continue
        blocks = (was - now) // (units - len(kept))
        front = was - blocks * units
        place = [torch.arange(front), *(front + block * units + kept for block in range(blocks))]
        old = old.index_select(axis, torch.cat(place))
    return old


def _around(network: Network, less: Cell, kept: Tensor, gone: Tensor, mean: Tensor) -> Network:
    """The same network around a smaller cell: pool and readout read what is left."""
    whole, units = copy_of(network), len(kept) + len(gone)
    first = _first(whole.readout)
    made = Network(
        network.input_names,
        network.target_names,
        Recurrent(less, network.core.backend, network.core.zero_dt),
        static=network.static,
        scale=whole.scale,
        missing=whole.missing,
        waves=whole.waves,
        encoder=whole.encoder,
        head=whole.head,
        pool=None if network.pool is None else _like(network.pool),
        readout=_like(network.readout),
        period=float(network.period),
    ).to(mean.dtype)
    made.measured.copy_(network.measured)
    if made.static_scale is not None and whole.static_scale is not None:
        made.static_scale.load_state_dict(whole.static_scale.state_dict())
    kinds = 1 if network.pool is None else len(network.pool.kinds)
    behind = torch.arange(kinds * units, first.in_features)
    columns = torch.cat([*(kind * units + kept for kind in range(kinds)), behind])
    with torch.no_grad():
        for name, new in made.readout.named_parameters():
            old = dict(whole.readout.named_parameters())[name]
            new.copy_(old.index_select(1, columns) if old is first.weight else old)
        for kind, name in enumerate(["last"] if network.pool is None else network.pool.kinds):
            if name != "max":  # the mean of a maximum is not the maximum of the mean
                told = first.weight[:, kind * units :][:, :units][:, gone] @ mean[gone]
                _first(made.readout).bias += told
        if network.pool is not None and "attention" in network.pool.kinds:
            seen = torch.arange(units, network.pool.score.in_features)
            made.pool.score.weight.copy_(network.pool.score.weight.index_select(1, torch.cat([kept, seen])))
    return made.train(network.training)


def _like(part: Any) -> dict[str, Any]:
    """A part by its name and the options that are no widths."""
    widths = {"inputs", "outputs", "static", "seen"}
    return {"name": part.name} | {key: value for key, value in part.config().items() if key not in widths}


def _first(readout: nn.Module) -> Any:
    return readout.map if isinstance(readout, Linear) else readout.layers[0]  # type: ignore[index]


def without_synapses(
    network: Network, synapses: NDArray[np.bool_], sensory: NDArray[np.bool_], g: Tensor, sensory_g: Tensor
) -> Network:
    """An LTC's network with the synapses where the matrices say True alone; g: the mean conductance of each, as the matrices."""
    cell = cell_of(network)
    if not isinstance(cell, LTC):
        raise ExplanationError(f"a {type(cell).__name__} has no synapses to remove: leave out neurons")
    old = cell.wiring
    wiring = Wiring(
        np.where(synapses, old.synapses, 0), np.where(sensory, old.sensory, 0), old.outputs, old.layers, old.types
    )
    less = LTC(**(cell.config() | {"units": wiring})).to(g.dtype)
    state = {name: value for name, value in cell.state_dict().items() if not name.endswith("sparsity_mask")}
    less.load_state_dict(state, strict=False)
    current, conductance = torch.zeros(2, old.units, dtype=g.dtype)
    for stays, mean, erev in ((synapses, g, cell.erev), (sensory, sensory_g, cell.sensory_erev)):
        gone = torch.from_numpy(~stays)
        conductance = conductance + (mean * gone).sum(dim=0)
        current = current + (mean * gone * erev.detach()).sum(dim=0)
    with torch.no_grad():
        gleak = less.positive(less.gleak)
        leak = gleak + conductance
        less.vleak.copy_((gleak * less.vleak + current) / leak)
        less.gleak.copy_(leak + torch.log(-torch.expm1(-leak)))  # the inverse of softplus
    made = copy_of(network)
    made.core = Recurrent(less, network.core.backend, network.core.zero_dt)
    return made.train(network.training)
