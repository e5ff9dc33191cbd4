"""The weights of a network as a stream reads them: its cells one after the other, a CfC of a wired one each for itself.

What is packed is what the cell's kernel reads, see cpu.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .. import _core
from ..cells import Cell
from ..cells.ltc import LTC
from ..cells.mixed_memory import MixedMemory
from ..cells.rnn import GRU, LSTM, RNN, DecayGRU, StaticCell
from ..cells.wired_cfc import WiredCfC
from ..errors import BackendError
from . import cpu, door, fused
from .operator import addresses, contiguous, describe, fits

# Whether the state holds at dt = 0, whether large inputs are refused, then w and b of the inputs, the neurons that are shown, w and b
# of those: as Stage in csrc/stream.h.
Around = tuple[bool, bool, list[float], list[float], list[int], list[float], list[float]]


GATES: tuple[type[Cell], ...] = (RNN, GRU, DecayGRU, LSTM)  # in the order of GateKind in csrc/tauflow.h
STREAM_ALONE = (*GATES, MixedMemory)  # the kernels have these sample by sample, and not over a sequence


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
        reason = why_not(cell)
        if reason is not None:
            raise BackendError(f"the kernels can't stream this: {reason}")
        start, inner, tensors = self.neurons, cell, list[Any]()
        if isinstance(cell, MixedMemory):
            inner = cell.cell
            tensors = contiguous(cell.input_map.weight, cell.recurrent_map.weight, cell.input_map.bias)
        if isinstance(inner, StaticCell):
            self.add_gates(inner, holds, addresses(*tensors))
        else:
            self.add_calls(inner, holds, addresses(*tensors))
        own = cell.order if isinstance(cell, WiredCfC) else range(cell.state_size)
        self.neurons = start + cell.state_size
        self.order.append(start + np.array(own, dtype=np.int64))
        self.states.append(cell.initial_state(1)[0])

    def add_gates(self, cell: StaticCell, holds: bool, memory: tuple[int, ...]) -> None:
        """RNN, GRU, DecayGRU and LSTM; memory: addresses of the weights of an LSTM in front of the cell."""
        rate = 1 / cell.tau if isinstance(cell, DecayGRU) else None
        tensors = contiguous(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh, rate)
        around: Around = (holds, True, [], [], [*range(self.neurons, self.neurons + cell.units)], [], [])
        self.network.gates(cell.inputs, cell.state_size, (*addresses(*tensors), kind_of_gates(cell)), around, memory)

    def add_calls(self, cell: Cell, holds: bool, memory: tuple[int, ...]) -> None:
        """A cell that has a kernel, as the calls that it takes."""
        start, calls = self.neurons, cpu.read(cell)
        if isinstance(calls, str):
            raise BackendError(f"the kernels can't stream this: {calls}")
        for number, call in enumerate(calls):
            shown = range(self.neurons, self.neurons + call.outputs)
            around: Around = (holds, number == 0, [], [], [*shown], [], [])
            if isinstance(cell, LTC):
                sense, show = (
                    affine(cell.input_w, cell.input_b, call.inputs),
                    affine(cell.output_w, cell.output_b, call.outputs),
                )
                around = (holds, True, *sense, [*shown], *show)
            elif isinstance(cell, WiredCfC) and number == len(calls) - 1:
                around = (*around[:4], [start + place for place in cell.order[: cell.outputs]], [], [])
            self.pack(call, around, memory)

    def pack(self, call: cpu.Call, around: Around, memory: tuple[int, ...]) -> None:
        """One call of a kernel; a layer of a wired CfC hears the new states of the one below."""
        tensors = contiguous(*call.weights)
        stage = getattr(self.network, call.operator.name)
        stage(call.inputs, call.units, addresses(*tensors) + tuple(call.options), around, memory)
        self.neurons += call.units


def kind_of_gates(cell: Cell) -> int:
    """Which of GATES the cell is, if it is unchanged; -1 for none of them."""
    return next((number for number, kind in enumerate(GATES) if kind is type(cell).home), -1)


def why_not(cell: Cell) -> str | None:
    """Why the kernels can't stream this cell, in a sentence; None when they can."""
    if isinstance(cell, MixedMemory) and type(cell).home is MixedMemory:
        return door.changed(cell) or _unfit_memory(cell) or why_not(cell.cell)
    if not isinstance(cell, StaticCell) or kind_of_gates(cell) < 0:
        return cpu.why_not(cell)
    return door.recorded() or door.changed(cell) or fused.unfit(cell)


def _unfit_memory(cell: MixedMemory) -> str | None:
    """What of a MixedMemory the kernel does not know, or would misread."""
    if isinstance(cell.cell, (MixedMemory, WiredCfC)):
        return f"behind a MixedMemory the kernel knows one cell, not the layers of a {type(cell.cell).__name__}"
    units, inputs = cell.cell.state_size, cell.cell.inputs
    weights = {
        "input_map.weight": (4 * units, inputs),
        "input_map.bias": (4 * units,),
        "recurrent_map.weight": (4 * units, units),
    }
    for name in ("input_map", "recurrent_map"):
        if (reason := door.altered(name, getattr(cell, name), nn.Linear)) is not None:
            return reason
    dtype = next(cell.cell.parameters()).dtype
    for name, shape in weights.items():
        weight = cell.get_parameter(name)
        if not fits(weight, shape, dtype, watched=False):
            return f"{name} is {describe(weight)}, the kernel reads {shape}, {dtype}, on the CPU"
    return None


def affine(w: Tensor | None, b: Tensor | None, size: int) -> tuple[list[float], list[float]]:
    """w and b of an affine map; one and -0, which change nothing, where there is none."""
    return [1.0] * size if w is None else w.tolist(), [-0.0] * size if b is None else b.tolist()
