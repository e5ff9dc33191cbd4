"""The body of NAME_step and its tables: a few lines of C for each step of a plan.

A value is an array on the stack, v3 of step 3; what is remembered goes into `next`, which becomes the state when all went well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..plan import CELLS, Array, ExportError, Plan, Step

DENSE_FROM = 0.75  # the share of synapses that exist from which a list of them is longer than the matrix


def number(value: float) -> str:
    """A float32 as C writes it, to the bit."""
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def fours(n: int) -> int:
    """n rounded up to a multiple of four."""
    return (n + 3) // 4 * 4


def same(step: Step) -> bool:
    """Whether an affine step changes nothing, as those of a fresh LTC."""
    return bool((step.arrays["w"] == 1).all() and (step.arrays["b"] == 0).all())


class Body:
    """Writes steps one after the other; `tables` and `lines` are what came out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tables: list[str] = []
        self.lines: list[str] = []
        self.widest = 255  # the largest number in a table of places
        self.names = {0: "x"}
        self.at = 0  # where the memory of the step stands in the state
        self.k = 0
        for k, step in enumerate(plan.steps):
            if k:
                self.k, self.step = k, step
                self._write(step)
                self.at += len(step.place)

    def _write(self, step: Step) -> None:
        if step.kind == "static":
            self.names[self.k] = "s->given"
            return
        self.say(f"/* {self.k}: {describe(step)} */")
        if step.kind == "affine" and len(step.sources) == 1 and same(step):
            self.names[self.k] = self.names[step.sources[0]]
            return
        if step.kind in CELLS:
            self._cell(step)
            return
        self.names[self.k] = f"v{self.k}"
        self.say(f"float v{self.k}[{fours(step.outputs)}];")
        z, m = self.read(step), self.plan.width(step)
        getattr(self, step.kind)(step, z, m, f"v{self.k}", step.outputs)

    # What the writers of steps are made of.

    def say(self, *lines: str) -> None:
        self.lines += lines

    def table(self, name: str, numbers: Array, kind: str = "float") -> str:
        """A table of constants, by its name in C."""
        flat = numbers.ravel().tolist()
        if kind != "float":
            self.widest = max(self.widest, max(flat, default=0)) if kind == "place" else self.widest
            if max(flat, default=0) > 65535:
                raise ExportError(
                    f"the network is too large for C: a table holds the number {max(flat)}, the most is 65535"
                )
        words = [number(one) if kind == "float" else str(int(one)) for one in flat]
        rows = ["    " + ", ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
        named = f"w{self.k}_{name}"
        self.tables.append(f"static const {kind} {named}[{len(flat)}] = {{\n" + ",\n".join(rows) + "\n};")
        return named

    def read(self, step: Step) -> str:
        """What the step reads: a value, or several side by side."""
        names = [self.names[source] for source in step.sources]
        if len(names) == 1:
            return names[0]
        self.say(f"float z{self.k}[{self.plan.width(step)}];")
        at = 0
        for name, source in zip(names, step.sources, strict=True):
            self.say(f"copy({self.behind(f'z{self.k}', at)}, {name}, {self.plan.steps[source].outputs});")
            at += self.plan.steps[source].outputs
        return f"z{self.k}"

    @staticmethod
    def behind(name: str, at: int) -> str:
        return f"{name} + {at}" if at else name

    def map(self, name: str, z: str, W: Array, b: Array, y: str) -> None:
        """y = W z + b; y has room for whole fours."""
        n, m = W.shape
        if n < 4:
            self.say(f"dense({z}, {m}, {self.table(name, W)}, {self.table(name + '_b', b)}, {n}, {y});")
            return
        rows = fours(n)
        bias = np.pad(b, (0, rows - n))
        packed = np.pad(W, ((0, rows - n), (0, 0))).reshape(rows // 4, 4, m).transpose(0, 2, 1)
        self.say(f"dense4({z}, {m}, {self.table(name, packed)}, {self.table(name + '_b', bias)}, {n}, {y});")

    def sigma(self, name: str, y: str, n: int) -> None:
        if name != "identity":
            self.say(f"{name}_all({y}, {n});")

    # Steps around the cells: (step, what it reads, how many numbers, what it makes, how many).

    def standardize(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self._rowwise("standardize", ("mean", "inverse"), step, z, y, n)

    def affine(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self._rowwise("affine", ("w", "b"), step, z, y, n)

    def squash(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self._rowwise("squash", ("low", "high"), step, z, y, n)

    def _rowwise(self, function: str, names: Sequence[str], step: Step, z: str, y: str, n: int) -> None:
        tables = [self.table(name, step.arrays[name]) for name in names]
        self.say(f"{function}({z}, {', '.join(tables)}, {n}, {y});")

    def carry(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self.say(f"carry({z}, t, {self.behind('s->h', self.at)}, {m}, {self.behind('next', self.at)}, {y});")

    def waves(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        periods, columns = step.arrays["periods"], step.arrays["columns"]
        which = self.table("columns", columns if columns.size else np.zeros(1, np.int64), "place")
        self.say(f"waves({z}, t, {m}, {self.table('periods', periods)}, {len(periods)}, {which}, {len(columns)}, {y});")

    def dense(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self.map("W", z, step.arrays["W"], step.arrays["b"], y)
        self.sigma(step.options["sigma"], y, n)

    def convolve(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        W, given = step.arrays["W"], step.options
        filters, channels, *kernel = W.shape
        _, *size = given["shape"]
        made = [
            (n + 2 * p - k) // s + 1 for n, p, k, s in zip(size, given["padding"], kernel, given["stride"], strict=True)
        ]
        how = [channels, *size, *kernel, *given["stride"], *given["padding"], *made]
        self.say(f"static const int how{self.k}[{len(how)}] = {{{', '.join(map(str, how))}}};")
        self.say(f"float work{self.k}[{W[0].size + filters}];")
        tables = f"{self.table('W', W)}, {self.table('b', step.arrays['b'])}"
        self.say(f"convolve({z}, how{self.k}, {tables}, {filters}, work{self.k}, {y});")
        self.sigma(given["sigma"], y, n)

    def lookup(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        table = step.arrays["table"]
        self.say(
            f"if (!({z}[0] >= 0.0f && {z}[0] < {number(len(table))} && {z}[0] == (float)(int32_t){z}[0])) {{",
            "    return BAD_INPUT;",
            "}",
            f"copy({y}, {self.table('table', table)} + (int32_t){z}[0] * {n}, {n});",
        )

    def pool(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        how, h, next_ = step.options["how"], self.behind("s->h", self.at), self.behind("next", self.at)
        if how == "last":
            self.say(f"copy({next_}, {z}, {n});", f"copy({y}, {z}, {n});")
        elif how == "attention":
            self.say(f"pool_attention({z}, {h}, {self.table('score', step.arrays['score'])}, {n}, {next_}, {y});")
        else:
            self.say(f"pool_{how}({z}, {h}, {n}, {next_}, {y});")

    def pick(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        which = step.arrays["which"]
        if (np.diff(which) == 1).all():
            self.say(f"copy({y}, {self.behind(z, int(which[0]))}, {n});")
        else:
            self.say(f"pick({z}, {self.table('which', which, 'place')}, {n}, {y});")

    def add(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self.say(f"add({z}, {m // n}, {n}, {y});")

    def average(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        how, count = step.options["how"], m // n
        if how == "log":
            self.say(f"log_mean_of({z}, {count}, {n}, {y});")
        elif how == "normal":
            self.say(f"normal_mean_of({z}, {count}, {n}, {step.options['columns']}, {y});")
        else:
            self.say(f"mean_of({z}, {count}, {n}, {n}, {y});")

    def quantiles(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        columns = step.options["columns"]
        self.say(f"quantiles({z}, {n // columns}, {columns}, {step.options['middle']}, {y});")

    def positive(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self.say(f"positive({z}, {self.table('least', step.arrays['least'])}, {step.options['first']}, {n}, {y});")

    def log_softmax(self, step: Step, z: str, m: int, y: str, n: int) -> None:
        self.say(f"log_softmax({z}, {n}, {y});")

    # Cells: in a block of their own, since they need memory to work in.

    def _cell(self, step: Step) -> None:
        next_, h = self.behind("next", self.at), self.behind("s->h", self.at)
        self.names[self.k] = f"v{self.k}"
        z = self.read(step)
        self.say(f"float *const v{self.k} = {next_};")
        if step.holds:
            self.say("if (t > 0.0f) {")
        else:
            self.say("{")
        before, self.lines = self.lines, []
        getattr(self, f"cell_{step.kind}")(step, z, self.plan.width(step), h, len(step.place), f"v{self.k}")
        self.lines = before + ["    " + line for line in self.lines]
        self.say("} else {", f"    copy(v{self.k}, {h}, {len(step.place)});", "}") if step.holds else self.say("}")

    def joined(self, z: str, m: int, h: str, n: int) -> None:
        """u = [z, h]"""
        self.say(f"float u[{m + n}];", f"copy(u, {z}, {m});", f"copy(u + {m}, {h}, {n});")

    def substeps(self, step: Step, write: Callable[[], Any]) -> None:
        """What is written runs `substeps` times, in a gap of t / substeps."""
        count = step.options["substeps"]
        self.say("int k;", f"const float gap = t / {number(count)};", f"for (k = 0; k < {count}; ++k) {{")
        before, self.lines = self.lines, []
        write()
        self.lines = before + ["    " + line for line in self.lines]
        self.say("}")

    def longest(self, step: Step, call: str) -> str:
        """A call that tells how long a step was, which Euler's must not be."""
        if step.options["solver"] != "euler":
            return f"(void){call};"
        return f"longest = larger(longest, {call});"

    def cell_ctrnn(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        w, solver = step.arrays, step.options["solver"]
        gate = f", {self.table('A', w['A'])}" if "A" in w else ""
        self.joined(z, m, h, n)
        self.say(f"float f[{fours(n)}];")

        def one() -> None:
            self.map("W", "u", np.hstack([w["U"], w["W"]]), w["b"], "f")
            self.sigma(step.options["sigma"], "f", n)
            function = "gated_leak" if gate else "leak"
            rate = self.table("rate", w["rate"])
            self.say(self.longest(step, f"{function}(u + {m}, f, gap, {rate}{gate}, {solver}, {n}, {y})"))
            self.say(f"copy(u + {m}, {y}, {n});")

        self.substeps(step, one)

    cell_gated_ltc = cell_ctrnn

    def cell_gruode(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        w, solver = step.arrays, step.options["solver"]
        both = np.hstack([w["U"], w["W"]])
        self.joined(z, m, h, n)
        self.say(f"float now[{n}], rz[{fours(2 * n)}], g[{fours(n)}];", f"copy(now, {h}, {n});")

        def one() -> None:
            self.map("rz", "u", both[: 2 * n], w["b"][: 2 * n], "rz")
            self.say(f"open_gates(now, {n}, rz);", f"copy(u + {m}, rz, {n});")
            self.map("g", "u", both[2 * n :], w["b"][2 * n :], "g")
            self.say(f"tanh_all(g, {n});")
            self.say(self.longest(step, f"follow(now, g, gap, rz + {n}, {solver}, {n}, now)"))
            self.say(f"copy(u + {m}, now, {n});")

        self.substeps(step, one)
        self.say(f"copy({y}, now, {n});")

    def cell_cfc(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        w, mode, width = step.arrays, step.options["mode"], m + n
        self.joined(z, m, h, n)
        u = "u"
        for layer in range(step.options["layers"]):
            width = len(w[f"W{layer}"])
            self.say(f"float b{layer}[{fours(width)}];")
            self.map(f"W{layer}", u, w[f"W{layer}"], w[f"b{layer}"], f"b{layer}")
            self.sigma(step.options["sigma"], f"b{layer}", width)
            u = f"b{layer}"
        if mode == "pure":
            self.say(f"float f[{fours(n)}];")
            self.map("ff1", u, w["ff1"], w["ff1_b"], "f")
            self.say(f"pure_cfc(f, t, {self.table('w_tau', w['w_tau'])}, {self.table('A', w['A'])}, {n}, {y});")
            return
        heads = ("ff1", "ff2", "time_a", "time_b")
        W, b = np.stack([w[head] for head in heads], axis=2), np.stack([w[f"{head}_b"] for head in heads], axis=1)
        bias, gated = self.table("b", b), int(mode == "default")
        exists = (W != 0).any(axis=2)
        if exists.mean() >= DENSE_FROM:
            self.say(f"cfc({u}, {width}, t, {self.table('W', W)}, {bias}, {gated}, {n}, {y});")
            return
        start = self.table("start", np.cumsum([0, *exists.sum(axis=1)]), "uint16_t")
        source = self.table("source", np.nonzero(exists)[1], "place")
        self.say(f"wired_cfc({u}, t, {self.table('W', W[exists])}, {source}, {start}, {bias}, {gated}, {n}, {y});")

    def cell_ltc(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        w, solver = step.arrays, step.options["solver"]
        midpoint, weight, room = solver == "exponential_midpoint", solver.removesuffix("_midpoint"), fours(n)
        self.say(f"float now[{room}], sensed[{2 * room}], heard[{2 * room}]{f', half[{room}]' if midpoint else ''};")
        most = max(fours(len(w[prefix + "target"])) for prefix in ("", "sensory_"))
        self.say(f"float open[{max(most, 4)}];", f"copy(now, {h}, {n});")
        if room > n:
            self.say(f"copy({self.behind('now', n)}, {self.table('rest', np.zeros(room - n))}, {room - n});")
        for k, name in enumerate(("leak_current", "leak_conductance")):
            whole = np.pad(w[name], (0, room - n), mode="edge")
            self.say(f"copy({self.behind('sensed', k * room)}, {self.table(name, whole)}, {room});")
        self.say(self._hear("sensory_", w, z, "sensed", n))
        elastance, inner = (
            self.table("elastance", np.pad(w["elastance"], (0, room - n))),
            self._hear("", w, "{v}", "heard", n),
        )

        def evaluate(v: str, gap: str, to: str) -> None:
            self.say(f"copy(heard, sensed, {2 * room});", inner.replace("{v}", v))
            call = f"settle(now, heard, heard + {room}, {gap}, {elastance}, {weight}4, {n}, {to})"
            self.say(f"{call};")
            if weight == "euler":
                self.say(f"longest = larger(longest, longest_of(heard + {room}, {gap}, {elastance}, {n}));")

        def one() -> None:
            if midpoint:
                evaluate("now", "0.5f * gap", "half")
            evaluate("half" if midpoint else "now", "gap", "now")

        self.substeps(step, one)
        self.say(f"copy({y}, now, {n});")

    def _hear(self, prefix: str, w: dict[str, Array], v: str, to: str, n: int) -> str:
        """A call with the synapses by their neuron, some without effect behind them up to a multiple of four."""
        target = w[prefix + "target"]
        if not target.size:
            return f"/* no {prefix or 'inner_'}synapses */"
        room = fours(len(target))

        def laid(name: str) -> Array:
            return np.pad(w[prefix + name], (0, room - len(target)))

        places = [
            self.table(prefix + "count", np.bincount(target, minlength=n), "place"),
            self.table(prefix + "source", laid("source"), "place"),
        ]
        tables = [self.table(prefix + name, laid(name)) for name in ("sigma", "mu", "pull", "w")]
        return f"hear({v}, {', '.join(places + tables)}, {room}, {n}, open, {to}, {to} + {fours(n)});"

    def _gates(self, step: Step, z: str, m: int, h: str, n: int, gates: int) -> None:
        """u from [z, log(1 + t)], w from the state."""
        w = step.arrays
        self.say(f"float u[{fours(gates * n)}], w[{fours(gates * n)}], z[{m + 1}];")
        self.say(f"copy(z, {z}, {m});", f"z[{m}] = log1p_of(t);")
        self.map("U", "z", w["U"], w["b"], "u")
        self.map("W", h, w["W"], w["c"], "w")

    def cell_rnn(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        self._gates(step, z, m, h, n, 1)
        self.say(f"rnn(u, w, {n}, {y});")

    def cell_gru(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        self._gates(step, z, m, h, n, 3)
        self.say(f"gru(u, w, {h}, {n}, {y});")

    def cell_gru_decay(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        self.say(f"float left[{n}];", f"decay({h}, t, {self.table('rate', step.arrays['rate'])}, {n}, left);")
        self._gates(step, z, m, "left", n, 3)
        self.say(f"gru(u, w, left, {n}, {y});")

    def cell_lstm(self, step: Step, z: str, m: int, h: str, n: int, y: str) -> None:
        self._gates(step, z, m, h, n // 2, 4)
        self.say(f"lstm(u, w, {h}, {n // 2}, {y});")


def describe(step: Step) -> str:
    """`cfc, mode default, ...`: the step in a line of a comment."""
    options = [f"{name} {value}" for name, value in step.options.items()]
    return ", ".join([step.kind, *options, f"{step.outputs} numbers"])
