"""Gap: dt as one more input, in units of its own spread, as every column that a Scale has seen.

    u = [x, (dt - mean) / width]          dt in periods of the network; mean and width learned from the training data

For cores that know no time, and for readouts that see the input. Where a gap must be read exactly (its parity, its phase), take
`Waves`.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...ops.graph import Graph
from .part import Part, check_count
from .scale import Scale


class Gap(Part):
    """n features become n + 1.

    >>> tauflow.network.Gap(2)(torch.zeros(1, 3, 2), torch.tensor([[1.0, 1.0, 7.0]])).tolist()  # dt is the third column
    [[[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 7.0]]]
    >>> network = tauflow.Network(2, 1, "lstm", waves="gap")  # an LSTM that is told dt
    """

    name: ClassVar[str] = "gap"
    place: ClassVar[str] = "waves"

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs, self.outputs = check_count("inputs", inputs), inputs + 1
        self.scale = Scale(1)

    def measure(self, dt: Tensor) -> None:
        """Learn from gaps (samples) in periods; a gap that never changes has width 1."""
        self.scale.measure(dt[:, None])

    def forward(self, x: Tensor, dt: Tensor) -> Tensor:
        """x (batch, time, n), dt (batch, time) -> (batch, time, n + 1)."""
        return torch.cat([x, self.scale(dt[..., None])], dim=-1)

    def lower(self, graph: Graph, source: int) -> int:
        mean, width = self.scale.mean, self.scale.width
        both = graph.add("waves", source, self.outputs, (mean.new_zeros(0),), columns=())
        weights = (torch.cat([mean.new_zeros(self.inputs), mean]), torch.cat([width.new_ones(self.inputs), 1 / width]))
        return graph.add("standardize", both, self.outputs, weights)
