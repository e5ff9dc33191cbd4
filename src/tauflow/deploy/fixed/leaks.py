"""CTRNN, GatedLTC and GRUODE in whole numbers: a state that moves towards a drive by a share of the way."""

from __future__ import annotations

import numpy as np

from ..plan import Array, Step
from .cell import CellWriter
from .rows import ceil_log2, whole
from .writer import BOUNDS, Value, bits_for


def rate_bits(rates: Array) -> int:
    """Bits behind the point of rates in 16 bits, at most 30 of them."""
    return min(30, 16 - ceil_log2(float(np.max(rates)) * 1.0001))


class Leaks(CellWriter):
    """dh/dt = drive - rate h"""

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
