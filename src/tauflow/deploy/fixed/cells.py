"""All cells in whole numbers, and here those that know no flow: u = [z, log(1 + t), h]."""

from __future__ import annotations

import numpy as np

from ..plan import Array, Step
from .cell import HULL
from .cfc import Closed
from .leaks import Leaks, rate_bits
from .ltc import Synapses
from .rows import ceil_log2, whole
from .writer import Value


class Cells(Leaks, Synapses, Closed):
    """Writes every step of a plan: `write(k, step)`."""

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
