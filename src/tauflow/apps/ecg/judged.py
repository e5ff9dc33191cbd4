"""What a trial found: every model, seed and condition with the counts of every patient, in tables, rows and one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..rows import row
from .events import FIGURES, Counts, f1, interval
from .records import Record

Array = NDArray[Any]
KINDS = {
    "liquid": "liquid",
    "lstm": "static",
    "gru": "static",
    "tcn": "static",
}  # with a front beside, too; all others: baseline
LEVEL = 0.005  # of F1: closer than that nobody leads


@dataclass(frozen=True, eq=False)
class Result:
    """One model of one seed under one condition, on patients that it never saw."""

    model: str
    seed: int
    condition: str
    counts: tuple[Counts, ...]
    parameters: int = 0
    seconds: float = 0.0  # of CPU, learning
    microseconds: float = math.nan  # a sample, the whole network, streamed

    @property
    def kind(self) -> str:
        return KINDS.get(self.model.partition(" + ")[0], "baseline")

    def figure(self, metric: str) -> float:
        return FIGURES[metric](self.counts)


@dataclass(frozen=True, eq=False)
class Curve:
    """Sensitivity (levels,) beside false alarms an hour (levels,), and the place of the level that was chosen."""

    sensitivity: Array
    an_hour: Array
    chosen: int


@dataclass
class Judged:
    """task: beats or alarm; source: what was read; records for the strips of the page; curves of each model's first seed."""

    task: str
    source: str
    protocol: str
    results: list[Result] = field(default_factory=list)
    curves: dict[str, Curve] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(one.model for one in self.results))

    @property
    def conditions(self) -> list[str]:
        return list(dict.fromkeys(one.condition for one in self.results))

    @property
    def first(self) -> str:
        return self.conditions[0]

    def of(self, model: str, condition: str | None = None) -> list[Result]:
        """A result a seed."""
        asked = condition or self.first
        return [one for one in self.results if one.model == model and one.condition == asked]

    def values(self, model: str, metric: str = "f1", condition: str | None = None) -> list[float]:
        return [one.figure(metric) for one in self.of(model, condition)]

    def mean(self, model: str, metric: str = "f1", condition: str | None = None) -> float:
        found = self.values(model, metric, condition)
        return float(np.mean(found)) if found else math.nan

    def interval(self, model: str, metric: str) -> tuple[float, float]:
        """By patient, of the first seed."""
        return interval(self.of(model)[0].counts, FIGURES[metric])

    def worst_first(self, model: str) -> list[Counts]:
        """The patients of the first seed: most wrong in an hour first."""
        return sorted(self.of(model)[0].counts, key=lambda c: -(c.misses + c.false) / c.hours)

    @property
    def ours(self) -> str:
        """The first liquid model, of which the page tells; without one the first of all."""
        return next((one for one in self.models if self.of(one)[0].kind == "liquid"), self.models[0])

    def leader(self) -> str:
        """The model of the best mean F1."""
        return max(self.models, key=lambda one: _known(self.mean(one)))

    def sentence(self) -> str:
        """What was found, and who leads."""
        what = "ventricular beats" if self.task == "beats" else "ventricular beats in the raw signal"
        first = self.ours
        se, right = self.mean(first, "sensitivity"), self.mean(first, "ppv")
        silent = [one != one for one in self.values(first, "ppv")]  # seeds that told no alarm, right or wrong
        alarms = f"{right:.1%} of its alarms are right"
        if any(silent):
            alarms = "tells no alarm" if all(silent) else f"tells no alarm in {sum(silent)} of {len(silent)} seeds"
        called = f"the {first.partition(' + ')[0]} network" + (" with its front beside it" if " + " in first else "")
        told = f"On patients never seen {called} finds {se:.1%} of {what}, and {alarms} (F1 {self.mean(first):.3f})"
        others = [one for one in self.models if one != first]
        if not others:
            return told + "."
        best = max(others, key=lambda one: _known(self.mean(one)))
        apart, other = self.mean(first) - self.mean(best), "the front alone" if best == "front" else best
        if apart < -LEVEL:
            return f"Not {called} but {other} leads, with F1 {self.mean(best):.3f}. {told}."
        return f"{told}; {other}, the best beside it, {'is level with' if apart <= LEVEL else 'has'} {self.mean(best):.3f}."

    def frame(self) -> Any:
        """A line a model, seed and condition."""
        import pandas as pd

        rows = [
            {"model": one.model, "kind": one.kind, "seed": one.seed, "condition": one.condition}
            | {metric: one.figure(metric) for metric in FIGURES}
            | {"parameters": one.parameters, "seconds": one.seconds, "microseconds": one.microseconds}
            for one in self.results
        ]
        return pd.DataFrame(rows)

    def rows(self) -> list[dict[str, Any]]:
        """One row a model, condition and metric, as benchmarks keep them."""
        made = []
        for model in self.models:
            for condition in self.conditions:
                some = self.of(model, condition)
                if not some:
                    continue
                values = {metric: [one.figure(metric) for one in some] for metric in FIGURES}
                values["microseconds"] = [one.microseconds for one in some]
                made += [
                    row(
                        f"ecg {self.task}, {condition}", model, some[0].kind, metric, each, parameters=some[0].parameters,
                        seconds=float(np.mean([one.seconds for one in some])),
                        settings={"condition": condition, "data": self.source, "protocol": self.protocol},
                    )
                    for metric, each in values.items() if np.isfinite(each).all()
                ]  # fmt: skip
        return made


def curve_of(patients: Sequence[tuple[Any, ...]], levels: Sequence[float], counted: Any, chosen: float) -> Curve:
    """counted(patient, level) -> Counts, for each of the patients and levels."""
    se, fa = [], []
    for level in levels:
        some = [counted(*patient, level) for patient in patients]
        hits, beats = sum(c.hits for c in some), sum(c.hits + c.misses for c in some)
        se.append(hits / beats if beats else math.nan)
        fa.append(sum(c.false for c in some) / sum(c.hours for c in some))
    return Curve(np.array(se), np.array(fa), int(np.argmin(np.abs(np.asarray(levels) - chosen))))


def _known(value: float) -> float:
    return value if value == value else -1.0


__all__ = ["Curve", "Judged", "Result", "curve_of", "f1"]
