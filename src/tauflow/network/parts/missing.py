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
    """The encoding that a record with gaps in its columns needs; n features become 3 n.

    >>> missing = tauflow.network.Missing(1)
    >>> x = torch.tensor([[[5.0], [np.nan], [np.nan]]])  # known once, then not for two samples
    >>> u, memory = missing(x, torch.ones(1, 3), None, torch.zeros(1, 2))
    >>> [[round(value, 2) for value in row] for row in u[0].tolist()]  # last known value, known now, log(1 + time since)
    [[5.0, 1.0, 0.0], [5.0, 0.0, 0.69], [5.0, 0.0, 1.1]]
    """

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
        steps = torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]
        at = torch.where(known, steps, 0).cummax(dim=1).values  # when it was known last; 0: before this sequence
        values = torch.cat([value[:, None], torch.where(known, x, 0)], dim=1).gather(1, at)
        clock = (dt if mask is None else dt * mask).double().cumsum(dim=1)[:, :, None]  # long sums lose no short gap
        clocks = torch.cat([torch.zeros_like(clock[:, :1]), clock], dim=1).expand(-1, -1, self.inputs)
        sinces = clock - clocks.gather(1, at) + torch.where(at == 0, since[:, None], 0)
        u = torch.cat([values, known.to(x), torch.log1p(sinces.to(x))], dim=2)
        return u, (torch.cat([values[:, -1], sinces[:, -1].to(x)], dim=1) if x.shape[1] else memory)

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("carry", source, self.outputs, memory=self.memory)
