"""The record of a run: what every neuron did at every sample.

    h (batch, time, units)            the states after each sample, by the kernels
    tau (batch, time, units)          the time constant at that sample: 1 / rate of a leak, in the unit of dt
    drive, rate                       of the leak dh/dt = drive - rate h, with the state before the sample

CfC, wired or not, has no leak and has its gate s in the place of these; a static cell has its states alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from .. import validate
from ..cells import Cell, LeakCell
from ..cells.cfc import CfC, time_gate
from ..cells.wired_cfc import LayeredCfC, WiredCfC
from ..ops import packing, program
from . import core as cores
from . import streaming
from .parts.part import NetworkError

if TYPE_CHECKING:
    from .network import Network


@dataclass(frozen=True, eq=False)
class Layer:
    """One cell of the core; what it does not have is None."""

    cell: str
    states: Tensor
    drive: Tensor | None = None
    rate: Tensor | None = None
    tau: Tensor | None = None
    gate: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Record:
    """A run: its stamps (batch, time), answers (batch, time, outputs), what the core read, and its layers."""

    time: Tensor
    answer: Tensor
    encoded: Tensor
    mask: Tensor | None
    layers: tuple[Layer, ...]
    names: tuple[str, ...]

    @property
    def states(self) -> Tensor:
        """The states of all layers side by side, (batch, time, units)."""
        return torch.cat([layer.states for layer in self.layers], dim=2)

    @property
    def tau(self) -> Tensor | None:
        """The time constants of all layers that have such, (batch, time, units), in the unit of dt."""
        found = [layer.tau for layer in self.layers if layer.tau is not None]
        return torch.cat(found, dim=2) if found else None

    def frame(self, row: int = 0) -> Any:
        """One row as a pandas frame: time, answers, states and time constants, a line a real sample."""
        import pandas as pd

        columns = {"time": self.time[row]}
        columns |= {name: self.answer[row, :, i] for i, name in enumerate(self.names)}
        for number, layer in enumerate(self.layers):
            prefix = f"{layer.cell}{number}" if len(self.layers) > 1 else layer.cell
            for what, values in (("h", layer.states), ("tau", layer.tau), ("gate", layer.gate)):
                if values is not None:
                    columns |= {f"{prefix}.{what}{i}": values[row, :, i] for i in range(values.shape[2])}
        real = np.ones(len(self.time[row]), dtype=bool) if self.mask is None else self.mask[row].numpy(force=True)
        return pd.DataFrame({name: values.numpy(force=True)[real] for name, values in columns.items()})


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
        found, below, period = [], u, float(network.period)
        for layer, first in zip(layers, h.split([layer.state_size for layer in layers], dim=1), strict=True):
            states = states_of(layer, below, t, mask, first)
            found.append(record_of(layer.cell, below, t, states, first, period))
            below = layer.cell.output(states.flatten(0, 1)).unflatten(0, states.shape[:2])
    finally:
        network.train(was)
    stamps = (t if mask is None else t * mask).double().cumsum(dim=1) * period
    return Record(stamps, answer, u, mask, tuple(found), tuple(network.output_names))


def states_of(layer: Any, u: Tensor, t: Tensor, mask: Tensor | None, first: Tensor) -> Tensor:
    """The states of one layer after every sample, (batch, time, state): by the kernels, or step by step."""
    if packing.why_not(layer.cell) is None and layer.backend in ("auto", "cpu"):
        holds = not layer.cell.flow and layer.zero_dt == "hold"
        packed = program.pack(program.of_cells(u.shape[2], [layer.cell], [holds]), u.dtype)
        real = None if mask is None else mask.contiguous()
        _, _, states = streaming.through(
            packed, u.contiguous(), t.contiguous(), real, first, layer.outputs, record=True
        )
        return torch.empty(0) if states is None else states
    found, h = [], first
    for step in range(u.shape[1]):
        _, h = layer(
            u[:, step : step + 1], t[:, step : step + 1], None if mask is None else mask[:, step : step + 1], h
        )
        found.append(h)
    return torch.stack(found, dim=1)


def record_of(cell: Cell, u: Tensor, t: Tensor, states: Tensor, first: Tensor, period: float) -> Layer:
    """What the cell's equation says at every sample, all of them at once."""
    name, before = cell.name, torch.cat([first[:, None], states[:, :-1]], dim=1)
    flat_u, flat_h, shape = u.flatten(0, 1), before.flatten(0, 1), states.shape[:2]
    if isinstance(cell, LeakCell):
        drive, rate = cell.leak(cell.project(flat_u), flat_h)
        rate = rate.unflatten(0, shape)
        return Layer(name, states, drive.unflatten(0, shape), rate, period / rate)
    if type(cell) is CfC and cell.mode != "pure":
        z = cell.backbone(torch.cat([flat_u, flat_h], dim=1))
        return Layer(name, states, gate=time_gate(cell, z, t.flatten()[:, None]).unflatten(0, shape))
    if isinstance(cell, LayeredCfC) and cell.mode != "pure":
        gate = gates_of_layers(cell, flat_u, t.flatten()[:, None], flat_h, states.flatten(0, 1))
        return Layer(name, states, gate=gate.unflatten(0, shape))
    return Layer(name, states)


def gates_of_layers(cell: LayeredCfC, below: Tensor, t: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The gates of CfCs in layers, (n, state), each in its neuron's place; a layer hears the new state of the one below."""
    gates, at = torch.empty_like(before), 0
    for layer, neurons in zip(cell.layers(), cell.plan.layers, strict=True):
        own = list(neurons) if isinstance(cell, WiredCfC) else list(range(at, at + len(neurons)))
        gates[:, own] = time_gate(layer, layer.backbone(torch.cat([below, before[:, own]], dim=1)), t)
        below, at = after[:, own], at + len(neurons)
    return gates
