"""What a model sees of prices at row t, and what it is asked for of row t + 1.

    r_t = log(close_t / close_t-1) / spread                     the return; spread: its standard deviation in the learning part
    v_t = (log(log(high_t / low_t)) - mean) / width             the log range, or log(|r_t| + least) where there is no range
    dt_t = time_t - time_t-1, in typical gaps                   a weekend of hourly rows is a dt of 49

    HAR: v_t+1 ~ means of v over the last hour, two hours, ... five weeks, those of |r| and r, the clock of the row to come

The time of the next row is taken to be known: markets publish their calendar. All that is learned (spread, mean, width) comes from the
first 70 % of the rows; the next 10 % choose, the last 20 % are tested. Source: Corsi 2009, "A simple approximate long-memory model of
realized volatility", eq. 9; Alizadeh, Brandt and Diebold 2002 (the log range is about normal).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .prices import Prices

Array = NDArray[Any]
LEARN, CHOOSE = 0.7, 0.8  # of the rows; what is behind is tested
MOST_GAP = 80.0  # typical gaps; what is longer tells no more
FAR = 8.0  # spreads; a crash is no more than that to a network
DAY = 24.0  # hours


@dataclass(frozen=True, eq=False)
class Seen:
    """Row k is what is known at t = k, k = 0 ... T - 2, and its targets are those of t + 1.

    x (T-1, n) for networks      har (T-1, m) for lines and trees      dt (T-1,) in typical gaps
    returns, moved (T-1,)        the return to come and the volatility to come, in units of the learning part
    now (T-1,)                   the volatility of this row: what persistence answers
    learn, choose, test          which rows; `first` rows have no whole past and are not learned from by lines
    """

    prices: Prices
    x: Array
    har: Array
    dt: Array
    returns: Array
    moved: Array
    now: Array
    spread: float
    learn: slice
    choose: slice
    test: slice
    first: int
    measure: str


def see(prices: Prices) -> Seen:
    """All that models see of these prices."""
    rows = len(prices.close)
    learned = int(LEARN * rows)
    r = np.diff(np.log(prices.close), prepend=np.log(prices.close[0]))
    spread = float(r[1:learned].std()) or 1.0
    r = r / spread
    v, measure = volatility(prices, r, learned)
    v = (v - v[:learned].mean()) / v[:learned].std()
    gaps = np.diff(prices.time, prepend=prices.time[0] - prices.step) / prices.step
    ahead = np.append(gaps[1:], 1.0)
    clock, often = _clock(prices, ahead)
    calm, size = np.clip(r, -FAR, FAR), np.clip(np.abs(r), 0, FAR)
    windows = spans(prices.step)
    back = [_shifted(v, n) for n in _same_time(prices.step)]
    har = np.column_stack(
        [
            *(_mean(v, n) for n in windows),
            *(_mean(size, n) for n in windows[1:]),
            *(_mean(calm, n) for n in windows[:3]),
            *back,
            *often,
        ]
    )
    x = np.column_stack([calm, size, v, *back, np.log1p(np.minimum(ahead, MOST_GAP)) - np.log(2), *clock])
    cut, choose = learned - 1, int(CHOOSE * rows) - 1  # by the row that is asked for
    return Seen(
        prices, x[:-1], har[:-1], np.minimum(gaps, MOST_GAP)[:-1], r[1:], v[1:], v[:-1], spread,
        slice(0, cut), slice(cut, choose), slice(choose, rows - 1), min(windows[-1], cut // 4), measure,
    )  # fmt: skip


def volatility(prices: Prices, r: Array, learned: int) -> tuple[Array, str]:
    """How much a row moved, (T,), and what that is called; r in spreads."""
    if prices.high is not None and prices.low is not None:
        span = np.log(prices.high / prices.low)
        return np.log(np.maximum(span, _least(span[:learned], 0.001))), "log range"
    size = np.abs(r)
    size[0] = size[1]
    return np.log(size + _least(size[:learned], 0.05)), "log |return|"


def _least(size: Array, part: float) -> float:
    """What a row that did not move counts as: this part of those that moved lies below it."""
    moved = size[size > 0]
    return float(np.quantile(moved, part)) if len(moved) else 1.0


def spans(step: float) -> list[int]:
    """The windows of HAR in rows: of days one, a week, a month, a quarter; within a day also its parts."""
    day = max(round(DAY / step), 1)
    if day == 1:
        return [1, 2, 5, 22, 66]
    return sorted({1, 2, max(day // 4, 1), day, 5 * day, 25 * day})


def _same_time(step: float) -> list[int]:
    """How many rows back the row to come had the same hour, yesterday and a week ago."""
    day = round(DAY / step)
    return [day - 1, 5 * day - 1] if day > 1 else []


def _clock(prices: Prices, ahead: Array) -> tuple[list[Array], list[Array]]:
    """The clock of the row to come, as waves for networks and as flags for lines."""
    to_come = prices.time + ahead * prices.step
    hour, weekday = to_come % DAY, ((to_come // DAY).astype(int) + 3) % 7  # 1970 began on a Thursday
    long = (ahead > 1.5).astype(float)
    flags = [long, np.log1p(np.minimum(ahead, MOST_GAP)), *((weekday == k).astype(float) for k in range(1, 7))]
    waves = [long, *((weekday == k).astype(float) for k in (0, 4))]
    if prices.step < DAY:
        parts = min(round(DAY / prices.step), 96)
        of_day = np.minimum((hour / DAY * parts).astype(int), parts - 1)
        flags += [(of_day == k).astype(float) for k in range(1, parts)]
        waves += [f(2 * np.pi * k * hour / DAY) for k in (1, 2, 3) for f in (np.sin, np.cos)]
    return waves, flags


def _mean(a: Array, n: int) -> Array:
    """The mean of the last n, of fewer at the start."""
    sums = np.concatenate([[0.0], np.cumsum(a)])
    end = np.arange(1, len(a) + 1)
    begin = np.maximum(end - n, 0)
    return np.asarray((sums[end] - sums[begin]) / (end - begin))


def _shifted(a: Array, n: int) -> Array:
    """The value n rows back, zero where there is none."""
    return np.concatenate([np.zeros(n), a[: len(a) - n]]) if n < len(a) else np.zeros_like(a)
