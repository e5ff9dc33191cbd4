"""Which linear answers are taken: a mean of those that together forecast the validation windows best.

A candidate reads some groups of columns, so many lags, with a penalty, and is drawn towards the last value or the best seasonal one; the
two of them, unchanged, are candidates too. Members are added one by one, each the one that makes the mean best, and one may come again
(Caruana et al. 2004). The best of a hundred looks good on any validation part, so the mean has to show its gain over the naive answer
on the folds of training too, each answered by the map of the others: what is less than two standard errors is believed in part, and the
rest goes to the naive answer. On a random walk the last value is what remains.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from ...data.series import Array

PLAIN = ("one", "lags")
UNION = (*PLAIN, "row", "query")
CROSS = (*PLAIN, "row", "cross", "query")
LAGS = (24, 48, 96, 168, 336)
PENALTIES = (1e-5, 1e-3, 1e-2, 1e-1, 1.0)
ROUNDS = 8
BLOCKS = 10


@dataclass(frozen=True)
class Candidate:
    """Columns, a penalty and what it is drawn towards: 0 the last value, 1 the best anchor. Without columns it is that itself."""

    groups: tuple[str, ...] = ()
    lags: int = 1
    penalty: float = 0.0
    towards: int = 0


NAIVE = (Candidate(), Candidate(towards=1))


def designs(reach: int, cross: bool) -> list[tuple[tuple[str, ...], int]]:
    """(groups, lags) to try, where history reaches back so far."""
    lags = sorted({min(one, reach) for one in LAGS})
    some = sorted({min(one, reach) for one in (24, 168)})
    return [*((PLAIN, one) for one in lags), *((UNION, one) for one in lags), *((CROSS, one) for one in some if cross)]


def mixture(answers: Array, truth: Array) -> dict[int, float]:
    """Weights, summing to 1, of the candidates whose mean answers best: answers (candidates, n, steps), truth (n, steps) with NaN."""
    known = np.isfinite(truth)
    flat, wanted = answers[:, known], truth[known]
    chosen: list[int] = []
    total = np.zeros_like(wanted)
    best = np.inf
    for size in range(1, ROUNDS + 1):
        errors = np.abs((total + flat) / size - wanted).mean(axis=1)
        place = int(errors.argmin())
        if errors[place] >= best:
            break
        best = float(errors[place])
        chosen.append(place)
        total = total + flat[place]
    return {place: count / len(chosen) for place, count in Counter(chosen).items()}


def drawn(weights: dict[Candidate, float], naive: Candidate, kept: float) -> dict[Candidate, float]:
    """The mean with only so much of its weight kept, 0..1, and the rest given to a naive answer."""
    found = {one: kept * weight for one, weight in weights.items() if kept}
    if kept < 1:
        found[naive] = found.get(naive, 0.0) + 1 - kept
    return found


def trust(gain: Array, count: Array) -> float:
    """How much of a gain to believe, 0..1: all of it from two standard errors on, none where there is none.

    gain, count (n,): what windows in order of time gained together, over how many values. Neighbours err alike, so the error comes from
    blocks of them.
    """
    blocks = [part for part in np.array_split(np.arange(len(gain)), min(BLOCKS, len(gain))) if count[part].sum()]
    means = np.array([gain[part].sum() / count[part].sum() for part in blocks])
    mean = gain.sum() / max(count.sum(), 1)
    if mean <= 0:
        return 0.0
    error = means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else 0.0
    return float(min(1.0, mean / (2 * error))) if error > 0 else 1.0
