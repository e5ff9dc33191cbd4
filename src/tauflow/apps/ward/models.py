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
from .seen import Scaled, Seen, learn_scale
from .stays import UNITS, VARIABLES

Array = NDArray[Any]
LIQUID, BOOSTING, LOGISTIC, BOTH = "liquid", "boosting", "logistic", "liquid + boosting"
CORES: dict[str, dict[str, Any]] = {
    LIQUID: {"core": {"name": "gated_ltc", "tau": (1.0, 48.0)}, "waves": "gap"},
    "gru_d": {"core": {"name": "gru_decay", "tau": (1.0, 48.0)}, "waves": "gap"},
    "lstm": {"core": "lstm", "waves": "gap"},
    "attention": {"core": {"name": "transformer"}, "waves": "gap"},
}
MODELS = (*CORES, BOOSTING, LOGISTIC, BOTH)
ONCE = ("Age", "Gender", "Height", *UNITS)


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


@dataclass(frozen=True, eq=False)
class Networks:
    """A committee, and the scale in which it is shown stays."""

    committee: Committee
    scale: Scaled

    @torch.no_grad()
    def odds(self, some: Seen) -> Array:
        """log p(dies) - log p(lives), (n,)."""
        x, dt, mask, once = self.scale.tensors(some)
        log_p, _ = self.committee(x, dt, mask, static=once)
        return np.asarray((log_p[:, 1] - log_p[:, 0]).numpy(), np.float64)

    @torch.no_grad()
    def risk(self, one: Seen) -> Array:
        """p(dies) after each real step of one stay, (steps,)."""
        x, dt, mask, once = self.scale.tensors(one)
        real = int(one.mask[0].sum())
        log_p, _ = self.committee.prefixes(x[:1, :real], dt[:1, :real], mask[:1, :real], static=once[:1])
        return np.asarray(log_p[0, :, 1].exp().numpy())


@dataclass(frozen=True, eq=False)
class Learned:
    """answer(stays) -> log-odds (n,); networks: of who has some."""

    name: str
    answer: Callable[[Seen], Array]
    parameters: int
    seconds: float
    networks: Networks | None = None


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
            yield replace(batch, x=torch.where(lost, torch.nan, batch.x))


def network(name: str, recipe: Recipe) -> Network:
    """An untrained member; its inputs are normal scores."""
    return Network(
        VARIABLES, ["lives", "dies"], units=recipe.units, scale=None, missing="missing", pool="several",
        readout={"name": "both", "dropout": recipe.dropout}, head="classes", static=len(ONCE), **CORES[name],
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
        made = _committee(name, some, seed, recipe, minutes)
        size = sum(q.numel() for q in made.committee.parameters())
        return Learned(name, made.odds, size, time.process_time() - began, made)
    answer = _boosting(some, seed, recipe) if name == BOOSTING else _logistic(some)
    return Learned(name, answer, 0, time.process_time() - began)


def _committee(name: str, some: Seen, seed: int, recipe: Recipe, minutes: float | None) -> Networks:
    scale = learn_scale(some)
    x, dt, mask, once = scale.tensors(some)
    y = torch.from_numpy(some.y)

    def source(own: int) -> Forgetful:
        return Forgetful(
            ArraySource(x, y, dt, mask, batch_size=recipe.batch, seed=own, static=once), recipe.forget, own
        )

    made = taught(
        lambda: network(name, recipe), source, seed, recipe.members, minutes,
        epochs=recipe.epochs, lr=recipe.rate, weight_decay=recipe.decay,
    )  # fmt: skip
    return Networks(made, scale)


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
    scale = learn_scale(some)
    model = linear.LogisticRegression(C=0.003, max_iter=500).fit(scale.table(some), some.y)
    return lambda s: np.asarray(model.decision_function(scale.table(s)), np.float64)
