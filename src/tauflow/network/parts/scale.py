"""Scale: every column in units of its own spread, learned from the training data.

    u = (x - mean) / width          and back, for answers:  y = mean + width u

    mean, width (n): mean and standard deviation of what is known in the column; a constant column has width 1

Masked steps and NaN do not count. Source: LeCun et al. 1998, Efficient BackProp, section 4.3.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ...ops.graph import Graph
from .part import Part, check_count


class Scale(Part):
    """`measure(x)` learns mean and width of the columns of x; before that they are 0 and 1.

    >>> scale = tauflow.network.Scale(2)
    >>> scale.measure(torch.tensor([[0.0, 10.0], [2.0, 14.0], [4.0, 18.0]]))  # samples of the training data
    >>> scale(torch.tensor([[2.0, 14.0], [4.0, 10.0]])).tolist()
    [[0.0, 0.0], [1.0, -1.0]]
    """

    name: ClassVar[str] = "scale"
    place: ClassVar[str] = "scale"

    mean: Tensor
    width: Tensor

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs = self.outputs = check_count("inputs", inputs)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("width", torch.ones(inputs))

    @torch.no_grad()
    def measure(self, x: Tensor) -> None:
        """Learn from x (samples, n); what is NaN does not count, a column without numbers keeps its scale."""
        known = ~torch.isnan(x)
        count = known.sum(dim=0)
        values = torch.where(known, x, 0).double()
        mean = values.sum(dim=0) / count.clamp(min=1)
        spread = torch.where(known, (x.double() - mean).square(), 0).sum(dim=0) / (count - 1).clamp(min=1)
        width = spread.sqrt()
        constant = ~(width > 1e-6 * mean.abs().clamp(min=1e-30))  # spread that is rounding is none
        self.mean.copy_(torch.where(count > 0, mean, self.mean.double()))
        self.width.copy_(torch.where((count > 1) & ~constant, width, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * (1 / self.width)

    def back(self, u: Tensor) -> Tensor:
        """The inverse: answers in the units of the data."""
        return u * self.width + self.mean

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("standardize", source, self.outputs, (self.mean, 1 / self.width))
