"""What needs no network: if one of these wins, the task says little about networks.

    persistence  the next frame is this one
    ridge        y ~ [x_t, x_{t-1}, ..., x_{t-k+1}, log(1 + dt), 1], closed form; k, the strength and the inputs' scale by validation
    logistic     logistic regression on the same inputs, scaled, by L-BFGS; zeros before a sequence's first step
    threshold    class 1 where one feature is above (or below) one value; feature, value and side chosen on training + validation
    nearest      the class of the training step whose features, scaled, are nearest: what remembering the training gives
    majority     the class that is most frequent in training
    mean         the training mean
    calendar     the training mean of the same weekday and hour (the last two features)

For one class a sequence the inputs are the last steps, or their mean. Each is a function (metric, split) -> (test score, numbers learned).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from tauflow.training import Batch

from .metrics import Metric, entries
from .task import Split
from .train import CHUNK, target

LAGS = (1, 2, 4, 8)
ITERATIONS = 100  # of L-BFGS
STRENGTHS = tuple(10.0**power for power in range(-8, 3))


def log_gap(x: Tensor, dt: Tensor | None) -> Tensor:
    """log(1 + dt) (batch, time, 1); dt is 1 unless given."""
    return (x.new_ones(x.shape[:2]) if dt is None else dt).log1p()[..., None]


def windowed(data: Batch, lags: int) -> tuple[Tensor, Tensor]:
    """Inputs (n, lags * features + 1) and targets of what counts; zeros before a sequence's first step."""
    steps = data.x.shape[1]
    past = F.pad(data.x, (0, 0, lags - 1, 0))  # (batch, lags - 1 + time, features)
    parts = [past[:, lags - 1 - lag : lags - 1 - lag + steps] for lag in range(lags)]
    return entries(torch.cat([*parts, log_gap(data.x, data.dt)], dim=2), target(data), data.mask)


def persistence(metric: Metric, split: Split) -> tuple[float, int]:
    return metric.score(*entries(split.test.x, target(split.test), split.test.mask)), 0


def mean(metric: Metric, split: Split) -> tuple[float, int]:
    output, y = entries(target(split.test), target(split.test), split.test.mask)
    level = entries(target(split.train), target(split.train), split.train.mask)[1].mean(dim=0)
    return metric.score(level.expand_as(output), y), level.numel()


def majority(metric: Metric, split: Split) -> tuple[float, int]:
    _, classes = windowed(split.train, 1)
    _, y = windowed(split.test, 1)
    most = int(classes.mode().values)
    return metric.score(F.one_hot(torch.full_like(y, most), int(max(classes.max(), y.max())) + 1), y), 1


def scaled(split: Split, lags: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Train, validation, test in float64, each input scaled by its mean and deviation in training."""
    x, y = windowed(split.train, lags)
    centre, width = x.double().mean(dim=0), x.double().std(dim=0, correction=0)
    for data in (split.train, split.validation, split.test):
        x, y = windowed(data, lags)
        yield (x.double() - centre) / torch.where(width > 0, width, 1.0), y


def ridge(metric: Metric, split: Split) -> tuple[float, int]:
    """A window's first steps, with fewer than k behind them, have a regression of their own each."""
    best, test, size = metric.worst, metric.worst, 0
    for lags in (count for count in LAGS if count <= split.train.x.shape[1]):
        steps = [(step, step + 1) for step in range(lags - 1)] + [(lags - 1, split.train.x.shape[1])]
        fits = [ridge_fit(split, begin, end) for begin, end in steps]
        found = [
            metric.score(*(torch.cat(side) for side in zip(*pairs, strict=True))) for pairs in zip(*fits, strict=True)
        ]
        if metric.better(found[0], best):
            best, test = found
            size = sum((split.train.x.shape[2] * (begin + 1) + 2) * fits[0][0][1].shape[1] for begin, _ in steps)
    return test, size


def ridge_fit(split: Split, begin: int, end: int) -> list[tuple[Tensor, Tensor]]:
    """(prediction, truth) in validation and test for the steps begin to end, from begin + 1 steps each."""
    (x, y), *held_out = (past(data, begin, end) for data in (split.train, split.validation, split.test))
    centre, level, best, made = x.mean(dim=0), y.mean(dim=0), float("inf"), list[tuple[Tensor, Tensor]]()
    width = x.std(dim=0, correction=0)
    for scale in (torch.ones_like(width), torch.where(width > 0, width, 1.0)):
        z = (x - centre) / scale
        values, vectors = torch.linalg.eigh(z.T @ z / len(z))
        turned = vectors.T @ (z.T @ (y - level) / len(z))
        for strength in STRENGTHS:
            weights = vectors @ (turned / (values.clamp(min=0) + strength)[:, None])
            pairs = [((one - centre) / scale @ weights + level, truth) for one, truth in held_out]
            found = float((pairs[0][0] - pairs[0][1]).square().mean())
            if found < best:
                best, made = found, pairs
    return made


def past(data: Batch, begin: int, end: int) -> tuple[Tensor, Tensor]:
    """The last begin + 1 steps and the gap before each step, (n, (begin + 1) features + 1); the targets (n, outputs). Float64."""
    frames = data.x[:, :end].unfold(1, begin + 1, 1).flatten(2)  # (batch, end - begin, features * (begin + 1))
    gap = log_gap(data.x, data.dt)[:, begin:end]
    return torch.cat([frames, gap], dim=2).flatten(0, 1).double(), target(data)[:, begin:end].flatten(0, 1).double()


def logistic(metric: Metric, split: Split) -> tuple[float, int]:
    """Over one and eight steps; of a sequence with one class, over all of it too."""
    lags = (1, 8) if target(split.train).ndim > 1 else (1, 8, split.train.x.shape[1])
    return logistic_on([list(scaled(split, count)) for count in lags], metric)


def logistic_on_mean(metric: Metric, split: Split) -> tuple[float, int]:
    """Logistic regression on the mean over a sequence's real steps."""
    parts = []
    for data in (split.train, split.validation, split.test):
        real = torch.ones(data.x.shape[:2]) if data.mask is None else data.mask.float()
        parts.append(((data.x * real[..., None]).sum(dim=1) / real.sum(dim=1)[:, None], target(data)))
    return logistic_on([parts], metric)


def logistic_on(choices: list[list[tuple[Tensor, Tensor]]], metric: Metric) -> tuple[float, int]:
    """The best on validation of these (train, validation, test) inputs and classes, and of three strengths."""
    best, test, size = metric.worst, metric.worst, 0
    for (x, y), (x_valid, y_valid), (x_test, y_test) in choices:
        for strength in (1e-5, 1e-3, 1e-1):
            weights, bias = logistic_fit(x.float(), y, strength, metric)
            found = metric.score(x_valid.float() @ weights + bias, y_valid)
            if metric.better(found, best):
                best, test = found, metric.score(x_test.float() @ weights + bias, y_test)
                size = weights.numel() + bias.numel()
    return test, size


def logistic_fit(x: Tensor, y: Tensor, strength: float, metric: Metric) -> tuple[Tensor, Tensor]:
    """The metric's own loss plus strength |W|^2, L-BFGS from zero."""
    classes = int(y.max()) + 1
    weights = torch.zeros(x.shape[1], classes, requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = metric.loss(x @ weights + bias, y) + strength * weights.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach(), bias.detach()


def nearest(metric: Metric, split: Split) -> tuple[float, int]:
    (x, y), _, (x_test, y_test) = scaled(split, 1)
    seen, classes = x.float(), int(y.max()) + 1
    found = torch.cat([torch.cdist(part, seen).argmin(dim=1) for part in x_test.float().split(CHUNK)])
    return metric.score(F.one_hot(y[found], classes), y_test), seen.numel()


def threshold(metric: Metric, split: Split) -> tuple[float, int]:
    """Over the values halfway between 400 quantiles of each feature."""
    parts = [windowed(data, 1) for data in (split.train, split.validation)]
    x, y = (torch.cat(side) for side in zip(*parts, strict=True))
    x_test, y_test = windowed(split.test, 1)
    best, test = metric.worst, metric.worst
    for feature in range(x.shape[1] - 1):
        values = x[:, feature].double()
        cuts = torch.quantile(values, torch.linspace(0, 1, 401, dtype=torch.float64)).unique()
        cuts = (cuts[1:] + cuts[:-1]) / 2
        for side in (1.0, -1.0) if len(cuts) else ():
            rates = OF_COUNTS[metric.name](side * (values[:, None] - cuts) > 0, (y == 1)[:, None])
            chosen = int(rates.argmax())
            if rates[chosen] > best:
                margin = side * (x_test[:, feature].double() - cuts[chosen])
                best = float(rates[chosen])
                test = metric.score(torch.stack([-margin, margin], dim=1), y_test)
    return test, 2


def hits(said: Tensor, true: Tensor) -> Tensor:
    """The share that is right, of each column."""
    return (said == true).double().mean(dim=0)


def harmonic(said: Tensor, true: Tensor) -> Tensor:
    """F1 of each column; 0 where nothing is hit."""
    hit, missed = (said & true).sum(dim=0), (said != true).sum(dim=0)
    return 2 * hit / (2 * hit + missed).clamp(min=1)


OF_COUNTS = {"accuracy": hits, "F1": harmonic}


def calendar(metric: Metric, split: Split) -> tuple[float, int]:
    """The training mean of the same values in the last two features; the mean of all where there is none."""
    sums: dict[tuple[float, ...], tuple[float, int]] = {}
    y = target(split.train)
    for key, value in zip(split.train.x[..., -2:].flatten(0, 1).tolist(), y.flatten().tolist(), strict=True):
        total, count = sums.get(tuple(key), (0.0, 0))
        sums[tuple(key)] = total + value, count + 1
    level = float(y.mean())
    means = {key: total / count for key, (total, count) in sums.items()}
    said = [means.get(tuple(key), level) for key in split.test.x[..., -2:].flatten(0, 1).tolist()]
    return metric.score(torch.tensor(said)[:, None], target(split.test).flatten(0, 1)), len(means)


TRIVIAL: dict[str, Callable[[Metric, Split], tuple[float, int]]] = {
    "persistence": persistence,
    "ridge": ridge,
    "logistic": logistic,
    "logistic on the mean": logistic_on_mean,
    "nearest": nearest,
    "threshold": threshold,
    "majority": majority,
    "mean": mean,
    "calendar": calendar,
}
TITLES = {
    "persistence": "persistence: the last frame",
    "ridge": "ridge on the window",
    "logistic": "logistic regression on the window",
    "logistic on the mean": "logistic regression on the mean over time",
    "nearest": "the class of the nearest training step",
    "threshold": "one threshold on one feature",
    "majority": "the most frequent class",
    "mean": "the training mean",
    "calendar": "the training mean of the same weekday and hour",
}
