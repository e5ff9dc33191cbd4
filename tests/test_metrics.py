"""Metrics against their definitions, counted pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from tauflow import metrics
from tauflow.metrics import MetricError

RANDOM = np.random.default_rng(0)


def scores(classes: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    logits = RANDOM.normal(size=(40, classes))
    if ties:
        logits = logits.round()
    target = RANDOM.integers(classes, size=40)
    return logits - np.log(np.exp(logits).sum(1, keepdims=True)), target


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
def test_auroc_is_the_share_of_pairs(classes: int, ties: bool) -> None:
    answers, target = scores(classes, ties)
    shares = []
    for one in [1] if classes == 2 else range(classes):
        yes, no = answers[target == one, one], answers[target != one, one]
        shares.append(np.mean([(a > b) + 0.5 * (a == b) for a in yes for b in no]))
    assert metrics.auroc(answers, target) == pytest.approx(np.mean(shares), abs=1e-12)


def test_auprc_is_the_area_of_steps() -> None:
    answers, target = scores(2, True)
    area, before = 0.0, 0.0
    for level in sorted(set(answers[:, 1]), reverse=True):
        chosen = answers[:, 1] >= level
        recall, precision = (chosen & (target == 1)).sum() / (target == 1).sum(), (target[chosen] == 1).mean()
        area, before = area + (recall - before) * precision, recall
    assert metrics.auprc(answers, target) == pytest.approx(area, abs=1e-12)


def test_classes_by_hand() -> None:
    answers = np.log(np.array([[0.7, 0.3], [0.4, 0.6], [0.2, 0.8], [0.9, 0.1]]))
    target = np.array([0, 1, 0, 1])
    assert metrics.accuracy(answers, target) == 0.5
    assert metrics.f1(answers, target) == pytest.approx(2 / 4)
    assert metrics.macro_f1(answers, target) == pytest.approx(0.5)
    assert metrics.log_loss(answers, target) == pytest.approx(-np.log([0.7, 0.6, 0.2, 0.1]).mean())
    assert metrics.brier(answers, target) == pytest.approx(np.mean([0.18, 0.32, 1.28, 1.62]))


def test_values_by_hand() -> None:
    answers, target = np.array([[1.0], [2.0], [5.0]]), np.array([[1.0], [4.0], [4.0]])
    assert metrics.mae(answers, target) == 1
    assert metrics.rmse(answers, target) == pytest.approx(np.sqrt(5 / 3))
    assert metrics.bias(answers, target) == pytest.approx(-1 / 3)
    assert metrics.r2(answers, target) == pytest.approx(1 - 5 / 6)
    bands = np.array([[0.0, 9, 2], [3.0, 9, 3.5], [4.0, 9, 4.0]])
    assert metrics.coverage(bands, target) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.get("aucroc"), "did you mean 'auroc'"),
        (lambda: metrics.auroc(np.zeros((3, 2)), np.zeros(3)), "two classes"),
        (lambda: metrics.accuracy(np.zeros((3, 2)), np.zeros((3, 1))), r"\(n, classes\) and \(n,\)"),
        (lambda: metrics.accuracy(np.zeros((0, 2)), np.zeros(0)), "nothing to judge"),
        (lambda: metrics.mae(np.zeros((3, 1)), np.zeros(3)), "same shape"),
        (lambda: metrics.r2(np.zeros((3, 1)), np.ones((3, 1))), "constant"),
    ],
)
def test_what_has_no_value_is_refused(call, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        call()
