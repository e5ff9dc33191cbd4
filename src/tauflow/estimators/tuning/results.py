"""The result of `tune`: every trial, the best settings, and these as a forecaster and as Python. Plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd

from ..forecaster import Forecaster
from .space import parted

Value = str | int | float
State = Literal["done", "pruned", "failed", "cut"]


@dataclass(frozen=True)
class Trial:
    """One trial: `values` that were tried, `error` the MASE on the judged rows, `curve` the validation loss of each round.

    done    judged            pruned  stopped early, worse than the others were by then
    failed  could not be tried, `why` says why            cut  ended with the process or its time; tried again when the tuning goes on
    """

    number: int
    cell: str
    values: Mapping[str, Value]
    state: State
    error: float | None
    curve: tuple[float, ...]
    seconds: float | None
    parameters: int | None
    why: str = ""


@dataclass(frozen=True, eq=False)
class Tuning:
    """All trials in their order; `fixed` and `options` are what was not tuned."""

    trials: tuple[Trial, ...]
    fixed: Mapping[str, Any]
    options: Mapping[str, Mapping[str, Any]]
    target: str
    judged_from: str
    test_from: str
    rows: int
    notes: tuple[str, ...]

    @property
    def best(self) -> Trial:
        """The trial of the lowest error; of equals the first."""
        return min(self.done, key=lambda one: (one.error, one.number))

    @property
    def done(self) -> list[Trial]:
        return [one for one in self.trials if one.state == "done"]

    @property
    def settings(self) -> dict[str, Any]:
        """All arguments of the best Forecaster but its options."""
        return {"cell": self.best.cell, **self.fixed, **parted(dict(self.best.values))[0]}

    @property
    def cell_options(self) -> dict[str, Any]:
        """The options of the best Forecaster's cell."""
        return {**self.options.get(self.best.cell, {}), **parted(dict(self.best.values))[1]}

    def forecaster(self) -> Forecaster:
        """The best one, not fitted: `tuning.forecaster().fit(data, ...)` learns from all rows that you give it."""
        return Forecaster(**self.settings, options=self.cell_options)

    @property
    def python(self) -> str:
        """The best settings as Python."""
        words = [f"{name}={value!r}" for name, value in self.settings.items()]
        if self.cell_options:
            words.append(f"options={self.cell_options!r}")
        return f"Forecaster({', '.join(words)})"

    @property
    def verdict(self) -> str:
        """One sentence: which settings, how good, and how much that is better than what is tried first, the defaults."""
        best, first = self.best, next((one for one in self.done if not one.values), None)
        told = f"{best.cell.replace('_', ' ')} has the lowest MASE, {best.error:.4g}"
        if first is None or first.error is None or best.error is None:
            return f"{told}, of {len(self.done)} trials."
        if best is first:
            return f"{told}, with its default settings: none of {len(self.done)} trials was better."
        return f"{told}, {1 - best.error / first.error:.1%} below {first.cell.replace('_', ' ')} with default settings ({first.error:.4g})."

    def to_frame(self) -> pd.DataFrame:
        """One row a trial."""
        rows = [
            {**{k: v for k, v in asdict(one).items() if k not in ("values", "curve")}, **one.values}
            for one in self.trials
        ]
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "verdict": self.verdict, "target": self.target, "judged_from": self.judged_from, "test_from": self.test_from,
            "rows": self.rows, "best": {"settings": self.settings, "options": self.cell_options, "error": self.best.error},
            "python": self.python, "trials": [{**asdict(one), "curve": list(one.curve)} for one in self.trials],
            "notes": list(self.notes),
        }  # fmt: skip
