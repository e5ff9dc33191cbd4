"""Episodes inside a sequence: `first` (batch, time) marks the samples at which a row starts anew.

    rows       a a a | b b c c c        first at b and at c
    pieces     a a a . .                every episode a row of its own, padded and masked
               b b . . .
               c c c . .

Each piece starts from the initial state (a row's first piece from the state given), so no number and no gradient passes from one
episode to the next, on every backend. The answers go back to where their samples stood.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import validate
from ..errors import DtypeError, ShapeError, TauflowError

Run = Callable[[Tensor, Tensor, Tensor | None, Tensor, Tensor | None], tuple[Tensor, Tensor]]


def check_first(first: Any, x: Tensor) -> Tensor:
    """`first` as bool (batch, time), or a sentence."""
    (batch, time, _), begins = x.shape, validate.as_tensor(first, "first", torch.float32, x.device)
    if begins.dtype != torch.bool:
        raise DtypeError(f"first is {begins.dtype}, expected torch.bool with True where an episode begins")
    if tuple(begins.shape) != (batch, time):
        raise ShapeError(f"first has shape {tuple(begins.shape)}, expected (batch, time) = ({batch}, {time})")
    return begins


def by_episode(
    run: Run,
    initial: Callable[[int], Tensor],
    x: Tensor,
    dt: Tensor,
    mask: Tensor | None,
    state: Tensor,
    static: Tensor | None,
    first: Tensor,
    pooled: bool,
) -> tuple[Tensor, Tensor]:
    """What `run(x, dt, mask, state, static)` gives with the state reset where `first` is True.

    Answers of a pooled network, (batch, outputs), are those of each row's last episode.
    """
    if torch.compiler.is_compiling():
        raise TauflowError(
            "first= cuts rows where the data say so, which no compiled or exported program can: cut them before"
        )
    batch, time = first.shape
    episode = first.long().cumsum(dim=1)  # (batch, time) from 0 on, counted in each row
    if time == 0 or int(episode[:, -1].max()) == 0:
        return run(x, dt, mask, state, static)
    begins = first.clone()
    begins[:, 0] = True
    piece = begins.flatten().long().cumsum(0).reshape(batch, time) - 1  # (batch, time) which piece a sample is in
    row, start = begins.nonzero(as_tuple=True)  # of each piece
    step = torch.arange(time, device=x.device)[None] - start[piece]  # where it stands in its piece
    longest, pieces = int(step.max()) + 1, len(row)
    fresh = first[row, start]
    at = (piece, step)

    def cut(values: Tensor) -> Tensor:
        return values.new_zeros(pieces, longest, *values.shape[2:]).index_put(at, values)

    real = torch.ones_like(first) if mask is None else mask
    states = torch.where(fresh[:, None], initial(pieces), state[row])
    y, ends = run(cut(x), cut(dt), cut(real), states, None if static is None else static[row])
    last = piece[:, -1]
    return (y[last] if pooled else y[at]), ends[last]
