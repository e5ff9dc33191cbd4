"""What tells who dies: a liquid network on the steps of a stay, what stands beside it, and both together.

liquid             GatedLTC of 64, time constants from 1 to 48 h, on [value carried on, measured now, log(1 + hours since)] of the inputs,
                   with the weights that it was drawn with; one straight line, solved exactly, reads last, mean and largest of
                   its states, and what each input was like so far
line               that straight line without the states: what the core adds is liquid - line
gru_d, lstm        taught by gradient, three members: a GRU whose state decays over dt (Che et al. 2018, GRU-D), an LSTM that is told
                   log(1 + dt); last, mean and largest of state and input, and what is known once, under one straight line
attention          the same with causal self-attention over the last steps, told log(1 + dt) (in the spirit of mTAND, not mTAND itself)
boosting           gradient boosting on summaries           logistic    logistic regression on their normal scores and their distances
liquid + boosting  the mean of the two log-odds

While they are taught, each stay forgets a share of its measurements, drawn anew for every stay and epoch, from none to four in ten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ... import Committee, Network
from ...errors import DataError
from ...training import ArraySource, Batch
from ..extras import sklearn
from ..members import taught
from .seen import INPUTS, STEPS, Seen, ranks_of, scores
from .solved import read, solve
from .stays import VARIABLES

Array = NDArray[Any]
LIQUID, LINE, BOOSTING, LOGISTIC, BOTH = "liquid", "line", "boosting", "logistic", "liquid + boosting"
TAU = (1.0, 48.0)  # hours
TINY = 1e-12  # a spread that is rounding
TAUGHT: dict[str, Any] = {
    "gru_d": {"name": "gru_decay", "tau": TAU},
    "lstm": "lstm",
    "attention": {"name": "transformer", "steps": STEPS},
}
CORES = (LIQUID, *TAUGHT)
MODELS = (*CORES, LINE, BOOSTING, LOGISTIC, BOTH)


@dataclass(frozen=True)
class Recipe:
    """How networks learn; the defaults were chosen on parts of the learning parts of three folds."""

    units: int = 64  # of the liquid network
    penalty: float = (
        330.0  # of a weight on what an input was like so far; on a state in units of its own spread: four times that
    )
    trees: int = 200
    taught: int = 24  # units, and members, of those that are taught by gradient
    members: int = 3
    epochs: int = 8
    rate: float = 0.02
    decay: float = 0.1
    dropout: float = 0.5
    forget: float = 0.4  # the largest share of a stay's measurements that training forgets
    batch: int = 64


USUAL = Recipe()
QUICK = Recipe(units=8, taught=8, members=1, epochs=2, trees=20)


def odds_of(log_p: Any) -> Array:
    """log p(dies) - log p(lives), (n,), of answers (n, 2)."""
    return np.asarray((log_p[:, 1] - log_p[:, 0]).numpy(), np.float64)


@torch.no_grad()
def risk(whole: Network, one: Seen) -> Array:
    """p(dies) after each real step of one stay, (steps,)."""
    real = int(one.mask[0].sum())
    log_p, _ = whole.prefixes(*(part[:1, :real] for part in one.tensors()))
    return np.asarray(log_p[0, :, 1].exp().numpy())


@dataclass(frozen=True, eq=False)
class Learned:
    """answer(stays) -> log-odds (n,); network: of who is one."""

    name: str
    answer: Callable[[Seen], Array]
    parameters: int
    seconds: float
    network: Network | None = None


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


def liquid(recipe: Recipe) -> Network:
    """A network as it is drawn: its core reads what Missing says, its readout everything."""
    made = Network(
        INPUTS, ["lives", "dies"], {"name": "gated_ltc", "tau": TAU}, recipe.units, scale="ranks", missing="history", pool="several",
        readout="both", head="classes",
    )  # fmt: skip
    with torch.no_grad():
        for weight in made.core.parameters():
            if weight.ndim == 2 and weight.shape[1] == made.core.inputs:
                weight[:, 3 * len(INPUTS) :] = 0
    return made


def taught_network(name: str, recipe: Recipe) -> Network:
    """An untrained member beside; its inputs are normal scores."""
    return Network(
        VARIABLES, ["lives", "dies"], TAUGHT[name], recipe.taught, scale=None, missing="missing", waves="gap", pool="several",
        readout={"name": "both", "dropout": recipe.dropout}, head="classes", static=len(INPUTS) - len(VARIABLES),
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
    if name in (LIQUID, LINE):
        network, answer = _liquid(some, seed, recipe, name == LIQUID)
        size = count(network) if name == LIQUID else count(network.readout)
        return Learned(name, answer, size, time.process_time() - began, network)
    if name in TAUGHT:
        whole, answer = _taught(name, some, seed, recipe, minutes)
        return Learned(name, answer, count(whole), time.process_time() - began)
    answer = _boosting(some, seed, recipe) if name == BOOSTING else _logistic(some)
    return Learned(name, answer, 0, time.process_time() - began)


def count(part: nn.Module) -> int:
    """How many numbers are not 0: what a core may not read, and a line may not weigh, is."""
    return sum(int((q != 0).sum()) for q in part.parameters())


def _liquid(some: Seen, seed: int, recipe: Recipe, states: bool) -> tuple[Network, Callable[[Seen], Array]]:
    given, y = some.tensors(), torch.from_numpy(some.y)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = liquid(recipe).eval()
    made.measure(Batch(given[0], y, *given[1:]))
    z = read(made, *given)
    solve(made, z, y, penalties(made, z, recipe.penalty, states))

    @torch.no_grad()
    def answer(stays: Seen) -> Array:
        return odds_of(made(*stays.tensors())[0])

    return made, answer


def penalties(one: Network, z: Tensor, penalty: float, states_too: bool) -> Tensor:
    """Of each number that `read` says; states are counted in units of their own spread."""
    found = torch.full((z.shape[1],), penalty, dtype=z.dtype)
    states = z.shape[1] - one.core.inputs
    spread = z[:, :states].var(dim=0)
    found[:states] = torch.where(spread > TINY, 4 * penalty * spread, torch.inf) if states_too else torch.inf
    return found


def _taught(
    name: str, some: Seen, seed: int, recipe: Recipe, minutes: float | None
) -> tuple[Committee, Callable[[Seen], Array]]:
    scale, y = ranks_of(some.x[some.mask]), torch.from_numpy(some.y)

    def given(stays: Seen) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x, dt, mask = stays.tensors()
        x = scale(x)
        return x[..., : len(VARIABLES)], dt, mask, x[:, 0, len(VARIABLES) :].nan_to_num()

    x, dt, mask, once = given(some)

    def source(own: int) -> Forgetful:
        of = ArraySource(x, y, dt, mask, batch_size=recipe.batch, seed=own, static=once)
        return Forgetful(of, recipe.forget, own)

    whole = taught(
        lambda: taught_network(name, recipe), source, seed, recipe.members, minutes,
        epochs=recipe.epochs, lr=recipe.rate, weight_decay=recipe.decay,
    )  # fmt: skip

    @torch.no_grad()
    def answer(stays: Seen) -> Array:
        x, dt, mask, once = given(stays)
        return odds_of(whole(x, dt, mask, static=once)[0])

    return whole, answer


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
