"""The simple answers beside the networks: closed forms against plain mathematics, folds, and the weights of answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import linregress

from tauflow.data import as_sequences
from tauflow.errors import DataError
from tauflow.estimators.sequences.beside.blend import blend_classes, blend_values
from tauflow.estimators.sequences.beside.folds import folds
from tauflow.estimators.sequences.beside.ridge import Bent, _solve, learn_bent, learn_line
from tauflow.estimators.sequences.beside.shapes import WEIGHTS, convolve, learn_shapes
from tauflow.estimators.sequences.beside.summaries import NAMES, Running, summaries

DRAW = np.random.default_rng(0)


def test_summaries_are_those_of_a_statistician() -> None:
    x = DRAW.normal(3, 2, size=(30, 2))
    x[DRAW.random(x.shape) < 0.4] = np.nan
    x[:, 1][20:] = np.nan
    t = np.cumsum(DRAW.uniform(0.1, 3, 30)) + 1000
    found = dict(
        zip(NAMES, summaries(as_sequences([(x, t)]), [np.diff(t, prepend=t[0] - 1)])[0].reshape(8, 2).T[0], strict=True)
    )
    known = ~np.isnan(x[:, 0])
    v, s = x[known, 0], t[known]
    want = {
        "count": np.log1p(len(v)), "first": v[0], "last": v[-1], "mean": v.mean(), "deviation": v.std(), "least": v.min(),
        "most": v.max(), "slope": linregress(s, v).slope,
    }  # fmt: skip
    assert found == pytest.approx(want, rel=1e-9)


def test_summaries_grow_sample_by_sample() -> None:
    x, t = DRAW.normal(size=(20, 3)), np.arange(20.0)
    x[:5, 1] = np.nan
    x[:, 2] = np.nan
    running = Running(3)
    for k in range(20):
        running.add(x[k], t[k])
        whole = Running(3)
        whole.add_all(x[: k + 1], t[: k + 1])
        np.testing.assert_allclose(running.features(), whole.features(), rtol=1e-10)
    assert np.isnan(running.features().reshape(8, 3)[1:, 2]).all()


@pytest.mark.parametrize("shape", [(40, 7), (12, 50)])
def test_the_closed_form_is_the_least(shape: tuple[int, int]) -> None:
    """Both ways round, of features and of samples, give the minimum, whose gradient is zero."""
    z, y, c = DRAW.normal(size=shape), DRAW.normal(size=(shape[0], 2)), DRAW.uniform(0.5, 2, shape[0])
    for penalty, (w, b) in zip((0.5, 20.0), _solve(z, y, c, np.array([0.5, 20.0])), strict=True):
        left = (z @ w + b - y) * c[:, None]
        np.testing.assert_allclose(z.T @ left + penalty * w, 0, atol=1e-9)
        np.testing.assert_allclose(left.sum(axis=0), 0, atol=1e-9)


def test_a_line_bends_where_that_is_better_and_unknown_is_seen() -> None:
    f = DRAW.normal(size=(300, 3))
    y = np.where(np.abs(f[:, :1]) > 1, 1.0, -1.0)
    held = folds(300, 3, 0.2, 0)
    straight, bent = learn_line(f, y, np.ones(300), held)[0], learn_line(f, y, np.ones(300), held, bend=True)[0]
    assert isinstance(bent.basis, Bent) and not isinstance(straight.basis, Bent)
    assert (np.sign(bent(f)) == y).mean() > 0.85 > 0.75 > (np.sign(straight(f)) == y).mean()
    f[::2, 0] = np.nan
    assert np.isfinite(learn_bent(f)(f)).all()


def test_what_a_line_says_of_a_fold_was_learned_without_it() -> None:
    """Noise can't be foretold: honest scores of random labels are no better than chance, the line's own are."""
    f, y = DRAW.normal(size=(60, 200)), np.sign(DRAW.normal(size=(60, 1)))
    held = folds(60, 5, 0.2, 0)
    honest = learn_line(f, y, np.ones(60), held)[1]
    assert not np.isnan(honest).any()
    assert (np.sign(honest) == y).mean() < 0.75
    f[held[0]] += 100
    changed = learn_line(f, y, np.ones(60), held[1:])[1]
    assert np.isnan(changed[held[0]]).all()


def test_patterns_are_those_of_the_paper_and_ignore_a_level() -> None:
    assert WEIGHTS.shape == (84, 9) and torch.equal(WEIGHTS.sum(dim=1), torch.zeros(84))
    assert len({tuple(one.tolist()) for one in WEIGHTS}) == 84
    x = torch.randn(2, 3, 40)
    mixed = np.zeros((84, 3), np.float32)
    mixed[:, 1] = 1
    whole = convolve(x, mixed, 2)
    np.testing.assert_allclose(whole, convolve(x[:, 1:2], mixed[:, :1], 2), atol=1e-5)
    k = 7
    by_hand = sum(WEIGHTS[5, j] * x[0, 1, k + 2 * (j - 4)] for j in range(9) if 0 <= k + 2 * (j - 4) < 40)
    assert whole[0, 5, k] == pytest.approx(float(by_hand), abs=1e-5)


def test_shapes_tell_forms_apart_at_any_length_and_need_some_samples() -> None:
    def curve(form: int) -> np.ndarray:
        t = np.linspace(0, 1, int(DRAW.integers(30, 60)))
        bump = np.exp(-(((t - DRAW.uniform(0.3, 0.7)) / 0.05) ** 2))
        return (bump if form else np.abs(bump - 0.5) * 2)[:, None] + 0.05 * DRAW.normal(size=(len(t), 1))

    labels = np.arange(60) % 2
    found = as_sequences([curve(form) for form in labels])
    shapes = learn_shapes(found, 0)
    assert shapes is not None
    _, honest = learn_line(
        shapes.features(found), 2.0 * np.eye(2)[labels] - 1, np.ones(60), folds(60, 5, 0.2, 0, labels)
    )
    assert (honest.argmax(axis=1) == labels).mean() > 0.9
    assert learn_shapes(as_sequences(np.zeros((4, 8, 1))), 0) is None


def test_folds_cover_all_once_spread_classes_and_keep_groups() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 20])
    parts = folds(100, 3, 0.2, 0, labels)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(100)) and len(parts) == 5
    assert all(np.bincount(labels[part]).tolist() == [10, 6, 4] for part in parts)
    groups = DRAW.integers(0, 12, 100)
    for part in folds(100, 3, 0.2, 0, labels, groups):
        assert not set(groups[part]) & set(np.delete(groups, part))
    assert folds(7, 3, 0.2, 0) == []
    with pytest.raises(DataError, match="one group alone"):
        folds(10, 3, 0.2, 0, groups=np.zeros(10))
    with pytest.raises(DataError, match=r"groups has shape \(4,\)"):
        folds(10, 3, 0.2, 0, groups=np.zeros(4))


def test_temperature_comes_back_and_a_useless_part_counts_nothing() -> None:
    z = 2 * DRAW.normal(size=(4000, 3))
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) > DRAW.random((4000, 1))).argmax(axis=1)
    found = blend_classes({"network": 5 * z, "noise": DRAW.normal(size=z.shape)}, labels, None, True)
    assert found.weights["network"] == pytest.approx(0.2, rel=0.1)
    assert found.weights["noise"] == 0
    assert found({"network": 5 * z, "noise": np.zeros_like(z)}) == pytest.approx(np.log(p), abs=0.4)


def test_classes_are_put_back_to_how_often_they_come() -> None:
    score = DRAW.normal(size=2000)
    labels = (DRAW.random(2000) < 1 / (1 + np.exp(3 - score))).astype(int)
    assert labels.mean() < 0.15
    z = np.stack([np.zeros(2000), score], axis=1)
    found = blend_classes({"network": z}, labels, None, True)
    assert np.exp(found({"network": z}))[:, 1].mean() == pytest.approx(labels.mean(), abs=0.005)
    weights = np.array([0.5 / (1 - labels.mean()), 0.5 / labels.mean()])
    kept = blend_classes({"network": z}, labels, weights, False)
    assert np.array_equal(kept.bias, [0, 0])


def test_values_are_weighed_by_their_errors() -> None:
    y = DRAW.normal(size=(500, 2))
    said = {
        "good": y + 0.1 * DRAW.normal(size=y.shape),
        "alike": y + 0.1 * DRAW.normal(size=y.shape),
        "wild": 9 * DRAW.normal(size=y.shape),
    }
    found = blend_values(said, y)
    assert found.weights["good"] == pytest.approx(0.5, abs=0.07) and found.weights["wild"] == 0
    assert sum(found.weights.values()) == pytest.approx(1)
    error = np.sqrt(np.square(found(said) - y).mean())
    assert error == pytest.approx(0.1 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("columns", [3, 40], ids=["more rows than columns", "more columns than rows"])
def test_weighted_ridge_is_the_closed_form_and_its_constant_is_free(columns: int) -> None:
    """minimise sum c (y - z W - b)^2 + p |W|^2, solved as one system with the constant unpunished."""
    from tauflow.estimators.sequences.beside.ridge import _solve

    draw = np.random.default_rng(0)
    z, y, c = 3 + draw.normal(size=(12, columns)), 5 + draw.normal(size=(12, 2)), draw.uniform(0.5, 2, 12)
    for p, (w, b) in zip((0.1, 2.0), _solve(z, y, c, np.array([0.1, 2.0])), strict=True):
        one = np.column_stack([z, np.ones(12)])
        left = one.T @ (c[:, None] * one) + np.diag([p] * columns + [0.0])
        expected = np.linalg.solve(left, one.T @ (c[:, None] * y))
        np.testing.assert_allclose(np.vstack([w, b]), expected, atol=1e-8)
