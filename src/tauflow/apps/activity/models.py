"""What tells the activity at every row: a committee of liquid networks, what stands beside it, and both together.

liquid             GatedLTC of 32, time constants from 0.5 to 60 s, a dense layer of 48 in front, a readout that sees both; three members
lstm, gru          the same network with that cell, told log(1 + dt)
boosting           gradient boosting on the same numbers of a row, windows among them          logistic    logistic regression on them
liquid + boosting  the mean of the two log-probabilities

Walking is rare, so a class counts (mean rows of a class / its rows) ^ 1/2 in a network's loss. Training cuts trials into pieces of 200
rows at other places each epoch, and adds noise to what is seen; a trial that is judged is read in one run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import Committee, Network
from ...errors import DataError
from ...training import Batch
from ..extras import sklearn
from ..members import taught
from .seen import WIDTH, Seen
from .trials import LABELS

Array = NDArray[Any]
LIQUID, BOOSTING, LOGISTIC, BOTH = "liquid", "boosting", "logistic", "liquid + boosting"
CORES: dict[str, dict[str, Any]] = {
    LIQUID: {"core": {"name": "gated_ltc", "tau": (0.5, 60.0)}}, "lstm": {"core": "lstm"}, "gru": {"core": "gru"},
}  # fmt: skip
MODELS = (*CORES, BOOSTING, LOGISTIC, BOTH)


@dataclass(frozen=True)
class Recipe:
    """How networks learn; the defaults were chosen on trials held out of the learning ones."""

    units: int = 32
    members: int = 3
    epochs: int = 15
    rate: float = 0.01
    decay: float = 0.01
    dropout: float = 0.3
    noise: float = 0.1  # in units of each column's spread
    piece: int = 200  # rows
    batch: int = 8
    trees: int = 150


USUAL = Recipe()
QUICK = Recipe(units=8, members=1, epochs=2, trees=10)


@dataclass(frozen=True, eq=False)
class Learned:
    """answer(trial) -> log p (rows, 4)."""

    name: str
    answer: Callable[[Seen], Array]
    parameters: int
    seconds: float
    committee: Committee | None = None


class Pieces:
    """A source of batches: pieces of trials, cut at other places every epoch, with noise."""

    def __init__(self, trials: Sequence[Seen], recipe: Recipe, seed: int) -> None:
        self.trials, self.recipe, self.seed = trials, recipe, seed
        self.spread = np.concatenate([one.x for one in trials]).std(axis=0)
        self.count = sum(-(-len(one.x) // recipe.piece) for one in trials)

    def __len__(self) -> int:
        return -(-self.count // self.recipe.batch)

    def batches(self, epoch: int) -> Iterator[Batch]:
        rng, long = np.random.default_rng([self.seed, epoch]), self.recipe.piece
        cuts = []
        for one in self.trials:
            first = int(rng.integers(0, max(1, len(one.x) % long or long)))
            edges = sorted({0, *range(first, len(one.x), long), len(one.x)})
            cuts += [(one, a, b) for a, b in pairwise(edges)]
        order = rng.permutation(len(cuts))
        for part in np.array_split(order, len(self)):
            some = [cuts[k] for k in part]
            n = max(b - a for _, a, b in some)
            x, dt = np.zeros((len(some), n, WIDTH), np.float32), np.zeros((len(some), n), np.float32)
            y, real = np.zeros((len(some), n), np.int64), np.zeros((len(some), n), bool)
            for row, (one, a, b) in enumerate(some):
                x[row, : b - a], dt[row, : b - a], y[row, : b - a] = one.x[a:b], one.dt[a:b], one.y[a:b]
                real[row, : b - a] = True
            x += (self.recipe.noise * self.spread * rng.normal(size=x.shape)).astype(np.float32)
            yield Batch(*map(torch.from_numpy, (x, y, dt, real)))


def network(name: str, weights: Sequence[float], recipe: Recipe) -> Network:
    """An untrained member."""
    return Network(
        WIDTH, len(LABELS), units=recipe.units, encoder={"name": "dense", "units": recipe.units * 3 // 2},
        readout={"name": "skip", "units": recipe.units, "dropout": recipe.dropout}, head={"name": "classes", "weight": list(weights)},
        **CORES[name],
    )  # fmt: skip


def class_weights(y: Array) -> list[float]:
    """What a row of each class counts; a class that does not come counts nothing."""
    count = np.bincount(y, minlength=len(LABELS))
    return [float((len(y) / (count > 0).sum() / n) ** 0.5) if n else 0.0 for n in count]


def learn(
    name: str,
    trials: Sequence[Seen],
    seed: int = 0,
    recipe: Recipe = USUAL,
    *,
    minutes: float | None = None,
    parts: dict[str, Learned] | None = None,
) -> Learned:
    """One model from these trials; parts: models of the same trials and seed, of which `liquid + boosting` is made."""
    if name not in MODELS:
        raise DataError(f"no model is called {name!r}, expected some of {', '.join(MODELS)}")
    y = np.concatenate([one.y for one in trials])
    if len(np.unique(y)) < 2:
        raise DataError(
            f"every row that is learned from is labelled {LABELS[int(y[0])]!r}: there is nothing to tell apart"
        )
    began = time.process_time()
    if name == BOTH:
        had = parts or {}
        pair = [had.get(one) or learn(one, trials, seed, recipe, minutes=minutes) for one in (LIQUID, BOOSTING)]
        seconds = pair[0].seconds + pair[1].seconds
        return Learned(name, lambda s: mixed(pair[0].answer(s), pair[1].answer(s)), pair[0].parameters, seconds)
    if name in CORES:
        whole = taught(
            lambda: network(name, class_weights(y), recipe), lambda own: Pieces(trials, recipe, own), seed, recipe.members, minutes,
            epochs=recipe.epochs, lr=recipe.rate, weight_decay=recipe.decay,
        )  # fmt: skip
        size = sum(q.numel() for q in whole.parameters())
        return Learned(name, lambda s: asked(whole, s), size, time.process_time() - began, whole)
    answer = _alone(name, np.concatenate([one.x for one in trials]), y, seed, recipe)
    return Learned(name, answer, 0, time.process_time() - began)


def mixed(a: Array, b: Array) -> Array:
    """The mean of two log-probabilities (rows, 4), made probabilities again."""
    mean = (a + b) / 2
    return np.asarray(mean - np.logaddexp.reduce(mean, axis=1, keepdims=True))


@torch.no_grad()
def asked(whole: Committee | Network, trial: Seen) -> Array:
    """log p (rows, 4), the trial in one run."""
    log_p, _ = whole(torch.from_numpy(trial.x)[None], torch.from_numpy(trial.dt)[None])
    return np.asarray(log_p[0].numpy(), np.float64)


def _alone(name: str, x: Array, y: Array, seed: int, recipe: Recipe) -> Callable[[Seen], Array]:
    """Models that look at one row."""
    ensemble, linear, scaling, pipeline = sklearn("ensemble", "linear_model", "preprocessing", "pipeline")
    if name == BOOSTING:
        model = ensemble.HistGradientBoostingClassifier(
            max_iter=recipe.trees, learning_rate=0.06, max_leaf_nodes=16, random_state=seed, early_stopping=False
        )
    else:
        model = pipeline.make_pipeline(scaling.StandardScaler(), linear.LogisticRegression(C=0.1, max_iter=300))
    model.fit(x, y)
    known = model.classes_

    def answer(one: Seen) -> Array:
        p = np.full((len(one.x), len(LABELS)), 1e-6)
        p[:, known] = np.maximum(model.predict_proba(one.x), 1e-6)
        return np.asarray(np.log(p / p.sum(axis=1, keepdims=True)))

    return answer
