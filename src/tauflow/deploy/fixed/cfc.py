"""CfC in whole numbers, dense or wired: between two answers by a gate of the gap."""

from __future__ import annotations

import numpy as np

from ..plan import Array, ExportError, Step
from .cell import HULL, CellWriter
from .rows import WIDEST, Rows, whole
from .writer import BOUNDS, Value, bits_for

DENSE_FROM = 0.75  # the share of synapses that exist from which a list of them is longer than the matrix


class Closed(CellWriter):
    """h' = f1 (1 - s) + f2 s,  s = sigmoid(time_a t + time_b)"""

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
