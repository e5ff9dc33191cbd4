"""TF-IDF, networks, and both together on texts that none of them has seen, several seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ... import metrics
from ..rows import row
from .classifier import TextClassifier
from .members import Recipe
from .reader import Array, Texts, check_labels, divided

LINE, BOTH = "TF-IDF + logistic", "TF-IDF + networks"
METRICS: dict[str, Callable[[Array, Array], float]] = {
    "accuracy": metrics.accuracy, "macro_f1": metrics.macro_f1, "log_loss": metrics.log_loss,
}  # fmt: skip
DRAWS = 2000
QUICK = Recipe(units=8, width=8, filters=8, epochs=1)


@dataclass(eq=False)
class Study:
    """said: model -> log p (seeds, texts, classes) on the test; `model` is the last classifier that was learned."""

    learn: Texts
    held: Texts
    test: Texts
    classes: list[str]
    codes: Array
    said: dict[str, Array]
    model: TextClassifier
    seconds: float
    parameters: int
    shares: list[float] = field(default_factory=list)

    def scores(self, name: str, metric: str = "accuracy") -> list[float]:
        """One number a seed; TF-IDF has no seed."""
        return [METRICS[metric](p, self.codes) for p in (self.said[name][:1] if name == LINE else self.said[name])]

    def lead(self) -> tuple[float, float, float]:
        """Accuracy of both together less TF-IDF's, and its 95 % interval over the texts."""
        right = {name: (p.argmax(axis=2) == self.codes).mean(axis=0) for name, p in self.said.items()}
        gain = right[BOTH] - right[LINE]
        drawn = np.random.default_rng(0).integers(0, len(gain), (DRAWS, len(gain)))
        low, high = np.quantile(gain[drawn].mean(axis=1), [0.025, 0.975])
        return float(gain.mean()), float(low), float(high)

    def sentence(self) -> str:
        """Who leads, TF-IDF's line first."""
        line, both = float(np.mean(self.scores(LINE))), float(np.mean(self.scores(BOTH)))
        alone = {name: float(np.mean(self.scores(name))) for name in self.said if name not in (LINE, BOTH)}
        best = max(alone, key=lambda name: alone[name])
        called = "one network" if best == "network" else best
        gain, low, high = self.lead()
        sure = "for certain" if low > 0 or high < 0 else "within what chance gives"
        change = "more" if gain >= 0 else "fewer"
        leads = "the networks alone lead" if alone[best] > line else "TF-IDF leads the networks alone"
        return (
            f"{leads[0].upper()}{leads[1:]}: of {len(self.test):,} texts never seen TF-IDF labels {100 * line:.1f} % rightly, {called} "
            f"{100 * alone[best]:.1f} %; both together {100 * both:.1f} %, {100 * abs(gain):.1f} points {change} than TF-IDF, {sure} "
            f"[{100 * low:+.1f}, {100 * high:+.1f}]."
        )

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows, for people."""
        columns = ["model", "right", "macro F1", "log loss", "parameters", "CPU s"]
        found = []
        for name in self.said:
            members = 0 if name == LINE else 1 if name == "network" else self.model.members
            cells = [_spread(self.scores(name, metric)) for metric in METRICS]
            cost = [f"{members * self.parameters:,}", f"{members * self.seconds:.0f}"] if members else ["–", "–"]
            found.append([name, *cells, *cost])
        return columns, found

    def rows(self) -> list[dict[str, Any]]:
        """One row a model and metric, as benchmarks keep them."""
        made = []
        settings = {
            "learned": len(self.learn),
            "chosen": len(self.held),
            "tested": len(self.test),
            "classes": len(self.classes),
        }
        for name in self.said:
            members = 0 if name == LINE else 1 if name == "network" else self.model.members
            kind = "baseline" if name == LINE else "liquid"
            more = {"network_share": self.shares} if name == BOTH else {}
            for metric in METRICS:
                cost: dict[str, Any] = {"parameters": members * self.parameters, "seconds": members * self.seconds}
                task, scores = f"text {self.test.name}", self.scores(name, metric)
                made.append(row(task, name, kind, metric, scores, settings={**settings, **more}, **cost))
        return made

    def frame(self) -> Any:
        import pandas as pd

        kept = ("task", "model", "kind", "metric", "mean", "std", "seeds", "parameters", "seconds")
        return pd.DataFrame([{name: one[name] for name in kept} for one in self.rows()])


def parted(found: Texts, held: Texts | None, test: Texts | None) -> tuple[Texts, Texts, Texts]:
    """Texts to learn from, to choose with and to test on: 70, 10 and 20 % where there is one file."""
    check_labels(found)
    if test is None and held is None:
        learn, held, test = divided(found, (0.7, 0.1, 0.2))
    elif test is None:
        learn, test = divided(found, (0.8, 0.2))
    elif held is None:
        learn, held = divided(found, (0.9, 0.1))
    else:
        learn = found
    if held is None or test is None:
        raise AssertionError("each part was made above")
    return learn, held, test


def study(
    learn: Texts,
    held: Texts,
    test: Texts,
    *,
    seeds: int = 3,
    seed: int = 0,
    members: int = 3,
    recipe: Recipe | None = None,
    vectors: str | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Study:
    """Learn with each seed, choose with `held`, and be tested once."""
    said: dict[str, list[Array]] = {}
    shares, seconds = [], []
    for one in range(seed, seed + seeds):
        model = TextClassifier(members, replace(recipe or Recipe()), vectors, one).fit(learn, held)
        parts = model.parts(test.texts)
        for name, p in parts.items():
            said.setdefault(name, []).append(p)
        shares.append(model.weights.share)
        seconds.append(model.seconds)
        right = float(metrics.accuracy(parts[BOTH], model.codes(test)))
        tell(
            f"seed {one}: {members * model.seconds:.0f} s of CPU, the networks count {model.weights.share:.2f}; {right:.3f} right"
        )
    parameters = sum(p.numel() for p in model._fitted().networks()[0].parameters())
    stacked = {name: np.stack(each) for name, each in said.items()}
    return Study(
        learn, held, test, model.classes, model.codes(test), stacked, model, float(np.mean(seconds)), parameters, shares
    )


def _spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")
