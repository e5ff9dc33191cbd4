"""Sensors side by side, each with an encoder of its own: a camera's pixels, the beams of a LiDAR, a speed.

    u = [e_1(x_1), e_2(x_2), ...]        x = [x_1, x_2, ...], each of so many numbers

    {"name": "sensors", "each": [{"inputs": 3072, "name": "images", "shape": [1, 48, 64]}, {"inputs": 64, "name": "dense"}, {"inputs": 1}]}

One without a name is handed on as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...ops.graph import Graph
from .part import NetworkError, Part, build, check_count, get


class Sensors(Part):
    """`each`: what every sensor's encoder is, in the order of the inputs, with the number of its `inputs`."""

    name: ClassVar[str] = "sensors"
    place: ClassVar[str] = "encoder"

    def __init__(self, inputs: int, each: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.widths = [check_count("inputs", one.get("inputs")) for one in each]
        if sum(self.widths) != inputs:
            raise NetworkError(
                f"the sensors have {' + '.join(map(str, self.widths)) or 0} = {sum(self.widths)} inputs, but there are {inputs}"
            )
        self.encoders = nn.ModuleList(nn.Identity() if "name" not in one else _encoder(one) for one in each)
        self.inputs = inputs
        self.outputs = sum(getattr(e, "outputs", n) for e, n in zip(self.encoders, self.widths, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        parts = x.split(self.widths, dim=-1)
        return torch.cat([encoder(one) for encoder, one in zip(self.encoders, parts, strict=True)], dim=-1)

    def lower(self, graph: Graph, source: int) -> int:
        made, first = [], 0
        encoder: Any
        for encoder, width in zip(self.encoders, self.widths, strict=True):
            one = graph.add("slice", source, width, first=first)
            made.append(one if isinstance(encoder, nn.Identity) else encoder.lower(graph, one))
            first += width
        return graph.add("slice", made, self.outputs, first=0)


def _encoder(given: Mapping[str, Any]) -> Any:
    """One sensor's encoder, which reads scaled numbers as the others do."""
    if get("encoder", str(given["name"])).takes_raw:
        raise NetworkError(f"{given['name']!r} reads unscaled numbers, so it can't stand beside other sensors")
    return build("encoder", {key: value for key, value in given.items() if key != "inputs"}, inputs=given["inputs"])
