"""torch's own kernels for RNN, LSTM and GRU over a whole sequence, so that the comparison with them is at their full speed.

They know no mask, so with one the samples that move a row's state are put side by side, run as rows of unequal length, and their
outputs put back; in between an output stays as it was.

    x    a . b c .      ->      a b c      ->      y    1 1 2 3 3
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..cells import Cell
from ..cells.rnn import GRU, LSTM, RNN, StaticCell, with_gap
from ..errors import BackendError
from . import door

FAR = 1e4  # where a sigmoid is 1 or 0 to the last bit


NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def why_not(cell: Cell, keep: Tensor | None) -> str | None:
    """Why torch's kernels can't run this, or None."""
    if not isinstance(cell, (RNN, LSTM, GRU)) or type(cell).home not in (RNN, LSTM, GRU):
        return f"torch has a fused kernel for RNN, LSTM and GRU, not for {type(cell).__name__}"
    return door.changed(cell) or unfit(cell)


def unfit(cell: StaticCell) -> str | None:
    """Which weight has not the shape, number type or place that a kernel takes it for, or None."""
    rows = cell.rows * cell.units
    shapes = ((rows, cell.inputs + 1), (rows, cell.units), (rows,), (rows,))
    for name, weight, shape in zip(NAMES, cell.weights(), shapes, strict=True):
        if weight.shape != shape or weight.layout is not torch.strided:
            return f"{name} is {tuple(weight.shape)}, {weight.layout}, the kernel reads {shape}"
        if weight.dtype != cell.weights()[0].dtype:
            return f"{name} is {weight.dtype}, but {NAMES[0]} is {cell.weights()[0].dtype}"
    return None


def run(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h) as reference.run gives, within rounding."""
    if not isinstance(cell, (RNN, LSTM, GRU)):
        raise BackendError(f"torch has no fused kernel for {type(cell).__name__}")
    if x.shape[0] == 0 or x.shape[1] == 0:
        return x.new_empty(x.shape[0], x.shape[1], cell.outputs), h
    x = with_gap(x, dt)
    if keep is None:
        return _rows(cell, x, list(cell.weights()), h)
    at, total = keep.long().cumsum(dim=1), keep.sum(dim=1, keepdim=True)
    place = torch.where(
        keep, at - 1, total - 1 + (~keep).long().cumsum(dim=1)
    )  # the samples that count first, in their order
    u = torch.zeros_like(x).scatter(1, place[:, :, None].expand_as(x), x * keep[:, :, None])
    counts = torch.arange(x.shape[1], device=x.device) < total
    y, last = _padded(cell, u, counts, h)
    shown = torch.cat([cell.output(h)[:, None], y], dim=1)  # before the first sample: what the start shows
    return shown.gather(1, at[:, :, None].expand(-1, -1, y.shape[2])), last


def _padded(cell: RNN | LSTM | GRU, x: Tensor, counts: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h) of rows that are padded at their end; y means nothing there.

    An LSTM's c is not among its outputs, so it is carried to the end: one more input, 1 where a row is padded, opens the forget
    gate and shuts the input gate, so that c' = 1 c + 0.
    """
    weights, units = list(cell.weights()), cell.units
    if isinstance(cell, LSTM):
        shut = x.new_zeros(4 * units, 1)
        shut[:units], shut[units : 2 * units] = -FAR, FAR
        weights[0] = torch.cat([weights[0], shut], dim=1)
        x = torch.cat([x, (~counts)[:, :, None].to(x)], dim=2)
    y, end = _rows(cell, x, weights, h)
    shown = torch.cat([cell.output(h)[:, None], y], dim=1)
    at = counts.sum(dim=1)[:, None, None].expand(-1, 1, y.shape[2])
    return y, torch.cat([shown.gather(1, at)[:, 0], end[:, units:]], dim=1)


def _rows(cell: RNN | LSTM | GRU, x: Tensor, weights: list[Tensor], h: Tensor) -> tuple[Tensor, Tensor]:
    """torch's kernel over x (batch, time, inputs + 1)."""
    options = (True, 1, 0.0, cell.training, False, True)  # biases, layers, dropout, train, bidirectional, batch first
    if isinstance(cell, LSTM):
        y, hn, cn = torch.lstm(x, [part[None].contiguous() for part in h.chunk(2, dim=1)], weights, *options)
        return y, torch.cat([hn[0], cn[0]], dim=1)
    function = torch.gru if isinstance(cell, GRU) else torch.rnn_tanh
    y, hn = function(x, h[None].contiguous(), weights, *options)
    return y, hn[0]
