"""The body of NAME_step in whole numbers: a few lines of C for each step of a plan, and the tables that they read.

A value is 16 bits wide with `bits` behind its point, chosen so that it holds twice what was seen of it, or what is proved of it; what
is remembered is 32 bits wide. The answer is 32 bits wide, each number of it with bits of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..plan import Array, ExportError, Step
from .rows import ceil_log2, whole
from .writer import BOUNDS, Value, Writer, behind, bits_for


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
        shifts = x_bits + by - made.bits
        if not ((shifts >= 0) & (shifts <= 47)).all():
            worst = int(np.argmax((shifts < 0) | (shifts > 47)))
            raise ExportError(
                f"input {worst} has a mean of {mean[worst]:.3g} and a spread of {1 / inverse[worst]:.3g}, which 32 bits can't hold "
                "together: subtract the mean before, or export as float"
            )
        tables = [
            self.table("mean", whole(mean, x_bits), "int32_t"),
            self.table("inverse", whole(inverse, by), "int32_t"),
            self.table("by", shifts, "uint8_t"),
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

    def waves(self, step: Step, k: int) -> None:
        z, seen = self.read(step.sources, f"z{k}"), self.value(k)
        made = Value(f"v{k}", min(z.bits, seen.bits, 14))
        self.values[k] = made
        self.room(made.name, step.outputs)
        periods, columns = step.arrays["periods"].astype(float), step.arrays["columns"]
        if periods.min() < 2.0**-15:
            raise ExportError(
                f"a wave has a period of {periods.min():.3g} of a gap, expected at least 2^-15: export as float"
            )
        tables = [
            self.table("gaps", np.rint(2.0**32 / periods), "uint64_t"),
            self.table("turns", np.rint(2.0 ** (32 - z.bits) / periods) % 2**32, "uint32_t"),
        ]
        which = self.table("columns", columns if columns.size else np.zeros(1, np.int64), "place")
        how = f"{self.plan.width(step)}, {z.bits - made.bits}, {', '.join(tables)}, {len(periods)}, {which}, {len(columns)}"
        self.say(f"waves({z.name}, t, {how}, {made.bits}, {made.name});")

    def convolve(self, step: Step, k: int) -> None:
        W, given, n, sigma = step.arrays["W"], step.options, step.outputs, step.options["sigma"]
        z, made = self._start(step, k, BOUNDS.get(sigma))
        filters, channels, *kernel = W.shape
        _, *size = given["shape"]
        places = [
            (m + 2 * p - one) // s + 1
            for m, p, one, s in zip(size, given["padding"], kernel, given["stride"], strict=True)
        ]
        how = [channels, *size, *kernel, *given["stride"], *given["padding"], *places]
        found = self.rows(W.reshape(filters, -1), step.arrays["b"], z._replace(mean=None))
        self.say(f"static const int how{k}[{len(how)}] = {{{', '.join(map(str, how))}}};")
        self.say(f"int16_t seen{k}[{W[0].size}];", f"int32_t made{k}[{filters}], a{k}[{n}];")
        self.say(f"convolve({z.name}, how{k}, {self.weights('W', found)}, {filters}, seen{k}, made{k}, a{k});")
        if found.short:
            self.say(f"points(a{k}, {n}, {-found.short});")
        self.activate(sigma, f"a{k}", n, made)

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
        elif how == "attention":
            score = step.arrays["score"].reshape(1, -1)
            self.map("score", z, score, np.zeros(1), f"score{k}")
            self.say(f"pool_attention({z.name}, score{k}[0], {h}, {n}, {next_}, {made.name});")
        else:
            self.say(f"pool_{how}({z.name}, {h}, {n}, {next_}, {made.name});")
        bits = {"mean": [0, *[z.bits + 14] * n], "attention": [15, 16, *[z.bits + 14] * n]}
        self.remember(step, bits.get(how, [0] * n))

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
        if step.options["how"] == "normal":
            how = f"{count}, {step.outputs}, {step.options['columns']}, {z.bits - made.bits}"
            self.say(f"normal_mean({z.name}, {how}, {made.name});")
            return
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
