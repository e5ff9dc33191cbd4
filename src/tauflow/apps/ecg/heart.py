"""A simulated heart: three coupled equations whose trajectory goes round a circle once a beat, with premature ventricular beats.

    dx/dt = a x - w y      dy/dt = a y + w x      a = 1 - sqrt(x^2 + y^2)      w = 2 pi / RR
    dz/dt = - sum_i a_i d_i exp(-d_i^2 / (2 b_i^2)) - (z - z0)                 d_i = (th - th_i) mod 2 pi, th = atan2(y, x)

    z, in mV after a gain, is the electrocardiogram; z0 = A sin(2 pi f t) is the baseline that breath moves. P, Q, R, S and T are events
    i at angles th_i, of heights a_i and widths b_i (table I). RR changes as two rhythms do, at 0.1 and 0.25 Hz (equation 4).

The circle is where trajectories end, and there dth/dt = w: `simulate` starts on it, so that th is known and z alone is integrated, by
Simpson's rule under its leak. A premature ventricular beat is a turn with events of its own: no P, a wide R, T turned over; it comes
early and a pause follows. One from above the ventricles (S) is early alone.
Source: McSharry et al. 2003, A dynamical model for generating synthetic electrocardiogram signals, eqs. 1-4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .records import Record

Array = NDArray[Any]
BREATH, SWING = 0.25, 0.15  # Hz, mV: f and A of z0
GAIN = 30.0  # mV of a unit of z: the R of table I is then 1.1 mV high, as in the paper's figures
RHYTHMS = ((0.1, 0.01), (0.25, 0.01))  # Hz, centre and width of the two rhythms of RR
RATIO = 0.5  # of the power of the first to that of the second
RATE = 360.0  # Hz


@dataclass(frozen=True)
class Events:
    """Angles (rad), heights and widths (rad) of P, Q, R, S and T, five numbers each."""

    angle: tuple[float, ...] = (-math.pi / 3, -math.pi / 12, 0.0, math.pi / 12, math.pi / 2)
    height: tuple[float, ...] = (1.2, -5.0, 30.0, -7.5, 0.75)
    width: tuple[float, ...] = (0.25, 0.1, 0.1, 0.1, 0.4)

    def drive(self, angle: Array) -> Array:
        """- sum_i a_i d_i exp(-d_i^2 / (2 b_i^2)) at angles of any shape."""
        total = np.zeros_like(angle)
        for place, a, b in zip(self.angle, self.height, self.width, strict=True):
            d = np.remainder(angle - place + math.pi, 2 * math.pi) - math.pi
            total -= a * d * np.exp(-(d**2) / (2 * b**2))
        return total


NORMAL = Events()


def derivative(t: float, state: Array, rr: float, events: Events = NORMAL) -> Array:
    """d/dt of (x, y, z), the equations as they stand above; for whoever wants to integrate them whole."""
    x, y, z = state
    a, w = 1 - math.hypot(x, y), 2 * math.pi / rr
    z0 = SWING / GAIN * math.sin(2 * math.pi * BREATH * t)
    return np.array([a * x - w * y, a * y + w * x, events.drive(np.array(math.atan2(y, x))) - (z - z0)])


def intervals(beats: int, mean: float, deviation: float, rng: np.random.Generator) -> Array:
    """RR intervals in s, (beats,): the spectrum of equation 4 with random phases."""
    frequency = np.fft.rfftfreq(beats, mean)
    power = sum(
        share * np.exp(-((frequency - centre) ** 2) / (2 * width**2)) / width
        for (centre, width), share in zip(RHYTHMS, (RATIO, 1.0), strict=True)
    )
    phases = np.exp(2j * np.pi * rng.random(len(frequency)))
    series = np.fft.irfft(np.sqrt(power) * phases, beats)
    return np.asarray(mean + deviation * (series - series.mean()) / max(float(series.std()), 1e-12))


def ventricular(rng: np.random.Generator, sign: float) -> Events:
    """A focus in the ventricle: no P, R three times as wide, T against it."""
    wide = rng.uniform(0.25, 0.36)
    height = sign * rng.uniform(0.3, 0.7) / wide**2  # one to two and a half times the normal R, whose a b^2 is 0.3
    return Events(
        (-math.pi / 3, -math.pi / 4, rng.uniform(-0.1, 0.1), math.pi / 4, rng.uniform(1.5, 1.9)),
        (0.0, -height * rng.uniform(0, 0.3), height, -height * rng.uniform(0.1, 0.4), -sign * rng.uniform(0.3, 0.9)),
        (0.2, wide * 0.7, wide, wide * 0.8, rng.uniform(0.3, 0.45)),
    )


def trace(rr: Array, kinds: Array, events: list[Events], rate: float = RATE) -> tuple[Array, Array, Array]:
    """(times, z in mV, the R times) of beats; rr[k] is the time from beat k to beat k + 1, kinds[k] the number of its events.

    A beat begins and ends half a turn from its R.
    """
    at = np.concatenate([[0.0], np.cumsum(rr)])  # when th = 2 pi k
    times = np.arange(0, at[-1], 1 / rate)
    halves = np.arange(0, 2 * len(times) - 1) / (2 * rate)  # Simpson's rule looks between samples, too
    turned = np.interp(halves, at, 2 * np.pi * np.arange(len(at)))
    beat = np.minimum(np.rint(turned / (2 * np.pi)).astype(int), len(rr) - 1)
    forced = np.zeros_like(halves)
    for number, some in enumerate(events):
        chosen = kinds[beat] == number
        forced[chosen] = some.drive(turned[chosen])
    forced = GAIN * forced + SWING * np.sin(2 * np.pi * BREATH * halves)
    keep = math.exp(-1 / rate)
    added = (keep * forced[:-1:2] + 4 * math.sqrt(keep) * forced[1::2] + forced[2::2]) / (6 * rate)
    z, found = 0.0, [0.0]
    for one in added.tolist():
        z = keep * z + one
        found.append(z)
    return times, np.array(found), at[:-1]


def simulate(patient: int, minutes: float = 5.0, rate: float = RATE, share: float = 0.08) -> Record:
    """A record of a made-up patient, the same for the same number: `share` of the beats are premature ventricular ones."""
    rng = np.random.default_rng([2003, patient])
    pulse = rng.uniform(0.65, 1.05)
    rr = intervals(math.ceil(60 * minutes / pulse) + 2, pulse, 0.04, rng)
    kinds = np.zeros(len(rr), dtype=int)
    early = np.flatnonzero(rng.random(len(rr)) < share * rng.uniform(0.75, 2.0))
    early = early[(early > 3) & (early < len(rr) - 2)]
    early = early[np.diff(early, prepend=-9) > 1]
    kinds[early] = rng.choice(
        [0, 1, 2], len(early), p=[0.25, 0.6, 0.15]
    )  # from above the ventricles, or from one of two foci in them
    above = np.zeros(len(rr), dtype=bool)
    above[early] = kinds[early] == 0
    come = rng.uniform(0.55, 0.8, len(early))
    rr[early] += np.where(
        kinds[early] > 0, (1 - come) * rr[early - 1], 0.0
    )  # the pause makes good what a ventricular beat came early
    rr[early - 1] *= come
    sign = 1.0 if rng.random() < 0.8 else -1.0
    jitter = rng.uniform(0.8, 1.25, 5)
    own = Events(NORMAL.angle, tuple(sign * a * j for a, j in zip(NORMAL.height, jitter, strict=True)), NORMAL.width)
    foci = [ventricular(rng, rng.choice([-1.0, 1.0])) for _ in range(2)]
    times, z, at = trace(rr, kinds, [own, *foci], rate)
    z = rng.uniform(0.6, 1.5) * z + _wander(times, rng) + _noise(times, rng)
    inside = (at > 1.0) & (at < times[-1] - 1.0)
    return Record(
        f"simulated {patient}", times, z, at[inside], np.where(kinds > 0, "V", np.where(above, "S", "N"))[inside]
    )


def _wander(times: Array, rng: np.random.Generator) -> Array:
    """The electrode moves: three slow waves, in mV."""
    waves = [
        rng.uniform(0, 0.12) * np.sin(2 * np.pi * (rng.uniform(0.02, 0.4) * times + rng.random())) for _ in range(3)
    ]
    return np.asarray(sum(waves))


def _noise(times: Array, rng: np.random.Generator) -> Array:
    """Muscles: white noise, in mV, five times louder in bursts of some seconds."""
    loud = 1 + 4 * (np.sin(2 * np.pi * (0.013 * times + rng.random())) > 0.97)
    return np.asarray(rng.uniform(0.01, 0.03) * loud * rng.normal(size=len(times)))
