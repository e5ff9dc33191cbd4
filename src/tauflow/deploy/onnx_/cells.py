"""The cells' steps as ONNX nodes: the new state, as numpy_steps.py has them.

z: what a cell reads    t: the gap in periods, (batch, 1)    h: its state    The rest are its weights and options.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..plan import Array, ExportError
from .steps import act, exp, greater, lesser, log, move, sigmoid, tanh, weight
from .values import Value, concat

MOST_SUBSTEPS = 100  # they are written out one after the other


def check_substeps(substeps: int) -> range:
    if substeps > MOST_SUBSTEPS:
        raise ExportError(
            f"a cell takes {substeps} substeps, which an ONNX graph writes out one by one, at most {MOST_SUBSTEPS}: "
            "use fewer and the solver exponential or exponential_midpoint, or export to c or numpy"
        )
    return range(substeps)


def ctrnn(z: Value, t: Value, h: Value, W: Array, U: Array, b: Array, rate: Array, **how: Any) -> Value:
    """dh/dt = -rate h + sigma(W h + U x + b)"""
    a, u = weight(how["solver"], t * (rate / how["substeps"])), z.linear(U, b)
    for _ in check_substeps(how["substeps"]):
        h = move(h, act(how["sigma"], h.linear(W, u)) / rate, a)
    return h


def gated_ltc(z: Value, t: Value, h: Value, W: Array, U: Array, b: Array, rate: Array, A: Array, **how: Any) -> Value:
    """dh/dt = -(rate + f) h + f A,  f = sigma(W h + U x + b)"""
    u, gap = z.linear(U, b), t / float(how["substeps"])
    for _ in check_substeps(how["substeps"]):
        f = act(how["sigma"], h.linear(W, u))
        whole = f + rate
        h = move(h, f * A / whole, weight(how["solver"], gap * whole))
    return h


def gruode(z: Value, t: Value, h: Value, W: Array, U: Array, b: Array, solver: str, substeps: int) -> Value:
    """dh/dt = (1 - z) (g - h)"""
    n, gap = len(W) // 3, t / float(substeps)
    gates, fresh = z.linear(U, b).split([2 * n, n])
    for _ in check_substeps(substeps):
        reset, update = h.linear(W[: 2 * n], gates).split([n, n])
        g = tanh((sigmoid(reset) * h).linear(W[2 * n :], fresh))
        h = move(h, g, weight(solver, gap * greater(sigmoid(-update), 1e-12)))
    return h


def cfc(z: Value, t: Value, h: Value, mode: str, sigma: str, layers: int, **w: Any) -> Value:
    """From f1 to f2 by the gate s = sigmoid(time_a t + time_b); "pure" is the closed form itself.

    A node costs more than its numbers do, so the gate's argument is one product, of [z, t z, t]; without a backbone all maps read that.
    """
    parts = [z, h]
    for k in range(layers):
        parts = [act(sigma, concat(parts).linear(w[f"W{k}"], w[f"b{k}"]))]
    if mode == "pure":
        f1 = concat(parts).linear(w["ff1"], w["ff1_b"])
        decayed = exp(-lesser(t * (f1.of("Abs", f1) + w["w_tau"]), 80.0)) * f1
        return f1.of("Sub", w["A"], decayed * w["A"])
    timed = concat([*parts, *(part * t for part in parts), t])
    z, told = (parts[0], 0) if layers else (timed, w["time_a"].shape[1] + 1)
    f1, f2 = (tanh(z.linear(np.pad(w[one], ((0, 0), (0, told))), w[f"{one}_b"])) for one in ("ff1", "ff2"))
    s = sigmoid(timed.linear(np.concatenate([w["time_b"], w["time_a"], w["time_a_b"][:, None]], axis=1), w["time_b_b"]))
    return move(f1, f2, s) if mode == "default" else f1 + f2 * s


def heard_by(arrays: dict[str, Array], layers: int, place: Array, width: int) -> dict[str, Array]:
    """The weights of a CfC whose own state stands at `place` of a state of `width` numbers, for all of which it then asks."""
    first = ["W0"] if layers else [name for name in ("ff1", "ff2", "time_a", "time_b") if name in arrays]
    spread = dict(arrays)
    for name in first:
        W = arrays[name]
        inputs = W.shape[1] - len(place)
        spread[name] = np.zeros((len(W), inputs + width), W.dtype)
        spread[name][:, :inputs] = W[:, :inputs]
        spread[name][:, inputs + place] = W[:, inputs:]
    return spread


def ltc(z: Value, t: Value, h: Value, solver: str, substeps: int, **w: Any) -> Value:
    """cm dv/dt = sum of conductance (reversal - v) over leak and synapses, those of a neuron side by side."""
    n, gap = len(w["leak_current"]), t / float(substeps)
    synapses, sensory = (_Synapses(prefix, n, w) for prefix in ("", "sensory_"))

    def towards(base: Value, v: Value, gap: Value) -> Value:
        pull, open_ = synapses(v)
        current, conductance = sensed[0] + pull, sensed[1] + open_
        return move(base, current / conductance, weight(solver, gap * (conductance * w["elastance"])))

    pull, open_ = sensory(z)
    sensed = pull + w["leak_current"], open_ + w["leak_conductance"]
    for _ in check_substeps(substeps):
        h = towards(h, towards(h, h, gap * 0.5) if solver == "exponential_midpoint" else h, gap)
    return h


class _Synapses:
    """Those that lead to each of n neurons, (n, most that one has); where one has fewer the rest weigh nothing."""

    def __init__(self, prefix: str, n: int, w: dict[str, Array]) -> None:
        source, target = w[prefix + "source"], w[prefix + "target"]
        count = np.bincount(target, minlength=n)
        column = np.arange(len(target)) - np.repeat(
            np.cumsum(count) - count, count
        )  # they come in the order of their targets
        shape = n, max(int(count.max(initial=0)), 1)
        self.source = np.zeros(shape, np.int64)
        self.source[target, column] = source
        self.parts = dict[str, Array]()
        for name in ("sigma", "mu", "w", "pull"):
            self.parts[name] = np.zeros(shape, w[prefix + name].dtype)
            self.parts[name][target, column] = w[prefix + name]

    def __call__(self, v: Value) -> tuple[Value, Value]:
        """The sums of pull and of conductance that each neuron hears, (batch, n)."""
        w = self.parts
        open_ = sigmoid((v.pick(self.source) - w["mu"]) * w["sigma"])  # (batch, n, most)
        return (open_ * w["pull"]).sum(axis=2), (open_ * w["w"]).sum(axis=2)


def rnn(z: Value, t: Value, h: Value, W: Array, U: Array, b: Array, c: Array) -> Value:
    """tanh(W h + U [x, log(1 + t)])"""
    return tanh(_told(z, t, h).linear(np.concatenate([U, W], axis=1), b + c))


def gru(z: Value, t: Value, h: Value, W: Array, U: Array, b: Array, c: Array) -> Value:
    """(1 - z) n + z h"""
    n = len(W) // 3
    u = concat([z, log(t + 1.0)]).linear(U, b)
    gates, fresh = u.split([2 * n, n])
    reset, update = sigmoid(h.linear(W[: 2 * n], c[: 2 * n]) + gates).split([n, n])
    return move(tanh(fresh + reset * h.linear(W[2 * n :], c[2 * n :])), h, update)


def gru_decay(z: Value, t: Value, h: Value, rate: Array, **w: Any) -> Value:
    """A GRU whose state decays over the gap."""
    return gru(z, t, h * exp(-lesser(t * rate, 80.0)), **w)


def lstm(z: Value, t: Value, h: Value, W: Array, U: Array, b: Array, c: Array) -> Value:
    """[h, c]:  c' = f c + i g,  h' = o tanh(c')"""
    n = len(W) // 4
    shown, kept = h.split([n, n])
    i, f, g, o = _told(z, t, shown).linear(np.concatenate([U, W], axis=1), b + c).split([n] * 4)
    cell = sigmoid(f) * kept + sigmoid(i) * tanh(g)
    return concat([sigmoid(o) * tanh(cell), cell])


def _told(z: Value, t: Value, h: Value) -> Value:
    return concat([z, log(t + 1.0), h])
