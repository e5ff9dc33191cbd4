"""The steps as ONNX nodes, one function a kind, as numpy_steps.py has them.

z: what a step reads, side by side    s: the sample it belongs to    h: what it remembers    The rest are its weights and options.
ONNX has no expm1: 1 - exp(-z) is 2 t / (1 + t) with t = tanh(z / 2), which loses no digit where z is small.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ..plan import Array
from .values import Operand, Value, concat


class Sample(NamedTuple):
    """t: the gap in periods, (batch, 1). real: where a mask has a sample, (batch, 1); None without a mask."""

    t: Value
    real: Value | None


def tanh(z: Value) -> Value:
    return z.of("Tanh", z)


def sigmoid(z: Value) -> Value:
    return z.of("Sigmoid", z)


def exp(z: Value) -> Value:
    return z.of("Exp", z)


def log(z: Value) -> Value:
    return z.of("Log", z)


def lesser(a: Value, b: Operand) -> Value:
    return a.of("Min", a, b)


def greater(a: Value, b: Operand) -> Value:
    return a.of("Max", a, b)


def act(name: str, z: Value) -> Value:
    """The activation called `name`."""
    match name:
        case "tanh":
            return tanh(z)
        case "sigmoid":
            return sigmoid(z)
        case "relu":
            return z.of("Relu", z)
        case "lecun_tanh":
            return tanh(z * 0.666) * 1.7159
        case "softplus":
            return z.of("Softplus", z)
        case "softsign":
            return z.of("Softsign", z)
        case "silu":
            return z * sigmoid(z)
        case "gelu":
            return z * ((z.of("Erf", z * math.sqrt(0.5)) + 1.0) * 0.5)
    return z


def weight(solver: str, z: Value) -> Value:
    """How far a step of dt rate = z moves the state towards drive / rate; NaN where it is too long for Euler."""
    if solver == "semi_implicit":
        z = lesser(z, 1e30)
        return z / (z + 1.0)
    if solver == "euler":
        return z.of("LessOrEqual", z, 1.0).where(z, math.nan)
    half = tanh(z * 0.5)
    return (half + half) / (half + 1.0)


def move(h: Value, q: Value, a: Value) -> Value:
    """From h towards q by the share a."""
    return h + a * (q - h)


def standardize(z: Value, mean: Array, inverse: Array) -> Value:
    """In units of the spread."""
    return (z - mean) * inverse


def affine(z: Value, w: Array, b: Array) -> Value:
    """z w + b"""
    return z * w + b


def carry(z: Value, s: Sample, h: Value, outputs: int) -> tuple[Value, Value]:
    """[last known value, known now, log(1 + time since)] and what is remembered; NaN is unknown."""
    n = outputs // 3
    value, since = h.split([n, n])
    unknown = z.of("IsNaN", z)
    value, since = unknown.where(value, z), unknown.where(since + s.t, 0.0)
    return concat([value, unknown.where(0.0, 1.0), log(since + 1.0)]), concat([value, since])


def waves(z: Value, s: Sample, periods: Array, columns: Array) -> Value:
    """[z, t, cosines, sines] of the gap and of some columns."""
    timed = concat([s.t, z.pick(columns)]) if len(columns) else s.t
    count = 1 + len(columns)
    turns = timed.of("Gather", timed, np.repeat(np.arange(count), len(periods)), axis=1)
    turns = turns / np.tile(periods, count) * (2 * math.pi)
    return concat([z, s.t, z.of("Cos", turns), z.of("Sin", turns)])


def dense(z: Value, W: Array, b: Array, sigma: str) -> Value:
    """sigma(W z + b)"""
    return act(sigma, z.linear(W, b))


def convolve(z: Value, W: Array, b: Array, shape: Any, stride: Any, padding: Any, sigma: str, outputs: int) -> Value:
    """Windows of channels x height x width, each through sigma(W . window + b)."""
    image = z.reshape(*shape)
    made = z.of("Conv", image, W, b, strides=list(stride), pads=[*padding, *padding])
    return act(sigma, made.reshape(outputs))


def lookup(z: Value, table: Array) -> Value:
    """Row number z[0]; NaN where there is none."""
    inside = z.of("And", z.of("GreaterOrEqual", z, 0.0), z.of("Less", z, float(len(table))))
    known = z.of("And", inside, z.of("Equal", z.of("Floor", z), z))
    number = z.of("Cast", known.where(z, 0.0), to=z.of.onnx.TensorProto.INT64)
    row = z.of("Gather", table, number.of("Squeeze", number, [1]), axis=0)
    return known.where(row, math.nan)


def pool(z: Value, s: Sample, h: Value, how: str, outputs: int, score: Any = None) -> tuple[Value, Value]:
    """last, mean, max or attention of the samples so far, and what is remembered."""
    if how in ("last", "max"):
        new = z if how == "last" else greater(h, z)
        new = new if s.real is None else s.real.where(new, h)
        shown = new if how == "last" or s.real is None else z.of("Greater", new, -1e30).where(new, 0.0)
        return shown, new
    if how == "mean":
        count, total = h.split([1, outputs])
        new = concat([count + 1.0, total + z])
        new = new if s.real is None else s.real.where(new, h)
        count, total = new.split([1, outputs])
        return total / greater(count, 1.0), new
    before, count, total = h.split([1, 1, outputs])
    mine = z.times(score[:, None])
    largest = greater(mine, before)
    keep, add = exp(before - largest), exp(mine - largest)
    new = concat([largest, count * keep + add, total * keep + z * add])
    new = new if s.real is None else s.real.where(new, h)
    _, count, total = new.split([1, 1, outputs])
    return total / greater(count, 1e-30), new


def pick(z: Value, which: Array) -> Value:
    """Some of the numbers."""
    return z.pick(which)


def add(z: Value, outputs: int, width: int) -> Value:
    """The sum of the vectors that stand side by side."""
    return z.reshape(width // outputs, outputs).sum()


def average(z: Value, outputs: int, width: int, how: str, columns: int) -> Value:
    """The mean of several answers; of log-probabilities and of normals that of the mixture."""
    count = width // outputs
    if how == "log":
        ys = z.reshape(count, outputs)
        return z.of("ReduceLogSumExp", ys, [1], keepdims=0) - math.log(count)
    mean = z.reshape(count, outputs).sum() / float(count)
    if how == "mean":
        return mean
    means, spreads = (one.reshape(count, columns) for one in _halves(z, count, outputs, columns))
    middle = mean.part(0, columns)
    away = means - middle.reshape(1, columns)
    return concat([middle, z.of("Sqrt", (spreads * spreads + away * away).sum() / float(count))])


def _halves(z: Value, count: int, outputs: int, columns: int) -> tuple[Value, Value]:
    """The means of all answers side by side, and the rest of them."""
    place = np.arange(count * outputs).reshape(count, outputs)
    return z.pick(place[:, :columns].ravel()), z.pick(place[:, columns:].ravel())


def quantiles(z: Value, columns: int, middle: int, width: int) -> Value:
    """Rising levels: softplus(z) are the distances from the middle one."""
    at, count = middle * columns, width // columns
    centre, parts = z.part(at, at + columns), list[Value]()
    if middle > 0:
        steps = act("softplus", z.part(0, at)).reshape(middle, columns)
        below = z.of("CumSum", steps, np.array(1), reverse=1)
        parts.append((centre.reshape(1, columns) - below).reshape(at))
    parts.append(centre)
    if middle < count - 1:
        steps = act("softplus", z.part(at + columns, width)).reshape(count - 1 - middle, columns)
        above = z.of("CumSum", steps, np.array(1))
        parts.append((centre.reshape(1, columns) + above).reshape(width - at - columns))
    return concat(parts)


def positive(z: Value, least: Array, first: int, width: int) -> Value:
    """softplus(z) + least, from the number `first` on."""
    if first == 0:
        return act("softplus", z) + least
    return concat([z.part(0, first), act("softplus", z.part(first, width)) + least])


def log_softmax(z: Value) -> Value:
    """z - log sum exp z"""
    return z.of("LogSoftmax", z, axis=1)


def squash(z: Value, low: Array, high: Array) -> Value:
    """low + (high - low) sigmoid(z), within its limits whatever the rounding."""
    return lesser(sigmoid(z) * (high - low) + low, high)
