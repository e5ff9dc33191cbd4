"""What the writers of cells share. A cell remembers 32 bits a number, of which its weights read the upper 16.

A leak moves by a share of the way, often a small one: with 16 bits alone it would stand still where share x way is below half a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..plan import Array, Step
from .body import Steps
from .rows import ceil_log2
from .writer import Value, behind

HULL = 30  # bits behind the point of a state within +-1


class CellWriter(Steps):
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
