"""Alarms as events: where one begins, which ventricular beat it belongs to, and what that says of a patient, with intervals by patient.

    an alarm begins where the log-odds of p rise above a level, and ends where they fall below a lower one; the next one begins
    0.45 s later at the earliest, since a wide beat and the wave behind it are one
    a hit       an alarm that begins from 0.05 s before to 0.6 s after the R of a ventricular beat; its delay is counted from R
    a miss      a ventricular beat without one            a false alarm   an alarm that is no hit

Sensitivity (Se) = hits / beats      PPV = hits / alarms      F1 = 2 hits / (beats + alarms)      false alarms an hour
An interval by patient: patients are drawn with replacement, the figure is computed of all their beats together, and the middle 95 % of
2,000 such figures is told; beats of one patient are alike, so drawing beats would promise too much. Source: Efron and Tibshirani 1993.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BEFORE, AFTER = 0.05, 0.60  # s
PAUSE = 0.45  # s from an alarm's beginning to the next one's, at least
DRAWS = 2000


@dataclass(frozen=True, eq=False)
class Counts:
    """What happened with one patient."""

    name: str
    hits: int
    misses: int
    false: int
    hours: float
    delays: Array  # s, one a hit
    missed_at: Array  # s
    false_at: Array  # s


def onsets(times: Array, odds: Array, begins: float, ends: float) -> Array:
    """When alarms begin, s; one goes on until the log-odds are below `ends`."""
    level = np.where(odds > begins, 1, np.where(odds < ends, -1, 0))
    told = np.flatnonzero(level)
    state = level[told]
    first = (state == 1) & (np.concatenate([[-1], state[:-1]]) == -1)
    found: list[float] = []
    for time in times[told[first]].tolist():
        if not found or time - found[-1] >= PAUSE:
            found.append(time)
    return np.array(found)


def count(name: str, alarms: Array, at: Array, hours: float) -> Counts:
    """Alarms (a,) beside the R times of ventricular beats (m,), both rising, in s."""
    used = np.zeros(len(alarms), dtype=bool)
    delays, missed = [], []
    for r in at.tolist():
        begin, end = np.searchsorted(alarms, r - BEFORE), np.searchsorted(alarms, r + AFTER, side="right")
        free = [k for k in range(begin, end) if not used[k]]
        if free:
            used[free[0]] = True
            delays.append(alarms[free[0]] - r)
        else:
            missed.append(r)
    return Counts(
        name, len(delays), len(missed), int((~used).sum()), hours, np.array(delays), np.array(missed), alarms[~used]
    )


def of_beats(name: str, said: Array, truth: Array, at: Array, hours: float) -> Counts:
    """The same of labels of beats, each (m,): nothing is late there."""
    return Counts(
        name, int((said & truth).sum()), int((~said & truth).sum()), int((said & ~truth).sum()), hours, np.zeros(0), at[~said & truth],
        at[said & ~truth],
    )  # fmt: skip


def sensitivity(some: Sequence[Counts]) -> float:
    hits, misses = sum(c.hits for c in some), sum(c.misses for c in some)
    return hits / (hits + misses) if hits + misses else float("nan")


def ppv(some: Sequence[Counts]) -> float:
    hits, false = sum(c.hits for c in some), sum(c.false for c in some)
    return hits / (hits + false) if hits + false else float("nan")


def f1(some: Sequence[Counts]) -> float:
    hits, wrong = sum(c.hits for c in some), sum(c.misses + c.false for c in some)
    return 2 * hits / (2 * hits + wrong) if hits + wrong else float("nan")


def an_hour(some: Sequence[Counts]) -> float:
    """False alarms an hour."""
    return sum(c.false for c in some) / sum(c.hours for c in some)


def delay(some: Sequence[Counts], share: float = 0.5) -> float:
    """The quantile of the delays, ms; NaN without a hit."""
    all_ = np.concatenate([c.delays for c in some])
    return float(np.quantile(all_, share) * 1000) if len(all_) else float("nan")


def late(some: Sequence[Counts]) -> float:
    """The delay that 95 % stay below, ms."""
    return delay(some, 0.95)


FIGURES: dict[str, Callable[[Sequence[Counts]], float]] = {
    "sensitivity": sensitivity, "ppv": ppv, "f1": f1, "false alarms an hour": an_hour, "delay [ms]": delay, "delay 95 % [ms]": late,
}  # fmt: skip


def interval(some: Sequence[Counts], figure: Callable[[Sequence[Counts]], float], seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of the figure over patients drawn anew; draws that have no such figure are left out."""
    rng = np.random.default_rng(seed)
    drawn = [figure([some[k] for k in rng.integers(0, len(some), len(some))]) for _ in range(DRAWS)]
    known = np.array([one for one in drawn if one == one])
    return (float(np.quantile(known, 0.025)), float(np.quantile(known, 0.975))) if len(known) else (np.nan, np.nan)
