"""LTC in whole numbers: conductances of the synapses that exist, with one scale for all that flows into a neuron."""

from __future__ import annotations

import numpy as np

from ..plan import Array, ExportError, Step
from .cell import CellWriter
from .rows import ceil_log2, reach, row_scales, whole
from .writer import Value


class Synapses(CellWriter):
    """cm dv/dt = sum of conductance (reversal - v) over leak and synapses"""

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
