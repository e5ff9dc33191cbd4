"""Metrics: one number for a whole set of answers, never a mean over batches.

    accuracy, macro_f1, f1      of classes: answers are scores or log-probabilities (n, classes), targets class numbers (n,)
    auroc, auprc                of two classes: how well the score of class 1 ranks; of more: the mean over classes, one against the rest
    log_loss, brier             of the probabilities themselves
    mae, rmse, r2, bias         of values: answers and targets (n, columns)
    coverage                    of quantiles: the share of targets between the lowest and the highest level

`METRICS` says for each what is better: "max" more, "min" less, "zero" nearer to zero; `get(name)` gives (function, one of these).
MetricError where shapes do not fit, an answer is NaN, a class is not there, or no target counts. Lists are taken as arrays.
Sources: Fawcett 2006 (AUROC), Davis and Goadrich 2006 (AUPRC, as the sum of precision over the steps in recall).
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import TauflowError

Array = NDArray[Any]


class MetricError(TauflowError, ValueError):
    """A metric that does not exist, or that these answers have no value for.

    >>> from tauflow import metrics
    >>> metrics.auroc(np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([1, 1]))
    Traceback (most recent call last):
        ...
    tauflow.metrics.answers.MetricError: all targets are of class [1], so nothing can be ranked: there must be two classes
    """


def _of_arrays(measure: Callable[[Array, Array], float]) -> Callable[[Array, Array], float]:
    """Lists as arrays; an answer that is no number is no answer."""

    @wraps(measure)
    def measured(answers: Array, targets: Array) -> float:
        answers, targets = np.asarray(answers), np.asarray(targets)
        if missing := int(np.isnan(answers).sum()):
            raise MetricError(
                f"{missing:,} of the {answers.size:,} answers are NaN: a model that gives them has diverged, or saw NaN"
            )
        return measure(answers, targets)

    return measured


@_of_arrays
def accuracy(answers: Array, targets: Array) -> float:
    """The share of targets whose class has the largest score.

    >>> from tauflow import metrics
    >>> scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])  # four answers, two classes
    >>> metrics.accuracy(scores, np.array([0, 0, 1, 1]))
    0.75
    """
    return float((_classes(answers, targets) == targets).mean())


@_of_arrays
def macro_f1(answers: Array, targets: Array) -> float:
    """The mean over the classes that occur of 2 TP / (2 TP + FP + FN).

    >>> from tauflow import metrics
    >>> always_0 = np.tile([1.0, 0.0], (10, 1))
    >>> targets = np.array([0] * 9 + [1])  # one in ten is of class 1
    >>> metrics.accuracy(always_0, targets), round(metrics.macro_f1(always_0, targets), 3)
    (0.9, 0.474)
    """
    chosen = _classes(answers, targets)
    present = np.unique(targets)
    return float(np.mean([_f1(chosen == one, targets == one) for one in present]))


@_of_arrays
def f1(answers: Array, targets: Array) -> float:
    """2 TP / (2 TP + FP + FN) of class 1.

    >>> from tauflow import metrics
    >>> scores = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.6, 0.4]])
    >>> metrics.f1(scores, np.array([0, 0, 1, 1]))  # 1 found, 1 false alarm, 1 missed
    0.5
    """
    return _f1(_classes(answers, targets) == 1, targets == 1)


@_of_arrays
def auroc(answers: Array, targets: Array) -> float:
    """The chance that a sample of a class has a higher score for it than one of another class; ties count half.

    >>> from tauflow import metrics
    >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> metrics.auroc(scores, np.array([0, 0, 1, 1]))  # of four pairs, three are in the right order
    0.75
    """
    return _one_against_rest(_auroc, answers, targets)


@_of_arrays
def auprc(answers: Array, targets: Array) -> float:
    """The mean precision over the samples of a class, the highest score first.

    >>> from tauflow import metrics
    >>> scores = np.array([[0.9, 0.1], [0.6, 0.4], [0.65, 0.35], [0.2, 0.8]])
    >>> round(metrics.auprc(scores, np.array([0, 0, 1, 1])), 3)  # the mean of 1/1 and 2/3
    0.833
    """
    return _one_against_rest(_auprc, answers, targets)


@_of_arrays
def log_loss(answers: Array, targets: Array) -> float:
    """The mean of -log p of the class that came; answers are log-probabilities.

    >>> from tauflow import metrics
    >>> answers = np.log([[0.5, 0.5], [0.1, 0.9]])
    >>> round(metrics.log_loss(answers, np.array([0, 1])), 3)  # the mean of -log 0.5 and -log 0.9
    0.399
    """
    _classes(answers, targets)
    return float(-answers[np.arange(len(targets)), targets.astype(int)].mean())


@_of_arrays
def brier(answers: Array, targets: Array) -> float:
    """The mean squared distance of the probabilities from 1 for the class that came and 0 for the others.

    >>> from tauflow import metrics
    >>> answers = np.log([[0.5, 0.5], [0.1, 0.9]])
    >>> round(metrics.brier(answers, np.array([0, 1])), 3)  # the mean of 0.5 and 0.02
    0.26
    """
    _classes(answers, targets)
    came = np.eye(answers.shape[1])[targets.astype(int)]
    return float(np.square(np.exp(answers) - came).sum(axis=1).mean())


@_of_arrays
def mae(answers: Array, targets: Array) -> float:
    """The mean absolute error.

    >>> from tauflow import metrics
    >>> answers, targets = np.array([[1.0], [2.0], [9.0]]), np.array([[1.0], [3.0], [7.0]])
    >>> metrics.mae(answers, targets)
    1.0
    """
    return float(np.abs(_same(answers, targets) - targets).mean())


@_of_arrays
def rmse(answers: Array, targets: Array) -> float:
    """The root of the mean squared error.

    >>> from tauflow import metrics
    >>> answers, targets = np.array([[1.0], [2.0], [9.0]]), np.array([[1.0], [3.0], [7.0]])
    >>> round(metrics.rmse(answers, targets), 3)
    1.291
    """
    return float(np.sqrt(np.square(_same(answers, targets) - targets).mean()))


@_of_arrays
def bias(answers: Array, targets: Array) -> float:
    """The mean error, its sign kept; near zero is better.

    >>> from tauflow import metrics
    >>> answers, targets = np.array([[1.0], [2.0], [9.0]]), np.array([[1.0], [3.0], [7.0]])
    >>> round(metrics.bias(answers, targets), 3)
    0.333
    """
    return float((_same(answers, targets) - targets).mean())


@_of_arrays
def r2(answers: Array, targets: Array) -> float:
    """1 - squared error / squared distance from the mean, the mean over columns; of constant targets there is none.

    >>> from tauflow import metrics
    >>> targets = np.array([[1.0], [3.0], [5.0]])
    >>> metrics.r2(targets, targets), metrics.r2(np.full((3, 1), 3.0), targets)  # perfect; always the mean
    (1.0, 0.0)
    """
    spread = np.square(targets - targets.mean(axis=0)).sum(axis=0)
    if not (spread > 0).all():
        raise MetricError("the targets are constant, so there is no R2: take mae or rmse")
    return float((1 - np.square(_same(answers, targets) - targets).sum(axis=0) / spread).mean())


@_of_arrays
def coverage(answers: Array, targets: Array) -> float:
    """The share of targets within the outermost levels; answers (n, levels * columns), the lowest level's columns first.

    >>> from tauflow import metrics
    >>> answers = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])  # of one column, its levels 0.1, 0.5 and 0.9
    >>> metrics.coverage(answers, np.array([[2.5], [9.0]]))
    0.5
    """
    if (
        targets.ndim != 2
        or answers.ndim != 2
        or not targets.size
        or answers.shape[1] % targets.shape[1]
        or len(answers) != len(targets)
    ):
        raise MetricError(
            f"answers are {answers.shape} and targets {targets.shape}, expected (n, levels * columns) and (n, columns)"
        )
    columns = targets.shape[1]
    low, high = answers[:, :columns], answers[:, -columns:]
    return float(((targets >= low) & (targets <= high)).mean())


METRICS: dict[str, tuple[Callable[[Array, Array], float], str]] = {
    "accuracy": (accuracy, "max"),
    "auprc": (auprc, "max"),
    "auroc": (auroc, "max"),
    "bias": (bias, "zero"),
    "brier": (brier, "min"),
    "coverage": (coverage, "max"),
    "f1": (f1, "max"),
    "log_loss": (log_loss, "min"),
    "macro_f1": (macro_f1, "max"),
    "mae": (mae, "min"),
    "r2": (r2, "max"),
    "rmse": (rmse, "min"),
}


def get(name: str) -> tuple[Callable[[Array, Array], float], str]:
    """The metric called `name` and what is better: its "max", its "min", or nearest to "zero".

    >>> from tauflow import metrics
    >>> measure, better = metrics.get("auroc")
    >>> better
    'max'
    >>> metrics.get("macro_f")
    Traceback (most recent call last):
        ...
    tauflow.metrics.answers.MetricError: no metric is called 'macro_f'; did you mean 'macro_f1'? there are ...
    """
    if name not in METRICS:
        near = get_close_matches(name, METRICS, n=1)
        hint = f" did you mean {near[0]!r}?" if near else ""
        raise MetricError(f"no metric is called {name!r};{hint} there are {', '.join(METRICS)}")
    return METRICS[name]


def _classes(answers: Array, targets: Array) -> Array:
    """The class with the largest score, (n,)."""
    if answers.ndim != 2 or targets.shape != answers.shape[:1]:
        raise MetricError(f"answers are {answers.shape} and targets {targets.shape}, expected (n, classes) and (n,)")
    if not len(targets):
        raise MetricError("there is nothing to judge: no target counts")
    if not np.isin(targets, np.arange(answers.shape[1])).all():
        wrong = sorted(set(np.unique(targets).tolist()) - set(range(answers.shape[1])))
        raise MetricError(
            f"the targets hold {wrong[0]!r}, expected numbers of the {answers.shape[1]} classes, from 0 on"
        )
    chosen: Array = answers.argmax(axis=1)
    return chosen


def _same(answers: Array, targets: Array) -> Array:
    if answers.shape != targets.shape:
        raise MetricError(f"answers are {answers.shape} and targets {targets.shape}, expected the same shape")
    if not len(targets):
        raise MetricError("there is nothing to judge: no target counts")
    return answers


def _f1(chosen: Array, true: Array) -> float:
    hits, wrong = float((chosen & true).sum()), float((chosen != true).sum())
    return 2 * hits / (2 * hits + wrong) if hits else 0.0


def _one_against_rest(measure: Callable[[Array, Array], float], answers: Array, targets: Array) -> float:
    """Of class 1 where there are two, else the mean over the classes that occur."""
    _classes(answers, targets)
    present = np.unique(targets).astype(int)
    if len(present) < 2:
        raise MetricError(
            f"all targets are of class {present.tolist()}, so nothing can be ranked: there must be two classes"
        )
    classes = [1] if answers.shape[1] == 2 else present.tolist()
    return float(np.mean([measure(answers[:, one], targets == one) for one in classes]))


def _auroc(score: Array, true: Array) -> float:
    order = np.argsort(score, kind="stable")
    _, first, counts = np.unique(score[order], return_index=True, return_counts=True)
    rank = np.repeat(first + (counts + 1) / 2, counts)  # from 1 on, the mean rank among equals
    ranks = np.empty_like(rank)
    ranks[order] = rank
    yes, no = int(true.sum()), int((~true).sum())
    return float((ranks[true].sum() - yes * (yes + 1) / 2) / (yes * no))


def _auprc(score: Array, true: Array) -> float:
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))  # equal scores are one step
    hits = np.cumsum(true[order])[last]
    precision, recall = hits / (last + 1), hits / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0) * precision))
