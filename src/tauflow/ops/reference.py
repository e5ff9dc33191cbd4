"""The truth: a cell over time, one sample after the other, in plain torch. Slow and obvious; every kernel is held to it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..cells import Cell


def run(cell: Cell, x: Tensor, dt: Tensor, keep: Tensor | None, h: Tensor) -> tuple[Tensor, Tensor]:
    """(y, h): outputs (batch, time, outputs) and the last state (batch, state).

    x (batch, time, inputs), dt (batch, time), h (batch, state). Where `keep` (batch, time) is False the state stays as it was.
    """
    ys = []
    for t in range(x.shape[1]):
        new = cell.step(x[:, t], dt[:, t], h)
        h = new if keep is None else torch.where(keep[:, t, None], new, h)
        ys.append(cell.output(h))
    if not ys:
        return x.new_empty(x.shape[0], 0, cell.outputs), h
    return torch.stack(ys, dim=1), h
