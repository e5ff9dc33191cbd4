"""Which time constants suit the data: from their own correlation times, between the median gap and the length of a sequence.

    rho_i(lag) = 1 - mean (x_i(t + lag) - x_i(t))^2 / (2 var x_i)          lags 1, 2, 4, ... samples, at their median time
    T_i        where rho_i first falls below 1/e, straight in log(lag) between two lags: how long input i stays like itself

    shortest = max(median gap, lower quartile of T / 3)          longest = min(median length / 3, 3 upper quartile of T)

A neuron much faster than the inputs only follows noise, one much slower only averages; quartiles, since a flag that flickers or a column
that drifts for months says little of the rest (each is the time of an input: between two that differ widely lies nobody's). Missing values
(NaN) and masked samples are left out, gaps may be uneven: the lag of a pair is the time between its two samples. Nothing but inputs is
looked at, so give training data alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..drawing import Colours, Drawn, plain_numbers
from ..errors import DataError

FASTER, SLOWER = 3.0, 3.0  # than the correlation times; the slowest has three of its own in a sequence, too
GONE = float(np.exp(-1))

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SuggestedTau(Drawn):
    """shortest, longest: what `tau=(shortest, longest)` takes. correlation (inputs,): T_i, NaN for an input that never changes.

    gap, length   the median gap, and the median time from the first to the last sample; all in the unit of dt

    >>> swing = np.sin(np.arange(500) / 20)[:, None]  # one turn in 126 samples
    >>> found = tauflow.network.suggest_tau(swing)  # a SuggestedTau
    >>> print(found.sentence)
    tau=(7.51, 67.6): gaps are 1 at the median, sequences 499 long, and the inputs stay like themselves for 22.5
    """

    shortest: float
    longest: float
    gap: float
    length: float
    correlation: Array

    pixels = (440, 220)

    @property
    def sentence(self) -> str:
        """The range, and why."""
        return (
            f"tau=({self.shortest:.3g}, {self.longest:.3g}): gaps are {self.gap:.3g} at the median, sequences {self.length:.3g} long, and "
            f"the inputs stay like themselves for {np.nanmedian(self.correlation):.3g}"
        )

    def draw(self, figure: Any, colours: Colours) -> None:
        """The range as a bar, the inputs' correlation times as dots, the gap and the length as lines, on one axis."""
        axes = figure.add_subplot()
        axes.barh(0, self.longest - self.shortest, left=self.shortest, height=0.5, color=colours["liquid1"], alpha=0.4)
        known = self.correlation[np.isfinite(self.correlation)]
        axes.plot(known, np.full(len(known), -1.0), "o", markersize=5, color=colours["ink"])
        for place in (self.gap, self.length):
            axes.axvline(place, color=colours["static1"], linewidth=1.2)
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
        axes.set_yticks([0, -1], ["suggested tau", "inputs"])
        axes.set_ylim(-1.6, 0.6)
        axes.tick_params("y", labelcolor=colours["ink"])
        axes.grid(False)
        axes.set_xlabel("time, in the unit of dt; lines: the median gap, the length")

    def frame(self) -> Any:
        """A line an input."""
        import pandas as pd

        return pd.DataFrame({"correlation": self.correlation})


def suggest_tau(x: Any, dt: Any = None, mask: Any = None) -> SuggestedTau:
    """Of x (batch, time, inputs), one row (time, inputs), or a list of rows of any length; dt and mask alike, one row each.

    dt: the time since the sample before, ones unless given. DataError where no time passes or nothing ever changes.

    >>> found = tauflow.network.suggest_tau(np.sin(np.arange(500) / 20)[:, None])  # one turn in 126 samples
    >>> round(found.shortest, 1), round(found.longest, 1)
    (7.5, 67.6)
    >>> cell = tauflow.CTRNN(inputs=1, units=8, tau=(found.shortest, found.longest))
    """
    rows = list(x) if isinstance(x, (list, tuple)) or np.ndim(x) == 3 else [x]
    gaps = _alike(dt, len(rows), x)
    masks = _alike(mask, len(rows), x)
    kept = [_row(*each) for each in zip(rows, gaps, masks, strict=True)]
    kept = [(values, time) for values, time in kept if len(values)]
    passed = np.concatenate([np.diff(time) for _, time in kept]) if kept else np.empty(0)
    passed = passed[passed > 0]
    if not len(passed):
        raise DataError("no time passes in the data: give dt, the time since the sample before")
    gap, length = float(np.median(passed)), float(np.median([time[-1] - time[0] for _, time in kept]))
    times = np.array([_correlation_time(kept, column) for column in range(kept[0][0].shape[1])])
    known = times[np.isfinite(times)]
    if not len(known):
        raise DataError("no input changes, or none is known twice in a row: there is no correlation time to go by")
    low, high = np.quantile(known, 0.25, method="lower"), np.quantile(known, 0.75, method="higher")
    shortest = max(gap, float(low) / FASTER)
    longest = max(min(length / SLOWER, float(high) * SLOWER), 2 * gap)
    shortest = min(shortest, longest / 2)
    return SuggestedTau(shortest, longest, gap, length, times)


def _alike(given: Any, count: int, x: Any) -> Sequence[Any]:
    if given is None:
        return [None] * count
    found = list(given) if isinstance(given, (list, tuple)) or np.ndim(given) == 2 or np.ndim(x) == 3 else [given]
    if len(found) != count:
        raise DataError(f"there are {count} rows of x, but {len(found)} of dt or mask: give one for each")
    return found


def _row(x: Any, dt: Any, mask: Any) -> tuple[Array, Array]:
    """(values (time, inputs), stamps (time,)) of the real samples."""
    values = np.asarray(x, dtype=float)
    if values.ndim != 2:
        raise DataError(f"a row of x has shape {values.shape}, expected (time, inputs)")
    gaps = np.ones(len(values)) if dt is None else np.asarray(dt, dtype=float)
    real = np.ones(len(values), dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    if gaps.shape != (len(values),) or real.shape != (len(values),):
        raise DataError(f"dt has shape {gaps.shape} and mask {real.shape}, expected ({len(values)},) as x")
    return values[real], np.cumsum(gaps[real])


def _correlation_time(rows: Sequence[tuple[Array, Array]], column: int) -> float:
    """T of one input; NaN where it does not change."""
    series = []
    for values, time in rows:
        known = np.isfinite(values[:, column])
        if known.sum() > 1:
            series.append((values[known, column], time[known]))
    whole = np.concatenate([values for values, _ in series]) if series else np.empty(0)
    variance = float(whole.var()) if len(whole) else 0.0
    if not variance > 0:
        return float("nan")
    before: tuple[float, float] | None = None
    offset, longest = 1, max(len(values) for values, _ in series)
    while offset < longest:
        lags = np.concatenate([time[offset:] - time[:-offset] for _, time in series])
        changes = np.concatenate([values[offset:] - values[:-offset] for values, _ in series])
        moved = lags > 0
        if moved.any():
            lag, rho = float(np.median(lags[moved])), 1 - float(np.mean(changes[moved] ** 2)) / (2 * variance)
            if rho < GONE:
                if before is None or before[1] <= rho:
                    return lag
                share = (before[1] - GONE) / (before[1] - rho)
                return float(np.exp(np.log(before[0]) + share * (np.log(lag) - np.log(before[0]))))
            before = lag, rho
        offset *= 2
    return float("nan") if before is None else max(time[-1] - time[0] for _, time in series)
