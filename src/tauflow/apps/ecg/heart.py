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


def ordinary(rng: np.random.Generator) -> Events:
    """The usual beat of a patient, as some lead shows it: R up, down, or small beside Q and S, narrow or wide, P and T of any size."""
    sign, wide = (
        rng.choice([1.0, 1.0, 1.0, -1.0]),
        rng.choice([rng.uniform(0.8, 1.2), rng.uniform(1.2, 2.0)], p=[0.7, 0.3]),
    )
    times = sign * np.array(
        [rng.uniform(0.3, 4), rng.uniform(0.0, 4), rng.uniform(0.3, 1.2), rng.uniform(0.0, 4), rng.uniform(-1, 3)]
    )
    heights = (
        np.array(NORMAL.height) * times / np.array([1, wide, wide, wide, 1]) ** 2
    )  # what is wide is as high as before
    widths = np.array(NORMAL.width) * np.array([1, wide, wide, wide, 1])
    return Events(NORMAL.angle, tuple(heights.tolist()), tuple(widths.tolist()))


def ventricular(rng: np.random.Generator, own: Events) -> Events:
    """A focus in the ventricle: no P, a beat that is much wider than the patient's own, T against it."""
    sign = rng.choice([-1.0, 1.0])
    wide = max(own.width[2] * rng.uniform(1.7, 2.4), rng.uniform(0.22, 0.34))
    size = max(abs(a) * b**2 for a, b in zip(own.height[1:4], own.width[1:4], strict=True))
    height = sign * rng.uniform(0.7, 2.2) * max(size, 0.1) / wide**2
    return Events(
        (-math.pi / 3, -2.2 * wide, rng.uniform(-0.1, 0.1), 2.2 * wide, rng.uniform(1.5, 1.9)),
        (
            0.0,
            -height * rng.uniform(0, 0.4),
            height,
            -height * rng.uniform(0, 0.6),
            -sign * rng.uniform(0.3, 0.9) * (size / 0.3),
        ),
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
    own = ordinary(rng)
    foci = [ventricular(rng, own) for _ in range(2)]
    times, z, at = trace(rr, kinds, [own, *foci], rate)
    z = rng.uniform(0.4, 1.5) * z + _wander(times, rng) + _noise(times, rng)
    inside = (at > 1.0) & (at < times[-1] - 1.0)
    return Record(
        f"simulated {patient}", times, z, at[inside], np.where(kinds > 0, "V", np.where(above, "S", "N"))[inside]
    )


def _wander(times: Array, rng: np.random.Generator) -> Array:
    """The electrode moves: three slow waves, and jumps that die away within a second, in mV."""
    size = rng.choice([0.05, 0.15, 0.4])
    waves = [
        size * rng.random() * np.sin(2 * np.pi * (rng.uniform(0.02, 0.5) * times + rng.random())) for _ in range(3)
    ]
    moved = np.asarray(sum(waves))
    for begin in rng.uniform(0, times[-1], rng.poisson(times[-1] / 60)):
        since = np.clip(times - begin, 0, None)
        moved += (times > begin) * rng.normal(0, 3 * size) * np.exp(-since / rng.uniform(0.05, 0.4))
    return moved


def _noise(times: Array, rng: np.random.Generator) -> Array:
    """Muscles: white noise, in mV, five times louder in bursts of some seconds."""
    loud = 1 + 4 * (np.sin(2 * np.pi * (0.013 * times + rng.random())) > 0.95)
    return np.asarray(rng.choice([0.01, 0.02, 0.05]) * loud * rng.normal(size=len(times)))
