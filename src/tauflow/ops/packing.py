"""The weights of a network as a stream reads them: its cells one after the other, a CfC of a wired one each for itself.

What is packed is what the cell's kernel reads, see cpu.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import _core
from ..cells import Cell
from ..cells.ltc import LTC
from ..cells.wired_cfc import WiredCfC
from ..errors import BackendError
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
        calls = cpu.read(cell)
        if isinstance(calls, str):
            raise BackendError(f"the kernels can't stream this: {calls}")
        start = self.neurons
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
            self.pack(call, around)
        own = cell.order if isinstance(cell, WiredCfC) else range(cell.state_size)
        self.order.append(start + np.array(own, dtype=np.int64))
        self.states.append(cell.initial_state(1)[0])

    def pack(self, call: cpu.Call, around: Around) -> None:
        """One call of a kernel; a layer of a wired CfC hears the new states of the one below."""
        tensors = contiguous(*call.weights)
        stage = getattr(self.network, call.operator.name)
        stage(call.inputs, call.units, addresses(*tensors) + tuple(call.options), around)
        self.neurons += call.units


def affine(w: Tensor | None, b: Tensor | None, size: int) -> tuple[list[float], list[float]]:
    """w and b of an affine map; one and -0, which change nothing, where there is none."""
    return [1.0] * size if w is None else w.tolist(), [-0.0] * size if b is None else b.tolist()
