"""The front: what a sample is beside what is usual of this patient, from his past alone and in continuous time.

    <z>_tau   a leaky mean that forgets by exp(-dt / tau); those below 1 s take z as a straight line between two samples
    a = <<x>_6ms>_6ms     b = <a>_15ms     c = <b>_100ms
    e = <<|a - b|>_30ms>_30ms                   how steep the lead is        w = <<|b - c|>_30ms>_80ms    what is slower than a QRS
    p = max(e, p exp(-dt / 2 s))                log E = <log p>_8s: how steep a usual beat is; W is the same of w
    v = max(e, v exp(-dt / 0.4 s))              what a T wave behind a beat has to exceed
    o = min(1, max(0, e / E - max(1/2, 0.7 v / E)))     a beat is rising
    dS/dt = 1 - (200 / s) o S                   the time since a beat rose; M = <2 S>_8s is the usual time between two
    R                                           what S was before it fell, kept for 0.35 s, then S: the time between the last two
    S = 0.4 s, R = M = 0.8 s                    until a beat rises after the first 0.8 s: the first beat is not early, nothing is known

The network is given numbers without a unit: how early the last beat came, 7 (0.9 - R / M) within 0 and 2.5 while S is between 0.02 and
0.32 s, and 0 elsewhere; a quarter of log(w / e), high behind a wide beat, of log(e / E + 0.1) and of log(w / W + 0.1). No beat is detected:
they are there at every sample and at any rate, and a lead that is turned over or greater gives the same. The equations stand twice:
`Front` goes sample by sample, `fronts` over rows side by side, which training needs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
NAMES = ("early", "wide", "steep", "slow")
A, B, C, E1, W1 = 0.006, 0.015, 0.1, 0.03, 0.08  # s, of the means that take lines
USUAL, PEAK, BEHIND = 8.0, 2.0, 0.4  # s
RISES, TWICE, FALLS = 0.5, 0.7, 200.0  # of E, of v, and 1/s
KEPT, LONGEST, PULSE = 0.35, 3.0, 0.8  # s: how long R is kept, the bound of S, and M before anything is known
QUIET, LEAST = 0.8, 0.003  # s in which a mean is the value itself; mV, below which a lead is noise
BOUND, EARLY, STEEP, MOST = 1.5, 0.9, 7.0, 2.5  # s, the bound of S in M; and of `early`
OPENS, SHUTS, EDGE = 0.02, 0.32, 0.05  # s, where the gate of `early` opens and shuts, and how gently
SAME, MANY = 1e-9, 256  # s, gaps that are one; how many gaps' weights are kept
SHARE = 0.25  # of the logarithms: what is early weighs more than how it looks


def line(dt: Any, tau: float) -> tuple[Any, Any, Any]:
    """Weights of the mean, of the sample before and of the new one, the exact mean of a straight line; dt a number or an array."""
    keep = np.exp(-dt / tau)
    left = (1 - keep) * tau / dt
    return keep, left - keep, 1 - left


class Front:
    """The front sample by sample: `front(x, dt)` gives the four numbers."""

    __slots__ = ("age", "begun", "dt", "known", "state", "weights")

    def __init__(self) -> None:
        self.dt, self.age, self.begun = 0.0, 0.0, False
        self.weights: tuple[float, ...] = ()
        self.known: dict[int, tuple[float, ...]] = {}
        self.state: tuple[float, ...] = ()

    def __call__(self, x: float, dt: float) -> tuple[float, float, float, float]:
        if (
            not -SAME < dt - self.dt < SAME
        ):  # where a device is even, the weights stay for hours; else a few gaps come again and again
            self.dt = dt
            self.weights = self._weights(round(dt / SAME))
        if not self.state:
            self.state = (x, x, x, x, x, *(0.0,) * 9, -6.0, -6.0, PULSE / 2, PULSE, PULSE)
        x0, a1, a, b, c, d, e1, e, s, w1, w, v, p, pw, usual, usual_w, since, between, pulse = self.state
        ak, a0, an, bk, b0, bn, ck, c0, cn, ek, e0, en, wk, w0, wn, keep_p, keep_v, slow = self.weights
        old, a1 = a1, ak * a1 + a0 * x0 + an * x
        was, a = a, ak * a + a0 * old + an * a1
        old, b = b, bk * b + b0 * was + bn * a
        c = ck * c + c0 * old + cn * b
        old, d = d, abs(a - b)
        was, e1 = e1, ek * e1 + e0 * old + en * d
        e = ek * e + e0 * was + en * e1
        old, s = s, abs(b - c)
        was, w1 = w1, ek * w1 + e0 * old + en * s
        w = wk * w + w0 * was + wn * w1
        v *= keep_v
        p *= keep_p
        pw *= keep_p
        if e > v:
            v = e
        if e > p:
            p = e
        if w > pw:
            pw = w
        quick = slow
        if self.age < 10:
            self.age += dt
            quick = min(1.0, slow * min(8.0, max(1.0, 10 / (self.age + 0.5))))
        taken = 1.0 if self.age < QUIET else quick
        usual += taken * (math.log(p + 1e-4) - usual)
        usual_w += taken * (math.log(pw + 1e-4) - usual_w)
        top, top_w = math.exp(usual) + LEAST, math.exp(usual_w) + LEAST
        least, behind = RISES * top, TWICE * v
        over = (e - (least if least > behind else behind)) / top
        if not self.begun:
            self.begun = over > 0 and self.age >= QUIET
        if self.begun:
            if over > 0:
                if since > between:
                    between = since
                since = (since + dt) / (1 + FALLS * (over if over < 1 else 1.0) * dt)
            else:
                if since >= KEPT or since > between:
                    between = since
                since += dt
            if since > LONGEST:
                since = LONGEST
            pulse += quick * (2 * (since if since < BOUND else BOUND) - pulse)
        self.state = (x, a1, a, b, c, d, e1, e, s, w1, w, v, p, pw, usual, usual_w, since, between, pulse)
        early = 0.0
        if OPENS < since < SHUTS:
            early = STEEP * (EARLY - between / pulse)
            early = (
                min(1.0, min(since - OPENS, SHUTS - since) / EDGE) * (early if early < MOST else MOST)
                if early > 0
                else 0.0
            )
        return (
            early,
            SHARE * math.log((w + LEAST) / (e + LEAST)),
            SHARE * math.log(e / top + 0.1),
            SHARE * math.log(w / top_w + 0.1),
        )

    def _weights(self, gap: int) -> tuple[float, ...]:
        """Of a gap of so many nanoseconds."""
        if gap not in self.known:
            if len(self.known) >= MANY:
                self.known.clear()
            dt = max(gap, 1) * SAME
            lines = [float(w) for tau in (A, B, C, E1, W1) for w in line(dt, tau)]
            self.known[gap] = (*lines, math.exp(-dt / PEAK), math.exp(-dt / BEHIND), -math.expm1(-dt / USUAL))
        return self.known[gap]


def fronts(x: Array, dt: Array) -> Array:
    """The same of leads side by side, x and dt (rows, time) -> (rows, time, 4)."""
    rows, n = x.shape
    out = np.empty((n, rows, len(NAMES)), dtype=np.float32)
    x, dt = x.T, dt.T
    la, lb, lc, le, lw = ([np.ascontiguousarray(w) for w in line(dt, tau)] for tau in (A, B, C, E1, W1))
    keep_p, keep_v, slow = np.exp(-dt / PEAK), np.exp(-dt / BEHIND), -np.expm1(-dt / USUAL)
    age = np.cumsum(dt, axis=0)
    quick = np.minimum(1, slow * np.clip(10 / (age + 0.5), 1, 8))
    taken = np.where(age < QUIET, 1, quick)
    x0 = a1 = a = b = c = x[0]
    d = e1 = e = s = w1 = w = v = p = pw = np.zeros(rows)
    usual = usual_w = np.full(rows, -6.0)
    since, between, pulse = np.full(rows, PULSE / 2), np.full(rows, PULSE), np.full(rows, PULSE)
    begun = np.zeros(rows, dtype=bool)

    def mean(k: int, of: list[Array], z: Array, old: Array, new: Array) -> Array:
        return np.asarray(of[0][k] * z + of[1][k] * old + of[2][k] * new)

    for k in range(n):
        old, a1 = a1, mean(k, la, a1, x0, x[k])
        was, a = a, mean(k, la, a, old, a1)
        old, b = b, mean(k, lb, b, was, a)
        c = mean(k, lc, c, old, b)
        old, d = d, np.abs(a - b)
        was, e1 = e1, mean(k, le, e1, old, d)
        e = mean(k, le, e, was, e1)
        old, s = s, np.abs(b - c)
        was, w1 = w1, mean(k, le, w1, old, s)
        w = mean(k, lw, w, was, w1)
        v, p, pw = np.maximum(e, v * keep_v[k]), np.maximum(e, p * keep_p[k]), np.maximum(w, pw * keep_p[k])
        usual = usual + taken[k] * (np.log(p + 1e-4) - usual)
        usual_w = usual_w + taken[k] * (np.log(pw + 1e-4) - usual_w)
        top, top_w = np.exp(usual) + LEAST, np.exp(usual_w) + LEAST
        over = np.clip((e - np.maximum(RISES * top, TWICE * v)) / top, 0, 1)
        begun |= (over > 0) & (age[k] >= QUIET)
        between = np.where(begun, np.where((over > 0) | (since < KEPT), np.maximum(between, since), since), between)
        since = np.where(begun, np.minimum((since + dt[k]) / (1 + FALLS * over * dt[k]), LONGEST), since)
        pulse = np.where(begun, pulse + quick[k] * (2 * np.minimum(since, BOUND) - pulse), pulse)
        gate = np.clip(np.minimum(since - OPENS, SHUTS - since) / EDGE, 0, 1)
        out[k, :, 0] = gate * np.clip(STEEP * (EARLY - between / pulse), 0, MOST)
        out[k, :, 1] = SHARE * np.log((w + LEAST) / (e + LEAST))
        out[k, :, 2] = SHARE * np.log(e / top + 0.1)
        out[k, :, 3] = SHARE * np.log(w / top_w + 0.1)
        x0 = x[k]
    return np.ascontiguousarray(out.transpose(1, 0, 2))
