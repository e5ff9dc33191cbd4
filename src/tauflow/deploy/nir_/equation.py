"""What NIR has a form for: one CTRNN between linear maps.

    dh/dt = -h / tau + sigma(W h + U x + b),    y = V h + D x + v

Scales, linear readouts and heads are linear maps and become part of U, b, V, D and v. All else has no exact form in NIR, whose neurons have
time constants that stand still and whose nodes never multiply two signals; it is refused by name.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from ...activations import ACTIVATIONS, Activation
from ..plan import Array, ExportError, Plan, Step

MOVING = "its time constants follow its state and input, and the neurons of NIR have fixed ones"
GATED = "it multiplies signals by gates, and no node of NIR multiplies two signals"
REASONS = {
    "ltc": MOVING, "gated_ltc": MOVING, "gruode": GATED, "cfc": f"{MOVING}; {GATED}",
    "gru": GATED, "gru_decay": GATED, "lstm": GATED, "rnn": "it jumps from sample to sample, and NIR describes flows in time",
    "carry": "what is missing is carried on by a memory that NIR has not", "waves": "NIR knows no gap between samples, only time",
    "pool": "a pool over the samples so far has no node",
    "lookup": "a table of tokens has no node", "convolve": "its activation stands outside of the core",
    "log_softmax": "a softmax has no node", "average": "a committee has several cores",
}  # fmt: skip


class Equation(NamedTuple):
    """The letters of the equation above; tau in periods, `period` in the unit of dt."""

    W: Array
    U: Array
    b: Array
    tau: Array
    sigma: Activation
    V: Array
    D: Array
    v: Array
    period: float


class _Linear(NamedTuple):
    """A value as X x + H h + c."""

    X: Array
    H: Array
    c: Array

    def mapped(self, M: Array) -> _Linear:
        return _Linear(M @ self.X, M @ self.H, M @ self.c)


def equation(plan: Plan) -> Equation:
    """The equation of a plan; ExportError says what has no form in NIR, and why."""
    cores = [step for step in plan.steps if step.kind == "ctrnn"]
    for step in plan.steps[1:]:
        _check(step)
    if len(cores) != 1:
        raise ExportError(
            f"this network has {len(cores)} CTRNN cores, NIR takes one: an upper layer reads the new state of the lower one within a step, "
            "and NIR has no such order"
        )
    (core,) = cores
    n, read = core.outputs, list[_Linear]()
    values = [_Linear(np.eye(plan.inputs), np.zeros((plan.inputs, n)), np.zeros(plan.inputs))]
    for step in plan.steps[1:]:
        z = _Linear(*(np.concatenate(parts) for parts in zip(*(values[k] for k in step.sources), strict=True)))
        if step is core:
            read.append(z)
            values.append(_Linear(np.zeros((n, plan.inputs)), np.eye(n), np.zeros(n)))
        else:
            values.append(_mapped(step, z, plan.width(step)))
    return _together(core, read[0], values[-1], plan.period)


def _together(core: Step, read: _Linear, last: _Linear, period: float) -> Equation:
    W, U, b, rate = (core.arrays[name].astype(float) for name in ("W", "U", "b", "rate"))
    return Equation(
        W, U @ read.X, b + U @ read.c, 1 / rate, ACTIVATIONS[core.options["sigma"]], last.H, last.X, last.c, period
    )


def _check(step: Step) -> None:
    sigma = step.options.get("sigma", "identity")
    if step.kind == "ctrnn":
        solver = step.options["solver"]
        if solver != "exponential" or step.options["substeps"] != 1:
            raise ExportError(
                f"this CTRNN takes {step.options['substeps']} substeps of the solver {solver}; NIR holds an equation and no solver, "
                "and its copy is held to the exponential one: build it with solver='exponential', substeps=1"
            )
        if not ACTIVATIONS[sigma].bounded or sigma not in INVERSES:
            raise ExportError(
                f"{sigma} has no form in NIR: a bank of thresholds has a lowest and a highest level; try activation='tanh'"
            )
    elif step.kind in REASONS:
        what = "missing values" if step.kind == "carry" else step.kind
        raise ExportError(f"{what} has no exact form in NIR: {REASONS[step.kind]}; export to c, numpy or onnx instead")
    elif step.kind not in ("standardize", "affine", "pick", "add", "dense") or (
        step.kind == "dense" and sigma != "identity"
    ):
        raise ExportError(
            f"a step {step.kind!r}{f' with {sigma}' if step.kind == 'dense' else ''} has no form in NIR, which has linear maps around the "
            "core: take no encoder, readout='linear', head='values', or export to c, numpy or onnx"
        )


def _mapped(step: Step, z: _Linear, width: int) -> _Linear:
    """A linear step."""
    arrays: dict[str, Any] = {name: np.asarray(one, float) for name, one in step.arrays.items()}
    match step.kind:
        case "standardize":
            moved = _Linear(z.X, z.H, z.c - arrays["mean"])
            return moved.mapped(np.diag(arrays["inverse"]))
        case "affine":
            made = z.mapped(np.diag(arrays["w"]))
            return _Linear(made.X, made.H, made.c + arrays["b"])
        case "dense":
            made = z.mapped(arrays["W"])
            return _Linear(made.X, made.H, made.c + arrays["b"])
        case "pick":
            return z.mapped(np.eye(width)[step.arrays["which"]])
    return z.mapped(np.tile(np.eye(step.outputs), width // step.outputs))


INVERSES: dict[str, Any] = {
    "tanh": np.arctanh,
    "sigmoid": lambda y: np.log(y / (1 - y)),
    "lecun_tanh": lambda y: np.arctanh(y / 1.7159) / 0.666,
}
"""sigma(z) = y of every bounded, rising activation that has a kernel."""


def solve(eq: Equation, x: Array, dt: Array, substeps: int = 1) -> Array:
    """Answers (n, outputs) of the equation itself to samples x (n, inputs) held over gaps dt (n,), each crossed in exponential steps."""
    h, ys = np.zeros(len(eq.tau)), list[Array]()
    for sample, gap in zip(np.asarray(x, float), np.asarray(dt, float) / eq.period, strict=True):
        u, share = eq.U @ sample + eq.b, -np.expm1(-gap / substeps / eq.tau)
        for _ in range(substeps):
            h = h + share * (eq.tau * eq.sigma.function(torch.from_numpy(eq.W @ h + u)).numpy() - h)
        ys.append(eq.V @ h + eq.D @ sample + eq.v)
    return np.stack(ys)
