"""Forecasts of a rule or of the linear base that did not learn from what they are of: what bands are learned from."""

from __future__ import annotations

import numpy as np

from ...windows.windows import Windows
from ..bands import Honest, honest_of, newest
from ..baselines import Persistence
from ..linear import LinearBase
from .starts import started, thinned

MOST = 6000  # training windows


def honest_without_network(
    predictor: Persistence | LinearBase, training: Windows, judging: Windows, at: float
) -> tuple[Honest, Honest]:
    """(of training windows, of validation windows), which begin at native time `at`."""
    parts = (thinned(training, MOST), newest(judging))
    if isinstance(predictor, LinearBase):
        found = [started(part, predictor, at) for part in parts]
        of_training, of_judging = (Honest(one.windows, np.asarray(one.answers["linear"], float)) for one in found)
    else:
        of_training, of_judging = (honest_of(part, predictor.predict) for part in parts)
    return of_training, of_judging
