"""Metrics where classes are absent, columns several, and nothing or the wrong shape comes."""

from __future__ import annotations

import numpy as np
import pytest

from tauflow import metrics
from tauflow.metrics import METRICS, MetricError

ANSWERS = np.log(np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.3, 0.4, 0.3]]))
TARGETS = np.array([0, 1, 0, 1, 1])  # the third class never comes


def test_a_class_that_never_comes_counts_nowhere() -> None:
    assert metrics.accuracy(ANSWERS, TARGETS) == pytest.approx(3 / 5)
    assert metrics.macro_f1(ANSWERS, TARGETS) == pytest.approx((2 / 4 + 4 / 6) / 2)
    shares = []
    for k in (0, 1):
        yes, no = ANSWERS[k == TARGETS, k], ANSWERS[k != TARGETS, k]
        shares.append(np.mean([(a > b) + 0.5 * (a == b) for a in yes for b in no]))
    assert metrics.auroc(ANSWERS, TARGETS) == pytest.approx(np.mean(shares))
    score = ANSWERS[:, 0]
    order = np.argsort(-score)
    hits = np.cumsum(TARGETS[order] == 0)
    first = float(np.mean([hits[k] / (k + 1) for k in range(5) if TARGETS[order[k]] == 0]))
    alone = metrics.auprc(np.stack([-score, score], axis=1), (TARGETS == 0).astype(int))
    assert alone == pytest.approx(first)
    second = metrics.auprc(np.stack([-ANSWERS[:, 1], ANSWERS[:, 1]], axis=1), (TARGETS == 1).astype(int))
    assert metrics.auprc(ANSWERS, TARGETS) == pytest.approx((first + second) / 2)


def test_without_a_hit_f1_is_zero() -> None:
    assert metrics.f1(ANSWERS[:, :2], 1 - ANSWERS[:, :2].argmax(1)) == 0
    assert metrics.f1(np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([1, 1])) == 1
    assert metrics.f1(np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 1])) == pytest.approx(2 / 3)


def test_columns_are_judged_each_by_its_own_mean() -> None:
    targets = np.array([[1.0, 100.0], [2.0, 300.0], [6.0, 200.0]])
    answers = np.array([[2.0, 100.0], [2.0, 200.0], [4.0, 200.0]])
    assert metrics.r2(answers, targets) == pytest.approx(((1 - 5 / 14) + (1 - 10_000 / 20_000)) / 2)
    assert metrics.r2(targets, targets) == 1
    assert metrics.mae(answers, targets) == pytest.approx((1 + 2 + 100) / 6)
    assert metrics.bias(answers, targets) == pytest.approx((1 - 2 - 100) / 6)
    with pytest.raises(MetricError, match="constant"):  # one of the columns is
        metrics.r2(answers, np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]))


def test_coverage_is_between_the_outermost_levels_of_every_column() -> None:
    levels = np.array([[0.0, 10.0, 1.0, 11.0, 2.0, 12.0], [0.0, 10.0, 9.0, 9.0, 2.0, 12.0]])
    assert metrics.coverage(levels, np.array([[0.0, 12.0], [2.5, 9.5]])) == 0.5  # the limits are inside
    assert metrics.coverage(levels, np.array([[1.0, 12.5], [2.0, 10.0]])) == 0.75


@pytest.mark.parametrize("name", sorted(set(METRICS) - {"coverage", "r2"}))
def test_wrong_shapes_and_nothing_are_refused(name: str) -> None:
    measure, better = metrics.get(name)
    assert better in ("max", "min", "zero")
    with pytest.raises(MetricError, match=r"expected (\(n, classes\) and \(n,\)|the same shape)"):
        measure(np.zeros((4, 2)), np.zeros((3, 1)))
    empty = np.zeros((0, 1)) if name in ("mae", "rmse", "bias") else np.zeros(0)
    with pytest.raises(MetricError, match="nothing to judge"):
        measure(np.zeros((0, empty.shape[-1] if empty.ndim == 2 else 2)), empty)


def test_names_of_metrics() -> None:
    assert metrics.get("auroc") == (metrics.auroc, "max") and metrics.get("log_loss")[1] == "min"
    with pytest.raises(MetricError, match=r"no metric is called 'xyz'; there are accuracy, "):
        metrics.get("xyz")


def test_lists_are_taken_and_what_is_no_answer_is_refused() -> None:
    assert metrics.accuracy([[0.9, 0.1], [0.2, 0.8]], [0, 0]) == 0.5  # type: ignore[arg-type]
    assert metrics.covered(0.0, 1.0, [0.5, 2.0]) == 0.5  # type: ignore[arg-type]
    for name, (measure, _) in METRICS.items():
        answers = np.full((4, 2), np.nan)
        targets = np.array([0, 1, 0, 1]) if name not in ("mae", "rmse", "r2", "bias", "coverage") else np.ones((4, 2))
        with pytest.raises(MetricError, match="8 of the 8 answers are NaN"):
            measure(answers, targets)
    with pytest.raises(MetricError, match="targets hold 2, expected numbers of the 2 classes"):
        metrics.log_loss(np.log([[0.5, 0.5]]), np.array([2]))
    with pytest.raises(MetricError, match=r"expected \(n, levels \* columns\)"):
        metrics.coverage(np.ones((3, 3)), np.ones(3))
