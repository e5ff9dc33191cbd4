"""How large the numbers of a network get over some samples: what 16 bits have to hold. The network runs here step by step, in NumPy."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .. import numpy_steps
from ..numpy_ import SIZED, TIMED
from ..plan import Array, Plan, Step


class Ranges(NamedTuple):
    """The largest size of every value and of every drive f (0 where a step has none), of the state (state,) and each input (inputs,);
    the means of the values, of the state and of log(1 + dt), with which a map makes up for the rounding of its weights."""

    values: list[float]
    drives: list[float]
    state: Array
    inputs: Array
    value_means: list[Array]
    state_mean: Array
    gap_mean: float


def measure(plan: Plan, x: Array, dt: Array, given: Array | None = None) -> Ranges:
    """Run samples x (n, inputs), dt (n,) through the plan."""
    arrays = [_double(step) for step in plan.steps]
    h, count = plan.first.astype(float), len(plan.steps)
    values, drives, sums = [0.0] * count, [0.0] * count, [np.zeros(step.outputs) for step in plan.steps]
    most, total, inputs, log_gaps = np.abs(h), np.zeros(len(h)), np.zeros(plan.inputs), 0.0
    with np.errstate(all="ignore"):
        for sample, gap in zip(np.asarray(x, float), np.asarray(dt, float) / plan.period, strict=True):
            before, total = h, total + h
            made, h = _walk(plan, arrays, sample, float(gap), h, given)
            for k, (step, value) in enumerate(zip(plan.steps, made, strict=True)):
                values[k] = float(np.fmax(values[k], np.nanmax(np.abs(value), initial=0.0)))
                sums[k] += np.nan_to_num(value)
                if "U" in arrays[k] and "sigma" in step.options:
                    z = np.concatenate([made[source] for source in step.sources])
                    drives[k] = max(drives[k], _drive(step, arrays[k], z, before[step.place], h[step.place]))
            inputs, log_gaps = np.fmax(inputs, np.abs(sample)), log_gaps + np.log1p(gap)
            most = np.maximum(most, np.abs(h))
    n = max(len(x), 1)
    return Ranges(values, drives, most, inputs, [one / n for one in sums], total / n, log_gaps / n)


def _walk(
    plan: Plan, arrays: list[dict[str, Array]], x: Array, t: float, h: Array, given: Array | None
) -> tuple[list[Array], Array]:
    """One sample: all values, and the state after it."""
    made, new = [x], h.copy()
    for k, step in enumerate(plan.steps[1:], 1):
        if step.kind == "static":
            made.append(np.asarray(given, float))
        else:
            z = np.concatenate([made[source] for source in step.sources])
            made.append(_one(step, arrays[k], z, t, h, new))
    return made, new


def _drive(step: Step, w: dict[str, Array], z: Array, *states: Array) -> float:
    """The largest f = sigma(W h + U z + b) before and after a sample."""
    found = [numpy_steps.act(step.options["sigma"], w["W"] @ h + w["U"] @ z + w["b"]) for h in states]
    return float(np.abs(found).max())


def _one(step: Step, arrays: dict[str, Array], z: Array, t: float, h: Array, new: Array) -> Array:
    function = getattr(numpy_steps, step.kind)
    arguments = [z, *([t] if step.kind in TIMED else []), *([h[step.place]] if len(step.place) else [])]
    more = {"outputs": step.outputs} if step.kind in SIZED else {}
    value: Any = h[step.place] if step.holds and t <= 0 else function(*arguments, **more, **step.options, **arrays)
    if isinstance(value, tuple):  # carry and pool: the value, and what they remember
        value, new[step.place] = value
    elif len(step.place):
        new[step.place] = value
    return np.asarray(value)


def _double(step: Step) -> dict[str, Array]:
    return {name: one.astype(float) if one.dtype.kind == "f" else one for name, one in step.arrays.items()}
