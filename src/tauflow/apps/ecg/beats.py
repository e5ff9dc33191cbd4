"""Beats: one step a beat, dt = the RR interval in seconds, so that a network adapts to a patient as it reads.

    w_k   38 samples at 45 Hz around R, from 0.33 s before it to 0.49 s after, minus their median, over the scale of the patient:
          the median height of his last 20 beats
    x_k = [w_k, w_k - median of the last 20 w, RR_k over the mean of the last 10 - 1, RR_k - 0.8 s]           (78 numbers)

Only the past is looked at: an answer is there half a second after R. A sample of a window is the mean of the signal over 1/45 s, by
the integral of the lead as it is, even or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...training import Batch
from .records import Record

Array = NDArray[Any]
STEP = 1 / 45  # s between the samples of a window
OFFSETS = np.arange(-15, 23) * STEP
WIDTH = len(OFFSETS)
LAST, LAST_RR = 20, 10  # beats that say what is usual
SLOWEST, FASTEST = 5.0, 0.2  # s, bounds of an RR interval
LENGTH, BATCH = 128, 8  # beats of a chunk, chunks of a batch
LOUDER, NOISE, TILT, SMEARED, TAPS = (
    0.2,
    0.08,
    0.3,
    0.3,
    4,
)  # deviations of what training varies: log gain, noise, slope, neighbours


@dataclass(frozen=True, eq=False)
class Beats:
    """x (beats, 78), rr (beats,) in s, y (beats,) whether it is ventricular, of one patient."""

    name: str
    x: Array
    rr: Array
    y: Array
    at: Array
    hours: float


def windows(record: Record, at: Array) -> Array:
    """The signal around each of the times `at`, (beats, 38) in mV."""
    edges = at[:, None] + np.append(OFFSETS - STEP / 2, OFFSETS[-1] + STEP / 2)
    return np.diff(integral(record, edges), axis=1) / STEP


def integral(record: Record, until: Array) -> Array:
    """Of the signal, drawn as straight lines between its samples, from the first sample to each of the times."""
    t, x = record.times, record.signal
    area = np.concatenate([[0.0], np.cumsum((x[1:] + x[:-1]) * np.diff(t) / 2)])
    k = np.clip(np.searchsorted(t, until, side="right") - 1, 0, len(t) - 2)
    past = until - t[k]
    return np.asarray(area[k] + past * (x[k] + past * (x[k + 1] - x[k]) / (t[k + 1] - t[k]) / 2))


def beats(record: Record) -> Beats:
    """The beats of a record whose window lies inside it."""
    whole = (record.beats > record.times[0] - OFFSETS[0] + STEP) & (
        record.beats < record.times[-1] - OFFSETS[-1] - STEP
    )
    at = record.beats[whole]
    raw = windows(record, at)
    raw -= np.median(raw, axis=1, keepdims=True)
    height = np.abs(raw).max(axis=1)
    usual = np.array([np.median(height[max(0, k - LAST) : k or 1]) for k in range(len(height))])
    w = raw / np.maximum(usual, 0.05)[:, None]
    template = np.stack([np.median(w[max(0, k - LAST) : k or 1], axis=0) for k in range(len(w))])
    rr = np.clip(np.diff(at, prepend=at[0] - 0.8), FASTEST, SLOWEST)
    before = np.array([rr[max(0, k - LAST_RR) : k].mean() if k else rr[0] for k in range(len(rr))])
    x = np.concatenate([w, w - template, (rr / before - 1)[:, None], (rr - 0.8)[:, None]], axis=1)
    return Beats(record.name, x.astype(np.float32), rr.astype(np.float32), record.ventricular[whole], at, record.hours)


def flat(patients: list[Beats]) -> tuple[Array, Array]:
    """All beats one after the other, for models that look at one beat alone."""
    return np.concatenate([p.x for p in patients]), np.concatenate([p.y for p in patients])


class Chunks:
    """A source of batches: 128 beats each, begun anew at another beat every epoch, louder, noisier and tilted by chance."""

    def __init__(self, patients: list[Beats], seed: int, vary: bool = True) -> None:
        self.patients, self.seed, self.vary = patients, seed, vary
        self.count = sum(max(1, len(p.x) // LENGTH) for p in patients)

    def __len__(self) -> int:
        return -(-self.count // BATCH)

    def batches(self, epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([self.seed, epoch])
        chunks = []
        for number, p in enumerate(self.patients):
            n = max(1, len(p.x) // LENGTH)
            first = rng.integers(0, max(1, len(p.x) - n * LENGTH + 1))
            chunks += [(number, first + k * LENGTH) for k in range(n)]
        order = rng.permutation(len(chunks))
        for k in range(0, len(order), BATCH):
            rows = [self._chunk(chunks[j], rng) for j in order[k : k + BATCH]]
            x, rr, y, real = (torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))
            yield Batch(x, y, rr, None if bool(real.all()) else real)  # without a mask the LSTM is fast

    def _chunk(self, place: tuple[int, int], rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
        p, first = self.patients[place[0]], place[1]
        n = min(LENGTH, len(p.x) - first)
        x, rr = np.zeros((LENGTH, p.x.shape[1]), np.float32), np.ones(LENGTH, np.float32)
        y, real = np.zeros(LENGTH, np.int64), np.arange(LENGTH) < n
        x[:n], rr[:n], y[:n] = p.x[first : first + n], p.rr[first : first + n], p.y[first : first + n]
        if self.vary:
            kernel = (
                np.append(rng.normal(0, SMEARED, TAPS), 1.0) * rng.choice([-1.0, 1.0]) * np.exp(rng.normal(0, LOUDER))
            )
            for part in (slice(0, WIDTH), slice(WIDTH, 2 * WIDTH)):
                x[:, part] = filtered(x[:, part], kernel)
            slope = rng.normal(0, TILT, (LENGTH, 1)) * np.linspace(-0.5, 0.5, WIDTH)
            moved = (slope + rng.normal(0, NOISE, (LENGTH, WIDTH))).astype(np.float32)
            x[:, :WIDTH] += moved
            x[:, WIDTH : 2 * WIDTH] += moved
        return x, rr, y, real


def filtered(w: Array, kernel: Array) -> Array:
    """Windows (beats, 38) as another lead might show them: each sample with its neighbours, the last number of the kernel its own."""
    reach = len(kernel) - 1
    padded = np.pad(w, ((0, 0), (reach // 2, reach - reach // 2)), mode="edge")
    shifted = np.stack([padded[:, k : k + w.shape[1]] for k in range(reach + 1)])
    order = np.insert(kernel[:-1], reach // 2, kernel[-1])
    return np.asarray(np.einsum("k,kbw->bw", order, shifted))
