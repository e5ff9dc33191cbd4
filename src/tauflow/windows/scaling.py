"""Robust scaling, learned on the training part only: z = (value - median) / (0.741 * interquartile range).

0.741 makes the scale that of a normal distribution's standard deviation, so a few absurd values can't set it. A column whose
quartiles coincide falls back to its standard deviation, a constant one to 1. What a model sees of exogenous columns is clipped to +-10,
of the targets' past to +-10,000, so that one absurd value can't drown the rest; the truth that forecasts are judged by is never clipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..data.series import Array

CLIP = 10.0
TARGET_CLIP = 1e4


@dataclass(frozen=True, eq=False)
class Scale:
    """center and scale (columns,), in the units of the table."""

    center: Array
    scale: Array

    def apply(self, values: Array) -> Array:
        """z of values (..., columns)."""
        return (values - self.center) / self.scale

    def invert(self, z: Array) -> Array:
        """The values of z, in the units of the table."""
        return z * self.scale + self.center


def robust_scale(values: Array) -> Scale:
    """The scale of values (T, columns), NaN left out; (0, 1) for a column without any value."""
    center, scale = np.zeros(values.shape[1]), np.ones(values.shape[1])
    for column in range(values.shape[1]):
        known = values[np.isfinite(values[:, column]), column]
        if len(known) == 0:
            continue
        low, center[column], high = np.quantile(known, [0.25, 0.5, 0.75])
        spread = 0.741 * (high - low) or float(np.std(known))
        scale[column] = spread if spread > 1e-12 * max(1e-300, abs(center[column])) else 1.0
    return Scale(center, scale)
