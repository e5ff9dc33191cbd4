"""Sequences of unequal length as one rectangle and its mask.

pad([x1 (T1, n), x2 (T2, n)]) -> x (2, max T, n), mask (2, max T), True = real
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..errors import ShapeError


def pad(sequences: Sequence[Any], fill: float = 0.0) -> tuple[Tensor, Tensor]:
    """The sequences, each (time, ...), padded at their ends with `fill`, and which samples are real.

    ShapeError where there is none, or where they differ behind their time.

    >>> x, mask = tauflow.pad([torch.ones(3, 2), torch.ones(5, 2)])
    >>> x.shape, mask.sum(dim=1).tolist()
    (torch.Size([2, 5, 2]), [3, 5])
    >>> y, state = tauflow.Recurrent(tauflow.CTRNN(2, 8))(x, mask=mask)
    """
    tensors = [torch.as_tensor(sequence) for sequence in sequences]
    if not tensors:
        raise ShapeError("there is no sequence to pad")
    shapes = {tuple(tensor.shape[1:]) for tensor in tensors}
    if len(shapes) > 1 or tensors[0].ndim == 0:
        raise ShapeError(f"the sequences have shapes {sorted(shapes)} behind their time, expected the same")
    lengths = torch.tensor([len(tensor) for tensor in tensors])
    longest = int(lengths.max())
    dtype = torch.result_type(tensors[0], tensors[-1]) if len(tensors) > 1 else tensors[0].dtype
    padded = torch.full((len(tensors), longest, *tensors[0].shape[1:]), fill, dtype=dtype)
    for row, tensor in enumerate(tensors):
        padded[row, : len(tensor)] = tensor
    return padded, torch.arange(longest)[None] < lengths[:, None]
