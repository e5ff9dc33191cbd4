"""Readouts: from the state to the numbers that a head makes answers of.

    h the core's output (or what a pool made of it)    u the encoded input    s features given once (static, summaries)

    linear   y = W [h, s] + b
    deep     y = W2 sigma(W1 [h, s] + b1) + b2          one hidden layer of `units`, or several
    skip     y = deep([h, u, s]) + V u                  sees the input too, with a straight line around the core
    wide     y = deep([h, s]) + V s                     the given features have a straight line of their own
    both     y = W dropout([h, u, s]) + b               one straight line from state and input, for many pooled numbers and few samples

The straight lines start at zero, so a network starts as what is around them. Sources: He et al. 2016 (skip), Cheng et al. 2016
(wide and deep).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...activations import activation as find_activation
from ...ops.graph import Graph
from .encoders import dense
from .part import NetworkError, Part, check_count


class Linear(Part):
    """The map of a statistician.

    >>> readout = tauflow.network.Linear(inputs=8, outputs=2, static=3)
    >>> h, u, s = torch.randn(4, 10, 8), torch.randn(4, 10, 5), torch.randn(4, 10, 3)
    >>> readout(h, u, s).shape
    torch.Size([4, 10, 2])
    """

    name: ClassVar[str] = "linear"
    place: ClassVar[str] = "readout"

    def __init__(self, inputs: int, outputs: int, static: int = 0) -> None:
        super().__init__()
        self.inputs, self.outputs, self.static = check_count("inputs", inputs), check_count("outputs", outputs), static
        self.map = nn.Linear(inputs + static, outputs)

    def forward(self, h: Tensor, u: Tensor, s: Tensor | None) -> Tensor:
        """h (batch, time, inputs), u (batch, time, seen), s (batch, time, static) or None -> (batch, time, outputs)."""
        y: Tensor = self.map(h if s is None else torch.cat([h, s], dim=-1))
        return y

    def lower(self, graph: Graph, h: Sequence[int], u: Sequence[int], s: Sequence[int]) -> int:
        return dense(graph, [*h, *s], self.map)


class Deep(Part):
    """Hidden layers of `units` each: 64, or [64, 64].

    >>> readout = tauflow.network.Deep(inputs=8, outputs=2, units=[64, 64])
    >>> readout(torch.randn(4, 10, 8), torch.randn(4, 10, 5), None).shape
    torch.Size([4, 10, 2])
    >>> network = tauflow.Network(3, 1, readout={"name": "deep", "units": [64, 64], "dropout": 0.1})
    """

    name: ClassVar[str] = "deep"
    place: ClassVar[str] = "readout"

    def __init__(
        self,
        inputs: int,
        outputs: int,
        static: int = 0,
        units: int | Sequence[int] = 64,
        activation: str = "silu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise NetworkError(f"dropout is {dropout!r}, expected a share in [0, 1)")
        widths = [check_count("units", width) for width in (units if isinstance(units, Sequence) else [units])]
        self.inputs, self.outputs, self.static = check_count("inputs", inputs), check_count("outputs", outputs), static
        self.sigma, self.dropout = find_activation(activation), nn.Dropout(dropout)
        widths = [self.seen(), *widths, outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def seen(self) -> int:
        """How many numbers the first layer reads."""
        return self.inputs + self.static

    def deep(self, z: Tensor) -> Tensor:
        *hidden, last = self.layers
        for layer in hidden:
            z = self.dropout(self.sigma(layer(z)))
        y: Tensor = last(z)
        return y

    def forward(self, h: Tensor, u: Tensor, s: Tensor | None) -> Tensor:
        return self.deep(h if s is None else torch.cat([h, s], dim=-1))

    def lower_deep(self, graph: Graph, sources: Sequence[int]) -> int:
        *hidden, last = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        for layer in hidden:
            sources = [dense(graph, sources, layer, self.sigma.name)]
        return dense(graph, sources, last)

    def lower(self, graph: Graph, h: Sequence[int], u: Sequence[int], s: Sequence[int]) -> int:
        return self.lower_deep(graph, [*h, *s])


class Skip(Deep):
    """The recipe of the best tables: reads state and encoded input, with a straight line around the core.

    >>> network = tauflow.Network(3, 1, readout="skip")
    >>> network.readout.of_input, network.readout.line.weight.tolist()  # sees 3 inputs; their straight line starts at zero
    (3, [[0.0, 0.0, 0.0]])
    """

    name: ClassVar[str] = "skip"
    sees_input: ClassVar[bool] = True

    def __init__(
        self,
        inputs: int,
        outputs: int,
        seen: int,
        static: int = 0,
        units: int | Sequence[int] = 128,
        activation: str = "silu",
        dropout: float = 0.0,
    ) -> None:
        self.of_input, line = seen, zero_line(seen, outputs)
        super().__init__(inputs, outputs, static, units, activation, dropout)
        self.line = line

    def seen(self) -> int:
        return self.inputs + self.of_input + self.static

    def forward(self, h: Tensor, u: Tensor, s: Tensor | None) -> Tensor:
        y: Tensor = self.deep(torch.cat([h, u] if s is None else [h, u, s], dim=-1)) + self.line(u)
        return y

    def lower(self, graph: Graph, h: Sequence[int], u: Sequence[int], s: Sequence[int]) -> int:
        return graph.add("add", [self.lower_deep(graph, [*h, *u, *s]), dense(graph, u, self.line)], self.outputs)


class Wide(Deep):
    """For features that say much by themselves: summaries of the record, static columns.

    >>> network = tauflow.Network(3, 1, static=2, readout="wide")  # two features given once a record: age, weight
    >>> answer, state = network(torch.randn(4, 10, 3), static=torch.tensor([[70.0, 60.0]] * 4))
    >>> answer.shape
    torch.Size([4, 10, 1])
    """

    name: ClassVar[str] = "wide"

    def __init__(
        self,
        inputs: int,
        outputs: int,
        static: int,
        units: int | Sequence[int] = 64,
        activation: str = "silu",
        dropout: float = 0.0,
    ) -> None:
        if static < 1:
            raise NetworkError("a wide readout reads given features, but there are none: build Network(..., static=4)")
        super().__init__(inputs, outputs, static, units, activation, dropout)
        self.line = zero_line(static, outputs)

    def forward(self, h: Tensor, u: Tensor, s: Any) -> Tensor:
        y: Tensor = self.deep(torch.cat([h, s], dim=-1)) + self.line(s)
        return y

    def lower(self, graph: Graph, h: Sequence[int], u: Sequence[int], s: Sequence[int]) -> int:
        return graph.add("add", [self.lower_deep(graph, [*h, *s]), dense(graph, s, self.line)], self.outputs)


class Both(Part):
    """One layer on all that there is.

    >>> readout = tauflow.network.Both(inputs=8, outputs=2, seen=5)
    >>> readout(torch.randn(4, 10, 8), torch.randn(4, 10, 5), None).shape, readout.map.in_features
    (torch.Size([4, 10, 2]), 13)
    """

    name: ClassVar[str] = "both"
    place: ClassVar[str] = "readout"
    sees_input: ClassVar[bool] = True

    def __init__(self, inputs: int, outputs: int, seen: int, static: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise NetworkError(f"dropout is {dropout!r}, expected a share in [0, 1)")
        self.inputs, self.of_input, self.outputs = check_count("inputs", inputs), seen, check_count("outputs", outputs)
        self.static, self.dropout = static, nn.Dropout(dropout)
        self.map = nn.Linear(inputs + seen + static, outputs)

    def forward(self, h: Tensor, u: Tensor, s: Tensor | None) -> Tensor:
        y: Tensor = self.map(self.dropout(torch.cat([h, u] if s is None else [h, u, s], dim=-1)))
        return y

    def lower(self, graph: Graph, h: Sequence[int], u: Sequence[int], s: Sequence[int]) -> int:
        return dense(graph, [*h, *u, *s], self.map)


def zero_line(inputs: int, outputs: int) -> nn.Linear:
    line = nn.Linear(inputs, outputs)
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    return line
