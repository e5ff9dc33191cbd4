"""The cells in whole numbers: what each remembers has 32 bits, of which its weights read the upper 16.

A leak moves by a share of the way, often a small one: with 16 bits alone it would stand still where share x way is below half a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..plan import Array, ExportError, Step
from .body import BOUNDS, Steps, Value, behind, bits_for
from .rows import WIDEST, Rows, ceil_log2, reach, row_scales, whole

DENSE_FROM = 0.75  # the share of synapses that exist from which a list of them is longer than the matrix
HULL = 30  # bits behind the point of a state within +-1


def rate_bits(rates: Array) -> int:
    """Bits behind the point of rates in 16 bits, at most 30 of them."""
    return min(30, 16 - ceil_log2(float(np.max(rates)) * 1.0001))


class Cells(Steps):
    """Writes the cells: cell_KIND(step, z, m, n, at)."""

    def write(self, k: int, step: Step) -> None:
        if not hasattr(self, f"cell_{step.kind}"):
            super().write(k, step)
            return
        self.k = k
        n, at, next_, h = len(step.place), self.at, behind("next", self.at), behind("s->h", self.at)
        units, bits = getattr(self, f"hull_{step.kind}", self._unit)(step)
        self.values[k] = Value(f"v{k}", int(bits[0]) - 15)
        self.room(f"v{k}", n)
        self.say("if (t.m > 0u) {" if step.holds else "{")
        before, self.lines = self.lines, []
        getattr(self, f"cell_{step.kind}")(step, n if units is None else units, h, next_)
        self.lines = before + ["    " + line for line in self.lines]
        self.say("} else {", f"    keep({next_}, {h}, {n});", "}") if step.holds else self.say("}")
        self.say(f"top({next_}, {n}, 15, v{k});")
        self.at = at
        self.remember(step, bits.tolist())

    def _unit(self, step: Step) -> tuple[int | None, Array]:
        """A state within +-1."""
        return None, np.full(len(step.place), HULL)

    def hull(self, step: Step, bound: float) -> tuple[int | None, Array]:
        first = float(np.abs(self.plan.first[step.place]).max(initial=0.0))
        return None, np.full(len(step.place), HULL - max(ceil_log2(max(bound, first) * 1.0001), -15))

    # What cells are made of.

    def joined(self, step: Step, h: str, n: int, more: int = 0) -> Value:
        """u = [z, h], with room for `more` numbers between, in one format."""
        values, m = [self.values[source] for source in step.sources], self.plan.width(step)
        bits = min([self.values[self.k].bits, *(value.bits for value in values)])
        bits = min(bits, 11) if more else bits  # log(1 + t) goes up to 11
        self.room("u", m + more + n)
        at = 0
        for value, source in zip(values, step.sources, strict=True):
            count = self.plan.steps[source].outputs
            self.say(f"shift({value.name}, {count}, {value.bits - bits}, {behind('u', at)});")
            at += count
        state = self.ranges.state_mean[step.place][:n]
        u = Value("u", bits, np.concatenate([self.mean(step.sources), [self.ranges.gap_mean] * more, state]))
        if more:
            self.say(f"u[{m}] = log_gap(t, {bits});")
        if h:
            self.hears(u, m + more, h, n)
        return u

    def hears(self, u: Value, at: int, h: str, n: int) -> None:
        """The state's part of u."""
        self.say(f"top({h}, {n}, {self.values[self.k].bits + 15 - u.bits}, {behind('u', at)});")

    def substeps(self, step: Step, write: Callable[[], Any]) -> None:
        """What is written runs `substeps` times."""
        count = step.options["substeps"]
        if count == 1:
            write()
            return
        self.say("int k;", f"for (k = 0; k < {count}; ++k) {{")
        before, self.lines = self.lines, []
        write()
        self.lines = before + ["    " + line for line in self.lines]
        self.say("}")

    def gap(self, step: Step) -> str:
        """The gap of a substep."""
        count = step.options["substeps"]
        if count == 1:
            return "t"
        less = ceil_log2(count) - (1 if count & (count - 1) else 0)
        self.say(f"const gap part = scaled(t, {round(65536 * 2**less / count)}u, {less});")
        return "part"

    def longest(self, step: Step, call: str) -> str:
        """A call that tells how long a step was, which Euler's must not be."""
        return f"longest = longer(longest, {call});" if step.options["solver"] == "euler" else f"(void){call};"

    # Leaks.

    def hull_ctrnn(self, step: Step) -> tuple[int | None, Array]:
        """|h| <= max |f| tau, f = sigma(...); where sigma has no bound f has that of its 16 bits."""
        most = 2.0 ** (15 - self._drive_format(step).bits)
        bound = min(most, BOUNDS.get(step.options["sigma"], most))
        return self.hull(step, bound / float(step.arrays["rate"].min()))

    def cell_ctrnn(self, step: Step, n: int, h: str, y: str) -> None:
        w, m, count = step.arrays, self.plan.width(step), step.options["substeps"]
        rate = w["rate"].astype(float)
        u, state = self.joined(step, h, n), self.values[self.k]
        f = self._drive_format(step)
        bits = rate_bits(rate / count)
        rates = self.table("rate", whole(rate / count, bits).clip(1, 65535), "uint32_t")
        # f tau in the format of the state: at most 2^15 a unit of f, since it lies within the hull
        tau = self.table("tau", whole(1 / rate, state.bits + 15 - f.bits).clip(0, 32768), "int32_t")
        self.say(f"keep({y}, {h}, {n});")

        def one() -> None:
            self._drive(step, u, n, f)
            call = f"leak({y}, f, t, {rates}, {bits}, {tau}, {step.options['solver']}, {n}, {y})"
            self.say(self.longest(step, call))
            if count > 1:
                self.hears(u, m, y, n)

        self.substeps(step, one)

    def _drive_format(self, step: Step) -> Value:
        sigma = step.options["sigma"]
        bound = BOUNDS.get(sigma)
        return Value("f", bits_for(bound or 2 * self.ranges.drives[self.k] or 1.0))

    def _drive(self, step: Step, u: Value, n: int, f: Value) -> None:
        w = step.arrays
        self.room("f", n)
        self.map("W", u, np.hstack([w["U"], w["W"]]), w["b"], "a")
        self.activate(step.options["sigma"], "a", n, f)

    def hull_gated_ltc(self, step: Step) -> tuple[int | None, Array]:
        """|h| <= |A|, since f >= 0."""
        return self.hull(step, float(np.abs(step.arrays["A"]).max()))

    def cell_gated_ltc(self, step: Step, n: int, h: str, y: str) -> None:
        w, m = step.arrays, self.plan.width(step)
        rate = w["rate"].astype(float)
        u, state = self.joined(step, h, n), self.values[self.k]
        f = self._drive_format(step)
        rates = self.table("rate", whole(rate, f.bits).clip(1, 2**30), "int32_t")
        A = self.table("A", whole(w["A"], state.bits).clip(-32768, 32768), "int32_t")
        gap = self.gap(step)
        self.say(f"keep({y}, {h}, {n});")

        def one() -> None:
            self._drive(step, u, n, f)
            call = f"gated_leak({y}, f, {gap}, {rates}, {f.bits}, {A}, {step.options['solver']}, {n}, {y})"
            self.say(self.longest(step, call))
            if step.options["substeps"] > 1:
                self.hears(u, m, y, n)

        self.substeps(step, one)

    def cell_gruode(self, step: Step, n: int, h: str, y: str) -> None:
        w, m = step.arrays, self.plan.width(step)
        both = np.hstack([w["U"], w["W"]])
        u, gap = self.joined(step, "", n), self.gap(step)
        self.say(f"uint16_t rate[{n}];", f"keep({y}, {h}, {n});")

        def one() -> None:
            self.hears(u, m, y, n)
            self.map("rz", u, both[: 2 * n], w["b"][: 2 * n], "rz")
            self.say(f"open_gates({y}, rz, {n}, {u.bits}, u + {m}, rate);")
            self.map("g", u, both[2 * n :], w["b"][2 * n :], "g")
            call = f"follow({y}, g, {gap}, rate, {step.options['solver']}, {n}, {y})"
            self.say(self.longest(step, call))

        self.substeps(step, one)

    # CfC.

    def hull_cfc(self, step: Step) -> tuple[int | None, Array]:
        """f1 and f2 lie within +-1; the closed form itself within |A| (1 + |f|)."""
        mode = step.options["mode"]
        if mode != "pure":
            return None, np.full(len(step.place), HULL - (mode == "no_gate"))
        return self.hull(step, 2 * float(self.ranges.state[step.place].max()) or 1.0)

    def cell_cfc(self, step: Step, n: int, h: str, y: str) -> None:
        w, mode = step.arrays, step.options["mode"]
        u, width = self.joined(step, h, n), self.plan.width(step) + n
        for layer in range(step.options["layers"]):
            W, b = w[f"W{layer}"], w[f"b{layer}"]
            width = len(W)
            a = self.map(f"W{layer}", u, W, b, f"a{layer}")
            sigma = step.options["sigma"]
            bound = BOUNDS.get(sigma) or min(a.bound, 16.0)
            u = Value(f"b{layer}", bits_for(bound))
            self.room(u.name, width)
            self.activate(sigma, f"a{layer}", width, u)
        if mode == "pure":
            self._pure(w, u, n, y)
            return
        heads = ("ff1", "ff2", "time_a", "time_b")
        W = np.stack([w[head] for head in heads], axis=1)  # (n, 4, m)
        made = self.rows(W.reshape(4 * n, -1), np.stack([w[f"{head}_b"] for head in heads], axis=1).ravel(), u)
        if made.short:
            raise ExportError(
                "its inputs are far larger than 1: give the network a scale (tauflow.Network has one), or export it as float"
            )
        times, bits = self._slopes(made)
        made = made._replace(scale=times)
        gated, q = int(mode == "default"), made.q.reshape(n, 4, -1).transpose(0, 2, 1)  # (n, m, 4)
        exists = (q != 0).any(axis=2)
        wired = exists.mean() < DENSE_FROM
        tables = self.weights("W", made._replace(q=q[exists] if wired else q)).split(", ")
        rest = f"{', '.join(tables[1:])}, {bits}, {gated}, {n}, {y}"
        if wired:
            source = self.table("source", np.nonzero(exists)[1], "place")
            count = self.table("count", exists.sum(axis=1), "place")
            self.say(f"wired_cfc({u.name}, t, {tables[0]}, {source}, {count}, {rest});")
        else:
            self.say(f"cfc({u.name}, {width}, t, {tables[0]}, {rest});")

    @staticmethod
    def _slopes(made: Rows) -> tuple[Array, int]:
        """The scales of time_a with as many bits behind the point as fit, at most 25: a gap of 100 multiplies what is lost."""
        slopes = made.scale[2::4].astype(float)
        most = (np.abs(made.q).sum(axis=1) * 2.0**15 + np.abs(made.bias))[2::4]
        more = 10
        while more > 0 and ((slopes * 2**more > WIDEST).any() or (most * slopes * 2.0 ** (more - 32) > 2**30).any()):
            more -= 1
        found = made.scale.copy()
        found[2::4] = np.rint(slopes * 2**more)
        return found, 15 + more

    def _pure(self, w: dict[str, Array], u: Value, n: int, y: str) -> None:
        self.map("ff1", u, w["ff1"], w["ff1_b"], "f")
        state = self.values[self.k].bits + 15
        by = max(0, 30 - state)
        w_tau = self.table("w_tau", whole(w["w_tau"], 15), "int32_t")
        A = self.table("A", whole(w["A"], state + by - 15), "int32_t")
        self.say(f"pure_cfc(f, t, {w_tau}, {A}, {by}, {n}, {y});")

    # LTC.

    def hull_ltc(self, step: Step) -> tuple[int | None, Array]:
        """Conductances are positive, so v lies between the smallest and the largest reversal; mu has its format too."""
        w = step.arrays
        most = float(np.abs(w["leak_current"] / w["leak_conductance"]).max())
        for prefix in ("", "sensory_"):
            if w[prefix + "w"].size:
                reversal = np.abs(w[prefix + "pull"]) / np.maximum(np.abs(w[prefix + "w"]), 1e-12)
                most = max(most, float(reversal.max()))
        return self.hull(step, max(most, 1.0))

    def cell_ltc(self, step: Step, n: int, h: str, y: str) -> None:
        w, solver, state = step.arrays, step.options["solver"], self.values[self.k]
        midpoint, share = solver == "exponential_midpoint", solver.removesuffix("_midpoint")
        unit = self._units(w, n)
        z, gap = self.read(step.sources, "z"), self.gap(step)
        current = whole(w["leak_current"] / unit, 15)
        conductance = whole(w["leak_conductance"] / unit, 15).clip(1)
        self._prove(w, unit, current, conductance)
        self.say(f"int32_t current[{n}], conductance[{n}], i_sum[{n}], g_sum[{n}]{f', half[{n}]' if midpoint else ''};")
        self.room("v", n)
        self.say(f"keep({y}, {h}, {n});")
        for name, leak in (("current", current), ("conductance", conductance)):
            self.say(f"keep({name}, {self.table('leak_' + name, leak, 'int32_t')}, {n});")
        self.say(*self._hear("sensory_", w, unit, z, n, "current, conductance"))
        factor = unit * w["elastance"].astype(float) * 2.0**-15  # rate = sum factor
        bits = min(30, -2 - ceil_log2(float(factor.max()) * 1.001), 14 - ceil_log2(self._most_rate(w) * 1.001) + 15)
        elastance = self.table("elastance", whole(factor, bits + 32), "int32_t")
        hears = self._hear("", w, unit, Value("v", state.bits), n, "i_sum, g_sum")

        def evaluate(v: str, t: str, to: str) -> None:
            self.say(f"top({v}, {n}, 15, v);", f"keep(i_sum, current, {n});", f"keep(g_sum, conductance, {n});", *hears)
            call = f"settle({y}, i_sum, g_sum, {t}, {elastance}, {bits}, {state.bits - 1}, {share}, {n}, {to})"
            self.say(self.longest(step, call))

        if midpoint:
            self.say(f"const gap before = scaled({gap}, 65536u, 1);")

        def one() -> None:
            if midpoint:
                evaluate(y, "before", "half")
            evaluate("half" if midpoint else y, gap, y)

        self.substeps(step, one)

    def _units(self, w: dict[str, Array], n: int) -> Array:
        """One scale a neuron for all that flows into it, so that current / conductance needs none."""
        widest = max(int(np.bincount(w[p + "target"], minlength=n).max(initial=0)) for p in ("", "sensory_")) * 2 + 1
        weights, bias = np.zeros((2 * n, widest)), np.concatenate([w["leak_current"], w["leak_conductance"]])
        slot = np.zeros(n, int)
        for prefix in ("", "sensory_"):
            for target, one, pull in zip(w[prefix + "target"], w[prefix + "w"], w[prefix + "pull"], strict=True):
                weights[target, slot[target]], weights[n + target, slot[target]] = abs(pull), abs(one)
                slot[target] += 1
        both = row_scales(weights, np.abs(bias), 15, self.weight_bits)
        return np.maximum(both[:n], both[n:])

    def _prove(self, w: dict[str, Array], unit: Array, current: Array, conductance: Array) -> None:
        n = len(unit)
        most = 0
        for name, leak in (("pull", current), ("w", conductance)):
            q = np.zeros((n, 1), np.int64)
            for prefix in ("", "sensory_"):
                target = w[prefix + "target"]
                np.add.at(q[:, 0], target, np.abs(np.rint(w[prefix + name] / unit[target]).astype(np.int64)))
            most = max(most, reach(q, leak))
        if most >= 2**31:  # not by the choice of the units
            raise ExportError(
                f"a neuron hears {most} units, more than 32 bits have room for: export this network as float"
            )
        self.say(f"/* sums of current and of conductance stay below {most} < 2^31, since 0 <= open <= 32767 */")

    @staticmethod
    def _most_rate(w: dict[str, Array]) -> float:
        total = w["leak_conductance"].astype(float).copy()
        for prefix in ("", "sensory_"):
            np.add.at(total, w[prefix + "target"], np.abs(w[prefix + "w"]))
        return float((total * w["elastance"]).max())

    def _hear(self, prefix: str, w: dict[str, Array], unit: Array, v: Value, n: int, sums: str) -> list[str]:
        target = w[prefix + "target"]
        if not target.size:
            return [f"/* no {prefix or 'inner_'}synapses */"]
        slope_bits = min(14 - ceil_log2(float(np.abs(w[prefix + "sigma"]).max())), 14)
        mu = whole(w[prefix + "mu"], v.bits).clip(-32767, 32767)
        tables = [
            self.table(prefix + "count", np.bincount(target, minlength=n), "place"),
            self.table(prefix + "source", w[prefix + "source"], "place"),
            self.table(prefix + "slope", whole(w[prefix + "sigma"], slope_bits), "int16_t"),
            self.table(prefix + "mu", mu, "int16_t"),
            *(self.table(prefix + name, np.rint(w[prefix + name] / unit[target]), "weight") for name in ("pull", "w")),
        ]
        return [f"hear({v.name}, {', '.join(tables)}, {slope_bits + v.bits - 15}, {n}, {sums});"]

    # The cells that know no flow: u = [z, log(1 + t), h].

    def cell_rnn(self, step: Step, n: int, h: str, y: str) -> None:
        w = step.arrays
        u = self.joined(step, h, n, 1)
        self.map("W", u, np.hstack([w["U"], w["W"]]), w["b"] + w["c"], "a")
        self.say(f"rnn(a, {n}, {y});")

    def cell_gru(self, step: Step, n: int, h: str, y: str) -> None:
        w, m = step.arrays, self.plan.width(step) + 1
        u = self.joined(step, h, n, 1)
        both, bias = np.hstack([w["U"], w["W"]]), w["b"] + w["c"]
        self.map("rz", u, both[: 2 * n], bias[: 2 * n], "rz")
        z = u._replace(mean=None if u.mean is None else u.mean[:m])
        self.map("U", z, w["U"][2 * n :], w["b"][2 * n :], "g")
        self.map(
            "W", Value(f"u + {m}", u.bits, self.ranges.state_mean[step.place]), w["W"][2 * n :], w["c"][2 * n :], "r"
        )
        self.say(f"gru(rz, g, r, {h}, {n}, {y});")

    def cell_gru_decay(self, step: Step, n: int, h: str, y: str) -> None:
        rate = step.arrays["rate"].astype(float)
        bits = rate_bits(rate)
        table = self.table("rate", whole(rate, bits).clip(1, 65535), "uint32_t")
        self.say(f"int32_t left[{n}];", f"decay({h}, t, {table}, {bits}, {n}, left);")
        self.cell_gru(step, n, "left", y)

    def hull_lstm(self, step: Step) -> tuple[int | None, Array]:
        """h lies within +-1; c has no bound of its own: room for twice what was seen, and it stays at the ends."""
        n = len(step.place) // 2
        seen = max(1.0, 2 * float(self.ranges.state[step.place[n:]].max()))
        return n, np.array([HULL] * n + [HULL - ceil_log2(seen)] * n)

    def cell_lstm(self, step: Step, n: int, h: str, y: str) -> None:
        w = step.arrays
        u = self.joined(step, h, n, 1)
        self.map("W", u, np.hstack([w["U"], w["W"]]), w["b"] + w["c"], "a")
        self.say(f"lstm(a, {h}, {int(self.hull_lstm(step)[1][-1])}, {n}, {y});")
