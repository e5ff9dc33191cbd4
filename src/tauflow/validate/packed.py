"""Packed sequences, torch's way to hold rows of different lengths: taken as padded rows and a mask, and given back packed.

The state is one row for each sequence, in the order in which they were packed, as nn.LSTM has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ..errors import ShapeError


def run(
    read: Callable[[Tensor, Any, Tensor, Any], tuple[Tensor, Tensor]], x: PackedSequence, dt: Any, mask: Any, state: Any
) -> tuple[Any, Tensor]:
    """`read(x, dt, mask, state)` of the padded rows: its outputs packed as `x` is, and the state."""
    rows, dt, real = unpack(x, dt, mask)
    y, state = read(rows, dt, real, state)
    return pack_like(x, y), state


def unpack(x: PackedSequence, dt: Any, mask: Any = None) -> tuple[Tensor, Any, Tensor]:
    """x (batch, time, inputs), dt (batch, time) if it came packed too, and the mask (batch, time)."""
    if mask is not None:
        raise ShapeError("mask came beside a PackedSequence, which says by itself which samples are real: leave it out")
    rows, lengths = pad_packed_sequence(x, batch_first=True)
    if isinstance(dt, PackedSequence):
        gaps, its_lengths = pad_packed_sequence(dt, batch_first=True)
        if not torch.equal(lengths, its_lengths):
            came, expected = its_lengths.tolist(), lengths.tolist()
            raise ShapeError(f"dt was packed from rows of {came} samples, but x from rows of {expected}")
        dt = gaps
    real = torch.arange(rows.shape[1]) < lengths[:, None]
    return rows, dt, real.to(rows.device)


def pack_like(x: PackedSequence, y: Tensor) -> PackedSequence:
    """y (batch, time, outputs) packed in the order of x."""
    lengths = pad_packed_sequence(x)[1]
    if x.sorted_indices is not None:
        y, lengths = y.index_select(0, x.sorted_indices), lengths[x.sorted_indices.cpu()]
    data = pack_padded_sequence(y, lengths, batch_first=True).data
    return PackedSequence(data, x.batch_sizes, x.sorted_indices, x.unsorted_indices)
