"""The linear base: what it must find, what it must shrink to, and that its own training windows are answered honestly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tauflow.data import read_table
from tauflow.estimators import Forecaster, metrics
from tauflow.estimators.linear import LinearBase
from tauflow.estimators.linear.base import _solved
from tauflow.estimators.linear.choice import UNION, Candidate, mixture, trust
from tauflow.estimators.linear.equations import Sums, solve
from tauflow.estimators.linear.problem import Problem
from tauflow.windows.learn import learn
from tauflow.windows.windows import divided
from tests.test_windows import hourly


def errors(frame, cells: tuple[str, ...], h: int, **columns) -> dict[str, float]:
    table = read_table(frame, **columns)
    cut = float(np.sort(np.concatenate([one.time for one in table.series]))[int(0.8 * sum(map(len, table.series)))])
    found = {}
    for cell in cells:
        tested = Forecaster(cell, h=h, context=12).fit(table, until=cut, progress=False).tested(table, cut)
        found[cell] = metrics.mae(tested.truth, tested.forecast)
    return found


def test_the_equations_are_those_of_ridge_regression():
    rng = np.random.default_rng(0)
    f, y = rng.normal(size=(50, 4)), rng.normal(size=(50, 2))
    f[:, 0] = 1
    part = [
        Sums(torch.from_numpy(a.T @ a), torch.from_numpy(a.T @ b), float(len(a)))
        for a, b in ((f[:20], y[:20]), (f[20:], y[20:]))
    ]
    found = solve([part[0] + part[1], part[0] + part[1] - part[1]], torch.tensor([0, 1, 3]), [0.5, 0.1])
    for answer, rows, penalty in zip(found.numpy(), (slice(None), slice(20)), (0.5, 0.1), strict=True):
        a, b = f[rows][:, [0, 1, 3]], y[rows]
        shrink = len(a) * np.diag([1e-9, penalty + 1e-6, penalty + 1e-6])
        np.testing.assert_allclose(answer[[0, 1, 3]], np.linalg.solve(a.T @ a + shrink, a.T @ b), rtol=1e-9)
        assert (answer[2] == 0).all()


def test_a_wave_longer_than_the_context_is_found():
    """Context 12, a period of 61.3 rows that no calendar knows: only the lags further back can say where the wave stands."""
    t = np.arange(1500)
    noise = np.random.default_rng(0).normal(size=1500)
    frame = {"t": t.astype(float), "v": np.sin(2 * np.pi * t / 61.3) + 0.5 * noise}
    found = errors(frame, ("ridge", "persistence"), 12, time="t", target="v")
    floor = 0.5 * np.sqrt(2 / np.pi)
    assert floor < found["ridge"] < 1.15 * floor
    assert found["persistence"] > 1.8 * floor


def test_a_random_walk_shrinks_to_the_last_value():
    for seed in range(3):
        y = np.cumsum(np.random.default_rng(seed).normal(size=1200))
        frame = pd.DataFrame({"ds": pd.date_range("2021-01-01", periods=1200, freq="D"), "y": y})
        found = errors(frame, ("ridge", "persistence"), 10)
        assert found["ridge"] < 1.02 * found["persistence"]


def test_uneven_times_are_read_at_even_lags():
    """A slope is a slope whatever the gaps: rows in the place of strides would see a different one after each gap."""
    rng = np.random.default_rng(1)
    t = np.cumsum(rng.choice([1.0, 1.0, 1.0, 4.0], size=1500))
    frame = {"t": t, "v": np.sin(2 * np.pi * t / 40) * 10}
    found = errors(frame, ("ridge", "persistence"), 6, time="t", target="v")
    assert found["ridge"] < 0.02 * found["persistence"]


@pytest.fixture(scope="module")
def fitted():
    frame = hourly(24 * 40)
    slow = pd.Series(np.random.default_rng(0).normal(size=len(frame))).ewm(alpha=0.1).mean().to_numpy()
    table = read_table(frame.assign(y=frame["y"] + 20 * slow), past=["temperature"])
    cut = float(table.series[0].time[700])
    encoder = learn(table, 3, cut)
    training, judging = divided(table, encoder, 6, cut)
    base = LinearBase(encoder, 6)
    base.fit(training, judging)
    return base, *(replace(one, reach=base.reach) for one in (training, judging))


def test_a_fold_is_answered_by_a_map_that_has_not_learned_from_it(fitted):
    """The targets of the second fold are replaced: the map without it stays to the bit, all others move."""
    base, training, judging = fitted
    batches = [training.batch(part) for part in np.array_split(np.arange(len(training)), 4)] + [
        judging.batch(np.arange(90))
    ]
    problem = Problem(base.layout, batches, 0, base.layout.anchors(0).start, [1.0] * 5)
    mixed = {Candidate(UNION, 24, 0.1, 0): 0.5, Candidate(("one", "lags"), 48, 0.01, 1): 0.5}
    before = _solved(problem, 1, mixed)
    problem.parts[1].y[:] = problem.parts[1].y[::-1].copy()
    after = _solved(problem, 1, mixed)
    np.testing.assert_allclose(after[1], before[1], atol=1e-5)
    for number in (0, 2, 3, 4, 5):
        assert np.abs(after[number] - before[number]).max() > 1e-2, number


def test_folds_differ_and_honest_errors_are_larger(fitted):
    base, training, _ = fitted
    batch = training.batch(np.arange(len(training)))
    when = training.rows.time[training.origins[:, 1]].astype(float)
    seen = np.nanmean(np.abs(base._apply(base.folds[-1], batch) - batch["target"]))
    honest = np.nanmean(np.abs(base.honest(batch, when) - batch["target"]))
    assert seen < honest < 4 * seen


def test_the_mean_of_candidates_is_no_worse_than_the_best_of_them():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(200, 2))
    truth[3, 1] = np.nan
    answers = np.stack(
        [
            truth * 0,
            np.nan_to_num(truth) + rng.normal(size=(200, 2)),
            np.nan_to_num(truth) - rng.normal(size=(200, 2)),
            truth * 0 + 1,
        ]
    )
    weights = mixture(answers, truth)
    assert sum(weights.values()) == pytest.approx(1)
    mixed = sum(weight * answers[one] for one, weight in weights.items())
    best = min(np.nanmean(np.abs(one - truth)) for one in answers)
    assert np.nanmean(np.abs(mixed - truth)) < best


def test_trust_grows_with_the_evidence():
    rng = np.random.default_rng(0)
    count = np.ones(400)
    assert trust(np.full(400, 1.0), count) == 1.0
    assert trust(np.full(400, -1.0), count) == 0.0
    assert trust(rng.normal(size=400), count) < 0.7
    assert 0 < trust(0.05 + rng.normal(size=400), count) <= trust(0.3 + rng.normal(size=400), count) <= 1
