"""Wired CfC: one CfC without backbone per layer of a wiring, inter -> command -> motor.

    z_l = [new state of layer l-1 (x for the first), old state of layer l]        h'_l = CfC(z_l, dt)

    WiredCfC      every weight, the time gates' too, stands where the wiring has a synapse, or leads from a neuron to
                  itself: without a path there is no influence. The state is in the order of the neurons.
    NcpsWiredCfC  the arithmetic of ncps: ff1 and ff2 follow the wiring from layer to layer only; within a layer
                  everyone listens to everyone, and so do the time gates. The state is in the order of the layers.

Polarities are not used: CfC weights have their own sign. Source: Hasani et al. 2022; ncps 1.0.1, WiredCfCCell.
"""

from __future__ import annotations

from abc import abstractmethod
from itertools import chain, pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import wirings
from ..errors import WiringError
from ..wirings import Wiring
from .base import Cell
from .cfc import CfC

Connected = NDArray[np.bool_]


class MaskedCfC(CfC):
    """A layer: no backbone, weights multiplied by `sparsity_mask`, those of the time gate by `gate_mask`."""

    name = ""

    sparsity_mask: Tensor
    gate_mask: Tensor

    def __init__(self, inputs: int, units: int, mode: str, tau: float | tuple[float, float]) -> None:
        super().__init__(inputs, units, mode, backbone_layers=0, tau=tau)
        for name in ("sparsity_mask", "gate_mask"):  # (units, inputs + units), as the weights
            self.register_buffer(name, torch.ones(units, inputs + units))

    def mask(self, name: str) -> Tensor:
        return self.gate_mask if name in ("time_a", "time_b") else self.sparsity_mask

    def same_as(self) -> type[Cell]:
        return CfC


class LayeredCfC(Cell):
    """What the two share: `layer_0`, `layer_1`, ... in computing order. Subclasses say what `mask_layer` leaves out."""

    def __init__(
        self, inputs: int, units: int | Wiring, mode: str = "default", tau: float | tuple[float, float] = 1.0
    ) -> None:
        super().__init__()
        self.plan = units if isinstance(units, Wiring) else of_size(inputs, units)
        self.plan.check_inputs(inputs)
        refuse_what_layers_cannot_carry(self.plan)
        self.inputs, self.mode, self.state_size = inputs, mode, self.plan.units
        widths = [inputs, *map(len, self.plan.layers)]
        for number, (below, here) in enumerate(pairwise(widths)):
            self.add_module(f"layer_{number}", self.make_layer(below, here, mode, tau))
        self.mask_layers()

    def make_layer(self, inputs: int, units: int, mode: str, tau: float | tuple[float, float]) -> CfC:
        """One layer, its masks still all ones."""
        return MaskedCfC(inputs, units, mode, tau)

    def layers(self) -> list[CfC]:
        """layer_0, layer_1, ..."""
        return [layer for layer in self.children() if isinstance(layer, CfC)]

    def reset_parameters(self) -> None:
        """Each layer as CfC; the masks from the wiring."""
        super().reset_parameters()
        self.mask_layers()

    @torch.no_grad()
    def mask_layers(self) -> None:
        """The masks from the wiring."""
        sources, matrix = list(range(self.inputs)), self.plan.sensory != 0
        synapses = self.plan.synapses != 0
        for layer, neurons in zip(self.layers(), map(list, self.plan.layers), strict=True):
            self.mask_layer(layer, matrix[np.ix_(sources, neurons)], synapses[np.ix_(neurons, neurons)])
            sources, matrix = neurons, synapses

    @abstractmethod
    def mask_layer(self, layer: Any, below: Connected, within: Connected) -> None:
        """Fill a layer's masks; below (inputs, units) and within (units, units) say where the wiring has a synapse."""

    def hull(self) -> tuple[Tensor, Tensor] | None:
        """That of the layers, which are all of one mode."""
        hulls = [layer.hull() for layer in self.layers()]
        lows, highs = ([one[side] for one in hulls if one is not None] for side in (0, 1))
        return (torch.cat(lows), torch.cat(highs)) if len(lows) == len(hulls) else None

    def advance(self, x: Tensor, dt: Tensor, states: list[Tensor]) -> list[Tensor]:
        """The new states of the layers, each (batch, neurons of the layer)."""
        news: list[Tensor] = []
        for layer, h in zip(self.layers(), states, strict=True):
            _, x = layer.take(x, dt, h)
            news.append(x)
        return news

    @abstractmethod
    def parted(self, h: Tensor) -> list[Tensor]:
        """The layers' parts of numbers a neuron, each (batch, neurons of the layer)."""

    @abstractmethod
    def joined(self, parts: list[Tensor]) -> Tensor:
        """Numbers a neuron, (batch, units), from the layers' parts."""

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        return self.joined(self.advance(x, dt, self.parted(h)))

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        if self.mode == "pure":
            return {}
        return {"time": self.joined([layer.gates(*seen)["time"] for layer, *seen in self.seen(x, dt, h)])}

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor | None:
        found = [layer.saturation(*seen) for layer, *seen in self.seen(x, dt, h)]
        known = [each for each in found if each is not None]
        return self.joined(known) if len(known) == len(found) else None

    def seen(self, x: Tensor, dt: Tensor, h: Tensor) -> list[tuple[CfC, Tensor, Tensor, Tensor]]:
        """(layer, what it reads, dt, its own state) of a step from h."""
        states = self.parted(h)
        below = [x, *self.advance(x, dt, states)[:-1]]
        return [(layer, read, dt, own) for layer, read, own in zip(self.layers(), below, states, strict=True)]


class WiredCfC(LayeredCfC):
    """Sparse everywhere. `units` a Wiring, or a number for an auto_ncp of that size.

    >>> wiring = tauflow.wirings.auto_ncp(inputs=3, units=16, outputs=2)
    >>> cell = tauflow.WiredCfC(3, wiring)  # or tauflow.WiredCfC(3, 16)
    >>> y, h = cell.take(torch.randn(4, 3), torch.rand(4), cell.initial_state(batch=4))
    >>> y.shape, h.shape  # shown are the motor neurons
    (torch.Size([4, 2]), torch.Size([4, 16]))
    """

    name = "wired_cfc"
    neurons: Tensor

    def __init__(
        self, inputs: int, units: int | Wiring, mode: str = "default", tau: float | tuple[float, float] = 1.0
    ) -> None:
        super().__init__(inputs, units, mode, tau)
        self.wiring, self.outputs = self.plan, self.plan.outputs
        place = {neuron: i for i, neuron in enumerate(chain.from_iterable(self.plan.layers))}
        self.order = [place[neuron] for neuron in range(self.state_size)]  # where a neuron stands among the layers
        self.register_buffer("neurons", torch.tensor(self.order))  # goes with the weights, to be compared

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Weights of a wiring that counts its neurons otherwise would give the same numbers in another order."""
        came = state_dict.get(prefix + "neurons")
        if isinstance(came, Tensor) and came.shape == self.neurons.shape and came.tolist() != self.order:
            raise WiringError(
                f"{prefix or 'the '}state dict is of a wiring whose layers hold other neurons: make the cell with that wiring, "
                "or use tauflow.save and tauflow.load, which keep it"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def mask_layer(self, layer: Any, below: Connected, within: Connected) -> None:
        own = within | np.eye(len(within), dtype=bool)
        for mask in (layer.sparsity_mask, layer.gate_mask):
            mask.copy_(torch.from_numpy(np.concatenate([below, own]).T))

    def parted(self, h: Tensor) -> list[Tensor]:
        return [h[:, list(neurons)] for neurons in self.plan.layers]

    def joined(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, dim=1)[:, self.order]

    def output(self, h: Tensor) -> Tensor:
        return h[:, : self.outputs]


class NcpsWiredCfC(LayeredCfC):
    """The numbers of ncps. The output is the whole last layer.

    >>> wiring = tauflow.wirings.auto_ncp(inputs=3, units=16, outputs=2)
    >>> ours, theirs = tauflow.WiredCfC(3, wiring), tauflow.cells.NcpsWiredCfC(3, wiring)
    >>> [bool(cell.layer_0.gate_mask.all()) for cell in (ours, theirs)]  # in ncps every time gate listens to everyone
    [False, True]
    """

    name = "wired_cfc_ncps"

    def __init__(
        self, inputs: int, units: int | Wiring, mode: str = "default", tau: float | tuple[float, float] = 1.0
    ) -> None:
        super().__init__(inputs, units, mode, tau)
        self.outputs = len(self.plan.layers[-1])

    def mask_layer(self, layer: Any, below: Connected, within: Connected) -> None:
        layer.sparsity_mask.copy_(torch.from_numpy(np.concatenate([below, np.ones_like(within)]).T))
        nn.init.ones_(layer.gate_mask)

    def parted(self, h: Tensor) -> list[Tensor]:
        return list(h.split([len(layer) for layer in self.plan.layers], dim=1))

    def joined(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, dim=1)

    def output(self, h: Tensor) -> Tensor:
        return h[:, self.state_size - self.outputs :]


def of_size(inputs: int, units: int) -> Wiring:
    """An auto_ncp with three tenths of the neurons as outputs; dense below the four neurons that an auto_ncp needs."""
    if not isinstance(units, int) or units < 4:
        return wirings.dense(inputs, units)
    return wirings.auto_ncp(inputs, units, max(int(0.3 * units), 1))


def refuse_what_layers_cannot_carry(wiring: Wiring) -> None:
    """A layer listens to the one below and to itself: any other synapse would be left out in silence."""
    lost = np.concatenate([wiring.sensory, wiring.synapses]) != 0
    below = list(range(wiring.inputs))
    for neurons in wiring.layers:
        here = [wiring.inputs + neuron for neuron in neurons]
        lost[np.ix_(below + here, list(neurons))] = False
        below = here
    if lost.any():
        source, target = np.argwhere(lost)[0].tolist()
        sender = f"input {source}" if source < wiring.inputs else f"neuron {source - wiring.inputs}"
        raise WiringError(
            f"the synapse from {sender} to neuron {target} neither leads to the next layer nor stays within one, so a "
            "layered CfC can't carry it: remove it, change the wiring's layers, or use LTC"
        )
