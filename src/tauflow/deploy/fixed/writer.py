"""What the writers of steps and cells are made of: values with their formats, tables of constants, and maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..plan import Array, ExportError, Plan
from .ranges import Ranges
from .rows import Rows, ceil_log2, rows

BOUNDS = {"tanh": 1.0, "sigmoid": 1.0, "softsign": 1.0, "lecun_tanh": 1.7159}


class Value(NamedTuple):
    """An array of 16 bits in C, how many of them are behind the point, and its mean, where that is known."""

    name: str
    bits: int
    mean: Array | None = None


def bits_for(range_: float) -> int:
    """As many bits behind the point as leave room for +-range_ in 16 bits; at most 15."""
    return min(15, max(-14, 15 - ceil_log2(range_)))


def behind(name: str, at: int) -> str:
    return f"{name} + {at}" if at else name


class Writer:
    """What the writers of steps and cells are made of; `tables` and `lines` are what came out."""

    def __init__(self, plan: Plan, ranges: Ranges, weight_bits: int) -> None:
        self.plan, self.ranges, self.weight_bits = plan, ranges, weight_bits
        self.tables: list[str] = []
        self.lines: list[str] = []
        self.widest = 255
        self.values: dict[int, Value] = {}
        self.first: list[int] = []  # what is remembered before the first sample
        self.at = self.k = 0

    def say(self, *lines: str) -> None:
        self.lines += lines

    def table(self, name: str, numbers: Array, kind: str, about: str = "") -> str:
        """A table of constants, by its name in C."""
        flat = [int(one) for one in np.asarray(numbers).ravel()]
        if kind == "place":
            self.widest = max(self.widest, max(flat, default=0))
        if kind in ("place", "uint16_t") and max(flat, default=0) > 65535:
            raise ExportError(f"the network is too large for C: a table holds {max(flat)}, the most is 65535")
        words = [str(one) for one in flat]
        lines = ["    " + ", ".join(words[i : i + 16]) for i in range(0, len(words), 16)]
        named = f"w{self.k}_{name}"
        comment = f"/* {about} */\n" if about else ""
        self.tables.append(f"{comment}static const {kind} {named}[{len(flat)}] = {{\n" + ",\n".join(lines) + "\n};")
        return named

    def value(self, k: int, range_: float | None = None) -> Value:
        """Names value k and finds its bits: room for twice what was seen of it, less where `range_` is proved."""
        seen = 2 * self.ranges.values[k]
        made = Value(f"v{k}", bits_for(min(seen, range_) if range_ and seen else range_ or seen or 1.0))
        self.values[k] = made
        return made

    def room(self, name: str, n: int, kind: str = "int16_t") -> None:
        bits = next((value.bits for value in self.values.values() if value.name == name), None)
        self.say(f"{kind} {name}[{n}];{'' if bits is None else f' /* in 1 / 2^{bits} */'}")

    def read(self, sources: Sequence[int], name: str, bits: int | None = None) -> Value:
        """Several values side by side in one format, the coarsest of theirs."""
        values = [self.values[source] for source in sources]
        coarsest = min(value.bits for value in values) if bits is None else bits
        if len(values) == 1 and values[0].bits == coarsest:
            return values[0]._replace(mean=self.mean(sources))
        self.room(name, sum(self.plan.steps[source].outputs for source in sources))
        at = 0
        for value, source in zip(values, sources, strict=True):
            n = self.plan.steps[source].outputs
            self.say(f"shift({value.name}, {n}, {value.bits - coarsest}, {behind(name, at)});")
            at += n
        return Value(name, coarsest, self.mean(sources))

    def rows(self, W: Array, b: Array, z: Value) -> Rows:
        return rows(W, b, z.bits, self.weight_bits, z.mean)

    def mean(self, sources: Sequence[int]) -> Array:
        return np.concatenate([self.ranges.value_means[source] for source in sources])

    def map(self, name: str, z: Value, W: Array, b: Array, a: str) -> Rows:
        """a = W z + b as 32-bit sums of their own bits."""
        made = self.rows(W, b, z)
        n, m = W.shape
        self.room(a, n, "int32_t")
        self.say(f"rows({z.name}, {m}, {self.weights(name, made)}, {n}, {a});")
        if made.short:
            self.say(f"points({a}, {n}, {-made.short});")
        return made

    def weights(self, name: str, made: Rows) -> str:
        """The tables of a map."""
        proof = f"|sum| <= {made.reach} < 2^31 for every z of 16 bits"
        tables = [
            self.table(name, made.q, "weight", proof),
            self.table(f"{name}_b", made.bias, "int32_t"),
            self.table(f"{name}_scale", made.scale, "int32_t"),
        ]
        return ", ".join(tables)

    def activate(self, sigma: str, a: str, n: int, y: Value) -> None:
        self.say(f"{sigma}_all({a}, {n}, {y.bits}, {y.name});")
