"""A policy's streams, one a copy of a world: by the kernels where they can, else through torch with the same answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import BackendError
from ..network import Network

Array = NDArray[Any]


class BySteps:
    """As `Network.stream(rows=n)`, through torch, for what the kernels do not cover, such as a window_mlp."""

    def __init__(self, net: Network, rows: int) -> None:
        self.net, self.memory, self.state_size = net, net.initial_state(rows), net.state_size

    @torch.no_grad()
    def __call__(self, x: Array, dt: Array, mask: Array | None = None) -> Array:
        """Answers (rows, outputs) of x (rows, inputs), NaN where mask (rows,) is False."""
        gap = np.broadcast_to(np.asarray(dt, np.float32), len(x))
        real = np.ones(len(x), dtype=bool) if mask is None else mask
        given = (torch.from_numpy(np.array(values))[:, None] for values in (x, gap, real))
        y, self.memory = self.net(*given, self.memory)
        answer: Array = y[:, 0].numpy()
        return np.where(real[:, None], answer, np.nan)

    @property
    def state(self) -> Array:
        """A copy of the states, (rows, state)."""
        return self.memory.numpy().copy()

    @state.setter
    def state(self, state: Array) -> None:
        self.memory = torch.from_numpy(np.array(state))

    def reset(self, rows: Array) -> None:
        chosen = torch.from_numpy(rows)
        self.memory = torch.where(chosen[:, None], self.net.initial_state(len(rows)), self.memory)

    def refresh(self, net: Network) -> None:
        """The weights of `net` as they are now; the states stay."""
        self.net = net


def side_by_side(net: Network, rows: int) -> Any:
    """So many streams of a policy."""
    try:
        return net.eval().stream(rows=rows)
    except BackendError:
        return BySteps(net.eval(), rows)
