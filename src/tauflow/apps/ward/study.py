"""Five folds over stays: every stay is judged once by models that never saw it, each with scales of its own learning part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ... import metrics
from ...errors import DataError
from ...network import Network
from ..scored import Score, Scored
from .models import BOTH, CORES, LINE, LIQUID, USUAL, Learned, Recipe, learn
from .seen import Seen, seen
from .stays import Stays

Array = NDArray[Any]
Told = Callable[[str], None]
FOLDS, DRAWS, LEVEL = 5, 400, 0.003
FIGURES = {"auroc": metrics.auroc, "auprc": metrics.auprc, "log_loss": metrics.log_loss}


@dataclass(kw_only=True)
class Study(Scored):
    """said[model] (seeds, stays): log-odds of who never saw the stay; fold (stays,) from 0, scores count them from 1.

    kept: the liquid network of the first fold that was judged.
    """

    metric: ClassVar[str] = "auroc"
    level: ClassVar[float] = LEVEL
    source: str
    stays: Stays
    seen: Seen
    fold: Array
    said: dict[str, Array] = field(default_factory=dict)
    kept: Network | None = None

    @property
    def judged(self) -> Array:
        """Which stays were judged: all, unless some folds alone were asked for."""
        return np.isin(self.fold + 1, [one.fold for one in self.scores])

    @property
    def protocol(self) -> str:
        done = sorted({one.fold for one in self.scores})
        folds = int(self.fold.max()) + 1
        return f"{folds} folds over stays" + ("" if len(done) == folds else f", of which {len(done)} judged")

    def interval(self, model: str, metric: str = "auroc", beside: str | None = None) -> tuple[float, float]:
        """The middle 95 % over draws of stays with replacement, of the first seed's mean over folds; of the lead over `beside`."""
        rng = np.random.default_rng(0)
        places = [np.flatnonzero(self.fold + 1 == k) for k in sorted({one.fold for one in self.scores})]
        found = []
        for _ in range(DRAWS):
            each = []
            for place in places:
                drawn = rng.choice(place, len(place))
                if 0 < self.died[drawn].sum() < len(drawn):
                    value = self.figure(model, drawn, metric)
                    each.append(value - (self.figure(beside, drawn, metric) if beside else 0))
            found.append(np.mean(each))
        low, high = np.quantile(found, [0.025, 0.975])
        return float(low), float(high)

    @property
    def died(self) -> Array:
        return self.stays.died

    def figure(self, model: str, some: Array, metric: str, seed: int = 0) -> float:
        return figure(self.said[model][seed, some], self.died[some], metric)

    def sentence(self) -> str:
        """What was found, who leads first."""
        first = next((one for one in (BOTH, LIQUID) if one in self.models), self.models[0])
        told = f"{first} tells who will die with AUROC {self.mean(first):.3f}"
        if LIQUID in self.models and first != LIQUID:
            told += f", the liquid network alone with {self.mean(LIQUID):.3f}"
        if {LIQUID, LINE} <= set(self.models):
            adds = self.mean(LIQUID) - self.mean(LINE)
            told += f" ({self.mean(LINE):.3f} without its states, which add {'little' if abs(adds) <= self.level else f'{adds:+.3f}'})"
        others = [one for one in self.models if not one.startswith("liquid") and one not in (first, LINE)]
        if not others:
            return f"On stays never seen, {told}."
        best, lead = self.apart(first, others)
        value = f"{self.mean(best):.3f}"
        alone, level = self.mean(LIQUID) if LIQUID in self.models else np.nan, self.level
        if lead < -level:
            return f"{best.capitalize()} leads with AUROC {value}: on stays never seen, {told}."
        beside = f"{best}, the best beside it, has {value}" if lead > level else f"{best} is level with {value}"
        lags = f"{best.capitalize()} leads the liquid network alone by {self.mean(best) - alone:.3f}. "
        return f"{lags if self.mean(best) - alone > level else ''}On stays never seen, {told}; {beside}."


def figure(odds: Array, died: Array, metric: str) -> float:
    """AUROC, AUPRC (of those who died) or log loss, of log-odds (n,)."""
    truth = died.astype(np.int64)
    log_p = -np.logaddexp(0, np.stack([odds, -odds], axis=1))
    return float(FIGURES[metric](log_p, truth))


def folds_of(died: Array, count: int, seed: int = 0) -> Array:
    """The fold of each stay: by chance, as many deaths in each."""
    rng, fold = np.random.default_rng(seed), np.zeros(len(died), int)
    for value in (False, True):
        some = rng.permutation(np.flatnonzero(died == value))
        fold[some] = np.arange(len(some)) % count
    return fold


def study(
    stays: Stays,
    models: Sequence[str],
    seeds: Sequence[int],
    source: str,
    told: Told = print,
    *,
    folds: int = FOLDS,
    only: int | None = None,
    recipe: Recipe = USUAL,
    minutes: float | None = None,
) -> Study:
    """Every model on every fold (or on the fold `only`, counted from 1); minutes: of CPU, for one model of one fold."""
    if only is not None and not 1 <= only <= folds:
        raise DataError(f"fold {only} was asked for, expected 1 to {folds}")
    if min(stays.died.sum(), (~stays.died).sum()) < 2 * folds:
        raise DataError(f"{int(stays.died.sum())} of {len(stays)} stays died: too few for {folds} folds")
    fold = folds_of(stays.died, folds)
    found = Study(source=source, stays=stays, seen=seen(stays), fold=fold)
    found.said = {name: np.zeros((len(seeds) if stochastic(name) else 1, len(stays))) for name in models}
    for k in range(folds) if only is None else [only - 1]:
        learning, left = found.seen.part(fold != k), found.seen.part(fold == k)
        for number, seed in enumerate(seeds):
            made: dict[str, Learned] = {}
            for name in models:
                if number and not stochastic(name):
                    continue
                made[name] = learn(name, learning, seed, recipe, minutes=minutes, parts=made)
                odds = made[name].answer(left)
                found.said[name][number, fold == k] = odds
                figures = {metric: figure(odds, left.y == 1, metric) for metric in FIGURES}
                found.scores.append(Score(name, seed, k + 1, figures, made[name].parameters, made[name].seconds))
                told(
                    f"fold {k + 1}, {name}, seed {seed}: AUROC {figures['auroc']:.3f}, {made[name].seconds:.1f} s of CPU"
                )
            if found.kept is None and LIQUID in made:
                found.kept = made[LIQUID].network
    order = {name: place for place, name in enumerate(models)}
    found.scores.sort(key=lambda one: (order[one.model], one.seed, one.fold))
    return found


def stochastic(model: str) -> bool:
    """Whether another seed gives another model."""
    return model in CORES or model == BOTH
