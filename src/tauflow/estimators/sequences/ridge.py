"""A straight line on features, solved in closed form: the strong simple answer that a network is weighed against.

    z = (f - mean) W / width + b        min sum_i c_i |y_i - z_i|^2 + penalty |W|^2

Classes are columns of +1 and -1; z are then scores, which `blend.py` turns into probabilities. The penalty is the one with the least
squared error on the held-out folds, in one eigendecomposition a fold: of features or of samples, whichever are fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...data.sequences import Array

PENALTIES = 10.0 ** np.arange(-3, 6)
CLIP = 10.0  # of a feature, in deviations: one wild number must not decide


@dataclass(frozen=True, eq=False)
class Scaling:
    """mean, width (features,) of training features: z = (f - mean) / width; what is not known is 0, the mean."""

    mean: Array
    width: Array

    def __call__(self, features: Array) -> Array:
        z = (features.astype(np.float64) - self.mean) / self.width
        return np.clip(np.where(np.isnan(z), 0.0, z), -CLIP, CLIP)


def learn_scaling(features: Array) -> Scaling:
    """From features (n, m), NaN where not known; a constant one has width 1."""
    known = ~np.isnan(features)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, features, 0).sum(axis=0, dtype=np.float64) / count
    width = np.sqrt(np.where(known, (features - mean) ** 2, 0).sum(axis=0) / count)
    return Scaling(mean, np.where(width > 1e-9 * np.maximum(np.abs(mean), 1e-30), width, 1.0))


@dataclass(frozen=True, eq=False)
class Line:
    """weights (features, outputs), bias (outputs,)."""

    scaling: Scaling
    weights: Array
    bias: Array

    def __call__(self, features: Array) -> Array:
        """(n, outputs); each row's by itself, so that it does not depend on the rows beside it."""
        z = self.scaling(features)
        scores: Array = np.stack([row @ self.weights for row in z]) + self.bias
        return scores


def learn_line(features: Array, targets: Array, weights: Array, folds: list[Array]) -> tuple[Line, Array]:
    """(the line learned from all, what lines learned without a fold say of it (n, outputs), NaN where in no fold).

    features (n, m), targets (n, outputs), weights (n,) > 0, folds: indices that are held out together.
    """
    scaling = learn_scaling(features)
    z = scaling(features)
    held = np.full((len(PENALTIES), *targets.shape), np.nan)
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(z)), fold)
        for number, (w, b) in enumerate(_solve(z[rest], targets[rest], weights[rest], PENALTIES)):
            held[number, fold] = z[fold] @ w + b
    best = len(PENALTIES) // 2
    if folds:
        index = np.concatenate(folds)
        error = (weights[index, None] * (held[:, index] - targets[index]) ** 2).mean(axis=(1, 2))
        best = int(error.argmin())
    w, b = _solve(z, targets, weights, PENALTIES[best : best + 1])[0]
    return Line(scaling, w, b), held[best]


def _solve(z: Array, y: Array, c: Array, penalties: Array) -> list[tuple[Array, Array]]:
    """(W, b) for each penalty."""
    share = c / c.sum()
    mz, my = share @ z, share @ y
    root = np.sqrt(c)[:, None]
    u, v = root * (z - mz), root * (y - my)
    if u.shape[1] <= len(u):
        values, vectors = np.linalg.eigh(u.T @ u)
        right = vectors.T @ (u.T @ v)
        found = [vectors @ (right / (np.maximum(values, 0)[:, None] + p)) for p in penalties]
    else:
        values, vectors = np.linalg.eigh(u @ u.T)
        right = vectors.T @ v
        found = [u.T @ (vectors @ (right / (np.maximum(values, 0)[:, None] + p))) for p in penalties]
    return [(w, my - mz @ w) for w in found]
