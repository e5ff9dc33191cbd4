"""What two libraries of learning by reward need of a cell: a sequence in which episodes begin, from the states that stood before it.

    y, state = over(core, x, dt, first, state)        x (batch, time, inputs), dt and first (batch, time), state (batch, state)

Where `first` is True the state is reset, so that no episode sees the one before; one call over a sequence gives what steps give.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .. import cells
from ..network.episodes import by_episode
from ..sequence import Recurrent


def core_of(cell: str | Mapping[str, Any], inputs: int, units: int) -> Recurrent:
    """A cell by its name, {"name": "cfc", "tau": (1, 20)} with options."""
    options = {"name": cell} if isinstance(cell, str) else dict(cell)
    return Recurrent(cells.build(options.pop("name"), inputs, units, **options))


def over(core: Recurrent, x: Tensor, dt: Tensor, first: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """The outputs (batch, time, outputs), and the state behind them; dt in periods."""

    def run(x: Tensor, dt: Tensor, mask: Tensor | None, state: Tensor, static: Tensor | None) -> tuple[Tensor, Tensor]:
        y, after = core(x, dt, mask, state)
        return y, after

    begun = torch.where(first[:, :1], core.initial_state(len(x)).to(state), state)
    later = first.clone()
    later[:, 0] = False  # done already, and the rest of a row may go on without being cut
    return by_episode(run, core.initial_state, x, dt, None, begun, None, later, False)
