"""torch's own kernels for RNN, LSTM and GRU over a whole sequence, so that the comparison with them is at their full speed."""

from __future__ import annotations

import torch
from torch import Tensor

from ..cells import Cell
from ..cells.rnn import GRU, LSTM, RNN, with_gap
from ..errors import BackendError
from . import door

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def why_not(cell: Cell, keep: Tensor | None) -> str | None:
    """Why torch's kernels can't run this, or None."""
    if not isinstance(cell, (RNN, LSTM, GRU)) or type(cell).home not in (RNN, LSTM, GRU):
        return f"torch has a fused kernel for RNN, LSTM and GRU, not for {type(cell).__name__}"
    if keep is not None:
        return "torch's fused kernels have no mask and no zero gaps"
    if reason := door.changed(cell):
        return reason
    rows = cell.gates * cell.units
    shapes = ((rows, cell.inputs + 1), (rows, cell.units), (rows,), (rows,))
    for name, weight, shape in zip(NAMES, cell.weights(), shapes, strict=True):
        if weight.shape != shape or weight.layout is not torch.strided:
            return f"{name} is {tuple(weight.shape)}, {weight.layout}, torch's fused kernel reads {shape}"
    return None


def run(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h) as reference.run gives, within rounding."""
    if not isinstance(cell, (RNN, LSTM, GRU)):
        raise BackendError(f"torch has no fused kernel for {type(cell).__name__}")
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_empty(x.shape[0], x.shape[1], cell.outputs), h
    x, weights = with_gap(x, dt), list(cell.weights())
    options = (True, 1, 0.0, cell.training, False, True)  # biases, layers, dropout, train, bidirectional, batch first
    if isinstance(cell, LSTM):
        y, hn, cn = torch.lstm(x, [part[None].contiguous() for part in h.chunk(2, dim=1)], weights, *options)
        return y, torch.cat([hn[0], cn[0]], dim=1)
    function = torch.gru if isinstance(cell, GRU) else torch.rnn_tanh
    y, hn = function(x, h[None].contiguous(), weights, *options)
    return y, hn[0]
