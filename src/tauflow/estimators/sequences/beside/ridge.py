"""A line on features, straight or bent, solved in closed form: the strong simple answer that a network is weighed against.

    z = g(f) W + b        min sum_i c_i |y_i - z_i|^2 + penalty |W|^2

    straight   g(f) = (f - mean) / width
    bent       g(f) = [is it unknown, how far f reaches into each of the PIECES between its quantiles]     an additive model

Classes are columns of +1 and -1; z are then scores, which `blend.py` turns into probabilities. Straight or bent, and the penalty: what has
the least squared error on the held-out folds, in one eigendecomposition a fold: of features or of samples, whichever are fewer.
Source: Hastie and Tibshirani 1986, additive models; the basis is the linear spline of each feature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....data.sequences import Array

PENALTIES = 10.0 ** np.arange(-3, 6)
CLIP = 10.0  # of a feature, in deviations: one wild number must not decide
PIECES = 4  # of a bent line, between the quantiles .01 and .99 of each feature
MOST_BENT = 2000  # columns, or samples where they are fewer; beyond, the closed form takes too long


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
class Bent:
    """knots (PIECES + 1, features), rising: linear pieces of each feature; middle (features,) stands for what is not known."""

    knots: Array
    middle: Array
    width: Array

    def __call__(self, features: Array) -> Array:
        """(n, (1 + PIECES) * features)."""
        unknown = np.isnan(features)
        f = np.where(unknown, self.middle, features)
        spans = np.diff(self.knots, axis=0) / self.width
        pieces = [np.clip((f - knot) / self.width, 0, span) for knot, span in zip(self.knots, spans, strict=False)]
        return np.concatenate([unknown.astype(np.float64), *pieces], axis=1)


def learn_bent(features: Array) -> Bent:
    """From features (n, m), NaN where not known."""
    scaling = learn_scaling(features)
    known = np.where(np.isnan(features).all(axis=0), 0.0, features)
    knots = np.nanquantile(known, np.linspace(0.01, 0.99, PIECES + 1), axis=0)
    return Bent(knots, np.nanmedian(known, axis=0), scaling.width)


@dataclass(frozen=True, eq=False)
class Line:
    """basis g, weights (g's columns, outputs), bias (outputs,)."""

    basis: Scaling | Bent
    weights: Array
    bias: Array

    def __call__(self, features: Array) -> Array:
        """(n, outputs); each row's by itself, so that it does not depend on the rows beside it."""
        z = self.basis(features)
        scores: Array = np.stack([row @ self.weights for row in z]) + self.bias
        return scores


def learn_line(
    features: Array, targets: Array, weights: Array, folds: list[Array], bend: bool = False
) -> tuple[Line, Array]:
    """(the line learned from all, what lines learned without a fold say of it (n, outputs), NaN where in no fold).

    features (n, m), targets (n, outputs), weights (n,) >= 0, folds: indices that are held out together. bend: whether a bent line
    may be taken.
    """
    bases: list[Scaling | Bent] = [learn_scaling(features)]
    if bend and folds and min(len(features), (1 + PIECES) * features.shape[1]) <= MOST_BENT:
        bases.append(learn_bent(features))
    best, least, honest = (bases[0], float(PENALTIES[len(PENALTIES) // 2])), np.inf, np.full(targets.shape, np.nan)
    index = np.concatenate(folds) if folds else np.zeros(0, np.int64)
    for basis in bases:
        held = _held_out(basis(features), targets, weights, folds)
        for penalty, said in zip(PENALTIES.tolist(), held, strict=True):
            error = float((weights[index, None] * (said[index] - targets[index]) ** 2).mean()) if folds else np.inf
            if error < least:
                best, least, honest = (basis, penalty), error, said
    w, b = _solve(best[0](features), targets, weights, np.array([best[1]]))[0]
    return Line(best[0], w, b), honest


def _held_out(z: Array, targets: Array, weights: Array, folds: list[Array]) -> Array:
    """What lines learned without a fold say of it, (penalties, n, outputs)."""
    held = np.full((len(PENALTIES), *targets.shape), np.nan)
    for fold in folds:
        rest = np.setdiff1d(np.arange(len(z)), fold)
        for number, (w, b) in enumerate(_solve(z[rest], targets[rest], weights[rest], PENALTIES)):
            held[number, fold] = z[fold] @ w + b
    return held


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
