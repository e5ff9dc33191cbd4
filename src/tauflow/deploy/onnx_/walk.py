"""One sample through the steps of a plan: `sample(plan, nodes, x, dt, h, real, given)` gives its answer and the new state.

A row that stream() would refuse gets the answer NaN and keeps its state. Every number that must be finite times zero is zero, or NaN; their
sum `refused` is added to the answer, and says which state is taken.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plan import CELLS, Array, Plan, Step
from . import cells, steps
from .values import Nodes, Value, concat

TIMED = {"waves", "carry", "pool"}  # steps that read the gap or the mask
SIZED = {"add", "average", "quantiles", "positive"}  # that are told how much they read
SHAPED = {"add", "average", "carry", "convolve", "pool"}  # and how much they make


def sample(
    plan: Plan, nodes: Nodes, x: Value, dt: Value, h: Value, real: Value | None, given: Value | None
) -> tuple[Value, Value]:
    """(answer, new state); dt (batch, 1), real (batch, 1) where a mask has a sample, given (batch, static), or None."""
    s = steps.Sample(dt if plan.period == 1 else dt / plan.period, real)
    finite = [dt.of("Sqrt", dt)] if plan.knows_missing else [x, dt.of("Sqrt", dt)]
    walk = _Walk(plan, s, h, x, given, finite)
    for group in walk.groups:
        if plan.steps[group[0]].holds:
            walk.held(group)
        else:
            walk.step(group[0])
    return walk.end()


class _Walk:
    """The values of the steps so far, and the new numbers of the state; steps go in groups: cells that hold at a gap of zero and
    follow each other together, every other one alone."""

    def __init__(self, plan: Plan, s: steps.Sample, h: Value, x: Value, given: Any, finite: list[Value]) -> None:
        self.plan, self.s, self.h, self.given, self.finite = plan, s, h, given, finite
        self.values = [x]
        self.groups = list[list[int]]()
        for k, step in enumerate(plan.steps[1:], 1):
            if step.holds and self.groups and plan.steps[self.groups[-1][-1]].holds:
                self.groups[-1].append(k)
            else:
                self.groups.append([k])
        remembering = [group for group in self.groups if len(plan.steps[group[0]].place)]
        sizes = [sum(len(plan.steps[k].place) for k in group) for group in remembering]
        self.old = dict(zip((group[0] for group in remembering), h.split(sizes), strict=True))
        self.first = dict(
            zip(self.old, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True)
        )  # where they stand in the state
        self.new = dict[int, Value]()
        self.refused: Value | None = None

    def step(self, k: int) -> None:
        """Any step but a cell that holds."""
        step, s = self.plan.steps[k], self.s
        arguments: dict[str, Any] = {**step.arrays, **step.options}
        arguments |= {"width": self.plan.width(step)} if step.kind in SIZED else {}
        arguments |= {"outputs": step.outputs} if step.kind in SHAPED else {}
        if step.kind == "static":
            self.values.append(self.given)
        elif step.kind == "pick":
            self.values.append(self._picked(step))
        elif step.kind in CELLS:
            new = getattr(cells, step.kind)(self._read(step), s.t, self.old[k], **arguments)
            self._remember(k, new if s.real is None else s.real.where(new, self.old[k]))
            self.values.append(self.new[k])
        elif k in self.old:
            value, new = getattr(steps, step.kind)(self._read(step), s, self.old[k], **arguments)
            self._remember(k, new)
            self.values.append(value)
        else:
            read = [self._read(step), s] if step.kind in TIMED else [self._read(step)]
            self.values.append(getattr(steps, step.kind)(*read, **arguments))

    def held(self, group: list[int]) -> None:
        """Cells that hold: the first reads what the one below it would be if the gap is not zero, so all are held at once."""
        old, first = self.old[group[0]], self.first[group[0]]
        places = {k: self.plan.steps[k].place - first for k in group}
        width = sum(map(len, places.values()))
        for k in group:
            step = self.plan.steps[k]
            arrays, h = step.arrays, old
            if step.kind == "cfc":
                arrays = cells.heard_by(arrays, step.options["layers"], places[k], width)
            elif len(group) > 1:
                h = old.pick(places[k])
            self.values.append(getattr(cells, step.kind)(self._read(step), self.s.t, h, **arrays, **step.options))
        order = sorted(group, key=lambda k: int(places[k][0]))
        new, place = concat([self.values[k] for k in order]), np.concatenate([places[k] for k in order])
        new = new if (np.diff(place) == 1).all() else new.pick(np.argsort(place))
        self.finite.append(new)
        t = self.s.t
        if group[0] == max(self.old):  # nothing behind remembers: what is refused can be held in the same way
            self.refused = self._refused()
            t = t + self.refused
        self.new[group[0]] = held = t.of("Greater", t, 0.0).where(new, old)
        for k in group:
            self.values[k] = held if len(group) == 1 else held.pick(places[k])

    def end(self) -> tuple[Value, Value]:
        """The answer and the new state."""
        new = concat([self.new[k] for k in sorted(self.new)])
        refused, alone = self.refused, len(self.new) == 1
        if refused is None:
            refused, alone = self._refused(), False
        return self.values[-1] + refused, new if alone else refused.of("IsNaN", refused).where(self.h, new)

    def _remember(self, k: int, new: Value) -> None:
        self.new[k] = new
        self.finite.append(new)

    def _refused(self) -> Value:
        """(batch, 1): zero, or NaN where something is not finite."""
        widths = self.plan.inputs * (not self.plan.knows_missing) + 1
        widths += sum(len(step.place) for step in self.plan.steps)
        return concat(self.finite).times(np.zeros((widths, 1)))

    def _read(self, step: Step) -> Value:
        """The sources of a step side by side."""
        return concat([self.values[source] for source in step.sources])

    def _picked(self, step: Step) -> Value:
        """Some of the sources' numbers; those of one source are taken from it alone."""
        which: Array = step.arrays["which"]
        ends = np.cumsum([self.plan.steps[source].outputs for source in step.sources])
        owners = set(np.searchsorted(ends, which, side="right").tolist())
        if len(owners) > 1:
            return steps.pick(self._read(step), which)
        (owner,) = owners
        source = step.sources[owner]
        width = self.plan.steps[source].outputs
        which = which - (ends[owner] - width)
        return (
            self.values[source] if np.array_equal(which, np.arange(width)) else steps.pick(self.values[source], which)
        )
