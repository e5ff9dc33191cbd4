"""The simple answers: a ridge on HAR's features, and gradient boosting on the same.

ridge      y = H w + c,  w makes |y - H w - c|^2 + penalty |w|^2 least, features in units of their spread; the part that chooses
           takes the penalty, and then is learned from too
boosting   trees of LightGBM, or of scikit-learn where that is installed; the part that chooses says how many
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .seen import Array, Seen

TREES = (10, 25, 50, 100, 150, 200, 300, 400)
PENALTIES = tuple(10.0 ** (k / 2) for k in range(-2, 17))


@dataclass(frozen=True, eq=False)
class Ridge:
    """Features (n, m) -> answers (n,)."""

    mean: Array
    width: Array
    weights: Array
    constant: float

    def __call__(self, features: Array) -> Array:
        answer: Array = (features - self.mean) / self.width @ self.weights + self.constant
        return answer


def solve(features: Array, y: Array, penalty: float) -> Ridge:
    """The ridge in closed form."""
    mean, width = features.mean(axis=0), features.std(axis=0)
    width = np.where(width > 1e-12, width, 1.0)
    z, constant = (features - mean) / width, float(y.mean())
    weights = np.linalg.solve(z.T @ z + penalty * np.eye(z.shape[1]), z.T @ (y - constant))
    return Ridge(mean, width, weights, constant)


@dataclass(frozen=True, eq=False)
class Har:
    """`honest` (T-1,): learned from the learning part alone; `whole` (T-1,): from the part that chose too. Both answer all rows."""

    honest: Array
    whole: Array
    penalty: float


def har(seen: Seen, y: Array) -> Har:
    """HAR's answers about y (T-1,)."""
    early = slice(seen.first, seen.learn.stop)
    errors = []
    for penalty in PENALTIES:
        line = solve(seen.har[early], y[early], penalty)
        errors.append(float(((y - line(seen.har))[seen.choose] ** 2).mean()))
    penalty = PENALTIES[int(np.argmin(errors))]
    both = slice(seen.first, seen.choose.stop)
    honest, whole = (solve(seen.har[part], y[part], penalty)(seen.har) for part in (early, both))
    return Har(honest, whole, penalty)


def boosting(seen: Seen, y: Array) -> Array | None:
    """The answers (T-1,) of boosted trees; None where neither package is installed."""
    rows, choose = slice(seen.first, seen.learn.stop), seen.choose
    try:
        import lightgbm

        trees: Any = lightgbm.LGBMRegressor(
            n_estimators=TREES[-1], learning_rate=0.03, num_leaves=15, min_child_samples=100, n_jobs=1, verbose=-1
        )
        trees.fit(seen.har[rows], y[rows])
        each = [np.asarray(trees.predict(seen.har, num_iteration=count), dtype=np.float64) for count in TREES]
    except ImportError:
        try:
            from sklearn.ensemble import HistGradientBoostingRegressor
        except ImportError:
            return None
        trees = HistGradientBoostingRegressor(
            learning_rate=0.03, max_leaf_nodes=15, min_samples_leaf=100, early_stopping=False, max_iter=TREES[-1]
        )
        trees.fit(seen.har[rows], y[rows])
        each = [p for count, p in enumerate(trees.staged_predict(seen.har), start=1) if count in TREES]
    return min(each, key=lambda p: float(((y - p)[choose] ** 2).mean()))
