"""Rivals: what else one would try on the same sequences, learned from the same part and judged on the same other.

    liquid          the default `Classifier`: a committee weighed against the simple answers
    network         its committee alone
    summaries       the line on summaries of a sequence alone (ridge.py); the share of each class where every row has a label
    shapes          the line on small random patterns alone (shapes.py), after MiniRocket
    boosting        gradient boosting on the summaries, on windows where every row has a label; scikit-learn's, an extra
    lstm, gru, rnn  the committee with a static cell in place of the liquid one, the same recipe

Each tells its seconds of processor time, learning and answering.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import metrics
from ...data.sequences import Array, Sequences
from ...errors import DataError, MissingExtraError
from .beside.blend import blend_classes, even
from .beside.folds import folds
from .beside.ridge import learn_line
from .beside.shapes import learn_shapes
from .beside.summaries import summaries
from .classifier import Classifier
from .form import Form, learn_form

STATIC = ("lstm", "gru", "rnn")
RIVALS = ("liquid", "network", "summaries", "shapes", "boosting", *STATIC)
WINDOWS = (8.0, 40.0, 160.0)  # median gaps that a window of `row_features` reaches back


@dataclass(frozen=True)
class Rival:
    """A row of the comparison; scores by the names of `tauflow.metrics`."""

    model: str
    scores: dict[str, float]
    seconds: float
    parameters: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Trial:
    """Learn from `train`, answer for `test`; codes are class numbers, (n,) or a list of (time_i,)."""

    train: Sequences
    codes: Any
    test: Sequences
    truth: Array  # (rows,)
    classes: Array
    every: bool
    groups: Any
    seed: int
    settings: dict[str, Any]  # of Classifier

    def form(self) -> Form:
        return learn_form(self.train, self.every, False, "auto")

    def held(self) -> list[Array]:
        return folds(len(self.train), 5, 0.2, self.seed, None if self.every else self.codes, self.groups)


Answer = tuple[Array, int, tuple[str, ...]]  # log-probabilities (rows, classes), parameters, notes


def rivals(
    train: Sequences,
    labels: Any,
    test: Sequences,
    truth: Any,
    *,
    models: Sequence[str] = RIVALS,
    groups: Any = None,
    seed: int = 0,
    told: Callable[[Rival], None] | None = None,
    **settings: Any,
) -> list[Rival]:
    """A row a model, in the order of `models`; `told` hears of each as it is done. settings: of `Classifier`."""
    unknown = [name for name in models if name not in RIVALS]
    if unknown:
        raise DataError(f"no rival is called {unknown[0]!r}; there are {', '.join(RIVALS)}")
    every = isinstance(labels, list) and np.ndim(labels[0]) > 0
    flat = np.concatenate(labels) if every else np.asarray(labels)
    right = np.concatenate(truth) if every else np.asarray(truth)
    classes = np.unique(flat)
    if not np.isin(right, classes).all():
        raise DataError(
            f"the test part has labels that training has not: {sorted(set(right.tolist()) - set(classes.tolist()))}"
        )
    codes: Any = np.searchsorted(classes, flat)
    codes = list(np.split(codes, np.cumsum(train.lengths)[:-1])) if every else codes
    trial = Trial(train, codes, test, np.searchsorted(classes, right), classes, every, groups, seed, settings)
    found = []
    for name in models:
        began = time.process_time()
        log_p, parameters, notes = (ANSWERS.get(name) or static_cell(name))(trial)
        row = Rival(name, scores(log_p, trial.truth), time.process_time() - began, parameters, notes)
        found.append(row)
        if told is not None:
            told(row)
    return found


def scores(log_p: Array, truth: Array) -> dict[str, float]:
    """What is told of answers: accuracy, macro F1, AUROC and AUPRC where there are two classes, log loss."""
    names = ("accuracy", "macro_f1", *(("auroc", "auprc") if log_p.shape[1] == 2 else ()), "log_loss")
    return {name: metrics.get(name)[0](log_p, truth) for name in names}


def committee(cell: str | None, beside: Any) -> Callable[[Trial], Answer]:
    """A Classifier as it is, or alone, or with another cell."""

    def answer(trial: Trial) -> Answer:
        settings = {**trial.settings, **({} if cell is None else {"cell": cell, "options": None}), "beside": beside}
        model = Classifier(seed=trial.seed, **settings).fit(trial.train, trial.codes, trial.groups)
        count = sum(parameter.numel() for parameter in model.model_.committee.parameters())
        lines = [line for name, line in model.model_.lines.items() if model.model_.blend.weights[name]]
        return model.model_(trial.test), count + sum(line.weights.size for line in lines), model.notes_

    return answer


def static_cell(name: str) -> Callable[[Trial], Answer]:
    return committee(name, None)


def line_on_summaries(trial: Trial) -> Answer:
    """The line alone, its probabilities calibrated on what was held out."""
    form = trial.form()
    if trial.every:
        return _line(trial, [row_features(one, form) for one in (trial.train, trial.test)], bend=False)
    return _line(trial, [_summary(one, form) for one in (trial.train, trial.test)], bend=True)


def line_on_shapes(trial: Trial) -> Answer:
    shapes = None if trial.every else learn_shapes(trial.train, trial.seed)
    if shapes is None:
        raise DataError(
            "shapes need a label a sequence, of sequences of nine samples or more: leave them away with --models"
        )
    return _line(trial, [shapes.features(one) for one in (trial.train, trial.test)], bend=False)


def _line(trial: Trial, features: list[Array], bend: bool) -> Answer:
    codes, held = trial.codes, trial.held()
    if trial.every:
        ends = np.cumsum(trial.train.lengths)
        rows = [np.arange(end - length, end) for end, length in zip(ends, trial.train.lengths, strict=True)]
        held = [np.concatenate([rows[int(k)] for k in fold]) for fold in held]
        codes = np.concatenate(codes)
    line, honest = learn_line(
        features[0], 2.0 * np.eye(len(trial.classes))[codes] - 1, np.ones(len(codes)), held, bend=bend
    )
    index = np.concatenate(held) if held else np.zeros(0, np.int64)
    blend = (
        blend_classes({"line": honest[index]}, codes[index], None, True)
        if held
        else even(["line"], len(trial.classes), True)
    )
    return blend({"line": line(features[1])}), int(line.weights.size), ()


def boosting(trial: Trial) -> Answer:
    """Trees, one after the other; on rows with windows back in time where every row has a label."""
    maker = _booster()
    form = trial.form()
    make = row_features if trial.every else _summary
    codes = np.concatenate(trial.codes) if trial.every else trial.codes
    model = maker(max_iter=200, learning_rate=0.05, max_leaf_nodes=31, random_state=trial.seed)
    model.fit(make(trial.train, form), codes)
    p = np.maximum(model.predict_proba(make(trial.test, form)), 1e-12)
    return np.log(p / p.sum(axis=1, keepdims=True)), 0, ()


def _booster() -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError:
        raise MissingExtraError(
            'boosting needs scikit-learn: pip install "tauflow[sklearn]", or leave it away with --models'
        ) from None
    return HistGradientBoostingClassifier


def _summary(found: Sequences, form: Form) -> Array:
    static = np.zeros((len(found), 0)) if found.static is None else found.static
    return np.concatenate([summaries(found, form.gaps(found)), static], axis=1)


def row_features(found: Sequences, form: Form) -> Array:
    """(rows, features): the row, its gap, and mean and deviation of each channel over windows that end with it."""
    blocks = []
    for values, dt in zip(found.values, form.gaps(found), strict=True):
        clock, parts = np.cumsum(dt), [values, np.log1p(dt)[:, None]]
        known = ~np.isnan(values)
        filled = np.where(known, values, 0)
        sums = np.cumsum(np.stack([known, filled, filled**2]), axis=1)
        sums = np.concatenate([np.zeros_like(sums[:, :1]), sums], axis=1)
        for reach in WINDOWS:
            first = np.searchsorted(clock, clock - reach * form.gap)
            n, one, two = sums[:, 1:] - sums[:, first]
            mean = one / np.maximum(n, 1)
            parts += [mean, np.sqrt(np.maximum(two / np.maximum(n, 1) - mean**2, 0)), n[:, :1]]
        blocks.append(np.concatenate(parts, axis=1))
    return np.concatenate(blocks)


ANSWERS: dict[str, Callable[[Trial], Answer]] = {
    "liquid": committee(None, "auto"),
    "network": committee(None, None),
    "summaries": line_on_summaries,
    "shapes": line_on_shapes,
    "boosting": boosting,
}
