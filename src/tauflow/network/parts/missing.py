"""Missing: values that are not measured at every sample, a mask for each feature. NaN says "not measured now".

    u = [last known value, known now (1 or 0), log(1 + time since it was known)]        three numbers a feature

    x (batch, time, n)      state [last known value (n), time since (n)]      time in periods

Before a feature's first value its last known one is 0, the mean after a Scale, and time counts from the first sample.
Source: Che et al. 2018, GRU-D, section 2.3 (masking and time interval); the forward filling is theirs too.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...ops.graph import Graph
from .part import Part, check_count


class Missing(Part):
    """The encoding that a record with gaps in its columns needs; n features become 3 n."""

    name: ClassVar[str] = "missing"
    place: ClassVar[str] = "missing"

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = check_count("inputs", inputs), 3 * inputs
        self.memory = 2 * inputs

    def forward(self, x: Tensor, dt: Tensor, mask: Tensor | None, memory: Tensor) -> tuple[Tensor, Tensor]:
        """(u, memory): x (batch, time, n) with NaN where not measured, dt (batch, time), memory (batch, 2 n)."""
        known = ~torch.isnan(x) if mask is None else ~torch.isnan(x) & mask[:, :, None]
        value, since = memory.split(self.inputs, dim=1)
        values, sinces = [], []
        for t in range(x.shape[1]):
            value = torch.where(known[:, t], x[:, t], value)
            since = torch.where(known[:, t], 0, since + (dt[:, t] if mask is None else dt[:, t] * mask[:, t])[:, None])
            values.append(value)
            sinces.append(since)
        if not values:
            return x.new_zeros(len(x), 0, self.outputs), memory
        u = torch.cat([torch.stack(values, 1), known.to(x), torch.log1p(torch.stack(sinces, 1))], dim=2)
        return u, torch.cat([value, since], dim=1)

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("carry", source, self.outputs, memory=self.memory)
