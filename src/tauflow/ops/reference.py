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
    for t, (sample, gap) in enumerate(zip(x.unbind(1), dt.unbind(1), strict=True)):
        y, new = cell.take(sample, gap, h)
        if keep is None:
            h = new
        else:
            h = torch.where(keep[:, t, None], new, h)
            y = torch.where(keep[:, t, None], y, cell.output(h))
        ys.append(y)
    if not ys:
        return x.new_empty(x.shape[0], 0, cell.outputs), h
    return torch.stack(ys, dim=1), h
