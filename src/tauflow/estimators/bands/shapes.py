"""Shapes: what the band of one question looks like before it is calibrated, as a map between truths and scores.

    score z of a truth y    how far y lies from the forecast f, in units of the shape; rises with y
    value of a score        its inverse: the y that has this score

    conformal   z = (y - f) / up above the forecast, (y - f) / down below it           loss pinball at .05, .5, .95
    quantiles   z by straight lines between the quantiles of `LEVELS`, Phi^-1(p) apart   loss pinball at all of them
    normal      z = (y - f) / s                                                         loss -log N(y; m, s)
    student     z = the normal score of the t distribution of (y - f) / s               loss -log t(y; m, s, n)
    counts      z = g(y) - g(m), g(y) = 2 asinh(sqrt(a (y + 3/8))) / sqrt(a)            loss -log NB(y; mean m, var m + a m^2)

What a network says of a question (its raw numbers) becomes positive widths and rising quantiles here, so nothing can cross. It also says
by how much the forecast that it learned from lay too low (m); that is only used of counts: the band stands around the forecast as it is.
g makes the spread of a negative binomial count the same everywhere (Anscombe 1948); a -> 0 is Poisson.
The normal score of t: Wallace 1959, which has a closed inverse. All numbers but those of counts are scaled.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...data.series import Array

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
LEAST = 1e-3  # of a width, in units of the mean absolute error
COUNT = 0.25  # of a count, so that a forecast of none has a logarithm


class Shape(ABC):
    """`raw` numbers (..., raws) of the network -> the numbers that describe a band (..., numbers), in units of the residuals' size."""

    raws: ClassVar[int]
    numbers: ClassVar[int]
    whole: ClassVar[bool] = False  # is every truth a whole number?

    @abstractmethod
    def loss(self, raw: Tensor, truth: Tensor, forecast: Tensor) -> Tensor:
        """The loss of each entry, truth and forecast (...) in units of the size."""

    @abstractmethod
    def described(self, raw: Tensor) -> Tensor:
        """(..., numbers)."""

    @abstractmethod
    def score(self, truth: Array, forecast: Array, numbers: Array) -> Array:
        """(...) of truth and forecast (...)."""

    @abstractmethod
    def value(self, score: Array, forecast: Array, numbers: Array) -> Array:
        """(...), the truth of a score."""


class Conformal(Shape):
    """Two widths, above and below."""

    raws, numbers = 3, 2
    levels: ClassVar[tuple[float, ...]] = (0.05, 0.5, 0.95)

    def loss(self, raw: Tensor, truth: Tensor, forecast: Tensor) -> Tensor:
        return _pinball(_rising(raw), truth - forecast, self.levels)

    def described(self, raw: Tensor) -> Tensor:
        low, middle, high = _rising(raw).unbind(-1)
        return torch.stack([middle - low, high - middle], dim=-1) + LEAST

    def score(self, truth: Array, forecast: Array, numbers: Array) -> Array:
        error = truth - forecast
        return np.asarray(error / np.where(error > 0, numbers[..., 1], numbers[..., 0]))

    def value(self, score: Array, forecast: Array, numbers: Array) -> Array:
        return np.asarray(forecast + score * np.where(score > 0, numbers[..., 1], numbers[..., 0]))


class Quantiles(Shape):
    """The distances of all levels from the middle one, as steps between neighbours: each is positive."""

    raws, numbers = len(LEVELS), len(LEVELS) - 1
    knots: ClassVar[Array] = np.array([NormalDist().inv_cdf(p) for p in LEVELS])

    def loss(self, raw: Tensor, truth: Tensor, forecast: Tensor) -> Tensor:
        return _pinball(_rising(raw), truth - forecast, LEVELS)

    def described(self, raw: Tensor) -> Tensor:
        return _rising(raw).diff(dim=-1) + LEAST

    def score(self, truth: Array, forecast: Array, numbers: Array) -> Array:
        return _straight(
            truth - forecast, self._places(numbers), np.broadcast_to(self.knots, (*truth.shape, len(LEVELS)))
        )

    def value(self, score: Array, forecast: Array, numbers: Array) -> Array:
        places = self._places(numbers)
        return forecast + _straight(score, np.broadcast_to(self.knots, places.shape), places)

    def _places(self, numbers: Array) -> Array:
        """Where the levels lie around the forecast, (..., levels)."""
        places = np.concatenate([np.zeros_like(numbers[..., :1]), np.cumsum(numbers, axis=-1)], axis=-1)
        return np.asarray(places - places[..., len(LEVELS) // 2, None])


class Normal(Shape):
    """A deviation."""

    raws, numbers = 2, 1

    def loss(self, raw: Tensor, truth: Tensor, forecast: Tensor) -> Tensor:
        s = self.described(raw)[..., 0]
        return 0.5 * ((truth - forecast - raw[..., 1]) / s).square() + s.log()

    def described(self, raw: Tensor) -> Tensor:
        return F.softplus(raw[..., :1]) + LEAST

    def score(self, truth: Array, forecast: Array, numbers: Array) -> Array:
        return np.asarray((truth - forecast) / numbers[..., 0])

    def value(self, score: Array, forecast: Array, numbers: Array) -> Array:
        return np.asarray(forecast + score * numbers[..., 0])


class Student(Shape):
    """A scale and degrees of freedom above 2."""

    raws, numbers = 3, 2

    def loss(self, raw: Tensor, truth: Tensor, forecast: Tensor) -> Tensor:
        s, n = self.described(raw).unbind(-1)
        far = ((truth - forecast - raw[..., 2]) / s).square() / n
        constant = torch.lgamma((n + 1) / 2) - torch.lgamma(n / 2) - 0.5 * (n * math.pi).log()
        return (n + 1) / 2 * torch.log1p(far) + s.log() - constant

    def described(self, raw: Tensor) -> Tensor:
        s, n = raw[..., 0], raw[..., 1]
        return torch.stack([F.softplus(s) + LEAST, F.softplus(n) + 2.0], dim=-1)

    def score(self, truth: Array, forecast: Array, numbers: Array) -> Array:
        n, t = numbers[..., 1], (truth - forecast) / numbers[..., 0]
        return np.asarray(np.sign(t) * (8 * n + 1) / (8 * n + 3) * np.sqrt(n * np.log1p(t * t / n)))

    def value(self, score: Array, forecast: Array, numbers: Array) -> Array:
        n = numbers[..., 1]
        back = score * (8 * n + 3) / (8 * n + 1)
        far = np.sqrt(n * np.expm1(np.minimum(back * back / n, 600.0)))
        return np.asarray(forecast + np.sign(score) * far * numbers[..., 0])


class Counts(Shape):
    """How much the logarithm of the forecast is corrected, and the overdispersion a; truth and forecast are counts."""

    raws, numbers, whole = 2, 2, True

    def loss(self, raw: Tensor, truth: Tensor, forecast: Tensor) -> Tensor:
        shift, a = self.described(raw).unbind(-1)
        log_m = (forecast.clamp(min=0) + COUNT).log() + shift
        r = 1 / a
        log_total = torch.logaddexp(log_m, r.log())  # log (m + r)
        some = torch.lgamma(truth + r) - torch.lgamma(r) - torch.lgamma(truth + 1)
        return -(some + r * (r.log() - log_total) + truth * (log_m - log_total))

    def described(self, raw: Tensor) -> Tensor:
        return torch.stack([raw[..., 0].clamp(-8, 8), F.softplus(raw[..., 1] - 2) + 1e-4], dim=-1)

    def score(self, truth: Array, forecast: Array, numbers: Array) -> Array:
        a = numbers[..., 1]
        return self._even(np.maximum(truth, 0), a) - self._even(self._mean(forecast, numbers), a)

    def value(self, score: Array, forecast: Array, numbers: Array) -> Array:
        a = numbers[..., 1]
        even = np.maximum(score + self._even(self._mean(forecast, numbers), a), 0)
        return np.asarray(np.maximum(np.sinh(np.minimum(even * np.sqrt(a) / 2, 300.0)) ** 2 / a - 3 / 8, 0))

    def _mean(self, forecast: Array, numbers: Array) -> Array:
        return np.asarray((np.maximum(forecast, 0) + COUNT) * np.exp(numbers[..., 0]))

    def _even(self, y: Array, a: Array) -> Array:
        return np.asarray(2 * np.arcsinh(np.sqrt(a * (y + 3 / 8))) / np.sqrt(a))


SHAPES: dict[str, Shape] = {
    "conformal": Conformal(),
    "quantiles": Quantiles(),
    "normal": Normal(),
    "student": Student(),
    "counts": Counts(),
}


def _rising(raw: Tensor) -> Tensor:
    """The middle one is free, the others lie softplus apart."""
    m = raw.shape[-1] // 2
    steps = F.softplus(raw)
    below = steps[..., :m].flip(-1).cumsum(-1).flip(-1)
    above = steps[..., m + 1 :].cumsum(-1)
    middle = raw[..., m : m + 1]
    return torch.cat([middle - below, middle, middle + above], dim=-1)


def _pinball(quantiles: Tensor, truth: Tensor, levels: Sequence[float]) -> Tensor:
    p = quantiles.new_tensor(levels)
    error = truth[..., None] - quantiles
    return torch.maximum(p * error, (p - 1) * error).mean(-1)


def _straight(x: Array, xs: Array, ys: Array) -> Array:
    """y of x (...) by straight lines through points (..., n) with rising xs; beyond the ends the last line goes on."""
    place = np.clip((x[..., None] > xs).sum(axis=-1) - 1, 0, xs.shape[-1] - 2)[..., None]
    x0, x1, y0, y1 = (np.take_along_axis(one, place + k, -1)[..., 0] for one in (xs, ys) for k in (0, 1))
    return np.asarray(y0 + (x - x0) / (x1 - x0) * (y1 - y0))
