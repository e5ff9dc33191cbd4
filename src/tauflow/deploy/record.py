"""Samples with uneven gaps and the answers of stream() to them: what every export is measured against, and what it takes along."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..cells import Cell
from ..errors import StepSizeError
from ..network import Committee, Network
from ..sequence import Recurrent
from .plan import Array, ExportError, Plan
from .weighed import Weighed


class Samples(NamedTuple):
    """x (n, inputs) and dt (n,)."""

    x: Array
    dt: Array


class Record(NamedTuple):
    """x (n, inputs), dt (n,), what is given once, and the answers y (n, outputs); `seen`: other samples, for calibration."""

    x: Array
    dt: Array
    given: Array | None
    y: Array
    seen: Samples | None = None

    def first(self, n: int) -> Record:
        return self._replace(x=self.x[:n], dt=self.dt[:n], y=self.y[:n])

    def worst(self, y: Array) -> float:
        """The largest error of other answers, in units of the range of these."""
        reach = max(float(np.ptp(self.y)), float(np.abs(self.y).max()), 1e-30)
        return float(np.abs(np.asarray(y, float) - self.y).max()) / reach


def record(model: Any, plan: Plan, n: int = 1000, seed: int = 0, of: Samples | None = None) -> Record:
    """n samples such as the network was made for; gaps from a tenth of a period to ten, shorter ones where its solver asks for them.

    of: samples of the user's: the last quarter is recorded, at most n of them, and the rest is seen in calibration.
    """
    if of is not None:
        return _record_of(model, plan, n, of)
    rng = np.random.default_rng(seed)
    x = _samples(plan, n, rng)
    given = rng.normal(size=plan.static).astype(plan.dtype) if plan.static else None
    spread = rng.uniform(np.log(0.1), np.log(10.0), n)
    for longest in (10.0, 1.0, 0.1, 0.01):
        dt = (np.exp(spread) * (plan.period * longest / 10)).astype(plan.dtype)
        other = np.random.default_rng([seed, 1])
        gaps = np.exp(other.uniform(np.log(0.1), np.log(10.0), n)) * (plan.period * longest / 10)
        seen = Samples(_samples(plan, n, other), gaps.astype(plan.dtype))
        try:
            return Record(x, dt, given, _streamed(model, x, dt, given), seen)
        except StepSizeError:
            if longest == 0.01:
                raise
    raise AssertionError("the loop above returns or raises")


def _record_of(model: Any, plan: Plan, n: int, of: Samples) -> Record:
    if plan.static:
        raise ExportError("a network with static columns can't be calibrated from a file yet: leave out `calibrate`")
    last = min(n, len(of.x) // 4)
    x, dt = of.x[-last:], of.dt[-last:]
    return Record(x, dt, None, _streamed(model, x, dt, None), Samples(of.x[:-last], of.dt[:-last]))


def _samples(plan: Plan, n: int, rng: np.random.Generator) -> Array:
    """Normal in the units of the scale; whole numbers for a table of tokens; a fifth missing where that is known."""
    x = rng.normal(size=(n, plan.inputs))
    for step in plan.steps[1:]:
        if step.sources == (0,) and step.kind == "standardize":
            x = step.arrays["mean"] + x / step.arrays["inverse"]
        if step.sources == (0,) and step.kind == "lookup":
            x = rng.integers(0, len(step.arrays["table"]), size=(n, 1)).astype(float)
    if plan.knows_missing:
        x[rng.random(x.shape) < 0.2] = np.nan
    return x.astype(plan.dtype)


def _streamed(model: Any, x: Array, dt: Array, given: Array | None) -> Array:
    model = Recurrent(model) if isinstance(model, Cell) else model
    once = {} if given is None or not isinstance(model, (Network, Committee, Weighed)) else {"static": given}
    stream = model.stream(**once)
    return np.stack([stream(sample, float(gap)) for sample, gap in zip(x, dt, strict=True)])
