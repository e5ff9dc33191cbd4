"""The steps in NumPy, one function a kind: an export copies the source of those that it needs into its file.

z: what a step reads, side by side    t: the gap in periods    h: what it remembers    The rest are its weights and options.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any  # NumPy's, of the network's number type; what its operators give has no type of its own


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + e), e / (1 + e))


def softplus(z: Array) -> Array:
    """log(1 + exp(z))"""
    return np.where(z > 20, z, np.log1p(np.exp(np.minimum(z, 20))))


def act(name: str, z: Array) -> Array:
    """The activation called `name`."""
    match name:
        case "tanh":
            return np.tanh(z)
        case "sigmoid":
            return sigmoid(z)
        case "relu":
            return np.maximum(z, 0)
        case "lecun_tanh":
            return 1.7159 * np.tanh(0.666 * z)
        case "softplus":
            return softplus(z)
        case "softsign":
            return z / (1 + np.abs(z))
        case "silu":
            return z * sigmoid(z)
        case "gelu":
            return z * np.array([0.5 * (1 + math.erf(one / math.sqrt(2))) for one in z.tolist()], z.dtype)
    return z


def weight(solver: str, z: Array) -> Array:
    """How far a step of dt rate = z moves the state towards drive / rate."""
    if solver == "semi_implicit":
        return z / (1 + z)
    if solver == "euler":
        if not z.max() <= 1:
            raise ValueError(f"a step of {z.max():.3g} time constants is too long for Euler, its limit is 1")
        return z
    return -np.expm1(-np.minimum(z, 80))


def move(h: Array, q: Array, a: Array) -> Array:
    """From h towards q by the share a."""
    return np.where(a < 0.5, h + a * (q - h), q - (1 - a) * (q - h))


def standardize(z: Array, mean: Array, inverse: Array) -> Array:
    """In units of the spread."""
    return (z - mean) * inverse


def affine(z: Array, w: Array, b: Array) -> Array:
    """z w + b"""
    return z * w + b


def carry(z: Array, t: float, h: Array) -> tuple[Array, Array]:
    """[last known value, known now, log(1 + time since)] and what is remembered; NaN is unknown."""
    known = ~np.isnan(z)
    value = np.where(known, z, h[: len(z)])
    since = np.where(known, 0, h[len(z) :] + t)
    return np.concatenate([value, known, np.log1p(since)]).astype(z.dtype), np.concatenate([value, since])


def waves(z: Array, t: float, periods: Array, columns: Array) -> Array:
    """[z, t, cosines, sines] of the gap and of some columns."""
    turns = (2 * math.pi) * (np.array([t, *z[columns]], z.dtype)[:, None] / periods).ravel()
    return np.concatenate([z, [t], np.cos(turns), np.sin(turns)]).astype(z.dtype)


def dense(z: Array, W: Array, b: Array, sigma: str) -> Array:
    """sigma(W z + b)"""
    return act(sigma, W @ z + b)


def convolve(z: Array, W: Array, b: Array, shape: Any, stride: Any, padding: Any, sigma: str) -> Array:
    """Windows of channels x height x width, each through sigma(W . window + b)."""
    image = np.pad(z.reshape(shape), [(0, 0), (padding[0],) * 2, (padding[1],) * 2])
    windows = np.lib.stride_tricks.sliding_window_view(image, W.shape[2:], axis=(1, 2))
    windows = windows[:, :: stride[0], :: stride[1]]
    return act(sigma, (np.tensordot(W, windows, ((1, 2, 3), (0, 3, 4))) + b[:, None, None]).ravel())


def lookup(z: Array, table: Array) -> Array:
    """Row number z[0]."""
    if not (0 <= z[0] < len(table) and z[0] == int(z[0])):
        raise ValueError(f"x is {z[0]}, expected a whole number from 0 to {len(table) - 1}")
    return table[int(z[0])]


def pool(z: Array, h: Array, how: str, score: Any = None) -> tuple[Array, Array]:
    """last, mean, max or attention of the samples so far, and what is remembered."""
    if how == "last":
        return z, z
    if how == "mean":
        new = h + np.concatenate([[1], z])
        return new[1:] / new[0], new
    if how == "max":
        new = np.maximum(h, z)
        return new, new
    mine = score @ z
    most = max(mine, h[0])
    sums = h[1:] * np.exp(h[0] - most) + np.concatenate([[1], z]) * np.exp(mine - most)
    return sums[1:] / max(sums[0], 1e-30), np.concatenate([[most], sums])


def pick(z: Array, which: Array) -> Array:
    """Some of the numbers."""
    return z[which]


def add(z: Array, outputs: int) -> Array:
    """The sum of the vectors that stand side by side."""
    return z.reshape(-1, outputs).sum(axis=0)


def average(z: Array, outputs: int, how: str, columns: int) -> Array:
    """The mean of several answers; of log-probabilities and of normals that of the mixture."""
    ys = z.reshape(-1, outputs)
    if how == "log":
        most = ys.max(axis=0)
        return most + np.log(np.exp(ys - most).mean(axis=0))
    mean = ys.mean(axis=0)
    if how == "normal":
        away = ys[:, :columns] - mean[:columns]
        mean[columns:] = np.sqrt((ys[:, columns:] ** 2 + away**2).mean(axis=0))
    return mean


def quantiles(z: Array, columns: int, middle: int) -> Array:
    """Rising levels: softplus(z) are the distances from the middle one."""
    levels = z.reshape(-1, columns)
    steps = softplus(levels)
    above, below = np.cumsum(steps[middle + 1 :], axis=0), np.cumsum(steps[:middle][::-1], axis=0)[::-1]
    return np.concatenate([levels[middle] - below, levels[middle : middle + 1], levels[middle] + above]).ravel()


def positive(z: Array, least: Array, first: int) -> Array:
    """softplus(z) + least, from the number `first` on."""
    return np.concatenate([z[:first], softplus(z[first:]) + least])


def log_softmax(z: Array) -> Array:
    """z - log sum exp z"""
    z = z - z.max()
    return z - np.log(np.exp(z).sum())


def squash(z: Array, low: Array, high: Array) -> Array:
    """low + (high - low) sigmoid(z)"""
    return move(low, high, sigmoid(z))


def ctrnn(z: Array, t: float, h: Array, W: Array, U: Array, b: Array, rate: Array, **how: Any) -> Array:
    """dh/dt = -rate h + sigma(W h + U x + b)"""
    a = weight(how["solver"], t / how["substeps"] * rate)
    for _ in range(how["substeps"]):
        h = move(h, act(how["sigma"], W @ h + U @ z + b) / rate, a)
    return h


def gated_ltc(z: Array, t: float, h: Array, W: Array, U: Array, b: Array, rate: Array, A: Array, **how: Any) -> Array:
    """dh/dt = -(rate + f) h + f A,  f = sigma(W h + U x + b)"""
    for _ in range(how["substeps"]):
        f = act(how["sigma"], W @ h + U @ z + b)
        h = move(h, f * A / (rate + f), weight(how["solver"], t / how["substeps"] * (rate + f)))
    return h


def gruode(z: Array, t: float, h: Array, W: Array, U: Array, b: Array, solver: str, substeps: int) -> Array:
    """dh/dt = (1 - z) (g - h)"""
    n, u = len(h), U @ z + b
    for _ in range(substeps):
        w = W[: 2 * n] @ h + u[: 2 * n]
        g = np.tanh(W[2 * n :] @ (sigmoid(w[:n]) * h) + u[2 * n :])
        h = move(h, g, weight(solver, t / substeps * np.maximum(sigmoid(-w[n:]), 1e-12)))
    return h


def cfc(z: Array, t: float, h: Array, mode: str, sigma: str, layers: int, **w: Any) -> Array:
    """From f1 to f2 by the gate s = sigmoid(time_a t + time_b); "pure" is the closed form itself."""
    z = np.concatenate([z, h])
    for k in range(layers):
        z = act(sigma, w[f"W{k}"] @ z + w[f"b{k}"])
    f1 = w["ff1"] @ z + w["ff1_b"]
    if mode == "pure":
        return w["A"] - w["A"] * np.exp(-np.minimum(t * (w["w_tau"] + np.abs(f1)), 80)) * f1
    f1, f2 = np.tanh(f1), np.tanh(w["ff2"] @ z + w["ff2_b"])
    s = sigmoid((w["time_a"] @ z + w["time_a_b"]) * t + w["time_b"] @ z + w["time_b_b"])
    return move(f1, f2, s) if mode == "default" else f1 + f2 * s


def ltc(z: Array, t: float, h: Array, solver: str, substeps: int, **w: Any) -> Array:
    """cm dv/dt = sum of conductance (reversal - v) over leak and synapses; only those that exist are listed."""
    n, gap = len(h), t / substeps

    def hear(prefix: str, v: Array) -> tuple[Array, Array]:
        source, target = w[prefix + "source"], w[prefix + "target"]
        open_ = sigmoid(w[prefix + "sigma"] * (v[source] - w[prefix + "mu"]))
        sums = [np.bincount(target, open_ * w[prefix + name], n).astype(v.dtype) for name in ("pull", "w")]
        return sums[0], sums[1]

    def towards(base: Array, v: Array, gap: float) -> Array:
        pull, open_ = hear("", v)
        current, conductance = sensed[0] + pull, sensed[1] + open_
        return move(base, current / conductance, weight(solver, gap * (conductance * w["elastance"])))

    pull, open_ = hear("sensory_", z)
    sensed = w["leak_current"] + pull, w["leak_conductance"] + open_
    for _ in range(substeps):
        h = towards(h, towards(h, h, gap / 2) if solver == "exponential_midpoint" else h, gap)
    return h


def rnn(z: Array, t: float, h: Array, W: Array, U: Array, b: Array, c: Array) -> Array:
    """tanh(W h + U [x, log(1 + t)])"""
    u = U @ np.append(z, z.dtype.type(math.log1p(t))) + b
    return np.tanh(u + (W @ h + c))


def gru(z: Array, t: float, h: Array, W: Array, U: Array, b: Array, c: Array) -> Array:
    """(1 - z) n + z h"""
    n, u, w = len(h), U @ np.append(z, z.dtype.type(math.log1p(t))) + b, W @ h + c
    fresh = np.tanh(u[2 * n :] + sigmoid(u[:n] + w[:n]) * w[2 * n :])
    return move(fresh, h, sigmoid(u[n : 2 * n] + w[n : 2 * n]))


def gru_decay(z: Array, t: float, h: Array, rate: Array, **w: Any) -> Array:
    """A GRU whose state decays over the gap."""
    return gru(z, t, h * np.exp(-np.minimum(t * rate, 80)), **w)


def lstm(z: Array, t: float, h: Array, W: Array, U: Array, b: Array, c: Array) -> Array:
    """[h, c]:  c' = f c + i g,  h' = o tanh(c')"""
    n = len(h) // 2
    s = U @ np.append(z, z.dtype.type(math.log1p(t))) + b + (W @ h[:n] + c)
    cell = sigmoid(s[n : 2 * n]) * h[n:] + sigmoid(s[:n]) * np.tanh(s[2 * n : 3 * n])
    return np.concatenate([sigmoid(s[3 * n :]) * np.tanh(cell), cell])
