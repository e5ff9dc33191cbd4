"""The record of a run: what every neuron did at every sample.

    states (batch, time, state)        after each sample, by the kernels where they have the cell
    drive, rate (batch, time, units)   of the leak dh/dt = drive - rate h, at the state before the sample, in the core's unit of time
    tau                                1 / rate in the unit of dt: the time constant at that sample
    gates                              by name: "f" of a GatedLTC, "time" of a CfC, "reset" and "update" of a GRU, ...
    saturation                         0 where a neuron's nonlinearity is steepest, 1 where it is flat and no change gets through
    synapses()                         of an LTC: the conductance and the current of every synapse

What a cell does not have is None. All of it is computed over time at once, since the states are known before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..cells import Cell, LeakCell
from ..cells.ltc import LTC
from ..drawing import Drawn
from ..errors import TauflowError
from . import packing, program
from .stream import KernelStream
from .synapses import Synapses, synapses_of

MOST = 2**22  # numbers of an intermediate result held at once


@dataclass(frozen=True, eq=False)
class Layer:
    """One cell; what it does not have is None."""

    cell: str
    states: Tensor
    drive: Tensor | None = None
    rate: Tensor | None = None
    tau: Tensor | None = None
    gates: dict[str, Tensor] = field(default_factory=dict)
    saturation: Tensor | None = None
    of_synapses: Callable[[], Synapses] | None = field(default=None, repr=False)

    def synapses(self) -> Synapses | None:
        """Conductance and current of every synapse at every sample, (batch, time, synapses), computed now; None without synapses."""
        return None if self.of_synapses is None else self.of_synapses()


@dataclass(frozen=True, eq=False)
class Record(Drawn):
    """A run: its stamps (batch, time), answers (batch, time, outputs), what the core read, and its layers.

    >>> network = tauflow.Network(3, 1, "gated_ltc", 8)
    >>> record = network.trace(torch.randn(1, 20, 3), torch.rand(1, 20))  # a Record
    >>> record.states.shape, record.tau.shape
    (torch.Size([1, 20, 8]), torch.Size([1, 20, 8]))
    >>> list(record.frame().columns[:4])
    ['time', 'y0', 'gated_ltc.h0', 'gated_ltc.h1']
    """

    picture, pixels = "record.record", (960, 620)

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

    def real(self, row: int = 0) -> Any:
        """Which samples of a row are real, (time,)."""
        return np.ones(self.time.shape[1], dtype=bool) if self.mask is None else self.mask[row].numpy(force=True)

    def frame(self, row: int = 0) -> Any:
        """One row as a pandas frame, a line a real sample: time, answers, and of every neuron its state, its time constant, its
        drive and rate, its gates and its saturation.
        """
        import pandas as pd

        columns = {"time": self.time[row]}
        columns |= {name: self.answer[row, :, i] for i, name in enumerate(self.names)}
        for number, layer in enumerate(self.layers):
            prefix = f"{layer.cell}{number}" if len(self.layers) > 1 else layer.cell
            told = {"h": layer.states, "tau": layer.tau, "drive": layer.drive, "rate": layer.rate}
            for what, values in (told | layer.gates | {"saturation": layer.saturation}).items():
                if values is not None:
                    columns |= {f"{prefix}.{what}{i}": values[row, :, i] for i in range(values.shape[2])}
        real = self.real(row)
        return pd.DataFrame({name: values.numpy(force=True)[real] for name, values in columns.items()})


def layers_of_run(
    layers: Sequence[Any], u: Tensor, t: Tensor, mask: Tensor | None, h: Tensor, period: float = 1.0
) -> tuple[Layer, ...]:
    """Of Recurrents one on top of the other: u (batch, time, width), t (batch, time) in their unit, h (batch, state)."""
    found, below = [], u if mask is None else torch.where(mask[:, :, None], u, 0)
    for layer, first in zip(layers, h.split([layer.state_size for layer in layers], dim=1), strict=True):
        states = states_of(layer, below, t, mask, first)
        found.append(record_of(layer.cell, below, t, states, first, period))
        below = layer.cell.output(states.flatten(0, 1)).unflatten(0, states.shape[:2])
    return tuple(found)


def stamps(t: Tensor, mask: Tensor | None) -> Tensor:
    """Time since the beginning, (batch, time): the sum of the real samples' gaps."""
    return (t if mask is None else t * mask).double().cumsum(dim=1)


def states_of(layer: Any, u: Tensor, t: Tensor, mask: Tensor | None, first: Tensor) -> Tensor:
    """The states of one layer after every sample, (batch, time, state): by the kernels, or step by step."""
    if u.shape[1] and packing.why_not(layer.cell) is None and layer.backend in ("auto", "cpu"):
        holds = not layer.cell.flow and layer.zero_dt == "hold"
        packed = program.pack(program.of_cells(u.shape[2], [layer.cell], [holds]), u.dtype)
        real = None if mask is None else mask.contiguous()
        _, _, states = through(packed, u.contiguous(), t.contiguous(), real, first, layer.outputs, record=True)
        return torch.empty(0) if states is None else states
    found, h = [], first
    for step in range(u.shape[1]):
        here = slice(step, step + 1)
        _, h = layer(u[:, here], t[:, here], None if mask is None else mask[:, here], h)
        found.append(h)
    return torch.stack(found, dim=1) if found else u.new_empty(u.shape[0], 0, first.shape[1])


def record_of(cell: Cell, u: Tensor, t: Tensor, states: Tensor, first: Tensor, period: float) -> Layer:
    """What the cell's equation says at every sample, all of them at once."""
    shape = states.shape[:2]
    before = torch.cat([first[:, None], states[:, :-1]], dim=1)[:, : shape[1]]
    told: dict[str, list[Tensor]] = {}
    for x, dt, h in _blocks(cell, u.flatten(0, 1), t.flatten(), before.flatten(0, 1)):
        for name, values in _told(cell, x, dt, h).items():
            told.setdefault(name, []).append(values)
    seen = {name: torch.cat(parts).unflatten(0, shape) for name, parts in told.items()}
    rate = seen.pop("rate", None)
    return Layer(
        cell.name or type(cell).__name__,
        states,
        seen.pop("drive", None),
        rate,
        None if rate is None else period / rate,
        saturation=seen.pop("saturation", None),
        gates=seen,
        of_synapses=synapses_of(cell, u, before) if isinstance(cell, LTC) else None,
    )


def _told(cell: Cell, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
    found = dict(cell.gates(x, dt, h))
    if isinstance(cell, LeakCell):
        found["drive"], found["rate"] = cell.leak(cell.project(x), h)
    flat = cell.saturation(x, dt, h)
    return found if flat is None else found | {"saturation": flat}


def _blocks(cell: Cell, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Samples side by side, so many that a matrix of synapses a sample fits into memory."""
    many = max(1, MOST // (cell.state_size * (cell.state_size + cell.inputs)))
    return zip(*(tensor.split(many) for tensor in tensors), strict=True)


def through(
    packed: program.Packed, u: Tensor, t: Tensor, real: Tensor | None, h: Tensor, outputs: int, record: bool = False
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Cells sample by sample: their outputs (batch, time, outputs), the state, and on request the states (batch, time, state)."""
    batch, time, _ = u.shape
    order = torch.from_numpy(packed.order[packed.before : packed.before + h.shape[1]] - packed.before)
    laid = torch.empty_like(h)
    laid[:, order] = h
    y = u.new_empty(batch, time, outputs)
    states = u.new_empty(batch, time, h.shape[1]) if record else None
    refused = packed.program.through(
        batch, time, u.data_ptr(), t.data_ptr(), 0 if real is None else real.data_ptr(), laid.data_ptr(), y.data_ptr(),
        0 if states is None else states.data_ptr(),
    )  # fmt: skip
    if refused is not None:
        why, row, step, stage, index, value = refused
        try:
            KernelStream.on(packed)._refuse(why, stage, index, value)
        except TauflowError as error:
            raise type(error)(f"sample {row}, step {step}: {error}") from None
    return y, laid[:, order], None if states is None else states[..., order]
