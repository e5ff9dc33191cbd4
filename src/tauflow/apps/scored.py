"""Scores of models on what they never saw: one number a model, seed, fold and metric; means, spreads, the leader, rows and a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .rows import row

Array = NDArray[Any]
KINDS = {"gru_d": "static", "lstm": "static", "gru": "static", "attention": "static"}


def kind_of(model: str) -> str:
    """liquid (also together with something), static (another network) or baseline."""
    return "liquid" if model.startswith("liquid") else KINDS.get(model, "baseline")


@dataclass(frozen=True)
class Score:
    """What one model of one seed reached on one fold; seconds: CPU of learning."""

    model: str
    seed: int
    fold: int
    figures: dict[str, float]
    parameters: int = 0
    seconds: float = 0.0


@dataclass(kw_only=True)
class Scored:
    """All scores of a trial; `metric` is what models are ranked by, `level` the difference below which nobody leads."""

    metric: ClassVar[str]
    level: ClassVar[float]
    scores: list[Score] = field(default_factory=list)

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(one.model for one in self.scores))

    def of(self, model: str) -> list[Score]:
        return [one for one in self.scores if one.model == model]

    def folds(self, model: str, metric: str | None = None) -> list[float]:
        """A number a seed and fold."""
        return [one.figures[metric or self.metric] for one in self.of(model)]

    def values(self, model: str, metric: str | None = None) -> list[float]:
        """A number a seed: the mean over its folds."""
        seeds = dict.fromkeys(one.seed for one in self.of(model))
        asked = metric or self.metric
        return [float(np.mean([one.figures[asked] for one in self.of(model) if one.seed == seed])) for seed in seeds]

    def mean(self, model: str, metric: str | None = None) -> float:
        found = self.values(model, metric)
        return float(np.mean(found)) if found else math.nan

    def seconds(self, model: str) -> float:
        """CPU of learning one of them."""
        return float(np.mean([one.seconds for one in self.of(model)]))

    def best_first(self, models: Sequence[str] | None = None) -> list[str]:
        return sorted(self.models if models is None else models, key=lambda one: -self.mean(one))

    def apart(self, first: str, others: Sequence[str]) -> tuple[str, float]:
        """The best of the others, and by how much `first` is ahead of it."""
        best = self.best_first([one for one in others if one != first])[0]
        return best, self.mean(first) - self.mean(best)

    def rows(self, task: str, settings: dict[str, Any]) -> list[dict[str, Any]]:
        """One row a model and metric, as benchmarks keep them; a value a seed."""
        return [
            row(
                task, model, kind_of(model), metric, self.values(model, metric), parameters=self.of(model)[0].parameters,
                seconds=self.seconds(model), settings={**settings, "spread of folds": float(np.std(self.folds(model, metric)))},
            )
            for model in self.models for metric in self.of(model)[0].figures
        ]  # fmt: skip

    def frame(self) -> Any:
        """A line a model, seed and fold."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"model": one.model, "kind": kind_of(one.model), "seed": one.seed, "fold": one.fold}
                | one.figures
                | {"parameters": one.parameters, "seconds": one.seconds}
                for one in self.scores
            ]
        )
