"""The weights of a network as a stream reads them: its cells one after the other, a CfC of a wired one each for itself.

What stands in an `add_` below is what the cell's kernel gets in cpu.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import _core
from ..cells import Cell
from ..cells.cfc import CfC, Nonlinearity
from ..cells.ctrnn import CTRNN
from ..cells.gated_ltc import GatedLTC
from ..cells.gruode import GRUODE
from ..cells.ltc import LTC
from ..cells.wired_cfc import LayeredCfC, NcpsWiredCfC, WiredCfC
from . import cpu
from .operator import addresses, contiguous

# Whether the state holds at dt = 0, whether large inputs are refused, then w and b of the inputs, the neurons that are shown, w and b
# of those: as Stage in csrc/stream.h.
Around = tuple[bool, bool, list[float], list[float], list[int], list[float], list[float]]


class Chain:
    """A network to make streams of; its neurons count on from cell to cell."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.network = _core.Network(dtype == torch.float64)
        self.neurons = 0  # packed so far
        self.order: list[NDArray[np.int64]] = []  # where a number of the state stands among the neurons
        self.states: list[Tensor] = []

    def first(self) -> NDArray[Any]:
        """The state before the first sample."""
        return np.array(torch.cat(self.states).numpy())

    def add(self, cell: Cell, holds: bool) -> None:
        """holds: whether a gap of zero leaves the state as it is."""
        start = self.neurons
        _CELLS[cell.same_as()](self, cell, holds)
        own = cell.order if isinstance(cell, WiredCfC) else range(cell.state_size)
        self.order.append(start + np.array(own, dtype=np.int64))
        self.states.append(cell.initial_state(1)[0])

    def pack(
        self, kind: str, inputs: int, units: int, weights: Sequence[Tensor | None], options: list[int], around: Around
    ) -> None:
        """One cell; `weights` and `options` as its struct in csrc/tauflow.h has them."""
        tensors = contiguous(*weights)
        getattr(self.network, kind)(inputs, units, addresses(*tensors) + tuple(options), around)
        self.neurons += units


def plain(chain: Chain, cell: Any, holds: bool, checked: bool = True) -> Around:
    """A cell that shows its state as it is."""
    return holds, checked, [], [], [*range(chain.neurons, chain.neurons + cell.units)], [], []


def add_layer(chain: Chain, cell: CTRNN | GatedLTC, holds: bool) -> None:
    weights = [cell.W, cell.U, cell.b, 1 / cell.tau, cell.A if isinstance(cell, GatedLTC) else None]
    options = [cpu.ACTIVATIONS.index(cell.sigma.name), cpu.SOLVERS.index(cell.solver), cell.substeps]
    chain.pack("layer", cell.inputs, cell.units, weights, options, plain(chain, cell, holds))


def add_cfc(chain: Chain, cell: CfC, holds: bool) -> None:
    pack_cfc(chain, cell, plain(chain, cell, holds))


def pack_cfc(chain: Chain, cell: CfC, around: Around) -> None:
    linear = [layer for layer in cell.backbone if isinstance(layer, nn.Linear)]
    sigma = [layer.sigma.name for layer in cell.backbone if isinstance(layer, Nonlinearity)]
    weights: list[Tensor | None] = [part for layer in linear for part in (layer.weight, layer.bias)]
    weights += [None] * (6 - len(weights))
    heads: list[Tensor | None] = []
    for name in cpu.CFC_HEADS[: 1 if cell.mode == "pure" else 4]:
        layer: nn.Linear = getattr(cell, name)
        heads += [cell.weight(name), layer.bias]
    heads += [None] * (8 - len(heads))
    pure = [cell.w_tau, cell.A] if cell.mode == "pure" else [None, None]
    width = linear[0].out_features if linear else 0
    activation = cpu.ACTIVATIONS.index(sigma[0]) if sigma else 0
    options = [len(linear), width, activation, cpu.CFC_MODES.index(cell.mode)]
    chain.pack("cfc", cell.inputs, cell.units, [*weights, *heads, *pure], options, around)


def add_layers(chain: Chain, cell: LayeredCfC, holds: bool) -> None:
    """Each layer hears the new states of the one below; what the last one shows is what the cell shows."""
    start, layers = chain.neurons, cell.layers()
    for number, layer in enumerate(layers):
        around = plain(chain, layer, holds, checked=number == 0)
        if number == len(layers) - 1 and isinstance(cell, WiredCfC):
            around = (*around[:4], [start + place for place in cell.order[: cell.outputs]], [], [])
        pack_cfc(chain, layer, around)


def add_gruode(chain: Chain, cell: GRUODE, holds: bool) -> None:
    options = [cpu.SOLVERS.index(cell.solver), cell.substeps]
    chain.pack("gruode", cell.inputs, cell.units, [cell.W, cell.U, cell.b], options, plain(chain, cell, holds))


def add_ltc(chain: Chain, cell: LTC, holds: bool) -> None:
    gleak = cell.positive(cell.gleak)
    weights = [
        *(cell.positive(cell.sensory_w), cell.sensory_sigma, cell.sensory_mu, cell.sensory_erev),
        cell.sensory_sparsity_mask > 0,
        *(cell.positive(cell.w), cell.sigma, cell.mu, cell.erev),
        cell.sparsity_mask > 0,
        *(gleak * cell.vleak, gleak + cell.epsilon, 1 / cell.positive(cell.cm)),
    ]
    options = [cpu.LTC_SOLVERS.index(cell.solver), cell.substeps]
    shown = [*range(chain.neurons, chain.neurons + cell.outputs)]
    sense = affine(cell.input_w, cell.input_b, cell.inputs)
    around = (holds, True, *sense, shown, *affine(cell.output_w, cell.output_b, cell.outputs))
    chain.pack("ltc", cell.inputs, cell.units, weights, options, around)


def affine(w: Tensor | None, b: Tensor | None, size: int) -> tuple[list[float], list[float]]:
    """w and b of an affine map; one and -0, which change nothing, where there is none."""
    return [1.0] * size if w is None else w.tolist(), [-0.0] * size if b is None else b.tolist()


_CELLS: dict[type[Cell], Callable[[Chain, Any, bool], None]] = {
    CTRNN: add_layer,
    GatedLTC: add_layer,
    CfC: add_cfc,
    WiredCfC: add_layers,
    NcpsWiredCfC: add_layers,
    GRUODE: add_gruode,
    LTC: add_ltc,
}
