"""Raw samples: a scale that needs the past alone, records at other rates and with samples lost, and the chunks that a network learns from.

    m <- m + (1 - exp(-dt / 2 s)) (x - m)                       the slow mean
    v <- v + (1 - exp(-dt / 10 s)) ((x - m)^2 - v)              the slow power
    u = clip((x - m) / (sqrt(v) + 0.01 mV), -6, 6)

Every gap counts with its real length, so the scale is the same at every rate. A network is taught at 90 samples a second; a record at
another rate is the mean of the samples that fall between two of its own, as a slower device would give.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...training import Batch
from .records import Record

Array = NDArray[Any]
MEAN, POWER, LEAST, MOST = 2.0, 10.0, 0.01, 6.0  # s, s, mV, and the bound of u
RATE = 90  # samples a second that is taught at
FROM, UNTIL = 0.10, 0.35  # s after R of a ventricular beat: where the alarm should be on
SECONDS, BATCH, EACH = 12, 12, 20  # of a chunk; chunks of a batch; with a ventricular beat, of a patient, in an epoch


class Scale:
    """The scale sample by sample: `u = scale(x, dt)`."""

    __slots__ = ("a", "b", "last", "mean", "power")

    def __init__(self) -> None:
        self.mean, self.power, self.last, self.a, self.b = math.nan, 0.1, math.nan, 0.0, 0.0

    def __call__(self, x: float, dt: float) -> float:
        if dt != self.last:  # as it is for hours where a device is even
            self.last, self.a, self.b = dt, -math.expm1(-dt / MEAN), -math.expm1(-dt / POWER)
        off = x - self.mean
        if off != off:  # the first sample
            self.mean, off = x, 0.0
        step = self.a * off
        self.mean += step
        off -= step
        self.power = power = self.power + self.b * (off * off - self.power)
        u = off / (power**0.5 + LEAST)
        return u if -MOST < u < MOST else math.copysign(MOST, u)


@dataclass(frozen=True, eq=False)
class Samples:
    """u (n,) scaled, dt (n,) in s, times (n,), and y (n,) whether the alarm should be on; at (m,) the R times of ventricular beats."""

    name: str
    u: Array
    dt: Array
    times: Array
    y: Array
    at: Array
    hours: float


def samples(record: Record, rate: float | None = RATE, lost: float = 0.0, seed: int = 0) -> Samples:
    """A record at a rate (None: as it is), a share of its samples lost at random."""
    times, x = (record.times, record.signal) if rate is None else slower(record, rate)
    if lost:
        kept = np.random.default_rng(seed).random(len(x)) >= lost
        kept[0] = True
        times, x = times[kept], x[kept]
    dt = np.diff(times, prepend=times[0] - np.median(np.diff(times)))
    scale = Scale()
    u = np.array([scale(one, gap) for one, gap in zip(x.tolist(), dt.tolist(), strict=True)], dtype=np.float32)
    at = record.beats[record.ventricular]
    return Samples(record.name, u, dt.astype(np.float32), times, wanted(times, at), at, record.hours)


def wanted(times: Array, at: Array) -> Array:
    """1 where the alarm should be on, (n,)."""
    y = np.zeros(len(times), dtype=np.int64)
    for begin, end in zip(np.searchsorted(times, at + FROM), np.searchsorted(times, at + UNTIL), strict=True):
        y[begin:end] = 1
    return y


def slower(record: Record, rate: float) -> tuple[Array, Array]:
    """(times, means) of a record at this rate; as it is where it has no more samples than that."""
    k = int(record.rate / rate + 1e-6)
    if k < 2:
        return record.times, record.signal
    n = len(record.times) // k * k
    return record.times[:n].reshape(-1, k).mean(axis=1), record.signal[:n].reshape(-1, k).mean(axis=1)


@dataclass(frozen=True)
class Variations:
    """What training does to a chunk by chance, so that a network does not learn its patients by heart.

    gain      deviation of the log of a factor                flip      how often the lead is turned over
    smear     of four neighbours mixed into each sample       stretch   the greatest log of a factor on all dt
    wander    mV of a slow wave, scaled                       noise     the same of white noise
    lost      shares of samples that are lost, one a batch
    """

    gain: float = 0.25
    flip: float = 0.5
    smear: float = 0.3
    stretch: float = 0.12
    wander: float = 0.3
    noise: float = 0.15
    lost: tuple[float, ...] = (0.0, 0.0, 0.3, 0.5)


class Chunks:
    """A source of batches: 12 s each, drawn anew every epoch; of a patient at most `EACH` that hold a ventricular beat, so that nobody's
    beats are learned by heart, and as many of everybody's others."""

    def __init__(self, patients: Sequence[Samples], seed: int, vary: Variations | None = None) -> None:
        self.patients, self.seed, self.vary = list(patients), seed, vary or Variations()
        self.length = SECONDS * RATE
        self.some: list[list[int]] = []  # where chunks begin that hold a ventricular beat, of each patient
        self.none: list[list[int]] = []
        for p in patients:
            begins = range(0, len(p.u) - self.length, self.length)
            full = [bool(p.y[n : n + self.length].any()) for n in begins]
            self.some.append([n for n, one in zip(begins, full, strict=True) if one])
            self.none.append([n for n, one in zip(begins, full, strict=True) if not one])
        some = sum(min(EACH, len(one)) for one in self.some)
        self.count = some + min(sum(map(len, self.none)), max(some, BATCH))

    def __len__(self) -> int:
        return max(1, self.count // BATCH)

    def batches(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self.seed, epoch])
        places = [(k, n) for k, one in enumerate(self.some) for n in rng.permutation(one)[:EACH].tolist()]
        others = [(k, n) for k, one in enumerate(self.none) for n in one]
        places += [others[k] for k in rng.permutation(len(others))[: self.count - len(places)]]
        order = rng.permutation(len(places))
        for k in range(len(self)):
            lost = float(rng.choice(self.vary.lost))
            rows = [self._chunk(places[j], lost, rng) for j in order[k * BATCH : (k + 1) * BATCH]]
            u, y, dt = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
            yield Batch(u[..., None], y, dt)

    def _chunk(self, place: tuple[int, int], lost: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        p, how, n = self.patients[place[0]], self.vary, self.length
        first = int(np.clip(place[1] + rng.integers(-n // 2, n // 2), 0, len(p.u) - n))
        u, y, dt = p.u[first : first + n], p.y[first : first + n], p.dt[first : first + n]
        kernel = rng.normal(0, how.smear, 5)
        kernel[2] = 1
        u = (
            np.convolve(u, kernel, "same")
            * math.exp(rng.normal(0, how.gain))
            * rng.choice([1, -1], p=[1 - how.flip, how.flip])
        )
        t = p.times[first : first + n]
        u += rng.uniform(0, how.wander) * np.sin(2 * np.pi * (rng.uniform(0.05, 0.6) * t + rng.random()))
        u += rng.uniform(0, how.noise) * rng.normal(size=n)
        if lost:
            kept = np.sort(rng.permutation(n)[: int(n * (1 - lost))])
            u, y, dt = u[kept], y[kept], np.diff(t[kept], prepend=t[kept[0]] - 1 / RATE)
        dt = dt * math.exp(rng.uniform(-how.stretch, how.stretch))
        return u.astype(np.float32), y, dt.astype(np.float32)
