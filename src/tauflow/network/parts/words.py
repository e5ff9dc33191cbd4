"""Words: a small convolution over a text, in front of the core. A sample is a token and its neighbours, each a whole number.

    u_t = relu(W [e(k_1), ..., e(k_w)] + b)         k = x_t (w), the tokens from w // 2 before t on; e: a learned row of a table each

A token stands in the table once, however often it is seen, and only rows that came are changed. What lies outside the text is token 0,
whose row stays zero. With neighbours from the past alone the same part reads a stream. Source: Kim 2014, section 2 (CNN-rand).
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from ... import validate
from ...errors import NonFiniteError
from ...ops.graph import Graph
from .encoders import dense, rows
from .part import NetworkError, Part, check_count


class Words(Part):
    """`inputs` tokens side by side become `filters` numbers; `units` numbers a row of the table; dropout on the rows.

    >>> words = tauflow.network.Words(3, vocabulary=1000, units=8, filters=16)
    >>> words(torch.tensor([[[0, 5, 9], [5, 9, 0]]])).shape  # two words, each with its neighbours; 0 lies outside the text
    torch.Size([1, 2, 16])
    """

    name: ClassVar[str] = "words"
    place: ClassVar[str] = "encoder"
    takes_raw: ClassVar[bool] = True  # a token's number has no scale

    def __init__(self, inputs: int, vocabulary: int, units: int = 64, filters: int = 64, dropout: float = 0.4) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise NetworkError(f"dropout is {dropout!r}, expected a share in [0, 1)")
        self.inputs, self.outputs = check_count("inputs", inputs), check_count("filters", filters)
        self.table = rows(vocabulary, units)
        self.dropout, self.convolution = nn.Dropout(dropout), nn.Linear(inputs * units, filters)
        with torch.no_grad():
            if not self.table.weight.is_meta:
                self.table.weight.mul_(0.3)
                self.table.weight[0] = 0

    def embed(self, x: Tensor) -> Tensor:
        """x (..., inputs) whole numbers -> (..., inputs * units), zero outside the text."""
        number = x.long()
        outside = (number < 0) | (number >= self.table.num_embeddings) | (number != x)
        if validate.is_true(outside.any()):
            raise NonFiniteError(
                f"x holds {x[outside][0].item():g}, expected whole numbers of tokens from 0 to {self.table.num_embeddings - 1}"
            )
        e: Tensor = self.table(number) * (number > 0)[..., None]
        return e.flatten(-2)

    def convolve(self, e: Tensor) -> Tensor:
        """(..., inputs * units) -> (..., filters)."""
        return torch.relu(self.convolution(self.dropout(e)))

    def forward(self, x: Tensor) -> Tensor:
        return self.convolve(self.embed(x))

    def lower(self, graph: Graph, source: int) -> int:
        table = self.table.weight.detach().clone()
        table[0] = 0
        rows = []
        for k in range(self.inputs):
            token = graph.add("slice", source, 1, first=k)
            rows.append(graph.add("lookup", token, table.shape[1], (table,)))
        return dense(graph, rows, self.convolution, "relu")
