"""Drift: the last known value and, per stride, the mean slope from the first known value to it.

    f(k) = y_last + (y_last - y_first) / (t_last - t_first) * (t_origin + k - t_last)

Source: Hyndman and Athanasopoulos 2021, section 5.2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...data.series import Array
from ...training import Callback
from ...windows.windows import Windows
from ..settings import Settings


class Drift:
    """Nothing is learned."""

    parameters = 0
    notes: tuple[str, ...] = ()

    def fit(self, training: Windows, judging: Windows, settings: Settings, callbacks: Sequence[Callback]) -> None:
        return None

    def predict(self, windows: Windows, index: Array) -> Array:
        """(B, h, targets)."""
        rows, moments = windows.rows, windows.encoder.moments
        number = windows.origins[index, 0]
        origin = rows.start[number] + windows.origins[index, 1]
        ahead = np.arange(1, windows.encoder.h + 1)
        out = np.empty((len(index), windows.encoder.h, rows.z.shape[1]))
        for target in range(rows.z.shape[1]):
            last = rows.last[origin, target]
            first = _first_known(windows, target)[number]
            known = last >= 0
            end, begin = np.where(known, last, 0), np.where(known, first, 0)
            span = moments.offset(rows.time[begin], rows.time[end])
            slope = np.where(span > 0, (rows.z[end, target] - rows.z[begin, target]) / np.where(span > 0, span, 1), 0.0)
            passed = moments.offset(rows.time[end], rows.time[origin])
            value = rows.z[end, target][:, None] + slope[:, None] * (passed[:, None] + ahead)
            out[:, :, target] = np.where(known[:, None], value, 0.0)
        return out


def _first_known(windows: Windows, target: int) -> Array:
    """Per series the first row with a value; its first row where there is none."""
    rows = windows.rows
    found = rows.start[:-1].copy()
    for number, (begin, end) in enumerate(zip(rows.start[:-1], rows.start[1:], strict=True)):
        known = np.nonzero(np.isfinite(rows.z[begin:end, target]))[0]
        found[number] = begin + (known[0] if len(known) else 0)
    return found


def build(settings: Settings) -> Drift:
    return Drift()
