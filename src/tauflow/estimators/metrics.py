"""How wrong a forecast is. Errors are over the entries where the truth is known, in the units of the table.

MAE   mean |y - f|        RMSE  sqrt(mean (y - f)^2)
MASE  MAE / the MAE of the best seasonal or last-value forecast on the training part: below 1 is better than that naive
      forecast was where it was chosen. Source: Hyndman and Koehler 2006.
"""

from __future__ import annotations

import numpy as np

from ..data.series import Array


def mae(truth: Array, forecast: Array) -> float:
    """Mean absolute error."""
    return float(np.nanmean(np.abs(truth - forecast)))


def rmse(truth: Array, forecast: Array) -> float:
    """Root mean squared error."""
    return float(np.sqrt(np.nanmean((truth - forecast) ** 2)))


def mae_by_step(truth: Array, forecast: Array) -> Array:
    """(h,) mean absolute error at each step of (forecasts, h)."""
    error = np.abs(truth - forecast)
    known = np.isfinite(error)
    return np.asarray(np.where(known, error, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))


def mase(truth: Array, forecast: Array, naive: Array) -> float:
    """Mean absolute error over `naive` (N, targets), the naive error on the training part of each row's id."""
    return float(np.nanmean(np.abs(truth - forecast) / naive[:, None, :]))
