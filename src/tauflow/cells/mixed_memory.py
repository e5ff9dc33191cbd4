"""MixedMemory: an LSTM in front of a cell, so that memory does not have to live in the cell's own decay.

    i, ig, fg, og = input_map(x) + recurrent_map(h)
    c' = c sigmoid(fg + 1) + tanh(i) sigmoid(ig)      h~ = tanh(c') sigmoid(og)      h' = cell(x, dt, h~)

The state is [h, c]; the cell's new state is what the LSTM sees at the next sample.
Source: Lechner and Hasani 2022, Mixed-Memory RNNs; the arithmetic is that of ncps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .base import Cell, drawn


class MixedMemory(Cell):
    """`MixedMemory(CfC(8, 32))` is a cell like any other, with a state of twice the size.

    >>> cell = tauflow.MixedMemory(tauflow.CfC(inputs=3, units=8))
    >>> cell.state_size, cell.outputs
    (16, 8)
    >>> y, state = tauflow.Recurrent(cell)(torch.randn(2, 20, 3), torch.rand(2, 20))
    >>> y.shape, state.shape
    (torch.Size([2, 20, 8]), torch.Size([2, 16]))
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.inputs, self.outputs = cell.inputs, cell.outputs
        self.state_size = 2 * cell.state_size
        self.input_map = nn.Linear(cell.inputs, 4 * cell.state_size)
        self.recurrent_map = nn.Linear(cell.state_size, 4 * cell.state_size, bias=False)
        self.reset_memory()

    def reset_parameters(self) -> None:
        """New weights for the memory and for the cell behind it."""
        self.reset_memory()
        self.cell.reset_parameters()

    @drawn
    def reset_memory(self) -> None:
        """As ncps: Xavier for the input, orthogonal for the memory, biases within 0.1."""
        nn.init.xavier_uniform_(self.input_map.weight)
        nn.init.uniform_(self.input_map.bias, -0.1, 0.1)
        nn.init.orthogonal_(self.recurrent_map.weight)

    @property
    def liquid(self) -> bool:  # type: ignore[override]
        return self.cell.liquid

    def remember(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """(h~, c') of one sample and the state [h, c]."""
        h, c = h.chunk(2, dim=1)
        i, ig, fg, og = (self.input_map(x) + self.recurrent_map(h)).chunk(4, dim=1)
        c = c * torch.sigmoid(fg + 1) + torch.tanh(i) * torch.sigmoid(ig)
        return torch.tanh(c) * torch.sigmoid(og), c

    def gates(self, x: Tensor, dt: Tensor, h: Tensor) -> dict[str, Tensor]:
        """The LSTM's, and those of the cell behind it."""
        remembered, _ = self.remember(x, h)
        h = h.chunk(2, dim=1)[0]
        _, ig, fg, og = (self.input_map(x) + self.recurrent_map(h)).chunk(4, dim=1)
        own = {"input": torch.sigmoid(ig), "forget": torch.sigmoid(fg + 1), "output": torch.sigmoid(og)}
        return own | self.cell.gates(x, dt, remembered)

    def saturation(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor | None:
        return self.cell.saturation(x, dt, self.remember(x, h)[0])

    def step(self, x: Tensor, dt: Tensor, h: Tensor) -> Tensor:
        h, c = self.remember(x, h)
        return torch.cat([self.cell.take(x, dt, h)[1], c], dim=1)

    def output(self, h: Tensor) -> Tensor:
        return self.cell.output(h[:, : self.cell.state_size])

    def time_constants(self) -> Tensor | None:
        return self.cell.time_constants()
