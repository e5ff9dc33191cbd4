"""Waves: dt told as sines and cosines, as positions are told to a Transformer, so that a network can read it exactly.

    u = [x, dt, cos(2 pi dt / p), sin(2 pi dt / p)  for p in periods]          dt in periods of the network

With `columns`, these columns of x are told as waves too (an angle, the hour of the day in days, a position).
Sources: Vaswani et al. 2017, section 3.5; Rahaman et al. 2019, On the spectral bias of neural networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ...ops.graph import Graph
from .part import NetworkError, Part, check_count


class Waves(Part):
    """n features become n + 1 + 2 len(periods) (1 + len(columns)).

    >>> waves = tauflow.network.Waves(1, periods=(6.0, 12.0))
    >>> u = waves(torch.zeros(1, 1, 1), torch.tensor([[1.0]]))
    >>> [round(value, 3) for value in u.flatten().tolist()]  # x, dt, the cosines of 60 and 30 degrees, their sines
    [0.0, 1.0, 0.5, 0.866, 0.866, 0.5]
    """

    name: ClassVar[str] = "waves"
    place: ClassVar[str] = "waves"

    periods: Tensor

    def __init__(
        self, inputs: int, periods: Sequence[float] = (2.0, 4.0, 8.0, 16.0, 32.0), columns: Sequence[int] = ()
    ) -> None:
        super().__init__()
        if not periods or not all(0 < period < math.inf for period in periods):
            raise NetworkError(f"periods is {periods!r}, expected positive numbers, like (2.0, 4.0, 8.0)")
        if not all(0 <= column < inputs for column in columns):
            raise NetworkError(f"columns is {columns!r}, expected numbers of columns from 0 to {inputs - 1}")
        self.inputs, self.columns = check_count("inputs", inputs), tuple(columns)
        self.outputs = inputs + 1 + 2 * len(periods) * (1 + len(self.columns))
        self.register_buffer("periods", torch.tensor([float(period) for period in periods]), persistent=False)

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """x (batch, time, n), dt (batch, time) -> (batch, time, outputs)."""
        waving = torch.cat([dt[..., None], x[..., list(self.columns)]], dim=-1)  # (batch, time, 1 + columns)
        turns = (2 * math.pi) * (waving[..., None] / self.periods).flatten(-2)
        return torch.cat([x, dt[..., None], turns.cos(), turns.sin()], dim=-1)

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("waves", source, self.outputs, (self.periods,), columns=self.columns)
