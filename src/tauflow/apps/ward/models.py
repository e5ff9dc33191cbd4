"""What tells who dies: a committee of liquid networks on the steps of a stay, what stands beside it, and both together.

liquid             GatedLTC of 24, time constants from 1 to 48 h, on [value carried on, measured now, log(1 + hours since)] of 37
                   variables; last, mean and largest of state and input, and what is known once, under one straight line; three members
gru_d, lstm        the same network with a GRU whose state decays over dt (Che et al. 2018, GRU-D), with an LSTM that is told log(1 + dt)
attention          the same with causal self-attention over the last steps, told log(1 + dt) (in the spirit of mTAND, not mTAND itself)
boosting           gradient boosting on summaries           logistic    logistic regression on their normal scores
liquid + boosting  the mean of the two log-odds

In training each stay forgets a share of its measurements, drawn anew for every stay and epoch, from none to four in ten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import Committee, Network
from ...errors import DataError
from ...training import ArraySource, Batch
from ..extras import sklearn
from ..members import taught
from .seen import INPUTS, Seen, ranks_of, scores
from .stays import VARIABLES

Array = NDArray[Any]
LIQUID, BOOSTING, LOGISTIC, BOTH = "liquid", "boosting", "logistic", "liquid + boosting"
CORES: dict[str, dict[str, Any]] = {
    LIQUID: {"core": {"name": "gated_ltc", "tau": (1.0, 48.0)}, "waves": "gap"},
    "gru_d": {"core": {"name": "gru_decay", "tau": (1.0, 48.0)}, "waves": "gap"},
    "lstm": {"core": "lstm", "waves": "gap"},
    "attention": {"core": {"name": "transformer"}, "waves": "gap"},
}
MODELS = (*CORES, BOOSTING, LOGISTIC, BOTH)


@dataclass(frozen=True)
class Recipe:
    """How networks learn; the defaults were chosen on the learning part of the first fold."""

    units: int = 24
    members: int = 3
    epochs: int = 8
    rate: float = 0.02
    decay: float = 0.1
    dropout: float = 0.5
    forget: float = 0.4  # the largest share of a stay's measurements that training forgets
    batch: int = 64
    trees: int = 200


USUAL = Recipe()
QUICK = Recipe(units=8, members=1, epochs=2, trees=20)


@torch.no_grad()
def odds(whole: Committee, some: Seen) -> Array:
    """log p(dies) - log p(lives), (n,)."""
    log_p, _ = whole(*some.tensors())
    return np.asarray((log_p[:, 1] - log_p[:, 0]).numpy(), np.float64)


@torch.no_grad()
def risk(whole: Committee, one: Seen) -> Array:
    """p(dies) after each real step of one stay, (steps,)."""
    real = int(one.mask[0].sum())
    log_p, _ = whole.prefixes(*(part[:1, :real] for part in one.tensors()))
    return np.asarray(log_p[0, :, 1].exp().numpy())


@dataclass(frozen=True, eq=False)
class Learned:
    """answer(stays) -> log-odds (n,); committee: of who is one."""

    name: str
    answer: Callable[[Seen], Array]
    parameters: int
    seconds: float
    committee: Committee | None = None


class Forgetful:
    """A source whose stays lack measurements by chance: a share of each, from none to `most`."""

    def __init__(self, source: ArraySource, most: float, seed: int) -> None:
        self.source, self.most, self.seed = source, most, seed

    def __len__(self) -> int:
        return len(self.source)

    def batches(self, epoch: int) -> Iterator[Batch]:
        draw = torch.Generator().manual_seed(1000 * self.seed + epoch)
        for batch in self.source.batches(epoch):
            share = self.most * torch.rand(len(batch.x), 1, 1, generator=draw)
            lost = torch.rand(batch.x.shape, generator=draw) < share
            lost[..., len(VARIABLES) :] = False  # what is known once stays
            yield replace(batch, x=torch.where(lost, torch.nan, batch.x))


def network(name: str, recipe: Recipe) -> Network:
    """An untrained member; its inputs are normal scores, until it is given the scale that makes them."""
    return Network(
        INPUTS, ["lives", "dies"], units=recipe.units, scale=None, missing="missing", pool="several",
        readout={"name": "both", "dropout": recipe.dropout}, head="classes", **CORES[name],
    )  # fmt: skip


def learn(
    name: str,
    some: Seen,
    seed: int = 0,
    recipe: Recipe = USUAL,
    *,
    minutes: float | None = None,
    parts: dict[str, Learned] | None = None,
) -> Learned:
    """One model from these stays; parts: models of the same stays and seed, of which `liquid + boosting` is made."""
    if name not in MODELS:
        raise DataError(f"no model is called {name!r}, expected some of {', '.join(MODELS)}")
    began = time.process_time()
    if name == BOTH:
        had = parts or {}
        pair = [had.get(one) or learn(one, some, seed, recipe, minutes=minutes) for one in (LIQUID, BOOSTING)]
        return Learned(
            name,
            lambda s: (pair[0].answer(s) + pair[1].answer(s)) / 2,
            pair[0].parameters,
            pair[0].seconds + pair[1].seconds,
        )
    if name in CORES:
        whole = _committee(name, some, seed, recipe, minutes)
        size = sum(q.numel() for q in whole.parameters())
        return Learned(name, lambda s: odds(whole, s), size, time.process_time() - began, whole)
    answer = _boosting(some, seed, recipe) if name == BOOSTING else _logistic(some)
    return Learned(name, answer, 0, time.process_time() - began)


def _committee(name: str, some: Seen, seed: int, recipe: Recipe, minutes: float | None) -> Committee:
    x, dt, mask = some.tensors()
    y, scale = torch.from_numpy(some.y), ranks_of(some.x[some.mask])
    scored = scale(x)  # once, not in every epoch

    def source(own: int) -> Forgetful:
        return Forgetful(ArraySource(scored, y, dt, mask, batch_size=recipe.batch, seed=own), recipe.forget, own)

    made = taught(
        lambda: network(name, recipe), source, seed, recipe.members, minutes,
        epochs=recipe.epochs, lr=recipe.rate, weight_decay=recipe.decay,
    )  # fmt: skip
    for one in made.networks():
        one.scale = scale
    return made


def _boosting(some: Seen, seed: int, recipe: Recipe) -> Callable[[Seen], Array]:
    (ensemble,) = sklearn("ensemble")
    told = np.array(
        [len(np.unique(c[np.isfinite(c)])) > 1 for c in some.summary.T]
    )  # a column of one value tells nothing
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=recipe.trees, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=min(30, len(some) // 20), max_features=0.2,
        l2_regularization=5.0, random_state=seed, early_stopping=False,
    ).fit(some.summary[:, told], some.y)  # fmt: skip
    return lambda s: np.asarray(model.decision_function(s.summary[:, told]), np.float64)


def _logistic(some: Seen) -> Callable[[Seen], Array]:
    (linear,) = sklearn("linear_model")
    scale = ranks_of(some.summary)
    model = linear.LogisticRegression(C=0.003, max_iter=500).fit(scores(scale, some.summary), some.y)
    return lambda s: np.asarray(model.decision_function(scores(scale, s.summary)), np.float64)
