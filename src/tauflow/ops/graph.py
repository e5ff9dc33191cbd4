"""A network as a list of steps on vectors, one sample at a time: what a stream runs and what an export writes.

    value 0 is the sample x; value k is what step k makes of the values before it (its `sources`, side by side)

Each step is one `Op`: a kind from KINDS, the weights and options that it reads, and how many numbers it remembers from one sample
to the next. A part of a network says its steps in `lower`; nothing else has to know what a network is made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..cells import Cell
from ..errors import TauflowError

KINDS = {
    "input": "x (n)",
    "static": "numbers that are given once, at the start (n)",
    "standardize": "(z - mean) * inverse                                              weights mean, inverse (n)",
    "affine": "z * w + b                                                         weights w, b (n)",
    "carry": "[last known value, known now, log(1 + time since)]; NaN = unknown",
    "waves": "[z, dt, cos(2 pi dt / p) ..., sin(2 pi dt / p) ...]                weights p; options columns",
    "dense": "sigma(W z + b)                                                    weights W, b; options sigma",
    "convolve": "sigma(w * z + b) over windows of channels x height x width         see network/parts/encoders.py",
    "lookup": "row number z[0] of a table                                        weights table",
    "cell": "the cell's output after this sample                               options cell, holds",
    "pool": "last, mean, max or attention of z over the samples so far         options how; weights score",
    "slice": "some of z: `outputs` numbers from number `first` on",
    "add": "the sum of the sources",
    "average": "the mean of the sources; of log-probabilities: log mean exp       options how",
    "quantiles": "numbers in rising order, by softplus of the distances             options outputs, middle",
    "positive": "softplus(z) + least from number `first` on                        options first, least",
    "log_softmax": "z - log sum exp z",
    "squash": "low + (high - low) sigmoid(z)                                     weights low, high",
}


@dataclass(frozen=True, eq=False)
class Op:
    """One step; `memory` numbers are kept from sample to sample, `first` (memory) before the first."""

    kind: str
    sources: tuple[int, ...]
    outputs: int
    weights: tuple[Tensor, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    memory: int = 0


class Graph:
    """The steps in the order in which they run; `outputs` of the last one are the answer."""

    def __init__(self, inputs: int, static: int = 0, period: float = 1.0) -> None:
        self.period = period  # dt is told to the steps in units of it
        self.ops: list[Op] = [Op("input", (), inputs)]
        self.static: int | None = None
        if static:
            self.static = self.add("static", (), static)

    def add(
        self,
        kind: str,
        sources: int | Sequence[int],
        outputs: int,
        weights: Sequence[Tensor] = (),
        memory: int = 0,
        **options: Any,
    ) -> int:
        """One more step; its number, by which later steps read it."""
        if kind not in KINDS:
            raise TauflowError(f"no step is called {kind!r}; there are {', '.join(KINDS)}")
        held = tuple(weight.detach() for weight in weights)
        numbers = (sources,) if isinstance(sources, int) else tuple(sources)
        self.ops.append(Op(kind, numbers, outputs, held, options, memory))
        return len(self.ops) - 1

    def width(self, sources: int | Sequence[int]) -> int:
        """How many numbers these values are, side by side."""
        numbers = (sources,) if isinstance(sources, int) else sources
        return sum(self.ops[number].outputs for number in numbers)

    def cell(self, source: int, cell: Cell, holds: bool) -> int:
        """A cell that reads `source`; holds: whether a gap of zero leaves its state."""
        return self.add("cell", source, cell.outputs, memory=cell.state_size, cell=cell, holds=holds)

    @property
    def memory(self) -> int:
        """How many numbers the state of the whole has."""
        return sum(op.memory for op in self.ops)
