"""Raw samples: records at other rates and with samples lost, what the network sees of them, and the chunks that it learns from.

A network is taught at 180 samples a second; a record at another rate is the mean of the samples that fall between two of its own, as a
slower device would give. What it sees is the front (front.py); a chunk is varied as raw signal, so the front must deal with all of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import DataError
from ...training import Batch
from .front import Front, fronts
from .records import Record

Array = NDArray[Any]
RATE = 180  # samples a second that is taught at
FROM, UNTIL = 0.15, 0.40  # s after R of a ventricular beat: where the alarm should be on
SECONDS, BEFORE = 6, 16  # of a chunk; before it, for the front to learn what is usual
BATCH, EACH = 16, 60  # chunks of a batch; chunks with a ventricular beat, of a patient, in an epoch


@dataclass(frozen=True, eq=False)
class Samples:
    """x (n,) in mV, u (n, 4) the front, dt (n,) and times (n,) in s, y (n,) whether the alarm should be on; at (m,) ventricular R."""

    name: str
    x: Array
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
    front = Front()
    u = np.array([front(one, gap) for one, gap in zip(x.tolist(), dt.tolist(), strict=True)], dtype=np.float32)
    at = record.beats[record.ventricular]
    return Samples(record.name, x, u, dt.astype(np.float32), times, wanted(times, at), at, record.hours)


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
    """What training does to a chunk by chance, so that a network does not learn its patients by heart;
    the front takes a lead that is turned over, or greater, for the same.

    smear     of four neighbours mixed into each sample       stretch   the greatest log of a factor on all dt
    sway      the greatest log of a factor that comes and goes, three waves of it
    lost      shares of samples that are lost, one a batch
    wander    of a slow wave, in deviations of the chunk      noise     the same of white noise
    bursts    the same of rough and of smooth noise that comes and goes, as a moving electrode or a muscle gives
    """

    smear: float = 0.3
    sway: float = 0.5
    stretch: float = 0.12
    wander: float = 0.3
    noise: float = 0.15
    bursts: float = 0.5
    lost: tuple[float, ...] = (0.0, 0.0, 0.3, 0.5)


class Chunks:
    """A source of batches: 6 s each, drawn anew every epoch; of a patient at most `EACH` that hold a ventricular beat, so that nobody's
    beats are learned by heart, and as many others, half of them shared out evenly among the patients."""

    def __init__(self, patients: Sequence[Samples], seed: int, vary: Variations | None = None) -> None:
        self.seed, self.vary = seed, vary or Variations()
        self.length, self.before = SECONDS * RATE, BEFORE * RATE
        self.patients = [p for p in patients if len(p.x) >= self.length + self.before]
        self.some: list[list[int]] = []  # where chunks begin that hold a ventricular beat, of each patient
        self.none: list[list[int]] = []
        for p in self.patients:
            begins = range(0, len(p.x) - self.length, self.length)
            full = [bool(p.y[n : n + self.length].any()) for n in begins]
            self.some.append([n for n, one in zip(begins, full, strict=True) if one])
            self.none.append([n for n, one in zip(begins, full, strict=True) if not one])
        some = sum(min(EACH, len(one)) for one in self.some)
        self.count = some + min(sum(map(len, self.none)), max(some, BATCH))
        if not some:
            raise DataError(
                f"no record that is learned from is {SECONDS + BEFORE} s long and has a ventricular beat: give longer or more records"
            )
        self.batch = min(BATCH, self.count)

    def __len__(self) -> int:
        return self.count // self.batch

    def batches(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self.seed, epoch])
        places = self._places(rng)
        lost = rng.choice(self.vary.lost, len(self))
        made: list[Batch] = []
        for share in np.unique(lost):  # rows of one length go through the front side by side
            rows = [
                self._chunk(places[k], float(share), rng)
                for j in np.flatnonzero(lost == share)
                for k in range(j * self.batch, (j + 1) * self.batch)
            ]
            x, y, dt = (np.stack(part) for part in zip(*rows, strict=True))
            last = round(self.length * (1 - share))
            seen = [
                torch.from_numpy(np.ascontiguousarray(z[:, -last:])) for z in (fronts(x, dt), y, dt.astype(np.float32))
            ]
            made += [Batch(*part) for part in zip(*(z.split(self.batch) for z in seen), strict=True)]
        for j in rng.permutation(len(made)):
            yield made[j]

    def _places(self, rng: np.random.Generator) -> list[tuple[int, int]]:
        """(patient, first sample) of the chunks of an epoch."""
        places = [(k, n) for k, one in enumerate(self.some) for n in rng.permutation(one)[:EACH].tolist()]
        others = [(k, n) for k, one in enumerate(self.none) for n in one]
        if others:
            even = np.array([1 / len(self.none[k]) for k, _ in others])
            share = even / even.sum() + 1 / len(others)
            taken = rng.choice(len(others), self.count - len(places), replace=False, p=share / share.sum())
            places += [others[k] for k in taken]
        return [places[k] for k in rng.permutation(len(places))]

    def _chunk(self, place: tuple[int, int], lost: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """(x, y, dt) of the chunk and of what comes before it."""
        p, how, n = self.patients[place[0]], self.vary, self.length + self.before
        moved = place[1] - self.before + rng.integers(-self.length // 2, self.length // 2)
        first = int(np.clip(moved, 0, len(p.x) - n))
        x, y, t = p.x[first : first + n], p.y[first : first + n], p.times[first : first + n]
        kernel = rng.normal(0, how.smear, 5)
        kernel[2] = 1
        off = x - np.median(x)
        x = np.convolve(off, kernel, "same")
        x = x * np.exp(rng.uniform(0, how.sway) * sum(_wave(t, 0.1, 1.2, rng) for _ in range(3)))
        x = x + off.std() * (
            rng.uniform(0, how.wander) * _wave(t, 0.05, 0.6, rng) + rng.uniform(0, how.noise) * rng.normal(size=n)
        )
        for _ in range(2 if how.bursts else 0):
            smooth = np.convolve(rng.normal(size=n), np.ones(k := int(rng.integers(1, 20))) / math.sqrt(k), "same")
            away = (t - rng.uniform(t[0], t[-1])) / rng.uniform(0.2, 1.5)
            x = x + off.std() * rng.uniform(0, how.bursts) * np.exp(-0.5 * away**2) * smooth
        dt = np.diff(t, prepend=t[0] - 1 / RATE)
        if lost:
            kept = np.sort(rng.permutation(n)[: round(n * (1 - lost))])
            x, y, dt = x[kept], y[kept], np.diff(t[kept], prepend=t[kept[0]] - 1 / RATE)
        return x, y, dt * math.exp(rng.uniform(-how.stretch, how.stretch))


def _wave(t: Array, low: float, high: float, rng: np.random.Generator) -> Array:
    """A sine between two frequencies, in Hz."""
    return np.asarray(np.sin(2 * np.pi * (rng.uniform(low, high) * t + rng.random())))
