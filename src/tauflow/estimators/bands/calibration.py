"""Calibration: which scores forecasts had lately that were not learned from, and so how wide a band of 90 % has to be now.

    v(t)    of each row of an id: the mean over the forecasts of it of |z| / typical_k          k: steps ahead
    s(t)    the id's scale: s <- forgetting mean of v over about `MEMORY` rows
    u       z / s, of the newest `NEWEST` origins of all ids whose truth is known
    value of p, k steps ahead:   z = s(now) Q_p(u_k)       Q_p: the ceil((n + 1) p)-th of n, floor for p < 1/2

So each id and each step ahead has a scale of its own, quiet times have narrow bands and rough ones wide, and a band follows when either
comes. Only what was known at an origin is used for it. Steps of few scores borrow those of their neighbours, in units of what is typical
of each. A moment between two steps takes what lies between theirs.
Sources: Vovk et al. 2005 (conformal prediction); Lei et al. 2018 (locally weighted); Gibbs and Candes 2021 (adaptive to drift).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...data.series import Array

NEWEST = 1500  # origins of an id
MOST_SCORES = 400_000  # that are kept at all
MEMORY, PRIOR = 50.0, 5.0  # rows
MOST_OF_ROW = 10.0  # v, at most: one absurd value must not widen all bands after it
LEAST = 400  # scores of a step; with fewer it borrows
FAR = 1e6  # a score, at most
BLOCKS = 100  # so often at most are quantiles taken anew in a backtest
SMALLEST = 1e-6  # of a scale


@dataclass(frozen=True, eq=False)
class Scored:
    """Forecasts beside their truth: number (n,) of the id, at (n,) and time (n, h) native, z (n, h, targets) NaN = unknown; by `at`."""

    number: Array
    at: Array
    time: Array
    z: Array

    def __len__(self) -> int:
        return len(self.at)

    def joined(self, other: Scored) -> Scored:
        """Both, without the origins of `other` that are here already."""
        here = set(zip(self.number.tolist(), self.at.tolist(), strict=True))
        new = [k for k, one in enumerate(zip(other.number.tolist(), other.at.tolist(), strict=True)) if one not in here]
        return Scored(
            *(
                np.concatenate([getattr(self, name), getattr(other, name)[new]])
                for name in ("number", "at", "time", "z")
            )
        )

    def sorted(self) -> Scored:
        order = np.lexsort((self.number, self.at))
        return Scored(self.number[order], self.at[order], self.time[order], self.z[order].clip(-FAR, FAR))


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is kept of the scores of validation: all of them known before any row to come."""

    typical: Array  # (h, targets): the mean |z| at each step
    u: Array  # (n, h, targets) float32, in the order of time
    total: Array  # (ids, targets): the forgetting sum of v
    weight: Array  # (ids, targets): and of ones

    @property
    def h(self) -> int:
        return len(self.typical)


def calibrated(scored: Scored, ids: int, most: int) -> Calibration:
    """From forecasts of the validation part, of which up to `most` are kept."""
    scored = scored.sorted()
    typical = _typical(scored.z)
    _, h, targets = scored.z.shape
    blank = Calibration(typical, np.zeros((0, h, targets), np.float32), *_own_start(scored, typical, ids))
    course = Course(blank, scored)
    return replace(blank, u=course.u[-most:].astype(np.float32), total=course.total, weight=course.weight)


class Course:
    """The scales and scores of a calibration and of the rows that came since, as they stood at any native time.

    `newer` are forecasts of rows after the calibration; of those only what is known at a moment counts for it.
    """

    def __init__(self, calibration: Calibration, newer: Scored | None = None) -> None:
        self.calibration = calibration
        self.total, self.weight = calibration.total.copy(), calibration.weight.copy()
        targets = calibration.typical.shape[1]
        self.newer = newer.sorted() if newer is not None else None
        self.events: dict[int, tuple[Array, Array]] = {}
        if self.newer is None or not len(self.newer):
            self.newer, self.u = None, calibration.u
            return
        scale = np.empty((len(self.newer), targets))
        for number in np.unique(self.newer.number):
            here = self.newer.number == number
            self.events[int(number)] = times, scales = self._events(int(number), here)
            scale[here] = scales[np.searchsorted(times, self.newer.at[here], side="right")]
        own = self.newer.z / scale[:, None, :]
        self.u = np.concatenate([calibration.u, own.astype(np.float32)])

    def _events(self, number: int, here: Array) -> tuple[Array, Array]:
        """(times at which truths of an id became known, its scale before the first, after the first, ...: (events + 1, targets))."""
        newer = self.newer
        if newer is None:
            raise RuntimeError("there are no newer forecasts")
        v = np.minimum(np.abs(newer.z[here]) / self.calibration.typical, MOST_OF_ROW)  # (n, h, targets)
        known = np.isfinite(v)
        when = newer.time[here]
        times, place = np.unique(when[known.any(axis=2)], return_inverse=True)
        rows, steps = np.nonzero(known.any(axis=2))
        total, weight = self.total[number], self.weight[number]
        sums, counts = np.zeros((len(times), v.shape[2])), np.zeros((len(times), v.shape[2]))
        np.add.at(sums, place, np.nan_to_num(v[rows, steps]))
        np.add.at(counts, place, known[rows, steps])
        scales = np.empty((len(times) + 1, v.shape[2]))
        scales[0] = _scale(total, weight)
        for k, (some, count) in enumerate(zip(sums, counts, strict=True)):
            total, weight = learned(total, weight, some, count)
            scales[k + 1] = _scale(total, weight)
        self.total[number], self.weight[number] = total, weight
        return times, scales

    def scale(self, number: Array, at: Array) -> Array:
        """(n, targets): the scale of ids `number` (n,) at native times `at` (n,); -1 is an id that was never scored."""
        found = np.ones((len(at), self.total.shape[1]))
        for one in np.unique(number[number >= 0]):
            here = number == one
            if int(one) in self.events:
                times, scales = self.events[int(one)]
                found[here] = scales[np.searchsorted(times, at[here], side="right")]
            else:
                found[here] = _scale(self.total[one], self.weight[one])
        return found

    def quantiles(self, number: Array, at: Array, offset: Array, probabilities: Array) -> Array:
        """z (n, k, targets, probabilities) of questions `offset` (n, k) steps after origins `at` (n,) of ids `number` (n,)."""
        scale = self.scale(number, at)
        out = np.empty((*offset.shape, scale.shape[1], len(probabilities)))
        order = np.argsort(at, kind="stable")
        blocks = min(len(order), BLOCKS) if self.newer is not None else 1
        for block in np.array_split(order, blocks):
            table = self.table(at[block[0]], probabilities)
            place = np.clip(offset[block] - 1, 0, len(table) - 1)
            low = np.floor(place).astype(int)
            part = (place - low)[..., None, None]
            high = np.minimum(low + 1, len(table) - 1)
            out[block] = ((1 - part) * table[low] + part * table[high]) * scale[block][:, None, :, None]
        return out

    def tails(self, number: Array, at: Array, offset: Array, z: Array) -> tuple[Array, Array, Array]:
        """How rare scores z (n, targets), `offset` (n,) steps after origins, are among those known then: (p, distance, farthest).

        distance is |z| in units of what is typical of its id and step; p = (1 + how many known ones are as far) / (1 + how many there
        are); farthest is the distance of the farthest of them. NaN where z is.
        """
        typical = self.calibration.typical
        step = np.clip(np.rint(offset).astype(int) - 1, 0, len(typical) - 1)
        distance = np.abs(z) / (self.scale(number, at) * typical[step])
        p, farthest = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
        order = np.argsort(at, kind="stable")
        for block in np.array_split(order, min(len(order), BLOCKS) if self.newer is not None else 1):
            known = np.abs(self.known(at[block[0]])) / typical
            for target in range(z.shape[1]):
                all_ = known[..., target]
                all_ = np.sort(all_[np.isfinite(all_)])
                if not len(all_):
                    continue
                as_far = len(all_) - np.searchsorted(all_, distance[block, target])
                p[block, target] = (1 + as_far) / (1 + len(all_))
                farthest[block, target] = all_[-1]
        return np.where(np.isfinite(z), p, np.nan), distance, farthest

    def table(self, now: float, probabilities: Array) -> Array:
        """Q (h, targets, probabilities) of what is known at `now`, times what is typical of the step."""
        return ranked(self.known(now), self.calibration.typical, probabilities)

    def known(self, now: float) -> Array:
        """The newest scores (n, h, targets) whose truth is known at `now`."""
        most = max(NEWEST, len(self.calibration.u))
        if self.newer is None:
            return self.u[-most:]
        old = len(self.calibration.u)
        count = int(np.searchsorted(self.newer.at, now))
        begin = max(0, old + count - most - self.calibration.h * len(np.unique(self.newer.number)))
        found = self.u[begin : old + count].copy()
        first = max(begin - old, 0)
        new = found[max(old - begin, 0) :]
        new[self.newer.time[first:count] > now] = np.nan
        return found


def learned(total: Array, weight: Array, some: Array, count: Array) -> tuple[Array, Array]:
    """The forgetting sums after one more row: the mean of `count` values v with sum `some`, (targets,); nothing where count is 0."""
    keep = 1 - 1 / MEMORY
    mean = some / np.maximum(count, 1)
    return np.where(count > 0, keep * total + mean, total), np.where(count > 0, keep * weight + 1, weight)


def ranked(u: Array, typical: Array, probabilities: Array) -> Array:
    """(h, targets, probabilities): for each step the quantiles of the scores u (n, h, targets), NaN = unknown."""
    _, h, targets = u.shape
    out = np.empty((h, targets, len(probabilities)))
    counts = np.isfinite(u).sum(axis=0)
    for target in range(targets):
        own = u[..., target] / typical[:, target]
        if counts[:, target].min(initial=LEAST) >= LEAST:
            out[:, target] = _of_columns(np.sort(own, axis=0), counts[:, target], probabilities)
            continue
        for step in range(h):
            reach = 0
            while counts[max(step - reach, 0) : step + reach + 1, target].sum() < LEAST and reach < h:
                reach += 1
            near = own[:, max(step - reach, 0) : step + reach + 1]
            near = np.sort(near[np.isfinite(near)])
            if not len(near):
                out[step, target] = np.nan  # nothing is known of this target
                continue
            out[step, target] = _of_columns(near[:, None], np.array([len(near)]), probabilities)[0]
    return np.asarray(out * typical[:, :, None])


def _of_columns(columns: Array, counts: Array, probabilities: Array) -> Array:
    """(k, probabilities) of sorted columns (n, k), of which the first `counts` are known; conformal ranks, outwards."""
    n = counts[:, None]
    wanted = (n + 1) * probabilities
    rank = np.where(probabilities < 0.5, np.floor(wanted + 1e-9), np.ceil(wanted - 1e-9)).astype(int) - 1
    rank = np.clip(rank, 0, np.maximum(n - 1, 0))
    return np.asarray(np.take_along_axis(columns.T, rank, 1))


def _typical(z: Array) -> Array:
    """(h, targets) the mean |z| of each step; that of the nearest step where none is known."""
    known = np.isfinite(z)
    count = known.sum(axis=0)
    mean = np.where(known, np.abs(z), 0).sum(axis=0) / np.maximum(count, 1)
    for target in range(z.shape[2]):
        steps = np.nonzero(count[:, target])[0]
        if len(steps) == 0:
            mean[:, target] = 1.0
            continue
        nearest = steps[np.abs(np.arange(len(mean))[:, None] - steps).argmin(axis=1)]
        mean[:, target] = mean[nearest, target]
    return np.asarray(np.maximum(mean, SMALLEST))


def _own_start(scored: Scored, typical: Array, ids: int) -> tuple[Array, Array]:
    """(total, weight) before the first row: the mean of each id's own scores, drawn to 1 where it has few."""
    v = np.abs(scored.z) / typical
    total = np.full((ids, v.shape[2]), PRIOR)
    for number in np.unique(scored.number):
        own = v[scored.number == number]
        known = np.isfinite(own)
        rows = known.any(axis=1).sum(axis=0)
        mean = np.where(known, own, 0).sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)
        total[number] = PRIOR * (rows * mean + PRIOR) / (rows + PRIOR)
    return total, np.full((ids, v.shape[2]), PRIOR)


def _scale(total: Array, weight: Array) -> Array:
    return np.asarray(np.maximum(total / weight, SMALLEST))
