"""Every fourth trial is held out whole; models learn from the others and label every row of it from the past alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ... import Committee, metrics
from ..scored import Score, Scored
from .models import BOTH, CORES, LIQUID, USUAL, Learned, Recipe, learn
from .seen import Seen, seen
from .trials import LABELS, Trial

Array = NDArray[Any]
Told = Callable[[str], None]
DRAWS, LEVEL = 1000, 0.005
FIGURES: dict[str, Callable[[Array, Array], float]] = {
    "accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1, "log_loss": metrics.log_loss,
}  # fmt: skip
GAPS = (0.0, 0.1, 0.3, 1.0, 3.0, np.inf)  # s, edges of the groups of gaps


@dataclass(kw_only=True)
class Study(Scored):
    """said[model] (seeds, rows): log p (seeds, rows, 4) of the held-out rows; kept: the first liquid committee."""

    metric: ClassVar[str] = "macro_f1"
    level: ClassVar[float] = LEVEL
    source: str
    learned: int
    held: list[Seen]
    said: dict[str, Array] = field(default_factory=dict)
    kept: Committee | None = None

    @property
    def truth(self) -> Array:
        return np.concatenate([one.y for one in self.held])

    @property
    def protocol(self) -> str:
        return f"every fourth trial held out whole: {len(self.held)} of {self.learned + len(self.held)}"

    def of_trial(self, model: str, number: int) -> Array:
        """Labels told for the held-out trial, the first seed, (rows,)."""
        begin = sum(len(one.y) for one in self.held[:number])
        return np.asarray(self.said[model][0, begin : begin + len(self.held[number].y)].argmax(axis=1))

    def interval(self, model: str, metric: str = "macro_f1") -> tuple[float, float]:
        """The middle 95 % over draws of trials with replacement, the first seed."""
        ends = np.cumsum([len(one.y) for one in self.held])
        rows = np.split(np.arange(ends[-1]), ends[:-1])
        rng, told, truth = np.random.default_rng(0), self.said[model][0].argmax(axis=1), self.truth
        each = np.stack([confusion(truth[r], told[r]) for r in rows])
        drawn = each[rng.integers(0, len(rows), (DRAWS, len(rows)))].sum(axis=1)
        found = [SCORES[metric](one) for one in drawn]
        low, high = np.quantile(found, [0.025, 0.975])
        return float(low), float(high)

    def by_gap(self, model: str) -> list[float]:
        """The share of right labels of the rows behind a gap of each group of `GAPS`, the first seed; NaN where there are none."""
        right = self.said[model][0].argmax(axis=1) == self.truth
        gap = np.concatenate([one.raw for one in self.held])
        groups = [(gap >= low) & (gap < high) for low, high in pairwise(GAPS)]
        return [float(right[some].mean()) if some.any() else float("nan") for some in groups]

    def sentence(self) -> str:
        """What was found, who leads first."""
        first = next((one for one in (LIQUID, BOTH) if one in self.models), self.models[0])
        told = f"the {first} committee labels {self.mean(first, 'accuracy'):.1%} of the rows rightly, macro F1 {self.mean(first):.3f}"
        if BOTH in self.models and first != BOTH:
            told += f", together with boosting {self.mean(BOTH, 'accuracy'):.1%} and {self.mean(BOTH):.3f}"
        others = [one for one in self.models if not one.startswith("liquid") and one != first]
        if not others:
            return f"In trials never seen {told}."
        best, lead = self.apart(first, others)
        value = f"{self.mean(best, 'accuracy'):.1%}, macro F1 {self.mean(best):.3f}"
        if lead < -self.level:
            behind = BOTH in self.models and self.mean(BOTH) >= self.mean(best)
            leads = f"leads the {first} committee alone with" if behind else "leads with"
            return f"{best.capitalize()} {leads} {value}. In trials never seen {told}."
        beside = f"{best}, the best beside it, {value}" if lead > self.level else f"{best} is level with {value}"
        return f"In trials never seen {told}; {beside}."


def confusion(truth: Array, told: Array) -> Array:
    """(4, 4): rows that are so, columns told so."""
    return np.bincount(truth * len(LABELS) + told, minlength=len(LABELS) ** 2).reshape(len(LABELS), -1)


def f1_of(counts: Array) -> Array:
    """F1 of each label, (4,); NaN of one that does not come."""
    whole = counts.sum(axis=0) + counts.sum(axis=1)
    return np.asarray(np.where(counts.sum(axis=1) > 0, 2 * np.diag(counts) / np.maximum(whole, 1), np.nan))


SCORES: dict[str, Callable[[Array], float]] = {
    "accuracy": lambda c: float(np.trace(c) / c.sum()),
    "macro_f1": lambda c: float(np.nanmean(f1_of(c))),
}


def study(
    trials: Sequence[Trial],
    models: Sequence[str],
    seeds: Sequence[int],
    source: str,
    told: Told = print,
    *,
    recipe: Recipe = USUAL,
    minutes: float | None = None,
) -> Study:
    """Every model on the trials that it has not seen; minutes: of CPU, for one model."""
    everyone = [seen(one) for one in trials]
    learning = [one for k, one in enumerate(everyone) if k % 4 != 1]
    found = Study(source=source, learned=len(learning), held=everyone[1::4])
    truth = found.truth
    found.said = {name: np.zeros((len(seeds) if stochastic(name) else 1, len(truth), len(LABELS))) for name in models}
    for number, seed in enumerate(seeds):
        parts: dict[str, Learned] = {}
        for name in models:
            if number and not stochastic(name):
                continue
            made = parts[name] = learn(name, learning, seed, recipe, minutes=minutes, parts=parts)
            answer = np.concatenate([made.answer(one) for one in found.held])
            found.said[name][number] = answer
            figures = {metric: judge(answer, truth) for metric, judge in FIGURES.items()}
            found.scores.append(Score(name, seed, 1, figures, made.parameters, made.seconds))
            told(
                f"{name}, seed {seed}: accuracy {figures['accuracy']:.1%}, macro F1 {figures['macro_f1']:.3f}, {made.seconds:.1f} s of CPU"
            )
            if name == LIQUID and found.kept is None:
                found.kept = made.committee
    order = {name: place for place, name in enumerate(models)}
    found.scores.sort(key=lambda one: (order[one.model], one.seed))
    return found


def stochastic(model: str) -> bool:
    """Whether another seed gives another model."""
    return model in CORES or model == BOTH
