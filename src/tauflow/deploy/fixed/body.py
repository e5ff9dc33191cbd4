"""The body of NAME_step in whole numbers: a few lines of C for each step of a plan, and the tables that they read.

A value is 16 bits wide with `bits` behind its point, chosen so that it holds twice what was seen of it, or what is proved of it; what
is remembered is 32 bits wide. The answer is 32 bits wide, each number of it with bits of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..plan import Array, ExportError, Plan, Step
from .ranges import Ranges
from .rows import Rows, ceil_log2, rows, whole

REFUSED = {"convolve": "a convolution", "waves": "waves of the clock"}
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


def why_not(plan: Plan) -> str | None:
    """Why a network can't be written in whole numbers; None if it can."""
    for step in plan.steps:
        if step.kind in REFUSED:
            return f"{REFUSED[step.kind]} has no form in whole numbers here"
        if step.kind == "pool" and step.options["how"] == "attention":
            return "a pool by attention sums without a bound"
        if step.kind == "average" and step.options["how"] == "normal":
            return "a committee of normals takes roots of its members' spreads"
    return None


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
        self.say(f"{kind} {name}[{n}];")

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


class Steps(Writer):
    """The steps around the cells: (step, its value's number)."""

    def write(self, k: int, step: Step) -> None:
        self.k = k
        getattr(self, step.kind)(step, k)

    def _start(self, step: Step, k: int, range_: float | None = None) -> tuple[Value, Value]:
        """What the step reads, and where its value goes."""
        z = self.read(step.sources, f"z{k}")
        made = self.value(k, range_)
        self.room(made.name, step.outputs)
        return z, made

    def standardize(self, step: Step, k: int) -> None:
        n, mean, inverse = step.outputs, step.arrays["mean"].astype(float), step.arrays["inverse"].astype(float)
        if step.sources != (0,):
            self._affine(step, k, inverse, -mean * inverse)
            return
        made, x_bits = self.value(k), self.x_bits()
        self.room(made.name, n)
        by = np.array([15 - ceil_log2(abs(one)) for one in inverse]) - 1  # inverse has 15 bits
        tables = [
            self.table("mean", whole(mean, x_bits), "int32_t"),
            self.table("inverse", whole(inverse, by), "int32_t"),
            self.table("by", x_bits + by - made.bits, "uint8_t"),
        ]
        self.say(f"standardize(x, {', '.join(tables)}, {n}, {made.name});")

    def x_bits(self) -> Array:
        """Bits behind the point of each input: what holds four times the largest one seen, and shows 1 / 2^16 of its spread."""
        for step in self.plan.steps:
            if step.sources == (0,) and step.kind == "standardize":
                spread = 1 / np.abs(step.arrays["inverse"].astype(float))
                largest = np.maximum(self.ranges.inputs, np.abs(step.arrays["mean"].astype(float)) + 8 * spread)
                return np.array(
                    [min(29 - ceil_log2(most), 16 - ceil_log2(one)) for most, one in zip(largest, spread, strict=True)]
                )
            if step.sources == (0,) and step.kind == "lookup":
                return np.zeros(self.plan.inputs, int)
        return np.full(self.plan.inputs, bits_for(2 * float(self.ranges.inputs.max())))

    def affine(self, step: Step, k: int) -> None:
        self._affine(step, k, step.arrays["w"].astype(float), step.arrays["b"].astype(float))

    def _affine(self, step: Step, k: int, w: Array, b: Array) -> None:
        z, made = self._start(step, k)
        by = max(0, min(15, 29 - ceil_log2(float(np.abs(w).max())) - made.bits + z.bits))
        tables = [
            self.table("w", whole(w, made.bits - z.bits + by), "int32_t"),
            self.table("b", whole(b, made.bits), "int32_t"),
        ]
        self.say(f"affine({z.name}, {', '.join(tables)}, {by}, {step.outputs}, {made.name});")

    def static(self, step: Step, k: int) -> None:
        made = self.value(k, 8.0)
        self.values[k] = made
        self.room(made.name, step.outputs)
        self.say(f"take(s->given, {step.outputs}, {made.name});")

    def carry(self, step: Step, k: int) -> None:
        n = self.plan.width(step)
        z, _ = self.values[step.sources[0]], self.value(k, None)
        made = Value(f"v{k}", min(14, self.values[k].bits))
        self.values[k] = made
        self.room(made.name, step.outputs)
        where = f"{behind('s->h', self.at)}, {n}, {z.bits - made.bits}, {made.bits}, {behind('next', self.at)}"
        self.say(f"carry({z.name}, t, {where}, {made.name});")
        self.remember(step, [z.bits] * n + [16] * n)

    def remember(self, step: Step, bits: Sequence[int]) -> None:
        """The first memory of a step, with these bits behind the point."""
        first = self.plan.first[step.place].astype(float)
        self.first += whole(np.maximum(first, -32767.0), np.array(bits)).tolist()
        self.at += len(step.place)

    def dense(self, step: Step, k: int) -> None:
        sigma = step.options["sigma"]
        z, made = self._start(step, k, BOUNDS.get(sigma))
        self.map("W", z, step.arrays["W"], step.arrays["b"], f"a{k}")
        self.activate(sigma, f"a{k}", step.outputs, made)

    def lookup(self, step: Step, k: int) -> None:
        table, made = step.arrays["table"], self.value(k, float(np.abs(step.arrays["table"]).max()) or 1.0)
        self.room(made.name, step.outputs)
        self.say(
            f"if (x[0] < 0 || x[0] >= {len(table)}) {{",
            "    return BAD_INPUT;",
            "}",
            f"lookup({self.table('table', whole(table, made.bits).clip(-32767, 32767), 'int16_t')}, x[0], "
            f"{step.outputs}, {made.name});",
        )

    def pool(self, step: Step, k: int) -> None:
        z, n, how = self.read(step.sources, f"z{k}"), step.outputs, step.options["how"]
        made = Value(f"v{k}", z.bits)
        self.values[k] = made
        self.room(made.name, n)
        h, next_ = behind("s->h", self.at), behind("next", self.at)
        if how == "last":
            self.say(f"shift({z.name}, {n}, 0, {made.name});", f"keep({next_}, {h}, {n});")
        else:
            self.say(f"pool_{how}({z.name}, {h}, {n}, {next_}, {made.name});")
        self.remember(step, [0, *[z.bits + 14] * n] if how == "mean" else [0] * n)

    def pick(self, step: Step, k: int) -> None:
        z = self.read(step.sources, f"z{k}")
        which = step.arrays["which"]
        self.values[k] = Value(f"v{k}", z.bits)
        self.room(f"v{k}", step.outputs)
        if (np.diff(which) == 1).all():
            self.say(f"shift({behind(z.name, int(which[0]))}, {step.outputs}, 0, v{k});")
        else:
            self.say(f"pick({z.name}, {self.table('which', which, 'place')}, {step.outputs}, v{k});")

    def add(self, step: Step, k: int) -> None:
        self._sum(step, k, 1)

    def average(self, step: Step, k: int) -> None:
        if step.options["how"] == "mean":
            self._sum(step, k, len(step.sources))
            return
        z, made = self._start(step, k)
        count = len(step.sources)
        how = f"{count}, {round(65536 * float(np.log(count)))}, {step.outputs}, {made.bits}"
        self.say(f"log_mean({z.name}, {z.bits}, {how}, {made.name});")

    def _sum(self, step: Step, k: int, parts: int) -> None:
        z, made = self._start(step, k)
        count = self.plan.width(step) // step.outputs
        self.say(f"add({z.name}, {count}, {step.outputs}, {parts}, {z.bits - made.bits}, {made.name});")

    def quantiles(self, step: Step, k: int) -> None:
        z, made = self._start(step, k)
        columns, middle = step.options["columns"], step.options["middle"]
        levels = step.outputs // columns
        self.say(f"quantiles({z.name}, {z.bits}, {levels}, {columns}, {middle}, {made.bits}, {made.name});")

    def positive(self, step: Step, k: int) -> None:
        z, made = self._start(step, k)
        least = self.table("least", whole(step.arrays["least"], 16), "int32_t")
        first = step.options["first"]
        self.say(f"positive({z.name}, {z.bits}, {least}, {first}, {step.outputs}, {made.bits}, {made.name});")

    def log_softmax(self, step: Step, k: int) -> None:
        z, made = self._start(step, k)
        self.say(f"log_softmax({z.name}, {z.bits}, {step.outputs}, {made.bits}, {made.name});")

    def squash(self, step: Step, k: int) -> None:
        """Between two numbers, inside of a network: as the answer it is written by `answer`."""
        raise ExportError("a squash is the last step of a network or it can't be written in whole numbers")

    def answer(self, k: int, step: Step) -> Array:
        """The last step into y, 32 bits wide; the bits behind the point of each answer."""
        self.k, n = k, step.outputs
        self.say(f"/* {k}: the answer */")
        if step.kind == "affine":
            z = self.read(step.sources, f"z{k}")
            w, b = step.arrays["w"].astype(float), step.arrays["b"].astype(float)
            bound = np.abs(w) * 2.0 ** (15 - z.bits) + np.abs(b)
            bits = np.array([min(29 - ceil_log2(one), 24) for one in bound])
            by = max(0, min(15, int((29 - np.log2(np.maximum(np.abs(w), 1e-30)) - bits).min()) + z.bits))
            w_bits = bits - z.bits + by
            tables = f"{self.table('w', whole(w, w_bits), 'int32_t')}, {self.table('b', whole(b, bits), 'int32_t')}"
            self.say(f"answer({z.name}, {tables}, {by}, {n}, made);")
            return bits
        if step.kind == "squash":
            z = self.read(step.sources, f"z{k}")
            low, width = step.arrays["low"].astype(float), (step.arrays["high"] - step.arrays["low"]).astype(float)
            bits = np.array([min(29 - ceil_log2(float(one)), 24) for one in np.abs(low) + np.abs(width)])
            tables = f"{self.table('low', whole(low, bits), 'int32_t')}, {self.table('width', whole(width, bits), 'int32_t')}"
            self.say(f"squash({z.name}, {z.bits}, {tables}, {n}, made);")
            return bits
        self.write(k, step)
        self.say(f"widen({self.values[k].name}, {n}, made);")
        return np.full(n, self.values[k].bits)
