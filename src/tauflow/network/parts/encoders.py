"""Encoders: what a static network makes of one sample before the liquid core reads it.

    dense          u = sigma(W x + b), one layer or more
    convolution    x read as `channels` short series side by side: a beat, a spectrum, a window of samples
    images         x read as a small picture (channels, height, width), flattened
    tokens         x (batch, time, 1) a whole number: one learned row of a table each; only rows that came are changed

An encoder sees one sample at a time and remembers nothing, so it works at every dt and in a stream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ... import validate
from ...activations import activation as find_activation
from ...errors import NonFiniteError
from ...ops.graph import Graph
from .part import NetworkError, Part, check_count


class Dense(Part):
    """One layer of `units`, or several: units=[64, 32].

    >>> tauflow.network.Dense(24, units=[64, 32])(torch.randn(2, 10, 24)).shape
    torch.Size([2, 10, 32])
    >>> network = tauflow.Network(24, 1, encoder={"name": "dense", "units": [64, 32]})
    """

    name: ClassVar[str] = "dense"
    place: ClassVar[str] = "encoder"

    def __init__(self, inputs: int, units: int | Sequence[int] = 32, activation: str = "silu") -> None:
        super().__init__()
        widths = [check_count("units", width) for width in (units if isinstance(units, Sequence) else [units])]
        self.sigma = find_activation(activation)
        self.inputs, self.outputs = check_count("inputs", inputs), widths[-1]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip([inputs, *widths], widths, strict=False))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.sigma(layer(x))
        return x

    def lower(self, graph: Graph, source: int) -> int:
        for layer in self.layers:
            source = dense(graph, source, layer, self.sigma.name)
        return source


class Images(Part):
    """Convolutions of stride 2 over a picture, each halving it, then all that is left side by side: (channels, height, width).

    >>> images = tauflow.network.Images(3 * 16 * 16, shape=(3, 16, 16), units=32)
    >>> images(torch.randn(2, 5, 3 * 16 * 16)).shape  # five pictures in each of two rows
    torch.Size([2, 5, 32])
    >>> images.sizes()  # (height, width) before each convolution, and behind the last
    [(16, 16), (8, 8), (4, 4), (2, 2)]
    """

    name: ClassVar[str] = "images"
    place: ClassVar[str] = "encoder"

    def __init__(
        self,
        inputs: int,
        shape: Sequence[int],
        filters: Sequence[int] = (8, 16, 16),
        kernel: int = 3,
        stride: int = 2,
        units: int = 32,
        activation: str = "relu",
    ) -> None:
        super().__init__()
        if len(shape) != 3 or shape[0] * shape[1] * shape[2] != inputs:
            raise NetworkError(
                f"shape is {tuple(shape)!r}, expected (channels, height, width) with {inputs} numbers in all"
            )
        self.shape, self.sigma = tuple(shape), find_activation(activation)
        height, width = shape[1:]
        kernel, stride = check_count("kernel", kernel), check_count("stride", stride)
        filters = [check_count("filters", many) for many in filters]
        if not filters:
            raise NetworkError("filters is empty, expected how many each convolution has, say [8, 16]")
        self.kernel = (min(kernel, height), min(kernel, width))
        self.stride = (stride if height > 1 else 1, stride if width > 1 else 1)
        padding = (self.kernel[0] // 2, self.kernel[1] // 2)
        channels = [shape[0], *filters]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, self.kernel, self.stride, padding) for a, b in zip(channels, filters, strict=False)
        )
        for convolution in self.convolutions:
            convolution.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU
        left = self.sizes()[-1]
        self.last = nn.Linear(channels[-1] * left[0] * left[1], check_count("units", units))
        self.inputs, self.outputs = inputs, units

    def sizes(self) -> list[tuple[int, int]]:
        """(height, width) before each convolution, and after the last."""
        found = [(self.shape[1], self.shape[2])]
        for _ in self.convolutions:
            high, wide = (
                (n + 2 * (k // 2) - k) // s + 1 for n, k, s in zip(found[-1], self.kernel, self.stride, strict=True)
            )
            found.append((high, wide))
        return found

    def pixels(self, z: Tensor) -> Tensor:
        for convolution in self.convolutions:
            z = self.sigma(convolution(z))
        return z

    def forward(self, x: Tensor) -> Tensor:
        z = self.pixels(x.reshape(-1, *self.shape)).flatten(1)
        y: Tensor = self.sigma(self.last(z)).reshape(*x.shape[:-1], self.outputs)
        return y

    def lower(self, graph: Graph, source: int) -> int:
        channels, sizes = self.shape[0], self.sizes()
        convolution: Any
        for convolution, size, made in zip(self.convolutions, sizes, sizes[1:], strict=False):
            outputs = convolution.out_channels * made[0] * made[1]
            source = graph.add(
                "convolve", source, outputs, (convolution.weight, convolution.bias), shape=(channels, *size),
                stride=convolution.stride, padding=convolution.padding, sigma=self.sigma.name,
            )  # fmt: skip
            channels = convolution.out_channels
        return dense(graph, source, self.last, self.sigma.name)


class Convolution(Images):
    """The same over `channels` short series: x is (channels, length), flattened.

    >>> encoder = tauflow.network.Convolution(2 * 50, channels=2, units=16)  # two channels of 50 samples each
    >>> encoder(torch.randn(4, 10, 100)).shape
    torch.Size([4, 10, 16])
    """

    name: ClassVar[str] = "convolution"
    place: ClassVar[str] = "encoder"

    def __init__(
        self,
        inputs: int,
        channels: int = 1,
        filters: Sequence[int] = (8, 16),
        kernel: int = 5,
        stride: int = 2,
        units: int = 32,
        activation: str = "relu",
    ) -> None:
        if inputs % check_count("channels", channels):
            raise NetworkError(f"channels is {channels}, expected a divisor of the {inputs} inputs")
        super().__init__(inputs, (channels, 1, inputs // channels), filters, kernel, stride, units, activation)


class Tokens(Part):
    """`vocabulary` rows of `units` numbers; the gradient is sparse, so a step costs what its tokens cost.

    >>> tokens = tauflow.network.Tokens(1, vocabulary=1000, units=16)
    >>> tokens(torch.tensor([[[7.0], [7.0], [999.0]]])).shape
    torch.Size([1, 3, 16])
    >>> tokens(torch.tensor([[[1000.0]]]))
    Traceback (most recent call last):
        ...
    tauflow.errors.NonFiniteError: x holds 1000, expected whole numbers of tokens from 0 to 999
    """

    name: ClassVar[str] = "tokens"
    place: ClassVar[str] = "encoder"
    takes_raw: ClassVar[bool] = True  # a token's number has no scale

    def __init__(self, inputs: int, vocabulary: int, units: int = 32) -> None:
        super().__init__()
        if inputs != 1:
            raise NetworkError(f"tokens takes 1 input, the number of the token, but there are {inputs}")
        self.inputs, self.outputs = 1, check_count("units", units)
        self.table = rows(vocabulary, units)

    def forward(self, x: Tensor) -> Tensor:
        number = x[..., 0].long()
        outside = (number < 0) | (number >= self.table.num_embeddings) | (number != x[..., 0])
        if validate.is_true(outside.any()):
            raise NonFiniteError(
                f"x holds {x[..., 0][outside][0].item():g}, expected whole numbers of tokens from 0 to "
                f"{self.table.num_embeddings - 1}"
            )
        y: Tensor = self.table(number)
        return y

    def lower(self, graph: Graph, source: int) -> int:
        return graph.add("lookup", source, self.outputs, (self.table.weight,))


def rows(vocabulary: int, units: int) -> nn.Embedding:
    """A learned row of `units` numbers, normal(0, 1), for each of `vocabulary` tokens, with gradients for the rows that came."""
    empty = torch.empty(check_count("vocabulary", vocabulary), check_count("units", units))
    table: nn.Embedding = nn.Embedding.from_pretrained(empty, freeze=False, sparse=True)
    if not table.weight.is_meta:  # see cells.base.drawn
        table.reset_parameters()
    return table


def dense(graph: Graph, sources: int | Sequence[int], layer: Any, sigma: str = "identity") -> int:
    """sigma(W z + b) as a step."""
    bias = layer.bias if layer.bias is not None else layer.weight.new_zeros(layer.out_features)
    return graph.add("dense", sources, layer.out_features, (layer.weight, bias), sigma=sigma)
