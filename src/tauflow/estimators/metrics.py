"""How wrong a forecast is. Errors are over the entries where the truth is known, in the units of the table; NaN where none is.

MAE   mean |y - f|        RMSE  sqrt(mean (y - f)^2)
MASE  MAE / the MAE of the best seasonal or last-value forecast on the training part: below 1 is better than that naive
      forecast was where it was chosen. Undefined (NaN) where that error is zero, as for a constant target.
      Source: Hyndman and Koehler 2006.

Several targets have different units: `by_target` scores each alone, and `scaled` is the mean of their MASE, for one verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..data.series import Array


@dataclass(frozen=True)
class Score:
    """The errors of one target; `why` says why MASE is NaN, None where it is a number."""

    target: str
    mae: float
    rmse: float
    mase: float
    why: str | None


def mae(truth: Array, forecast: Array) -> float:
    """Mean absolute error."""
    return _mean(np.abs(truth - forecast))


def rmse(truth: Array, forecast: Array) -> float:
    """Root mean squared error."""
    return float(np.sqrt(_mean((truth - forecast) ** 2)))


def mae_by_step(truth: Array, forecast: Array) -> Array:
    """(h,) mean absolute error at each step of (forecasts, h); NaN at a step that is never known."""
    error = np.abs(truth - forecast)
    known = np.isfinite(error)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, error, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def mase(truth: Array, forecast: Array, naive: Array) -> float:
    """Mean absolute error over `naive` (N, targets), the naive error on the training part of each row's id."""
    error, scale = np.abs(truth - forecast), naive[:, None, :]
    return _mean(np.divide(error, scale, out=np.full(error.shape, np.nan), where=scale > 0))


def by_target(truth: Array, forecast: Array, naive: Array, targets: Sequence[str]) -> tuple[Score, ...]:
    """Each target alone, of truth and forecast (N, h, targets)."""
    found = []
    for k, name in enumerate(targets):
        y, f, scale = truth[:, :, k], forecast[:, :, k], naive[:, k]
        ratio = mase(y[:, :, None], f[:, :, None], scale[:, None])
        why = None
        if np.isnan(ratio):
            why = f"MASE of {name!r} is undefined: " + (
                "no value is known in the test part"
                if not np.isfinite(y).any()
                else "the naive forecast makes no error in the training part, as on a constant"
                if (scale == 0).any()
                else "the naive forecast could not be tried on the training part"
            )
        found.append(Score(name, mae(y, f), rmse(y, f), ratio, why))
    return tuple(found)


def scaled(scores: Sequence[Score]) -> float:
    """The mean MASE of the targets that have one; NaN where none has."""
    return _mean(np.array([score.mase for score in scores]))


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
